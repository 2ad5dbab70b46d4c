#!/usr/bin/python3
"""What the dashboard's gateway refuses: strangers, other sites, odd paths, what is too large, too slow or too much."""

import json
import os
import socket
import stat

from browser import Browser, open_browser, start_gateway
from cluster import BIN, PATIENCE, EndToEnd, main_side_by_side, noting, wait_until

SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ACT = {"X-Landseer-Request": "1", "Idempotency-Key": "a-key-of-the-test"}


class Safety(EndToEnd):
    def begin(self, *options, web=None):
        self.cluster.start_broker()
        folder = web or self.cluster.folder / "no-page"
        self.gateway, self.url = start_gateway(self.cluster, "--web", folder, *options)
        self.stranger = Browser(self.url)

    def log_in(self, control=True):
        browser = open_browser(self.cluster, self.url, control)
        wait_until(lambda: browser.get("/api/v1/session")["broker"]["connected"], "the gateway knows the broker")
        return browser

    def raw(self, data, patience=PATIENCE):
        """Everything that comes back for these bytes until the other side closes."""
        host, port = self.stranger.host.split(":")
        with socket.create_connection((host, int(port)), timeout=patience) as connection:
            received = b""
            try:
                connection.sendall(data)
                while piece := connection.recv(65536):
                    received += piece
            except (ConnectionResetError, BrokenPipeError):
                pass
            return received

    # --- Who may come in ---

    def test_other_machines_are_kept_out_unless_told_otherwise(self):
        self.cluster.start_broker()
        done = self.cluster.start("landseer-dashboard", "open", "--bind", "0.0.0.0:0")
        self.assertEqual(done.process.wait(PATIENCE), 2)
        self.assertIn("--trust-network", done.log.read_text())
        trusting = self.cluster.start("landseer-dashboard", "trusting", "--bind", "0.0.0.0:0", "--trust-network")
        self.assertRegex(trusting.ready()[0], r"^http://0\.0\.0\.0:\d+$")

    def test_the_key_is_long_and_for_the_user_only(self):
        self.begin()
        for name in ("dashboard.key", "dashboard.json"):
            self.assertEqual(stat.S_IMODE((self.cluster.home / name).stat().st_mode), 0o600, name)
        self.assertGreaterEqual(4 * len((self.cluster.home / "dashboard.key").read_text().strip()), 128)

    def test_a_link_opens_one_session_once(self):
        self.begin()
        link = self.cluster.json("dashboard")["link"]
        browser = Browser(self.url)
        answer = browser.log_in(link)
        self.assertEqual(answer.status, 200)
        self.assertNotIn("Location", answer.headers)
        self.assertNotIn(link.split("ticket=")[1], answer.body.decode())
        cookie = answer.headers["Set-Cookie"]
        for flag in ("HttpOnly", "SameSite=Strict", "Path=/"):
            self.assertIn(flag, cookie)
        self.assertEqual(browser.get("/api/v1/session")["role"], "reader")
        self.assertEqual(self.stranger.log_in(link).status, 403, "it is spent")
        forged = link[:-1] + ("0" if link[-1] != "0" else "1")
        self.assertEqual(self.stranger.log_in(forged).status, 403)
        self.assertEqual(self.stranger.ask("GET", "/login").status, 403)

    def test_without_a_session_nothing_is_told_or_done(self):
        self.begin()
        browser = self.log_in()
        for cookie in ("", "landseer_session=odd", browser.cookie[:-2] + "xx",
                       browser.cookie.replace("s.1.", "s.0.", 1), "x" * 5000):
            stranger = Browser(self.url)
            stranger.cookie = cookie
            for target in ("/api/v1/session", "/api/v1/pipelines", "/api/v1/events", "/api/v1/nothing", "/api/"):
                self.assertEqual(stranger.ask("GET", target).status, 401, (cookie, target))
            self.assertEqual(stranger.ask("POST", "/api/v1/pipelines/pipeline_1/cancel", ACT).status, 401)
        stream = browser.events()
        stream.wait_for("hello")
        ended = browser.ask("DELETE", "/api/v1/session", {"X-Landseer-Request": "1"})
        self.assertEqual(ended.status, 204)
        self.assertIn("Max-Age=0", ended.headers["Set-Cookie"])
        self.assertEqual(browser.ask("GET", "/api/v1/session").status, 401, "the session is over")
        self.assertTrue(stream.ended.wait(PATIENCE), "so are its streams")
        stream.close()

    # --- Other sites ---

    def test_only_its_own_names_are_answered(self):
        self.begin("--host", "Lab.Example")
        browser = self.log_in()
        for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "evil.example:77", ""):
            for target in ("/", "/api/v1/session", "/login?ticket=x", "/metrics"):
                self.assertEqual(browser.ask("GET", target, {"Host": host}).status, 421, (host, target))
        for host in ("localhost", "localhost:8080", "127.0.0.1:1", "[::1]:9", "lab.example", "LAB.EXAMPLE:443"):
            self.assertEqual(browser.ask("GET", "/api/v1/session", {"Host": host}).status, 200, host)

    def test_pages_of_other_sites_may_not_ask(self):
        self.begin()
        browser = self.log_in()
        own = {"Origin": self.url}
        for origin in ("http://evil.example", "null", self.url + "0", self.url.replace("http", "ftp"),
                       "http://localhost"):
            for method, target in (("GET", "/api/v1/session"), ("GET", "/api/v1/events"),
                                   ("POST", "/api/v1/pipelines/pipeline_1/cancel")):
                answer = browser.ask(method, target, {**ACT, "Origin": origin})
                self.assertEqual(answer.status, 403, (origin, method, target))
                self.assertFalse([name for name in answer.headers if name.lower().startswith("access-control")])
        self.assertEqual(browser.ask("GET", "/api/v1/session", {"Sec-Fetch-Site": "cross-site"}).status, 403)
        self.assertEqual(browser.ask("GET", "/api/v1/session", own).status, 200)
        target = "/api/v1/pipelines/pipeline_1/cancel"
        self.assertEqual(browser.ask("POST", target, {**ACT, **own}).status, 404, "there is none; it was asked for")
        self.assertEqual(browser.ask("POST", target, {"Idempotency-Key": "12345678", **own}).status, 403)
        form = {**ACT, "Content-Type": "application/x-www-form-urlencoded"}
        self.assertEqual(browser.ask("POST", target, form, "a=b").status, 415)
        odd = {**ACT, "Content-Type": "application/json"}
        self.assertEqual(browser.ask("POST", target, odd, '{"a":1}').status, 400)

    def test_all_other_methods_are_refused(self):
        self.begin()
        browser = self.log_in()
        for method in ("OPTIONS", "PUT", "PATCH", "TRACE", "CONNECT", "BREW", "get"):
            for target in ("/", "/api/v1/session", "/api/v1/pipelines/pipeline_1/cancel"):
                if method != "CONNECT":
                    self.assertEqual(browser.ask(method, target, ACT).status, 405, (method, target))
        for method, target in (("POST", "/"), ("POST", "/metrics"), ("DELETE", "/api/v1/pipelines"),
                               ("POST", "/login")):
            self.assertEqual(browser.ask(method, target, ACT).status, 405, (method, target))
        self.assertEqual(browser.ask("HEAD", "/healthz").body, b"")

    def test_every_answer_forbids_what_browsers_would_do(self):
        self.begin()
        browser = self.log_in()
        for who, target in ((self.stranger, "/"), (self.stranger, "/nothing.js"), (self.stranger, "/api/v1/session"),
                            (browser, "/api/v1/session"), (browser, "/api/v1/nothing"), (browser, "/metrics"),
                            (browser, "/login"), (browser, "/healthz")):
            answer = who.ask("GET", target)
            for name, value in SAFE.items():
                self.assertEqual(answer.headers[name], value, (target, name))
            policy = answer.headers["Content-Security-Policy"]
            self.assertIn("default-src 'self'", policy)
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertNotIn("unsafe", policy)
            self.assertIn("Cache-Control", answer.headers)

    def test_hostile_text_is_data(self):
        self.begin()
        self.cluster.start_worker("w")
        browser = self.log_in()
        hostile = "<script>alert(1)</script>\"'`${x}\u2028"
        tool = noting("printf '<img src=x onerror=alert(1)>\\033[2J\\377'; exit 3")
        file = self.cluster.native({"t": {"name": hostile, "container": tool}}, {hostile: ["t"]}, name=hostile)
        pipeline = self.cluster.submit(file)
        self.cluster.run("wait", pipeline)
        base = f"/api/v1/pipelines/{pipeline}"
        for target in (base, base + "/tasks", base + "/workflows", base + "/graph", base + "/graph?view=tasks",
                       base + "/timeline", base + "/results", "/api/v1/tasks/task_1", "/api/v1/tasks/task_1/log",
                       "/api/v1/overview", "/api/v1/pipelines", "/api/v1/%3Cscript%3E"):
            answer = browser.ask("GET", target)
            self.assertEqual(answer.headers["Content-Type"], "application/json", target)
            json.loads(answer.body)
        self.assertEqual(browser.get(base)["name"], hostile)
        self.assertIn("onerror", browser.get("/api/v1/tasks/task_1/log")["text"])
        echoed = browser.ask("GET", "/api/v1/x%0d%0aSet-Cookie:%20a=b")
        self.assertEqual(echoed.status, 400)
        self.assertNotIn("Set-Cookie", echoed.headers)

    # --- The page's folder ---

    def test_files_come_from_the_folder_and_from_nowhere_else(self):
        web = self.cluster.folder / "web"
        (web / "assets").mkdir(parents=True)
        (web / "index.html").write_text("<p>the page")
        (web / "assets" / "app-1.js").write_text("app")
        (web / "assets" / "app-1.js.gz").write_bytes(b"zipped")
        (self.cluster.folder / "secret.txt").write_text("secret")
        (web / "link.txt").symlink_to(self.cluster.folder / "secret.txt")
        (web / "up").symlink_to(self.cluster.folder)
        self.begin(web=web)
        answer = self.stranger.ask("GET", "/")
        self.assertEqual((answer.body, answer.headers["Content-Type"]), (b"<p>the page", "text/html; charset=utf-8"))
        self.assertEqual(answer.headers["Cache-Control"], "no-cache")
        self.assertEqual(self.stranger.ask("GET", "/", {"If-None-Match": answer.headers["ETag"]}).status, 304)
        self.assertEqual(self.stranger.ask("GET", "/p/pipeline_3").body, b"<p>the page", "a route of the page")
        script = self.stranger.ask("GET", "/assets/app-1.js", {"Accept-Encoding": "gzip"})
        self.assertEqual((script.body, script.headers["Content-Encoding"]), (b"zipped", "gzip"))
        self.assertIn("immutable", script.headers["Cache-Control"])
        self.assertEqual(self.stranger.ask("GET", "/assets/app-1.js").body, b"app")
        for path in ("/link.txt", "/up/secret.txt", "/../secret.txt", "/assets/../../secret.txt", "/%2e%2e/secret.txt",
                     "/..%2fsecret.txt", "/assets/..%5c..%5csecret.txt", "//secret.txt", "/./../secret.txt",
                     f"/{self.cluster.folder}/secret.txt", "/assets/app-1.js%00.txt"):
            answer = self.stranger.ask("GET", path)
            self.assertIn(answer.status, (400, 404), path)
            self.assertNotIn(b"secret", answer.body, path)
        (web / "index.html").write_text("<p>another page")
        self.assertEqual(self.stranger.ask("GET", "/").body, b"<p>another page", "built again")

    def test_without_a_page_it_says_how_to_get_one(self):
        self.begin()
        answer = self.stranger.ask("GET", "/")
        self.assertEqual(answer.status, 200)
        self.assertIn(b"dashboard/web/build.sh", answer.body)
        self.assertEqual(self.log_in().get("/api/v1/pipelines")["total"], 0, "the API works")

    # --- Limits ---

    def status_of(self, reply):
        return int(reply.split()[1]) if reply else None

    def head(self, *lines, first="GET /healthz HTTP/1.1"):
        return "\r\n".join([first, f"Host: {self.stranger.host}", "Connection: close", *lines, "", ""]).encode()

    def test_requests_are_bounded(self):
        self.begin()
        self.assertEqual(self.status_of(self.raw(self.head())), 200)
        self.assertEqual(self.status_of(self.raw(self.head("A: " + "x" * 20_000))), 431)
        self.assertEqual(self.status_of(self.raw(self.head(first="GET /" + "x" * 20_000 + " HTTP/1.1"))), 431)
        many = self.raw(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 1_000_000)
        self.assertIn(self.status_of(many), (431, None))
        post = "POST /api/v1/pipelines/pipeline_1/cancel HTTP/1.1"
        large = self.raw(self.head("Content-Length: 1000000000000", first=post))
        self.assertEqual(self.status_of(large), 413)
        chunks = b"".join(b"4000\r\n" + b"x" * 0x4000 + b"\r\n" for _ in range(10))
        chunked = self.raw(self.head("Transfer-Encoding: chunked", first=post) + chunks)
        self.assertIn(self.status_of(chunked), (413, None))
        for odd in (b"\0" * 100, b"GET / HTTP/9.9\r\n\r\n", b"GET  /\r\n\r\n", b"\x16\x03\x01\x02\x00" * 20,
                    self.head("Content-Length: -1"), self.head("Content-Length: 1", "Transfer-Encoding: chunked"),
                    self.head("odd header"), self.head(first="GET /%zz HTTP/1.1"),
                    self.head(first="GET nothing HTTP/1.1")):
            self.assertIn(self.status_of(self.raw(odd)), (400, None), odd[:80])
        self.assertEqual(self.status_of(self.raw(self.head())), 200, "it goes on")
        self.assertTrue(self.gateway.running())

    def test_random_bytes_do_no_harm(self):
        self.begin()
        seed = 20261128
        for i in range(300):
            seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
            base = bytearray(self.head("Cookie: landseer_session=s.1.1.a.b", "Origin: http://localhost"))
            for j in range(1 + seed % 8):
                value = (seed >> (7 * j)) % 2**16
                base[value % len(base)] = value % 251
            reply = self.raw(bytes(base) + b"\r\n\r\n", patience=35)
            self.assertTrue(not reply or reply.startswith(b"HTTP/1.1 "), (i, reply[:100]))
        self.assertEqual(self.status_of(self.raw(self.head())), 200)

    def test_who_sends_slowly_is_dropped(self):
        self.begin("--request-timeout", "1s")
        host, port = self.stranger.host.split(":")
        slow = [socket.create_connection((host, int(port)), timeout=PATIENCE) for _ in range(20)]
        for connection in slow:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: ")
        self.assertEqual(self.status_of(self.raw(self.head())), 200, "others are served")
        for connection in slow:
            self.assertEqual(connection.recv(1000), b"")
            connection.close()

    def test_connections_are_bounded(self):
        self.begin("--connections", "10")
        host, port = self.stranger.host.split(":")
        open_ones = [socket.create_connection((host, int(port)), timeout=PATIENCE) for _ in range(10)]
        for connection in open_ones:  # each is known to be accepted
            connection.sendall(self.head().replace(b"Connection: close\r\n", b""))
            self.assertTrue(connection.recv(1000).startswith(b"HTTP/1.1 200"))
        self.assertEqual(self.raw(self.head()), b"", "one too many")
        open_ones.pop().close()
        wait_until(lambda: self.status_of(self.raw(self.head())) == 200, "there is room again")
        for connection in open_ones:
            connection.close()

    def test_requests_are_counted(self):
        self.begin("--requests-per-second", "20")
        browser = self.log_in()
        answers = [browser.ask("GET", "/api/v1/pipelines") for _ in range(300)]
        refused = [answer for answer in answers if answer.status == 429]
        self.assertTrue(refused)
        self.assertEqual(refused[0].headers["Retry-After"], "1")
        other = open_browser(self.cluster, self.url)
        self.assertEqual(other.ask("GET", "/api/v1/pipelines").status, 200, "others are not held up")
        tries = [self.stranger.ask("GET", "/login?ticket=odd").status for _ in range(40)]
        self.assertIn(429, tries)

    def test_streams_are_bounded(self):
        self.begin()
        browser = self.log_in()
        streams = [browser.events() for _ in range(16)]
        self.assertEqual({stream.status for stream in streams}, {200})
        self.assertEqual(browser.ask("GET", "/api/v1/events").status, 429)
        streams.pop().close()
        wait_until(lambda: self.opens(browser), "there is room again")
        for stream in streams:
            stream.close()

    def opens(self, browser):
        stream = browser.events()
        stream.close()
        return stream.status == 200

    def metric(self, name):
        text = self.stranger.ask("GET", "/metrics").body.decode()
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))

    def test_a_stream_that_is_not_read_is_dropped(self):
        self.begin("--write-timeout", "1s")
        browser = self.log_in()
        host, port = self.stranger.host.split(":")
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((host, int(port)))
        slow.sendall(f"GET /api/v1/events?pipelines=all HTTP/1.1\r\nHost: {host}\r\n"
                     f"Cookie: {browser.cookie}\r\n\r\n".encode())
        wait_until(lambda: self.metric("landseer_event_streams") == 1, "the stream is open")
        names = [f"tool{i}" for i in range(900)]
        for _ in range(2):
            file = self.cluster.native({name: noting() for name in names}, {name: [name] for name in names})
            pipeline = self.cluster.submit(file, "--no-cache")
            self.cluster.json("cancel", pipeline, "--yes")
        wait_until(lambda: self.metric("landseer_event_streams_dropped_total") == 1, "it is dropped")
        self.assertEqual(self.metric("landseer_event_streams"), 0)
        slow.close()


if __name__ == "__main__":
    assert os.path.exists(BIN / "landseer-dashboard")
    main_side_by_side(3)
