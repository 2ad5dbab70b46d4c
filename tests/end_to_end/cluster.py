"""A real broker and real workers in a folder of their own, for one test.

Every process gets port 0 and a LANDSEER_HOME below a temporary folder, so tests can run side by side. Nothing here
waits for a fixed time: processes say when they are ready, tools wait at gates, and the rest is a condition with a
deadline.
"""

import collections
import concurrent.futures
import json
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True

SOURCE = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("LANDSEER_BIN", SOURCE / "build" / "dev" / "bin"))
PATIENCE = 60  # seconds: far more than anything takes, also with sanitizers on a busy machine

Done = collections.namedtuple("Done", "code out err")
Note = collections.namedtuple("Note", "tool event task attempt time rest")


def wait_until(condition, what, patience=PATIENCE):
    """The first true value of condition(); an error that says what was waited for if there is none in time."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience} s in vain: {what}")
        time.sleep(0.02)


def environment_of(pid):
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def processes_with(text):
    """Running processes that have the text in their environment; zombies have none."""
    wanted = str(text).encode()
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in pids if pid != os.getpid() and wanted in environment_of(pid)]


def kill(pids, number=signal.SIGKILL):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def shell(script):
    """A tool's container that runs a shell script."""
    return {"image": "test/shell:1", "command": shlex.join(["sh", "-c", script])}


def noting(body="", before_end="", before_start=""):
    """A shell tool that notes its start and its end, with `body` between them.

    A note is one write at the end of a file outside every worker, so what happened is seen from the host's side.
    """
    return shell('note() { echo "$tool_name $1 $LANDSEER_TASK_ID $LANDSEER_ATTEMPT $(date +%s.%N) $2" >>"$NOTES"; }; '
                 f"note start {before_start}; {body or ':'}; note end {before_end}")


class Gate:
    """Tools that run `read -r _ <PATH` wait here until the test lets them pass. No polling on either side."""

    def __init__(self, path):
        os.mkfifo(path)
        self.path = path
        self.file = os.open(path, os.O_RDWR)  # both ends: opening never waits, and readers never see an end

    def let_pass(self, count=1):
        os.write(self.file, b"\n" * count)

    def close(self):
        os.close(self.file)


class Service:
    """A broker or worker under test."""

    def __init__(self, name, arguments, environment, log):
        self.name = name
        self.log = log
        self.addresses = []  # those it said with `ready`
        with open(log, "ab") as errors:
            self.process = subprocess.Popen([str(word) for word in arguments], env=environment, cwd=log.parent,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)

    @property
    def pid(self):
        return self.process.pid

    def ready(self):
        """The words behind `ready` once the service has said so."""
        line = b""
        deadline = time.monotonic() + PATIENCE
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise AssertionError(f"{self.name} does not say that it is ready")
            byte = os.read(self.process.stdout.fileno(), 1)
            if not byte:
                raise AssertionError(f"{self.name} ended with {self.process.wait()}: {self.log.read_text()}")
            line += byte
        words = line.decode().split()
        if not words or words[0] != "ready":
            raise AssertionError(f"{self.name} said {line!r}")
        return words[1:]

    def running(self):
        return self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def terminate(self):
        """Ask it to stop, wait until it has, and return its exit code."""
        if self.running():
            self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.name} does not stop when asked to") from None


