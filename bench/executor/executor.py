#!/usr/bin/python3
"""W2: what the executor adds to the start of a process.

N distinct tasks that run /bin/true through a real broker, a worker and the `process` runtime, folders, logs and results
included, in turn with the best bare loop of posix_spawn and waitpid on the same machine.

    bench/executor/executor.py [--tasks 1000] [--slots 1,2] [--runs 5] [--no-keys] [--json]

The programs are those of LANDSEER_BIN, else of build/release/bin. One line for each number of slots.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from datetime import datetime
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
os.environ.setdefault("LANDSEER_BIN", str(SOURCE / "build" / "release" / "bin"))
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "tests" / "end_to_end"))

from cluster import BIN, Cluster  # noqa: E402


def cpu_seconds(pid):
    """Of a process, and of the children that it has reaped."""
    fields = [int(field) for field in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:15]]
    ticks = os.sysconf("SC_CLK_TCK")
    return sum(fields[:2]) / ticks, sum(fields[2:]) / ticks


class Machine:
    """The bare loop."""

    def __init__(self, tasks):
        self.words = [BIN / "landseer-bench-spawn", "--tasks", str(tasks)]

    def run(self):
        done = subprocess.run(self.words, check=True, text=True, stdout=subprocess.PIPE)
        return json.loads(done.stdout)


class Product:
    """One broker, one worker with so many slots."""

    def __init__(self, cluster, tasks, slots, with_keys=True):
        self.cluster, self.tasks, self.number = cluster, tasks, 0
        if with_keys and cluster.run("keys", "init").code != 0:
            raise SystemExit("`landseer keys init` failed")
        self.broker = cluster.start_broker()
        self.worker = cluster.start_worker("bench", cpus=slots)
        self.pids = {"broker": self.broker.pid, "agent": self.worker.pid, "executor": cluster.executor_of("bench")}

    def submission(self, count):
        """Distinct by their configs."""
        self.number += 1
        tasks = [[{"tool": "true", "config": {"run": self.number, "n": n}}] for n in range(count)]
        return self.cluster.native({"true": {"image": "bench/true:1", "command": "/bin/true"}},
                                   {f"w{n}": task for n, task in enumerate(tasks)})

    def cpu(self):
        """The tools are the executor's children."""
        used = {name: cpu_seconds(pid) for name, pid in self.pids.items()}
        return {**{name: own for name, (own, _) in used.items()}, "tools": used["executor"][1]}

    def run(self, count=None):
        count = count or self.tasks
        file = self.submission(count)
        before = self.cpu()
        pipeline = self.cluster.submit(file)
        done = self.cluster.run("wait", pipeline, timeout=60 + count)
        status = self.cluster.status(pipeline)
        if done.code != 0 or status["completed"] != count:
            raise SystemExit(f"the pipeline did not complete: {status}")
        begun, ended = (datetime.fromisoformat(status[name]) for name in ("submitted_at", "finished_at"))
        cpu = {name: (used - before[name]) / count * 1e6 for name, used in self.cpu().items()}
        return {"per_second": count / (ended - begun).total_seconds(), "cpu_us": cpu}


def measure(arguments, slots, used):
    cluster = Cluster()
    used.append(cluster)
    machine = Machine(arguments.tasks)
    product = Product(cluster, arguments.tasks, slots, not arguments.no_keys)
    product.run(min(50, arguments.tasks))  # warm
    pairs = [(machine.run(), product.run()) for _ in range(arguments.runs)]
    cluster.close()
    return summary(arguments, slots, pairs)


def summary(arguments, slots, pairs):
    rates = [ours["per_second"] for _, ours in pairs]
    bare = [theirs["per_second"] for theirs, _ in pairs]
    ratios = [ours / theirs for ours, theirs in zip(rates, bare)]
    cpu = {name: round(statistics.median(ours["cpu_us"][name] for _, ours in pairs)) for name in pairs[0][1]["cpu_us"]}
    cpu["bare_loop"] = round(statistics.median(theirs["cpu_us"] for theirs, _ in pairs))
    return {
        "workload": f"W2 {slots} slot{'s' if slots > 1 else ''}{' plain' if arguments.no_keys else ''}",
        "n": arguments.tasks, "unit": "tasks/s",
        "runs": [round(rate, 1) for rate in rates],
        "median": round(statistics.median(rates), 1), "min": round(min(rates), 1), "max": round(max(rates), 1),
        "extra": {"slots": slots, "bare_runs": [round(rate, 1) for rate in bare],
                  "share_of_bare_loop": round(statistics.median(ratios), 3),
                  "share_min": round(min(ratios), 3), "share_max": round(max(ratios), 3),
                  "cpu_us_per_task": cpu},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--slots", default="1,2")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-keys", action="store_true", help="without CURVE")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    used = []  # removed at the end: what one cluster removes slows down the file system of the next
    try:
        for slots in map(int, arguments.slots.split(",")):
            show(measure(arguments, slots, used), arguments.json)
    finally:
        for cluster in used:
            cluster.close()
            cluster.remove()


def show(result, as_json):
    extra = result["extra"]
    text = (f"{extra['slots']} slots: {result['median']} tasks/s, {extra['share_of_bare_loop']:.0%} of the bare loop "
            f"({extra['share_min']:.0%} to {extra['share_max']:.0%}); CPU us per task: {extra['cpu_us_per_task']}")
    print(json.dumps(result) if as_json else text, flush=True)


if __name__ == "__main__":
    main()
