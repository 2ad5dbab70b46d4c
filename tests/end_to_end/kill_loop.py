#!/usr/bin/python3
"""Kills a real broker, real workers and real submitters at random moments, under load, and keeps the books.

    kill_loop.py [--broker-kills N] [--worker-kills N] [--seed S] [--lease SECONDS] [--json] [--keep]

The books are kept outside Landseer: submitters write down what was acknowledged to them, tools write down their starts
and ends in one file, and the process table says which attempts are alive. After every recovery they are compared with
what the broker says. Exit code 1 and a list of complaints if anything differs.
"""

import argparse
import collections
import json
import os
import random
import signal
import sys
import threading
import time

import host_watch
import kill_verdict
from cluster import Cluster, kill, wait_until
from kill_load import Load

WORKERS = ("w1", "w2", "w3")
SETTLED = 180  # seconds in which everything must end once nothing is killed any more


class Books:
    """Counts and complaints of all threads."""

    def __init__(self, quiet):
        self.lock = threading.Lock()
        self.faults = collections.Counter()
        self.complaints = []
        self.quiet = quiet
        self.begun = time.time()

    def say(self, text):
        if not self.quiet:
            print(f"{time.time() - self.begun:8.2f} {text}", file=sys.stderr, flush=True)

    def complain(self, text):
        self.say(f"COMPLAINT {text}")
        with self.lock:
            self.complaints.append(text)

    def fault(self, kind):
        with self.lock:
            self.faults[kind] += 1


