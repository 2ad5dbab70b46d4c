#!/usr/bin/python3
"""Runs the digits example as a worker would, chain by chain, and checks that its numbers mean what they should."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "deploy" / "examples"
IMAGES = EXAMPLES / "images"
PYTHON = "/usr/bin/python3"


def commands(registry):
    """The arguments of each image a registry file names; enough of a reader for files we write ourselves."""
    found = re.findall(r"image: landseer-examples/(\w+):v1\n\s+command: (.*)", (EXAMPLES / registry).read_text())
    return {image: [word for word in shlex.split(command, comments=True) if word] for image, command in found}


ARGUMENTS = commands("tools.yaml") | commands("evaluators.yaml")


class Chain:
    """The worker contract with no worker: each step sees the data set and what the steps before it left."""

    def __init__(self, dataset, folder):
        self.dataset = dataset
        self.folder = folder
        self.outputs = []
        self.seconds = []

    def step(self, stage, image, keep=True):
        """Run one tool and return its output folder; keep=False for evaluators, which no later step sees."""
        place = self.folder / f"{len(self.seconds):02}-{image}"
        given, output = place / "input", place / "output"
        output.mkdir(parents=True)
        given.mkdir()
        for source in [self.dataset, *self.outputs]:
            shutil.copytree(source, given, dirs_exist_ok=True)
        shutil.copy(EXAMPLES / "config_model.py", given / "config_model.py")
        config = {"stage": stage, "tool_name": image}
        (given / "config.json").write_text(json.dumps(config))
        before = tree(given)
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(place), "LANG": "C.UTF-8", "TZ": "UTC",
                       "INPUT_DIR": str(given), "OUTPUT_DIR": str(output), "PYTHONPATH": f"{given}:/app", **config,
                       "LANDSEER_TASK_ID": "task_1", "LANDSEER_ATTEMPT": "1", "LANDSEER_PIPELINE_ID": "pipeline_1"}
        started = time.monotonic()
        done = subprocess.run(["./entrypoint", *ARGUMENTS[image]], cwd=IMAGES / image, env=environment, text=True,
                              capture_output=True, timeout=60)
        self.seconds.append((image, time.monotonic() - started))
        if done.returncode != 0:
            raise AssertionError(f"{image} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
        if tree(given) != before:
            raise AssertionError(f"{image} changed its input folder")
        if keep:
            self.outputs.append(output)
        return output

    def run(self, pre, training, post, deployment):
        for stage, image in (("pre_training", pre), ("during_training", training), ("post_training", post),
                             ("deployment", deployment)):
            self.step(stage, image)
        return self.metrics()

    def metrics(self):
        found = {}
        for evaluator in ("clean", "adversarial", "privacy"):
            output = self.step("evaluation", f"eval_{evaluator}", keep=False)
            result = json.loads((output / "evaluation_results.json").read_text())
            assert result["success"] and not result["skipped"] and result["evaluator"] == evaluator, result
            found.update(result["metrics"])
        return found


def tree(folder):
    """Every file below the folder with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


