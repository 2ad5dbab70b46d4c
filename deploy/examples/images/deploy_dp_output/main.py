"""Differentially private answers: Laplace noise on the scores.

The mechanism is from Dwork, McSherry, Nissim and Smith 2006, "Calibrating Noise to Sensitivity in Private Data
Analysis"; for predictions see Dwork and Feldman 2018, "Privacy-preserving Prediction". An answer is a vector of
probabilities, and two such vectors differ by at most 2 in the L1 norm, whatever the training set. Laplace noise of
scale 2 / epsilon on each score therefore makes the scores of one answer epsilon-differentially private (a refusal by a
detector is not covered). deployment.json tells the deployed model to add the noise; the winner is chosen after it.
"""

import config_model

SENSITIVITY = 2.0


def main():
    options = config_model.options(__doc__, epsilon=10.0, seed=4)
    config_model.write_json("deployment.json", {"mechanism": "laplace", "epsilon": options.epsilon,
                                                "scale": SENSITIVITY / options.epsilon, "seed": options.seed})
    print(f"each answer is {options.epsilon:g}-differentially private")


main()
