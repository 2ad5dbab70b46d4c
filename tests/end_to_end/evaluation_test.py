#!/usr/bin/python3
"""Metrics, and the two CSV files a Landseer user knows."""

import csv

from cluster import EndToEnd, main, noting, shell

TOOLS_COLUMNS = ["pipeline_id", "combination", "stage", "tool_name", "cache_key", "duration_sec", "status",
                 "output_path"]
# Between the fifth and the last two there is one for each metric.
COMBINATIONS_COLUMNS = ["pipeline_id", "combination", "pre_training", "in_training", "post_training", "deployment",
                        "dataset_name", "dataset_type"]


def measuring(metrics):
    """An evaluator that reports these metrics, in shell words."""
    return shell(f'printf \'{{"success": true, "metrics": {metrics}}}\' >$OUTPUT_DIR/evaluation_results.json')


class Evaluation(EndToEnd):
    def setUp(self):
        self.cluster.start_broker()
        self.gate = self.cluster.gate()
        data = self.cluster.folder / "data"
        data.mkdir()
        (data / "data.npy").write_text("data")
        self.cluster.start_worker("w1", "--data", f"digits={data}", cpus=2)
        (self.cluster.folder / "model.py").write_text("")

        def tool(name, stage, script):
            return {"name": name, "defense_stage": stage, "is_baseline": name.startswith("no"),
                    "container": dict(shell(script), runtime=None)}

        write = "echo $tool_name >$OUTPUT_DIR/$tool_name"
        self.cluster.write("tools.yaml", {"tools": {
            "pre": tool("pre", "pre_training", write), "no_pre": tool("no_pre", "pre_training", ":"),
            "train": tool("train", "during_training", f"{write}; echo 1 >$OUTPUT_DIR/model.pt"),
            "post": tool("post", "post_training", write), "gated": tool("gated", "post_training",
                                                                        f"read -r _ <{self.gate.path}; {write}")}})
        self.cluster.write("evaluators.yaml", {"evaluators": {
            "clean": {"name": "clean", "required_artifacts": ["model.pt"], "metrics": ["accuracy", "name"],
                      "container": measuring('{\"accuracy\": 0.5, \"name\": \"a, \\\"b\\\"\", \"undeclared\": 1}')},
            "needs_pre": {"name": "needs_pre", "required_artifacts": ["pre"], "metrics": ["pre_score"],
                          "container": measuring('{\"pre_score\": 7}')},
            "same": {"name": "same", "required_artifacts": [], "metrics": ["accuracy"],
                     "container": measuring('{\"accuracy\": NaN}')}}})

    def submit(self, post, *options):
        file = self.cluster.write("pipeline.yaml", {
            "dataset": {"name": "digits"}, "model": {"script": "model.py"},
            "pipeline": {"pre_training": {"tools": ["pre", "no_pre"]}, "during_training": {"tools": ["train"]},
                         "post_training": {"tools": [post]}, "deployment": {"tools": []}}})
        return self.cluster.json("submit", file, "--evaluators", self.cluster.folder / "evaluators.yaml", *options)

    def csv(self):
        """Rows of both files."""
        folder = self.cluster.folder / "results"
        done = self.cluster.json("results", "last", "--csv", folder)
        self.assertEqual(done["files"], {"tools": str(folder / "results_tools.csv"),
                                         "combinations": str(folder / "results_combinations.csv")})
        rows = []
        for name in ("results_tools.csv", "results_combinations.csv"):
            with open(folder / name, newline="") as file:
                rows.append(list(csv.reader(file)))
        return rows

    def test_results_as_json_and_csv(self):
        done = self.submit("post", "--wait")
        # Two tasks in each of three stages; each workflow is measured by three evaluators.
        self.assertEqual((done["workflows"], done["tasks"], done["evaluations"]), (2, 6, 6))
        self.assertEqual(done["status"]["state"], "completed")
        results = self.cluster.json("results")
        self.assertEqual(results["metrics"], ["clean.accuracy", "name", "pre_score", "same.accuracy"])
        self.assertEqual([row["metrics"] for row in results["combinations"]], [
            {"clean.accuracy": 0.5, "name": 'a, "b"', "pre_score": 7, "same.accuracy": None},
            {"clean.accuracy": 0.5, "name": 'a, "b"', "pre_score": None, "same.accuracy": None}])
        self.assertEqual([row["combination_status"] for row in results["combinations"]], ["success", "success"])
        self.assertEqual([row["pre_training"] for row in results["combinations"]], ["pre", "no_pre"])

        tools, combinations = self.csv()
        self.assertEqual(combinations[0], COMBINATIONS_COLUMNS + results["metrics"] +
                         ["total_duration", "combination_status"])
        self.assertEqual([row[:-2] for row in combinations[1:]], [
            ["pipeline_1", "comb_001", "pre", "train", "post", "", "digits", "clean", "0.5", 'a, "b"', "7", "-1"],
            ["pipeline_1", "comb_002", "no_pre", "train", "post", "", "digits", "clean", "0.5", 'a, "b"', "-1", "-1"]])
        self.assertEqual({row[-1] for row in combinations[1:]}, {"success"})
        self.assertGreater(float(combinations[1][-2]), 0)
        self.assertEqual(tools[0], TOOLS_COLUMNS)
        self.assertEqual(len(tools), 1 + 2 * 6)
        self.assertEqual([row[1:4] for row in tools[1:7]], [
            ["comb_001", "pre_training", "pre"], ["comb_001", "in_training", "train"],
            ["comb_001", "post_training", "post"], ["comb_001", "evaluation", "clean"],
            ["comb_001", "evaluation", "needs_pre"], ["comb_001", "evaluation", "same"]])
        self.assertEqual({row[6] for row in tools[1:]}, {"completed"})
        keys = {task["key"] for task in self.cluster.json("tasks")}
        self.assertEqual({row[4] for row in tools[1:]}, keys)

    def test_an_evaluator_without_its_artifacts_is_skipped(self):
        self.submit("post", "--wait")
        skipped = [task for task in self.cluster.json("tasks", "last", "--tool", "needs_pre")
                   if task["evaluation_skipped"]]
        task, = skipped
        self.assertEqual((task["status"], task["metrics"]), ("completed", {"pre_score": None}))
        self.assertIn("pre", task["reason"])
        self.assertIn("skipped", task["reason"])

    def test_results_while_the_pipeline_runs(self):
        self.submit("gated")
        self.cluster.wait_until_tasks("train", "completed", 2)
        tools, combinations = self.csv()
        self.assertEqual([row[-1] for row in combinations[1:]], ["running", "running"])
        self.assertEqual({row[6] for row in tools[1:] if row[3] == "train"}, {"completed"})
        self.assertTrue({row[6] for row in tools[1:] if row[3] == "gated"} <= {"pending", "running"})
        self.assertEqual({row[5] for row in tools[1:] if row[3] == "clean"}, {""}, "no duration yet")
        self.gate.let_pass(2)
        self.assertEqual(self.cluster.run("wait", "last").code, 0)
        self.assertEqual([row[-1] for row in self.csv()[1][1:]], ["success", "success"])

    def test_a_failed_combination_says_so(self):
        file = self.cluster.native({"good": noting(), "bad": shell("exit 1")}, {"w1": ["good"], "w2": ["good", "bad"]})
        self.assertEqual(self.cluster.run("submit", file, "--wait").code, 1)
        self.assertEqual([row[-1] for row in self.csv()[1][1:]], ["success", "failure"])


if __name__ == "__main__":
    main()
