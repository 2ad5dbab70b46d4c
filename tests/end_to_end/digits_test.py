#!/usr/bin/python3
"""The shipped example, run as its README says."""

import csv
import subprocess

from cluster import SOURCE, EndToEnd, main

EXAMPLES = SOURCE / "deploy" / "examples"
METRICS = ["clean_accuracy", "clean_train_accuracy", "fgsm_accuracy", "mia_auc"]


class Digits(EndToEnd):
    def tearDown(self):
        self.cluster.run("down")
        super().tearDown()

    def test_every_combination_has_its_numbers(self):
        data = self.cluster.folder / "digits"
        subprocess.run(["/usr/bin/python3", "-B", str(EXAMPLES / "export_digits.py"), str(data)], check=True,
                       stdout=subprocess.DEVNULL)
        self.assertEqual(self.cluster.run("up", "--workers", "2", "--images", EXAMPLES / "images", "--data",
                                          f"digits={data}").code, 0)
        done = self.cluster.json("submit", EXAMPLES / "digits.yaml", "--evaluators", EXAMPLES / "evaluators.yaml",
                                 "--wait", timeout=280)
        self.assertEqual((done["workflows"], done["task_instances"], done["tasks"], done["evaluations"]),
                         (54, 216, 81, 162))
        status = done["status"]
        self.assertEqual((status["state"], status["total"], status["completed"]), ("completed", 243, 243))
        again = [self.cluster.json("task", task["task_id"])["history"] for task in self.cluster.json("tasks")
                 if task["attempts"] != 1]
        self.assertEqual(again, [], "every task ran once")
        workers = self.cluster.json("workers")
        self.assertEqual(sum(worker["completed"] for worker in workers), 243)
        self.assertGreater(min(worker["completed"] for worker in workers), 40, "both share the work")

        results = self.cluster.json("results", "last", "--csv", self.cluster.folder / "csv")
        self.assertEqual(results["metrics"], METRICS)
        self.assertEqual(len(results["combinations"]), 54)
        numbers = [tuple(row["metrics"][name] for name in METRICS) for row in results["combinations"]]
        self.assertGreater(len(set(numbers)), 45, "the tools make a difference")
        for row in numbers:
            for value in row:
                self.assertTrue(0 <= value <= 1, row)
        self.assert_defence_helps(results["combinations"])
        with open(self.cluster.folder / "csv" / "results_combinations.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([float(row["clean_accuracy"]) for row in rows], [row[0] for row in numbers])
        self.assertEqual({row["combination_status"] for row in rows}, {"success"})
        with open(self.cluster.folder / "csv" / "results_tools.csv", newline="") as file:
            self.assertEqual(len(list(csv.DictReader(file))), 54 * (4 + 3))

    def assert_defence_helps(self, combinations):
        """Adversarial training is worth it under attack when nothing else defends."""
        plain = {row["in_training"]: row["metrics"]["fgsm_accuracy"] for row in combinations
                 if (row["pre_training"], row["post_training"], row["deployment"]) == ("pre_noop", "post_noop",
                                                                                       "deploy_noop")}
        self.assertGreater(plain["in_adversarial"], plain["in_plain"] + 0.2)


if __name__ == "__main__":
    main()
