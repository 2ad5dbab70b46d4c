#!/usr/bin/python3
"""How long it takes to learn that everything is known already: the same pipeline is submitted again.

Each round is one `landseer submit --wait` of a pipeline that ran before; its results must all come from the cache and
no attempt be made. Wall time is from the start of the program to its end; the CPU times of the program, the broker
and the worker say the same on a busy machine. The shapes have 54 and 8,645 distinct tasks.

    bench/cached.py [--shape small|large] [--runtime process|podman|noop] [--rounds 7] [--json]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "end_to_end"))

from cluster import BIN, Cluster  # noqa: E402
from containers_test import make_image, reason_to_skip  # noqa: E402

STAGES = ("pre_training", "during_training", "post_training", "deployment")
SHAPES = {"small": (1, 1, 1, 2), "large": (4, 1, 4, 0)}  # tools of each stage besides its baseline
COUNTS = {"small": (40, 54), "large": (8450, 8645)}
IMAGE = "localhost/landseer-bench-cached:v1"


def cpu_seconds(pid):
    """Of all threads, in nanoseconds' resolution."""
    tasks = Path(f"/proc/{pid}/task")
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9


def write_pipeline(folder, shape, runtime, image):
    tools, stages = ["tools:"], []
    for stage, count in zip(STAGES, SHAPES[shape]):
        names = [f"{stage}_{i}" for i in range(count)] + ([f"{stage}_none"] if count else [])
        for name in names:
            baseline = ", is_baseline: true" if name.endswith("none") else ""
            tools.append(f"  {name}: {{name: {name}{baseline}, container: {{image: '{image}', command: '--as {name}', "
                         f"runtime: {runtime}}}, resources: {{cpus: 0.25}}}}")
        stages.append(f"  {stage}: {{tools: [{', '.join(names)}]}}")
    (folder / "tools.yaml").write_text("\n".join(tools) + "\n")
    (folder / "model.py").write_text("pass\n")
    file = folder / "grid.yaml"
    file.write_text("dataset: {name: numbers}\nmodel: {script: model.py}\npipeline:\n" + "\n".join(stages) + "\n")
    return file


def submit(cluster, file):
    """Wall and CPU seconds of one submission that is waited for, and what became of it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    done = subprocess.run([BIN / "landseer", "--json", "submit", file, "--wait"], env=cluster.environment, text=True,
                          capture_output=True, check=False)
    wall = time.monotonic() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit(f"bench: the pipeline did not complete: {done.stdout}{done.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, json.loads(done.stdout)["status"]


def median(values):
    return sorted(values)[len(values) // 2]


def measure(options):
    cluster = Cluster()
    try:
        data = cluster.folder / "numbers"
        data.mkdir()
        (data / "numbers.csv").write_text("1,2,3\n")
        image = "bench/tool:v1"
        if options.runtime == "podman":
            image = IMAGE
            make_image(image, "#!/bin/sh\necho \"$*\" >/output/said\n")
        elif options.runtime == "process":
            entrypoint = cluster.images / "tool" / "entrypoint"
            entrypoint.parent.mkdir()
            entrypoint.write_text("#!/bin/sh\necho \"$*\" >\"$OUTPUT_DIR/said\"\n")
            entrypoint.chmod(0o755)
        file = write_pipeline(cluster.folder, options.shape, options.runtime, image)
        broker = cluster.start_broker()
        runtime = () if options.runtime == "noop" else ("--runtime", options.runtime, "--images", cluster.images)
        worker = cluster.start_worker("w", "--data", f"numbers={data}", *runtime, cpus=2)
        first, _, ran = submit(cluster, file)
        if (ran["workflows"], ran["total"]) != COUNTS[options.shape]:
            raise SystemExit(f"bench: {ran['workflows']} workflows of {ran['total']} tasks are not the shape")
        attempts = cluster.json("workers")[0]["completed"]
        rows = []
        for _ in range(options.rounds):
            before = [cpu_seconds(service.pid) for service in (broker, worker)]
            wall, client, again = submit(cluster, file)
            servers = [cpu_seconds(service.pid) - was for service, was in zip((broker, worker), before)]
            if again["cached"] != again["total"] or cluster.json("workers")[0]["completed"] != attempts:
                raise SystemExit(f"bench: {again['total'] - again['cached']} tasks ran again")
            rows.append((wall, client, *servers))
        wall, client, in_broker, in_worker = map(median, zip(*rows))
        return {"shape": options.shape, "runtime": options.runtime, "tasks": ran["total"], "rounds": options.rounds,
                "first_seconds": round(first, 3), "seconds": round(wall, 4),
                "seconds_spread": [round(min(rows)[0], 4), round(max(rows)[0], 4)],
                "cpu_seconds": {"client": round(client, 4), "broker": round(in_broker, 4),
                                "worker": round(in_worker, 4)},
                "load": os.getloadavg()[0]}
    finally:
        cluster.close()
        cluster.remove()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--runtime", choices=("process", "podman", "noop"), default="process")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.runtime == "podman" and reason_to_skip():
        raise SystemExit(f"bench: {reason_to_skip()}")
    result = measure(options)
    if options.json:
        return print(json.dumps(result))
    lowest, highest = result["seconds_spread"]
    print(f"{result['tasks']} tasks ({options.runtime}), first {result['first_seconds']:.2f} s, again "
          f"{result['seconds']:.3f} s ({lowest:.3f} to {highest:.3f}), of CPU: "
          + ", ".join(f"{name} {1000 * seconds:.0f} ms" for name, seconds in result["cpu_seconds"].items())
          + f"; load {result['load']:.1f}")


if __name__ == "__main__":
    main()
