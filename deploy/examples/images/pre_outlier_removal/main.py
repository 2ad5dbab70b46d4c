"""Drop the training images that lie farthest from the others of their class.

An image's score is its distance to its k-th nearest neighbour of the same label (Ramaswamy, Rastogi and Shim 2000,
"Efficient algorithms for mining outliers from large data sets"), divided by its class's median so that classes compare.
The worst `fraction` of all images goes: mislabelled, poisoned and badly written ones look alike to this tool.
"""

import numpy as np

import config_model


def scores(images, labels, neighbours):
    result = np.zeros(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        offsets = images[members][:, None, :] - images[members][None]
        nearest = np.sort(np.sqrt((offsets ** 2).sum(2)), axis=1)  # column 0 is the image itself
        kth = nearest[:, min(neighbours, len(members) - 1)]
        result[members] = kth / max(np.median(kth), 1e-12)
    return result


def main():
    options = config_model.options(__doc__, fraction=0.1, neighbours=3)
    images, labels = config_model.load_set()
    worst_first = np.argsort(-scores(images, labels, options.neighbours), kind="stable")
    kept = np.sort(worst_first[int(options.fraction * len(labels)):])
    np.save(config_model.OUTPUT / "data.npy", np.load(config_model.INPUT / "data.npy")[kept])
    np.save(config_model.OUTPUT / "labels.npy", labels[kept])
    print(f"kept {len(kept)} of {len(labels)} training images")


main()
