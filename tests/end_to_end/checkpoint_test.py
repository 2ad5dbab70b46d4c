#!/usr/bin/python3
"""Tasks that go on elsewhere from what they left in CHECKPOINT_DIR: when their worker is asked to stop, when an attempt
fails, and when a host dies.
"""

import time

from cluster import EndToEnd, main_side_by_side, noting, wait_until
from fault_proxy import DOWN, FaultProxy

MEBIBYTE = 1024 * 1024

# Saves only once it is told to stop, as a tool does that is in the middle of an epoch.
SAVING = """
cd $CHECKPOINT_DIR
if [ -e state ]; then
    sha256sum -c sum || exit 5
    note restored "$(cat state)"
else
    trap 'head -c 6291456 /dev/urandom >big; sha256sum big >sum; echo saved when told to stop >state; exit 1' TERM
    note begun
    # Not in this shell: a signal that comes just before it opens the gate would not be heard.
    (read -r _ <$GATE) &
    wait $!
fi
"""

# Fails until its third attempt.
COUNTING = """
cd $CHECKPOINT_DIR
note from "$(cat step 2>/dev/null || echo nothing)"
echo "step $LANDSEER_ATTEMPT" >step
read -r _ <$GATE
[ $LANDSEER_ATTEMPT = 3 ] || exit 1
"""


class Checkpoint(EndToEnd):
    def setUp(self):
        self.cluster.start_broker(lease="8s")
        self.gate = self.cluster.gate()

    def submit(self, script, **more):
        tool = {"container": noting(script.strip().replace("$GATE", str(self.gate.path))), **more}
        return self.cluster.submit(self.cluster.native({"tool": tool}, {"w": ["tool"]}))

    def submit_other(self):
        """Something else that keeps a worker busy until the gate that is returned lets it pass."""
        gate = self.cluster.gate("other")
        self.cluster.submit(self.cluster.native({"other": noting(f"read -r _ <{gate.path}")}, {"w": ["other"]}))
        return gate

    def start_source(self, address=None):
        """A worker in the middle of a tool that has not saved anything yet."""
        options = ("--data-address", address) if address else ()
        worker = self.cluster.start_worker("w1", *options)
        self.submit(SAVING)
        self.cluster.wait_for_note("tool", "begun", attempt=1)
        return worker

    def proxy(self):
        proxy = FaultProxy()
        self.addCleanup(proxy.close)
        return proxy

    def history(self, pipeline="last"):
        detail = self.cluster.json("task", self.cluster.tasks(pipeline)["tool"]["task_id"])
        return [(attempt["worker"], attempt["outcome"]) for attempt in detail["history"]]

    def finish(self):
        self.assertEqual(self.cluster.run("wait", "last").code, 0)

    def assert_went_on(self):
        self.assertEqual([(note.attempt, note.rest) for note in self.cluster.notes("restored")],
                         [(2, "saved when told to stop")])

    def test_a_stopped_worker_s_task_goes_on_elsewhere_from_what_it_saved_at_the_end(self):
        first = self.start_source()
        self.cluster.start_worker("w2")
        self.assertEqual(first.terminate(), 0)
        self.finish()
        self.assertEqual(self.history(), [("w1", "returned"), ("w2", "succeeded")])
        self.assert_went_on()

    def test_a_worker_that_leaves_stays_until_its_checkpoint_was_fetched(self):
        net = self.proxy()
        first = self.start_source(net.address)
        net.target = first.addresses[1]
        net.slow_down(DOWN, 3 * MEBIBYTE)  # some three seconds
        self.cluster.start_worker("w2")
        first.process.terminate()
        wait_until(lambda: net.passed[DOWN] > MEBIBYTE, "the checkpoint is under way")
        self.assertEqual(self.cluster.tools(), [])
        self.assertTrue(first.running())
        self.finish()
        self.assertEqual(first.terminate(), 0)
        self.assert_went_on()

    def test_it_waits_for_a_worker_that_becomes_free(self):
        self.cluster.start_worker("w2")
        other = self.submit_other()
        self.cluster.wait_for_note("other", "start")
        first = self.start_source()
        first.process.terminate()
        wait_until(lambda: self.history()[0][1] == "returned", "the task is given back")
        self.assertTrue(first.running())
        other.let_pass()
        self.finish()
        self.assertEqual(first.terminate(), 0)
        self.assert_went_on()

    def test_it_does_not_stay_when_nobody_could_go_on(self):
        first = self.start_source()
        begun = time.monotonic()
        self.assertEqual(first.terminate(), 0)
        self.assertLess(time.monotonic() - begun, 10, "it need not have waited")
        self.cluster.start_worker("w1")
        self.finish()
        self.assertEqual(self.history(), [("w1", "returned"), ("w1", "succeeded")])
        self.assert_went_on()

    def test_a_checkpoint_that_cannot_be_had_costs_its_work_and_no_more(self):
        net = self.proxy()
        first = self.start_source(net.address)
        net.target = first.addresses[1]
        net.black_hole(DOWN)
        self.cluster.start_worker("w2")
        self.assertEqual(first.terminate(), 0)
        self.cluster.wait_for_note("tool", "begun", attempt=2)
        self.gate.let_pass()
        self.finish()
        self.assertEqual(self.history(), [("w1", "returned"), ("w2", "succeeded")])
        self.assertIn("begins anew: its checkpoint cannot be had", (self.cluster.folder / "w2.log").read_text())

    def test_after_a_failure_and_a_dead_host_it_goes_on_from_the_last_copy(self):
        self.cluster.start_worker("w1")
        pipeline = self.submit(COUNTING, retries=1)
        self.cluster.wait_for_note("tool", "from", attempt=1)
        other = self.submit_other()
        self.gate.let_pass()
        self.cluster.wait_for_note("other", "start")  # w1 is busy from now on
        second = self.cluster.start_worker("w2")
        self.cluster.wait_for_note("tool", "from", attempt=2)
        self.cluster.start_worker("w3")
        self.cluster.lose_host(second)  # with it goes what the second attempt saved
        self.cluster.wait_for_note("tool", "from", attempt=3)
        self.gate.let_pass()
        other.let_pass()
        self.assertEqual(self.cluster.run("wait", "1,2").code, 0)
        self.assertEqual(self.history(pipeline), [("w1", "exit_code"), ("w2", "worker_lost"), ("w3", "succeeded")])
        self.assertEqual([note.rest for note in self.cluster.notes("from")], ["nothing", "step 1", "step 1"])


if __name__ == "__main__":
    main_side_by_side()
