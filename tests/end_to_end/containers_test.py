"""Tools in real containers, of podman. Skipped, with the reason, where podman or a static busybox is missing."""

import hashlib
import io
import json
import os
import shlex
import shutil
import signal
import subprocess
import tarfile
import unittest
from pathlib import Path

from cluster import EndToEnd, kill, main, wait_until

BUSYBOX = Path("/bin/busybox")
PROGRAMS = ("sh", "cat", "echo", "env", "id", "ls", "mkdir", "sleep", "sort", "tail", "touch", "true")
ENTRYPOINT = '#!/bin/sh\necho "entrypoint with $# words: $*"\nenv | sort >/output/env\n'


def podman(*words, **options):
    return subprocess.run(["podman", *words], capture_output=True, timeout=120, check=False, **options)


def reason_to_skip():
    if not shutil.which("podman"):
        return "podman is not installed"
    if not BUSYBOX.exists():
        return "there is no static busybox to make an image of"
    return ""


def make_image(name, entrypoint=ENTRYPOINT, *changes):
    """An image of busybox and one script. Its content follows from the words: it has no time of its own."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        def add(path, data, mode=0o755):
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(data), mode
            tar.addfile(info, io.BytesIO(data))

        add("bin/busybox", BUSYBOX.read_bytes())
        for program in PROGRAMS:
            link = tarfile.TarInfo(f"bin/{program}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        add("app/entrypoint", entrypoint.encode())
        add("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home:/bin/sh\n", 0o644)
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(folder)
    words = ["import"]
    for change in ("ENTRYPOINT [\"/app/entrypoint\"]", "WORKDIR /app", "ENV PATH=/bin", *changes):
        words += ["--change", change]
    done = podman(*words, "-", name, input=archive.getvalue())
    if done.returncode != 0:
        raise AssertionError(done.stderr.decode())


def in_image(script, image):
    return {"image": image, "command": shlex.join(["sh", "-c", script])}


@unittest.skipIf(reason_to_skip(), reason_to_skip())
class ContainersTest(EndToEnd):
    @classmethod
    def setUpClass(cls):
        cls.image = f"localhost/landseer-test-{os.getpid()}:1"
        cls.other = f"localhost/landseer-test-{os.getpid()}:2"
        make_image(cls.image)

    @classmethod
    def tearDownClass(cls):
        podman("rmi", "--force", cls.image, cls.other)
        podman("image", "prune", "--force")

    def tearDown(self):
        super().tearDown()
        left = podman("ps", "--all", "--format", "{{.Names}}").stdout.decode().split()
        ours = [name for name in left if any(uid in name for uid in self.uids)]
        self.assertEqual([], ours)
        folders = [folder for uid in self.uids for folder in Path("/sys/fs/cgroup").glob(f"**/landseer/{uid}")]
        self.assertEqual([], folders)

    def setUp(self):
        self.uids = []
        self.cluster.start_broker(lease="6s")
        self.worker = self.start_worker("one")

    def start_worker(self, name, *options):
        worker = self.cluster.start_worker(name, "--runtime", "podman", "--artifacts", self.cluster.folder / name,
                                           *options, cpus=2)
        self.uids.append((self.cluster.scratch(name) / "uid").read_text())
        return worker

    def run_tools(self, tools, tasks=None, code=0, **more):
        """The tasks of one workflow, by tool."""
        tools = {key: {"container": tool} if "container" not in tool else tool for key, tool in tools.items()}
        file = self.cluster.native(tools, {"w": tasks or list(tools)}, defaults={"env": {}}, **more)
        self.cluster.json("submit", file, "--wait", "--no-cache", code=code)
        return self.cluster.tasks()

    def log_of(self, task):
        return self.cluster.run("logs", task["task_id"]).out

    def output_of(self, task, name):
        folder = self.cluster.folder / f"fetched-{task['task_id']}"
        done = self.cluster.run("fetch", task["task_id"], folder)
        self.assertEqual(0, done.code, done.err)
        return (folder / name).read_text()

    def test_command_entrypoint_and_arguments(self):
        tasks = self.run_tools({
            "command": in_image('echo to out; echo to err >&2; echo "$0 in $(pwd)"; ls -d /data /input /output',
                                self.image),
            "entrypoint": {"image": self.image, "command": ""},
            "arguments": {"image": f"docker://{self.image}", "command": "--epochs 3 'two words'"},
        })
        self.assertEqual({"completed"}, {task["status"] for task in tasks.values()})
        self.assertEqual("to out\nto err\nsh in /app\n/data\n/input\n/output\n", self.log_of(tasks["command"]))
        self.assertEqual("entrypoint with 0 words: \n", self.log_of(tasks["entrypoint"]))
        self.assertEqual("entrypoint with 3 words: --epochs 3 two words\n", self.log_of(tasks["arguments"]))

    def test_inputs_environment_and_outputs(self):
        tasks = self.run_tools(
            {"first": in_image("echo 0.10 >/output/model; mkdir /output/d; echo x >/output/d/x", self.image),
             "second": {"container": {"image": self.image, "command": ""}, "env": {"MODE": "a b", "LD_X": "1"}},
             "third": in_image("cat /input/model /data/d/x; touch /input/new 2>/dev/null || cat /input/config.json",
                               self.image)},
            [{"tool": "first"}, {"tool": "second", "config": {"rate": 0.5}}, {"tool": "third", "config": {"seed": 7}}])
        self.assertEqual({"completed"}, {task["status"] for task in tasks.values()}, tasks)
        log = self.log_of(tasks["third"])
        self.assertTrue(log.startswith("0.10\nx\n"), log)
        self.assertEqual(7, json.loads(log[len("0.10\nx\n"):])["seed"])
        variables = dict(line.split("=", 1) for line in self.output_of(tasks["second"], "env").splitlines())
        expected = {"INPUT_DIR": "/input", "OUTPUT_DIR": "/output", "CHECKPOINT_DIR": "/checkpoint",
                    "PYTHONPATH": "/input:/app", "MODE": "a b", "LD_X": "1", "rate": "0.5", "CUDA_VISIBLE_DEVICES": "",
                    "LANDSEER_TASK_ID": tasks["second"]["task_id"], "LANDSEER_ATTEMPT": "1", "PATH": "/bin"}
        self.assertEqual(expected, {name: variables.get(name) for name in expected})
        self.assertNotIn("LANDSEER_HOME", variables)

    def test_a_secret_is_in_the_tools_environment_and_nowhere_else_of_ours(self):
        value = "canary-" + os.urandom(16).hex()
        digest = hashlib.sha256(value.encode()).hexdigest()
        folder = self.cluster.folder / "secrets"
        folder.mkdir(mode=0o700)
        (folder / "hub-token").touch(mode=0o600)
        (folder / "hub-token").write_text(value)
        self.start_worker("two", "--secrets", folder)
        script = ('printf %s "$TOKEN" | busybox sha256sum; : >/output/started; '
                  "until [ -e /output/go ]; do sleep 0.1; done; rm /output/go; echo done")
        tool = {"container": in_image(script, self.image), "env": {"TOKEN": {"secret": "hub-token"}}}
        self.cluster.submit(self.cluster.native({"tool": tool}, {"w": ["tool"]}))
        wait_until(lambda: list(self.cluster.scratch("two").glob("**/output/started")), "the tool runs")
        (output,) = {path.parent for path in self.cluster.scratch("two").glob("**/output/started")}
        lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
        self.assertEqual([line for line in lines if value.encode() in line], [])
        files = [path for path in self.cluster.folder.glob("**/*") if path.is_file() and path.parent != folder]
        self.assertEqual([path for path in files if value.encode() in path.read_bytes()], [])
        (output / "go").touch()
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual(self.log_of(self.cluster.tasks()["tool"]).split(), [digest, "-", "done"])

    def test_limits_deadline_and_what_is_read_only(self):
        self.cluster.run("drain", "one")
        self.start_worker("two", "--shm-size", "32MiB", "--container-ulimit", "nofile=500:600",
                          "--container-ulimit", "nproc=1000:1000")
        script = ("busybox df -k /dev/shm | tail -1; busybox grep 'open files' /proc/self/limits; "
                  "for at in /data /input; do touch $at/new 2>/dev/null || echo $at is read-only; done; "
                  "echo $(($LANDSEER_DEADLINE - $(busybox date +%s)))")
        tool = {"container": in_image(script, self.image), "timeout": "1h"}
        tasks = self.run_tools({"tool": tool})
        shm, files, *read_only, left = self.log_of(tasks["tool"]).splitlines()
        self.assertEqual("32768", shm.split()[1], shm)
        self.assertEqual(["500", "600"], files.split()[3:5], files)
        self.assertEqual(["/data is read-only", "/input is read-only"], read_only)
        self.assertTrue(3000 < int(left) <= 3600, left)

    def test_a_tool_can_do_little(self):
        tasks = self.run_tools({
            "network": in_image("ls /sys/class/net; id", self.image),
            "rights": in_image("cat /proc/self/status", self.image),
        })
        self.assertTrue(self.log_of(tasks["network"]).startswith("lo\nuid=0(root) "), self.log_of(tasks["network"]))
        status = dict(line.split(":", 1) for line in self.log_of(tasks["rights"]).splitlines() if ":" in line)
        self.assertEqual(0, int(status["CapEff"].strip(), 16))
        self.assertEqual(0, int(status["CapBnd"].strip(), 16))
        self.assertEqual("1", status["NoNewPrivs"].strip())

    def test_exit_codes_and_missing_commands_are_told(self):
        tasks = self.run_tools({"seven": in_image("echo said; exit 7", self.image)}, code=1)
        self.assertEqual("failed", tasks["seven"]["status"])
        self.assertIn("exit code 7", tasks["seven"]["reason"])
        self.assertIn("said", tasks["seven"]["reason"])
        tasks = self.run_tools({"absent": {"image": self.image, "command": "no-such-program"}}, code=1)
        self.assertIn(": the image has no such command", tasks["absent"]["reason"])

    def test_an_image_that_nobody_has_is_said(self):
        tasks = self.run_tools({"absent": in_image("true", "localhost/landseer-absent:1")}, code=1)
        self.assertIn("the image is not on this host, and no registry has it", tasks["absent"]["reason"])

    def test_memory_above_the_limit_is_out_of_memory(self):
        tool = {"container": in_image("tail /dev/zero", self.image), "resources": {"memory": "64MiB"}, "retries": 0}
        tasks = self.run_tools({"hungry": tool}, code=1)
        self.assertIn("out of memory", tasks["hungry"]["reason"])
        self.assertIn("limit 64.0 MiB", tasks["hungry"]["reason"])

    def start_stubborn(self, trap):
        """Forks, leaves a process in the background, and waits; its processes, seen from the host."""
        mark = f"landseer-{os.getpid()}-{self.id().rsplit('.', 1)[-1]}"
        script = (f"trap '{trap}' TERM; (trap '' TERM; exec sh -c 'while :; do sleep 1000; done' {mark}) & "
                  f"sh -c 'while :; do sleep 1000; done' {mark} & echo up; while :; do sleep 1000 & wait $!; done")
        tools = {"stubborn": in_image(script, self.image)}
        pipeline = self.cluster.submit(self.cluster.native(tools, {"w": ["stubborn"]}, defaults={"env": {}}),
                                       "--no-cache")
        wait_until(lambda: len(self.marked(mark)) >= 3, "the container's processes")
        return pipeline, mark

    @staticmethod
    def marked(mark):
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if b"sh" in (words[0].rsplit(b"/", 1)[-1], words[0]) and any(mark.encode() in word for word in words):
                    found.append(int(name))
        return found

    def test_cancel_ends_a_container_that_ignores_sigterm(self):
        pipeline, mark = self.start_stubborn("")
        self.assertEqual(0, self.cluster.run("cancel", pipeline, "--yes").code)
        wait_until(lambda: not self.marked(mark), "the container is gone")
        wait_until(lambda: self.cluster.tasks()["stubborn"]["status"] == "cancelled", "it is cancelled")

    def test_a_tool_gets_sigterm_once(self):
        pipeline, mark = self.start_stubborn("echo got it; exit 3")
        self.assertEqual(0, self.cluster.run("cancel", pipeline, "--yes").code)
        wait_until(lambda: not self.marked(mark), "the container is gone")
        task = wait_until(lambda: [row for row in self.cluster.tasks().values() if row["status"] == "cancelled"],
                          "it is cancelled")[0]
        self.assertEqual(1, self.log_of(task).count("got it"))

    def test_a_container_outlives_the_agent_and_not_the_executor(self):
        pipeline, mark = self.start_stubborn("")
        before = self.marked(mark)
        self.worker.kill()
        self.worker = self.start_worker("one")
        self.assertEqual(before, self.marked(mark))
        kill([self.worker.pid, self.cluster.executor_of("one")])
        self.worker.process.wait()
        self.worker = self.start_worker("one")
        wait_until(lambda: not set(before) & set(self.marked(mark)), "what was left is gone")
        self.assertEqual(0, self.cluster.run("cancel", pipeline, "--yes").code)
        wait_until(lambda: not self.marked(mark), "the container is gone")

    def test_a_moved_tag_does_not_change_a_running_pipeline(self):
        make_image(self.other, "#!/bin/sh\necho old >/output/which\nread -r _ </checkpoint/none 2>/dev/null; true\n")
        tools = {"first": {"container": {"image": self.other, "command": ""}},
                 "wait": {"container": in_image("while [ ! -e /checkpoint/go ]; do sleep 0.05; done", self.image)},
                 "second": {"container": {"image": self.other, "command": "--again"}}}
        self.cluster.submit(self.cluster.native(tools, {"w": ["first", "wait", "second"]}, defaults={"env": {}}))
        self.cluster.wait_until_tasks("wait", "running")
        make_image(self.other, "#!/bin/sh\necho new >/output/which\n")
        checkpoints = self.cluster.scratch("one") / "checkpoints"
        folder = wait_until(lambda: list(checkpoints.glob("*task_2")), "the folder")[0]
        (folder / "go").touch()
        wait_until(lambda: self.cluster.status()["state"] == "completed", "the pipeline is over")
        self.assertEqual("old\n", self.output_of(self.cluster.tasks()["second"], "which"))
        # The next one has the new image: nothing of it comes from the cache.
        self.cluster.json("submit", self.cluster.native({"first": tools["first"]}, {"w": ["first"]},
                                                        defaults={"env": {}}), "--wait")
        self.assertEqual("new\n", self.output_of(self.cluster.tasks()["first"], "which"))

    def test_a_second_submission_is_cached(self):
        tools = {"first": in_image("echo 1 >/output/one", self.image), "second": in_image("cat /input/one", self.image)}
        file = self.cluster.native(tools, {"w": ["first", "second"]}, defaults={"env": {}})
        self.cluster.json("submit", file, "--wait")
        self.cluster.json("submit", file, "--wait")
        self.assertEqual([True, True], [task["cached"] for task in self.cluster.json("tasks", "last")])

    def test_leftovers_of_a_lost_host_are_removed(self):
        _, mark = self.start_stubborn("")
        processes = self.cluster.tools("one") + self.marked(mark)
        monitors = [int(name) for name in os.listdir("/proc") if name.isdigit() and self.is_monitor(name)]
        self.cluster.kill_at_once(self.worker, processes + monitors)
        wait_until(lambda: not self.marked(mark), "the host is lost")
        self.assertIn(self.uids[0], podman("ps", "--all", "--format", "{{.Names}}").stdout.decode())
        self.worker = self.start_worker("one")
        wait_until(lambda: len(self.marked(mark)) >= 3, "it runs again")
        self.assertEqual(0, self.cluster.run("cancel", "last", "--yes").code)
        wait_until(lambda: not self.marked(mark), "the container is gone")

    def is_monitor(self, pid):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
        return b"conmon" in words and self.uids[0].encode() in words


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main()
