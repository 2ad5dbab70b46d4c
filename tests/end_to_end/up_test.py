#!/usr/bin/python3
"""A broker and workers on one machine with one command."""

from cluster import EndToEnd, environment_of, kill, main, noting, processes_with, wait_until


class Up(EndToEnd):
    def tearDown(self):
        self.cluster.run("down")
        super().tearDown()

    def pids(self, document):
        return {service["name"]: service["pid"] for service in document["services"]}

    def test_up_and_down_can_be_repeated(self):
        first = self.cluster.json("up", "--workers", "2")
        names = [service["name"] for service in first["services"]]
        self.assertEqual(names, ["broker", "worker-1", "worker-2", "dashboard"])
        self.assertEqual({service["state"] for service in first["services"]}, {"running"})
        self.assertFalse(first["already_up"])
        again = self.cluster.json("up", "--workers", "2")
        self.assertTrue(again["already_up"])
        self.assertEqual(self.pids(again), self.pids(first))
        self.assertEqual(sorted(worker["name"] for worker in self.cluster.json("workers")), ["worker-1", "worker-2"])
        down = self.cluster.json("down")
        self.assertEqual({service["outcome"] for service in down["services"]}, {"stopped"})
        # Executors and their guards end by themselves, after their workers.
        wait_until(lambda: not processes_with(f"LANDSEER_HOME={self.cluster.home}"), "nothing is left running")
        self.assertEqual(self.cluster.json("down"), {"services": []})
        self.assertEqual(self.cluster.run("list").code, 3)

    def test_pipelines_are_still_known_after_down_and_up(self):
        self.cluster.json("up", "--workers", "1")
        gate = self.cluster.gate()
        file = self.cluster.native({"first": noting(), "held": noting(f"read -r _ <{gate.path}"), "last": noting()},
                                   {"w": ["first", "held", "last"]})
        self.cluster.submit(file)
        self.cluster.wait_for_note("held", "start", attempt=1)
        self.cluster.json("down")
        self.assertEqual(self.cluster.tools(), [])
        self.cluster.json("up", "--workers", "1")
        gate.let_pass()
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        ended = [note.tool for note in self.cluster.notes("end")]
        self.assertEqual(ended, ["first", "held", "last"])

    def test_up_again_after_the_broker_died(self):
        first = self.cluster.json("up", "--workers", "1", "--lease", "2s")
        broker = self.pids(first)["broker"]
        kill([broker])
        wait_until(lambda: not environment_of(broker), "the broker is gone")
        second = self.cluster.json("up", "--workers", "1")
        self.assertFalse(second["already_up"])
        file = self.cluster.native({"a": noting()}, {"w": ["a"]})
        self.assertEqual(self.cluster.run("submit", file, "--wait").code, 0)
        self.assertEqual(len(self.cluster.json("workers")), 1)

    def test_a_start_that_fails_leaves_nothing_running(self):
        done = self.cluster.run("up", "--images", self.cluster.folder / "missing")
        self.assertNotEqual(done.code, 0)
        self.assertIn("missing", done.err)
        self.assertEqual(processes_with(f"LANDSEER_HOME={self.cluster.home}"), [])


if __name__ == "__main__":
    main()
