#!/usr/bin/env python3
"""Puts each seeded bug into a copy of the tree, builds the simulator, and runs it until it complains.

    run_seeded_bugs.py --check             only: is every text to be changed still there, exactly once?
    run_seeded_bugs.py [NAME ...]          all bugs, or these; writes a table in Markdown
    options: --schedules N (50000), --jobs J (2), --scratch FOLDER (build/seeded_bugs)

A bug that is not found within the schedules is a failure: then the oracle is too weak.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from seeded_bugs import PATCHES, SWITCHES

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("CMakeLists.txt", "CMakePresets.json", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "cmake", "common",
          "broker", "worker", "submitter", "tests", "docs", "deploy")


def check():
    """Texts that do not occur exactly once, and names that are used twice."""
    wrong = []
    for patch in PATCHES:
        count = (ROOT / patch.file).read_text(encoding="utf-8").count(patch.find)
        if count != 1:
            wrong.append(f"{patch.name}: its text occurs {count} times in {patch.file}")
    shells = "".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("tests/simulation/*.cc")))
    for switch in SWITCHES:
        if f'switches.is("{switch.name}")' not in shells:
            wrong.append(f"{switch.name}: the simulator has no such switch")
    names = [bug.name for bug in PATCHES + SWITCHES]
    wrong += [f"{name}: used twice" for name in sorted(set(names)) if names.count(name) > 1]
    return wrong


class Scratch:
    """A copy of the tree with a build folder of its own."""

    def __init__(self, folder):
        self.tree = folder / "tree"
        # Where the preset has it, relative to the tree: then ccache knows most objects already.
        self.build = self.tree / "build" / "release"
        os.environ.update(CCACHE_BASEDIR=str(self.tree), CCACHE_NOHASHDIR="1")
        shutil.rmtree(self.tree, ignore_errors=True)
        self.tree.mkdir(parents=True)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                # With its times, so that only what is patched is compiled again.
                shutil.copytree(source, self.tree / name, symlinks=True)
            else:
                shutil.copy2(source, self.tree / name)
        subprocess.run(["cmake", "--preset", "release", "-DLANDSEER_TESTS=ON", "-DCMAKE_COMPILE_WARNING_AS_ERROR=OFF"],
                       cwd=self.tree, check=True,
                       stdout=subprocess.DEVNULL)
        self.make()

    def make(self):
        made = subprocess.run(["cmake", "--build", self.build, "-j2", "--target", "simulation"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if made.returncode != 0:
            sys.exit("the simulator does not build:\n" + made.stdout[-3000:])

    def apply(self, patch):
        path = self.tree / patch.file
        path.write_text(path.read_text(encoding="utf-8").replace(patch.find, patch.replacement), encoding="utf-8")
        self.make()

    def restore(self, patch):
        shutil.copy(ROOT / patch.file, self.tree / patch.file)

    def hunt(self, options, bug=None):
        """(schedules until the first violation or None, what was reported)"""
        command = ["nice", self.build / "tests" / "simulation", "--seeds", str(options.schedules), "--jobs",
                   str(options.jobs)]
        if bug:
            command += ["--bug", bug]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        found = re.search(r"the first after about (\d+) schedules", done.stdout)
        reported = re.search(r"^seed \d+: (.*)$", done.stdout, re.MULTILINE)
        broken = re.search(r"broken invariant: (.*)$", done.stdout, re.MULTILINE)
        words = broken.group(1) if broken else reported.group(1) if reported else done.stdout[-300:]
        return int(found.group(1)) if found else None, words


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--schedules", type=int, default=50000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--scratch", type=Path, default=ROOT / "build" / "seeded_bugs")
    options = parser.parse_args()
    wrong = check()
    if wrong:
        sys.exit("\n".join(wrong))
    if options.check:
        print(f"{len(PATCHES)} patches and {len(SWITCHES)} switches are in place")
        return
    chosen = [bug for bug in PATCHES + SWITCHES if not options.names or bug.name in options.names]
    scratch = Scratch(options.scratch)
    print("| bug | what it breaks | schedules | reported as |\n|---|---|---|---|", flush=True)
    missed = []
    for bug in chosen:
        begun = time.monotonic()
        if bug in PATCHES:
            scratch.apply(bug)
            schedules, words = scratch.hunt(options)
            scratch.restore(bug)
        else:
            scratch.make()
            schedules, words = scratch.hunt(options, bug.name)
        words = re.sub(r"\d+", "N", words).replace("|", "/")[:110]
        print(f"| `{bug.name}` | {bug.breaks} | {schedules or 'not found'} | {words} |", flush=True)
        print(f"{bug.name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
        if schedules is None:
            missed.append(bug.name)
    print(f"\n{len(chosen) - len(missed)} of {len(chosen)} bugs found")
    if missed:
        sys.exit("not found: " + ", ".join(missed))


if __name__ == "__main__":
    main()
