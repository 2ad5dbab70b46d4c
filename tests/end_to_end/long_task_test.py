#!/usr/bin/python3
"""A long task outlives its broker and its agent: one attempt, from the first second to the last.

LANDSEER_LONG_TASK_SECONDS=60 makes it as long as the contract's example; the tests' default is shorter.
"""

import os
import time

from cluster import EndToEnd, main, noting, wait_until

SECONDS = float(os.environ.get("LANDSEER_LONG_TASK_SECONDS", "12"))
LEASE = f"{max(SECONDS / 2, 6):.0f}s"


class LongTask(EndToEnd):
    def setUp(self):
        self.cluster.start_broker(lease=LEASE)
        self.worker = self.cluster.start_worker("w1")

    def test_it_runs_on_while_broker_and_agent_are_killed_and_started_again(self):
        self.cluster.submit(self.cluster.native({"long": noting(f"sleep {SECONDS}"), "next": noting()},
                                                {"w": ["long", "next"]}))
        started = self.cluster.wait_for_note("long", "start").time
        tools = self.cluster.tools()
        self.wait_for_share(started, 0.25)
        self.cluster.restart_broker(lease=LEASE)
        self.wait_for_worker()
        self.assertEqual(self.cluster.tools(), tools)
        self.wait_for_share(started, 0.5)
        self.worker.kill()
        self.worker = self.cluster.start_worker("w1")
        self.assertEqual(self.cluster.tools(), tools)
        self.wait_for_share(started, 0.75)
        self.worker.kill()  # both at once, too
        self.cluster.restart_broker(lease=LEASE)
        self.worker = self.cluster.start_worker("w1")
        self.assertEqual(self.cluster.tools(), tools)
        self.assertEqual(self.cluster.run("wait", "last", timeout=SECONDS + 60).code, 0)
        task = self.cluster.json("task", self.cluster.tasks()["long"]["task_id"])
        self.assertEqual([attempt["outcome"] for attempt in task["history"]], ["succeeded"])
        start, end = [note.time for note in self.cluster.notes() if note.tool == "long"]
        self.assertGreaterEqual(end - start, SECONDS)
        print(f"ran {end - start:.2f} s in one attempt, lease {LEASE}")

    def wait_for_share(self, started, share):
        wait_until(lambda: time.time() > started + share * SECONDS, f"{share:.0%} of the task", SECONDS + 10)

    def wait_for_worker(self):
        wait_until(lambda: [row["state"] for row in self.cluster.json("workers")] == ["connected"], "w1 is back")


if __name__ == "__main__":
    main()