class Cluster:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="landseer-e2e-"))
        self.home = self.folder / "home"
        self.images = self.folder / "images"
        self.notes_file = self.folder / "notes"
        for folder in (self.home, self.images):
            folder.mkdir()
        self.notes_file.touch()
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("LANDSEER_")}
        self.environment.update(LANDSEER_HOME=str(self.home), TZ="UTC", LC_ALL="C.UTF-8")
        self.environment.pop("PYTHONPATH", None)
        self.services = []
        self.gates = []
        self.broker = None
        self.addresses = []
        self.submitted = 0
        self.prefixes = {}  # name of a service, or "landseer" -> words its command begins with

    # --- Starting and ending ---

    def start(self, program, name, *arguments):
        for ended in [service for service in self.services if not service.running()]:
            ended.process.stdout.close()  # a test may start hundreds
            self.services.remove(ended)
        words = [*self.prefixes.get(name, []), BIN / program, *arguments]
        service = Service(name, words, self.environment, self.folder / f"{name}.log")
        self.services.append(service)
        return service

    def launch_broker(self, lease="30s", binds=None, state="state", options=()):
        """A broker that is not waited for."""
        binds = binds or ["tcp://127.0.0.1:0"] * 3
        self.broker = self.start("landseer-broker", "broker", "--state", self.home / state, "--lease", lease,
                                 "--workers-bind", binds[0], "--clients-bind", binds[1], "--bulk-bind", binds[2],
                                 *options)
        return self.broker

    def start_broker(self, lease="30s", binds=None, state="state", options=()):
        self.launch_broker(lease, binds, state, options)
        self.addresses = self.broker.ready()
        return self.broker

    def restart_broker(self, lease="30s", state="state", options=()):
        """Kills the broker and starts another one at its addresses."""
        self.broker.kill()
        return self.start_broker(lease, self.addresses, state, options)

    def scratch(self, name):
        return self.folder / "workers" / name

    def launch_worker(self, name, *options, cpus=1):
        """A worker that is not waited for."""
        bind = () if "--data-bind" in options else ("--data-bind", "tcp://127.0.0.1:0")
        runtime = () if "--runtime" in options else ("--runtime", "process", "--images", self.images)
        return self.start("landseer-worker", name, "--name", name, "--cpus", cpus, "--memory", "1GiB", "--scratch",
                          self.scratch(name), *runtime, *bind, *options)

    def start_worker(self, name, *options, cpus=1):
        worker = self.launch_worker(name, *options, cpus=cpus)
        worker.addresses = worker.ready()
        return worker

    def executor_of(self, name):
        """The process that a worker leaves its tools to."""
        return self.helper_of(name, "landseer-exec")

    def guard_of(self, name):
        """The process that ends what an executor leaves behind."""
        return self.helper_of(name, "landseer-guard")

    def helper_of(self, name, title):
        socket = str(self.scratch(name) / "executor.sock").encode()
        for pid in processes_with(self.home):
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                found = Path(f"/proc/{pid}/comm").read_text().strip() == title
            except OSError:
                continue
            if found and socket in words:
                return pid
        raise AssertionError(f"{name} has no {title}")

    def kill_at_once(self, worker, others=()):
        """Agent and executor, and others, none of which sees another one die."""
        pids = [worker.pid, self.executor_of(worker.name), *others]
        kill(pids, signal.SIGSTOP)
        kill(pids)
        worker.process.wait()

    def lose_host(self, worker):
        """As when the power fails: agent, executor and tools at once."""
        self.kill_at_once(worker, self.tools(worker.name))

    def check_store(self, state="state"):
        """What the broker says of the store of a stopped broker."""
        return subprocess.run([str(BIN / "landseer-broker"), "--check", str(self.home / state)], env=self.environment,
                              text=True, capture_output=True, timeout=PATIENCE)

    def tools(self, name=""):
        """Processes of tools that run, all or those of one worker, whatever they forked included."""
        return processes_with(f"INPUT_DIR={self.scratch(name) if name else self.folder}/")

    def close(self):
        """Ends everything; returns what should not have been there any more."""
        complaints = []
        brokers = [service for service in self.services if service.name == "broker"]
        workers = [service for service in self.services if service.name != "broker"]
        for group in (workers, brokers):  # a worker takes leave of its broker
            for service in group:
                if service.running():
                    service.process.terminate()
            for service in group:
                try:
                    service.terminate()
                except AssertionError as error:
                    complaints.append(str(error))
                service.process.stdout.close()
        deadline = time.monotonic() + 5
        while self.tools() and time.monotonic() < deadline:
            time.sleep(0.02)
        complaints += [f"a tool was left running: {environment_of(pid)!r}" for pid in self.tools()]
        kill(processes_with(self.folder))
        for gate in self.gates:
            gate.close()
        self.services.clear()
        self.gates.clear()
        return complaints

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def print_logs(self):
        for log in sorted(self.folder.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-40:]
            print(f"--- {log.name}", *lines, sep="\n", file=sys.stderr)
        print("--- notes", self.notes_file.read_text(), sep="\n", file=sys.stderr)

    # --- The command line ---

    def spawn(self, *words, **options):
        """The command line in the background, its output in pipes."""
        prefix = self.prefixes.get("landseer", [])
        return subprocess.Popen([*prefix, str(BIN / "landseer"), *map(str, words)], env=self.environment, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def run(self, *words, timeout=PATIENCE):
        process = self.spawn(*words)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"landseer {words} takes more than {timeout} s: {out}{err}") from None
        return Done(process.returncode, out, err)

    def json(self, *words, code=0, timeout=PATIENCE):
        """What a command answers with --json."""
        done = self.run("--json", *words, timeout=timeout)
        if done.code != code:
            raise AssertionError(f"landseer {words} ended with {done.code}, not {code}: {done.out}{done.err}")
        return json.loads(done.out)

    # --- Pipelines ---

    def write(self, name, document):
        """A pipeline or registry file; every JSON document is a YAML document."""
        path = self.folder / name
        path.write_text(json.dumps(document, indent=2))
        return path

    def native(self, tools, workflows, **more):
        """A native pipeline. workflows: {name: [task, ...]}, a task being a tool's key or a mapping."""
        document = {
            "name": "test",
            "defaults": {"env": {"NOTES": str(self.notes_file)}},
            "tools": {key: tool if "container" in tool else {"container": tool} for key, tool in tools.items()},
            "workflows": [{"name": name, "tasks": tasks} for name, tasks in workflows.items()],
        }
        document["defaults"].update(more.pop("defaults", {}))
        document.update(more)
        self.submitted += 1
        return self.write(f"pipeline-{self.submitted}.yaml", document)

    def submit(self, file, *options):
        return self.json("submit", file, *options)["pipeline_id"]

    def status(self, pipeline="last"):
        return self.json("status", pipeline)

    def tasks(self, pipeline="last"):
        """By tool: enough where a tool is one task."""
        return {task["tool"]: task for task in self.json("tasks", pipeline)}

    def wait_until_tasks(self, tool, status, count=1):
        """Until so many tasks of a tool have this status."""
        wait_until(lambda: len(self.json("tasks", "last", "--tool", tool, "--status", status)) == count,
                   f"{count} tasks of {tool} are {status}")

    def gate(self, name="gate"):
        self.gates.append(Gate(self.folder / name))
        return self.gates[-1]

    def notes(self, *events):
        """What the tools noted, in order."""
        notes = []
        for line in self.notes_file.read_text().splitlines():
            tool, event, task, attempt, when, *rest = line.split(" ")
            if not events or event in events:
                notes.append(Note(tool, event, task, int(attempt), float(when), " ".join(rest).strip()))
        return notes

    def wait_for_note(self, tool, event, attempt=None):
        def found():
            for note in self.notes(event):
                if note.tool == tool and attempt in (None, note.attempt):
                    return note
            return None

        return wait_until(found, f"{tool} notes {event}")


class EndToEnd(unittest.TestCase):
    """A test with a cluster. What it leaves running makes it fail; when it fails, its logs are shown."""

    maxDiff = None

    def run(self, result=None):
        self.cluster = Cluster()
        before = len(result.failures) + len(result.errors) if result else 0
        try:
            return super().run(result)
        finally:
            self.cluster.close()
            if result and len(result.failures) + len(result.errors) > before:
                self.cluster.print_logs()
            self.cluster.remove()

    def tearDown(self):
        self.assertEqual([], self.cluster.close())


def main():
    unittest.main(verbosity=2)


def main_side_by_side(at_once=5):
    """As main(), for tests that mostly wait: each in a process of its own, several at a time."""
    if len(sys.argv) > 1:
        return main()
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    names = [test.id().removeprefix("__main__.") for tests in suite for test in tests]

    def run(name):
        return subprocess.run([sys.executable, "-B", sys.argv[0], name], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)

    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        runs = list(pool.map(run, names))
    for done in runs:
        print(done.stdout)
    failed = [name for name, done in zip(names, runs) if done.returncode != 0]
    print(f"{len(names)} tests, failed: {failed or 'none'}")
    return sys.exit(1 if failed or not names else 0)