class DigitsExample(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = Path(tempfile.mkdtemp(prefix="landseer-examples-"))
        cls.addClassCleanup(shutil.rmtree, cls.scratch)
        cls.dataset = cls.export("digits")
        cls.baseline = cls.metrics_of("noop", "in_plain", "noop", "noop")

    @classmethod
    def export(cls, name):
        subprocess.run([PYTHON, EXAMPLES / "export_digits.py", cls.scratch / name], check=True,
                       stdout=subprocess.DEVNULL)
        return cls.scratch / name

    @classmethod
    def chain(cls):
        return Chain(cls.dataset, Path(tempfile.mkdtemp(dir=cls.scratch)))

    @classmethod
    def metrics_of(cls, *images):
        return cls.chain().run(*images)

    def test_dataset_is_the_same_every_time(self):
        again = tree(self.export("again"))
        self.assertEqual(again, tree(self.dataset))
        self.assertEqual(sorted(again), ["data.npy", "labels.npy", "test_data.npy", "test_labels.npy"])

    def test_every_image_named_is_there(self):
        self.assertEqual(set(ARGUMENTS), {path.name for path in IMAGES.iterdir()})
        for image in ARGUMENTS:
            self.assertTrue(os.access(IMAGES / image / "entrypoint", os.X_OK), image)
            self.assertTrue((IMAGES / image / "Dockerfile").is_file(), image)

    def test_pipelines_name_each_tool_of_the_registry(self):
        tools = set(re.findall(r"^  (\w+):$", (EXAMPLES / "tools.yaml").read_text(), re.MULTILINE))
        for file in ("digits.yaml", "digits_full.yaml"):
            self.assertEqual(set(re.findall(r"- (\w+)", (EXAMPLES / file).read_text())), tools, file)

    def test_baseline_learns_and_leaks(self):
        self.assertEqual(set(self.baseline), {"clean_accuracy", "clean_train_accuracy", "fgsm_accuracy", "mia_auc"})
        self.assertGreater(self.baseline["clean_accuracy"], 0.88)
        self.assertEqual(self.baseline["clean_train_accuracy"], 1)
        self.assertLess(self.baseline["fgsm_accuracy"], 0.3)
        self.assertGreater(self.baseline["mia_auc"], 0.58)

    def test_adversarial_training_withstands_the_attack(self):
        found = self.metrics_of("noop", "in_adversarial", "noop", "noop")
        self.assertGreater(found["fgsm_accuracy"], self.baseline["fgsm_accuracy"] + 0.3)
        self.assertGreater(found["clean_accuracy"], 0.88)

    def test_squeezing_withstands_the_attack(self):
        found = self.metrics_of("pre_feature_squeezing", "in_plain", "noop", "noop")
        self.assertGreater(found["fgsm_accuracy"], self.baseline["fgsm_accuracy"] + 0.2)
        self.assertLess(found["clean_accuracy"], self.baseline["clean_accuracy"])

    def test_private_answers_cost_accuracy_and_hide_members(self):
        found = self.metrics_of("noop", "in_plain", "noop", "deploy_dp_output")
        self.assertLess(found["clean_accuracy"], self.baseline["clean_accuracy"] - 0.02)
        self.assertLess(found["mia_auc"], self.baseline["mia_auc"] - 0.02)
        self.assertGreater(found["mia_auc"], 0.45)

    def test_detector_refuses_some_of_each(self):
        found = self.metrics_of("noop", "in_plain", "noop", "deploy_ood_detector")
        self.assertGreater(found["fgsm_accuracy"], self.baseline["fgsm_accuracy"] + 0.1)
        self.assertLess(found["clean_accuracy"], self.baseline["clean_accuracy"])
        self.assertAlmostEqual(found["clean_train_accuracy"], 0.95, delta=0.02)

    def test_every_defence_at_once_stays_in_range(self):
        found = self.metrics_of("pre_outlier_removal", "in_adversarial", "post_fineprune", "deploy_dp_output")
        for name, value in found.items():
            self.assertTrue(0 <= value <= 1, f"{name} is {value}")
        self.assertGreater(found["clean_accuracy"], 0.6)

    def test_same_chain_leaves_the_same_bytes(self):
        def outputs():
            chain = self.chain()
            chain.run("pre_outlier_removal", "in_plain", "post_weight_noise", "deploy_ood_detector")
            return {str(path.relative_to(chain.folder)): tree(path) for path in sorted(chain.folder.glob("*/output"))}
        self.assertEqual(outputs(), outputs())

    def test_defences_of_one_stage_add_up_in_any_order(self):
        chain = self.chain()
        for image in ("pre_feature_squeezing", "pre_outlier_removal"):
            chain.step("pre_training", image)
        chain.step("during_training", "in_plain")
        for image in ("post_weight_noise", "post_fineprune"):
            chain.step("post_training", image)
        for image in ("deploy_ood_detector", "deploy_dp_output"):
            chain.step("deployment", image)
        self.assertTrue(all(0 <= value <= 1 for value in chain.metrics().values()))


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    os.umask(0o022)
    unittest.main()
