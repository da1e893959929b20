"""Machines' votes on built-in data: python benchmarks/learning_machines.py [SEEDS].

Twenty classifiers that learned from a few examples each (30 of the digits, 6 of the tumours and of
the wines) label a half of the data, 3 labels an item; classifiers trained on those votes are tested
on further items. Their errors are real, and shared. All use logistic regression on standardised
features with its default penalty, CCEM's family its own; the ceiling is trained on the truth. After
the accuracy: the difference to "vote, hard", and its 95 % interval over seeds (t distribution).
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
from scipy.stats import t as student
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from aggregate import (
    Auto,
    CCEMClassifier,
    CollaborativeRefiner,
    CrowdClassifier,
    CrowdLabRefiner,
    DawidSkene,
    MajorityVote,
    RaykarClassifier,
)
from aggregate.learning import load_machine_crowd

EXAMPLES = {"digits": 30, "breast_cancer": 6, "wine": 6}


def main() -> None:
    """Print the tables."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(f"percent of test items right, {seeds} seeds\n")
    for name, examples in EXAMPLES.items():
        right = np.array([measure(name, examples, seed) for seed in range(seeds)])
        print(name)
        vote = right[:, list(methods(0)).index("vote, hard")]
        for column, method in enumerate(methods(0)):
            gap = 100 * (right[:, column] - vote)
            half = student.ppf(0.975, seeds - 1) * gap.std(ddof=1) / np.sqrt(seeds)
            mean = 100 * right[:, column].mean()
            print(f"  {method:24}{mean:7.1f}{gap.mean():+7.1f} ± {half:.1f}")
        print(flush=True)


def measure(name: str, examples: int, seed: int) -> list[float]:
    """Return the accuracy of every method on the test items of one crowd."""
    crowd = load_machine_crowd(name, examples=examples, labels_per_item=3, random_state=seed)
    scaler = StandardScaler().fit(crowd.X)
    X, X_test = scaler.transform(crowd.X), scaler.transform(crowd.X_test)
    right = []
    for method, model in methods(seed).items():
        y = crowd.truth if method == "truth" else crowd.annotations
        right.append(float(model.fit(X, y).score(X_test, crowd.y_test)))
    return right


def methods(seed: int) -> dict[str, Any]:
    """Return the methods, each with the seed."""
    plain = LogisticRegression(max_iter=1000)
    return {
        "truth": plain,
        "vote, hard": CrowdClassifier(plain, MajorityVote(), strategy="hard"),
        "vote, soft": CrowdClassifier(plain, MajorityVote()),
        "Dawid-Skene, hard": CrowdClassifier(plain, DawidSkene(), strategy="hard"),
        "Dawid-Skene, soft": CrowdClassifier(plain, DawidSkene()),
        "Auto, soft": CrowdClassifier(plain, Auto()),
        "CROWDLAB": CrowdLabRefiner(plain, random_state=seed),
        "collaborative refining": CollaborativeRefiner(plain, random_state=seed),
        "Raykar": RaykarClassifier(random_state=seed),
        "CCEM": CCEMClassifier(random_state=seed),
        "GeoCrowdNet F": CCEMClassifier(regularizer="geocrowdnet-f", random_state=seed),
        "GeoCrowdNet W": CCEMClassifier(regularizer="geocrowdnet-w", random_state=seed),
    }


if __name__ == "__main__":
    main()
