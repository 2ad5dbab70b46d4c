#!/usr/bin/python3
"""The units of deploy/systemd: systemd and the programs understand them, and a broker is shut in."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("LANDSEER_BIN", SOURCE / "build" / "dev" / "bin"))
FOLDER = SOURCE / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
ANALYZE = shutil.which("systemd-analyze")
# In tenths. systemd calls 1.0 to 1.9 "OK": what is left is the network, which these programs are for.
EXPOSURE_MAX = {"landseer-broker.service": 15, "landseer-dashboard.service": 15}
NEEDED = {"NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
          "PrivateDevices": "yes", "CapabilityBoundingSet": "", "MemoryDenyWriteExecute": "yes", "LimitCORE": "0"}


def settings(unit):
    """All values by key, in the order of the file."""
    found = {}
    for line in unit.read_text().splitlines():
        match = re.match(r"([A-Za-z]+)=(.*)", line)
        if match:
            found.setdefault(match.group(1), []).append(match.group(2))
    return found


def help_of(program):
    return subprocess.run([str(BIN / program), "--help"], capture_output=True, text=True, check=True).stdout


class Units(unittest.TestCase):
    def test_there_is_one_for_each_program(self):
        self.assertEqual([unit.name for unit in UNITS],
                         [f"landseer-{name}.service" for name in ("broker", "dashboard", "worker")])

    def test_programs_know_the_options_and_variables(self):
        for unit in UNITS:
            with self.subTest(unit=unit.name):
                said = settings(unit)
                words = said["ExecStart"][0].split()
                self.assertTrue(words[0].startswith("/usr/local/bin/"))
                text = help_of(Path(words[0]).name)
                for option in (word.split("=")[0] for word in words[1:] if word.startswith("--")):
                    self.assertRegex(text, rf"(?m)^\s+{option}\b")
                for name in (value.split("=")[0] for value in said["Environment"]):
                    if name != "LANDSEER_HOME":
                        self.assertIn(f"(Env:{name})", text)
                # Also those that comments give as examples.
                for name in re.findall(r"^# .*?\b(LANDSEER_\w+)=", unit.read_text(), re.MULTILINE):
                    self.assertIn(f"(Env:{name})", text)

    def test_each_program_has_a_user_and_a_folder_of_its_own(self):
        listed = (FOLDER / "landseer.sysusers").read_text()
        users = re.findall(r"^u (\S+)\s+-\s+\"[^\"]*\"\s+(\S+)", listed, re.MULTILINE)
        for unit in UNITS:
            with self.subTest(unit=unit.name):
                said = settings(unit)
                user, folder = said["User"][0], "/var/lib/" + said["StateDirectory"][0]
                self.assertIn((user, folder), users)
                self.assertIn(f"LANDSEER_HOME={folder}", said["Environment"])
                self.assertEqual(said["StateDirectoryMode"], ["0700"])
                self.assertEqual(said["Restart"], ["on-failure"])
                self.assertNotIn("WatchdogSec", said, "no program says that it is alive")
        self.assertEqual(len({settings(unit)["User"][0] for unit in UNITS}), len(UNITS))

    def test_broker_and_dashboard_are_shut_in(self):
        for name in EXPOSURE_MAX:
            said = settings(FOLDER / name)
            for key, value in NEEDED.items():
                self.assertEqual(said.get(key), [value], f"{key} of {name}")

    @unittest.skipUnless(ANALYZE, "systemd-analyze is not here: apt-get install systemd")
    def test_the_worker_may_start_containers_and_use_gpus(self):
        text = (FOLDER / "landseer-worker.service").read_text()
        options = {line.split("=")[0] for line in text.splitlines() if not line.startswith("#")}
        # systemd.exec(5): each implies NoNewPrivileges with User=, which podman without root cannot bear.
        self.assertFalse(options & {"NoNewPrivileges", "ProtectKernelModules", "ProtectKernelLogs", "ProtectClock",
                                    "ProtectHostname", "RestrictRealtime", "SystemCallArchitectures",
                                    "SystemCallFilter", "RestrictNamespaces", "PrivateDevices", "DevicePolicy"})

    def test_systemd_understands_them(self):
        for unit in UNITS:
            with self.subTest(unit=unit.name), tempfile.TemporaryDirectory() as folder:
                # With the programs as they were built: where they will be is empty.
                path = Path(folder, unit.name)
                path.write_text(unit.read_text().replace("/usr/local/bin/", f"{BIN}/"))
                done = subprocess.run([ANALYZE, "verify", "--man=no", str(path)], capture_output=True, text=True,
                                      check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    @unittest.skipUnless(ANALYZE, "systemd-analyze is not here: apt-get install systemd")
    def test_what_is_left_to_a_broken_in_broker_is_little(self):
        for name, most in EXPOSURE_MAX.items():
            with self.subTest(unit=name):
                done = subprocess.run([ANALYZE, "security", "--offline=true", "--no-pager", f"--threshold={most}",
                                       str(FOLDER / name)], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stdout[-400:] + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
