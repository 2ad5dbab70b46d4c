"""Squeeze the colour depth of the images (Xu, Evans and Qi 2018, "Feature Squeezing: Detecting Adversarial Examples in
Deep Neural Networks").

With few levels per pixel an attacker's small changes are mostly rounded away. The training set is squeezed here. The
test set stays as it is, because it stands for what users (and attackers) send; preprocess.json tells the deployed model
to squeeze each query in the same way.
"""

import numpy as np

import config_model


def main():
    options = config_model.options(__doc__, bits=1)
    images = np.load(config_model.INPUT / "data.npy")
    np.save(config_model.OUTPUT / "data.npy", config_model.squeeze(images, options.bits).astype(images.dtype))
    config_model.write_json("preprocess.json", {"bits": options.bits, "method": "bit_depth"})
    print(f"squeezed {len(images)} training images to {2 ** options.bits} levels per pixel")


main()
