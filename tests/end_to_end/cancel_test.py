#!/usr/bin/python3
"""Ending work that is no longer wanted."""

import signal

from cluster import PATIENCE, EndToEnd, main, noting


class Cancel(EndToEnd):
    def setUp(self):
        self.cluster.start_broker(lease="6s")
        self.cluster.start_worker("w1")
        self.gate = self.cluster.gate()

    def submit_held(self, trap="trap 'note stopped; exit 1' TERM"):
        tools = {"done": noting(), "held": noting(f"sleep 1000 & {trap}; note forked; read -r _ <{self.gate.path}"),
                 "next": noting()}
        pipeline = self.cluster.submit(self.cluster.native(tools, {"w": ["done", "held", "next"]}))
        self.cluster.wait_for_note("held", "forked")
        return pipeline

    def wait_for_end(self, code=1):
        self.assertEqual(self.cluster.run("wait", "last").code, code)

    def test_a_cancelled_pipeline_runs_nothing_any_more(self):
        self.submit_held()
        waiting = self.cluster.spawn("wait", "last")
        cancelled = self.cluster.json("cancel", "last", "--yes")
        self.assertEqual(cancelled, {"pipeline_id": "pipeline_1", "tasks": 1, "running": 1})
        waiting.communicate(timeout=PATIENCE)
        self.assertEqual(waiting.returncode, 1)
        self.assertEqual(self.cluster.tools(), [])
        self.cluster.wait_for_note("held", "stopped")
        status = self.cluster.status()
        self.assertEqual((status["state"], status["completed"], status["cancelled"]), ("cancelled", 1, 2))
        tasks = self.cluster.tasks()
        self.assertEqual({tool: task["status"] for tool, task in tasks.items()},
                         {"done": "completed", "held": "cancelled", "next": "cancelled"})
        self.assertNotIn("next", {note.tool for note in self.cluster.notes("start")})

    def test_the_slot_is_free_again_after_a_cancel(self):
        self.submit_held()
        file = self.cluster.native({"waiting": noting()}, {"w": ["waiting"]})
        self.cluster.submit(file)
        self.assertEqual(self.cluster.run("cancel", "pipeline_1", "--yes").code, 0)
        self.assertEqual(self.cluster.run("wait", "pipeline_2").code, 0)

    def test_a_tool_that_ignores_the_signal_is_killed(self):
        self.submit_held("trap '' TERM")
        self.assertEqual(self.cluster.run("cancel", "last", "--yes").code, 0)
        self.wait_for_end()
        self.assertEqual(self.cluster.tools(), [])

    def test_a_cancelled_task_costs_its_dependents(self):
        self.submit_held()
        held = self.cluster.tasks()["held"]["task_id"]
        self.assertEqual(self.cluster.json("cancel", held, "--yes"), {"task_id": held, "tasks": 0, "running": 1})
        self.wait_for_end()
        tasks = self.cluster.tasks()
        self.assertEqual({tool: task["status"] for tool, task in tasks.items()},
                         {"done": "completed", "held": "cancelled", "next": "skipped"})
        self.assertIn(held, tasks["next"]["reason"])
        again = self.cluster.json("cancel", held, "--yes", code=1)
        self.assertIn("cancelled", again["error"]["message"])

    def test_a_finished_pipeline_cannot_be_cancelled(self):
        file = self.cluster.native({"quick": noting()}, {"w": ["quick"]})
        self.assertEqual(self.cluster.run("submit", file, "--wait").code, 0)
        error = self.cluster.json("cancel", "last", "--yes", code=1)["error"]
        self.assertEqual(error["code"], "conflict")
        self.assertIn("completed", error["message"])
        self.assertEqual(self.cluster.status()["state"], "completed")

    def test_without_a_terminal_nothing_is_cancelled_unless_meant(self):
        self.submit_held()
        done = self.cluster.run("cancel", "last")
        self.assertEqual(done.code, 2)
        self.assertIn("--yes", done.err)
        self.assertEqual(self.cluster.status()["state"], "running")
        self.gate.let_pass()
        self.wait_for_end(0)

    def test_an_interrupted_wait_ends_with_130_and_the_pipeline_goes_on(self):
        self.submit_held()
        for verb in (["wait", "last"], ["watch", "last"]):
            waiting = self.cluster.spawn(*verb)
            self.assertTrue((waiting.stderr if verb[0] == "wait" else waiting.stdout).readline(), "it has begun")
            waiting.send_signal(signal.SIGINT)
            self.assertIn("goes on", waiting.communicate(timeout=PATIENCE)[1])
            self.assertEqual(waiting.returncode, 130, verb)
        self.assertEqual(self.cluster.status()["state"], "running")
        self.gate.let_pass()
        self.wait_for_end(0)

    def test_waiting_ends_with_124_when_the_time_is_over(self):
        self.submit_held()
        done = self.cluster.run("wait", "last", "--timeout", "300ms")
        self.assertEqual(done.code, 124)
        self.assertIn("goes on", done.err)
        self.assertEqual(self.cluster.json("wait", "last", "--timeout", "1ms", code=124)["error"]["code"], "timed_out")
        self.gate.let_pass()
        self.assertEqual(self.cluster.run("wait", "last", "--timeout", f"{PATIENCE}s").code, 0)


if __name__ == "__main__":
    main()
