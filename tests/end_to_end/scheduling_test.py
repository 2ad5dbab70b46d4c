#!/usr/bin/python3
"""Every task once, in the right order, on whoever is free."""

import collections
import time

from cluster import EndToEnd, main, noting, wait_until


class Scheduling(EndToEnd):
    def setUp(self):
        self.cluster.start_broker()

    def assert_each_ran_once(self, tools):
        for event in ("start", "end"):
            ran = collections.Counter(note.tool for note in self.cluster.notes(event))
            self.assertEqual(ran, collections.Counter(tools), event)

    def assert_before(self, first, second):
        ends = {note.tool: note.time for note in self.cluster.notes("end")}
        starts = {note.tool: note.time for note in self.cluster.notes("start")}
        self.assertLessEqual(ends[first], starts[second], f"{first} before {second}")

    def test_shared_tasks_run_once_and_dependencies_first(self):
        for name in ("w1", "w2"):
            self.cluster.start_worker(name)
        tools = {name: noting() for name in "abcdef"}
        file = self.cluster.native(tools, {"one": ["a", "b", "c"], "two": ["a", "b", "d"], "three": ["a", "e"],
                                           "four": ["a", "b", {"tool": "e", "needs": ["a"]},
                                                    {"tool": "f", "needs": ["b", "e"]}]})
        done = self.cluster.json("submit", file, "--wait")
        self.assertEqual((done["workflows"], done["task_instances"], done["tasks"]), (4, 12, 6))
        status = self.cluster.status()
        self.assertEqual((status["state"], status["total"], status["completed"]), ("completed", 6, 6))
        self.assert_each_ran_once("abcdef")
        for first, second in ("ab", "bc", "bd", "ae", "bf", "ef"):
            self.assert_before(first, second)
        tasks = self.cluster.tasks()
        self.assertEqual({tool: task["usage_counter"] for tool, task in tasks.items()},
                         {"a": 4, "b": 3, "c": 1, "d": 1, "e": 2, "f": 1})
        self.assertEqual({tool: task["priority"] for tool, task in tasks.items()},
                         {"a": -4, "b": 997, "c": 999, "d": 999, "e": 998, "f": 1999})
        self.assertEqual(sorted(tasks["f"]["dependencies"]), sorted([tasks["b"]["task_id"], tasks["e"]["task_id"]]))

    def test_registry_pipeline_runs_every_combination_of_its_tools(self):
        for name in ("w1", "w2"):
            self.cluster.start_worker(name)
        stages = {"pre_training": ["p1", "p2", "p0"], "during_training": ["t1", "t0"], "post_training": [],
                  "deployment": ["d1", "d0"]}
        self.cluster.write("tools.yaml", {"tools": {
            tool: {"name": tool, "defense_stage": stage, "is_baseline": tool.endswith("0"),
                   "container": dict(noting(), runtime=None)}
            for stage, tools in stages.items() for tool in tools}})
        (self.cluster.folder / "model.py").write_text("")
        file = self.cluster.write("grid.yaml", {
            "dataset": {"name": "none"}, "model": {"script": "model.py"},
            "defaults": {"env": {"NOTES": str(self.cluster.notes_file)}},
            "pipeline": {stage: {"tools": tools} for stage, tools in stages.items()}})
        (self.cluster.folder / "data").mkdir()
        self.cluster.start_worker("w3", "--data", f"none={self.cluster.folder / 'data'}")
        plan = self.cluster.json("plan", file)
        # Before training p1 p2, p2 p1, p1, p2 or p0; then two options twice.
        self.assertEqual((plan["workflows"], plan["tasks"]), (5 * 2 * 2, 5 + 5 * 2 + 5 * 2 * 2))
        done = self.cluster.json("submit", file, "--wait")
        self.assertEqual((done["workflows"], done["tasks"]), (plan["workflows"], plan["tasks"]))
        self.assertEqual(done["status"]["completed"], plan["tasks"])
        starts = self.cluster.notes("start")
        self.assertEqual(len(starts), plan["tasks"])
        self.assertEqual(len({note.task for note in starts}), plan["tasks"])
        self.assertEqual({task["worker"] for task in self.cluster.json("tasks")}, {"w3"}, "only w3 has the data")
        names = [workflow["name"] for workflow in self.cluster.json("workflows", "last")]
        self.assertEqual((names[0], names[-1]), ("comb_001", "comb_020"))

    def test_all_workers_get_work(self):
        gate = self.cluster.gate()
        for name in ("w1", "w2", "w3"):
            self.cluster.start_worker(name)
        tools = {"first": noting()}
        tools.update({f"t{i}": noting(f"read -r _ <{gate.path}") for i in range(4)})
        self.cluster.submit(self.cluster.native(tools, {f"w{i}": ["first", f"t{i}"] for i in range(4)}))
        wait_until(lambda: self.cluster.status()["running"] == 3, "three tasks run")
        running = [task["worker"] for task in self.cluster.json("tasks", "last", "--status", "running")]
        self.assertEqual(sorted(running), ["w1", "w2", "w3"])
        gate.let_pass(4)
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual(sum(worker["completed"] for worker in self.cluster.json("workers")), 5)

    def order_on_one_slot(self, policy):
        """Submits before there is a worker, so that all is decided by the policy. Returns (expected, real)."""
        tools = {name: noting() for name in "abcdefgh"}
        file = self.cluster.native(tools, {"1": ["a", "c", "d"], "2": ["b", "e"], "3": ["b", "f"],
                                           "4": ["b", "e", {"tool": "g", "needs": ["e", "b"]}], "5": ["h"]})
        self.cluster.submit(file, "--policy", policy)
        tasks = self.cluster.json("tasks")
        self.assertEqual({task["status"] for task in tasks}, {"pending"})
        expected = []
        ended = set()
        while len(expected) < len(tasks):
            ready = [task for task in tasks if task["task_id"] not in ended and set(task["dependencies"]) <= ended]
            sign = -1 if policy == "depth" else 1
            best = min(ready, key=lambda task: sign * task["priority"])  # the first of equals: insertion order
            expected.append(best["tool"])
            ended.add(best["task_id"])
        self.cluster.start_worker("w1")
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        return expected, [note.tool for note in self.cluster.notes("start")]

    def test_policy_landseer_prefers_few_dependencies_then_many_users(self):
        expected, real = self.order_on_one_slot("landseer")
        self.assertEqual(real, expected)
        self.assertEqual(real, ["b", "a", "h", "e", "c", "d", "f", "g"])

    def test_policy_depth_prefers_what_is_near_the_beginning(self):
        expected, real = self.order_on_one_slot("depth")
        self.assertEqual(real, expected)

    def test_higher_pipeline_priority_goes_first(self):
        self.cluster.submit(self.cluster.native({"low": noting()}, {"w": ["low"]}))
        self.cluster.submit(self.cluster.native({"high": noting()}, {"w": ["high"]}), "--priority", "5")
        self.cluster.start_worker("w1")
        self.assertEqual(self.cluster.run("wait", "1,2").code, 0)
        self.assertEqual([note.tool for note in self.cluster.notes("start")], ["high", "low"])

    def test_worker_that_comes_late_gets_work(self):
        gate = self.cluster.gate()
        self.cluster.start_worker("w1")
        self.cluster.submit(self.cluster.native({"held": noting(f"read -r _ <{gate.path}"), "free": noting()},
                                                {"1": ["held"], "2": ["free"]}))
        self.cluster.wait_for_note("held", "start")
        self.assertEqual(self.cluster.tasks()["free"]["status"], "pending")
        self.cluster.start_worker("w2")
        self.cluster.wait_for_note("free", "end")
        wait_until(lambda: self.cluster.tasks()["free"]["status"] == "completed", "the late worker reports")
        self.assertEqual(self.cluster.tasks()["free"]["worker"], "w2")
        gate.let_pass()
        self.assertEqual(self.cluster.run("wait", "last").code, 0)

    def test_idle_worker_starts_at_once(self):
        self.cluster.start_worker("w1")
        file = self.cluster.native({"first": noting(), "second": noting()}, {"w": ["first", "second"]})
        submitted = time.time()
        self.assertEqual(self.cluster.run("submit", file, "--wait").code, 0)
        first, second = self.cluster.notes("start")
        waited = first.time - submitted
        between = second.time - self.cluster.notes("end")[0].time
        print(f"submitted to started {waited * 1000:.0f} ms, ended to next started {between * 1000:.0f} ms")
        self.assertLess(waited, 2)  # milliseconds on a quiet machine; far below any heartbeat or poll
        self.assertLess(between, 2)


if __name__ == "__main__":
    main()
