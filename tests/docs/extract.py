"""Programs in documents: takes them out to be compiled, and compares what they print.

    extract.py take OUT_DIR DOCUMENT...   writes the programs; prints their names, one a line
    extract.py check PROGRAM OUT_DIR/NAME runs one there and compares its output

A block belongs to a program when the line before it says so, in a comment that readers do not see:

    <!-- program: NAME -->       a C++ program, complete
    <!-- file: NAME/FILE -->     a file that lies where the program runs
    <!-- output: NAME -->        exactly what the program prints
"""
import difflib
import re
import subprocess
import sys
from pathlib import Path

BLOCK = re.compile(r"<!-- (program|file|output): ([\w./-]+) -->\n+```\w*\n(.*?)^```$", re.M | re.S)


def write_if_new(path, text):
    """Unchanged files keep their time, so that nothing is compiled again for nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def take(out, documents):
    programs = {}
    outputs = set()
    for document in documents:
        text = Path(document).read_text()
        marks = len(re.findall(r"^<!-- (?:program|file|output): ", text, flags=re.M))
        blocks = BLOCK.findall(text)
        if marks != len(blocks):
            sys.exit(f"{document}: {marks} marks, but {len(blocks)} marked blocks")
        for kind, name, body in blocks:
            if kind == "program":
                if name in programs:
                    sys.exit(f"{document}: a second program is named {name}")
                programs[name] = document
                write_if_new(out / name / "program.cc", body)
            elif kind == "file":
                write_if_new(out / name, body)
            else:
                outputs.add(name)
                write_if_new(out / name / "expected.txt", body)
    silent = sorted(programs.keys() - outputs)
    if silent:
        sys.exit(f"no document shows what these programs print: {', '.join(silent)}")
    print("\n".join(programs))


def check(program, folder):
    done = subprocess.run([program], cwd=folder, capture_output=True, text=True, timeout=60)
    expected = (folder / "expected.txt").read_text()
    if done.returncode != 0:
        sys.exit(f"{program}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    if done.stdout.strip() == expected.strip():
        return
    sys.exit("\n".join(difflib.unified_diff(expected.splitlines(), done.stdout.splitlines(),
                                            "in the document", "printed", lineterm="")))


if __name__ == "__main__":
    if len(sys.argv) > 3 and sys.argv[1] == "take":
        take(Path(sys.argv[2]), sys.argv[3:])
    elif len(sys.argv) == 4 and sys.argv[1] == "check":
        check(Path(sys.argv[2]).resolve(), Path(sys.argv[3]))
    else:
        sys.exit(__doc__)
