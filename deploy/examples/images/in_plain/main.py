"""Train the network in the usual way, with no defence: the baseline of the training stage.

Stochastic gradient descent with Adam (Kingma and Ba 2015, "Adam: A Method for Stochastic Optimization") and far more
epochs than needed: the network ends up knowing its training images by heart, as real ones often do.
"""

import config_model


def main():
    options = config_model.options(__doc__, epochs=300, hidden=128, seed=1)
    images, labels = config_model.load_set()
    network = config_model.Network.fresh(images.shape[1], options.hidden, options.seed)
    config_model.train(network, images, labels, options.epochs, options.seed)
    network.save()
    correct = (network.predict_proba(images).argmax(1) == labels).mean()
    print(f"trained {options.epochs} epochs on {len(labels)} images, {correct:.1%} of them right")


main()
