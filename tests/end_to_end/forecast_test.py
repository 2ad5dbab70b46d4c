#!/usr/bin/python3
"""Forecasts against what happens: `plan` before, `status` meanwhile, real tools behind both."""

import re
import time

from cluster import EndToEnd, main, noting, wait_until

NAP = "sleep 0.4"
OUTPUT = 'head -c 5000 /dev/zero >"$OUTPUT_DIR/model.pt"'


class Forecasts(EndToEnd):
    def setUp(self):
        self.cluster.start_broker()

    def grid(self, **more):
        """Two tools, then three below each: 8 tasks in 6 workflows."""
        tools = {name: noting(f"{NAP}; {OUTPUT}") for name in ("a1", "a2", "b1", "b2", "b3")}
        workflows = {f"{a}-{b}": [a, b] for a in ("a1", "a2") for b in ("b1", "b2", "b3")}
        return self.cluster.native(tools, workflows, **more)

    def plan(self, file, *options):
        return self.cluster.json("plan", file, *options)

    def forecast(self, file, *options):
        document = self.plan(file, *options)
        self.assertEqual(1, len(document["forecasts"]), document)
        return document["forecasts"][0]

    def learn(self, file):
        self.cluster.json("submit", file, "--wait", "--no-cache")

    def test_nothing_is_forecast_before_anything_is_known(self):
        self.cluster.start_worker("w1")
        file = self.grid()
        document = self.plan(file)
        self.assertEqual((8, []), (document["tasks"], document["forecasts"]))
        self.assertIn("--durations", document["forecast_missing"])
        done = self.cluster.run("plan", file)
        self.assertEqual(0, done.code)
        self.assertIn("no forecast: ", done.err)

    def test_a_plan_is_what_a_run_then_takes(self):
        for name in ("w1", "w2"):
            self.cluster.start_worker(name)
        file = self.grid()
        self.learn(file)
        self.learn(file)
        forecast = self.forecast(file, "--set", "name=again", "--policy", "landseer")
        # What is in the cache need not run; so the same work with another configuration is planned.
        self.assertLess(forecast["finish_seconds"]["median"], 0.001)
        other = self.grid(defaults={"env": {"NOTES": str(self.cluster.notes_file), "OTHER": "1"}})
        forecast = self.forecast(other)
        self.assertEqual([], forecast["assumptions"])
        self.assertEqual([], forecast["unrunnable"])
        self.assertEqual(2, forecast["workers_count"])
        begun = time.monotonic()
        self.cluster.json("submit", other, "--wait")
        took = time.monotonic() - begun
        finish = forecast["finish_seconds"]
        self.assertLessEqual(finish["p10"], finish["median"])
        self.assertLessEqual(finish["median"], finish["p90"])
        # A busy machine may be several times slower than it was while the broker learned, or faster.
        self.assertGreater(took, finish["p10"] / 4)
        self.assertLess(took, finish["p90"] * 8 + 5)
        self.assertGreaterEqual(finish["p90"], 4 * 0.4)  # 8 tasks on 2 workers
        self.assertGreater(forecast["cpu_hours"] * 3600, 8 * 0.4 * 0.7)
        self.assertEqual(0, forecast["gpu_hours"])
        # One of a, at most, and what is below it, each of 5,000 bytes; all six ends stay.
        self.assertGreaterEqual(forecast["peak_artifact_bytes"], 6 * 5000)
        self.assertLessEqual(forecast["peak_artifact_bytes"], 8 * 5000)
        self.assertEqual([], forecast["unknown_sizes"])

    def test_what_was_learned_survives_the_broker(self):
        self.cluster.start_worker("w1")
        self.learn(self.grid())
        other = self.grid(defaults={"env": {"NOTES": str(self.cluster.notes_file), "OTHER": "1"}})
        before = self.forecast(other)
        self.cluster.restart_broker()
        wait_until(lambda: self.cluster.json("workers")[0]["state"] == "connected", "the worker is back")
        after = self.forecast(other)
        self.assertEqual(before, after)
        # Also from a snapshot, and without the journal before it.
        self.cluster.restart_broker(options=("--snapshot-bytes", "4KiB"))
        wait_until(lambda: self.cluster.json("workers")[0]["state"] == "connected", "the worker is back")
        for _ in range(3):
            self.learn(self.grid(defaults={"env": {"NOTES": str(self.cluster.notes_file), "OTHER": "2"}}))
        learned = self.forecast(other)
        self.cluster.restart_broker()
        wait_until(lambda: self.cluster.json("workers")[0]["state"] == "connected", "the worker is back")
        self.assertEqual(learned, self.forecast(other))

    def test_status_forecasts_what_is_left(self):
        self.cluster.start_worker("w1", cpus=2)
        self.learn(self.grid())
        gate = self.cluster.gate()
        tools = {"a1": noting(NAP), "b1": noting(f"read -r _ <{gate.path}"), "b2": noting(f"read -r _ <{gate.path}")}
        file = self.cluster.native(tools, {"one": ["a1", "b1"], "two": ["a1", "b2"], "three": ["a1", "b1", "b2"]})
        pipeline = self.cluster.submit(file, "--no-cache")
        for tool in ("b1", "b2"):
            self.cluster.wait_until_tasks(tool, "running")
        status = self.cluster.status(pipeline)
        forecast = status["forecast"]
        self.assertEqual((status["completed"], status["running"], status["pending"]), (1, 2, 1))
        self.assertIsNone(status["first_workflow_at"])
        self.assertIsNone(status["forecast_missing"])
        self.assertEqual(forecast["finish_seconds"]["median"], status["eta_seconds"])
        self.assertLess(forecast["cpu_hours"] * 3600, 3.5)  # not the first task
        self.assertGreater(forecast["cpu_hours"], 0)
        self.assertLess(forecast["first_workflow_seconds"]["median"], forecast["finish_seconds"]["p90"] + 0.001)
        self.assertIn("what is left", self.cluster.run("status", pipeline).out)
        self.assertIsNone(self.cluster.json("status", pipeline, "--forecast-limit", "0")["forecast"])
        self.assertGreaterEqual(self.cluster.json("list")[-1]["eta_seconds"], 0)
        gate.let_pass(1)
        wait_until(lambda: self.cluster.status(pipeline)["workflows_completed"] == 1, "a workflow is complete")
        first = self.cluster.status(pipeline)["first_workflow_at"]
        self.assertRegex(first, re.compile(r"^20\d\d-"))
        gate.let_pass(2)
        self.assertEqual(0, self.cluster.run("wait", pipeline).code)
        ended = self.cluster.status(pipeline)
        self.assertEqual((None, None), (ended["forecast"], ended["forecast_missing"]))
        self.assertEqual(0, ended["eta_seconds"])

    def test_enough_workflows_end_the_forecast(self):
        self.cluster.start_worker("w1")
        self.learn(self.grid())
        other = self.grid(defaults={"env": {"NOTES": str(self.cluster.notes_file), "OTHER": "1"}})
        whole = self.forecast(other)
        enough = self.forecast(other, "--stop-after", "1")
        self.assertEqual(enough["first_workflow_seconds"], enough["finish_seconds"])
        self.assertLess(enough["finish_seconds"]["p90"], whole["finish_seconds"]["p10"])
        self.assertIn(", with 1 workflow complete", self.cluster.run("plan", other, "--stop-after", "1").out)
        pipeline = self.cluster.submit(other, "--stop-after", "1")
        self.cluster.run("pause", pipeline)
        left = self.cluster.json("status", pipeline)["forecast"]
        self.assertEqual(left["first_workflow_seconds"], left["finish_seconds"])

    def test_other_pipelines_are_in_the_way(self):
        self.cluster.start_worker("w1")
        self.learn(self.grid())
        gate = self.cluster.gate()
        blocked = self.cluster.native({"a1": noting(f"read -r _ <{gate.path}")}, {"one": ["a1"]})
        other = self.grid(defaults={"env": {"NOTES": str(self.cluster.notes_file), "OTHER": "1"}})
        alone = self.forecast(other)
        pipeline = self.cluster.submit(blocked, "--no-cache")
        self.cluster.wait_until_tasks("a1", "running")
        beside = self.forecast(other)
        self.assertEqual((0, 1), (alone["beside"], beside["beside"]))
        self.assertGreater(beside["finish_seconds"]["median"], alone["finish_seconds"]["median"])
        gate.let_pass()
        self.assertEqual(0, self.cluster.run("wait", pipeline).code)


