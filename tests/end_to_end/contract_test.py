#!/usr/bin/python3
"""The worker contract, as a tool sees it."""

import json
import os
import time

from cluster import EndToEnd, main, noting, shell, wait_until

# Writes what it sees to $REPORTS/NAME.json and fills its output folder.
PROBE = r"""#!/usr/bin/python3
import json, os, sys
from pathlib import Path
given = Path(os.environ["INPUT_DIR"])
files = {str(path.relative_to(given)): path.read_text() for path in sorted(given.rglob("*")) if path.is_file()}
report = {"files": files, "environment": dict(os.environ), "arguments": sys.argv[1:], "folder": os.getcwd(),
          "executable": [name for name in files if os.access(given / name, os.X_OK)]}
(Path(os.environ["REPORTS"]) / (os.environ["tool_name"] + ".json")).write_text(json.dumps(report))
(Path(os.environ["CHECKPOINT_DIR"]) / "kept").write_text("kept")
"""


class Contract(EndToEnd):
    def setUp(self):
        self.cluster.start_broker()
        self.reports = self.cluster.folder / "reports"
        self.reports.mkdir()
        image = self.cluster.images / "probe"
        image.mkdir()
        (image / "entrypoint").write_text(PROBE)
        (image / "entrypoint").chmod(0o755)
        self.data = self.cluster.folder / "data"
        (self.data / "shared").mkdir(parents=True)
        (self.data / "shared" / "from_data").write_text("data")
        (self.data / "kept.txt").write_text("data")
        (self.data / "changed.txt").write_text("data")
        (self.cluster.folder / "model.py").write_text("weights = 1\n")

    def report(self, tool):
        return json.loads((self.reports / f"{tool}.json").read_text())

    def probe(self, command=""):
        return {"container": {"image": "example.org/any/probe:v1", "command": command}}

    def run_pipeline(self, tools, tasks, **more):
        file = self.cluster.native(tools, {"w": tasks}, defaults={"env": {"REPORTS": str(self.reports)}}, **more)
        done = self.cluster.run("submit", file, "--wait")
        self.assertEqual(done.code, 0, done)

    def start_worker(self, name="w1"):
        self.cluster.start_worker(name, "--data", f"numbers:odd={self.data}")

    def test_input_is_the_dataset_and_all_ancestors_the_latest_winning(self):
        self.start_worker()
        tools = {
            "one": shell("mkdir $OUTPUT_DIR/shared $OUTPUT_DIR/sub; echo one >$OUTPUT_DIR/changed.txt; "
                         "echo one >$OUTPUT_DIR/shared/from_one; echo one >$OUTPUT_DIR/sub/one; "
                         "echo one >$OUTPUT_DIR/run.sh; chmod +x $OUTPUT_DIR/run.sh"),
            "two": shell("cat $INPUT_DIR/sub/one $INPUT_DIR/changed.txt >$OUTPUT_DIR/seen; "
                         "mkdir $OUTPUT_DIR/sub; echo two >$OUTPUT_DIR/sub/two"),
            "last": self.probe(),
        }
        self.run_pipeline(tools, ["one", "two", {"tool": "last", "config": {"rate": 0.5}}],
                          dataset={"name": "numbers", "variant": "odd"}, model={"script": "model.py"})
        report = self.report("last")
        config = json.loads(report["files"].pop("config.json"))
        self.assertEqual(config, {"stage": "pre_training", "tool_name": "last", "rate": 0.5})
        self.assertEqual(report["files"], {
            "kept.txt": "data",                # only the dataset has it
            "changed.txt": "one\n",            # replaced
            "shared/from_one": "one\n",        # a folder is replaced as a whole
            "sub/two": "two\n",                # by the later of two ancestors
            "seen": "one\none\n",
            "run.sh": "one\n",
            "config_model.py": "weights = 1\n",
        })
        self.assertEqual(report["executable"], ["run.sh"])

    def test_environment_is_the_contract_and_nothing_else(self):
        self.cluster.environment.update(SECRET_OF_THE_WORKER="must not be seen", LD_DEBUG_OUTPUT="/nowhere")
        self.start_worker()
        config = {"rate": 0.10, "layers": [1, 2], "deep": {"on": True}, "flag": False, "text": "a b", "nothing": None,
                  "PATH": "/evil", "not-a-name": 1, "LANDSEER_TASK_ID": "task_99", "OUTPUT_DIR": "/evil"}
        self.run_pipeline({"last": dict(self.probe(), env={"OWN": "own", "NUMBER": 7})},
                          [{"tool": "last", "config": config}])
        report = self.report("last")
        seen = report["environment"]
        scratch = str(self.cluster.scratch("w1"))
        for folder in ("INPUT_DIR", "OUTPUT_DIR", "CHECKPOINT_DIR"):
            self.assertTrue(seen.pop(folder).startswith(scratch), folder)
        self.assertTrue(seen.pop("PYTHONPATH").endswith("/input:/app"))
        self.assertEqual(seen.pop("PATH"), os.environ["PATH"])
        self.assertEqual(json.loads(seen.pop("layers")), [1, 2])
        self.assertEqual(json.loads(seen.pop("deep")), {"on": True})
        self.assertEqual(float(seen.pop("rate")), 0.1)
        seen.pop("LANDSEER_ATTEMPT_TOKEN")  # by it the worker finds what a tool left running
        for name in ("HOME", "LANG"):
            self.assertEqual(seen.pop(name, None), os.environ.get(name))
        seen.pop("LC_CTYPE", None)  # Python sets it itself
        self.assertGreater(int(seen.pop("LANDSEER_DEADLINE")), time.time())
        self.assertEqual(seen, {
            "LANDSEER_TASK_ID": "task_1", "LANDSEER_ATTEMPT": "1", "LANDSEER_PIPELINE_ID": "pipeline_1",
            "CUDA_VISIBLE_DEVICES": "", "TZ": "UTC", "stage": "pre_training", "tool_name": "last", "flag": "false",
            "text": "a b", "nothing": "", "OWN": "own", "NUMBER": "7", "REPORTS": str(self.reports)})
        self.assertEqual(report["folder"], str(self.cluster.images / "probe"))

    def test_command_is_split_as_a_shell_would_and_no_shell_runs(self):
        self.start_worker()
        self.run_pipeline({"words": self.probe("./entrypoint 'a b' \"c d\" e\\ f '' $HOME *"),
                           "added": self.probe("--only arguments"), "empty": self.probe()},
                          ["words", {"tool": "added", "args": "--and 'more of them'"}, "empty"])
        self.assertEqual(self.report("words")["arguments"], ["a b", "c d", "e f", "", "$HOME", "*"])
        self.assertEqual(self.report("added")["arguments"], ["--only", "arguments", "--and", "more of them"])
        self.assertEqual(self.report("empty")["arguments"], [])

    def test_artifacts_move_between_workers_that_share_no_folder(self):
        gate = self.cluster.gate()
        self.cluster.start_worker("w1")
        tools = {"make": shell("mkdir -p $OUTPUT_DIR/deep/er; echo small >$OUTPUT_DIR/deep/er/small; "
                               "head -c 3000000 /dev/urandom >$OUTPUT_DIR/big; sha256sum <$OUTPUT_DIR/big "
                               ">$OUTPUT_DIR/sum"),
                 "hold": noting(f"read -r _ <{gate.path}"),
                 "use": noting("sha256sum <$INPUT_DIR/big | cmp - $INPUT_DIR/sum && grep -q small "
                               "$INPUT_DIR/deep/er/small || exit 1")}
        self.cluster.submit(self.cluster.native(tools, {"1": ["make", "hold"], "2": ["make", "use"]}))
        self.cluster.wait_for_note("hold", "start")
        self.cluster.start_worker("w2")
        self.cluster.wait_for_note("use", "end")
        wait_until(lambda: self.cluster.tasks()["use"]["status"] == "completed", "the consumer reports")
        tasks = self.cluster.tasks()
        self.assertEqual((tasks["make"]["worker"], tasks["use"]["worker"]), ("w1", "w2"))
        gate.let_pass()
        self.assertEqual(self.cluster.run("wait", "last").code, 0)


if __name__ == "__main__":
    main()
