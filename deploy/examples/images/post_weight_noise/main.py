"""Gaussian noise on the weights, after output perturbation (Chaudhuri, Monteleoni and Sarwate 2011, "Differentially
Private Empirical Risk Minimization").

Each weight moves by a normal draw of `sigma` times the standard deviation of its layer, which blurs what the network
remembers of single images. The paper's guarantee is for convex losses; for this network it is a heuristic.
"""

import numpy as np

import config_model


def main():
    options = config_model.options(__doc__, sigma=0.3, seed=3)
    rng = np.random.default_rng(options.seed)
    network = config_model.Network.load()
    for name in ("w1", "w2"):
        weights = network.parts[name]
        network.parts[name] = weights + rng.normal(0, options.sigma * weights.std(), weights.shape)
    network.save()
    print(f"moved the weights by {options.sigma:g} standard deviations")


main()
