"""Print our accuracies beside the published ones: python benchmarks/published_numbers.py [FOLDER].

FOLDER holds one folder per data set with annotations.csv (task, worker, label) and truth.csv
(task, label); by default ``$AGGREGATE_TEST_DATA`` or ``../shared/data``. Percent correct among
the items with truth; a tie earns its fair share.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from aggregate import (
    Annotations,
    DawidSkene,
    IterativeWeightedVote,
    MajorityVote,
    Wawa,
    read_annotations,
    read_gold,
)
from aggregate.metrics import accuracy, expected_calibration_error, log_loss
from aggregate.models._gold import gold_codes

# Majority vote: the data's own README. Dawid-Skene, ten iterations: Zhang, Chen, Zhou and Jordan
# (JMLR 17(102), 2016) and Ibrahim, Fu, Kargas and Huang (NeurIPS 2019), 100 minus their errors.
PUBLISHED_VOTE = {
    "bluebird": 75.93, "rte": 89.69, "dog": 82.22, "web": 73.07, "face_sentiment": 63.67,
    "product": 89.66, "sentiment_polarity": 88.59, "music_genre": 70.42,
}  # fmt: skip
PUBLISHED_TEN = {"bluebird": 88.89, "rte": 92.75, "dog": 84.14, "web": 83.98}

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Print every table."""
    default = os.environ.get("AGGREGATE_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else default)
    accuracy_table(folder)
    calibration_table(folder)
    pass_table(folder)
    anesthesia(folder)


def accuracy_table(folder: Path) -> None:
    """Print percent correct of every model on every set."""
    models = {
        "vote": MajorityVote(),
        "Wawa": Wawa(),
        "IWV": IterativeWeightedVote(),
        "DS 10 its": ten_iterations(),
        "DS ML": DawidSkene(prior_strength=0),
        "DS": DawidSkene(),
    }
    print("Percent correct (published in brackets)\n")
    print(f"{'':20}" + "".join(f"{name:>18}" for name in models))
    for name in PUBLISHED_VOTE:
        votes, truth = load(folder / name)
        cells = []
        for label, model in models.items():
            published = {"vote": PUBLISHED_VOTE, "DS 10 its": PUBLISHED_TEN}.get(label, {})
            value = 100 * accuracy(fit(model, votes).probas_, truth)
            known = f"({published[name]:.2f})" if name in published else ""
            cells.append(f"{value:8.2f} {known:>9}")
        print(f"{name:20}" + "".join(cells))


def calibration_table(folder: Path) -> None:
    """Print what the design effect does to log loss and calibration error."""
    print("\nLog loss and expected calibration error of DawidSkene by annotator_correlation\n")
    header = "".join(f"{f'rho = {rho}':>18}" for rho in (0.0, 0.4))
    print(f"{'':20}{header}{'vote':>18}")
    for name in PUBLISHED_VOTE:
        votes, truth = load(folder / name)
        models = [DawidSkene(annotator_correlation=rho) for rho in (0.0, 0.4)]
        cells = []
        for model in (*models, MajorityVote()):
            soft = fit(model, votes).probas_
            figures = log_loss(soft, truth), expected_calibration_error(soft, truth)
            cells.append("   {:7.3f} {:7.3f}".format(*figures))
        print(f"{name:20}" + "".join(cells))


def pass_table(folder: Path) -> None:
    """Print the passes that plain EM and SQUAREM need to the same optimum."""
    print("\nPasses until the objective stands still (tol=1e-15), and the objective reached\n")
    for name in ("web", "product", "music_genre", "dog"):
        votes, _ = load(folder / name)
        n_classes = votes.n_classes
        weak = {"prior_strength": 0.1 * n_classes, "prior_accuracy": 1 / n_classes}
        for word, options in (("default prior", {}), ("0.1 per cell", weak)):
            cells = []
            for accelerate in (False, True):
                model = DawidSkene(accelerate=accelerate, tol=1e-15, max_iter=5000, **options)
                model.fit(votes)
                kind = "SQUAREM" if accelerate else "plain"
                cells.append(f"{kind} {model.n_iter_:5d} {model.objective_path_[-1]:16.6f}")
            print(f"{name:20}{word:16}" + "   ".join(cells))


def anesthesia(folder: Path) -> None:
    """Print the maximum likelihood fit of the 1979 table."""
    votes = read_annotations(folder / "anesthesia" / "annotations.csv")
    model = DawidSkene(prior_strength=0, tol=1e-13, max_iter=5000).fit(votes)
    print("\nanesthesia, maximum likelihood: log likelihood", f"{model.log_likelihood_:.4f}")
    print("class prior", model.class_prior_.round(4).tolist())


def ten_iterations() -> DawidSkene:
    """Return the convention of the published tables: ten plain iterations, uniform prior."""
    return DawidSkene(prior_strength=0, class_prior="uniform", max_iter=10, tol=0, accelerate=False)


def fit(model: Any, votes: Annotations) -> Any:
    """Fit, whether or not the optimum is reached in the default number of passes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(votes)


def load(folder: Path) -> tuple[Annotations, Any]:
    """Return the votes and the class code of each item, -1 where the truth is unknown."""
    votes = read_annotations(folder / "annotations.csv")
    items, labels = read_gold(folder / "truth.csv")[:2]
    present = set(votes.items.tolist())
    pairs = zip(items.tolist(), labels.tolist(), strict=True)
    truth = {item: label for item, label in pairs if item in present}
    return votes, gold_codes(truth, votes)


if __name__ == "__main__":
    main()
