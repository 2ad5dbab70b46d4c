#!/usr/bin/python3
"""What scripts rely on: exit codes, JSON on stdout, and that nothing is guessed."""

import json
import os
import re
import signal
import subprocess

from cluster import BIN, PATIENCE, SOURCE, EndToEnd, main, noting, shell, wait_until

PROGRAMS = ("landseer", "landseer-broker", "landseer-worker")
VERBS = ("plan", "submit", "list", "status", "wait", "watch", "tasks", "task", "workflows", "logs", "fetch", "cancel",
         "retry", "pause", "resume", "results", "up", "down", "workers", "drain", "undrain", "completion")


class CommandLine(EndToEnd):
    """Without a broker."""

    def program(self, name, *words):
        return subprocess.run([str(BIN / name), *words], env=self.cluster.environment, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=PATIENCE)

    def test_every_program_tells_its_versions_and_options(self):
        for name in PROGRAMS:
            version = self.program(name, "--version")
            self.assertEqual((version.returncode, version.stderr), (0, ""), name)
            self.assertRegex(version.stdout, rf"^{name} \S+ \(protocol \d+, store \d+, commit \S+\)\n$")
            helped = self.program(name, "--help")
            self.assertEqual((helped.returncode, helped.stderr), (0, ""), name)
            self.assertIn("--log-level", helped.stdout)
        for verb in VERBS:
            helped = self.program("landseer", verb, "--help")
            self.assertEqual((helped.returncode, helped.stderr), (0, ""), verb)
            self.assertIn("--help", helped.stdout)
            self.assertIn(verb, self.program("landseer", "--help").stdout)

    def test_usage_errors_end_with_2_and_name_what_is_near(self):
        for words, near in ((["statsu"], "status"), (["list", "--jsn"], "--json"), ([], "verb"),
                            (["submit"], "FILE"), (["submit", "x.yaml", "--policy", "deptth"], "depth"),
                            (["wait", "last", "--timeout", "soon"], "soon"), (["logs", "seven"], "seven"),
                            (["tasks", "last", "--status", "runing"], "running")):
            done = self.program("landseer", *words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertIn(near, done.stderr)
            as_json = self.program("landseer", "--json", *words)
            self.assertEqual(as_json.returncode, 2, words)
            self.assertEqual(sorted(json.loads(as_json.stdout)["error"]), ["code", "hint", "message", "where"])
        for name, words in (("landseer-broker", ["--lease", "0s"]), ("landseer-broker", ["--leese", "5s"]),
                            ("landseer-broker", ["--clients-bind", "tcp://0.0.0.0:0"]),
                            ("landseer-worker", ["--pull", "sometimes"]), ("landseer-worker", ["--runtime", "prcess"]),
                            ("landseer-worker", ["--runtime", "process", "--cpus", "-1"]),
                            ("landseer-worker", ["--runtime", "process", "--data", "nothing"])):
            done = self.program(name, "--broker", "tcp://127.0.0.1:1", *words) if name == "landseer-worker" else (
                self.program(name, *words))
            self.assertEqual((done.returncode, done.stdout), (2, ""), (name, words))
            self.assertIn(name, done.stderr)

    def test_without_a_broker_every_verb_that_needs_one_ends_with_3(self):
        file = self.cluster.native({"a": noting()}, {"w": ["a"]})
        # A port that nobody listens on: closed as soon as it was found.
        broker = self.cluster.start_broker()
        address = self.cluster.addresses[1]
        broker.kill()
        children = {tuple(words): self.cluster.spawn("--broker", address, *words) for words in (
            ["list"], ["status", "1"], ["wait", "1"], ["submit", file], ["workers"], ["results", "1"], ["logs", "1"],
            ["tasks", "1"], ["task", "1"], ["workflows", "1"], ["watch", "1"], ["cancel", "1", "--yes"],
            ["retry", "1"], ["pause", "1"], ["resume", "1"])}
        for words, child in children.items():
            out, err = child.communicate(timeout=PATIENCE)
            self.assertEqual((child.returncode, out), (3, ""), (words, err))
            self.assertIn(address, err)
            self.assertIn("landseer up", err)
        self.assertEqual(self.cluster.json("list", code=3)["error"]["code"], "unavailable")

    def test_plan_needs_no_broker(self):
        examples = SOURCE / "deploy" / "examples"
        plan = self.cluster.json("plan", examples / "digits.yaml", "--evaluators", examples / "evaluators.yaml")
        self.assertEqual(plan, {"workflows": 54, "task_instances": 216, "tasks": 81, "evaluations": 162, "cached": None,
                                "name": "digits", "form": "registry", "expansion": "one-per-stage", "forecasts": [],
                                "forecast_missing": None})
        full = self.cluster.json("plan", examples / "digits_full.yaml")
        self.assertEqual((full["workflows"], full["tasks"], full["evaluations"]), (250, 315, 0))
        refused = self.cluster.json("plan", examples / "digits_full.yaml", "--max-workflows", "249", code=2)
        self.assertIn("250", refused["error"]["message"])

    def test_malformed_files_are_refused_and_leave_nothing_behind(self):
        self.cluster.start_broker()
        bad = SOURCE / "tests" / "corpus" / "pipelines" / "bad"
        files = sorted(bad.glob("*.yaml"))
        self.assertGreater(len(files), 50)
        for file in files[::6]:
            error = self.cluster.json("submit", file, code=2)["error"]
            expected = re.match(r"# expect: (.*)", file.read_text())
            if expected:
                self.assertIn(expected[1].strip(), error["message"] + (error["where"] or "") + (error["hint"] or ""),
                              file.name)
            done = self.cluster.run("submit", file)
            self.assertEqual((done.code, done.out, done.err.count("error:")), (2, "", 1), (file.name, done))
        self.assertEqual(self.cluster.json("list"), [])
        missing = self.cluster.json("submit", bad / "no_such_file.yaml", code=2)["error"]
        self.assertIn("no_such_file.yaml", missing["message"] + missing["where"])


class WithBroker(EndToEnd):
    def setUp(self):
        self.cluster.start_broker()
        self.gate = self.cluster.gate()

    def test_the_folders_of_a_running_broker_and_worker_are_taken(self):
        second = self.cluster.start("landseer-broker", "second-broker", "--state", self.cluster.home / "state",
                                    *(word for port in ("workers", "clients", "bulk")
                                      for word in (f"--{port}-bind", "tcp://127.0.0.1:0")))
        self.assertEqual(second.process.wait(PATIENCE), 1)
        self.assertIn("another broker", second.log.read_text())
        self.cluster.start_worker("w1")
        same_scratch = self.cluster.start("landseer-worker", "second-worker", "--name", "w2", "--runtime", "process",
                                          "--scratch", self.cluster.scratch("w1"), "--data-bind", "tcp://127.0.0.1:0")
        self.assertEqual(same_scratch.process.wait(PATIENCE), 1)
        self.assertIn("another worker", same_scratch.log.read_text())
        same_name = self.cluster.start("landseer-worker", "third-worker", "--name", "w1", "--runtime", "process",
                                       "--scratch", self.cluster.scratch("w3"), "--data-bind", "tcp://127.0.0.1:0")
        self.assertEqual(same_name.process.wait(PATIENCE), 1)
        self.assertIn("w1", same_name.log.read_text())
        self.assertEqual(self.cluster.json("list"), [])
        self.assertEqual([worker["name"] for worker in self.cluster.json("workers")], ["w1"])

    def test_unknown_objects_end_with_5(self):
        for words in (["status", "7"], ["wait", "7"], ["watch", "7"], ["tasks", "7"], ["workflows", "7"],
                      ["results", "7"], ["cancel", "7", "--yes"], ["task", "7"], ["logs", "task_7"],
                      ["cancel", "task_7", "--yes"], ["retry", "7"], ["retry", "task_7"], ["pause", "7"],
                      ["resume", "7"],
                      ["status", "no-such-name"], ["status", "last"]):
            done = self.cluster.run(*words)
            self.assertEqual((done.code, done.out), (5, ""), (words, done))
            self.assertEqual(self.cluster.json(*words, code=5)["error"]["code"], "not_found")

    def test_a_submission_id_is_accepted_once(self):
        file = self.cluster.native({"a": noting()}, {"w": ["a"]})
        first = self.cluster.json("submit", file, "--submission-id", "mine")
        again = self.cluster.json("submit", file, "--submission-id", "mine")
        self.assertEqual((first["existing"], again["existing"]), (False, True))
        self.assertEqual(again["pipeline_id"], first["pipeline_id"])
        other = self.cluster.native({"b": noting()}, {"w": ["b"]})
        self.assertEqual(self.cluster.json("submit", other, "--submission-id", "mine", code=1)["error"]["code"],
                         "conflict")
        self.assertNotEqual(self.cluster.submit(file), first["pipeline_id"])
        self.assertEqual(len(self.cluster.json("list")), 2)

    def test_pipelines_are_named_by_id_number_name_last_and_range(self):
        for name in ("one", "two", "three"):
            self.cluster.submit(self.cluster.native({name: noting()}, {"w": [name]}, name=name))
        for text, name in (("pipeline_2", "two"), ("2", "two"), ("three", "three"), ("last", "three")):
            self.assertEqual(self.cluster.status(text)["name"], name)
        self.assertEqual([row["name"] for row in self.cluster.json("status", "1,3")], ["one", "three"])
        self.assertEqual([row["name"] for row in self.cluster.json("status", "2-3")], ["two", "three"])
        self.assertEqual(self.cluster.run("--quiet", "list").out, "pipeline_1\npipeline_2\npipeline_3\n")

    def test_json_documents_have_the_promised_fields(self):
        self.cluster.start_worker("w1")
        file = self.cluster.native({"a": noting(), "b": noting()}, {"w": ["a", "b"]})
        done = self.cluster.json("submit", file, "--name", "named", "--wait")
        for document, fields in (
                (done, ("pipeline_id", "name", "workflows", "task_instances", "tasks", "cached")),
                (self.cluster.status(), ("pipeline_id", "name", "state", "total", "pending", "running", "completed",
                                         "failed", "skipped", "cancelled", "cached", "submitted_at", "finished_at",
                                         "eta_seconds")),
                (self.cluster.json("tasks")[0], ("task_id", "key", "tool", "type", "status", "reason", "priority",
                                                 "dependency_level", "usage_counter", "dependencies", "workflows",
                                                 "attempts", "worker", "started_at", "finished_at", "cached")),
                (self.cluster.json("workers")[0], ("worker_id", "name", "state", "slots", "gpus", "running",
                                                   "completed", "failed", "last_seen_at"))):
            self.assertLessEqual(set(fields), set(document))
        self.assertEqual(done["name"], "named")

    def test_logs_of_a_running_task_are_followed_to_their_end(self):
        self.cluster.start_worker("w1")
        script = f"echo one; echo two >&2; read -r _ <{self.gate.path}; echo three; printf four"
        self.cluster.submit(self.cluster.native({"talk": shell(script)}, {"w": ["talk"]}))
        wait_until(lambda: self.cluster.run("logs", "task_1").out == "one\ntwo\n", "the beginning can be read")
        following = self.cluster.spawn("logs", "-f", "task_1")
        self.assertEqual([following.stdout.readline(), following.stdout.readline()], ["one\n", "two\n"])
        as_json = self.cluster.spawn("--json", "logs", "-f", "task_1")
        self.assertEqual(json.loads(as_json.stdout.readline())["text"], "one\ntwo\n")
        self.gate.let_pass()
        self.assertEqual(following.communicate(timeout=PATIENCE)[0], "three\nfour")
        self.assertEqual(following.returncode, 0)
        lines = as_json.communicate(timeout=PATIENCE)[0].splitlines()
        self.assertEqual("".join(json.loads(line)["text"] for line in lines), "three\nfour")
        self.assertEqual(self.cluster.run("logs", "task_1", "--tail", "2").out, "three\nfour")
        whole = self.cluster.json("logs", "task_1")
        self.assertEqual((whole["text"], whole["finished"]), ("one\ntwo\nthree\nfour", True))
        self.assertEqual(self.cluster.run("logs", "task_1", "--attempt", "2").code, 5)

    def test_a_long_log_comes_whole(self):
        self.cluster.start_worker("w1")
        self.cluster.submit(self.cluster.native({"long": shell("seq 300000")}, {"w": ["long"]}))
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        expected = "".join(f"{i}\n" for i in range(1, 300001))
        self.assertEqual(self.cluster.run("logs", "task_1").out, expected)
        self.assertEqual(self.cluster.run("logs", "task_1", "--tail", "3").out, "299998\n299999\n300000\n")

    def test_watch_prints_one_json_object_a_line_until_the_end(self):
        self.cluster.start_worker("w1")
        file = self.cluster.native({"held": noting(f"read -r _ <{self.gate.path}"), "b": noting()},
                                   {"w": ["held", "b"]})
        self.cluster.submit(file)
        watching = self.cluster.spawn("--json", "watch", "last")
        self.assertEqual(json.loads(watching.stdout.readline())["state"], "running")
        self.gate.let_pass()
        lines = watching.communicate(timeout=PATIENCE)[0].splitlines()
        self.assertEqual(watching.returncode, 0)
        last = json.loads(lines[-1])
        self.assertEqual((last["state"], last["completed"], last["total"]), ("completed", 2, 2))

    def test_remote_text_cannot_control_the_terminal(self):
        self.cluster.start_worker("w1")
        tools = {"evil": shell(r"printf '\033[2J\033]0;title\007bad\n'; exit 1")}
        self.cluster.run("submit", self.cluster.native(tools, {"w": ["evil"]}), "--wait")
        for words in (["task", "1"], ["tasks"]):
            out = self.cluster.run(*words).out
            self.assertIn("bad", out)
            self.assertNotRegex(out, r"[\x00-\x08\x0b-\x1f\x7f]")

    def test_the_rendezvous_file_is_private_and_goes_with_its_broker(self):
        file = self.cluster.home / "broker.json"
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        self.assertEqual(json.loads(file.read_text())["clients_address"], self.cluster.addresses[1])
        self.assertEqual(self.cluster.broker.terminate(), 0)
        self.assertFalse(file.exists())

    def test_sigint_ends_broker_and_worker_in_good_order(self):
        worker = self.cluster.start_worker("w1")
        for service in (worker, self.cluster.broker):
            os.kill(service.pid, signal.SIGINT)
            self.assertEqual(service.process.wait(PATIENCE), 0, service.name)


if __name__ == "__main__":
    main()
