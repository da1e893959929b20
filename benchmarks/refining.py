"""Labels refined and mistakes found with a classifier: python benchmarks/refining.py [FOLDER].

1. Planted mistakes: a tenth of the labels of three sets built into scikit-learn is changed at
   random; `find_label_issues` looks for them. Mean over five seeds.
2. Crowds with features (machine annotators of those sets, five seeds; Music Genre): wrong labels of
   the majority and wrong single votes, found or not.
3. The same crowds: soft labels of the training items by vote, aggregator, CROWDLAB's average and
   the posterior that takes the classifier for a prior; how many of the mistakes stand in the first
   fifth of the queue for labelling again.
4. Refiners: accuracy on training labels and on test items ("post.": consensus="posterior").

FOLDER holds the data sets; by default ``$AGGREGATE_TEST_DATA`` or ``../shared/data``. The
classifier is logistic regression (C = 0.1) on standardised features; nothing is tuned to the truth.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from aggregate import (
    Annotations,
    Auto,
    CollaborativeRefiner,
    CrowdClassifier,
    CrowdLabRefiner,
    HierarchicalDawidSkene,
    MajorityVote,
    find_label_issues,
    read_annotations,
    read_gold,
)
from aggregate.learning import (
    load_machine_crowd,
    out_of_fold_probas,
    posterior_with_classifier,
    relabel_queue,
)

ROOT = Path(__file__).resolve().parents[1]
SETS = {"digits": load_digits, "breast_cancer": load_breast_cancer, "wine": load_wine}
METHODS = ("both", "noise_rate", "class", "confident")


class Crowd(NamedTuple):
    """Features, votes, codes of the truth; test items where there are any."""

    X: Any
    votes: Annotations
    truth: Any
    X_test: Any
    y_test: Any


def main() -> None:
    """Print the tables."""
    default = os.environ.get("AGGREGATE_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else default) / "music_genre"
    warnings.simplefilter("ignore", ConvergenceWarning)
    planted()
    crowds = {name: [machines(name, seed) for seed in range(5)] for name in SETS}
    crowds["music_genre"] = [songs(folder)]
    found(crowds)
    soft_labels(crowds)
    refiners(crowds)


def classifier() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))


def planted() -> None:
    print("A tenth of the labels changed: precision and recall of those called wrong, percent\n")
    print(f"{'':14} {'estimated':>9}  " + "  ".join(f"{name:>11}" for name in METHODS))
    for name, load in SETS.items():
        X, truth = load(return_X_y=True)
        n_classes, cells, rates = truth.max() + 1, [], []
        for seed in range(5):
            rng = np.random.default_rng(seed)
            wrong = rng.random(len(truth)) < 0.1
            other = (truth + rng.integers(1, n_classes, len(truth))) % n_classes
            labels = np.where(wrong, other, truth)
            probas = out_of_fold_probas(classifier(), X, np.eye(n_classes)[labels])
            results = [find_label_issues(probas, labels, method=m).items for m in METHODS]
            cells.append([rates_of(result.is_issue, wrong) for result in results])
            rates.append(results[0].noise_rate)
        print(f"{name:14} {np.mean(rates):9.1%}  " + pairs_of(np.mean(cells, axis=0)))


def machines(name: str, seed: int) -> Crowd:
    crowd = load_machine_crowd(name, random_state=seed)
    classes = crowd.annotations.classes
    truth, test = (np.searchsorted(classes, y) for y in (crowd.truth, crowd.y_test))
    return Crowd(crowd.X, crowd.annotations, truth, crowd.X_test, test)


def songs(folder: Path) -> Crowd:
    votes = read_annotations(folder / "annotations.csv")
    gold = dict(zip(*read_gold(folder / "truth.csv"), strict=True))
    train, test = (pd.read_csv(folder / f"features_{part}.csv") for part in ("train", "test"))
    train = train.set_index("task").loc[votes.items]
    columns = [c for c in train.columns if c.startswith("feature")]
    (label,) = (c for c in test.columns if c != "task" and c not in columns)
    truth = np.searchsorted(votes.classes, [gold[item] for item in votes.items.tolist()])
    y_test = np.searchsorted(votes.classes, test[label].to_numpy().astype(votes.classes.dtype))
    return Crowd(train[columns].to_numpy(), votes, truth, test[columns].to_numpy(), y_test)


def found(crowds: dict[str, list[Crowd]]) -> None:
    print("\n\nCrowds: precision and recall of what is called wrong, percent\n")
    print(f"{'':14} {'majorities':>20} {'':>12} {'votes':>20}")
    heads = f"{'wrong':>6} {'est.':>5} {'found':>9}"
    print(f"{'':14} {heads} {'':>10} {heads}")
    for name, several in crowds.items():
        rows = []
        for crowd in several:
            issues = find_label_issues(classifier(), crowd.votes, X=crowd.X)
            names, votes = crowd.votes.classes, crowd.votes
            wrong = issues.items.given != names[crowd.truth]
            single = votes.label != crowd.truth[votes.item]
            rows.append(
                [wrong.mean(), issues.items.noise_rate, *rates_of(issues.items.is_issue, wrong),
                 single.mean(), issues.votes.noise_rate, *rates_of(issues.votes.is_issue, single)]
            )  # fmt: skip
        mean = 100 * np.nanmean(rows, axis=0)  # a precision may have nothing to stand on
        parts = [
            f"{part[0]:6.1f} {part[1]:5.1f} {part[2]:4.0f} {part[3]:4.0f}"
            for part in (mean[:4], mean[4:])
        ]
        print(f"{name:14} {parts[0]} {'':>10} {parts[1]}")


def soft_labels(crowds: dict[str, list[Crowd]]) -> None:
    print(
        "\n\nSoft labels of the training items: percent right, log loss, calibration error (ECE),"
    )
    print("and the share of the mistakes in the first fifth of the queue (least confident first)\n")
    for name, several in crowds.items():
        table: dict[str, list[list[float]]] = {}
        for crowd in several:
            model = CrowdLabRefiner(classifier()).fit(crowd.X, crowd.votes)
            kinds = {
                "vote": MajorityVote().fit(crowd.votes).probas_,
                "hierarchical": HierarchicalDawidSkene().fit(crowd.votes).probas_,
                "Auto": Auto().fit(crowd.votes).probas_,
                "classifier alone": model.classifier_probas_,
                "CROWDLAB average": model.probas_,
                "posterior with classifier": posterior_with_classifier(model, crowd.votes),
            }
            for kind, soft in kinds.items():
                table.setdefault(kind, []).append(quality(soft, crowd.truth))
            for kind, method in (("  queue, activelab", "activelab"), ("  queue", "posterior")):
                queue = relabel_queue(model, crowd.votes, method=method)
                place = {item: i for i, item in enumerate(crowd.votes.items.tolist())}
                rows = [place[item] for item in queue.items.tolist()]
                wrong = queue.labels != crowd.votes.classes[crowd.truth[rows]]
                share = wrong[: len(wrong) // 5].sum() / wrong.sum()
                table.setdefault(kind, []).append([np.nan, np.nan, np.nan, share])
        print(name)
        for kind, rows in table.items():
            right, loss, ece, share = np.mean(rows, axis=0)
            start = f"{right:6.1%} {loss:6.3f} {ece:6.3f}" if np.isfinite(right) else " " * 20
            print(f"  {kind:26} {start} {share:6.0%}")


def refiners(crowds: dict[str, list[Crowd]]) -> None:
    print("\n\nClassifiers: percent of the training labels right, of the test items right\n")
    methods = {
        "vote, soft": lambda: CrowdClassifier(classifier(), MajorityVote()),
        "hierarchical, soft": lambda: CrowdClassifier(classifier(), HierarchicalDawidSkene()),
        "CrowdLabRefiner": lambda: CrowdLabRefiner(classifier()),
        "CrowdLabRefiner, hard": lambda: CrowdLabRefiner(classifier(), strategy="hard"),
        "CrowdLabRefiner, post.": lambda: CrowdLabRefiner(classifier(), consensus="posterior"),
        "CollaborativeRefiner": lambda: CollaborativeRefiner(classifier()),
    }
    print(f"{'':24}" + "".join(f"{name:>16}" for name in crowds))
    for kind, make in methods.items():
        cells = []
        for several in crowds.values():
            rows = []
            for crowd in several:
                model = make().fit(crowd.X, crowd.votes)
                names = model.classes_
                rows.append(
                    [(model.labels_ == names[crowd.truth]).mean(),
                     (model.predict(crowd.X_test) == names[crowd.y_test]).mean()]
                )  # fmt: skip
            mean = 100 * np.mean(rows, axis=0)
            cells.append(f"{mean[0]:10.1f} {mean[1]:5.1f}")
        print(f"{kind:24}" + "".join(cells))


def rates_of(called: Any, wrong: Any) -> tuple[float, float]:
    """Return precision and recall."""
    return wrong[called].mean() if called.any() else np.nan, called[wrong].mean()


def pairs_of(cells: Any) -> str:
    return "  ".join(f"{100 * a:6.0f} {100 * b:4.0f}" for a, b in cells)


def quality(soft: Any, truth: Any) -> list[float]:
    """Return accuracy, log loss, ECE of ten bins, share of mistakes in the least sure fifth."""
    own = soft[np.arange(len(truth)), truth]
    sure, right = soft.max(axis=1), soft.argmax(axis=1) == truth
    bins = np.minimum((sure * 10).astype(int), 9)
    ece = sum(abs((sure - right)[bins == b].sum()) for b in range(10)) / len(truth)
    first = np.argsort(sure, kind="stable")[: len(truth) // 5]
    share = (~right[first]).sum() / max((~right).sum(), 1)
    return [right.mean(), -np.log(np.maximum(own, 1e-6)).mean(), ece, share]


if __name__ == "__main__":
    main()
