"""Logs and artifacts read from workers through the broker, live and while things break."""

import hashlib
import os
import signal
import time

from cluster import PATIENCE, EndToEnd, main, shell, wait_until


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Logs(EndToEnd):
    def setUp(self):
        self.cluster.start_broker()
        self.gate = self.cluster.gate()

    def submit(self, script, **more):
        return self.cluster.submit(self.cluster.native({"talk": shell(script)}, {"w": ["talk"]}, **more))

    def test_a_log_on_a_second_worker_is_followed_live(self):
        self.cluster.start_worker("w1")
        self.cluster.start_worker("w2")
        wait = f"read -r _ <{self.gate.path}"
        tools = {"a": shell(f"echo a; {wait}; date +%s.%N"), "b": shell(f"echo b; {wait}; date +%s.%N")}
        self.cluster.submit(self.cluster.native(tools, {"one": ["a"], "two": ["b"]}))
        wait_until(lambda: len({task["worker"] for task in self.cluster.tasks().values()} - {None, ""}) == 2,
                   "both workers have a task")
        followers = [self.cluster.spawn("logs", "-f", task) for task in ("task_1", "task_2")]
        self.assertEqual(sorted(follower.stdout.readline() for follower in followers), ["a\n", "b\n"])
        self.gate.let_pass(2)
        for follower in followers:
            written = float(follower.stdout.readline())
            self.assertLess(time.time() - written, 2.0)  # 0.1 s, but for busy machines
            self.assertEqual(follower.communicate(timeout=PATIENCE), ("", ""))
            self.assertEqual(follower.returncode, 0)

    def test_a_follower_outlives_the_broker(self):
        self.cluster.start_worker("w1")
        self.submit(f"echo one; read -r _ <{self.gate.path}; echo two; read -r _ <{self.gate.path}; echo three")
        follower = self.cluster.spawn("--quiet", "logs", "-f", "task_1")
        self.assertEqual(follower.stdout.readline(), "one\n")
        self.cluster.broker.kill()
        self.gate.let_pass()  # written while nobody can read it
        self.cluster.start_broker("30s", self.cluster.addresses)
        self.assertEqual(follower.stdout.readline(), "two\n")
        self.gate.let_pass()
        self.assertEqual(follower.communicate(timeout=PATIENCE), ("three\n", ""))
        self.assertEqual(follower.returncode, 0)

    def test_after_a_lost_worker_the_next_attempt_is_followed(self):
        self.cluster.restart_broker(lease="2s")
        first = self.cluster.start_worker("w1")
        self.submit(f"echo attempt $LANDSEER_ATTEMPT; [ $LANDSEER_ATTEMPT = 2 ] || read -r _ <{self.gate.path}")
        follower = self.cluster.spawn("logs", "-f", "task_1")
        self.assertEqual(follower.stdout.readline(), "attempt 1\n")
        self.cluster.lose_host(first)
        self.cluster.start_worker("w2")
        out, err = follower.communicate(timeout=PATIENCE)
        self.assertEqual((out, follower.returncode), ("attempt 2\n", 0), err)
        self.assertIn("attempt 1 on 'w1' has ended", err)

    def test_a_reader_that_stands_still_holds_nothing_up(self):
        self.cluster.start_worker("w1")
        self.submit(f"read -r _ <{self.gate.path}; head -c 200000000 /dev/zero | tr '\\0' x; echo; echo the end")
        wait_until(lambda: self.cluster.tasks()["talk"]["status"] == "running", "it runs")
        follower = self.cluster.spawn("logs", "-f", "task_1")
        self.gate.let_pass()
        self.assertEqual(follower.stdout.read(10), "x" * 10)
        os.kill(follower.pid, signal.SIGSTOP)
        try:
            self.assertEqual(self.cluster.run("wait", "last").code, 0)
        finally:
            os.kill(follower.pid, signal.SIGCONT)
        out = follower.communicate(timeout=PATIENCE)[0]
        self.assertTrue(out.endswith("x\nthe end\n"))
        self.assertIn("bytes of output were left out here", out)
        whole = self.cluster.json("logs", "task_1")
        self.assertEqual(whole["size"], 200000009)
        self.assertEqual(whole["left_out"], 200000009 - 64 * 1024 * 1024)
        self.assertTrue(whole["text"].endswith("x\nthe end\n"))

    def test_timestamps(self):
        self.cluster.start_worker("w1")
        self.submit("echo one; sleep 0.1; echo two")
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        lines = self.cluster.run("logs", "task_1", "--timestamps").out.splitlines()
        self.assertRegex(lines[0], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} one$")
        self.assertLess(lines[0].split()[1], lines[1].split()[1])


