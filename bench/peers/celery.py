#!/usr/bin/python3
"""Celery with Redis as its broker and for results."""

import collections
import os
import sys
from pathlib import Path

SUPPORT = str(Path(__file__).resolve().parent / "support")
sys.path[0] = SUPPORT

from peer import main, milliseconds, seconds  # noqa: E402
from redis_server import RedisPeer  # noqa: E402


class Celery(RedisPeer):
    name = "celery"
    settings = "one worker (solo pool, 2 processes in W2), prefetch 64, no events, JSON, Redis for tasks and results"
    sizes = {"W1": 2000, "W2": 600, "W3": 11110, "W4": 300, "W5": 20000}
    runs_once = ("W3", "W5")

    def version(self):
        import celery
        return celery.__version__

    def prepare(self, workload, n):
        self.start_redis()
        os.environ["REDIS_PORT"] = str(self.port)
        import celery_tasks
        self.tasks = celery_tasks
        if workload == "W5":
            return
        pool = ["prefork", "-c", "2"] if workload == "W2" else ["solo"]
        self.start(sys.executable, "-m", "celery", "-A", "celery_tasks", "worker", "-P", *pool, "-l", "ERROR",
                   "--without-gossip", "--without-mingle", "--without-heartbeat", environment={"PYTHONPATH": SUPPORT})
        self.many(self.tasks.noop, 20)

    def many(self, task, n):
        return seconds(lambda: [result.get() for result in [task.delay() for _ in range(n)]])

    def w1(self, n):
        return self.many(self.tasks.noop, n)

    def w2(self, n):
        return self.many(self.tasks.true, n)

    def w3(self, n):
        """It has no general graph: the client submits what depends on a result when that has come."""
        import peer
        after = collections.defaultdict(list)
        for name, parent in peer.grid(n):
            after[parent].append(name)

        def run():
            waiting = collections.deque((name, self.tasks.noop.delay()) for name in after[None])
            while waiting:
                name, result = waiting.popleft()
                result.get()
                waiting.extend((child, self.tasks.noop.delay()) for child in after[name])
        return seconds(run)

    def w4(self, n):
        return milliseconds(lambda: self.tasks.noop.delay().get(), n)

    def w5(self, n):
        return self.queued_bytes(n, lambda count: [self.tasks.noop.delay() for _ in range(count)])


if __name__ == "__main__":
    main(Celery, "celery", "redis")
