"""How often the deployed model withstands the fast gradient sign method (Goodfellow, Shlens and Szegedy 2015).

The attacker knows the network and the squeezing, but neither the detector nor the noise, and changes each pixel of a
test image by up to `epsilon`. fgsm_accuracy counts attacked images that are answered right or refused, as is usual for
detectors: in both cases the attacker did not get a wrong answer.
"""

import config_model


def main():
    options = config_model.options(__doc__, epsilon=0.15)
    model = config_model.DeployedModel()
    images, labels = config_model.load_set("test_")
    scores, answered = model.query(model.attack(images, labels, options.epsilon))
    withstood = (scores.argmax(1) == labels) | ~answered
    config_model.write_evaluation("adversarial", {"fgsm_accuracy": withstood.mean()}, {"epsilon": options.epsilon})


main()
