"""What is measured, and the goals: two lists that collect.py runs and table.py reads.

A command prints one JSON object on a line for each figure:

    {"workload", "n", "unit", "runs": [...], "median", "min", "max", "extra": {...}}

A goal names figures by the command, and where that prints several by the workload and n.
"""

from dataclasses import dataclass, field
from pathlib import Path

BENCH = Path(__file__).resolve().parent
PEERS = sorted(path.stem for path in (BENCH / "peers").glob("*.py"))
PEER_WORKLOADS = ("W1", "W2", "W3", "W4", "W5")
MILLION = 1_000_000


@dataclass
class Command:
    name: str
    words: tuple            # the first is a program of build/release/bin, or a script of bench/
    quick: tuple = ()       # options for --quick, in which nothing takes more than seconds
    full: tuple = ()        # options for the real run
    limit: int = 300        # seconds, ten times what is expected
    group: str = "landseer"


@dataclass
class Figure:
    """One number: of the lines of a command the last one that fits."""
    command: str
    field: str = "median"   # or of `extra`, as extra.p99_ms
    workload: str = ""
    n: int = 0              # the nearest one
    factor: float = 1.0     # into the goal's unit


@dataclass
class Goal:
    workload: str
    text: str
    figure: Figure
    comparison: str         # <= or >=
    bound: float            # None: not a goal, but to be seen beside them
    unit: str = ""
    reference: Figure = None  # then the goal is about the share of this one
    peers: tuple = field(default_factory=tuple)  # then it is about how often the best of these is beaten
    stand_in: bool = False  # the peer does something else than what the goal means: no verdict


def load(name, workload, quick, full, limit=300):
    return Command(name, ("landseer-bench-load", workload, "--json"), quick, full, limit)


def curve(workload, sizes):
    return [load(f"load {workload} {n}", workload, ("--tasks", min(n, 2000), "--runs", 1),
                 ("--tasks", n, "--runs", 5)) for n in sizes]


COMMANDS = [
    *curve("W1", (1_000, 10_000, 100_000, MILLION)),
    load("load W1 plain", "W1", ("--tasks", 1000, "--runs", 1, "--no-keys"), ("--tasks", 100_000, "--no-keys")),
    Command("limit W1", ("landseer-bench-limit", "W1", "--json"), ("--tasks", 1000, "--runs", 1), ("--tasks", 100_000)),
    Command("executor", ("executor/executor.py", "--json"), ("--tasks", 20, "--runs", 1),
            ("--tasks", 1000, "--slots", "1,2", "--runs", 5), 600),
    *curve("W3", (1_110, 11_110, 111_110, MILLION)),
    Command("limit W3", ("landseer-bench-limit", "W3", "--json"), ("--tasks", 1000, "--runs", 1), ("--tasks", 11_110)),
    load("load W4", "W4", ("--tasks", 20, "--runs", 1), ("--runs", 5)),
    *curve("W5", (10_000, 100_000, MILLION)),
    load("load W6", "W6", ("--tasks", 1000, "--runs", 1), ("--runs", 5)),
    Command("recovery", ("landseer-bench-recovery", "--json"), ("--tasks", 1000), ("--tasks", 100_000)),
    load("load W7", "W7", ("--tasks", 1000, "--workers", 20, "--runs", 1, "--seconds", 3), ("--runs", 5)),
    Command("placement", ("landseer-bench-placement", "--json"), ("--tasks", 1000, "--workers", 20, "--ends", 100)),
    Command("scheduler", ("landseer-bench-scheduler", "--json"), ("--tasks", 1000),
            ("--tasks", 1_000, 10_000, 100_000, MILLION), 600),
    Command("codec", ("landseer-bench-codec", "--json"), ("--runs", 1, "--benchmark_min_time=0.001"), ("--runs", 5)),
    Command("logs", ("landseer-bench-logs", "--json"), ("--bytes", 1_000_000, "--rounds", 1)),
    Command("transfer", ("landseer-bench-transfer", "--json"), ("--bytes", 8 << 20, "--rounds", 1), limit=600),
    Command("scheduling", ("landseer-bench-scheduling", "--json"), ("--seeds", 1),
            ("--seeds", 20), 600),
    *[Command(f"{peer} {workload}", (f"peers/{peer}.py", workload, "--json"), group="peer")
      for workload in PEER_WORKLOADS for peer in PEERS],
    Command("bullmq W1 durable", ("peers/bullmq.py", "W1", "--json", "--durable"), group="peer"),
]

W1 = Figure("load W1 100000")
W3 = Figure("load W3 11110")
ALL = tuple(PEERS)
OTHERS = tuple(peer for peer in PEERS if peer != "hyperqueue")
FINISH_FIRST = "extra.policies.finish-first."


def schedule(case, figure):
    return Figure("scheduling", FINISH_FIRST + figure, f"W10 {case}")


