#!/usr/bin/python3
"""GNU make."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent / "support")

from build_tool import BuildTool  # noqa: E402
from peer import main  # noqa: E402


class Make(BuildTool):
    name = "make"
    settings = "make -s -j2, phony targets; W3: empty recipes, so no process; one machine, nothing kept"
    words = ("make", "-s", "-j2")
    file = "Makefile"

    def text(self, tasks, command):
        recipe = f" ; @{command}" if command else " ;"
        names = " ".join(f"t{name}" for name, _ in tasks)
        lines = [f"t{name}: {'t' + after if after else ''}{recipe}" for name, after in tasks]
        return "\n".join([f"all: {names}", f".PHONY: all {names}", *lines, ""])


if __name__ == "__main__":
    main(Make)
