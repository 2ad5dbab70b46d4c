#!/usr/bin/python3
"""Decisions of users about pipelines that exist: they are kept, whatever happens to the broker."""

from cluster import PATIENCE, EndToEnd, main, noting

LEASE = "6s"


class Retry(EndToEnd):
    def setUp(self):
        self.cluster.start_broker(lease=LEASE)
        self.mended = self.cluster.folder / "mended"
        self.file = self.cluster.native({"fails": noting(f"test -e {self.mended} || exit 3"), "next": noting()},
                                        {"w": ["fails", "next"]})

    def test_a_retry_survives_a_killed_broker(self):
        worker = self.cluster.start_worker("w1")
        self.assertEqual(self.cluster.run("submit", self.file, "--wait").code, 1)
        worker.terminate()
        self.mended.touch()
        self.assertEqual(self.cluster.json("retry", "last"), {"pipeline_id": "pipeline_1", "tasks": 2, "paused": False})
        self.cluster.restart_broker(lease=LEASE)
        status = self.cluster.status()
        self.assertEqual((status["state"], status["pending"], status["finished_at"]), ("running", 2, None))
        self.cluster.start_worker("w1")
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual([(note.tool, note.attempt) for note in self.cluster.notes("start")],
                         [("fails", 1), ("fails", 2), ("next", 1)])

    def test_a_skipped_task_names_the_one_to_retry(self):
        self.cluster.start_worker("w1")
        self.assertEqual(self.cluster.run("submit", self.file, "--wait").code, 1)
        tasks = self.cluster.tasks()
        error = self.cluster.json("retry", tasks["next"]["task_id"], code=1)["error"]
        self.assertEqual(error["code"], "conflict")
        self.assertIn(f"retry {tasks['fails']['task_id']} instead", error["hint"])
        self.mended.touch()
        done = self.cluster.run("retry", tasks["fails"]["task_id"])
        self.assertEqual((done.code, done.out), (0, f"{tasks['fails']['task_id']}: 2 tasks pending again\n"))
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual(self.cluster.json("retry", "last", code=1)["error"]["code"], "conflict")


class Pause(EndToEnd):
    def setUp(self):
        self.cluster.start_broker(lease=LEASE)
        self.cluster.start_worker("w1")
        self.gate = self.cluster.gate()
        tools = {"held": noting(f"read -r _ <{self.gate.path}"), "next": noting()}
        self.cluster.submit(self.cluster.native(tools, {"w": ["held", "next"]}))
        self.cluster.wait_for_note("held", "start")

    def test_a_pause_survives_a_killed_broker_and_lets_running_work_end(self):
        paused = {"pipeline_id": "pipeline_1", "state": "paused", "changed": True, "running": 1,
                  "still_paused": 0}
        self.assertEqual(self.cluster.json("pause", "last"), paused)
        self.cluster.restart_broker(lease=LEASE)
        self.assertEqual(self.cluster.json("pause", "last"), {**paused, "changed": False})
        self.gate.let_pass()
        self.cluster.wait_until_tasks("held", "completed")
        status = self.cluster.status()
        self.assertEqual((status["state"], status["ready"], status["running"]), ("paused", 1, 0))
        self.assertIn("landseer resume pipeline_1", status["notices"][0])
        self.assertEqual([row["state"] for row in self.cluster.json("list")], ["paused"])
        waited = self.cluster.run("wait", "last", "--timeout", "300ms")
        self.assertEqual(waited.code, 124)
        self.assertIn("landseer resume pipeline_1", waited.err)
        self.assertNotIn("next", {note.tool for note in self.cluster.notes("start")})
        waiting = self.cluster.spawn("wait", "last")
        self.assertEqual(self.cluster.json("resume", "last"),
                         {"pipeline_id": "pipeline_1", "state": "running", "changed": True, "running": 0,
                          "still_paused": 0})
        waiting.communicate(timeout=PATIENCE)
        self.assertEqual(waiting.returncode, 0)
        for verb in ("pause", "resume"):
            error = self.cluster.json(verb, "last", code=1)["error"]
            self.assertEqual(error["code"], "conflict")
            self.assertIn("completed", error["message"])

    def test_a_paused_tool_waits_over_a_killed_broker_and_the_rest_goes_on(self):
        self.assertEqual(self.cluster.run("submit", self.cluster.native(
            {"x": noting(), "y": noting(), "z": noting()}, {"one": ["x", "y"], "two": ["z"]})).code, 0)
        done = self.cluster.run("pause", "2", "--tool", "y")
        self.assertEqual((done.code, done.out),
                         (0, "pipeline_2, tool 'y': paused; 1 pending tasks do not start\n"))
        self.assertEqual(self.cluster.run("pause", "2", "--workflow", "9").code, 5)
        self.cluster.restart_broker(lease=LEASE)
        self.gate.let_pass()
        self.cluster.wait_until_tasks("x", "completed")
        self.cluster.wait_until_tasks("z", "completed")
        status = self.cluster.status("2")
        self.assertEqual((status["state"], status["paused_tasks"], status["ready"]), ("running", 1, 0))
        self.assertIn("landseer resume pipeline_2 --all", status["notices"][0])
        [waiting] = [row for row in self.cluster.json("tasks", "2") if row["status"] == "pending"]
        self.assertEqual((waiting["tool"], waiting["paused"]), ("y", True))
        why = self.cluster.json("explain", waiting["task_id"])
        self.assertEqual(why["change"]["text"], "`landseer resume pipeline_2 --tool 'y'`")
        resumed = self.cluster.json("resume", "2", "--tool", "y")
        self.assertEqual((resumed["tasks"], resumed["changed"], resumed["still_paused"]), (1, True, 0))
        self.assertEqual(self.cluster.run("wait", "2").code, 0)

    def test_a_paused_pipeline_can_be_cancelled_and_others_go_on(self):
        self.assertEqual(self.cluster.run("pause", "1").code, 0)
        self.assertEqual(self.cluster.run("submit", self.cluster.native({"other": noting()}, {"w": ["other"]})).code, 0)
        self.gate.let_pass()
        self.assertEqual(self.cluster.run("wait", "pipeline_2").code, 0)
        self.assertEqual(self.cluster.run("cancel", "1", "--yes").code, 0)
        self.assertEqual(self.cluster.run("wait", "1").code, 1)
        self.assertEqual(self.cluster.status("1")["state"], "cancelled")


if __name__ == "__main__":
    main()