class Fetch(EndToEnd):
    SCRIPT = ("mkdir -p $OUTPUT_DIR/deep/er; head -c 100000000 /dev/urandom >$OUTPUT_DIR/big; "
              "echo same >$OUTPUT_DIR/deep/er/a; echo same >$OUTPUT_DIR/b; cp /bin/true $OUTPUT_DIR/run; "
              "sha256sum <$OUTPUT_DIR/big")

    def setUp(self):
        self.target = self.cluster.folder / "fetched"

    def start(self):
        self.cluster.start_broker()
        self.worker = self.cluster.start_worker("w1")
        self.cluster.submit(self.cluster.native({"make": shell(self.SCRIPT)}, {"w": ["make"]}))
        self.assertEqual(self.cluster.run("wait", "last").code, 0)

    def expect_fetched(self):
        digest = self.cluster.run("logs", "task_1").out.split()[0]
        done = sha256(self.target / "big")
        self.assertEqual(done, digest)
        self.assertEqual((self.target / "deep/er/a").read_text(), "same\n")
        self.assertEqual((self.target / "b").read_text(), "same\n")
        self.assertTrue(os.access(self.target / "run", os.X_OK))
        self.assertEqual([path.name for path in self.cluster.folder.glob(".*.fetching")], [])

    def test_a_folder_appears_whole_and_is_not_overwritten(self):
        self.start()
        self.assertEqual(self.cluster.run("fetch", "task_1", self.target).code, 0)
        self.expect_fetched()
        (self.target / "mine").touch()
        self.assertEqual(self.cluster.run("fetch", "task_1", self.target).code, 1)
        self.assertTrue((self.target / "mine").exists())
        self.assertEqual(self.cluster.json("fetch", "task_1", self.target, "--force")["files"], 4)
        self.assertFalse((self.target / "mine").exists())
        self.expect_fetched()

    def test_a_cut_goes_on_where_it_was(self):
        self.start()
        fetching = self.cluster.spawn("--json", "fetch", "task_1", self.target)
        stage = self.cluster.folder / ".fetched.fetching"
        wait_until(lambda: fetching.poll() is not None or any(
            part.stat().st_size > 0 for part in stage.glob("*.part")), "something has come")
        fetching.kill()
        fetching.communicate()
        if not self.target.exists():
            again = self.cluster.json("fetch", "task_1", self.target)
            self.assertLess(again["bytes_moved"], again["bytes"])
        self.expect_fetched()

    def test_without_a_holder_it_fails_and_leaves_nothing_half_done(self):
        self.start()
        self.cluster.lose_host(self.worker)
        done = self.cluster.run("fetch", "task_1", self.target)
        self.assertEqual(done.code, 3, done.err)
        self.assertFalse(self.target.exists())

    def test_another_holder_takes_over(self):
        self.cluster.start_broker()
        gate = self.cluster.gate()
        first = self.cluster.start_worker("w1")
        wait = shell(f"read -r _ <{gate.path}")
        file = self.cluster.native({"make": shell(self.SCRIPT), "a": wait, "b": wait},
                                   {"one": ["make", "a"], "two": ["make", "b"]})
        self.cluster.submit(file)
        wait_until(lambda: self.cluster.tasks()["make"]["status"] == "completed", "there is an artifact")
        self.cluster.start_worker("w2")
        wait_until(lambda: sum(task["started_at"] is not None for task in self.cluster.tasks().values()) == 3,
                   "both workers have it")
        digest = self.cluster.run("logs", "task_1").out.split()[0]
        self.cluster.lose_host(first)
        done = self.cluster.run("fetch", "task_1", self.target)
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(sha256(self.target / "big"), digest)


if __name__ == "__main__":
    main()
