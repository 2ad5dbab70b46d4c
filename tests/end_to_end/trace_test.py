#!/usr/bin/python3
"""What a broker was given, written with --trace, is decided again in the same way: by itself and by another build."""

import os
import stat
import subprocess
from pathlib import Path

from cluster import BIN, PATIENCE, EndToEnd, main, noting, wait_until

REPLAYS = [BIN.parent / "tests" / name for name in ("replay_here", "replay_there")]


class Traces(EndToEnd):
    def replay(self, *words):
        done = subprocess.run([str(BIN / "landseer-broker"), "--replay", *map(str, words)], text=True, check=False,
                              env=self.cluster.environment, capture_output=True, timeout=PATIENCE)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def test_a_broker_that_was_restarted_is_replayed(self):
        trace = Path(self.cluster.folder, "broker.trace")
        options = ("--trace", trace, "--snapshot-bytes", "4KiB")
        self.cluster.start_broker(options=options)
        for name in ("w1", "w2"):
            self.cluster.start_worker(name)
        tools = {name: noting() for name in "abcdef"}
        tools["bad"] = noting("exit 3")
        workflows = {f"{first}{second}": [first, second] for first in "abc" for second in "def"}
        file = self.cluster.native(tools, dict(workflows, bad=["a", "bad", "f"]))
        self.cluster.json("submit", file, "--wait", code=1)
        self.cluster.json("submit", file, "--wait", code=1)
        self.replay(trace)  # while it grows
        self.assertEqual(0o600, stat.S_IMODE(os.stat(trace).st_mode))
        self.cluster.restart_broker(options=options)
        wait_until(lambda: all(worker["state"] == "connected" for worker in self.cluster.json("workers")),
                   "all are back")
        self.cluster.json("submit", file, "--wait", "--no-cache", code=1)
        first = self.replay(f"{trace}.1")  # the trace before
        self.assertRegex(first, r"^\d+ steps, \d+ decisions, digest [0-9a-f]{64}\n$")
        self.assertEqual(first, self.replay(f"{trace}.1"))
        self.cluster.broker.terminate()
        decisions = self.replay(trace, "--decisions")
        for kind in ("record ", "to_worker ", "to_client ", "state "):
            self.assertIn("\n" + kind, decisions)
        for program in REPLAYS:
            if program.exists():
                done = subprocess.run([program, "--decisions", trace], capture_output=True, text=True, timeout=PATIENCE,
                                      check=False)
                self.assertEqual((0, decisions), (done.returncode, done.stdout), program)

    def test_a_trace_ends_where_it_may_be_no_larger(self):
        trace = Path(self.cluster.folder, "broker.trace")
        self.cluster.start_broker(options=("--trace", trace, "--trace-bytes", "6KiB"))
        self.cluster.start_worker("w1")
        tools = {f"t{i}": noting() for i in range(12)}
        file = self.cluster.native(tools, {tool: [tool] for tool in tools})
        self.cluster.json("submit", file, "--wait")
        self.assertLessEqual(trace.stat().st_size, 6 * 1024)
        self.assertIn("as large as it may be", self.cluster.broker.log.read_text())
        self.replay(trace)

    def test_what_is_no_trace_is_said(self):
        rubbish = Path(self.cluster.folder, "rubbish")
        rubbish.write_text("rubbish" * 10)
        for path, part in ((rubbish, "no trace"), (rubbish / "none", "cannot read the trace")):
            done = subprocess.run([str(BIN / "landseer-broker"), "--replay", str(path)], env=self.cluster.environment,
                                  text=True, capture_output=True, timeout=PATIENCE, check=False)
            self.assertEqual(1, done.returncode)
            self.assertIn(part, done.stderr)


if __name__ == "__main__":
    main()
