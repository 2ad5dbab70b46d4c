#!/usr/bin/python3
"""What tasks ask for and workers offer, and workers that are taken out of use."""

import subprocess

from cluster import BIN, PATIENCE, EndToEnd, main_side_by_side, noting, wait_until

LEASE = "6s"

SAVING = """
cd $CHECKPOINT_DIR
if [ -e state ]; then
    note restored "$(cat state)"
else
    trap 'echo saved when told to stop >state; exit 1' TERM
    note begun
    read -r _ <$GATE
fi
"""


class Requests(EndToEnd):
    def start(self, *broker):
        self.cluster.start_broker(lease=LEASE, options=broker)

    def tool(self, body="", **resources):
        return {"container": noting(body), "resources": resources}

    def test_a_task_goes_where_its_label_scratch_and_licence_are(self):
        self.start()
        self.cluster.start_worker("plain", "--resource", "licence_x=1")
        self.cluster.start_worker("labelled", "--label", "zone=a", "--resource", "licence_x=2")
        tool = self.tool(labels={"zone": ["a", "b"]}, scratch="1MiB", licence_x=2)
        self.cluster.submit(self.cluster.native({"tool": tool}, {"w": ["tool"]}))
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual(self.cluster.tasks()["tool"]["worker"], "labelled")
        workers = self.cluster.json("workers", "--label", "zone=a")
        self.assertEqual([worker["name"] for worker in workers], ["labelled"])
        self.assertEqual(workers[0]["resources"], {"licence_x": {"amount": 2, "free": 2}})
        self.assertGreater(workers[0]["slots"]["scratch_bytes"], 1 << 20)

    def test_what_can_never_run_is_said_at_once(self):
        self.start()
        self.cluster.start_worker("w1", "--resource", "licence_x=1", cpus=4)
        tool = self.tool(cpus=8, licence_x=3)
        done = self.cluster.run("submit", self.cluster.native({"tool": tool}, {"w": ["tool"]}))
        self.assertEqual(done.code, 0)
        self.assertIn("w1 has 4 CPUs, it asks for 8; w1 has 1 licence_x, it asks for 3", done.err)
        self.assertIn("ask for at most 4 CPUs, and ask for at most 1 licence_x", done.err)
        self.assertIn("1 tasks can never run", self.cluster.status()["notices"][0])
        explained = self.cluster.json("explain", self.cluster.tasks()["tool"]["task_id"])
        self.assertIn("The smallest change: ask for at most 4 CPUs", explained["summary"])
        self.cluster.start_worker("w2", "--resource", "licence_x=3", cpus=8)
        self.assertEqual(self.cluster.run("wait", "last").code, 0)

    def test_the_broker_s_licences_are_shared_and_counted_over_a_restart(self):
        self.start("--resource", "matlab=2")
        gate = self.cluster.gate()
        self.cluster.start_worker("w1", cpus=4)
        tool = self.tool(f"read -r _ <{gate.path}", matlab=1)
        tools = {name: tool for name in ("a", "b", "c")}
        self.cluster.submit(self.cluster.native(tools, {name: [name] for name in tools}))
        wait_until(lambda: len(self.cluster.notes("start")) == 2, "two run")
        waiting = [task for task in self.cluster.tasks().values() if task["status"] == "pending"]
        self.assertEqual(len(waiting), 1)
        explained = self.cluster.json("explain", waiting[0]["task_id"])
        self.assertIn("the broker has 0 matlab free, it asks for 1", explained["reasons"])
        self.cluster.restart_broker(lease=LEASE, options=("--resource", "matlab=2"))
        wait_until(lambda: self.cluster.json("workers")[0]["state"] == "connected", "the worker is back")
        self.assertIn("all workers share matlab: 0 of 2 free", self.cluster.run("workers").err)
        gate.let_pass(3)
        self.assertEqual(self.cluster.run("wait", "last").code, 0)

    def test_a_cap_holds_whatever_room_there_is(self):
        self.start()
        gate = self.cluster.gate()
        self.cluster.start_worker("w1", "--max-tasks", "1", cpus=8)
        tool = self.tool(f"read -r _ <{gate.path}")
        self.cluster.submit(self.cluster.native({"a": tool, "b": tool}, {"1": ["a"], "2": ["b"]}))
        self.cluster.wait_for_note("a", "start")
        explained = self.cluster.json("explain", self.cluster.tasks()["b"]["task_id"])
        self.assertIn("w1 runs 1 tasks, at most 1 are allowed there", explained["reasons"])
        gate.let_pass(2)
        self.assertEqual(self.cluster.run("wait", "last").code, 0)

    def test_a_wrong_option_says_what_is_wrong_with_it(self):
        self.start()
        for program in ("landseer-broker", "landseer-worker"):
            done = subprocess.run([BIN / program, "--resource", "licence_x=many"], env=self.cluster.environment,
                                  capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 2)
            self.assertIn("--resource 'licence_x=many' is not NAME=AMOUNT", done.stderr)


