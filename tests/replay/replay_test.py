#!/usr/bin/python3
"""Two builds of the core decide the same, byte for byte, about the inputs of simulated brokers.

The simulator writes what its broker was given in schedules full of trouble: workers and clients, crashes, recoveries
from snapshots. Both builds replay it. Each replay is a process of its own, so addresses differ, too.
"""
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

TESTS = Path(os.environ.get("LANDSEER_TESTS", Path(__file__).resolve().parents[2] / "build/dev/tests"))
SEEDS = range(1, 13)
PATIENCE = 120
MAGIC = b"landseer trace 1\n"


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, timeout=PATIENCE, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{words} ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-2000:]}")
    return done.stdout


class TwoBuilds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.traces = []
        for seed in SEEDS:
            trace = Path(cls.folder.name, f"{seed}.trace")
            run(TESTS / "simulation", "--seed", seed, "--inputs", trace)
            cls.traces.append(trace)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_they_decide_the_same(self):
        for trace in self.traces:
            here = run(TESTS / "replay_here", "--decisions", trace)
            there = run(TESTS / "replay_there", "--decisions", trace)
            self.assertEqual(here.count(b"\n"), there.count(b"\n"), trace)
            for number, (one, other) in enumerate(zip(here.splitlines(), there.splitlines())):
                self.assertEqual(one[:2000], other[:2000], f"{trace}, decision {number}")
            self.assertEqual(here, there, trace)
            self.assertEqual(here, run(TESTS / "replay_here", "--decisions", trace), trace)
            self.assertGreater(here.count(b"\nrecord "), 200)
            self.assertGreater(here.count(b"\nto_worker "), 200)
            self.assertGreater(here.count(b"\nstate "), 0)

    def test_the_digest_stands_for_the_decisions(self):
        """Without a step from the middle, another one comes out, or the trace makes no sense."""
        whole = self.traces[0].read_bytes()
        steps = []
        at = len(MAGIC)
        while at < len(whole):
            length = int.from_bytes(whole[at:at + 8], "big")
            steps.append(whole[at:at + 8 + length])
            at += 8 + length
        longest = max(range(len(steps) // 4, len(steps) // 2), key=lambda i: len(steps[i]))
        changed = Path(self.folder.name, "changed.trace")
        changed.write_bytes(MAGIC + b"".join(steps[:longest] + steps[longest + 1:]))
        other = subprocess.run([TESTS / "replay_here", changed], capture_output=True, timeout=PATIENCE, check=False)
        self.assertNotEqual(run(TESTS / "replay_here", self.traces[0]).split()[-1], (other.stdout.split() or [b""])[-1])


if __name__ == "__main__":
    unittest.main()