class KillLoop:
    def __init__(self, options):
        self.options = options
        self.lease = options.lease
        self.books = Books(options.json and not options.verbose)
        self.cluster = Cluster()
        self.broker_lock = threading.Lock()  # held by whoever kills the broker or compares
        self.services_lock = threading.Lock()
        self.workers = {}
        self.load = None
        self.check = None

    # --- Starting ---

    def launch_worker(self, name):
        with self.services_lock:
            self.workers[name] = self.cluster.launch_worker(name, cpus=2)
        return self.workers[name]

    def launch_broker(self):
        with self.services_lock:
            return self.cluster.launch_broker(f"{self.lease}s", self.cluster.addresses)

    def run(self):
        self.cluster.start_broker(f"{self.lease}s")
        for name in WORKERS:
            self.launch_worker(name).ready()
        watch = host_watch.HostWatch(self.cluster)
        load = self.load = Load(self.cluster, self.options.seed, self.books.complain)
        self.check = kill_verdict.Check(self.cluster, load, self.books)
        load.start()
        faults = [threading.Thread(target=self.guarded, args=(kill_all,), daemon=True)
                  for kill_all in (self.kill_brokers, self.kill_workers)]
        for thread in faults:
            thread.start()
        for thread in faults:
            thread.join()
        load.stop()
        report = self.finish(load, watch)
        if self.books.complaints and not self.options.json:
            self.cluster.print_logs()
        if not self.options.keep:
            self.cluster.remove()
        else:
            self.books.say(f"kept {self.cluster.folder}")
        return report

    def guarded(self, kill_all):
        try:
            kill_all()
        except Exception as error:  # pylint: disable=broad-except
            self.books.complain(f"{kill_all.__name__} ended: {error!r}")

    # --- The broker's faults ---

    def kill_brokers(self):
        rng = random.Random(f"{self.options.seed} broker")
        while self.books.faults["broker"] + self.books.faults["broker starting"] < self.options.broker_kills:
            # Now and then it lives long enough for the lease of a worker that is gone to end.
            time.sleep(rng.uniform(0, 1.0) if rng.random() < 0.85 else rng.uniform(1.2, 2.5) * self.lease)
            with self.broker_lock:
                self.pick_moment(rng)
                if not self.cluster.broker.running():
                    self.books.complain(f"the broker ended by itself with {self.cluster.broker.process.returncode}")
                if rng.random() < 0.1:
                    self.stop_a_while([self.cluster.broker.pid], "broker stopped", rng)
                else:
                    self.kill_broker(rng)
                self.check.compare(rng)

    def pick_moment(self, rng):
        """Any time, or between a request and its answer, or just when the journal is written."""
        kind = rng.random()
        if kind < 0.3:
            return
        self.load.sending.wait(1)
        if kind < 0.6:
            time.sleep(rng.uniform(0, 0.03))
            return
        journal = self.cluster.home / "state" / "broker.sqlite-wal"
        before = journal.stat().st_mtime_ns
        deadline = time.monotonic() + 0.5
        while journal.stat().st_mtime_ns == before and time.monotonic() < deadline:
            pass

    def kill_broker(self, rng):
        self.cluster.broker.kill()
        self.books.fault("broker")
        time.sleep(self.absence(rng))
        while rng.random() < 0.3:
            self.launch_broker()
            time.sleep(rng.uniform(0, 0.1))
            self.cluster.broker.kill()
            self.books.fault("broker starting")
        self.launch_broker().ready()

    def absence(self, rng):
        """Seconds that something stays away: mostly short, sometimes longer than the lease."""
        kind = rng.random()
        if kind < 0.7:
            return rng.uniform(0, 0.2)
        return rng.uniform(0.2, self.lease / 2) if kind < 0.92 else rng.uniform(1.0, 1.6) * self.lease

    def stop_a_while(self, pids, kind, rng):
        self.books.fault(kind)
        kill(pids, signal.SIGSTOP)
        time.sleep(rng.uniform(0.1, 0.6 * self.lease) if rng.random() < 0.7 else rng.uniform(0.6, 1.4) * self.lease)
        kill(pids, signal.SIGCONT)

    # --- The workers' faults ---

    KILLS = ("agent", "executor", "agent and executor", "agent starting", "host")

    def kill_workers(self):
        rng = random.Random(f"{self.options.seed} workers")
        while sum(self.books.faults[kind] for kind in self.KILLS) < self.options.worker_kills:
            time.sleep(rng.uniform(0, 0.8))
            name = rng.choice(WORKERS)
            if not self.workers[name].running():
                self.books.complain(f"{name} ended by itself with {self.workers[name].process.returncode}")
                self.launch_worker(name).ready()
            kind = rng.choices(("agent", "executor", "agent and executor", "host", "agent stopped", "executor stopped"),
                               (30, 22, 18, 8, 8, 6))[0]
            self.books.say(f"{kind}: {name}")
            self.hurt(name, kind, rng)
            with self.broker_lock:
                self.check.compare(rng)

    def hurt(self, name, kind, rng):
        worker = self.workers[name]
        try:
            executor = self.cluster.executor_of(name)
        except AssertionError:
            return  # the agent is just about to start another one
        if kind == "agent stopped":
            return self.stop_a_while([worker.pid], kind, rng)
        if kind == "executor stopped":
            return self.stop_a_while([executor], kind, rng)
        if kind == "executor":
            kill([executor])
            self.books.fault(kind)
            return wait_until(lambda: self.has_other_executor(name, executor), f"{name} starts another executor")
        if kind == "agent":
            worker.kill()
        elif kind == "host":
            self.cluster.lose_host(worker)
        else:
            self.cluster.kill_at_once(worker)
        self.books.fault(kind)
        time.sleep(rng.uniform(1.2, 2.5) * self.lease if rng.random() < 0.15 else self.absence(rng))
        while rng.random() < 0.25:
            starting = self.launch_worker(name)
            time.sleep(rng.uniform(0, 0.15))
            starting.kill()
            self.books.fault("agent starting")
        return self.launch_worker(name).ready()

    def has_other_executor(self, name, former):
        try:
            return self.cluster.executor_of(name) != former
        except AssertionError:
            return False

    # --- The end ---

    def finish(self, load, watch):
        self.books.say("no more faults: waiting for all pipelines")
        limbo = self.check.wait_until_all_are_over(SETTLED)
        orphans = self.wait_for_orphans(watch)
        watch.close()
        verdict = self.check.final(watch)
        self.cluster.close()
        store = self.cluster.check_store()
        if store.returncode != 0:
            self.books.complain(f"the store is damaged: {store.stdout}{store.stderr}")
        return {"seed": self.options.seed, "lease_seconds": self.lease,
                "seconds": round(time.time() - self.books.begun),
                "faults": dict(self.books.faults), **load.counts, "pipelines": len(load.submissions), **verdict,
                "orphans": len(orphans), "limbo": len(limbo), "samples": watch.samples,
                "store": store.stdout.strip(), "complaints": self.books.complaints}

    def wait_for_orphans(self, watch):
        """Processes of tools that are still there two leases after everything ended."""
        deadline = time.monotonic() + 2 * self.lease
        while watch.tools() and time.monotonic() < deadline:
            time.sleep(0.05)
        orphans = [f"{key}: {[pid for pid, _ in processes]}" for key, processes in watch.tools().items()]
        for orphan in orphans:
            self.books.complain(f"an orphan: {orphan}")
        return orphans


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--broker-kills", type=int, default=5)
    parser.add_argument("--worker-kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lease", type=int, default=3, help="in seconds")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    parser.add_argument("--verbose", action="store_true", help="tell every fault also with --json")
    parser.add_argument("--keep", action="store_true", help="leave the folder with logs and state behind")
    return parser.parse_args()


def main():
    report = KillLoop(parse_options()).run()
    print(json.dumps(report, indent=2))
    sys.stdout.flush()
    os._exit(1 if report["complaints"] else 0)  # no thread that still waits for something holds this up


if __name__ == "__main__":
    main()
