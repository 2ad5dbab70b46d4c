#!/usr/bin/python3
"""Parts of pipelines: cancelled and retried, put first, pruned by rules, and what is complete meanwhile."""

import csv

from cluster import EndToEnd, main, noting

LEASE = "6s"
MEASURE = ("read -r value <$INPUT_DIR/accuracy; printf '{\"success\": true, \"metrics\": {\"clean_accuracy\": %s}}' "
           "$value >$OUTPUT_DIR/evaluation_results.json")


def training(accuracy):
    return noting(f"echo {accuracy} >$OUTPUT_DIR/accuracy")


def workflow(train, *rest):
    """A training, its evaluation, and what may come after it."""
    return [train, {"tool": "measure", "type": "evaluation", "needs": [train]},
            *({"tool": tool, "needs": [train]} for tool in rest)]


class Rules(EndToEnd):
    def setUp(self):
        self.cluster.start_broker(lease=LEASE)
        self.cluster.start_worker("w1")

    def grid(self, **more):
        tools = {"strong": training(0.9), "weak": training(0.3), "measure": noting(MEASURE),
                 "prune": noting(), "quantize": noting()}
        return self.cluster.native(tools, {
            f"{train}_{post}": workflow(train, post) for train in ("strong", "weak") for post in ("prune", "quantize")},
            **more)

    def started(self):
        return sorted(note.tool for note in self.cluster.notes("start"))

    def check_pruned(self):
        status = self.cluster.status()
        self.assertEqual((status["state"], status["completed"], status["cancelled"], status["pruned"]),
                         ("completed", 6, 2, 2))
        self.assertEqual([(row["rule"], row["times"], row["tasks"]) for row in status["prunings"]],
                         [("clean_accuracy < 0.5", 1, 2)])
        self.assertEqual(self.started(), ["measure", "measure", "prune", "quantize", "strong", "weak"])
        pruned = [task for task in self.cluster.json("tasks") if task["pruned"]]
        self.assertEqual([task["status"] for task in pruned], ["cancelled", "cancelled"])
        for task in pruned:
            self.assertIn("pruned by the rule 'clean_accuracy < 0.5'", task["reason"])
            self.assertIn("clean_accuracy = 0.3", task["reason"])

    def test_what_extends_a_bad_prefix_does_not_run(self):
        file = self.grid(stop_when="clean_accuracy < 0.5")
        done = self.cluster.run("submit", file, "--wait")
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("2 pruned", done.out)
        self.check_pruned()
        results = self.cluster.json("results")
        self.assertEqual([(row["combination"], row["combination_status"], row["metrics"]["clean_accuracy"])
                          for row in results["combinations"]],
                         [("strong_prune", "success", 0.9), ("strong_quantize", "success", 0.9),
                          ("weak_prune", "pruned", 0.3), ("weak_quantize", "pruned", 0.3)])
        text = self.cluster.run("status", "last").out
        self.assertIn("clean_accuracy < 0.5: held once, 2 tasks pruned", text)

    def test_a_rule_by_flag_and_its_effect_survive_a_killed_broker(self):
        file = self.grid()
        done = self.cluster.run("submit", file, "--wait", "--set", "stop_when='clean_accuracy < 0.5'")
        self.assertEqual(done.code, 0, done.err)
        self.cluster.restart_broker(lease=LEASE)
        self.check_pruned()
        # What was pruned can be wanted after all.
        self.assertEqual(self.cluster.json("retry", "last", "--pruned")["tasks"], 2)
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual((self.cluster.status()["completed"], self.cluster.status()["pruned"]), (8, 0))

    def test_a_rule_that_asks_for_what_nobody_reports_says_so(self):
        done = self.cluster.run("submit", self.grid(), "--wait", "--stop-when", "accuracy < 0.5")
        self.assertEqual(done.code, 0)
        status = self.cluster.status()
        self.assertEqual(status["pruned"], 0)
        self.assertIn("'accuracy'", status["notices"][0])
        self.assertIn("'clean_accuracy'", status["notices"][0])

    def test_a_bad_rule_is_refused_where_it_stands(self):
        error = self.cluster.json("plan", self.grid(stop_when="clean_accuracy = 0.5"), code=2)["error"]
        self.assertIn("column 16", error["message"])
        self.assertIn("`==`", error["hint"])
        error = self.cluster.json("submit", self.grid(), "--stop-when", "clean_accuracy <", code=2)["error"]
        self.assertIn("ends too early", error["message"])

    def test_enough_workflows_end_the_rest(self):
        file = self.cluster.native({tool: noting() for tool in ("a", "b", "c")},
                                   {"one": ["a"], "two": ["b"], "three": ["c"]})
        done = self.cluster.run("submit", file, "--wait", "--stop-after", "1")
        self.assertEqual(done.code, 0, done.err)
        status = self.cluster.status()
        self.assertEqual((status["state"], status["workflows_completed"], status["pruned"]), ("completed", 1, 2))
        self.assertEqual(status["prunings"][0]["rule"], "stop_after 1")
        self.assertEqual([row["combination_status"] for row in self.cluster.json("results")["combinations"]],
                         ["success", "pruned", "pruned"])