class Drain(EndToEnd):
    def setUp(self):
        self.cluster.start_broker(lease=LEASE)
        self.gate = self.cluster.gate()

    def worker(self, name):
        return next(row for row in self.cluster.json("workers") if row["name"] == name)

    def test_a_drained_worker_finishes_and_stays_drained_over_restarts(self):
        worker = self.cluster.start_worker("w1", "--label", "rack=3")
        held = {"held": noting(f"read -r _ <{self.gate.path}")}
        self.cluster.submit(self.cluster.native(held, {"w": ["held"]}))
        self.cluster.wait_for_note("held", "start")
        drained = self.cluster.json("drain", "--label", "rack=3")
        self.assertEqual(drained, [{"worker_id": "worker_1", "name": "w1", "drained": True, "changed": True,
                                    "running": 1}])
        self.cluster.restart_broker(lease=LEASE)
        self.gate.let_pass()
        self.assertEqual(self.cluster.run("wait", "1").code, 0)
        self.cluster.submit(self.cluster.native({"next": noting()}, {"w": ["next"]}))
        worker.terminate()
        self.cluster.start_worker("w1", "--label", "rack=3")
        wait_until(lambda: self.worker("w1")["state"] == "drained", "it is back")
        explained = self.cluster.json("explain", self.cluster.tasks()["next"]["task_id"])
        self.assertIn("w1 is drained: `landseer undrain w1`", explained["reasons"])
        done = self.cluster.run("undrain", "w1")
        self.assertEqual((done.code, done.out), (0, "w1 (worker_1): gets work again\n"))
        self.assertEqual(self.cluster.run("wait", "last").code, 0)

    def test_now_moves_a_task_with_its_checkpoint(self):
        self.cluster.start_worker("w1")
        script = SAVING.strip().replace("$GATE", str(self.gate.path))
        self.cluster.submit(self.cluster.native({"tool": noting(script)}, {"w": ["tool"]}))
        self.cluster.wait_for_note("tool", "begun")
        self.cluster.start_worker("w2")
        self.assertEqual(self.cluster.json("drain", "w1", "--now")[0]["running"], 1)
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual([(note.attempt, note.rest) for note in self.cluster.notes("restored")],
                         [(2, "saved when told to stop")])
        detail = self.cluster.json("task", self.cluster.tasks()["tool"]["task_id"])
        self.assertEqual([(attempt["worker"], attempt["outcome"]) for attempt in detail["history"]],
                         [("w1", "returned"), ("w2", "succeeded")])
        self.assertEqual(self.worker("w1")["state"], "drained")

    def test_what_is_not_there_is_an_error(self):
        self.assertEqual(self.cluster.run("drain", "nobody").code, 5)
        self.assertEqual(self.cluster.run("drain").code, 2)
        self.assertEqual(self.cluster.run("drain", "--label", "rack").code, 2)


if __name__ == "__main__":
    main_side_by_side()
