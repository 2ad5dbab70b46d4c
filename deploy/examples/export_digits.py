#!/usr/bin/python3
"""Write the handwritten digits that scikit-learn ships as a Landseer data set: export_digits.py OUT_DIR

The 1797 images of 8x8 pixels come from "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998). Pixels
are scaled to [0, 1]. The split is stratified and always the same. Only 200 images are for training, on purpose: a
network can learn them by heart, so attacks on privacy have something to find. Needs python3-sklearn; the tools do not.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

TRAINING_IMAGES = 200
SEED = 7


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__.strip())
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    digits = load_digits()
    images = (digits.images / digits.images.max()).astype(np.float32)
    labels = digits.target.astype(np.int64)
    data, test_data, data_labels, test_labels = train_test_split(
        images, labels, train_size=TRAINING_IMAGES, stratify=labels, random_state=SEED)
    np.save(folder / "data.npy", data)
    np.save(folder / "labels.npy", data_labels)
    np.save(folder / "test_data.npy", test_data)
    np.save(folder / "test_labels.npy", test_labels)
    print(f"{folder}: {len(data)} training and {len(test_data)} test images of 8x8 pixels")


if __name__ == "__main__":
    main()
