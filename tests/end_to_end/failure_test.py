#!/usr/bin/python3
"""Tools that fail, in every way they can: the reason is told, and nothing else suffers."""

from cluster import EndToEnd, main, noting, processes_with, shell, wait_until


class Failure(EndToEnd):
    def setUp(self):
        self.cluster.start_broker(lease="6s")
        self.cluster.start_worker("w1")

    def failed_task(self, tool):
        """Detail of a task that must have failed."""
        task = self.cluster.tasks()[tool]
        self.assertEqual(task["status"], "failed")
        return self.cluster.json("task", task["task_id"])

    def test_a_failing_tool_costs_only_its_dependents(self):
        tools = {"good": noting(), "bad": shell("echo first; echo the last words >&2; exit 3"), "after": noting(),
                 "later": noting(), "other": noting(), "end": noting()}
        file = self.cluster.native(tools, {"1": ["good", "bad", "after", "later"], "2": ["good", "other", "end"]})
        done = self.cluster.json("submit", file, "--wait", code=1)
        status = done["status"]
        self.assertEqual(status["state"], "failed")
        counts = {name: status[name] for name in ("total", "completed", "failed", "skipped", "pending", "running")}
        self.assertEqual(counts, {"total": 6, "completed": 3, "failed": 1, "skipped": 2, "pending": 0, "running": 0})
        bad = self.failed_task("bad")
        self.assertIn("exit code 3", bad["reason"])
        self.assertIn("the last words", bad["reason"])
        attempt, = bad["history"]
        self.assertEqual((attempt["outcome"], attempt["exit_code"]), ("exit_code", 3))
        self.assertEqual(attempt["log_tail"].splitlines(), ["first", "the last words"])
        tasks = self.cluster.tasks()
        for tool in ("after", "later"):
            self.assertEqual(tasks[tool]["status"], "skipped")
            self.assertIn(bad["task_id"], tasks[tool]["reason"])
            self.assertEqual(tasks[tool]["attempts"], 0)
        self.assertEqual([note.tool for note in self.cluster.notes("end")].count("end"), 1)
        self.assertEqual(self.cluster.run("wait", "last").code, 1)
        self.assertIn("the last words", self.cluster.run("task", bad["task_id"]).out)

    def test_retries_run_a_failed_task_again(self):
        tools = {"second_time": noting("[ $LANDSEER_ATTEMPT = 2 ] || exit 7"), "next": noting(),
                 "never": noting("exit 9")}
        file = self.cluster.native(tools, {"1": [{"tool": "second_time", "retries": 2}, "next"],
                                           "2": [{"tool": "never", "retries": 1}]})
        self.assertEqual(self.cluster.run("submit", file, "--wait").code, 1)
        tasks = self.cluster.tasks()
        self.assertEqual({tool: (task["status"], task["attempts"]) for tool, task in tasks.items()},
                         {"second_time": ("completed", 2), "next": ("completed", 1), "never": ("failed", 2)})
        history = self.cluster.json("task", tasks["second_time"]["task_id"])["history"]
        self.assertEqual([(attempt["outcome"], attempt["exit_code"]) for attempt in history],
                         [("exit_code", 7), ("succeeded", 0)])
        starts = [note.time for note in self.cluster.notes("start") if note.tool == "second_time"]
        self.assertGreaterEqual(starts[1] - starts[0], 1, "the first pause is a second")

    def test_a_time_limit_ends_the_whole_tree(self):
        tools = {"slow": noting("setsid sh -c 'trap \"\" TERM; while :; do sleep 1000; done' & sleep 1000 & "
                                "trap '' TERM; note forked; while :; do sleep 1000; done")}
        self.cluster.submit(self.cluster.native(tools, {"w": [{"tool": "slow", "timeout": "1s"}]}))
        self.cluster.wait_for_note("slow", "forked")
        self.assertGreaterEqual(len(self.cluster.tools()), 3)
        self.assertEqual(self.cluster.run("wait", "last").code, 1)
        self.assertEqual(self.cluster.tools(), [])
        slow = self.failed_task("slow")
        self.assertRegex(slow["reason"], r"time limit of 1(\.0)?s exceeded")
        self.assertEqual(slow["history"][0]["outcome"], "timeout")

    def test_what_a_finished_tool_left_in_the_background_is_ended(self):
        tools = {"fork": noting("MARK=left_behind setsid sleep 1000 & note forked")}
        self.assertEqual(self.cluster.run("submit", self.cluster.native(tools, {"w": ["fork"]}), "--wait").code, 0)
        wait_until(lambda: not processes_with("MARK=left_behind"), "the background process is gone")

    def test_a_signal_is_told_by_its_name(self):
        self.cluster.run("submit", self.cluster.native({"crash": shell("kill -SEGV $$")}, {"w": ["crash"]}), "--wait")
        crash = self.failed_task("crash")
        self.assertIn("SIGSEGV", crash["reason"])
        self.assertEqual(crash["history"][0]["outcome"], "signal")

    def test_a_tool_that_cannot_be_started_is_tried_three_times(self):
        for tool, command, words in (("gone", "no-such-program --now", "no-such-program"), ("bare", "", "test/none:1")):
            with self.subTest(tool):
                file = self.cluster.native({tool: {"image": "test/none:1", "command": command}, "good": noting()},
                                           {"1": [tool], "2": ["good"]})
                self.assertEqual(self.cluster.run("submit", file, "--wait").code, 1)
                task = self.failed_task(tool)
                self.assertIn(words, task["reason"])
                self.assertEqual([attempt["outcome"] for attempt in task["history"]], ["runtime_error"] * 3)
                self.assertEqual(self.cluster.tasks()["good"]["status"], "completed")

    def test_a_host_that_can_start_nothing_gets_nothing_more(self):
        attempts = self.cluster.scratch("w1") / "attempts"
        attempts.rename(attempts.with_name("away"))
        attempts.write_text("no folder")
        self.cluster.submit(self.cluster.native({"a": noting(), "b": noting()}, {"1": ["a"], "2": ["b"]}))
        wait_until(lambda: self.cluster.json("workers")[0]["state"] == "quarantined", "five failures in a row")
        status = self.cluster.status()
        self.assertEqual((status["state"], status["ready"]), ("running", 1))
        self.assertNotEqual(status["notices"], [], "a user is told why nothing happens")
        self.cluster.start_worker("w2")
        self.assertEqual(self.cluster.run("wait", "last").code, 1)
        tasks = self.cluster.json("tasks")
        self.assertEqual({task["attempts"] for task in tasks}, {3})
        self.assertEqual({task["status"] for task in tasks}, {"failed", "completed"})

    def test_what_cannot_be_had_anywhere_is_not_the_hosts_fault(self):
        bare = {"image": "test/none:1", "command": ""}
        gone = {"image": "test/none:1", "command": "no-such-program"}
        names = [f"{kind}{index}" for kind in ("bare", "gone") for index in range(3)]
        tools = {name: dict(bare if name.startswith("bare") else gone) for name in names}
        file = self.cluster.native(tools, {name: [name] for name in names})
        self.assertEqual(self.cluster.run("submit", file, "--wait").code, 1)
        self.assertEqual({task["attempts"] for task in self.cluster.json("tasks")}, {3})
        self.assertEqual(self.cluster.json("workers")[0]["state"], "connected")
        good = self.cluster.native({"a": noting()}, {"1": ["a"]})
        self.assertEqual(self.cluster.run("submit", good, "--wait").code, 0)


if __name__ == "__main__":
    main()
