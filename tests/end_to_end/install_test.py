#!/usr/bin/python3
"""What `cmake --install` makes of a folder: programs that find each other, their page and their documents there."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from browser import Browser
from cluster import BIN, PATIENCE

PAGE = "<!doctype html><title>the page of the test</title>"


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="landseer-install-")
        cls.addClassCleanup(cls.folder.cleanup)
        first = Path(cls.folder.name) / "first"
        done = subprocess.run(["cmake", "--install", BIN.parent, "--prefix", first, "--strip"], capture_output=True,
                              text=True, timeout=10 * PATIENCE, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        # Whatever was installed may be moved.
        cls.prefix = first.rename(Path(cls.folder.name) / "moved")
        cls.environment = {name: value for name, value in os.environ.items() if not name.startswith("LANDSEER_")}
        cls.environment["LANDSEER_HOME"] = str(Path(cls.folder.name) / "home")

    def run_program(self, *words):
        done = subprocess.run([self.prefix / "bin" / words[0], *words[1:]], env=self.environment, capture_output=True,
                              text=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_the_programs_run_and_nothing_else_is_there(self):
        programs = {path.name for path in (self.prefix / "bin").iterdir()}
        self.assertEqual(programs, {"landseer", "landseer-broker", "landseer-worker", "landseer-dashboard"})
        for program in programs:
            self.assertIn("landseer", self.run_program(program, "--version"))
        self.assertEqual({path.name for path in self.prefix.iterdir()}, {"bin", "share"})
        for document in ("README.md", "cli.md", "protocol.md", "openapi.yaml"):
            self.assertTrue((self.prefix / "share/doc/landseer" / document).is_file(), document)

    def test_each_shell_gets_what_the_program_says(self):
        for shell, file in (("bash", "bash-completion/completions/landseer"), ("zsh", "zsh/site-functions/_landseer"),
                            ("fish", "fish/vendor_completions.d/landseer.fish")):
            installed = (self.prefix / "share" / file).read_text()
            self.assertEqual(installed, self.run_program("landseer", "completion", shell))
            self.assertIn("resume", installed)

    def test_the_dashboard_shows_the_page_that_was_installed_with_it(self):
        page = self.prefix / "share/landseer/web/index.html"
        if not page.exists():  # The page was not built.
            page.parent.mkdir(parents=True)
            page.write_text(PAGE)
        up = json.loads(self.run_program("landseer", "--json", "up", "--workers", "1", "--runtime", "process"))
        try:
            services = {service["name"]: service for service in up["services"]}
            self.assertEqual(services.keys(), {"broker", "worker-1", "dashboard"})
            executable = os.readlink(f"/proc/{services['dashboard']['pid']}/exe")
            self.assertEqual(Path(executable), self.prefix / "bin/landseer-dashboard")
            answer = Browser(services["dashboard"]["address"]).ask("GET", "/")
            self.assertEqual((answer.status, answer.body.decode()), (200, page.read_text()))
        finally:
            self.run_program("landseer", "down")


if __name__ == "__main__":
    unittest.main()
