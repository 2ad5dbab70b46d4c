#!/usr/bin/python3
"""Workers and hosts that go away: nothing is lost, nothing runs twice at a time, nothing is left running."""

import os
import signal
from pathlib import Path

from cluster import EndToEnd, kill, main, noting, shell, wait_until

LEASE = "3s"


def sockets_of(pid):
    """The sockets that a process has open; none yet is an empty list."""
    links = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            links.append(os.readlink(link))
        except OSError:
            continue  # closed meanwhile
    return [link for link in links if link.startswith("socket:")]


class WorkerLoss(EndToEnd):
    def setUp(self):
        self.cluster.start_broker(lease=LEASE)
        self.gate = self.cluster.gate()
        # Ends in good order when it is told to, so that its end is on record.
        self.held = noting(f"trap 'note stopped; exit 1' TERM; read -r _ <{self.gate.path}")

    def submit_held(self, more=None, workflows=None):
        file = self.cluster.native({"held": self.held, **(more or {})}, workflows or {"w": ["held"]})
        return self.cluster.submit(file)

    def finish(self, code=0):
        self.gate.let_pass(8)
        self.assertEqual(self.cluster.run("wait", "last").code, code)

    def history(self, tool):
        return self.cluster.json("task", self.cluster.tasks()[tool]["task_id"])["history"]

    def test_tasks_of_a_lost_host_run_again_elsewhere(self):
        first = self.cluster.start_worker("w1")
        self.submit_held()
        self.cluster.wait_for_note("held", "start", attempt=1)
        self.cluster.start_worker("w2")
        self.cluster.lose_host(first)
        self.cluster.wait_for_note("held", "start", attempt=2)
        self.finish()
        self.assertEqual([(attempt["worker"], attempt["outcome"]) for attempt in self.history("held")],
                         [("w1", "worker_lost"), ("w2", "succeeded")])
        states = {worker["name"]: worker["state"] for worker in self.cluster.json("workers")}
        self.assertEqual(states, {"w1": "lost", "w2": "connected"})
        self.assertEqual(self.cluster.status()["state"], "completed")

    def test_artifacts_lost_with_their_host_are_made_again(self):
        first = self.cluster.start_worker("w1")
        make = noting("echo made >$OUTPUT_DIR/made")
        use = noting("grep -q made $INPUT_DIR/made || exit 1")
        self.submit_held({"make": make, "use": use}, {"w": ["make", "held", "use"]})
        self.cluster.wait_for_note("held", "start", attempt=1)
        self.cluster.start_worker("w2")
        self.cluster.lose_host(first)
        self.cluster.wait_for_note("held", "start", attempt=2)
        self.finish()
        self.assertEqual([note.attempt for note in self.cluster.notes("end") if note.tool == "make"], [1, 2])
        tasks = self.cluster.tasks()
        self.assertEqual({tool: (task["status"], task["worker"]) for tool, task in tasks.items()},
                         {tool: ("completed", "w2") for tool in ("make", "held", "use")})

    def test_a_dead_agent_s_tool_stops_before_another_worker_starts_it(self):
        first = self.cluster.start_worker("w1")
        self.submit_held()
        self.cluster.wait_for_note("held", "start", attempt=1)
        self.cluster.start_worker("w2")
        first.kill()
        stopped = self.cluster.wait_for_note("held", "stopped", attempt=1)
        again = self.cluster.wait_for_note("held", "start", attempt=2)
        self.assertLess(stopped.time, again.time)
        self.finish()

    def test_a_killed_agent_started_again_goes_on_with_its_tools(self):
        first = self.cluster.start_worker("w1")
        self.submit_held({"next": noting()}, {"w": ["held", "next"]})
        self.cluster.wait_for_note("held", "start")
        tools = self.cluster.tools()
        first.kill()
        self.cluster.start_worker("w1")
        self.assertEqual(self.cluster.tools(), tools)
        self.finish()
        self.assertEqual({task["attempts"] for task in self.cluster.json("tasks")}, {1})

    def test_what_ended_while_the_agent_was_dead_is_reported(self):
        first = self.cluster.start_worker("w1")
        self.submit_held({"next": noting()}, {"w": ["held", "next"]})
        self.cluster.wait_for_note("held", "start")
        first.kill()
        self.gate.let_pass()
        self.cluster.wait_for_note("held", "end")
        self.cluster.start_worker("w1")
        self.finish()
        self.assertEqual({task["attempts"] for task in self.cluster.json("tasks")}, {1})

    def test_a_worker_started_again_ends_what_its_dead_executor_left(self):
        first = self.cluster.start_worker("w1")
        self.submit_held()
        self.cluster.wait_for_note("held", "start", attempt=1)
        left = self.cluster.tools("w1")
        self.cluster.kill_at_once(first, [self.cluster.guard_of("w1")])
        self.assertNotEqual(left, [])
        self.assertEqual(self.cluster.tools("w1"), left)
        self.cluster.start_worker("w1")
        self.assertEqual([pid for pid in left if pid in self.cluster.tools("w1")], [])
        self.cluster.wait_for_note("held", "start", attempt=2)
        self.finish()

    def test_a_worker_starts_though_the_executor_that_it_meets_dies(self):
        first = self.cluster.start_worker("w1")
        executor = self.cluster.executor_of("w1")
        first.kill()
        kill([executor], signal.SIGSTOP)
        second = self.cluster.launch_worker("w1")
        wait_until(lambda: sockets_of(second.pid), "it has connected to the executor")
        kill([executor])
        second.ready()
        self.submit_held()
        self.finish()

    def test_tools_end_with_their_executor_though_nobody_starts_another(self):
        first = self.cluster.start_worker("w1")
        forking = noting(f"(trap '' TERM; setsid sleep 1000) & note forked; read -r _ <{self.gate.path}")
        self.cluster.submit(self.cluster.native({"forking": forking}, {"w": ["forking"]}))
        self.cluster.wait_for_note("forking", "forked")
        self.cluster.kill_at_once(first)
        wait_until(lambda: not self.cluster.tools("w1"), "nothing is left of the tool")

    def test_a_killed_executor_does_not_take_the_worker_with_it(self):
        self.cluster.start_worker("w1")
        self.submit_held()
        self.cluster.wait_for_note("held", "start", attempt=1)
        left = self.cluster.tools("w1")
        kill([self.cluster.executor_of("w1")])
        self.cluster.wait_for_note("held", "start", attempt=2)
        self.assertEqual([pid for pid in left if pid in self.cluster.tools("w1")], [])
        self.finish()

    def test_a_stopped_worker_gives_its_tasks_back(self):
        first = self.cluster.start_worker("w1")
        self.submit_held()
        self.cluster.wait_for_note("held", "start", attempt=1)
        self.cluster.start_worker("w2")
        self.assertEqual(first.terminate(), 0)
        self.assertEqual(self.cluster.tools("w1"), [])
        stopped = self.cluster.wait_for_note("held", "stopped", attempt=1)
        again = self.cluster.wait_for_note("held", "start", attempt=2)
        self.assertLess(stopped.time, again.time)
        self.assertLess(again.time - stopped.time, 2, "given back, not waited for")
        self.finish()
        self.assertEqual([attempt["outcome"] for attempt in self.history("held")], ["returned", "succeeded"])

    def test_giving_tasks_back_wears_none_out_while_the_worker_still_stops(self):
        first = self.cluster.start_worker("w1", cpus=2)
        slow = noting("trap 'note told; read -r _ <$GATE; exit 1' TERM; while :; do sleep 1000 & wait; done".replace(
            "$GATE", str(self.gate.path)))
        self.submit_held({"slow": slow}, {"1": ["held"], "2": ["slow"]})
        for tool in ("held", "slow"):
            self.cluster.wait_for_note(tool, "start", attempt=1)
        first.process.terminate()
        self.cluster.wait_for_note("held", "stopped", attempt=1)
        self.cluster.wait_for_note("slow", "told", attempt=1)
        first.terminate()
        tasks = self.cluster.tasks()
        self.assertEqual({tool: (task["status"], task["attempts"]) for tool, task in tasks.items()},
                         {"held": ("pending", 1), "slow": ("pending", 1)})
        self.cluster.json("cancel", "last", "--yes")

    def test_a_task_that_takes_its_hosts_with_it_is_given_up(self):
        # Kills the agent and the executor above it. Each attempt costs a lease, so there is only this one test of it.
        poison = shell("kill -9 $(cat $AGENT) $PPID")
        agent = self.cluster.folder / "agent"
        self.cluster.submit(self.cluster.native({"poison": dict(container=poison, env={"AGENT": str(agent)})},
                                                {"w": ["poison"]}))
        for attempt in (1, 2, 3):
            worker = self.cluster.launch_worker(f"w{attempt}")
            agent.write_text(str(worker.pid))
            worker.process.wait()
        self.assertEqual(self.cluster.run("wait", "last").code, 1)
        task, = self.cluster.json("tasks")
        self.assertEqual(task["status"], "failed")
        self.assertIn("lost 3 workers", task["reason"])


if __name__ == "__main__":
    main()
