"""The model script of the digits pipelines: a small network in numpy, and how a deployed model answers.

Landseer puts this file into the input folder of every tool as `config_model.py`, so that all tools of a pipeline share
one definition of the model. Files it reads and writes, all in the folders the worker names in the environment:

  data.npy, labels.npy            the training set (as the tools before training left it)
  test_data.npy, test_labels.npy  the test set; no tool changes it: it stands for what users send
  model.npz                       the trained network
  preprocess.json                 optional: each query is squeezed to `bits` bits per pixel
  detector.npz                    optional: queries far from the training data are refused
  deployment.json                 optional: the scores of each answer are made noisy
"""

import argparse
import json
import os
from pathlib import Path

import numpy as np

INPUT = Path(os.environ.get("INPUT_DIR", "/input"))
OUTPUT = Path(os.environ.get("OUTPUT_DIR", "/output"))
CLASSES = 10


# --- What every tool needs ------------------------------------------------------------------------

def options(doc, **defaults):
    """A tool's parameters: a flag wins over an environment variable (an entry of the task's config), that over the
    default."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in defaults.items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(default),
                            default=type(default)(os.environ.get(name, default)), help=f"default {default}")
    return parser.parse_args()


def load_set(prefix=""):
    """The images, one row of pixels each, and their labels; prefix `test_` names the test set."""
    images = np.load(INPUT / f"{prefix}data.npy").astype(np.float64)
    return images.reshape(len(images), -1), np.load(INPUT / f"{prefix}labels.npy")


def write_json(name, content):
    (OUTPUT / name).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


def write_evaluation(evaluator, metrics, parameters):
    """The result file every evaluator leaves."""
    metrics = {name: round(float(value), 6) for name, value in metrics.items()}
    write_json("evaluation_results.json", {"success": True, "skipped": False, "skip_reason": None, "metrics": metrics,
                                           "parameters": parameters, "evaluator": evaluator})
    print(", ".join(f"{name} {value:.4f}" for name, value in metrics.items()))


# --- The network ----------------------------------------------------------------------------------

class Network:
    """One hidden layer of rectified units and a softmax. `parts` holds w1, b1, w2, b2."""

    def __init__(self, parts):
        self.parts = parts

    @classmethod
    def fresh(cls, inputs, hidden, seed):
        rng = np.random.default_rng(seed)
        return cls({"w1": rng.normal(0, np.sqrt(2 / inputs), (inputs, hidden)), "b1": np.zeros(hidden),
                    "w2": rng.normal(0, np.sqrt(1 / hidden), (hidden, CLASSES)), "b2": np.zeros(CLASSES)})

    @classmethod
    def load(cls, path=None):
        with np.load(path or INPUT / "model.npz") as parts:
            return cls({name: parts[name] for name in ("w1", "b1", "w2", "b2")})

    def save(self, path=None):
        np.savez(path or OUTPUT / "model.npz", **self.parts)

    def features(self, x):
        """What the hidden units answer to each image."""
        return np.maximum(x @ self.parts["w1"] + self.parts["b1"], 0)

    def predict_proba(self, x):
        return softmax(self.features(x) @ self.parts["w2"] + self.parts["b2"])

    def gradients(self, x, y):
        """The gradients of the cross-entropy loss: of its mean for the parts, of each image's own for its pixels."""
        hidden = self.features(x)
        error = softmax(hidden @ self.parts["w2"] + self.parts["b2"])
        error[np.arange(len(y)), y] -= 1
        back = (error @ self.parts["w2"].T) * (hidden > 0)
        count = len(y)
        parts = {"w1": x.T @ back / count, "b1": back.mean(0), "w2": hidden.T @ error / count, "b2": error.mean(0)}
        return parts, back @ self.parts["w1"].T


def softmax(logits):
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def fgsm(network, x, y, epsilon, seen=None):
    """Fast gradient sign method (Goodfellow, Shlens and Szegedy 2015): each pixel moves by `epsilon` in the direction
    that raises the loss. `seen` is what the network sees in place of x, if that differs."""
    slope = network.gradients(x if seen is None else seen, y)[1]
    return np.clip(x + epsilon * np.sign(slope), 0, 1)


def train(network, x, y, epochs, seed, batch_hook=None, rate=0.002, batch=32):
    """Train in place with Adam (Kingma and Ba 2015). `batch_hook(network, x, y)` may replace a batch before its use."""
    rng = np.random.default_rng(seed)
    mean = {name: np.zeros_like(part) for name, part in network.parts.items()}
    square = {name: np.zeros_like(part) for name, part in network.parts.items()}
    step = 0
    for _ in range(epochs):
        order = rng.permutation(len(y))
        for start in range(0, len(y), batch):
            chosen = order[start:start + batch]
            x_batch, y_batch = x[chosen], y[chosen]
            if batch_hook:
                x_batch, y_batch = batch_hook(network, x_batch, y_batch)
            step += 1
            for name, gradient in network.gradients(x_batch, y_batch)[0].items():
                mean[name] += 0.1 * (gradient - mean[name])
                square[name] += 0.001 * (gradient ** 2 - square[name])
                adjusted = (mean[name] / (1 - 0.9 ** step)) / (np.sqrt(square[name] / (1 - 0.999 ** step)) + 1e-8)
                network.parts[name] -= rate * adjusted


# --- The deployed model ---------------------------------------------------------------------------

def squeeze(x, bits):
    """Keep 2^bits levels per pixel. Squeezing twice changes nothing more."""
    steps = 2 ** bits - 1
    return np.round(x * steps) / steps


class DeployedModel:
    """The network with everything that stands around it in this combination of tools, in the order a query meets it:
    squeezing, the detector, the network, the noise. Evaluators ask this and never the bare network."""

    def __init__(self):
        self.network = Network.load()
        self.squeezer = self._settings("preprocess.json")
        self.noise = self._settings("deployment.json")
        self.detector = dict(np.load(INPUT / "detector.npz")) if (INPUT / "detector.npz").exists() else None
        self.rng = np.random.default_rng(self.noise["seed"] if self.noise else 0)

    @staticmethod
    def _settings(name):
        path = INPUT / name
        return json.loads(path.read_text()) if path.exists() else None

    def query(self, x):
        """The scores of each class, and whether the query was answered; a refused query has no scores (zeros)."""
        if self.squeezer:
            x = squeeze(x, self.squeezer["bits"])
        answered = np.ones(len(x), bool)
        if self.detector:
            answered = distances(self.network, x, self.detector) <= self.detector["threshold"]
        scores = self.network.predict_proba(x)
        if self.noise:
            scores += self.rng.laplace(0, self.noise["scale"], scores.shape)
        return scores * answered[:, None], answered

    def attack(self, x, y, epsilon):
        """FGSM by an attacker who knows the network. Squeezing has no useful gradient, so it counts as the identity on
        the way back (Athalye, Carlini and Wagner 2018)."""
        return fgsm(self.network, x, y, epsilon, squeeze(x, self.squeezer["bits"]) if self.squeezer else None)


def distances(network, x, detector):
    """The squared Mahalanobis distance of each image's features to the nearest class mean; `whitening` turns it into a
    Euclidean one, and `means` are whitened already."""
    features = network.features(x) @ detector["whitening"]
    squares = (features ** 2).sum(1)[:, None] + (detector["means"] ** 2).sum(1) - 2 * features @ detector["means"].T
    return squares.min(1)