class WhatIf(EndToEnd):
    """Without any broker."""

    def plan(self, *options):
        file = self.cluster.native(
            {"train": noting(), "prune": noting()}, {"one": ["train", "prune"], "two": ["train"]},
            defaults={"resources": {"gpus": 1}})
        return self.cluster.json("plan", file, *options)

    def durations(self, document):
        return self.cluster.write("durations.yaml", document)

    def test_cases_side_by_side(self):
        said = self.durations({"train": {"A100": "10m", "T4": "40m", "output": "1GiB"}, "prune": "20m"})
        document = self.plan("--workers", "1xA100", "--workers", "1xT4,1xA100", "--workers", "2xV100",
                             "--policy", "landseer,finish-first", "--durations", said)
        cases = document["forecasts"]
        self.assertEqual([("1xA100", "landseer"), ("1xA100", "finish-first"), ("1xT4,1xA100", "landseer"),
                          ("1xT4,1xA100", "finish-first"), ("2xV100", "landseer"), ("2xV100", "finish-first")],
                         [(case["workers"], case["policy"]) for case in cases])
        self.assertEqual({"p10": 1800.0, "median": 1800.0, "p90": 1800.0}, cases[0]["finish_seconds"])
        self.assertEqual((0.5, 1.0, 1), (cases[0]["gpu_hours"], cases[0]["gpu_utilisation"], cases[0]["runs"]))
        self.assertEqual(600, cases[0]["first_workflow_seconds"]["median"])
        self.assertEqual(1 << 30, cases[0]["peak_artifact_bytes"])
        self.assertEqual(["prune"], cases[0]["unknown_sizes"])
        self.assertEqual([{"tool": "train", "device": "V100", "seconds": 1500.0, "source": "other_device"}],
                         cases[4]["assumptions"])
        self.assertGreater(cases[4]["finish_seconds"]["p90"], cases[4]["finish_seconds"]["p10"])

    def test_people_get_a_table_and_are_told_what_was_assumed(self):
        said = self.durations({"train": "10m"})
        file = self.cluster.native({"train": noting(), "prune": noting()}, {"one": ["train", "prune"]})
        one = self.cluster.run("plan", file, "--workers", "2xcpu", "--durations", said)
        self.assertIn("\nfinish          in ", one.out)
        self.assertIn("! no time of prune on CPUs is known: assumed 10m00s", one.out)
        two = self.cluster.run("plan", file, "--workers", "2xcpu", "--workers", "4xcpu", "--durations", said)
        self.assertRegex(two.out, r"(?m)^WORKERS +POLICY .*\n2xcpu .*\n4xcpu ")

    def test_what_cannot_be_answered_is_said(self):
        self.assertIn("--durations", self.plan("--workers", "1xA100")["forecast_missing"])
        said = self.durations({"train": "10m", "prune": "5m"})
        without = self.plan("--durations", said)
        self.assertIn("--workers", without["forecast_missing"])
        no_gpu = self.plan("--workers", "3xcpu", "--durations", said)["forecasts"][0]
        self.assertEqual(["prune", "train"], sorted(no_gpu["unrunnable"]))

    def test_bad_input_gets_one_clear_message(self):
        said = self.durations({"train": "10m"})
        for options, part in ((("--workers", "A100"), "A100"), (("--workers", "0xA100"), "0"),
                              (("--workers", "9999xA100"), "5000"), (("--workers", "1xA100:cpu=3"), "cpus=N"),
                              (("--durations", self.cluster.folder / "none.yaml"), "none.yaml"),
                              (("--policy", "fastest"), "fastest")):
            file = self.cluster.native({"train": noting()}, {"one": ["train"]})
            done = self.cluster.run("--json", "plan", file, "--durations", said, *options) \
                if options[0] != "--durations" else self.cluster.run("--json", "plan", file, *options)
            self.assertEqual(2, done.code, options)
            self.assertIn(part, done.out, options)
        for broken, part in (({"train": "soon"}, "durations.yaml:2:"),
                             ({"train": {"spread": "x", "any": "1m"}}, "spread"),
                             ({"train": {"output": "1GiB"}}, "has no time"),
                             ({"train": {"any": "1m", "output": "big"}}, "size")):
            file = self.cluster.native({"train": noting()}, {"one": ["train"]})
            done = self.cluster.run("--json", "plan", file, "--workers", "1xcpu", "--durations", self.durations(broken))
            self.assertEqual(2, done.code, broken)
            self.assertIn(part, done.out, broken)


if __name__ == "__main__":
    main()
