#!/usr/bin/python3
"""What the broker keeps on its disk: snapshots under load, a history for SQL, and a disk that fills up."""

import json
import os
import sqlite3
import subprocess
import unittest

from cluster import BIN, EndToEnd, main, noting, wait_until

MEBIBYTE = 1024 * 1024


class Storage(EndToEnd):
    def check(self, state="state"):
        done = subprocess.run([BIN / "landseer-broker", "--check", self.cluster.home / state], text=True,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_snapshots_shorten_the_journal_and_a_killed_broker_begins_at_the_newest(self):
        options = ["--snapshot-bytes", "8KiB"]
        self.cluster.start_broker(options=options)
        self.cluster.start_worker("w1", cpus=4)
        tools = {f"t{i}": noting() for i in range(40)}
        for _ in range(8):
            file = self.cluster.native(tools, {name: [name] for name in tools})
            self.assertEqual(self.cluster.run("submit", file, "--wait", "--no-cache").code, 0)
        self.cluster.restart_broker(options=options)
        self.assertIn("after the snapshot at position", (self.cluster.folder / "broker.log").read_text())
        self.assertEqual([row["completed"] for row in self.cluster.json("list")], [40] * 8)
        self.cluster.broker.kill()
        self.assertIn("after the snapshot at", self.check())

    def test_finished_pipelines_can_be_queried_while_the_broker_runs(self):
        self.cluster.start_broker()
        self.cluster.start_worker("w1")
        file = self.cluster.native({"good": noting(), "bad": noting("false; note end; exit 3")},
                                   {"one": ["good"], "two": ["good", "bad"]})
        self.assertEqual(self.cluster.run("submit", file, "--wait").code, 1)
        history = self.cluster.home / "state" / "history.sqlite"

        def rows(query):
            with sqlite3.connect(f"file:{history}?mode=ro", uri=True) as database:
                return database.execute(query).fetchall()

        wait_until(lambda: rows("SELECT count(*) FROM pipelines") == [(1,)], "the pipeline is in the history")
        self.assertEqual(rows("SELECT name, state, completed, failed FROM pipelines"), [("test", "failed", 1, 1)])
        self.assertEqual(rows("SELECT tool, status FROM tasks ORDER BY task"),
                         [("good", "completed"), ("bad", "failed")])
        self.assertEqual(rows("SELECT w.name, t.tool FROM workflows w JOIN workflow_tasks USING(workflow) "
                              "JOIN tasks t USING(task) ORDER BY w.workflow, place"),
                         [("one", "good"), ("two", "good"), ("two", "bad")])
        # What is there already is not written again; what was lost with the file is.
        self.cluster.broker.kill()
        for file in history.parent.glob("history.sqlite*"):
            file.unlink()
        self.cluster.start_broker(binds=self.cluster.addresses)
        wait_until(lambda: rows("SELECT count(*) FROM pipelines") == [(1,)], "the history is written again")


@unittest.skipUnless(os.geteuid() == 0, "a small file system can be mounted by root only")
class FullDisk(EndToEnd):
    def setUp(self):
        self.state = self.cluster.home / "state"
        self.state.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", self.state], check=False)
        if mounted.returncode != 0:
            self.skipTest("this machine does not let root mount a tmpfs")
        self.addCleanup(subprocess.run, ["umount", "-l", self.state], check=True)
        self.options = ["--disk-min", "2MiB"]
        self.cluster.start_broker(options=self.options)

    def fill(self, leave=0):
        """Takes all room but `leave` bytes, by one more file."""
        disk = os.statvfs(self.state)
        try:
            with open(self.state / f"other-{len(list(self.state.iterdir()))}", "wb", buffering=0) as file:
                for _ in range(disk.f_bavail - leave // disk.f_frsize):
                    file.write(bytes(disk.f_frsize))
        except OSError:
            pass  # not even a name fits any more

    def free(self):
        for file in self.state.glob("other-*"):
            file.unlink()

    def is_completed(self, pipeline):
        done = self.cluster.run("--json", "status", pipeline)
        return done.code == 0 and json.loads(done.out)["state"] == "completed"

    def log(self):
        return (self.cluster.folder / "broker.log").read_text()

    def test_what_runs_is_recorded_nothing_new_is_taken_and_all_goes_on_with_space(self):
        self.cluster.start_worker("w1", cpus=2)
        first, second = self.cluster.gate("first"), self.cluster.gate("second")
        after = {f"t{i}": noting() for i in range(20)}
        tools = {"first": noting(f"read -r _ <{first.path}"), "second": noting(f"read -r _ <{second.path}"), **after}
        pipeline = self.cluster.submit(self.cluster.native(tools, {"a": ["first", *after], "b": ["second", "t0"]}))
        for tool in ("first", "second"):
            self.cluster.wait_for_note(tool, "start")

        self.fill(leave=MEBIBYTE)
        small = self.cluster.native({"small": noting()}, {"w": ["small"]})
        wait_until(lambda: self.cluster.run("submit", small).code != 0, "submissions are refused")
        refused = self.cluster.run("submit", small)
        self.assertIn("MiB left, new pipelines need 2", refused.err)
        first.let_pass()
        wait_until(lambda: self.cluster.tasks(pipeline)["t19"]["status"] == "completed", "the first chain completes")

        self.fill()
        second.let_pass()
        self.cluster.wait_for_note("second", "end")

        def is_over():
            self.fill()  # the reserve, when it is given back
            return "waiting for space" in self.log() or self.is_completed(pipeline)

        wait_until(is_over, "the broker waits, or had pages left")
        self.free()
        self.assertEqual(self.cluster.run("wait", pipeline).code, 0)
        wait_until(lambda: self.cluster.run("submit", small).code == 0, "submissions are taken again")
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.cluster.restart_broker(options=self.options)
        self.assertEqual({row["state"] for row in self.cluster.json("list")}, {"completed"})

    def test_a_disk_that_is_full_to_the_last_byte_holds_everything_up_and_loses_nothing(self):
        gate = self.cluster.gate()
        self.cluster.start_worker("w1")
        self.cluster.submit(self.cluster.native({"held": noting(f"read -r _ <{gate.path}"), "next": noting()},
                                                {"w": ["held", "next"]}))
        self.cluster.wait_for_note("held", "start")
        (self.state / "reserve").unlink()
        self.fill()
        # A commit fits into pages that are there already, for a while.
        asked = self.cluster.spawn("cancel", "pipeline_99", "--yes")
        asked.communicate()
        gate.let_pass()
        self.cluster.wait_for_note("held", "end")
        wait_until(lambda: "waiting for space" in self.log() or self.is_completed("pipeline_1"),
                   "the broker waits, or had pages left")
        self.free()
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual([note.attempt for note in self.cluster.notes("end")], [1, 1])


if __name__ == "__main__":
    main()
