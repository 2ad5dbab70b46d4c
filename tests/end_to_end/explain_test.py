#!/usr/bin/python3
"""`landseer explain`: why a task waits, in one sentence, and that the change it names helps."""

from cluster import BIN, EndToEnd, main_side_by_side, noting, wait_until

FAKE_NVML = BIN.parent / "tests/fake_nvml.so"


class Explain(EndToEnd):
    def setUp(self):
        self.cluster.start_broker()

    def submit(self, name, gate=None, **resources):
        """A pipeline of one task; returns the task's id."""
        tool = {"container": noting(f"read -r _ <{gate.path}" if gate else ""), "resources": resources}
        self.cluster.submit(self.cluster.native({name: tool}, {name: [name]}, name=name))
        return self.cluster.tasks(name)[name]["task_id"]

    def explain(self, task):
        """What it says on a terminal is what it says to programs."""
        document = self.cluster.json("explain", task)
        shown = self.cluster.run("explain", task)
        self.assertEqual(shown.code, 0)
        self.assertIn(document["summary"], shown.out.splitlines()[0])
        for reason in document["reasons"]:
            self.assertIn(reason, shown.out)
        if document["change"]:
            self.assertIn("what would let it run: " + document["change"]["text"], shown.out)
        return document

    def expect_to_run(self, pipeline):
        self.assertEqual(self.cluster.run("wait", pipeline).code, 0)

    def test_three_gpus_where_there_are_two(self):
        listed = self.cluster.folder / "gpus"
        listed.write_text("GPU-a T4 16000000000 0 0\nGPU-b T4 16000000000 0 0\n")
        self.cluster.environment["LANDSEER_FAKE_NVML"] = str(listed)
        self.cluster.start_worker("w1", "--nvml-library", FAKE_NVML)
        why = self.explain(self.submit("three", gpus=3))
        self.assertRegex(why["summary"], r"it is ready, but no known worker can ever run what asks for 1 CPU, 3 GPU; "
                                         r"nearest: w1 has 2 GPUs \(T4 with [^)]*\), it asks for 3 GPUs\. "
                                         r"The smallest change: ask for at most 2 GPUs")
        self.assertEqual(why["change"], {"kind": "request", "text": "ask for at most 2 GPUs"})
        self.assertEqual([(one["kind"], one["workers"], one["worker_count"], one["lasting"])
                          for one in why["conditions"]], [("gpus", ["w1"], 1, True)])
        self.assertIsNone(why["queue"])
        self.submit("two", gpus=2)
        self.expect_to_run("two")

    def test_a_label_that_nobody_has(self):
        self.cluster.start_worker("w1", "--label", "zone=b")
        why = self.explain(self.submit("labelled", labels={"zone": "a"}))
        self.assertEqual(why["reasons"][0], "w1 has the label zone=b, it asks for zone=a")
        self.assertEqual(why["change"]["text"],
                         "drop the label rule for zone, or start a worker with --label zone=a")
        self.cluster.start_worker("w2", "--label", "zone=a")
        self.expect_to_run("labelled")

    def test_a_paused_pipeline_and_the_line_before_a_task(self):
        gate = self.cluster.gate()
        self.cluster.start_worker("w1")
        held = self.submit("held", gate)
        self.cluster.wait_for_note("held", "start")
        first = self.submit("first")
        task = self.submit("last")
        why = self.explain(task)
        self.assertEqual(why["queue"]["ahead"], 1)
        self.assertEqual(why["queue"]["first"][0]["task_id"], first)
        self.assertFalse(why["queue"]["at_least"])
        self.assertIn(f"wait: w1 has 0 CPUs free, it asks for 1; {held} (held) there may take until its time limit",
                      why["change"]["text"])
        self.assertEqual(why["waits_for"], held)
        self.cluster.run("pause", "last")
        gate.let_pass(1)
        wait_until(lambda: self.cluster.status("first")["state"] == "completed", "the others are done")
        why = self.explain(task)
        self.assertEqual(why["summary"], "it is ready, but its pipeline is paused")
        self.assertEqual(why["change"]["kind"], "resume")
        resume = why["change"]["text"].strip("`").split()[1:]
        self.assertEqual(self.cluster.run(*resume).code, 0)
        self.expect_to_run("last")


if __name__ == "__main__":
    main_side_by_side()
