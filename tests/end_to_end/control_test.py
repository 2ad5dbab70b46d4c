#!/usr/bin/python3
"""Decisions of users about pipelines that exist: they are kept, whatever happens to the broker."""

from cluster import EndToEnd, main, noting

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
        self.assertEqual(self.cluster.json("retry", "last"), {"pipeline_id": "pipeline_1", "tasks": 2})
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


if __name__ == "__main__":
    main()
