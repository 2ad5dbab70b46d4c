#!/usr/bin/python3
"""What many open dashboards cost: CPU time of the gateway that serves them, and what it adds to the broker's.

A broker, a gateway through which tasks are cancelled and retried at a steady rate, and a second gateway whose event
streams are counted. The broker's CPU time with the second gateway less that without it is what one gateway adds,
however many browsers it has.

    bench/dashboard_streams.py [--streams 200] [--rate 50] [--seconds 20] [--json] [--check]
"""

import argparse
import json
import os
import selectors
import socket
import subprocess
import sys
import threading
import time
import uuid
from http.client import HTTPConnection
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "end_to_end"))

from browser import open_browser, start_gateway  # noqa: E402
from cluster import BIN, Cluster, noting, wait_until  # noqa: E402

STREAMS_PER_SESSION = 16


def cpu_seconds(pid):
    """Of all threads, in nanoseconds' resolution."""
    tasks = Path(f"/proc/{pid}/task")
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9


class Changes(threading.Thread):
    """Cancels and retries one task after the other, so many times a second."""

    def __init__(self, browser, tasks, rate):
        super().__init__(daemon=True)
        self.browser, self.tasks, self.rate = browser, tasks, rate
        self.done = 0
        self.late = 0.0
        self.failed = []
        self.stopped = threading.Event()

    def run(self):
        connection = HTTPConnection(self.browser.host, timeout=60)
        begun = time.monotonic()
        while not self.stopped.is_set():
            due = begun + self.done / self.rate
            self.stopped.wait(max(0.0, due - time.monotonic()))
            self.late = max(self.late, time.monotonic() - due)
            verb = ("cancel", "retry")[self.done // len(self.tasks) % 2]
            task = self.tasks[self.done % len(self.tasks)]
            connection.request("POST", f"/api/v1/tasks/{task}/{verb}", headers={
                "Cookie": self.browser.cookie, "X-Landseer-Request": "1", "Idempotency-Key": uuid.uuid4().hex})
            response = connection.getresponse()
            text = response.read()
            if response.status != 200:
                self.failed.append(text[:200])
            self.done += 1

    def stop(self):
        self.stopped.set()
        self.join()


class Streams:
    """Open event streams, all read by one thread."""

    def __init__(self, browsers, pipeline, count):
        self.selector = selectors.DefaultSelector()
        self.received = [b""] * count
        host, port = browsers[0].host.split(":")
        for i in range(count):
            connection = socket.create_connection((host, int(port)), timeout=60)
            cookie = browsers[i // STREAMS_PER_SESSION].cookie
            connection.sendall(f"GET /api/v1/events?pipelines={pipeline} HTTP/1.1\r\nHost: {host}:{port}\r\n"
                               f"Cookie: {cookie}\r\n\r\n".encode())
            connection.setblocking(False)
            self.selector.register(connection, selectors.EVENT_READ, i)
        self.ended = 0
        self.stopped = False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while not self.stopped:
            for key, _ in self.selector.select(0.1):
                piece = key.fileobj.recv(1 << 20)
                if not piece:
                    self.ended += 1
                    self.selector.unregister(key.fileobj)
                self.received[key.data] += piece
            time.sleep(0.02)  # otherwise reading costs more than what is measured

    def bodies(self):
        return [text.partition(b"\r\n\r\n")[2] for text in self.received]

    def close(self):
        self.stopped = True
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()


def phase(pids, seconds):
    """CPU time of the processes in percent of one core."""
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    begun = time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - begun
    return {name: 100 * (cpu_seconds(pid) - before[name]) / passed for name, pid in pids.items()}


def check_streams(streams):
    """Every stream has the same events without a gap; returns how many task changes those tell of."""
    events = [[part for part in body.split(b"\n\n")[:-1] if b"\nevent: tasks\n" in part] for body in streams.bodies()]
    whole = max(events, key=len)
    for mine in events:
        at = whole.index(mine[0])  # each began at another moment
        assert mine == whole[at:at + len(mine)], "a stream misses events"
    return sum(len(json.loads(part.split(b"data: ")[1])["tasks"]) for part in whole)


def measure(cluster, arguments):
    cluster.start_broker()
    control, control_url = start_gateway(cluster, "--requests-per-second", 10 * arguments.rate)
    browser = open_browser(cluster, control_url)
    names = [f"t{i}" for i in range(100)]
    pipeline = cluster.submit(cluster.native({name: noting() for name in names}, {name: [name] for name in names}))
    wait_until(lambda: browser.get("/api/v1/pipelines")["total"] == 1, "the gateway knows the pipeline")
    tasks = [task["task_id"] for task in cluster.json("tasks", pipeline)]
    changes = Changes(browser, tasks, arguments.rate)
    changes.start()
    without = phase({"broker": cluster.broker.pid}, arguments.seconds)

    cluster.environment["LANDSEER_HOME"] = str(cluster.folder / "home2")  # a second gateway has a file of its own
    served, served_url = start_gateway(cluster)
    browsers = [open_browser(cluster, served_url)
                for _ in range(-(-arguments.streams // STREAMS_PER_SESSION))]
    streams = Streams(browsers, pipeline, arguments.streams)
    wait_until(lambda: all(b"event: tasks" in body for body in streams.bodies()), "every stream has events")
    result = phase({"broker": cluster.broker.pid, "gateway": served.pid, "control": control.pid}, arguments.seconds)
    changes.stop()
    time.sleep(0.5)  # the last batch
    streams.close()
    told = check_streams(streams)
    assert streams.ended == 0 and not changes.failed, (streams.ended, changes.failed[:3])
    version = subprocess.check_output([BIN / "landseer-dashboard", "--version"], text=True)
    return {
        "program": version.strip(),
        "cpus": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "streams": arguments.streams,
        "changes_per_second": arguments.rate,
        "seconds": arguments.seconds,
        "gateway_percent_of_core": round(result["gateway"], 2),
        "broker_percent_of_core_without": round(without["broker"], 2),
        "broker_percent_of_core_with": round(result["broker"], 2),
        "broker_percent_of_core_added": round(result["broker"] - without["broker"], 2),
        "bytes_per_stream_per_second": round(sum(map(len, streams.received)) / arguments.streams / arguments.seconds),
        "task_changes_told": told,
        "changes_made": changes.done,
        "latest_change_seconds": round(changes.late, 3),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--rate", type=int, default=50, help="changes a second")
    parser.add_argument("--seconds", type=float, default=20, help="of each of the two measurements")
    parser.add_argument("--gateway-max", type=float, default=25, help="percent of a core")
    parser.add_argument("--broker-max", type=float, default=2, help="percent of a core that may be added")
    parser.add_argument("--check", action="store_true", help="fail when it costs more")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    cluster = Cluster()
    try:
        result = measure(cluster, arguments)
    finally:
        cluster.environment["LANDSEER_HOME"] = str(cluster.home)
        cluster.close()
        cluster.remove()
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        for name, value in result.items():
            print(f"{name:36} {value}")
    if arguments.check and (result["gateway_percent_of_core"] > arguments.gateway_max
                            or result["broker_percent_of_core_added"] > arguments.broker_max):
        print("it costs more than it may", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
