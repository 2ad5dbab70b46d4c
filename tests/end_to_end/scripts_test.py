#!/usr/bin/python3
"""The shell scripts: what they refuse, and that they are well written. Whole runs take too long for here."""

import os
import shutil
import subprocess
import unittest

from cluster import SOURCE

SCRIPTS = [".ci/run", "dashboard/web/build.sh", "deploy/packages.sh", "deploy/quickstart.sh", "tests/browser/run.sh",
           "tests/run.sh"]


class Scripts(unittest.TestCase):
    def run_script(self, name, *words):
        return subprocess.run([str(SOURCE / name), *words], text=True, capture_output=True, stdin=subprocess.DEVNULL,
                              cwd="/", timeout=60)

    def test_help_tells_every_option(self):
        for name, options in (("deploy/quickstart.sh", ("--keep", "--no-page", "--workers", "--runtime")),
                              ("dashboard/web/build.sh", ("--check",)),
                              ("tests/run.sh", ("--quick", "--preset", "--jobs"))):
            done = self.run_script(name, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)
            for option in options:
                self.assertIn(option, done.stdout)

    def test_bad_usage_ends_with_2_before_anything_is_done(self):
        for name, words, said in (("deploy/quickstart.sh", ["--runtime", "rocket"], "rocket"),
                                  ("deploy/quickstart.sh", ["--workers", "0"], "--workers"),
                                  ("deploy/quickstart.sh", ["--workers"], "--workers"),
                                  ("deploy/quickstart.sh", ["--kep"], "--kep"),
                                  ("dashboard/web/build.sh", ["--chek"], "--chek"),
                                  ("tests/run.sh", ["--preset", "fast"], "fast"),
                                  ("tests/run.sh", ["--jobs", "many"], "many"), ("tests/run.sh", ["all"], "all")):
            done = self.run_script(name, *words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), (name, words))
            self.assertIn(said, done.stderr)

    def test_scripts_can_be_run(self):
        for name in SCRIPTS:
            self.assertEqual(os.access(SOURCE / name, os.X_OK), name != "deploy/packages.sh", name)

    @unittest.skipUnless(shutil.which("shellcheck"), "shellcheck is not installed")
    def test_shellcheck_has_nothing_to_say(self):
        done = subprocess.run(["shellcheck", "-x", *SCRIPTS], cwd=SOURCE, text=True, capture_output=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
