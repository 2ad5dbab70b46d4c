#!/usr/bin/python3
"""Dask distributed: a scheduler, one worker process with two threads, a client; TCP on the loopback."""

import sys
from pathlib import Path

SUPPORT = str(Path(__file__).resolve().parent / "support")
sys.path[0] = SUPPORT

from peer import Peer, free_port, grid, main, milliseconds, resident_bytes, seconds, wait_for_port  # noqa: E402


class Dask(Peer):
    name = "dask"
    settings = "one worker of 2 threads, no dashboard, W1 as one graph (its fastest way), results gathered"
    sizes = {"W1": 5000, "W2": 600, "W3": 11110, "W4": 300, "W5": 20000}
    runs_once = ("W5",)
    run = 0

    def version(self):
        import distributed
        return distributed.__version__

    def prepare(self, workload, n):
        from distributed import Client
        port = free_port()
        self.scheduler = self.start(sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1",
                                    "--port", port, "--no-dashboard", environment={"PYTHONPATH": SUPPORT})
        wait_for_port(port)
        address = f"tcp://127.0.0.1:{port}"
        self.client = Client(address)
        if workload == "W5":
            return
        self.start(sys.executable, "-m", "distributed.cli.dask_worker", address, "--nworkers", "1", "--nthreads", "2",
                   "--no-dashboard", environment={"PYTHONPATH": SUPPORT})
        self.client.wait_for_workers(1)
        self.graph([(str(number), None) for number in range(100)])

    def graph(self, tasks):
        """Every task's result is asked for."""
        import work
        self.run += 1
        names = {name: f"{self.run}-{name}" for name, _ in tasks}
        tasks = {names[name]: (work.noop, names[after]) if after else (work.noop,) for name, after in tasks}
        return seconds(lambda: self.client.get(tasks, list(tasks)))

    def w1(self, n):
        return self.graph([(str(number), None) for number in range(n)])

    def w2(self, n):
        import work
        return seconds(lambda: self.client.gather(self.client.map(work.true, range(n), pure=False)))

    def w3(self, n):
        return self.graph(grid(n))

    def w4(self, n):
        import work
        return milliseconds(lambda: self.client.submit(work.noop, pure=False).result(), n)

    def w5(self, n):
        import time
        import work
        before = resident_bytes(self.scheduler.pid)
        kept = self.client.map(work.noop, range(n), pure=False)
        deadline = time.monotonic() + 120
        while self.client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)) < n:
            if time.monotonic() > deadline:
                raise RuntimeError("the scheduler does not get its tasks")
            time.sleep(0.5)
        grown = resident_bytes(self.scheduler.pid) - before
        del kept
        return grown / n


if __name__ == "__main__":
    main(Dask, "distributed")
