#!/usr/bin/python3
"""A worker's disk that fills up: it says so, takes nothing, blames no tool, keeps nothing by half, and works again when
there is space. The disks are small file systems in memory.
"""

import hashlib
import os
import subprocess
import unittest

from cluster import EndToEnd, main_side_by_side, noting, shell, wait_until

MEBIBYTE = 1024 * 1024


@unittest.skipUnless(os.geteuid() == 0, "a small file system can be mounted by root only")
class WorkerDisk(EndToEnd):
    def setUp(self):
        self.cluster.start_broker()
        self.disk = self.cluster.scratch("w1")

    def mount(self, folder, mebibytes):
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "none", folder], check=False)
        if done.returncode != 0:
            self.skipTest("this machine does not let root mount a tmpfs")
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=True)

    def start_on_small_disk(self, mebibytes=32):
        self.mount(self.disk, mebibytes)
        self.cluster.start_worker("w1", "--disk-min", "8MiB")

    def fill(self, leave=0):
        """Takes all room but `leave` bytes, by one more file that is not the worker's."""
        free = os.statvfs(self.disk)
        try:
            with open(self.disk / f"other-{len(list(self.disk.glob('other-*')))}", "wb", buffering=0) as file:
                for _ in range(free.f_bavail - leave // free.f_frsize):
                    file.write(bytes(free.f_frsize))
        except OSError:
            pass  # not even a name fits any more

    def free(self):
        for file in self.disk.glob("other-*"):
            file.unlink()

    def reason(self, name="w1"):
        """Why the worker takes no work, as users see it; empty if it does."""
        row, = [row for row in self.cluster.json("workers") if row["name"] == name]
        return row["reason"] or ""

    def wait_until_fit(self):
        wait_until(lambda: not self.reason(), "w1 is fit again")

    def history(self, tool="tool"):
        detail = self.cluster.json("task", self.cluster.tasks()[tool]["task_id"])
        return [(attempt["worker"], attempt["outcome"], attempt["reason"]) for attempt in detail["history"]]

    def submit(self, tools, workflows=None):
        self.cluster.submit(self.cluster.native(tools, workflows or {"w": list(tools)}))

    def assert_store_is_sound(self, artifacts=None):
        """What is there has the content that its name says, and nothing half made is left."""
        store = artifacts or self.disk / "artifacts"
        for file in (store / "objects").rglob("*"):
            if file.is_file():
                self.assertEqual(hashlib.sha256(file.read_bytes()).hexdigest(), file.name)
        self.assertEqual(os.listdir(store / "tmp"), [])

    def test_a_worker_without_space_takes_nothing_and_says_why(self):
        self.start_on_small_disk()
        self.fill(leave=4 * MEBIBYTE)
        wait_until(self.reason, "w1 says that it is unfit")
        self.assertRegex(self.reason(), r"disk full: .* free of 32\.0 MiB, work needs 8\.0 MiB in " + str(self.disk))
        self.submit({"tool": noting()})
        task = self.cluster.tasks()["tool"]
        self.assertEqual(task["status"], "pending")
        why = self.cluster.json("explain", task["task_id"])
        self.assertIn("w1 gets no work: disk full", "\n".join(why["reasons"]))
        self.assertIn("disk full", "\n".join(self.cluster.status()["notices"]))
        self.assertIn("disk full", self.cluster.run("workers").err)
        self.free()
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual([attempt[1] for attempt in self.history()], ["succeeded"])
        self.assertEqual(self.reason(), "")

    def full_while(self, body, before=":"):
        """Runs a tool that waits until its disk is full, and again; the first attempt's outcome and reason."""
        self.start_on_small_disk()
        gate = self.cluster.gate()
        self.submit({"tool": noting(f"{before}; note ready; read -r _ <{gate.path}; {body}")})
        self.cluster.wait_for_note("tool", "ready", attempt=1)
        self.fill()
        gate.let_pass()
        wait_until(lambda: self.cluster.tasks()["tool"]["status"] != "running", "the attempt is over")
        first = self.history()[0]
        self.assert_store_is_sound()
        self.free()
        gate.let_pass()
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual(self.history()[-1], ("w1", "succeeded", None))
        self.assert_store_is_sound()
        return first[1:]

    def test_a_full_disk_for_the_log_is_not_the_tool_s_fault(self):
        outcome, reason = self.full_while("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo the last words")
        self.assertEqual((outcome, reason), ("succeeded", None))
        self.assertEqual(len(self.history()), 1)
        log = self.cluster.run("logs", self.cluster.tasks()["tool"]["task_id"])
        self.assertLess(len(log.out), 2_000_000, "the disk was full when it was written")

    def test_a_tool_that_fails_on_a_full_disk_runs_again(self):
        outcome, reason = self.full_while("head -c 4000000 /dev/urandom >$OUTPUT_DIR/file || exit 1")
        self.assertEqual(outcome, "runtime_error")
        self.assertRegex(reason, r"^exit code 1, with the disk full: .* free of 32\.0 MiB, work needs 8\.0 MiB in ")

    def test_output_that_cannot_be_kept_is_the_host_s_fault(self):
        # A file of another mode is copied, and for that there is no room.
        outcome, reason = self.full_while("cp /bin/sh $OUTPUT_DIR/program 2>/dev/null; true",
                                          before="head -c 4000000 /dev/urandom >$OUTPUT_DIR/file; "
                                                 "chmod +x $OUTPUT_DIR/file")
        self.assertEqual(outcome, "runtime_error")
        self.assertIn("No space left on device", reason)

    def test_a_store_on_a_small_disk_keeps_nothing_by_half_and_another_worker_does_it(self):
        """The artifact fits where it is made, not where it is kept: in one go, and as a part of it."""
        store = self.cluster.folder / "store"
        self.mount(store, 16)
        self.cluster.start_worker("w1", "--artifacts", store, "--disk-min", "1MiB", cpus=2)
        self.cluster.start_worker("w2")
        body = "; ".join(f"head -c 6000000 /dev/urandom >$OUTPUT_DIR/part{i}" for i in range(4))
        self.submit({"tool": shell(body + "; cd $OUTPUT_DIR; sha256sum part* >sums"),
                     "next": noting("cd $INPUT_DIR; sha256sum -c sums || exit 1")})
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        (host, outcome, reason), second = self.history()
        self.assertEqual((host, outcome), ("w1", "runtime_error"))
        self.assertIn("No space left on device", reason)
        self.assertEqual(second, ("w2", "succeeded", None))
        self.assert_store_is_sound(store)
        self.wait_until_fit()

    def test_an_input_that_does_not_fit_is_fetched_elsewhere(self):
        self.mount(self.disk, 16)
        self.cluster.start_worker("w0", "--gpus", "0")
        self.cluster.start_worker("w1", "--disk-min", "1MiB", cpus=4)  # more than w2, so it is asked first
        self.cluster.start_worker("w2", cpus=2)
        make = shell("head -c 24000000 /dev/urandom >$OUTPUT_DIR/big; cd $OUTPUT_DIR; sha256sum big >sum")
        use = noting("cd $INPUT_DIR; sha256sum -c sum || exit 1")
        self.submit({"make": {"container": make, "resources": {"gpus": 1}},
                     "use": {"container": use, "resources": {"cpus": 2}}})
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        (host, outcome, reason), second = self.history("use")
        self.assertEqual((host, outcome), ("w1", "runtime_error"))
        self.assertIn("No space left on device", reason)
        self.assertEqual(second, ("w2", "succeeded", None))
        self.assertEqual([attempt[0] for attempt in self.history("make")], ["w0"])
        self.assert_store_is_sound()

    def test_what_nobody_needs_goes_and_makes_room(self):
        self.start_on_small_disk()
        self.submit({"tool": shell("head -c 10000000 /dev/urandom >$OUTPUT_DIR/file")})
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        artifact = self.cluster.tasks()["tool"]["artifact"]
        self.fill(leave=4 * MEBIBYTE)
        wait_until(self.reason, "w1 says that it is unfit")
        self.wait_until_fit()
        self.assertNotIn(artifact, {file.name for file in (self.disk / "artifacts" / "objects").rglob("*")})
        self.submit({"next": noting()})
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assert_store_is_sound()


if __name__ == "__main__":
    main_side_by_side()
