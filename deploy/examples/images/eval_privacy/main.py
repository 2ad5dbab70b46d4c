"""Can an attacker tell who was in the training set?

The attack is the threshold attack of Yeom, Giacomelli, Fredrikson and Jha 2018, "Privacy Risk in Machine Learning:
Analyzing the Connection to Overfitting": send an image with its known label to the deployed model, and guess "member"
when the label's score is above a threshold. mia_auc is the area under the curve over all thresholds, that is the chance
that a member scores higher than a non-member; 0.5 is guessing. A refused query counts as the lowest score. The attacker
asks once per image; `repeats` repeats the whole attack to average over the noise of the answers, if there is any.
"""

import numpy as np

import config_model


def confidence(model, images, labels, repeats):
    images, labels = np.tile(images, (repeats, 1)), np.tile(labels, repeats)
    scores, answered = model.query(images)
    return np.where(answered, scores[np.arange(len(labels)), labels], -np.inf)


def main():
    options = config_model.options(__doc__, repeats=10)
    model = config_model.DeployedModel()
    members = confidence(model, *config_model.load_set(), options.repeats)
    others = np.sort(confidence(model, *config_model.load_set("test_"), options.repeats))
    below, not_above = np.searchsorted(others, members, "left"), np.searchsorted(others, members, "right")
    auc = (below + not_above).sum() / (2 * len(members) * len(others))
    config_model.write_evaluation("privacy", {"mia_auc": auc}, {"repeats": options.repeats})


main()
