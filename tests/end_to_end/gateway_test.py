#!/usr/bin/python3
"""The dashboard's gateway: every answer as docs/openapi.yaml says, actions done once, events without a gap."""

import json
import re
import time
import unittest

from browser import Browser, Contract, open_browser, start_gateway
from cluster import EndToEnd, main_side_by_side, noting, shell, wait_until

EVALUATOR = ("printf '{\"success\": true, \"metrics\": {\"accuracy\": %s, \"note\": \"<b>\"}}' "
             ">$OUTPUT_DIR/evaluation_results.json")
MEBIBYTE = 1024 * 1024


def number_of(event):
    return int(event.id.split("-")[1])


def is_completed(event):
    return event.type == "pipelines" and any(row["state"] == "completed" for row in event.data["pipelines"])


def evaluator(value):
    return shell(EVALUATOR % value)


class Gateway(EndToEnd):
    def begin(self, *options, workers=1):
        self.contract = Contract()
        self.cluster.start_broker()
        for i in range(workers):
            self.cluster.start_worker(f"w{i}")
        self.gateway, self.url = start_gateway(self.cluster, *options)
        self.browser = open_browser(self.cluster, self.url, contract=self.contract)
        wait_until(lambda: self.browser.get("/api/v1/session")["broker"]["connected"], "the gateway knows the broker")

    def pipeline_with_everything(self):
        """Completed, failed, skipped and shared tasks, evaluations, two attempts."""
        tools = {
            "plain": {"name": "plain", "is_baseline": True, "container": shell("echo plain")},
            "guard": {"name": "guard", "container": shell("echo guarded; seq 5000")},
            "broken": {"name": "broken", "container": shell("echo oops; exit 3"), "retries": 1},
            "after": {"name": "after", "container": shell(":")},
            "low": {"name": "score", "container": evaluator("0.5")},
            "high": {"name": "score", "container": evaluator("0.75")},
        }
        file = self.cluster.native(tools, {
            "base": [{"tool": "plain", "type": "pre_training"}, {"tool": "low", "type": "evaluation"}],
            "one": [{"tool": "guard", "type": "pre_training"}, {"tool": "high", "type": "evaluation"}],
            "two": [{"tool": "guard", "type": "pre_training"}, {"tool": "broken", "type": "in_training"},
                    {"tool": "after", "type": "deployment"}]})
        pipeline = self.cluster.submit(file)
        self.cluster.run("wait", pipeline)
        wait_until(lambda: self.browser.get(f"/api/v1/pipelines/{pipeline}")["state"] == "failed", "it has failed")
        return pipeline

    def test_every_answer_is_as_the_contract_says(self):
        self.begin(workers=2)
        pipeline = self.pipeline_with_everything()
        base = f"/api/v1/pipelines/{pipeline}"
        self.check_pipeline(pipeline, self.browser.get(base))
        self.check_lists(base)
        self.check_graphs(base)
        self.check_timeline(base)
        self.check_results(base)
        self.check_tasks(pipeline)
        self.check_front_page()
        self.check_hosts()
        for target in ("/api/v1/nothing", "/api/v1/pipelines/pipeline_99", base + "/nothing", "/api/v1/tasks/task_999"):
            path = target if not target.endswith("nothing") else None
            answer = self.browser.ask("GET", target, check=path is not None)
            self.assertEqual(answer.status, 404, target)
            self.contract.compare({"$ref": "#/components/schemas/Error"}, json.loads(answer.body), target)
        for target in (base + "/tasks?limit=0", base + "/tasks?status=odd", base + "/graph?view=odd",
                       base + "/interactions?metric=odd", "/api/v1/pipelines?state=odd", "/api/v1/events?pipelines=odd",
                       "/api/v1/tasks/task_1/log?offset=x"):
            self.assertEqual(self.browser.ask("GET", target).status, 400, target)
        seen = {path for path, _, status in self.contract.seen if status == 200}
        wanted = {path for path, methods in self.contract.document["paths"].items()
                  if path.startswith("/api/") and "get" in methods}
        self.assertEqual(wanted - seen, {"/api/v1/events"}, "every path was asked for")

    def check_pipeline(self, pipeline, detail):
        listed = self.cluster.status(pipeline)
        for field in ("name", "state", "total", "completed", "failed", "skipped", "workflows", "stages"):
            self.assertEqual(detail[field], listed[field], field)
        self.assertEqual([(f["tool"], f["blocks"], f["attempts"]) for f in detail["failures"]], [("broken", 1, 2)])
        self.assertEqual(detail["savings"], {"task_instances": 7, "tasks": 6, "cached": 0})

    def check_lists(self, base):
        pipeline = base.rsplit("/", 1)[1]
        self.assertEqual(self.browser.get(base + "/tasks?limit=1000")["tasks"], self.cluster.json("tasks", pipeline))
        self.assertEqual(self.browser.get(base + "/workflows")["workflows"], self.cluster.json("workflows", pipeline))
        page = self.browser.get(base + "/tasks?limit=2&sort=-tool")
        self.assertEqual(([task["tool"] for task in page["tasks"]], page["total"], page["next_offset"]),
                         (["score", "score"], 6, 2))
        failed = self.browser.get(base + "/tasks?status=failed,skipped&search=TASK_")["tasks"]
        self.assertEqual({task["tool"] for task in failed}, {"broken", "after"})
        rows = self.browser.get("/api/v1/pipelines?state=failed")["pipelines"]
        self.assertEqual([row["pipeline_id"] for row in rows], [pipeline])
        self.assertEqual(self.browser.get("/api/v1/pipelines?state=running")["pipelines"], [])

    def check_graphs(self, base):
        groups = self.browser.get(base + "/graph")
        self.assertEqual([(node["type"], node["tool"], node["total"]) for node in groups["nodes"]],
                         [("pre_training", "plain", 1), ("pre_training", "guard", 1), ("in_training", "broken", 1),
                          ("deployment", "after", 1), ("evaluation", "score", 2)])
        self.assertEqual({(edge["from"], edge["to"]) for edge in groups["edges"]}, {(0, 4), (1, 4), (1, 2), (2, 3)})
        graph = self.browser.get(base + "/graph?view=tasks")
        self.assertEqual(len(graph["tasks"]["number"]), 6)
        self.assertEqual(max(graph["tasks"]["level"]), 2)
        self.assertEqual(len(graph["edges"]["from"]), 4)
        last = self.browser.get(base + "/critical-path")
        self.assertEqual(([task["tool"] for task in last["tasks"]], last["remaining_ms"]), (["guard", "broken"], 0))
        answer = self.browser.ask("GET", base + "/graph?view=tasks")
        tag = {"If-None-Match": answer.headers["ETag"]}
        self.assertEqual(self.browser.ask("GET", base + "/graph?view=tasks", tag).status, 304)
        self.assertEqual(self.browser.ask("GET", base + "/graph?view=groups", tag).status, 200)

    def check_timeline(self, base):
        timeline = self.browser.get(base + "/timeline")
        self.assertEqual(len(timeline["attempts"]), 6, "one task was tried twice, one never")
        self.assertEqual({lane["worker"] for lane in timeline["lanes"]} - {"w0", "w1"}, set())
        for attempt in timeline["attempts"]:
            self.assertLessEqual(attempt["assigned_ms"], attempt["finished_ms"])
            self.assertIsNotNone(attempt["outcome"])
        self.assertEqual(timeline["hits"], [])

    def check_results(self, base):
        pipeline = base.rsplit("/", 1)[1]
        results = self.browser.get(base + "/results")
        printed = self.cluster.json("results", pipeline)
        del printed["tools"]
        self.assertEqual(results, printed)
        by_name = {row["combination"]: row for row in results["combinations"]}
        self.assertEqual([row["is_baseline"] for row in by_name.values()], [True, False, False])
        self.assertEqual(results["baseline"], by_name["base"]["workflow_id"])
        self.assertIs(results["metric_info"]["accuracy"]["higher_is_better"], True)
        printed = self.cluster.json("results", pipeline, "--interactions")
        self.assertEqual(self.browser.get(base + "/interactions"), printed)

    def check_tasks(self, pipeline):
        tasks = self.cluster.tasks(pipeline)
        broken = self.browser.get(f"/api/v1/tasks/{tasks['broken']['task_id']}")
        self.assertEqual([(a["attempt"], a["exit_code"]) for a in broken["history"]], [(1, 3), (2, 3)])
        self.assertEqual([link["tool"] for link in broken["inputs"]], ["guard"])
        self.assertEqual([link["tool"] for link in broken["outputs"]], ["after"])
        why = self.browser.get(f"/api/v1/tasks/{tasks['broken']['task_id']}/explain")
        self.assertEqual(why, self.cluster.json("explain", tasks["broken"]["task_id"]))
        log = f"/api/v1/tasks/{tasks['guard']['task_id']}/log"
        whole = self.browser.get(log)
        self.assertTrue(whole["finished"])
        self.assertTrue(whole["text"].startswith("guarded\n1\n2\n"))
        pieces, offset = "", 0
        while offset < whole["size"]:
            piece = self.browser.get(f"{log}?offset={offset}&limit=7000")
            self.assertEqual(piece["offset"], offset)
            pieces += piece["text"]
            offset = piece["next_offset"]
        self.assertEqual(pieces, whole["text"])
        self.assertTrue(self.browser.get(log + "?tail=5")["text"].endswith("5000\n"))
        first = self.browser.get(f"/api/v1/tasks/{tasks['broken']['task_id']}/log?attempt=1")
        self.assertEqual(first["text"], "oops\n")

    def check_front_page(self):
        overview = self.browser.get("/api/v1/overview")
        self.assertEqual(overview["pipelines"]["failed"], 1)
        self.assertEqual([failure["tool"] for failure in overview["failures"]], ["broken"])
        self.assertEqual(overview["workers"]["connected"], 2)

    def check_hosts(self):
        workers = self.browser.get("/api/v1/workers")["workers"]
        self.assertEqual(sorted(worker["name"] for worker in workers), ["w0", "w1"])
        worker = self.browser.get("/api/v1/workers/" + workers[0]["worker_id"])
        self.assertEqual(worker["attempts"], [])
        self.assertEqual(self.browser.get("/api/v1/gpus"), {"gpus": []})

    def test_events_tell_what_changes(self):
        self.begin()
        gate = self.cluster.gate()
        file = self.cluster.native({"a": noting(f"read -r _ <{gate.path}"), "b": noting()}, {"w": ["a", "b"]})
        stream = self.browser.events("?pipelines=all")
        self.assertEqual(stream.status, 200)
        self.assertEqual(stream.headers["Content-Type"], "text/event-stream; charset=utf-8")
        hello = stream.wait_for("hello")
        self.assertEqual((hello.data["resumed"], hello.data["broker"]["connected"]), (False, True))
        pipeline = self.cluster.submit(file)
        first = self.cluster.tasks(pipeline)["a"]["task_id"]

        def status_of(task, status):
            def is_wanted(event):
                return event.type == "tasks" and any(row["task_id"] == task and row["status"] == status
                                                     for row in event.data["tasks"])
            return is_wanted

        running = stream.wait(status_of(first, "running"), "a runs")
        row = next(row for row in running.data["tasks"] if row["task_id"] == first)
        self.assertEqual((row["worker"], row["last_attempt"]["attempt"]), ("w0", 1))
        gate.let_pass()
        stream.wait(status_of(first, "completed"), "a is completed")
        stream.wait(is_completed, "the pipeline is completed")
        stream.close()

    def test_a_stream_that_comes_back_misses_nothing(self):
        self.begin()
        gate = self.cluster.gate()
        tools = {name: noting(f"read -r _ <{gate.path}") for name in "abcdef"}
        pipeline = self.cluster.submit(self.cluster.native(tools, {"w": list("abcdef")}))
        whole = self.browser.events(f"?pipelines={pipeline}")
        part = self.browser.events(f"?pipelines={pipeline}")
        whole.wait_for("hello")
        begin = number_of(part.wait_for("hello"))
        seen = []
        for done in range(1, 7):
            gate.let_pass()
            wait_until(lambda: self.cluster.status(pipeline)["completed"] == done, f"{done} are completed")
            if done % 2 == 0:  # away while something happens
                last = part.last_id()
                part.close()
                seen += part.events
                part = self.browser.events(f"?pipelines={pipeline}", last)
                self.assertTrue(part.wait_for("hello").data["resumed"])
        whole.wait(lambda event: event.type == "pipelines"
                   and event.data["pipelines"][0]["state"] == "completed", "the end")
        end = number_of(whole.events[-1])
        part.wait(lambda event: number_of(event) >= end, "the end")
        part.close()
        whole.close()

        def told(events):
            return [event for event in events if event.type != "hello" and begin < number_of(event) <= end]

        self.assertEqual(told(seen + part.events), told(whole.events))

    def test_what_cannot_be_resumed_is_a_reset(self):
        self.begin()
        for last in ("00000000-1", "nonsense", self.gateway_position(99999)):
            stream = self.browser.events("", last)
            self.assertFalse(stream.wait_for("hello").data["resumed"])
            stream.wait_for("reset")
            stream.close()

    def gateway_position(self, number):
        stream = self.browser.events()
        position = stream.wait_for("hello").data["position"]
        stream.close()
        return re.sub(r"\d+$", str(number), position)

    def test_streams_outlive_the_broker(self):
        self.begin()
        gate = self.cluster.gate()
        file = self.cluster.native({"a": noting(f"read -r _ <{gate.path}"), "b": noting()}, {"w": ["a", "b"]})
        pipeline = self.cluster.submit(file)
        stream = self.browser.events(f"?pipelines={pipeline}")
        stream.wait_for("hello")
        self.cluster.wait_until_tasks("a", "running")
        self.browser.get(f"/api/v1/pipelines/{pipeline}/tasks")
        self.cluster.broker.kill()
        stream.wait(lambda event: event.type == "broker" and not event.data["connected"], "the broker is gone")
        stale = self.browser.get(f"/api/v1/pipelines/{pipeline}/tasks")
        self.assertEqual(len(stale["tasks"]), 2, "what was known is still told")
        self.assertEqual(self.browser.get("/api/v1/overview")["alarms"][0]["code"], "broker_away")
        refused = self.browser.post(f"/api/v1/pipelines/{pipeline}/pause")
        self.assertEqual(refused.status, 503)
        self.cluster.start_broker(binds=self.cluster.addresses)
        stream.wait(lambda event: event.type == "reset", "a reset")
        gate.let_pass()
        stream.wait(is_completed, "the pipeline is completed")
        self.assertEqual(stream.ended.is_set(), False)
        stream.close()
        states = {task["status"] for task in self.browser.get(f"/api/v1/pipelines/{pipeline}/tasks")["tasks"]}
        self.assertEqual(states, {"completed"})

    def test_actions_are_done_once_for_each_key(self):
        self.begin()
        gate = self.cluster.gate()
        file = self.cluster.native({"a": noting(f"read -r _ <{gate.path}"), "b": noting()}, {"w": ["a", "b"]})
        pipeline = self.cluster.submit(file)
        self.cluster.wait_until_tasks("a", "running")
        base = f"/api/v1/pipelines/{pipeline}"
        paused = self.browser.post(base + "/pause", key="key-of-pause")
        self.assertEqual((paused.status, json.loads(paused.body)["changed"]), (200, True))
        self.assertEqual(self.browser.post(base + "/pause", key="key-of-pause").body, paused.body, "as the first time")
        again = self.browser.post(base + "/pause", key="another-key")
        self.assertFalse(json.loads(again.body)["changed"])
        self.assertEqual(self.browser.post(base + "/resume", key="key-of-pause").status, 409)
        self.assertEqual(json.loads(self.browser.post(base + "/resume").body)["state"], "running")
        typed = {"Content-Type": "application/json"}
        first = json.loads(self.browser.post(base + "/priority", body='{"priority": 7}', headers=typed).body)
        self.assertEqual((first["priority"], first["changed"]), (7, True))
        self.assertEqual(self.cluster.json("list")[0]["priority"], 7)
        for odd in ("{}", '{"priority": 1.5}', '{"priority": 1, "more": 2}', "7"):
            self.assertEqual(self.browser.post(base + "/priority", body=odd, headers=typed).status, 400, odd)
        part = json.loads(self.browser.post(base + "/pause", body='{"tool": "b"}', headers=typed,
                                            key="key-of-tool").body)
        self.assertEqual((part["state"], part["changed"], part["tasks"], part["running"]), ("paused", True, 1, 0))
        other = self.browser.post(base + "/pause", body='{"tool": "a"}', headers=typed, key="key-of-tool")
        self.assertEqual(other.status, 409, "the same key for another part")
        self.assertEqual(self.browser.post(base + "/pause", body='{"tool": 7}', headers=typed).status, 400)
        self.assertEqual(json.loads(self.browser.post("/api/v1/tasks/task_2/pause").body)["tasks"], 1)
        resumed = json.loads(self.browser.post(base + "/resume", body='{"tool": "b"}', headers=typed).body)
        self.assertEqual((resumed["tasks"], resumed["still_paused"]), (0, 1))
        self.assertEqual(json.loads(self.browser.post("/api/v1/tasks/task_2/resume").body)["tasks"], 1)
        worker = self.cluster.json("workers")[0]["worker_id"]
        drained = json.loads(self.browser.post(f"/api/v1/workers/{worker}/drain").body)
        self.assertEqual((drained["worker_id"], drained["changed"], drained["running"]), (worker, True, 1))
        self.assertEqual(self.cluster.json("workers")[0]["state"], "drained")
        self.assertTrue(json.loads(self.browser.post(f"/api/v1/workers/{worker}/undrain").body)["changed"])
        self.assertEqual(self.browser.post("/api/v1/workers/worker_99/drain").status, 404)
        gate.let_pass()
        self.cluster.run("wait", pipeline)
        self.assertEqual(self.browser.post(base + "/cancel").status, 409, "it is over")
        self.assertEqual(self.browser.post("/api/v1/tasks/task_1/retry", body="{}",
                                           headers={"Content-Type": "application/json"}).status, 409)
        for key in ("short", "x" * 129, "with blanks in it"):
            self.assertEqual(self.browser.post(base + "/pause", key=key).status, 400, key)
        self.assertEqual(self.browser.ask("POST", base + "/pause", {"X-Landseer-Request": "1"}).status, 400)
        self.assertEqual(self.browser.ask("POST", base + "/explode", {
            "X-Landseer-Request": "1", "Idempotency-Key": "12345678"}, check=False).status, 404)

    def test_who_may_only_look_cannot_act(self):
        self.begin()
        pipeline = self.cluster.submit(self.cluster.native({"a": noting()}, {"w": ["a"]}))
        reader = open_browser(self.cluster, self.url, control=False, contract=self.contract)
        self.assertEqual(reader.get("/api/v1/session")["role"], "reader")
        self.assertEqual(reader.get(f"/api/v1/tasks/task_1")["task"]["pipeline_id"], pipeline)
        self.assertEqual(reader.post(f"/api/v1/pipelines/{pipeline}/cancel").status, 403)
        self.assertEqual(self.browser.get("/api/v1/session")["role"], "user")

    def test_a_gateway_may_start_before_its_broker(self):
        gateway = self.cluster.start("landseer-dashboard", "dashboard", "--bind", "127.0.0.1:0")
        browser = Browser(gateway.ready()[0])
        self.assertEqual(browser.ask("GET", "/healthz").status, 200)
        self.assertEqual(browser.ask("GET", "/readyz").status, 503)
        self.cluster.start_broker()  # which it finds by the file in the home
        wait_until(lambda: browser.ask("GET", "/readyz").status == 200, "the gateway is ready")
        self.assertEqual(gateway.terminate(), 0)

    def test_gpus_are_shown_with_who_has_them(self):
        self.begin(workers=0)
        self.cluster.start_worker("g", "--gpus", "0,1", cpus=2)
        gate = self.cluster.gate()
        tool = {"name": "a", "container": noting(f"read -r _ <{gate.path}"), "resources": {"gpus": 1}}
        pipeline = self.cluster.submit(self.cluster.native({"a": tool}, {"w": ["a"]}))
        self.cluster.wait_for_note("a", "start")
        self.browser.get(f"/api/v1/pipelines/{pipeline}")

        def states():
            return sorted((gpu["state"], gpu["tasks"]) for gpu in self.browser.get("/api/v1/gpus")["gpus"])

        wait_until(lambda: states() == [("busy", ["task_1"]), ("idle", [])], "one of the two is busy")
        wait_until(lambda: self.browser.get("/api/v1/overview")["gpus"] == {"total": 2, "free": 1.0, "faulty": 0},
                   "the front page knows it")
        worker = self.browser.get("/api/v1/workers")["workers"][0]["worker_id"]
        running = self.browser.get(f"/api/v1/workers/{worker}")["attempts"]
        self.assertEqual([(attempt["task_id"], len(attempt["gpus"])) for attempt in running], [("task_1", 1)])
        gate.let_pass()
        self.cluster.run("wait", pipeline)
        wait_until(lambda: [gpu[0] for gpu in states()] == ["idle", "idle"], "both are idle")
        task = self.browser.get("/api/v1/tasks/task_1")
        self.assertEqual(task["history"][0]["gpus"], running[0]["gpus"], "kept with the attempt")

    def test_what_ends_last_is_counted_in_measured_times(self):
        self.begin()
        tools = {name: {"name": name, "container": shell(script)} for name, script in {
            "slow": "sleep 1.5", "fast": ":",
            "gate": f"while [ ! -e {self.cluster.home}/go ]; do sleep 0.05; done"}.items()}
        one = self.cluster.submit(self.cluster.native(tools, {"s": [{"tool": "slow"}], "f": [{"tool": "fast"}]}))
        self.cluster.run("wait", one)
        two = self.cluster.submit(self.cluster.native(tools, {
            "s": [{"tool": "gate"}, {"tool": "slow"}], "f": [{"tool": "gate"}, {"tool": "fast"}]}))

        def path():
            return self.browser.get(f"/api/v1/pipelines/{two}/critical-path")
        wait_until(lambda: [task["status"] for task in path()["tasks"]] == ["running", "pending"], "the gate runs")
        last = path()
        self.assertEqual([task["tool"] for task in last["tasks"]], ["gate", "slow"])
        self.assertGreaterEqual(last["tasks"][1]["expected_ms"], 1500)
        self.assertIs(last["is_measured"], False, "nobody has seen how long a gate takes")
        (self.cluster.home / "go").touch()
        self.cluster.run("wait", two)
        wait_until(lambda: path()["remaining_ms"] == 0, "it is over")
        self.assertEqual([task["status"] for task in path()["tasks"]], ["completed", "completed"])

    def test_the_timeline_has_what_came_from_the_cache(self):
        self.begin()
        file = self.cluster.native({"a": {"name": "a", "container": shell(":")}}, {"w": [{"tool": "a"}]})
        self.cluster.run("wait", self.cluster.submit(file))
        before = time.time() * 1000
        again = self.cluster.submit(file)
        self.cluster.run("wait", again)
        timeline = self.browser.get(f"/api/v1/pipelines/{again}/timeline")
        self.assertEqual((timeline["attempts"], timeline["cached"]), ([], 1))
        self.assertEqual([hit["task_id"] for hit in timeline["hits"]], ["task_2"])
        self.assertGreater(timeline["hits"][0]["at_ms"], before - 1000)

    def talkative(self, mebibytes):
        """A running task that wrote so much, and the path of its log."""
        tools = {"talk": {"name": "talk", "container": shell(
            f"yes 0123456789abcde | head -c {mebibytes * MEBIBYTE}; while [ ! -e {self.cluster.home}/go ]; "
            "do sleep 0.05; done; echo the end")}}
        self.cluster.submit(self.cluster.native(tools, {"w": [{"tool": "talk"}]}))
        wait_until(lambda: [task for task in self.cluster.tasks().values() if task["status"] == "running"], "it runs")
        path = "/api/v1/tasks/task_1/log"

        def size():
            answer = self.browser.ask("GET", path + "?limit=4")
            return json.loads(answer.body)["size"] if answer.status == 200 else 0
        wait_until(lambda: size() == mebibytes * MEBIBYTE, "it has written")
        return path

    def test_who_follows_a_fast_log_goes_on_at_its_end_and_is_told(self):
        self.begin()
        path = self.talkative(12)
        piece = self.browser.get(path + "?offset=4096&wait=1&limit=65536")
        self.assertEqual(piece["offset"], 4096 + piece["skipped"])
        self.assertGreater(piece["skipped"], 11 * MEBIBYTE)
        self.assertEqual(piece["next_offset"], piece["size"], "the end, at once")
        self.assertEqual(piece["text"][:16], "0123456789abcde\n", "from the beginning of a line")
        (self.cluster.home / "go").touch()

        def end():
            nonlocal piece
            piece = self.browser.get(f"{path}?offset={piece['next_offset']}&wait=1")
            return piece["text"] == "the end\n" and piece["skipped"] == 0
        wait_until(end, "from there on nothing is missing")

    def test_logs_go_through_at_a_bounded_rate_for_each_session(self):
        self.begin()
        path = self.talkative(12)
        began = time.monotonic()
        sizes, offset, refused = [], 0, None
        while refused is None:
            answer = self.browser.ask("GET", f"{path}?offset={offset}&limit=1048576")
            if answer.status == 429:
                refused = answer
            else:
                piece = json.loads(answer.body)
                self.assertEqual((piece["offset"], piece["skipped"]), (offset, 0), "who does not follow misses nothing")
                offset = piece["next_offset"]
                sizes.append(len(piece["text"]))
        self.assertEqual(refused.headers["Retry-After"], "1")
        self.assertLess(sum(sizes), (5 + time.monotonic() - began) * MEBIBYTE)
        self.assertGreater(sum(sizes), 3 * MEBIBYTE, "a screen full of it is no matter")
        other = open_browser(self.cluster, self.url)
        self.assertEqual(other.ask("GET", path + "?tail=100").status, 200, "others are not held up")
        wait_until(lambda: self.browser.ask("GET", path + "?tail=100").status == 200, "it may go on")

    def test_a_remote_session_is_told_how_to_reach_it(self):
        self.begin()
        self.assertIsNone(self.cluster.json("dashboard")["ssh"])
        self.cluster.environment["SSH_CONNECTION"] = "10.0.0.1 5000 10.0.0.2 22"
        told = self.cluster.json("dashboard", "--control")
        port = self.url.rsplit(":", 1)[1]
        self.assertTrue(told["ssh"].startswith(f"ssh -N -L {port}:127.0.0.1:{port} "), told["ssh"])
        self.assertTrue(told["may_act"])
        done = self.cluster.run("dashboard")
        self.assertTrue(done.out.startswith(self.url + "/login?ticket="))
        self.assertIn("next: on the machine with the browser: ssh -N -L", done.err)

    def test_sessions_outlive_the_gateway_and_links_do_not(self):
        self.begin()
        link = self.cluster.json("dashboard")["link"]
        self.assertEqual(self.gateway.terminate(), 0)
        self.assertEqual(self.cluster.run("dashboard").code, 3, "there is none now")
        gateway, url = start_gateway(self.cluster)
        self.browser.host = url.removeprefix("http://")
        self.assertEqual(self.browser.get("/api/v1/session")["role"], "user")
        self.assertEqual(self.browser.log_in(link).status, 403)


if __name__ == "__main__":
    main_side_by_side(3)
