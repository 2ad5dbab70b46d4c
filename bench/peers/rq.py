#!/usr/bin/python3
"""RQ with Redis."""

import sys
import time
from pathlib import Path

SUPPORT = str(Path(__file__).resolve().parent / "support")
sys.path[0] = SUPPORT

from peer import main, milliseconds, seconds  # noqa: E402
from redis_server import RedisPeer  # noqa: E402


class Rq(RedisPeer):
    name = "rq"
    settings = "one SimpleWorker (1 slot: no fork per task, its fastest), enqueue_many, the client polls each 0.5 ms"
    sizes = {"W1": 2000, "W2": 400, "W4": 200, "W5": 10000}
    runs_once = ("W5",)

    def version(self):
        import rq
        return rq.VERSION

    def prepare(self, workload, n):
        self.start_redis()
        import redis
        import rq
        self.queue = rq.Queue("bench", connection=redis.Redis(port=self.port))
        if workload == "W5":
            return
        self.start(Path(sys.executable).parent / "rq", "worker", "-u", f"redis://127.0.0.1:{self.port}", "-w",
                   "rq.worker.SimpleWorker", "-q", "bench", environment={"PYTHONPATH": SUPPORT})
        self.many("work.noop", 20)

    def submit(self, task, n):
        return self.queue.enqueue_many([self.queue.prepare_data(task) for _ in range(n)])

    def many(self, task, n):
        def run():
            for job in self.submit(task, n):
                while job.get_status() != "finished":
                    time.sleep(0.0005)
        return seconds(run)

    def w1(self, n):
        return self.many("work.noop", n)

    def w2(self, n):
        return self.many("work.true", n)

    def w4(self, n):
        return milliseconds(lambda: self.many("work.noop", 1), n)

    def w5(self, n):
        return self.queued_bytes(n, lambda count: self.submit("work.noop", count))


if __name__ == "__main__":
    main(Rq, "rq", "redis")
