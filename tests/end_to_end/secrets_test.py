#!/usr/bin/python3
"""Secrets that tools name: the tool gets the value, and nothing else of Landseer has it at any time."""

import hashlib
import os
import secrets
from pathlib import Path

from cluster import EndToEnd, main_side_by_side, noting

NAMED = {"TOKEN": {"secret": "hub-token"}, "PLAIN": "text"}
# What a tool may do with it: here it notes the digest, so that the note itself gives nothing away.
TELL = 'printf %s "$TOKEN" | sha256sum | cut -c1-64'


class Secrets(EndToEnd):
    def setUp(self):
        super().setUp()
        self.value = "canary-" + secrets.token_hex(16)
        self.digest = hashlib.sha256(self.value.encode()).hexdigest()
        self.cluster.start_broker(lease="6s")

    def folder(self, name, files):
        folder = self.cluster.folder / "secret-folders" / name
        folder.mkdir(parents=True, mode=0o700)
        for file, text in files.items():
            path = folder / file
            path.write_text(text)
            path.chmod(0o600)
        return folder

    def pipeline(self, body=""):
        tool = {"container": noting(body, before_end=f'"$({TELL})"'), "env": NAMED}
        return self.cluster.native({"tool": tool}, {"w": ["tool"]})

    def files_with_the_value(self):
        """Every file below the cluster's folder that holds it, the secret's own aside."""
        found = []
        for folder, _, names in os.walk(self.cluster.folder):
            for name in names:
                path = Path(folder, name)
                if "secret-folders" in path.parts or not path.is_file():
                    continue
                if self.value.encode() in path.read_bytes():
                    found.append(str(path))
        return found

    def command_lines_with_the_value(self):
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if self.value.encode() in words:
                found.append(words)
        return found

    def test_the_tool_has_the_value_and_nothing_else_has(self):
        gate = self.cluster.gate()
        folder = self.folder("w1", {"hub-token": self.value + "\n", "other": "x"})
        self.cluster.start_worker("w1", "--secrets", folder, "--log-level", "debug")
        self.cluster.submit(self.pipeline(f"read -r _ <{gate.path}"))
        self.cluster.wait_for_note("tool", "start")
        self.assertEqual(self.command_lines_with_the_value(), [])
        self.assertEqual(self.files_with_the_value(), [])
        shown = self.cluster.run("task", self.cluster.tasks()["tool"]["task_id"]).out
        shown += self.cluster.run("--json", "workers").out
        self.assertNotIn(self.value, shown)
        self.assertIn("secret/hub-token", shown)
        gate.let_pass()
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual(self.cluster.notes("end")[0].rest, self.digest)
        self.assertEqual(self.files_with_the_value(), [])

    def test_a_task_waits_for_a_worker_that_has_what_it_names(self):
        self.cluster.start_worker("without")
        done = self.cluster.run("submit", self.pipeline())
        self.assertEqual(done.code, 0)
        self.assertIn("without does not have the secret hub-token", done.err)
        explained = self.cluster.json("explain", self.cluster.tasks()["tool"]["task_id"])
        self.assertIn("put a file hub-token into a worker's folder of secrets", explained["summary"])
        self.cluster.start_worker("with", "--secrets", self.folder("with", {"hub-token": self.value}))
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual(self.cluster.tasks()["tool"]["worker"], "with")
        self.assertEqual(self.cluster.notes("end")[0].rest, self.digest)

    def test_a_value_is_read_anew_for_each_attempt_and_one_that_is_gone_is_said(self):
        folder = self.folder("w1", {"hub-token": "old"})
        self.cluster.start_worker("w1", "--secrets", folder)
        (folder / "hub-token").write_text(self.value)
        self.cluster.submit(self.pipeline())
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual(self.cluster.notes("end")[0].rest, self.digest)
        (folder / "hub-token").unlink()
        done = self.cluster.run("submit", "--no-cache", "--wait", self.pipeline())
        self.assertEqual(done.code, 1, done.err)
        task = self.cluster.tasks()["tool"]
        self.assertEqual(task["status"], "failed")
        self.assertIn("the secret hub-token of this worker: there is no such file", task["reason"])
        self.assertNotIn(str(folder), task["reason"], "where it is concerns the worker's owner only")
        self.assertIn(f"{folder}/hub-token", (self.cluster.folder / "w1.log").read_text())
        # Nobody's host is to blame: it goes on to get work.
        self.assertEqual(self.cluster.json("workers")[0]["state"], "connected")

    def test_files_that_others_can_read_are_no_secrets(self):
        folder = self.folder("w1", {"hub-token": self.value})
        for mode, path in ((0o644, folder / "hub-token"), (0o755, folder)):
            before = path.stat().st_mode & 0o777
            path.chmod(mode)
            worker = self.cluster.launch_worker("w1", "--secrets", folder)
            self.assertEqual(worker.process.wait(60), 4)
            path.chmod(before)
        said = (self.cluster.folder / "w1.log").read_text()
        self.assertIn(f"{folder}/hub-token: others may read or change it", said)
        self.assertIn("chmod 600", said)
        self.assertNotIn(self.value, said)

    def test_what_names_no_secret_is_refused_with_its_place(self):
        for env, wanted in (({"TOKEN": {"secret": "../etc/passwd"}}, "a secret whose name is none"),
                            ({"LD_PRELOAD": {"secret": "hub-token"}}, "cannot hold a secret"),
                            ({"TOKEN": {"secrets": "hub-token"}}, "must be a text or a secret")):
            tool = {"container": noting(), "env": env}
            done = self.cluster.run("submit", self.cluster.native({"tool": tool}, {"w": ["tool"]}))
            self.assertEqual(done.code, 2)
            self.assertIn(wanted, done.err)


if __name__ == "__main__":
    main_side_by_side()
