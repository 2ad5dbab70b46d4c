"""Refuse queries that do not look like the training data (Lee, Lee, Lee and Shin 2018, "A Simple Unified Framework for
Detecting Out-of-Distribution Samples and Adversarial Attacks").

A query's score is the Mahalanobis distance of its hidden features to the nearest class mean, with one covariance for
all classes, shrunk towards a multiple of the identity because there are more features than the few images can tell. The
threshold lets `quantile` of the training images pass; the deployed model refuses what lies beyond (detector.npz).
"""

import numpy as np

import config_model


def main():
    options = config_model.options(__doc__, quantile=0.95, shrinkage=0.9)
    images, labels = config_model.load_set()
    network = config_model.Network.load()
    features = network.features(images)
    means = np.stack([features[labels == label].mean(0) for label in range(config_model.CLASSES)])
    offsets = features - means[labels]
    covariance = offsets.T @ offsets / len(labels)
    target = np.eye(len(covariance)) * np.trace(covariance) / len(covariance)
    shrunk = (1 - options.shrinkage) * covariance + options.shrinkage * target
    whitening = np.linalg.cholesky(np.linalg.inv(shrunk))
    detector = {"whitening": whitening, "means": means @ whitening}
    detector["threshold"] = np.quantile(config_model.distances(network, images, detector), options.quantile)
    np.savez(config_model.OUTPUT / "detector.npz", **detector)
    print(f"refuses queries beyond a squared distance of {detector['threshold']:.2f}")


main()
