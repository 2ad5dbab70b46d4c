#!/usr/bin/python3
"""What cmake/hardening.cmake asks for is in the programs as they were built: read from their files."""

import os
import platform
import re
import subprocess
import unittest
from pathlib import Path

BIN = Path(os.environ.get("LANDSEER_BIN", Path(__file__).resolve().parents[2] / "build" / "dev" / "bin"))
PROGRAMS = ("landseer-broker", "landseer-worker", "landseer", "landseer-dashboard")
SANITIZER = os.environ.get("LANDSEER_SANITIZER", "")


def read(program, *flags):
    command = ["readelf", *flags, "--wide", str(BIN / program)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class Hardening(unittest.TestCase):
    def test_code_and_stack_have_no_fixed_place(self):
        for program in PROGRAMS:
            with self.subTest(program=program):
                self.assertRegex(read(program, "--file-header"), r"Type:\s+DYN")
                self.assertRegex(read(program, "--dynamic"), r"FLAGS_1\).*\bPIE\b")

    def test_no_memory_is_writable_and_executable(self):
        for program in PROGRAMS:
            with self.subTest(program=program):
                headers = read(program, "--program-headers")
                segments = re.findall(r"^\s+(\w+)\s+0x.* ([R ][W ][E ]) +0x[0-9a-f]+$", headers, re.MULTILINE)
                self.assertIn("GNU_STACK", [name for name, _ in segments])
                self.assertEqual([name for name, flags in segments if flags[1:] == "WE"], [])

    def test_addresses_of_functions_are_read_only(self):
        for program in PROGRAMS:
            with self.subTest(program=program):
                self.assertIn("GNU_RELRO", read(program, "--program-headers"))
                self.assertRegex(read(program, "--dynamic"), r"BIND_NOW|FLAGS_1\).*\bNOW\b")

    @unittest.skipIf(SANITIZER, "sanitizers take the place of these checks")
    def test_stacks_and_library_calls_are_checked(self):
        for program in PROGRAMS:
            with self.subTest(program=program):
                symbols = read(program, "--dyn-syms")
                self.assertIn("__stack_chk_fail", symbols)
                # Which calls are checked depends on the code; of memory and text functions there are always some.
                self.assertRegex(symbols, r"__(mem|str|read|poll|v?s?n?printf|fdelt)\w*_chk")

    @unittest.skipIf(SANITIZER, "sanitizers take the place of these checks")
    @unittest.skipUnless(platform.machine() == "x86_64", "only processors of this kind have it")
    def test_our_own_functions_are_where_jumps_may_go(self):
        # The libraries of C++ decide whether the whole file is marked, so we look at functions of ours.
        for program in PROGRAMS:
            with self.subTest(program=program):
                done = subprocess.run(["objdump", "--disassemble=main", "--no-show-raw-insn", str(BIN / program)],
                                      capture_output=True, text=True, check=True)
                self.assertRegex(done.stdout, r"<main>:\n\s+[0-9a-f]+:\s+endbr64")


if __name__ == "__main__":
    unittest.main(verbosity=2)
