#!/usr/bin/python3
"""Gearman: gearmand, two workers and a client in C (libgearman), foreground tasks in a pipeline."""

import subprocess
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent / "support")

from peer import INSTALLED, Peer, Skip, free_port, main, need_program, resident_bytes, wait_for_port  # noqa: E402


class Gearman(Peer):
    name = "gearman"
    settings = "2 workers and the client in C, foreground tasks in a pipeline, in memory, posix_spawn for processes"
    sizes = {"W1": 30000, "W2": 1000, "W4": 2000, "W5": 100000}
    runs_once = ("W5",)

    def version(self):
        done = subprocess.run([self.server, "--version"], capture_output=True, text=True, check=True)
        return done.stdout.split()[1]

    def prepare(self, workload, n):
        self.server = need_program("gearmand")
        self.program = INSTALLED / "gearman_tasks"
        if not self.program.exists():
            raise Skip("not installed: bench/peers/install.sh compiles its client")
        self.port = free_port()
        self.daemon = self.start(self.server, "-L", "127.0.0.1", "-p", self.port, "-l", "stderr")
        wait_for_port(self.port)
        if workload == "W5":
            return
        for _ in range(2):
            self.start(self.program, self.port, "worker")
        self.client("many", "noop", 100)

    def client(self, *words):
        done = subprocess.run([self.program, str(self.port), *map(str, words)], capture_output=True, text=True,
                              timeout=120, check=True)
        return [float(line) for line in done.stdout.split()]

    def w1(self, n):
        return self.client("many", "noop", n)[0]

    def w2(self, n):
        return self.client("many", "true", n)[0]

    def w4(self, n):
        return self.client("one", n)

    def w5(self, n):
        before = resident_bytes(self.daemon.pid)
        self.client("queue", n)
        return (resident_bytes(self.daemon.pid) - before) / n


if __name__ == "__main__":
    main(Gearman)
