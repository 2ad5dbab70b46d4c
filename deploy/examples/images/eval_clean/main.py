"""How often the deployed model is right on images nobody tampered with.

clean_accuracy is measured on the test set, clean_train_accuracy on the training set as the tools left it. A refused
query counts as wrong: the user went away without an answer.
"""

import config_model


def accuracy(model, images, labels):
    scores, answered = model.query(images)
    return (answered & (scores.argmax(1) == labels)).mean()


def main():
    config_model.options(__doc__)
    model = config_model.DeployedModel()
    config_model.write_evaluation("clean", {"clean_accuracy": accuracy(model, *config_model.load_set("test_")),
                                            "clean_train_accuracy": accuracy(model, *config_model.load_set())}, {})


main()
