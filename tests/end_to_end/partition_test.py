#!/usr/bin/python3
"""Real partitions: broker and workers in network namespaces of their own, joined by a bridge, packets dropped between.

Needs root and what lab.py names; without them it says so and is skipped.
"""

import collections
import time
import unittest

from cluster import EndToEnd, main_side_by_side, noting, wait_until
from lab import HOSTS, REASON, Lab

LEASE = "4s"


@unittest.skipIf(REASON, REASON)
class Partition(EndToEnd):
    def setUp(self):
        self.lab = Lab()
        self.addCleanup(self.lab.close)
        self.cluster.prefixes = self.lab.prefixes()
        self.gate = self.cluster.gate()
        self.held = noting(f"trap 'note stopped; exit 1' TERM; read -r _ <{self.gate.path}")

    def start_broker(self, lease=LEASE):
        self.assertEqual(self.cluster.run("keys", "init").code, 0)
        self.cluster.start_broker(lease=lease, binds=[f"tcp://{HOSTS['broker']}:0"] * 3)

    def launch_worker(self, name, cpus=1):
        return self.cluster.launch_worker(name, "--data-bind", f"tcp://{HOSTS[name]}:0", cpus=cpus)

    def start_worker(self, name, cpus=1):
        self.launch_worker(name, cpus).ready()

    def wait_for_time(self, seconds):
        end = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() > end, "time passes")

    def submit_held(self):
        self.cluster.submit(self.cluster.native({"held": self.held, "next": noting()}, {"w": ["held", "next"]}))
        self.cluster.wait_for_note("held", "start", attempt=1)

    def wait_for_worker(self, name, *states):
        def has_state():
            return any((row["name"], row["state"]) == (name, state) for row in self.cluster.json("workers")
                       for state in states)
        wait_until(has_state, f"{name} is {states}")

    def finish(self):
        self.gate.let_pass()
        self.assertEqual(self.cluster.run("wait", "last").code, 0)

    def test_a_short_partition_stops_nothing(self):
        self.start_broker(lease="12s")
        self.start_worker("w1")
        self.submit_held()
        tools = self.cluster.tools()
        self.lab.part("broker", "w1")
        self.wait_for_time(2.5)  # not longer: TCP takes as long again before it tries the next time
        self.lab.heal()
        self.wait_for_worker("w1", "connected")
        self.assertEqual(self.cluster.tools(), tools)
        self.finish()
        self.assertEqual(collections.Counter(note.tool for note in self.cluster.notes("start")),
                         {"held": 1, "next": 1})

    def part_for_long(self, part):
        """w1 stops its attempt before w2 gets it; when it is back, what it says changes nothing."""
        self.start_broker()
        self.start_worker("w1")
        self.submit_held()
        self.start_worker("w2")
        part()
        stopped = self.cluster.wait_for_note("held", "stopped", attempt=1)
        again = wait_until(lambda: [note for note in self.cluster.notes("start") if note.attempt > 1], "it runs again")
        self.assertLess(stopped.time, again[0].time)
        self.assertEqual(self.cluster.tools("w1"), [])
        self.lab.heal()
        self.wait_for_worker("w1", "connected")
        self.finish()
        history = self.cluster.json("task", self.cluster.tasks()["held"]["task_id"])["history"]
        self.assertEqual((history[-1]["worker"], history[-1]["outcome"]), ("w2", "succeeded"))
        self.assertLess(len(history), 7)
        self.assertEqual(self.cluster.status()["state"], "completed")

    def test_a_partition_longer_than_the_lease(self):
        self.part_for_long(lambda: self.lab.part("broker", "w1"))

    def test_a_worker_that_is_not_heard_for_longer_than_the_lease(self):
        self.part_for_long(lambda: self.lab.drop("broker", "w1"))

    def test_a_worker_that_does_not_hear_for_longer_than_the_lease(self):
        self.part_for_long(lambda: self.lab.drop("w1", "broker"))

    def test_a_worker_is_there_soon_after_a_partition(self):
        """The kernel alone would try to connect after 1, 3, 7 and 15 s, and so on: ever later."""
        self.start_broker()
        self.lab.part("broker", "w1")
        begun = time.monotonic()
        worker = self.launch_worker("w1")
        self.wait_for_time(7.5)
        self.lab.heal()
        worker.ready()
        self.assertLess(time.monotonic() - begun, 14.5)

    def test_workers_that_cannot_reach_each_other(self):
        """The consumer's worker reaches the broker but not the artifact: it is made again where it is wanted."""
        self.start_broker()
        self.start_worker("w1")
        tools = {"make": noting("echo made >$OUTPUT_DIR/made"),
                 "use": {"container": noting("grep -q made $INPUT_DIR/made || exit 1"), "resources": {"cpus": 2}}}
        self.cluster.submit(self.cluster.native(tools, {"w": ["make", "use"]}))
        wait_until(lambda: self.cluster.tasks()["make"]["status"] == "completed", "w1 has made it")
        self.lab.part("w1", "w2")
        self.start_worker("w2", cpus=2)
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual({tool: task["worker"] for tool, task in self.cluster.tasks().items()},
                         {"make": "w2", "use": "w2"})


if __name__ == "__main__":
    main_side_by_side()
