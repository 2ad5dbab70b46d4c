"""The pipeline files and commands shown in documents, run with the real `landseer`.

    <!-- file: FOLDER/FILE -->     the block below is that file
    <!-- run in: FOLDER -->        the block below shows commands and exactly what they print

Only commands that need no broker are shown that way. The programs are looked for in LANDSEER_BIN.
"""
import os
import re
import shlex
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("docs/pipelines.md", "docs/cli.md")
MARKED = re.compile(r"<!-- (file|run in): ([\w./-]+) -->\n+```\w*\n(.*?)^```$", re.M | re.S)
LANDSEER = Path(os.environ.get("LANDSEER_BIN", "")).resolve() / "landseer"


def run(line, folder, home):
    """What a person sees: standard output and error as they come."""
    words = shlex.split(line)
    environment = {"PATH": os.environ["PATH"], "LANDSEER_HOME": home, "LANG": "C.UTF-8"}
    done = subprocess.run([LANDSEER, *words[1:]], cwd=folder, env=environment, timeout=60,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout.decode().rstrip("\n"), done.returncode


def commands_of(session):
    """(command, output) of a block of `$ command` lines, each followed by what it printed."""
    parts = re.split(r"^\$ ", session, flags=re.M)[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2].rstrip("\n")) for part in parts]


@unittest.skipUnless(os.environ.get("LANDSEER_BIN") and LANDSEER.exists(),
                     "LANDSEER_BIN has no landseer")
class Documents(unittest.TestCase):
    maxDiff = None

    def check(self, document):
        text = (ROOT / document).read_text()
        blocks = MARKED.findall(text)
        self.assertEqual(len(blocks), len(re.findall(r"^<!-- (?:file|run in): ", text, flags=re.M)),
                         "a mark has no block below it")
        with tempfile.TemporaryDirectory() as folder:
            for kind, name, body in blocks:
                if kind == "file":
                    path = Path(folder, name)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(body)
                    continue
                place = Path(folder, name)
                place.mkdir(parents=True, exist_ok=True)
                for command, shown in commands_of(body):
                    printed, code = run(command, place, folder + "/home")
                    if shown.endswith(f"\n[exit code {code}]") or shown == f"[exit code {code}]":
                        shown = shown[:-len(f"[exit code {code}]")].rstrip("\n")
                        code = 0
                    self.assertEqual(shown, printed, f"{document}: $ {command}")
                    self.assertEqual(code, 0, f"{document}: $ {command}")

    def test_pipelines(self):
        self.check("docs/pipelines.md")

    def test_cli(self):
        self.check("docs/cli.md")


class JsonFields(unittest.TestCase):
    def test_every_field_is_in_the_document(self):
        document = (ROOT / "docs/cli.md").read_text()
        fields = set()
        for name in ("report/json_rows.cc", "report/result_rows.cc", "report/interactions.cc", "cli/dashboard.cc",
                     "cli/forecast_report.cc", "cli/plan.cc", "cli/status.cc", "cli/up.cc", "cli/logs.cc"):
            text = (ROOT / "submitter" / name).read_text()
            fields |= set(re.findall(r'\{"(\w+)", ', text)) | set(re.findall(r'\["(\w+)"\] = ', text))
        self.assertEqual(sorted(name for name in fields if f"`{name}`" not in document
                                and f'"{name}"' not in document), [])


class OptionsOfTheServices(unittest.TestCase):
    def test_every_option_is_in_the_document(self):
        document = (ROOT / "docs/operations.md").read_text()
        for source in ("broker/io/options.cc", "worker/io/options.cc", "common/config/options.cc",
                       "dashboard/gateway/options.cc"):
            options = re.findall(r'"(--[a-z][a-z-]+)"', (ROOT / source).read_text())
            self.assertEqual([name for name in options if f"`{name}`" not in document
                              and f"`{name} " not in document], [], source)


if __name__ == "__main__":
    unittest.main()
