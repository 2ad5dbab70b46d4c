#!/usr/bin/python3
"""BullMQ with Redis, on Node."""

import json
import os
import subprocess
import sys
from pathlib import Path

SUPPORT = str(Path(__file__).resolve().parent / "support")
sys.path[0] = SUPPORT

from peer import INSTALLED, Skip, main, need_program  # noqa: E402
from redis_server import RedisPeer  # noqa: E402


class BullMq(RedisPeer):
    name = "bullmq"
    settings = "one worker process, concurrency 100 for no-ops and 2 for processes, submitted in bulks of 1000, Redis"
    sizes = {"W1": 20000, "W2": 600, "W4": 500, "W5": 100000}
    runs_once = ("W5",)

    def version(self):
        return json.loads((INSTALLED / "node_modules/bullmq/package.json").read_text())["version"]

    def prepare(self, workload, n):
        need_program("node")
        if not (INSTALLED / "node_modules/bullmq").exists():
            raise Skip("not installed: bench/peers/install.sh does that")
        self.start_redis()

    def client(self, *words):
        done = subprocess.run(["node", f"{SUPPORT}/bullmq_tasks.js", str(self.port), *map(str, words)], text=True,
                              capture_output=True, timeout=300, check=True,
                              env={"NODE_PATH": str(INSTALLED / "node_modules"), "PATH": os.environ["PATH"]})
        return [[float(word) for word in line.split()] for line in done.stdout.splitlines()]

    def w1(self, n):
        return self.client("many", "noop", n, 1, 100)[0][0]

    def w2(self, n):
        return self.client("many", "true", n, 1, 2)[0][0]

    def w4(self, n):
        return self.client("one", n, 1)[0]

    def w5(self, n):
        return self.queued_bytes(n, lambda count: self.client("queue", count))


if __name__ == "__main__":
    main(BullMq)
