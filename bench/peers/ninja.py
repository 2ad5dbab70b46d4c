#!/usr/bin/python3
"""Ninja."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent / "support")

from build_tool import BuildTool  # noqa: E402
from peer import main  # noqa: E402


class Ninja(BuildTool):
    name = "ninja"
    settings = "ninja -j2; W2 goes through sh -c; W3: phony rules, so no process; one machine, nothing kept"
    words = ("ninja", "-j2")
    file = "build.ninja"

    def text(self, tasks, command):
        rule = "run" if command else "phony"
        lines = [f"rule run\n  command = {command}"] if command else []
        lines += [f"build t{name}: {rule} {'t' + after if after else ''}" for name, after in tasks]
        return "\n".join([*lines, ""])


if __name__ == "__main__":
    main(Ninja)
