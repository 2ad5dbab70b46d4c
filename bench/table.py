#!/usr/bin/python3
"""The goals beside what was measured, and how costs grow.

    bench/table.py [FILE] [--curves FILE.svg]

FILE is what collect.py wrote, bench/results/performance.json if none is given. Prints Markdown. A goal that compares
with peers compares with the best of those that were measured in the same file.
"""

import argparse
import json
import math
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from suite import BENCH, CURVES, GOALS  # noqa: E402

COLOURS = ("#1b6ca8", "#c0392b", "#27845a", "#8e5ea2")
PANEL_WIDTH, PANEL_HEIGHT, MARGIN = 440, 270, 70


class Results:
    def __init__(self, document):
        self.document = document
        self.commands = {record["command"]: record for record in document["commands"]}

    def line(self, wanted):
        """What has the figure. None: not measured, or by a command that failed."""
        record = self.commands.get(wanted.command, {"figures": []})
        lines = [line for line in record["figures"] if "skipped" not in line and "failed" not in record]
        lines = [line for line in lines if wanted.workload in ("", line["workload"])]
        if not lines:
            return None
        return min(lines, key=lambda each: abs(each["n"] - wanted.n)) if wanted.n else lines[-1]

    def spread(self, wanted):
        line = self.line(wanted)
        if line is None or wanted.field != "median" or len(line["runs"]) < 2:
            return ""
        return f"{short(line['min'] * wanted.factor)} to {short(line['max'] * wanted.factor)}, {len(line['runs'])} runs"

    def value(self, wanted):
        """None: not measured."""
        line = self.line(wanted)
        if line is None:
            return None
        for key in wanted.field.split("."):
            if not isinstance(line, dict) or key not in line:
                return None
            line = line[key]
        return line * wanted.factor

    def peers(self, workload):
        """(name, line) of services that were measured without being slowed down by a choice of ours."""
        for record in self.commands.values():
            for line in record["figures"] if "failed" not in record else []:
                if line.get("workload") == workload and "peer" in line and "skipped" not in line:
                    yield record["command"], line

    def best_peer(self, workload, names, more_is_better):
        found = [(name, line["median"]) for name, line in self.peers(workload)
                 if line["peer"] in names and line.get("service", True)]
        return (max if more_is_better else min)(found, key=lambda each: each[1], default=None)


def short(value, unit=""):
    if value is None:
        return "-"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{text} {unit}".strip()


def row(goal, results):
    """Cells: workload, goal, bound, measured, spread, measured / bound, beside what, verdict."""
    measured = results.value(goal.figure)
    spread = results.spread(goal.figure)
    bound = f"{goal.comparison} {short(goal.bound, goal.unit)}" if goal.bound is not None else "-"
    beside = ""
    more_is_better = goal.comparison == ">="
    if goal.peers:
        rates = goal.workload in ("W1", "W2")
        peer = results.best_peer(goal.workload, goal.peers, rates)
        if peer:
            beside = f"{peer[0]}: {short(peer[1])}; ours: {short(measured)}"
        if peer is None or measured is None:
            measured = None
        else:
            measured = measured / peer[1] if rates else peer[1] / measured
    elif goal.reference:
        other = results.value(goal.reference)
        beside = f"{goal.reference.command}: {short(other)}"
        measured = measured / other if measured is not None and other else None
    if measured is None:
        return [goal.workload, goal.text, bound, "-", spread, "-", beside, "not measured"]
    share = f"{measured / goal.bound:.2f}" if goal.bound else "-"
    return [goal.workload, goal.text, bound, short(measured, goal.unit), spread, share, beside,
            verdict(goal, measured)]


def verdict(goal, measured):
    if goal.bound is None:
        return ""
    if goal.stand_in:
        return "stand-in"
    met = measured >= goal.bound if goal.comparison == ">=" else measured <= goal.bound
    return "met" if met else "MISSED"


