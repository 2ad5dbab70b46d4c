#!/usr/bin/python3
"""Ray on one node."""

import sys
from pathlib import Path

SUPPORT = str(Path(__file__).resolve().parent / "support")
sys.path[0] = SUPPORT

from peer import Peer, grid, main, milliseconds, seconds  # noqa: E402


class Ray(Peer):
    name = "ray"
    settings = "one node of 2 CPUs, no dashboard, no retries, tasks submitted at once and results gathered by one get"
    sizes = {"W1": 5000, "W2": 600, "W3": 11110, "W4": 300}

    def version(self):
        import ray
        return ray.__version__

    def prepare(self, workload, n):
        import ray
        import work
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False,
                 object_store_memory=256 << 20, runtime_env={"env_vars": {"PYTHONPATH": SUPPORT}},
                 _temp_dir=str(self.folder))
        self.ray = ray
        self.noop = ray.remote(max_retries=0)(work.noop)
        self.true = ray.remote(max_retries=0)(work.true)
        self.many(self.noop, 50)

    def end(self):
        if hasattr(self, "ray"):
            self.ray.shutdown()
        super().end()

    def many(self, task, n):
        return seconds(lambda: self.ray.get([task.remote() for _ in range(n)]))

    def w1(self, n):
        return self.many(self.noop, n)

    def w2(self, n):
        return self.many(self.true, n)

    def w3(self, n):
        def run():
            made = {}
            for name, after in grid(n):
                made[name] = self.noop.remote(made[after]) if after else self.noop.remote()
            self.ray.get(list(made.values()))
        return seconds(run)

    def w4(self, n):
        return milliseconds(lambda: self.ray.get(self.noop.remote()), n)


if __name__ == "__main__":
    main(Ray, "ray")
