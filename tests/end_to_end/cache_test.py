"""Results shared between pipelines: the same again, a changed tool, an edited one, work under way."""
from cluster import EndToEnd, main, noting, shell, wait_until


class Cache(EndToEnd):
    def setUp(self):
        self.cluster.start_broker()
        self.cluster.start_worker("w1", cpus=2)

    def submit(self, tools, *options, workflows=None):
        file = self.cluster.native(tools, workflows or {"w": ["first", "second", "third"]})
        return self.cluster.json("submit", file, *options)

    def run_once(self, tools, *options):
        submitted = self.submit(tools, *options)
        self.assertEqual(self.cluster.run("wait", submitted["pipeline_id"]).code, 0)
        return submitted

    @staticmethod
    def tools(second="echo two > $OUTPUT_DIR/two"):
        return {"first": shell("echo one > $OUTPUT_DIR/one"), "second": shell(second),
                "third": shell("cat $INPUT_DIR/two > $OUTPUT_DIR/three")}

    def test_the_same_pipeline_again_runs_nothing_also_after_a_restart(self):
        self.run_once(self.tools())
        self.assertEqual(self.run_once(self.tools())["cached"], 3)
        self.cluster.restart_broker()
        again = self.run_once(self.tools())
        self.assertEqual(again["cached"], 3)
        self.assertEqual({task["attempts"] for task in self.cluster.json("tasks", again["pipeline_id"])}, {0})
        self.assertEqual(self.submit(self.tools(), "--no-cache")["cached"], 0)

    def test_a_changed_tool_runs_with_what_is_below_it_and_explain_says_why(self):
        self.run_once(self.tools())
        changed = self.tools("echo other > $OUTPUT_DIR/two")
        plan = self.cluster.json("plan", self.cluster.native(changed, {"w": ["first", "second", "third"]}))
        self.assertEqual(plan["cached"], 1)
        self.assertEqual(self.run_once(changed)["cached"], 1)
        tasks = self.cluster.tasks()
        self.assertEqual([tasks[name]["cached"] for name in ("first", "second", "third")], [True, False, False])
        why = self.cluster.json("explain", tasks["third"]["task_id"])
        self.assertEqual(why["differs_at"], tasks["second"]["task_id"])
        self.assertEqual([each["ingredient"] for each in why["differences"]], ["command"])
        self.assertIn("task_1", self.cluster.json("explain", tasks["first"]["task_id"])["summary"])

    def test_a_tool_with_a_folder_is_shared_until_its_folder_is_edited(self):
        folder = self.cluster.images / "tool"
        folder.mkdir()
        entrypoint = folder / "entrypoint"
        entrypoint.write_text("#!/bin/sh\ncp word $OUTPUT_DIR/word\n")
        entrypoint.chmod(0o755)
        (folder / "word").write_text("one")
        tools = {"first": {"image": "x/tool:v1", "command": ""}, "second": shell("cat $INPUT_DIR/word")}
        workflows = {"w": ["first", "second"]}
        submit = lambda: self.submit(tools, "--wait", workflows=workflows)["cached"]
        file = self.cluster.native(tools, workflows)
        known = lambda count: wait_until(lambda: self.cluster.json("plan", file)["cached"] == count, "it is noticed")
        self.assertEqual([0, 2], [submit(), submit()])
        self.assertEqual("one", self.cluster.run("logs", self.cluster.tasks()["second"]["cached_from"]).out)
        (folder / "word").write_text("two")
        known(0)
        self.assertEqual([0, 2], [submit(), submit()])
        self.assertEqual("two", self.cluster.run("logs", self.cluster.tasks()["second"]["cached_from"]).out)
        # The same as before is known, whenever it was; also to a worker that starts again.
        (folder / "word").write_text("one")
        known(2)
        self.assertEqual(2, submit())
        self.cluster.services[-1].terminate()
        self.cluster.start_worker("w1", cpus=2)
        self.assertEqual(2, submit())

    def test_a_tool_that_is_edited_in_the_moment_of_submitting_is_never_taken_for_the_old_one(self):
        folder = self.cluster.images / "tool"
        folder.mkdir()
        entrypoint = folder / "entrypoint"
        entrypoint.write_text("#!/bin/sh\ncat word\n")
        entrypoint.chmod(0o755)
        file = self.cluster.native({"first": {"image": "x/tool:v1", "command": ""}}, {"w": ["first"]})
        for word in [f"word {index}" for index in range(15)]:
            (folder / "word").write_text(word)
            self.assertEqual(self.cluster.json("submit", file, "--wait")["cached"], 0, word)
            self.assertEqual(self.cluster.run("logs", self.cluster.tasks()["first"]["task_id"]).out, word)

    def test_data_that_is_edited_in_the_moment_of_submitting_is_never_taken_for_the_old(self):
        data = self.cluster.folder / "data"
        data.mkdir()
        (data / "word").write_text("at first")
        self.cluster.start_worker("w2", "--data", f"digits={data}")
        file = self.cluster.native({"first": shell("cat $INPUT_DIR/word")}, {"w": ["first"]},
                                   dataset={"name": "digits"})
        for word in [f"word {index}" for index in range(10)]:
            (data / "word").write_text(word)
            self.assertEqual(self.cluster.json("submit", file, "--wait")["cached"], 0, word)
            self.assertEqual(self.cluster.run("logs", self.cluster.tasks()["first"]["task_id"]).out, word)
            self.assertEqual(self.cluster.json("submit", file, "--wait")["cached"], 1, word)

    def test_work_under_way_is_joined_and_outlives_who_began_it(self):
        gate = self.cluster.gate()
        tools = {"held": noting(f"read -r _ <{gate.path}"), "next": noting()}
        first = self.submit(tools, workflows={"w": ["held", "next"]})
        self.cluster.wait_for_note("held", "start", attempt=1)
        second = self.submit(tools, workflows={"w": ["held", "next"]})
        self.cluster.run("cancel", first["pipeline_id"], "--yes")
        self.assertEqual(self.cluster.json("status", first["pipeline_id"])["state"], "cancelled")
        gate.let_pass()
        self.assertEqual(self.cluster.run("wait", second["pipeline_id"]).code, 0)
        self.assertEqual([note.tool for note in self.cluster.notes("start")], ["held", "next"], "each ran once")


if __name__ == "__main__":
    main()