GOALS = [
    Goal("W1", "tasks/s, durable, with CURVE", W1, ">=", 200_000, "tasks/s"),
    Goal("W1", "tasks/s, a million of them", Figure("load W1 1000000"), ">=", 200_000, "tasks/s"),
    Goal("W1", "share of the physical reference", W1, ">=", 0.5, reference=Figure("limit W1")),
    Goal("W1", "broker CPU per task", Figure("load W1 100000", "extra.broker_cpu_us_per_task"), "<=", 4, "us"),
    Goal("W1", "times HyperQueue", W1, ">=", 3, peers=("hyperqueue",), stand_in=True),
    Goal("W1", "times every other peer", W1, ">=", 10, peers=OTHERS),
    Goal("W2", "share of the bare loop, 1 slot", Figure("executor", "extra.share_of_bare_loop", "W2 1 slot"),
         ">=", 0.85),
    Goal("W2", "share of the bare loop, 2 slots", Figure("executor", "extra.share_of_bare_loop", "W2 2 slots"), ">=",
         0.85),
    Goal("W2", "times the best peer", Figure("executor", "median", "W2 2 slots"), ">=", None, peers=ALL),
    Goal("W3", "complete", W3, "<=", 0.15, "s"),
    Goal("W3", "share of the physical reference's time", W3, "<=", None, reference=Figure("limit W3")),
    Goal("W3", "times HyperQueue", W3, ">=", 3, peers=("hyperqueue",), stand_in=True),
    Goal("W3", "times every other peer", W3, ">=", 10, peers=OTHERS),
    Goal("W4", "submit to result, p50", Figure("load W4", "median", "W4 alone"), "<=", 1.0, "ms"),
    Goal("W4", "submit to result, p99", Figure("load W4", "extra.p99_ms", "W4 alone"), "<=", 3.0, "ms"),
    Goal("W4", "times as fast as the best peer", Figure("load W4", "median", "W4 alone"), "<=", None, peers=ALL),
    Goal("W4", "end of one to having the next, p50", Figure("load W4", "median", "W4 successor"), "<=", 0.6, "ms"),
    Goal("W5", "resident bytes per pending task", Figure("load W5 1000000"), "<=", 250, "bytes"),
    Goal("W5", "times as small as the best peer", Figure("load W5 1000000"), "<=", None, peers=ALL),
    Goal("W6", "a million live tasks ready after kill -9", Figure("load W6"), "<=", 3, "s"),
    Goal("W7", "placement pass, p99, CPU, all passes", Figure("placement"), "<=", 2, "ms"),
    Goal("W7", "the same of the 70 passes that fill empty workers",
         Figure("placement", "extra.fill.cpu_ms_p99"), "<=", 2, "ms"),
    Goal("W7", "late heartbeats", Figure("load W7", "extra.late_heartbeats"), "<=", 0),
    *[Goal("W8", f"get and update, about {n:,} tasks, {policy}",
           Figure("scheduler", "median", f"W8 {policy}", n, 1e-3), "<=", bound, "us")
      for n, bound in ((10_000, 1), (MILLION, 2)) for policy in ("landseer", "finish-first")],
    Goal("W9", "log stream, share of a bare relay", Figure("logs", "extra.share_of_bare"), ">=", 0.8),
    Goal("W9", "artifact with CURVE, share of one hashed, written and encrypted",
         Figure("transfer", "extra.share_of_hashed_written_curve"), ">=", 0.8),
    Goal("W9", "artifact, share of a stream that is hashed", Figure("transfer", "extra.share_of_hashed"), ">=", 0.8),
    Goal("W9", "artifact, share of one hashed and written", Figure("transfer", "extra.share_of_hashed_written"), ">=",
         0.8),
    Goal("W10", "makespan / lower bound, 4 GPUs, known durations",
         schedule("4-gpus-known", "makespan_over_bound.median"), "<=", 1.02),
    Goal("W10", "first workflow, share of the run",
         schedule("4-gpus-known", "first_workflow_share.median"), "<=", 0.04),
    Goal("W10", "mean completion, share of the landseer policy's, known",
         schedule("4-gpus-known", "mean_completion_vs_landseer.median"), "<=", 0.56),
    Goal("W10", "mean completion, share of the landseer policy's, learned",
         schedule("4-gpus-learned", "mean_completion_vs_landseer.median"), "<=", 0.60),
]

# Growth over n: title, how the name of the command begins, workloads, and whether a figure is of all n tasks.
CURVES = [
    ("W1: tasks per second", "load W1 ", ("W1",), False),
    ("W3: microseconds per task", "load W3 ", ("W3",), True),
    ("W5: bytes per pending task", "load W5 ", ("W5",), False),
    ("W8: nanoseconds per get and update", "scheduler", ("W8 landseer", "W8 finish-first"), False),
]
