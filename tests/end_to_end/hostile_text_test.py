#!/usr/bin/python3
"""Texts with control sequences, in every place that a tool, a worker or a pipeline file can put one: no verb of the
command line lets one through to a terminal.
"""

import json
import os
import pty
import re
import subprocess

from cluster import BIN, EndToEnd, main, noting, shell

# A colour, a new title, a cleared screen, a carriage return, a bell, and what C1 calls the beginning of a sequence.
EVIL = "evil\x1b[31m\x1b]0;owned\x07\x1b[2J\rgone\x08\x9b1mend"
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]")
# What these print is all of this host, and checked where it is made.
LOCAL = {"up", "down", "dashboard", "keys", "completion"}


class HostileText(EndToEnd):
    def setUp(self):
        self.shown = set()
        self.cluster.start_broker()
        self.cluster.start_worker("w1", "--label", "rack=" + EVIL, cpus=2)

    def assert_clean(self, *words, code=0):
        """What a verb prints has nothing of it but letters; returns its text."""
        self.shown.add(words[0])
        done = self.cluster.run(*words)
        self.assertEqual(done.code, code, f"{words}: {done.err}")
        for text in (done.out, done.err):
            self.assertIsNone(CONTROL.search(text), f"{words}: {text!r}")
        return done.out + done.err

    def on_terminal(self, *words, **surroundings):
        """What a person sees; logs pass as they are into files and pipes."""
        self.shown.add(words[0])
        ours, theirs = pty.openpty()
        process = subprocess.Popen([str(BIN / "landseer"), "--no-color", *words],
                                   env={**self.cluster.environment, **surroundings},
                                   stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
        os.close(theirs)
        seen = b""
        try:
            while piece := os.read(ours, 4096):
                seen += piece
        except OSError:  # the other end is closed
            pass
        os.close(ours)
        self.assertEqual(process.wait(60), 0, seen)
        return seen.decode().replace("\r\n", "\n")

    def submit(self):
        octal = "".join(f"\\{byte:03o}" for byte in EVIL.encode())
        said = f"printf '{octal}\\n'; printf '{octal}' >&2; "
        report = {"success": True, "metrics": {EVIL: 1.5, "acc": 0.5}, "evaluator": EVIL}
        tools = {
            "train": shell(said + f": >$OUTPUT_DIR/model.pt; : >\"$OUTPUT_DIR/$(printf '{octal}')\""),
            "score": shell(said + f"cat >$OUTPUT_DIR/evaluation_results.json <<'END'\n{json.dumps(report)}\nEND\n"),
            "fail": shell(said + "exit 3"),
        }
        tasks = [{"tool": "train", "config": {"text": EVIL, EVIL: 1}}]
        file = self.cluster.native(tools, {"good": tasks + [{"tool": "score", "type": "evaluation"}],
                                           "bad": tasks + ["fail", {"tool": "train", "config": {"again": EVIL}}]},
                                   defaults={"env": {"TEXT": EVIL}})
        self.assert_clean("plan", file)
        self.assert_clean("submit", file)
        self.assert_clean("wait", "last", code=1)

    def test_no_verb_lets_a_control_sequence_through(self):
        self.submit()
        for words in (("list",), ("status",), ("status", "last"), ("tasks",), ("tasks", "last"), ("workflows", "last"),
                      ("workers",), ("workers", "--label", "rack=" + EVIL), ("results", "last"),
                      ("results", "last", "--csv", str(self.cluster.folder / "csv")),
                      ("results", "last", "--interactions"),
                      ("drain", "w1"), ("undrain", "w1")):
            self.assert_clean(*words)
        for words in (("pause", "last"), ("resume", "last"), ("priority", "last", "5")):
            self.assert_clean(*words, code=1)  # it is over
        self.assert_clean("watch", "last")
        self.assert_clean("retry", "last")
        self.assert_clean("wait", "last", code=1)
        self.assert_clean("cancel", "last", "--yes", code=1)
        for task in self.cluster.json("tasks"):
            name = task["task_id"]
            self.assert_clean("task", name)
            self.assert_clean("explain", name)
            if task["status"] == "completed":
                self.assert_clean("fetch", name, str(self.cluster.folder / name))
            if task["status"] in ("completed", "failed"):
                # A terminal is one whatever is said of drawing on it.
                for surroundings in ({"CI": "", "TERM": "xterm"}, {"CI": "1"}, {"TERM": "dumb"}):
                    text = self.on_terminal("logs", name, **surroundings)
                    self.assertIn("evil", text)
                    self.assertIsNone(CONTROL.search(text), f"{name} {surroundings}: {text!r}")
        verbs = self.cluster.run("--help").out.split("Subcommands:\n")[1].split("\n\n")[0]
        verbs = {line.split()[0] for line in verbs.splitlines()}
        self.assertEqual(verbs - self.shown, LOCAL)

    def test_names_that_are_not_printable_are_refused_in_printable_words(self):
        tool = noting()
        for file in (self.cluster.native({EVIL: tool}, {"w": [EVIL]}),
                     self.cluster.native({"t": tool}, {EVIL: ["t"]}),
                     self.cluster.native({"t": tool}, {"w": ["t"]}, name=EVIL),
                     self.cluster.native({"t": {**tool, "image": EVIL}}, {"w": ["t"]})):
            self.assert_clean("submit", file, code=2)
        good = self.cluster.native({"t": tool}, {"w": ["t"]})
        self.assert_clean("submit", good, "--name", EVIL, code=2)
        self.assert_clean("status", EVIL, code=5)
        self.assert_clean(EVIL, code=2)
        worker = self.cluster.launch_worker("w2", "--name", EVIL)
        self.assertNotEqual(worker.process.wait(60), 0)


if __name__ == "__main__":
    main()
