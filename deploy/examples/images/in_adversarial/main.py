"""Adversarial training (Goodfellow, Shlens and Szegedy 2015, "Explaining and Harnessing Adversarial Examples").

Each batch is joined by its own adversarial copy, made with the fast gradient sign method against the network as it is
at that moment. The network learns to answer right within `epsilon` of each training image.
"""

import numpy as np

import config_model


def main():
    options = config_model.options(__doc__, epsilon=0.2, epochs=300, hidden=128, seed=1)

    def join_attacked(network, x, y):
        return np.concatenate([x, config_model.fgsm(network, x, y, options.epsilon)]), np.concatenate([y, y])

    images, labels = config_model.load_set()
    network = config_model.Network.fresh(images.shape[1], options.hidden, options.seed)
    config_model.train(network, images, labels, options.epochs, options.seed, join_attacked)
    network.save()
    attacked = config_model.fgsm(network, images, labels, options.epsilon)
    correct = (network.predict_proba(attacked).argmax(1) == labels).mean()
    print(f"trained {options.epochs} epochs on {len(labels)} images, {correct:.1%} right under attack")


main()
