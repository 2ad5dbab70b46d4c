"""What a browser does at the dashboard's gateway, and the comparison of answers with docs/openapi.yaml."""

import collections
import http.client
import json
import re
import socket
import threading
import uuid
from urllib.parse import urlsplit

import jsonschema
import yaml

from cluster import PATIENCE, SOURCE, wait_until

Answer = collections.namedtuple("Answer", "status headers body")
Event = collections.namedtuple("Event", "id type data")


class Contract:
    """docs/openapi.yaml: which path an answer belongs to, and what it must be like."""

    def __init__(self):
        self.document = yaml.safe_load((SOURCE / "docs/openapi.yaml").read_text())
        self.seen = set()  # (path, method, status) that were compared
        self.validators = {}

    def validator(self, schema):
        key = json.dumps(schema, sort_keys=True)
        if key not in self.validators:
            whole = {**schema, "components": self.document["components"]}
            self.validators[key] = jsonschema.Draft202012Validator(whole)
        return self.validators[key]

    def template_of(self, path):
        exact = [name for name in self.document["paths"] if name == path]
        for name in exact + sorted(self.document["paths"], key=lambda name: name.count("{")):
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", name), path):
                return name
        raise AssertionError(f"docs/openapi.yaml has no path for {path}")

    def check(self, method, path, answer):
        template = self.template_of(path)
        operation = self.document["paths"][template].get(method.lower())
        assert operation, f"docs/openapi.yaml has no {method} {template}"
        responses = operation["responses"]
        response = responses.get(str(answer.status), responses.get("default"))
        assert response, f"{method} {template} must not answer {answer.status}"
        if "$ref" in response:
            response = self.document["components"]["responses"]["Error"]
        self.seen.add((template, method, answer.status))
        schema = response.get("content", {}).get("application/json", {}).get("schema")
        if schema:
            self.compare(schema, json.loads(answer.body), f"{method} {path} -> {answer.status}")

    def compare(self, schema, document, what):
        for error in self.validator(schema).iter_errors(document):
            where = "/".join(map(str, error.absolute_path))
            raise AssertionError(f"{what}: {where}: {error.message[:500]}")

    def check_event(self, event):
        name = {"hello": "HelloEvent", "pipelines": "PipelinesEvent", "tasks": "TasksEvent", "workers": "WorkersEvent",
                "broker": "BrokerEvent", "reset": "ResetEvent"}[event.type]
        self.compare({"$ref": f"#/components/schemas/{name}"}, event.data, f"event {event.type}")


class Browser:
    def __init__(self, url, contract=None):
        self.host = urlsplit(url).netloc
        self.contract = contract
        self.cookie = ""

    def connect(self):
        return http.client.HTTPConnection(self.host, timeout=PATIENCE)

    def ask(self, method, target, headers=None, body=None, check=True):
        """One request on a connection of its own, compared with the contract if it is JSON."""
        connection = self.connect()
        try:
            sent = {"Cookie": self.cookie} if self.cookie else {}
            connection.request(method, target, body=body, headers={**sent, **(headers or {})})
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        path = urlsplit(target).path
        if check and self.contract and path.startswith("/api/v1/") and answer.status != 304:
            self.contract.check(method, path, answer)
        return answer

    def get(self, target, status=200):
        answer = self.ask("GET", target)
        assert answer.status == status, f"GET {target} -> {answer.status}, not {status}: {answer.body[:500]}"
        return json.loads(answer.body)

    def post(self, target, key=None, headers=None, body=None):
        sent = {"X-Landseer-Request": "1", "Idempotency-Key": key or str(uuid.uuid4())}
        return self.ask("POST", target, {**sent, **(headers or {})}, body)

    def log_in(self, link):
        split = urlsplit(link)
        answer = self.ask("GET", f"{split.path}?{split.query}")
        if answer.status == 200:
            self.cookie = answer.headers["Set-Cookie"].split(";")[0]
        return answer

    def events(self, query="", last_id=None):
        return EventStream(self, query, last_id)


class EventStream:
    """An open stream, read by a thread of its own."""

    def __init__(self, browser, query="", last_id=None):
        self.contract = browser.contract
        self.events = []
        self.comments = 0
        self.ended = threading.Event()
        host, port = browser.host.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE)
        lines = [f"GET /api/v1/events{query} HTTP/1.1", f"Host: {browser.host}", f"Cookie: {browser.cookie}"]
        if last_id:
            lines.append(f"Last-Event-ID: {last_id}")
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = http.client.parse_headers(self.file)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        fields = {}
        try:
            for raw in self.file:
                line = raw.decode().rstrip("\n")
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "data" in fields:
                    event = Event(fields.get("id"), fields["event"], json.loads(fields["data"]))
                    if self.contract:
                        self.contract.check_event(event)
                    self.events.append(event)
                    fields = {}
                else:
                    fields = {}
        except (OSError, ValueError):
            pass
        finally:
            self.ended.set()

    def wait(self, is_wanted, what):
        """The first event that is wanted, now or later."""
        return wait_until(lambda: next((event for event in list(self.events) if is_wanted(event)), None), what)

    def wait_for(self, kind):
        return self.wait(lambda event: event.type == kind, f"an event {kind}")

    def last_id(self):
        return [event.id for event in self.events if event.id][-1]

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        self.thread.join(PATIENCE)


def start_gateway(cluster, *options):
    """A gateway for the cluster's broker; its URL."""
    gateway = cluster.start("landseer-dashboard", "dashboard", "--bind", "127.0.0.1:0", "--broker",
                            cluster.addresses[1], *options)
    return gateway, gateway.ready()[0]


def open_browser(cluster, url, control=True, contract=None):
    """A browser that used a link of `landseer dashboard`."""
    browser = Browser(url, contract)
    link = cluster.json("dashboard", *(["--control"] if control else []))["link"]
    answer = browser.log_in(link)
    assert answer.status == 200, answer
    return browser