class Parts(EndToEnd):
    def setUp(self):
        self.cluster.start_broker(lease=LEASE)
        self.worker = self.cluster.start_worker("w1")
        self.gate = self.cluster.gate()

    def submit(self):
        tools = {"shared": noting(), "quick": noting(), "held": noting(f"read -r _ <{self.gate.path}"),
                 "last": noting()}
        self.cluster.submit(self.cluster.native(tools, {
            "first": ["shared", "quick"], "second": ["shared", "held", "last"], "third": ["shared", "last"]}))
        self.cluster.wait_for_note("held", "start")

    def results(self):
        folder = self.cluster.folder / "results"
        done = self.cluster.json("results", "last", "--csv", folder)
        with open(folder / "results_combinations.csv", newline="") as file:
            rows = {row["combination"]: row for row in csv.DictReader(file)}
        with open(folder / "results_tools.csv", newline="") as file:
            tools = [(row["combination"], row["tool_name"], row["status"]) for row in csv.DictReader(file)]
        return done, rows, tools

    def test_what_is_complete_is_shown_while_the_rest_runs(self):
        self.submit()
        self.cluster.wait_until_tasks("quick", "completed")
        done, rows, tools = self.results()
        self.assertEqual(done["state"], "running")
        statuses = {row["combination"]: row["combination_status"] for row in done["combinations"]}
        self.assertEqual(statuses, {"first": "success", "second": "running", "third": "running"})
        self.assertEqual({name: row["combination_status"] for name, row in rows.items()}, statuses)
        self.assertGreater(float(rows["first"]["total_duration"]), 0)
        self.assertIn(("second", "held", "running"), tools)
        self.assertIn(("first", "quick", "completed"), tools)
        table = self.cluster.run("results", "last")
        self.assertIn("success", table.out)
        self.assertIn("1 of 3 workflows are complete, 2 to come", table.err)
        self.assertEqual(self.cluster.run("cancel", "workflow_2", "--yes").code, 0)
        self.assertEqual(self.cluster.run("wait", "last").code, 1)
        done, rows, tools = self.results()
        self.assertEqual({name: row["combination_status"] for name, row in rows.items()},
                         {"first": "success", "second": "cancelled", "third": "success"})
        self.assertIn(("second", "held", "cancelled"), tools)

    def test_a_cancelled_workflow_is_foretold_kept_and_undone(self):
        self.submit()
        self.cluster.wait_until_tasks("shared", "completed")
        plan = self.cluster.json("cancel", "workflow_2", "--dry-run")
        self.assertEqual(plan, {"workflows": ["workflow_2"], "pipeline_id": "pipeline_1", "tasks": 1, "running": 1,
                                "skipped": 0, "shared": 0, "workflows_lost": 1, "dry_run": True})
        self.assertEqual(self.cluster.status()["cancelled"], 0)
        asked = self.cluster.run("cancel", "workflow_2")
        self.assertEqual(asked.code, 2)
        self.assertIn("1 pending, 1 running", asked.err)
        done = self.cluster.run("cancel", "workflow_2", "--yes")
        self.assertEqual((done.code, done.out), (0, "workflow_2: 1 tasks cancelled, 1 being stopped\n"))
        self.cluster.restart_broker(lease=LEASE)
        self.assertEqual(self.cluster.run("wait", "last").code, 1)
        self.assertEqual([row["status"] for row in self.cluster.json("workflows")],
                         ["completed", "cancelled", "completed"])
        self.gate.let_pass()
        self.assertEqual(self.cluster.json("retry", "workflow_2")["tasks"], 2)
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual(self.cluster.status()["state"], "completed")

    def test_a_cancelled_tool_takes_along_what_depends_on_it(self):
        self.submit()
        error = self.cluster.json("cancel", "last", "--tool", "hold", "--yes", code=5)["error"]
        self.assertIn("'held'", error["hint"])
        done = self.cluster.json("cancel", "last", "--tool", "held", "--yes")
        self.assertEqual((done["tool"], done["tasks"], done["running"], done["skipped"]), ("held", 0, 1, 1))
        self.assertEqual(self.cluster.run("wait", "last").code, 1)
        status = self.cluster.status()
        self.assertEqual((status["state"], status["completed"], status["cancelled"], status["skipped"]),
                         ("failed", 3, 1, 1))
        self.gate.let_pass()
        self.assertEqual(self.cluster.json("retry", "last", "--tool", "held")["tasks"], 2)
        self.assertEqual(self.cluster.run("wait", "last").code, 0)

    def test_priority_counts_at_once_and_survives_a_killed_broker(self):
        held = {"held": noting(f"read -r _ <{self.gate.path}")}
        self.cluster.submit(self.cluster.native(held, {"w": ["held"]}))
        self.cluster.wait_for_note("held", "start")
        # A worker may hold one more task already.
        for name in ("filler", "low", "high"):
            self.cluster.submit(self.cluster.native({name: noting()}, {"w": [name]}), "--name", name)
        self.assertEqual(self.cluster.json("priority", "high", "7"),
                         {"pipeline_id": "pipeline_4", "priority": 7, "before": 0})
        self.assertEqual(self.cluster.run("priority", "low", "-2").out, "pipeline_3: priority -2, was 0\n")
        self.cluster.restart_broker(lease=LEASE)
        self.assertEqual([row["priority"] for row in self.cluster.json("list")], [0, 0, -2, 7])
        self.assertIn("priority 7", self.cluster.run("status", "high").out)
        self.gate.let_pass()
        self.assertEqual(self.cluster.run("wait", "1-4").code, 0)
        self.assertEqual([note.tool for note in self.cluster.notes("start") if note.tool in ("low", "high")],
                         ["high", "low"])
        self.assertEqual(self.cluster.json("priority", "low", "1", code=1)["error"]["code"], "conflict")


if __name__ == "__main__":
    main()
