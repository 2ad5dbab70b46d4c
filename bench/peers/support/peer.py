"""What all peers share: the command line, the one JSON object that is printed, and servers that end with the script.

A peer's script makes one subclass of Peer and calls main() with it. A workload is a method of its name that runs the
workload once and returns seconds for n tasks (w1, w2, w3), a list of milliseconds (w4) or bytes per task (w5). What is
not there is skipped with a reason.
"""

import argparse
import atexit
import itertools
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[3]
INSTALLED = Path(os.environ.get("LANDSEER_PEERS", SOURCE / "build" / "peers"))
UNITS = {"W1": "tasks/s", "W2": "tasks/s", "W3": "s", "W4": "ms", "W5": "bytes/task"}
PATIENCE = 30  # seconds


class Skip(Exception):
    """This cannot be measured here, and why."""


class Peer:
    name = ""
    settings = ""    # its best ones, in words; a workload may add to them
    durable = False  # whether what it accepted survives a crash of the machine
    encrypted = False
    service = True   # has a queue and workers; a tool of one process is shown, and not a peer to be beaten
    sizes = {}       # tasks per workload, so that a run takes some seconds
    runs_once = ()   # workloads whose run cannot be repeated in one process

    def __init__(self, durable):
        if durable and not self.durable:
            raise Skip("it has no setting in which every task is on disk before it is acknowledged")
        self.durable = durable
        self.processes = []
        self.folder = Path(tempfile.mkdtemp(prefix="landseer-peer-"))
        atexit.register(self.end)

    def version(self):
        raise NotImplementedError

    def prepare(self, workload, n):
        """Starts servers and warms them up."""

    # --- Servers ---

    def start(self, *words, environment=None):
        """A process in a group of its own."""
        with open(self.folder / "log", "ab") as log:
            process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env={**os.environ, **(environment or {})}, cwd=self.folder,
                                       start_new_session=True)
        self.processes.append(process)
        return process

    def stop(self, process):
        if process in self.processes:
            self.processes.remove(process)
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()

    def end(self):
        for process in reversed(self.processes[:]):
            self.stop(process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        log = self.folder / "log"
        return log.read_text(errors="replace")[-2000:] if log.exists() else ""


def free_port():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


def wait_for_port(port):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"nobody listens at port {port}")


def resident_bytes(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} is gone")


def seconds(work):
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def milliseconds(work, count, warm=20):
    """Each of `count` calls."""
    for _ in range(min(warm, count)):
        work()
    return [seconds(work) * 1e3 for _ in range(count)]


def grid(n):
    """The first n tasks of the grid of W3, four stages of ten tools: (name, name of what it depends on or None)."""
    names = itertools.chain.from_iterable(itertools.product("0123456789", repeat=length) for length in (1, 2, 3, 4))
    return [("".join(name), "".join(name[:-1]) or None) for name in itertools.islice(names, n)]


def run_as_installed(*needed):
    """Goes on in the interpreter that install.sh has filled; what is missing is a reason to skip."""
    python = INSTALLED / "venv" / "bin" / "python"
    if not python.exists():
        raise Skip("not installed: bench/peers/install.sh does that")
    if Path(sys.prefix) != python.parents[1]:
        os.execv(python, [str(python), "-B", *sys.argv])
    os.environ["PATH"] = f"{python.parent}:{os.environ.get('PATH', '')}"
    for module in needed:
        try:
            __import__(module)
        except ImportError as error:
            raise Skip(f"not installed: {error}") from error


def need_program(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise Skip(f"there is no {name}: bench/peers/install.sh installs it")
    return found


def measure(peer, workload, runs, n):
    method = getattr(peer, workload.lower(), None)
    if method is None:
        raise Skip(f"it has nothing like {workload}")
    peer.prepare(workload, n)
    runs = 1 if workload in peer.runs_once else runs
    values, p99 = [], []
    for _ in range(runs):
        value = method(n)
        if workload in ("W1", "W2"):
            values.append(n / value)
        elif workload == "W4":
            value.sort()
            values.append(value[len(value) // 2])
            p99.append(value[int(len(value) * 0.99)])
        else:
            values.append(value)
    result = {"peer": peer.name, "version": peer.version(), "workload": workload, "n": n, "unit": UNITS[workload],
              "runs": [rounded(value) for value in values], "median": rounded(statistics.median(values)),
              "min": rounded(min(values)), "max": rounded(max(values)), "settings": peer.settings,
              "durable": peer.durable, "encrypted": peer.encrypted,
              "service": peer.service}
    if p99:
        result["extra"] = {"p99": rounded(statistics.median(p99))}
    return result


def rounded(value):
    return float(f"{value:.5g}")


def main(kind, *modules):
    parser = argparse.ArgumentParser(description=f"Measures {kind.name}; one JSON object, or what is skipped and why.")
    parser.add_argument("workload", choices=sorted(UNITS))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--tasks", type=int, help="instead of what takes some seconds")
    parser.add_argument("--durable", action="store_true", help="every accepted task is on disk first")
    arguments = parser.parse_args()
    result = {"peer": kind.name, "workload": arguments.workload}
    peer = None
    try:
        if modules:
            run_as_installed(*modules)
        peer = kind(arguments.durable)
        n = arguments.tasks or kind.sizes.get(arguments.workload, 1000)
        result = measure(peer, arguments.workload, arguments.runs, n)
    except Skip as reason:
        result["skipped"] = str(reason)
    except BaseException:
        print(peer.log() if peer else "", file=sys.stderr)
        raise
    finally:
        if peer:
            peer.end()
    if arguments.json:
        print(json.dumps(result), flush=True)
    elif "skipped" in result:
        print(f"{kind.name} {arguments.workload}: skipped: {result['skipped']}")
    else:
        print(f"{kind.name} {result['version']} {arguments.workload}: {result['median']} {result['unit']} "
              f"({result['min']} to {result['max']}), n = {result['n']}; {result['settings']}")
    sys.stdout.flush()
    os._exit(0)  # some clients leave threads behind that would wait for ever
