#!/usr/bin/python3
"""Tools that leave what must not be kept, at a real worker: nothing outside of their folders is read or changed, the
attempt fails and says why, and the worker goes on working.
"""

import hashlib
import os
import shlex
import shutil
import stat
import subprocess
import sys
import unittest
from pathlib import Path

from cluster import EndToEnd, main, noting, shell, wait_until

SECRET = "this file is not the tool's\n"


def python(script):
    return f"{sys.executable} -c {shlex.quote(script)}"


class HostileOutput(EndToEnd):
    def setUp(self):
        self.outside = self.cluster.folder / "outside"
        (self.outside / "folder").mkdir(parents=True)
        (self.outside / "folder" / "secret").write_text(SECRET)
        self.before = self.seen_outside()
        self.cluster.start_broker()
        self.worker = self.cluster.start_worker("w1")

    def seen_outside(self):
        """Everything about the files that no tool was to lead the worker to."""
        files = [self.outside, *sorted(self.outside.rglob("*")), Path("/etc/passwd")]
        return {str(file): (os.lstat(file).st_mode, os.lstat(file).st_nlink, os.lstat(file).st_mtime_ns,
                            file.read_text() if file.is_file() else sorted(os.listdir(file))) for file in files}

    def stored(self):
        """Digests of what is in the worker's store."""
        return {file.name for file in (self.cluster.scratch("w1") / "artifacts" / "objects").rglob("*")
                if file.is_file()}

    def run_alone(self, body, **more):
        """Runs a tool; returns its task and the outcomes of its attempts."""
        tool = {"container": shell(body), **more}
        self.cluster.submit(self.cluster.native({"tool": tool}, {"w": ["tool"]},
                                                defaults={"env": {"OUTSIDE": str(self.outside)}}), "--no-cache")
        self.cluster.run("wait", "last")
        task = self.cluster.tasks()["tool"]
        detail = self.cluster.json("task", task["task_id"])
        return task, [(attempt["outcome"], attempt["reason"]) for attempt in detail["history"]]

    def assert_refused(self, body, *words):
        with self.subTest(body):
            task, history = self.run_alone(body)
            self.assertEqual((task["status"], task["artifact"]), ("failed", None))
            (outcome, reason), = history
            self.assertEqual(outcome, "exit_code", "the tool's fault, tried once")
            for word in words:
                self.assertIn(word, reason)
                self.assertIn(word, task["reason"])
            self.assert_nothing_happened()

    def assert_nothing_happened(self):
        self.assertEqual(self.seen_outside(), self.before)
        for content in (SECRET, Path("/etc/passwd").read_text()):
            self.assertNotIn(hashlib.sha256(content.encode()).hexdigest(), self.stored())
        task, _ = self.run_alone("echo fine >$OUTPUT_DIR/fine")
        self.assertEqual((task["status"], task["worker"]), ("completed", "w1"), "the worker goes on")
        self.assertTrue(self.worker.running())

    def test_links_lead_nowhere(self):
        self.assert_refused("ln -s /etc/passwd $OUTPUT_DIR/passwd", "passwd: the output has a symbolic link in it")
        self.assert_refused("mkdir $OUTPUT_DIR/in; ln -s $OUTSIDE/folder $OUTPUT_DIR/in/link",
                            "in/link: the output has a symbolic link in it")

    def test_a_second_name_for_a_file_outside_is_no_output(self):
        task, history = self.run_alone("ln $OUTSIDE/folder/secret $OUTPUT_DIR/secret")
        self.assertEqual(task["status"], "failed")
        self.assertIn("secret: the file has another name outside of the output", history[0][1])
        self.wait_until_removed()
        self.assert_nothing_happened()

    def test_the_output_folder_itself_is_a_folder(self):
        link = "the tool put a symbolic link in the folder's place"
        for place, words in (("ln -s $OUTSIDE/folder $OUTPUT_DIR", link), ("ln -s / $OUTPUT_DIR", link),
                             ("echo text >$OUTPUT_DIR", "the tool put a file in the folder's place"),
                             ("true", "the tool removed the folder")):
            self.assert_refused(f"rmdir $OUTPUT_DIR; {place}", words)

    def test_a_link_in_the_checkpoint_folder_s_place_is_not_followed(self):
        body = '[ ! -e $CHECKPOINT_DIR/secret ] || exit 9; rm -rf $CHECKPOINT_DIR; ' \
               'ln -s $OUTSIDE/folder $CHECKPOINT_DIR; exit 3'
        task, history = self.run_alone(body, retries=1)
        self.assertEqual((task["status"], history), ("failed", [("exit_code", "exit code 3")] * 2))
        self.assert_nothing_happened()

    def test_nothing_is_captured_before_the_last_process_is_gone(self):
        """What the tool leaves behind counts on, in its output and outside; it must not be ahead outside."""
        counted = self.cluster.folder / "counted"
        child = ("i=0; while :; do i=$((i+1)); echo $i >$OUTPUT_DIR/.new; mv $OUTPUT_DIR/.new $OUTPUT_DIR/count; "
                 f"echo $i >{counted}.new; mv {counted}.new {counted}; done")
        for escape in ("setsid", "setsid sh -c 'trap \"\" TERM HUP INT; exec \"$@\"' -", "setsid nohup"):
            with self.subTest(escape):
                body = (f"{escape} sh -c {shlex.quote(child)} </dev/null >/dev/null 2>&1 & "
                        f"while [ ! -e {counted} ]; do :; done; echo done >$OUTPUT_DIR/model")
                task, history = self.run_alone(body)
                self.assertEqual([outcome for outcome, _ in history], ["succeeded"], history)
                last = int(counted.read_text())
                target = self.cluster.folder / "fetched"
                self.assertEqual(self.cluster.run("fetch", task["task_id"], target).code, 0)
                self.assertIn(int((target / "count").read_text()) - last, (0, 1), "it counted on after the capture")
                self.assertEqual((target / "model").read_text(), "done\n")
                self.assertEqual(int(counted.read_text()), last, "it is gone")
                shutil.rmtree(target)
                counted.unlink()
        self.assert_nothing_happened()

    def test_special_files_are_not_opened(self):
        self.assert_refused("mkfifo $OUTPUT_DIR/pipe", "pipe: the output has a pipe in it")
        self.assert_refused("cd $OUTPUT_DIR; " + python("import socket; socket.socket(socket.AF_UNIX).bind('door')"),
                            "door: the output has a socket in it")

    @unittest.skipUnless(os.geteuid() == 0, "only root makes devices and mounts")
    def test_devices_and_mounts_are_not_entered(self):
        try:
            os.mknod(self.cluster.folder / "null", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        except PermissionError as error:
            self.skipTest(f"this machine does not let root make devices: {error}")
        # A terminal that was opened would become somebody's; a loop device would be read.
        for name, numbers in (("null", "c 1 3"), ("terminal", "c 5 2"), ("disk", "b 7 0")):
            self.assert_refused(f"mknod $OUTPUT_DIR/{name} {numbers}", f"{name}: the output has a device in it")
        self.addCleanup(self.unmount)
        self.assert_refused("mkdir $OUTPUT_DIR/place; mount --bind $OUTSIDE/folder $OUTPUT_DIR/place",
                            "place: cannot open the folder")

    def test_folders_without_end_are_refused_and_removed(self):
        dig = "import os\nfor _ in range(3000): os.mkdir('d'); os.chdir('d')"
        self.assert_refused("cd $OUTPUT_DIR; " + python(dig), "the output has folders deeper than 64 names")
        self.wait_until_removed()

    def test_more_than_can_be_kept_is_refused_before_it_is_read(self):
        self.assert_refused("truncate -s 4T $OUTPUT_DIR/huge", "huge: the files are larger than 1.0 TiB together")

    def test_strange_names_are_names(self):
        """They pass as they are: what a tool calls its files is its own affair."""
        names = "..", "...", "..evil", "a\nb", "\x1b[31mred", "-rf", "caf\u00e9", " "
        make = "import os\nfor n in %r: open(os.environ['OUTPUT_DIR'] + '/' + n, 'w').write(n)" % (names[1:],)
        look = "import os\nfor n in %r: assert open(os.environ['INPUT_DIR'] + '/' + n).read() == n" % (names[1:],)
        tools = {"make": shell(python(make)), "look": noting(python(look) + " || exit 1")}
        self.cluster.submit(self.cluster.native(tools, {"w": ["make", "look"]}))
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertFalse((self.cluster.scratch("w1") / "attempts" / "evil").exists())
        self.assert_nothing_happened()

    def wait_until_removed(self):
        folder = self.cluster.scratch("w1") / "attempts"
        wait_until(lambda: not os.listdir(folder), "the attempts' folders are gone")

    def unmount(self):
        for line in Path("/proc/mounts").read_text().splitlines():
            place = line.split()[1]
            if place.startswith(str(self.cluster.folder)):
                subprocess.run(["umount", place], check=True)


if __name__ == "__main__":
    main()
