#!/usr/bin/python3
"""HyperQueue: the server and worker that its Python package brings, by its Python interface.

The package has no journal and no keys to switch on, so this is HyperQueue at its fastest. It has no task without a
process either (its `zero-worker` mode is a choice at build time, not made in the package). For W1 and W3 the nearest is
measured: tasks whose output file cannot be made. Server, wire and worker handle them in full, and the worker ends them
before it makes a process. In W3, where an end that failed would end all that depend on it, tasks are a static program
that does nothing.
"""

import os
import subprocess
import sys
from pathlib import Path

SUPPORT = str(Path(__file__).resolve().parent / "support")
sys.path[0] = SUPPORT

from peer import INSTALLED, Peer, Skip, grid, main, milliseconds, resident_bytes, seconds  # noqa: E402


class HyperQueue(Peer):
    name = "hyperqueue"
    settings = ("one worker of 2 cores, no journal, no encryption, no output files, a task graph from Python; "
                "W1: tasks that end before a process is made; W3: a static program that does nothing")
    sizes = {"W1": 20000, "W2": 1000, "W3": 11110, "W4": 300, "W5": 100000}
    runs_once = ("W3", "W5")

    def version(self):
        from hyperqueue.ffi import get_version
        return get_version().lstrip("v")

    def prepare(self, workload, n):
        from hyperqueue.client import Client
        self.mark = INSTALLED / "mark"
        if not self.mark.exists():
            raise Skip("not installed: bench/peers/install.sh compiles what its tasks run")
        self.fifo_path = self.folder / "fifo"
        os.mkfifo(self.fifo_path)
        self.fifo = os.open(self.fifo_path, os.O_RDWR)  # both ends, so that nothing ever waits to open it
        words = [sys.executable, f"{SUPPORT}/hyperqueue_server.py", str(self.folder)]
        self.server = subprocess.Popen(words + ([] if workload == "W5" else ["2"]), stdin=subprocess.PIPE, text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        self.processes.append(self.server)
        for line in self.server.stdout:
            if line.startswith("folder "):
                self.client = Client(line.split(" ", 1)[1].strip())
                break
        else:
            raise RuntimeError("the server does not start")
        if workload != "W5":
            self.many(20, "/bin/true")

    def job(self):
        from hyperqueue import Job
        return Job(max_fails=None, default_workdir=self.folder)

    def submit(self, job):
        return self.client.connection.submit_job(job._build(self.client))

    def run(self, job, after=()):
        """Until the last task says so: it has the lowest priority, or depends on others. The client's own wait looks
        once a second."""
        job.program([str(self.mark), str(self.fifo_path)], stdout=None, stderr=None, deps=after, priority=-1)

        def all_of_it():
            self.submit(job)
            os.read(self.fifo, 1)
        return seconds(all_of_it)

    def many(self, n, program, stdout=None):
        job = self.job()
        for _ in range(n):
            job.program([program], stdout=stdout, stderr=None)
        return self.run(job)

    def w1(self, n):
        return self.many(n, "/bin/true", stdout="/proc/no/output")

    def w2(self, n):
        return self.many(n, "/bin/true")

    def w3(self, n):
        job = self.job()
        tasks = {}
        for name, after in grid(n):
            tasks[name] = job.program([str(self.mark)], stdout=None, stderr=None, deps=[tasks[after]] if after else [])
        return self.run(job, after=list(tasks.values()))

    def w4(self, n):
        return milliseconds(lambda: self.run(self.job()), n)

    def w5(self, n):
        before = resident_bytes(self.server.pid)
        job = self.job()
        for _ in range(n):
            job.program(["/bin/true"], stdout=None, stderr=None)
        self.submit(job)
        return (resident_bytes(self.server.pid) - before) / n


if __name__ == "__main__":
    main(HyperQueue, "hyperqueue")
