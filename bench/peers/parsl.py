#!/usr/bin/python3
"""Parsl with its High Throughput Executor."""

import sys
from pathlib import Path

SUPPORT = str(Path(__file__).resolve().parent / "support")
sys.path[0] = SUPPORT

from peer import Peer, grid, main, milliseconds, seconds  # noqa: E402


class Parsl(Peer):
    name = "parsl"
    settings = "HTEX on this host, one manager of 2 workers, prefetch 64, no monitoring, no memoisation"
    sizes = {"W1": 2000, "W2": 600, "W3": 11110, "W4": 300}
    runs_once = ("W3",)

    def version(self):
        import parsl
        return parsl.__version__

    def prepare(self, workload, n):
        import parsl
        import work
        from parsl.config import Config
        from parsl.executors import HighThroughputExecutor
        from parsl.providers import LocalProvider
        executor = HighThroughputExecutor(
            label="bench", address="127.0.0.1", loopback_address="127.0.0.1", max_workers_per_node=2,
            prefetch_capacity=64, encrypted=False, worker_logdir_root=str(self.folder),
            provider=LocalProvider(init_blocks=1, min_blocks=1, max_blocks=1,
                                   worker_init=f"export PYTHONPATH={SUPPORT}"))
        parsl.load(Config(executors=[executor], run_dir=str(self.folder / "run"),
                          initialize_logging=False, strategy="none", retries=0))
        self.parsl = parsl
        self.noop = parsl.python_app(work.noop)
        self.true = parsl.python_app(work.true)
        self.many(self.noop, 50)

    def end(self):
        if hasattr(self, "parsl"):
            try:
                self.parsl.dfk().cleanup()
            except Exception as error:
                print(f"parsl: {error}", file=sys.stderr)
        super().end()

    def many(self, task, n):
        return seconds(lambda: [made.result() for made in [task() for _ in range(n)]])

    def w1(self, n):
        return self.many(self.noop, n)

    def w2(self, n):
        return self.many(self.true, n)

    def w3(self, n):
        def run():
            made = {}
            for name, after in grid(n):
                made[name] = self.noop(made[after]) if after else self.noop()
            for task in made.values():
                task.result()
        return seconds(run)

    def w4(self, n):
        return milliseconds(lambda: self.noop().result(), n)


if __name__ == "__main__":
    main(Parsl, "parsl")