def markdown(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def facts(document):
    machine = document["machine"]
    note = f" {document['note']}." if "note" in document else ""
    quick = "\n\n**Quick run: these figures say that everything works, and nothing else.**" if document["quick"] else ""
    return (f"{document['begun']}, commit {machine['commit']}: {machine['cores']} cores of {machine['processor']}, "
            f"{machine['memory']}, Linux {machine['kernel']}; a sync takes {machine['sync_latency_us']} us, "
            f"{machine['spawns_per_second']:.0f} starts of /bin/true a second in one loop. "
            f"Load before {machine['load_before']:.1f}, after {machine['load_after']:.1f}.{note}{quick}")


def peer_table(results):
    rows = []
    for workload in ("W1", "W2", "W3", "W4", "W5"):
        found = list(results.peers(workload))
        best_first = sorted(found, key=lambda each: each[1]["median"], reverse=workload in ("W1", "W2"))
        for name, line in best_first:
            p99 = f", p99 {short(line['extra']['p99'])}" if "p99" in line.get("extra", {}) else ""
            kept = "yes" if line["durable"] else "no"
            rows.append([workload, name.split(" ")[0] + ("" if line["service"] else " (one process)"), line["version"],
                         f"{short(line['median'], line['unit'])}{p99}",
                         f"{short(line['min'])} to {short(line['max'])}", str(line["n"]), kept, line["settings"]])
    for record in results.commands.values():
        for line in record["figures"]:
            if "skipped" in line and not line["skipped"].startswith("it has nothing like"):
                rows.append([line["workload"], line["peer"], "-", "skipped", "-", "-", "-", line["skipped"]])
    return markdown(["", "peer", "version", "median", "runs", "n", "durable", "settings"], rows) if rows else ""


def series(results, begins, workload, of_all):
    """(n, value) in the order of n."""
    points = {}
    for name, record in results.commands.items():
        for line in record["figures"] if name.startswith(begins) else []:
            if line.get("workload") == workload:
                points[line["n"]] = line["median"] * (1e6 / line["n"] if of_all else 1)
    return sorted(points.items())


def ticks(low, high):
    return [10 ** power for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def panel(title, lines, left, top):
    """A picture with two logarithmic axes."""
    every = [point for _, points in lines for point in points if point[0] > 0 and point[1] > 0]
    parts = [f'<text x="{left + MARGIN}" y="{top + 20}" class="title">{title}</text>']
    if not every:
        return parts + [f'<text x="{left + MARGIN}" y="{top + 60}">not measured</text>']
    across, up = ticks(min(n for n, _ in every), max(n for n, _ in every)), ticks(
        min(value for _, value in every), max(value for _, value in every))
    across, up = (values if len(values) > 1 else [values[0], values[0] * 10] for values in (across, up))

    def place(value, values, begin, length):
        low, high = math.log10(values[0]), math.log10(values[-1])
        return begin + (math.log10(value) - low) / (high - low) * length

    def x(n):
        return place(n, across, left + MARGIN, PANEL_WIDTH - 2 * MARGIN)

    def y(value):
        return place(value, up, top + PANEL_HEIGHT - 40, -(PANEL_HEIGHT - 80))

    for n in across:
        parts.append(f'<line x1="{x(n):.1f}" x2="{x(n):.1f}" y1="{y(up[0]):.1f}" y2="{y(up[-1]):.1f}" class="grid"/>'
                     f'<text x="{x(n):.1f}" y="{y(up[0]) + 16:.1f}" text-anchor="middle">{n:,}</text>')
    for value in up:
        parts.append(f'<line x1="{x(across[0]):.1f}" x2="{x(across[-1]):.1f}" y1="{y(value):.1f}" y2="{y(value):.1f}" '
                     f'class="grid"/><text x="{x(across[0]) - 6:.1f}" y="{y(value) + 4:.1f}" text-anchor="end">'
                     f'{value:,}</text>')
    for number, (name, points) in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x(n):.1f},{y(value):.1f}" for n, value in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x(n):.1f}" cy="{y(value):.1f}" r="3" fill="{colour}"><title>{name}, n = {n:,}: '
                  f'{value:,.4g}</title></circle>' for n, value in points]
        if len(lines) > 1:
            parts.append(f'<text x="{left + MARGIN + 8}" y="{top + 56 + 15 * number}" '
                         f'style="fill:{colour}">{name}</text>')
    return parts


def curves(results):
    parts = []
    for number, (title, begins, workloads, of_all) in enumerate(CURVES):
        lines = [(workload, series(results, begins, workload, of_all)) for workload in workloads]
        parts += panel(title, [line for line in lines if line[1]], number % 2 * PANEL_WIDTH,
                       number // 2 * PANEL_HEIGHT)
    width, height = 2 * PANEL_WIDTH, (len(CURVES) + 1) // 2 * PANEL_HEIGHT
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        "<style>text{font:12px sans-serif;fill:#333}.title{font-weight:bold}.grid{stroke:#ddd}</style>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>', *parts, "</svg>", ""])


def print_later(results):
    """Commands that were measured again, with --only, and of which tree."""
    later = {}
    for name, record in results.commands.items():
        if "machine" in record:
            machine = record["machine"]
            text = (f"{record['begun']}, commit {machine['commit']}, load before {machine['load_before']:.1f}, after "
                    f"{machine['load_after']:.1f}")
            later.setdefault(text, []).append(name)
    for text, names in later.items():
        print(f"\nMeasured later, {text}: {', '.join(names)}.")


def other_figures(results):
    """Those that no goal is about."""
    lines = results.commands.get("codec", {"figures": []})["figures"]
    rows = [[line["workload"], short(line["median"], line["unit"]), f"{short(line['min'])} to {short(line['max'])}",
             str(line["n"])] for line in lines]
    return markdown(["", "for each", "runs", "n"], rows) if rows else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=BENCH / "results" / "performance.json")
    parser.add_argument("--complete", action="store_true",
                        help="fail if a goal that is not about peers has no figure")
    parser.add_argument("--curves", type=Path, help="file for an SVG of the growth over n")
    arguments = parser.parse_args()
    document = json.loads(arguments.file.read_text())
    results = Results(document)
    print("# What was measured\n")
    print(facts(document), "\n")
    print(markdown(["", "goal", "limit", "measured", "spread", "of the limit", "beside", ""],
                   [row(goal, results) for goal in GOALS]))
    if others := other_figures(results):
        print("\nPacking and unpacking, of which no goal speaks:\n")
        print(others)
    if peers := peer_table(results):
        print("\nPeers, the best first:\n")
        print(peers)
    print_later(results)
    failed = {name: record["failed"] for name, record in results.commands.items() if "failed" in record}
    for name, reason in failed.items():
        print(f"\n{name} failed: {reason.splitlines()[0]}")
    if arguments.curves:
        arguments.curves.write_text(curves(results))
    unmeasured = [f"{goal.workload} {goal.text}" for goal in GOALS
                  if not goal.peers and results.value(goal.figure) is None]
    if arguments.complete and unmeasured:
        sys.exit(f"no figure for: {'; '.join(unmeasured)}")


if __name__ == "__main__":
    main()
