"""Ten classifiers on hard and soft labels of the same votes: soft_strategies.py [CROWDS].

Votes are those of twenty machines trained on thirty digits each (`load_machine_crowd`), three per
image, 898 images of 10 digits; 300 further images judge. Percent right, the mean over CROWDS
(by default 5) different splits and crowds. *vote, one* gives each image one label, the commoner
of those that tie; with *hard*, labels that tie share the row. *soft over hard* is the difference
for Dawid-Skene with its standard error over crowds, *way* how the classifier was told soft
labels. Penalties are fixed at usual values, the same for hard and soft labels.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from aggregate import CrowdClassifier, DawidSkene, MajorityVote
from aggregate.learning import MachineCrowd, load_machine_crowd

ESTIMATORS: dict[str, Any] = {
    "logistic regression": LogisticRegression(C=0.05, max_iter=500),
    "SGD, log loss": SGDClassifier(loss="log_loss", alpha=0.02),
    "MLP, 50 units": MLPClassifier((50,), alpha=1.0, max_iter=60),
    "random forest": RandomForestClassifier(50),
    "forest of targets": RandomForestRegressor(50, max_features="sqrt"),
    "gradient boosting": HistGradientBoostingClassifier(max_iter=10, max_leaf_nodes=8),
    "5 neighbours": KNeighborsClassifier(5),
    "SVC": SVC(),
    "LDA": LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    "naive Bayes": GaussianNB(var_smoothing=1e-2),
}
COLUMNS = ("truth", "vote, one", "vote, hard", "vote, soft", "DS, hard", "DS, soft", "DS, draws")


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    n_crowds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    crowds = [load_machine_crowd(labels_per_item=3, random_state=s) for s in range(n_crowds)]
    head = "".join(f"{name:>12}" for name in COLUMNS)
    print(f"{'':20}{head}{'soft over hard':>18}  way")
    for name, estimator in ESTIMATORS.items():
        figures, ways = zip(
            *(judge(estimator, crowd, s) for s, crowd in enumerate(crowds)), strict=True
        )
        right = np.array(figures)
        gain = right[:, 5] - right[:, 4]
        error = gain.std(ddof=1) / np.sqrt(len(gain))
        text = "".join(f"{value:12.1f}" for value in right.mean(axis=0))
        print(f"{name:20}{text}{gain.mean():+11.1f} ± {error:3.1f}   {ways[0]}", flush=True)


def judge(estimator: Any, crowd: MachineCrowd, seed: int) -> tuple[list[float], str]:
    """Return percent right for each column, and how soft labels were told."""
    scaled = make_pipeline(StandardScaler(), estimator)
    vote, skilled = MajorityVote(), DawidSkene()
    settings = [(vote, "hard"), (vote, "soft"), (skilled, "hard"), (skilled, "soft"),
                (skilled, "sample")]  # fmt: skip
    one = MajorityVote().fit(crowd.annotations).labels_
    models = [
        CrowdClassifier(scaled, random_state=seed).fit(crowd.X, labels)
        for labels in (crowd.truth, one)
    ]
    models += [
        CrowdClassifier(scaled, model, strategy=way, n_samples=5, random_state=seed).fit(
            crowd.X, crowd.annotations
        )
        for model, way in settings
    ]
    return [100 * model.score(crowd.X_test, crowd.y_test) for model in models], models[5].way_


if __name__ == "__main__":
    main()
