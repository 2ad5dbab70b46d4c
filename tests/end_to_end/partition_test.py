#!/usr/bin/python3
"""Real partitions: broker and workers in network namespaces of their own, joined by a bridge, packets dropped between.

Needs root, ip (iproute2) and iptables; without them it says so and is skipped. Everything it makes is in namespaces
that are named after this process and deleted at the end.
"""

import collections
import os
import shutil
import subprocess
import sys
import time
import unittest

from cluster import EndToEnd, main_side_by_side, noting, wait_until

LEASE = "4s"
HOSTS = {"broker": "10.77.0.1", "w1": "10.77.0.2", "w2": "10.77.0.3"}


def command(*words, check=True):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: {done.stderr}")
    return done


def why_not():
    """Why namespaces cannot be used here, or nothing."""
    if os.geteuid() != 0:
        return "not root"
    missing = [name for name in ("ip", "iptables") if shutil.which(name) is None]
    if missing:
        return f"{missing[0]} is not installed"
    name = f"landseer-{os.getpid()}-probe"
    made = command("ip", "netns", "add", name, check=False)
    if made.returncode != 0:
        return f"ip netns is not permitted: {made.stderr.strip()}"
    try:
        dropped = command("ip", "netns", "exec", name, "iptables", "-A", "INPUT", "-s", "10.77.0.1", "-j", "DROP",
                          check=False)
    finally:
        command("ip", "netns", "del", name, check=False)
    return f"iptables does not work: {dropped.stderr.strip()}" if dropped.returncode != 0 else ""


class Lab:
    """A bridge with three hosts, all of them namespaces."""

    def __init__(self):
        self.switch = self.space("switch")
        self.made = []
        self.add(self.switch)
        command("ip", "-n", self.switch, "link", "add", "bridge", "type", "bridge")
        command("ip", "-n", self.switch, "link", "set", "bridge", "up")
        for host, address in HOSTS.items():
            space = self.space(host)
            self.add(space)
            command("ip", "-n", self.switch, "link", "add", host, "type", "veth", "peer", "name", "eth0",
                    "netns", space)
            command("ip", "-n", self.switch, "link", "set", host, "master", "bridge", "up")
            command("ip", "-n", space, "address", "add", f"{address}/24", "dev", "eth0")
            command("ip", "-n", space, "link", "set", "eth0", "up")
            command("ip", "-n", space, "link", "set", "lo", "up")

    def space(self, host):
        return f"landseer-{os.getpid()}-{host}"

    def add(self, space):
        command("ip", "netns", "add", space)
        self.made.append(space)

    def inside(self, host):
        return ["ip", "netns", "exec", self.space(host)]

    def drop(self, host, source):
        """The host does not get what the source sends."""
        command(*self.inside(host), "iptables", "-A", "INPUT", "-s", HOSTS[source], "-j", "DROP")

    def part(self, one, other):
        self.drop(one, other)
        self.drop(other, one)

    def heal(self):
        for host in HOSTS:
            command(*self.inside(host), "iptables", "-F")

    def close(self):
        for space in reversed(self.made):
            command("ip", "netns", "del", space, check=False)


REASON = why_not()
if REASON:
    print(f"skipped: {REASON}", file=sys.stderr)


@unittest.skipIf(REASON, REASON)
class Partition(EndToEnd):
    def setUp(self):
        self.lab = Lab()
        self.addCleanup(self.lab.close)
        self.cluster.prefixes = {name: self.lab.inside(name) for name in HOSTS}
        self.cluster.prefixes["landseer"] = self.lab.inside("broker")
        self.gate = self.cluster.gate()
        self.held = noting(f"trap 'note stopped; exit 1' TERM; read -r _ <{self.gate.path}")

    def start_broker(self, lease=LEASE):
        self.cluster.start_broker(lease=lease, binds=[f"tcp://{HOSTS['broker']}:0"] * 3, options=["--trust-network"])

    def launch_worker(self, name, cpus=1):
        return self.cluster.launch_worker(name, "--trust-network", "--data-bind", f"tcp://{HOSTS[name]}:0", cpus=cpus)

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
