"""Fine-pruning (Liu, Dolan-Gavitt and Garg 2018, "Fine-Pruning: Defending Against Backdooring Attacks on Deep Neural
Networks").

Hidden units that stay quiet on clean images may serve a backdoor instead: the quietest `fraction` is removed, then the
smaller network is fine-tuned for a few epochs to regain what it lost.
"""

import numpy as np

import config_model


def main():
    options = config_model.options(__doc__, fraction=0.3, epochs=10, seed=2)
    images, labels = config_model.load_set()
    network = config_model.Network.load()
    loudness = network.features(images).mean(0)
    kept = np.sort(np.argsort(loudness, kind="stable")[int(options.fraction * len(loudness)):])
    parts = network.parts
    pruned = config_model.Network({"w1": parts["w1"][:, kept], "b1": parts["b1"][kept],
                                   "w2": parts["w2"][kept], "b2": parts["b2"]})
    config_model.train(pruned, images, labels, options.epochs, options.seed)
    pruned.save()
    print(f"kept {len(kept)} of {len(loudness)} hidden units")


main()
