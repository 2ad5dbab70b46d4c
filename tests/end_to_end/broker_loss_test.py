#!/usr/bin/python3
"""A broker that dies and comes back: what it acknowledged is kept, what runs goes on."""

import collections
from pathlib import Path

from cluster import PATIENCE, EndToEnd, main, noting, wait_until

LEASE = "6s"


class BrokerLoss(EndToEnd):
    def setUp(self):
        self.cluster.start_broker(lease=LEASE)
        self.worker = self.cluster.start_worker("w1")
        self.gate = self.cluster.gate()
        self.held = noting(f"trap 'note stopped; exit 1' TERM; read -r _ <{self.gate.path}")

    def submit_held(self, *options):
        file = self.cluster.native({"held": self.held, "next": noting()}, {"w": ["held", "next"]})
        self.cluster.submit(file, *options)
        self.cluster.wait_for_note("held", "start")
        return file

    def restart(self, **options):
        self.cluster.restart_broker(lease=LEASE, **options)

    def wait_for_worker(self):
        wait_until(lambda: [row["state"] for row in self.cluster.json("workers")] == ["connected"], "w1 is back")

    def assert_ran_once(self, *tools):
        for event in ("start", "end"):
            self.assertEqual(collections.Counter(note.tool for note in self.cluster.notes(event)),
                             collections.Counter(tools))

    def test_pipelines_and_running_tasks_survive_a_killed_broker(self):
        file = self.submit_held("--submission-id", "mine")
        tools = self.cluster.tools()
        self.restart()
        self.wait_for_worker()
        self.assertEqual(self.cluster.tasks()["held"]["status"], "running")
        self.assertEqual(self.cluster.tools(), tools, "a short absence ends no tool")
        again = self.cluster.json("submit", file, "--submission-id", "mine")
        self.assertEqual((again["pipeline_id"], again["existing"]), ("pipeline_1", True))
        self.gate.let_pass()
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assert_ran_once("held", "next")

    def test_a_result_from_the_time_without_a_broker_is_kept(self):
        self.submit_held()
        self.cluster.broker.kill()
        self.gate.let_pass()
        self.cluster.wait_for_note("held", "end")
        self.cluster.start_broker(lease=LEASE, binds=self.cluster.addresses)
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assert_ran_once("held", "next")

    def test_a_broker_killed_again_and_again_loses_nothing_and_repeats_nothing(self):
        tools = {f"t{i}": noting() for i in range(30)}
        file = self.cluster.native(tools, {f"w{i}": [f"t{i}", f"t{i + 10}", f"t{i + 20}"] for i in range(10)})
        self.cluster.submit(file)
        for ended in (3, 9, 15, 21):
            wait_until(lambda: len(self.cluster.notes("end")) >= ended, f"{ended} tasks have run")
            self.restart()
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assert_ran_once(*tools)

    def test_who_waits_hardly_notices(self):
        self.submit_held()
        waiting = self.cluster.spawn("wait", "last")
        self.assertTrue(waiting.stderr.readline(), "it has begun")
        self.restart()
        self.gate.let_pass()
        waiting.communicate(timeout=PATIENCE)
        self.assertEqual(waiting.returncode, 0)

    def test_a_cancel_survives(self):
        self.submit_held()
        self.worker.kill()
        self.assertEqual(self.cluster.run("cancel", "last", "--yes").code, 0)
        self.restart()
        self.assertEqual(self.cluster.run("wait", "last").code, 1)
        self.assertEqual(self.cluster.status()["state"], "cancelled")
        wait_until(lambda: not self.cluster.tools(), "the tool is gone")

    def test_a_broker_that_knows_nothing_has_old_attempts_stopped(self):
        self.submit_held()
        self.restart(state="other")
        self.cluster.wait_for_note("held", "stopped")
        wait_until(lambda: not self.cluster.tools(), "the old attempt is gone")
        self.wait_for_worker()
        self.assertTrue(self.worker.running())
        self.assertEqual(self.cluster.json("list"), [])
        self.assertEqual(self.cluster.run("submit", self.cluster.native({"new": noting()}, {"w": ["new"]}),
                                          "--wait").code, 0)
        self.assertEqual(self.cluster.tasks()["new"]["worker"], "w1")

    def test_without_a_broker_tools_end_with_the_lease(self):
        self.submit_held()
        self.cluster.broker.kill()
        self.cluster.wait_for_note("held", "stopped")
        wait_until(lambda: not self.cluster.tools(), "no tool outlives its lease")

    def test_the_state_folder_can_be_checked_and_damage_is_refused(self):
        file = self.cluster.native({"a": noting()}, {"w": ["a"]})
        self.assertEqual(self.cluster.run("submit", file, "--wait").code, 0)
        self.assertEqual(self.cluster.broker.terminate(), 0)
        state = self.cluster.home / "state"
        sound = self.cluster.check_store()
        self.assertEqual(sound.returncode, 0, sound)
        self.assertIn("1 pipeline", sound.stdout)
        damaged = 0
        for file in filter(Path.is_file, state.iterdir()):
            before = file.read_bytes()
            after = before.replace(b"test/shell:1", b"test/shell:2")
            damaged += before != after
            file.write_bytes(after)
        self.assertGreater(damaged, 0)
        broken = self.cluster.check_store()
        self.assertEqual((broken.returncode, broken.stdout), (1, ""))
        self.assertIn("damage", broken.stderr)
        refused = self.cluster.start("landseer-broker", "broker", "--state", state, "--clients-bind",
                                     "tcp://127.0.0.1:0", "--workers-bind", "tcp://127.0.0.1:0", "--bulk-bind",
                                     "tcp://127.0.0.1:0")
        self.assertEqual(refused.process.wait(PATIENCE), 1)


if __name__ == "__main__":
    main()
