#!/usr/bin/python3
"""What workers have in common, and what they only call the same: shared stores, data sets of one name."""

from cluster import EndToEnd, main_side_by_side, noting, wait_until

NOWHERE = "tcp://127.0.0.1:1"  # nobody listens: what must not be fetched cannot be


class SharedStore(EndToEnd):
    def setUp(self):
        self.cluster.start_broker(lease="3s")
        self.store = self.cluster.folder / "store"
        self.workers = {name: self.start_worker(name, cpus, gpus) for name, cpus, gpus in
                        (("w1", 1, "0"), ("w2", 2, "none"))}

    def start_worker(self, name, cpus, gpus):
        return self.cluster.start_worker(name, "--artifact-mode", "shared", "--artifacts", self.store, "--data-address",
                                         NOWHERE, "--gpus", gpus, cpus=cpus)

    def tools(self, **scripts):
        """On w1 those whose name begins with a, on w2 the others."""
        return {name: {"container": noting(script), "resources": {"gpus": 1} if name[0] == "a" else {"cpus": 2}}
                for name, script in scripts.items()}

    def run_to_end(self):
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual({task["attempts"] for task in self.cluster.json("tasks")}, {1})

    def assert_nothing_moved(self):
        self.assertEqual({row["name"]: row["bytes_fetched"] for row in self.cluster.json("workers")},
                         {name: 0 for name in self.workers})

    def test_what_one_worker_wrote_the_other_reads_and_no_byte_moves(self):
        make = "head -c 3000000 /dev/urandom >$OUTPUT_DIR/{0}; cd $OUTPUT_DIR; sha256sum {0} >{0}.sum"
        check = "(cd $INPUT_DIR && for sum in *.sum; do sha256sum -c $sum || exit 1; done) || exit 1; "
        tools = self.tools(a1=make.format("a1"), b2=check + make.format("b2"), a3=check + make.format("a3"),
                           b4=check + "[ $(ls $INPUT_DIR/*.sum | wc -l) = 3 ] || exit 2")
        self.cluster.submit(self.cluster.native(tools, {"w": list(tools)}))
        self.run_to_end()
        self.assertEqual({tool: task["worker"] for tool, task in self.cluster.tasks().items()},
                         {"a1": "w1", "b2": "w2", "a3": "w1", "b4": "w2"})
        self.assert_nothing_moved()

    def test_what_a_lost_host_wrote_is_still_there(self):
        gate = self.cluster.gate()
        tools = self.tools(a1="echo made >$OUTPUT_DIR/made", b2=f"read -r _ <{gate.path}",
                           b3="grep -q made $INPUT_DIR/made || exit 1")
        self.cluster.submit(self.cluster.native(tools, {"w": list(tools)}))
        self.cluster.wait_for_note("b2", "start")
        self.cluster.lose_host(self.workers["w1"])
        wait_until(lambda: self.cluster.json("workers")[0]["state"] == "lost", "w1 is lost")
        gate.let_pass()
        self.run_to_end()
        self.assert_nothing_moved()


class Datasets(EndToEnd):
    def setUp(self):
        self.cluster.start_broker()
        self.data = {}
        for name, number in (("one", 1), ("same", 1), ("other", 2)):
            self.data[name] = self.cluster.folder / "data" / name
            self.data[name].mkdir(parents=True)
            (self.data[name] / "number").write_text(f"{number}\n")

    def start_worker(self, name, data, cpus=1):
        return self.cluster.start_worker(name, "--data", f"digits={self.data[data]}", cpus=cpus)

    def submit(self, *tools, more=":"):
        notes = noting(f"note read $(cat $INPUT_DIR/number); {more}")
        file = self.cluster.native({tool: notes for tool in tools}, {tool: [tool] for tool in tools},
                                   dataset={"name": "digits"})
        return self.cluster.submit(file)

    def read(self):
        return sorted(note.rest for note in self.cluster.notes("read"))

    def test_a_pipeline_runs_only_where_its_data_set_is_the_one_it_began_with(self):
        gate = self.cluster.gate()
        first = self.start_worker("w1", "one")
        self.submit("a", "b", "c", more=f"read -r _ <{gate.path}")
        self.cluster.wait_for_note("a", "read")
        self.start_worker("w2", "other", cpus=4)  # has all the room, and must not be asked
        waiting = self.cluster.tasks()["c"]["task_id"]
        why = self.cluster.json("explain", waiting)
        reasons = "\n".join(why["reasons"])
        self.assertRegex(reasons, r"w2 has another data set digits \(\w+\) than the pipeline began with")
        self.assertIn("w1 has 0 CPUs free", reasons)
        self.assertEqual(self.cluster.status()["notices"], [], "w1 will do it")
        gate.let_pass()
        self.cluster.wait_for_note("b", "read")
        self.assertEqual(first.terminate(), 0)
        notices = "\n".join(self.cluster.status()["notices"])
        self.assertIn("no connected worker has the data set or image that the pipeline began with", notices)
        self.assertIn("landseer explain task_", notices)
        self.start_worker("w3", "same")
        gate.let_pass(2)
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual(set(self.read()), {"1"})
        self.assertEqual({tool: task["worker"] for tool, task in self.cluster.tasks().items()},
                         {"a": "w1", "b": "w3", "c": "w3"})

    def test_another_pipeline_may_begin_with_the_other_content_and_shares_nothing(self):
        first = self.start_worker("w1", "one")
        self.submit("a")
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual(first.terminate(), 0)
        self.start_worker("w2", "other")
        self.submit("a")
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual(self.read(), ["1", "2"])
        self.assertFalse(self.cluster.tasks()["a"]["cached"])

    def test_a_data_set_that_changes_is_another_one(self):
        gate = self.cluster.gate()
        self.start_worker("w1", "one")
        self.submit("a", "b", more=f"read -r _ <{gate.path}")
        self.cluster.wait_for_note("a", "read")
        (self.data["one"] / "number").write_text("3\n")
        gate.let_pass()
        wait_until(lambda: self.cluster.tasks()["a"]["status"] == "completed", "a is completed")
        wait_until(lambda: any("data set" in notice for notice in self.cluster.status()["notices"]), "b has no place")
        self.assertEqual(self.read(), ["1"])
        (self.data["one"] / "number").write_text("1\n")
        self.start_worker("w2", "same")
        gate.let_pass()
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual(self.read(), ["1", "1"])


if __name__ == "__main__":
    main_side_by_side()
