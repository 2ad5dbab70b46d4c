#!/usr/bin/python3
"""Runs the commands of suite.py one after the other and writes what they measured, and on what machine, to one file.
With --only, what the file has of other commands stays, and those that ran say themselves of which tree they are.

    bench/collect.py [--quick] [--without-peers] [--only WORD]... [--runs K] [--out FILE]

The programs are those of LANDSEER_BIN, else of build/release/bin. bench/run.sh builds them first.
"""

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

sys.dont_write_bytecode = True

from suite import BENCH, COMMANDS  # noqa: E402

SOURCE = BENCH.parent
BIN = Path(os.environ.setdefault("LANDSEER_BIN", str(SOURCE / "build" / "release" / "bin")))
FIELDS = ("workload", "n", "unit", "runs", "median", "min", "max")
TAIL = 2000  # bytes of what a command that failed said


def value_in(file, key):
    for line in Path(file).read_text().splitlines():
        if line.startswith(key):
            return line.split(":", 1)[1].strip()
    return ""


def sync_latency_us(folder, count=200):
    """Of an fdatasync after 4 KiB at the end of a file: the median."""
    taken = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        for _ in range(count):
            os.write(file.fileno(), b"x" * 4096)
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - begun) * 1e6)
    return round(statistics.median(taken))


def spawn_rate(tasks):
    done = subprocess.run([BIN / "landseer-bench-spawn", "--tasks", str(tasks)], check=True, text=True,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)["per_second"]


def machine(quick):
    git = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=SOURCE, text=True,
                         capture_output=True, check=False)
    return {"commit": git.stdout.strip(), "processor": value_in("/proc/cpuinfo", "model name"),
            "cores": os.cpu_count(), "memory": value_in("/proc/meminfo", "MemTotal"), "kernel": platform.release(),
            "sync_latency_us": sync_latency_us(SOURCE, 20 if quick else 200), "spawns_per_second":
            spawn_rate(20 if quick else 500), "load_before": os.getloadavg()[0]}


def words_of(command, arguments):
    program = command.words[0]
    path = BENCH / program if program.endswith(".py") else BIN / program
    options = command.quick if arguments.quick else command.full
    if command.group == "peer" and arguments.quick:
        options = ("--tasks", 20, "--runs", 1)
    words = [str(path), *command.words[1:], *map(str, options)]
    if arguments.runs and "--runs" in words:
        words[words.index("--runs") + 1] = str(arguments.runs)
    return words


def parse(line, command):
    """What is wrong with it is an error: a figure without its fields would be missed in the table only."""
    figure = json.loads(line)
    if "skipped" in figure:
        return figure
    missing = [field for field in FIELDS if field not in figure]
    if missing:
        raise ValueError(f"{command.name} prints no {', '.join(missing)}: {line[:200]}")
    return figure


def run(command, arguments):
    """The command's figures, or how it failed."""
    begun = time.monotonic()
    words = words_of(command, arguments)
    record = {"command": command.name, "words": words[1:], "group": command.group, "figures": []}
    if not os.access(words[0], os.X_OK):
        return {**record, "failed": f"there is no program {words[0]}: bench/run.sh builds it", "seconds": 0}
    with tempfile.TemporaryDirectory(prefix="landseer-bench-", dir=arguments.folder) as folder:
        process = subprocess.Popen(words, cwd=folder, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, start_new_session=True)
        try:
            out, err = process.communicate(timeout=command.limit)
            failed = f"exit code {process.returncode}" if process.returncode else ""
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            failed = f"takes more than {command.limit} s"
    try:
        record["figures"] = [parse(line, command) for line in out.splitlines() if line.startswith("{")]
    except ValueError as error:
        failed = failed or str(error)
    if failed or not record["figures"]:
        record["failed"] = f"{failed or 'it printed no figure'}: {(out + err)[-TAIL:].strip()}"
    record["seconds"] = round(time.monotonic() - begun, 1)
    return record


def describe(record):
    if "failed" in record:
        return "FAILED: " + record["failed"].splitlines()[0][:160]
    texts = [f"skipped: {figure['skipped']}" if "skipped" in figure else
             f"{figure['workload']} n={figure['n']}: {figure['median']:.5g} {figure['unit']}"
             for figure in record["figures"]]
    return "; ".join(texts)


def wanted(command, arguments):
    if command.group == "peer" and arguments.without_peers:
        return False
    return not arguments.only or any(word in f" {command.name} ".split() or word == command.name
                                     for word in arguments.only)


def begin(arguments):
    """The document to be filled, with what stays of an earlier one."""
    fresh = {"begun": datetime.now(timezone.utc).isoformat(timespec="seconds"), "quick": arguments.quick,
             "machine": machine(arguments.quick), "commands": []}
    if not arguments.only or not arguments.out.exists():
        return fresh, None
    earlier = json.loads(arguments.out.read_text())
    if earlier["quick"] != arguments.quick:
        kind = "quick" if earlier["quick"] else "real"
        raise SystemExit(f"{arguments.out} has figures of a {kind} run, which do not belong beside those of this one: "
                         "name another file with --out")
    return earlier, {"begun": fresh["begun"], "machine": fresh["machine"]}


def put(document, record):
    """In the place of the same command's last one; the order is that of the suite."""
    place = {command.name: number for number, command in enumerate(COMMANDS)}
    others = [other for other in document["commands"] if other["command"] != record["command"]]
    document["commands"] = sorted([*others, record], key=lambda each: place.get(each["command"], len(place)))


def write(document, path):
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(document, indent=1) + "\n")
    draft.replace(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="everything tiny: whether it works, not how fast")
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--only", action="append", default=[], help="a word of a command's name, such as W1 or dask")
    parser.add_argument("--runs", type=int, help="for commands that say how many")
    parser.add_argument("--folder", help="for what is written meanwhile: on the disk that is measured")
    parser.add_argument("--out", type=Path, help="build/bench/quick.json, else bench/results/performance.json")
    arguments = parser.parse_args()
    if arguments.out is None:
        arguments.out = (SOURCE / "build" / "bench" / "quick.json" if arguments.quick else
                         BENCH / "results" / "performance.json")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    document, of_its_own = begin(arguments)
    records = []
    for command in [command for command in COMMANDS if wanted(command, arguments)]:
        record = run(command, arguments)
        (of_its_own or document)["machine"]["load_after"] = os.getloadavg()[0]
        record.update(of_its_own or {})
        records.append(record)
        put(document, record)
        write(document, arguments.out)  # who ends it early keeps what was measured
        print(f"{command.name} ({record['seconds']} s): {describe(record)}", flush=True)
    if not of_its_own:
        document["ended"] = datetime.now(timezone.utc).isoformat(timespec="seconds")
    write(document, arguments.out)
    failed = [record["command"] for record in records if "failed" in record]
    print(f"{len(records)} commands, failed: {', '.join(failed) or 'none'}; {arguments.out}")
    return 1 if failed or not records else 0


if __name__ == "__main__":
    sys.exit(main())
