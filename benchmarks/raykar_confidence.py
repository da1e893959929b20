"""How sure soft labels of votes and a classifier may be: raykar_confidence.py [FOLDER].

On music genre and on machine annotators of digits (2, 4 and 8 votes per item, three crowds each):
percent of the labelled rows right and log loss against the truth, of `DawidSkene` and of
`RaykarClassifier` (C chosen). The classifier's probabilities are those of the fit (``in``) or of
fits to the other folds (``out``). ``plain`` multiplies votes and classifier as if they were
independent. The others divide the log posterior of a row with r votes by 1 + (r - 1)ρ: of the votes
alone (``votes``), of votes and classifier (``both``), or counting the classifier as one more
annotator, by 1 + rρ (``voice``); ``out voice`` is what ``probas_`` holds. ρ is 0.4, the default.
``test`` is percent right and log loss of the classifier on further rows.

FOLDER holds the data sets; by default ``$AGGREGATE_TEST_DATA`` or ``../shared/data``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from aggregate import Annotations, DawidSkene, RaykarClassifier, read_annotations, read_gold
from aggregate.fusion import log_joint
from aggregate.learning import load_machine_crowd

Float = NDArray[np.float64]

ROOT = Path(__file__).resolve().parents[1]
RHO = 0.4
HEADS = ("votes only", "out voice", "out votes", "out both", "out plain", "in voice", "in plain")


class Data(NamedTuple):
    """Rows with votes and truth, and rows for tests."""

    X: Float
    votes: Annotations
    truth: NDArray[np.int64]
    X_test: Float
    y_test: NDArray[np.int64]


def main() -> None:
    """Print the table."""
    default = os.environ.get("AGGREGATE_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else default)
    print("log loss of the soft labels, and below it percent right\n")
    print(f"{'':12}{'C':>6}" + "".join(f"{head:>11}" for head in (*HEADS, "test")))
    show("music genre", [music(folder / "music_genre")])
    for per_item in (2, 4, 8):
        show(f"digits, {per_item}", [digits(per_item, seed) for seed in range(3)])


def music(folder: Path) -> Data:
    """Return the songs."""
    votes = read_annotations(folder / "annotations.csv")
    train = pd.read_csv(folder / "features_train.csv", index_col="task").loc[list(votes.items)]
    test = pd.read_csv(folder / "features_test.csv", index_col="task")
    gold = dict(zip(*read_gold(folder / "truth.csv")[:2], strict=True))
    code = {name: k for k, name in enumerate(votes.classes.tolist())}
    features = [name for name in train if name.startswith("feature")]
    truth = np.array([code[gold[item]] for item in votes.items.tolist()])
    (column,) = [name for name in test if name not in features]
    y_test = np.array([code[name] for name in test[column]])
    return Data(train[features].to_numpy(), votes, truth, test[features].to_numpy(), y_test)


def digits(per_item: int, seed: int) -> Data:
    """Return digits that machines have labelled."""
    crowd = load_machine_crowd("digits", labels_per_item=per_item, random_state=seed)
    return Data(crowd.X, crowd.annotations, crowd.truth, crowd.X_test, crowd.y_test)


def show(name: str, sets: list[Data]) -> None:
    """Print two rows of the table: means over sets."""
    found = [judge(data) for data in sets]
    losses, rights = np.mean(found, axis=0)[:, 1:]
    C = np.median([table[0, 0] for table in found])
    print(f"{name:12}{C:6.2g}" + "".join(f"{loss:11.3f}" for loss in losses))
    print(" " * 18 + "".join(f"{right:11.1f}" for right in rights), flush=True)


def judge(data: Data) -> Float:
    """Return C, log losses and percents right of one set, shape (2, 1 + number of columns)."""
    votes = DawidSkene().fit(data.votes)
    out = RaykarClassifier(annotator_correlation=0).fit(data.X, data.votes)
    C = out.C_
    said = log_joint(data.votes, out.confusion_)
    from_others = log_softmax(np.log(out.probas_) - said, axis=1)
    of_the_fit = np.log(out.predict_proba(data.X))
    r = data.votes.labels_per_item[:, np.newaxis]
    few, many = 1 + (r - 1) * RHO, 1 + r * RHO
    soft = [
        votes.probas_,
        softmax((said + from_others) / many, axis=1),
        softmax(said / few + from_others, axis=1),
        softmax((said + from_others) / few, axis=1),
        softmax(said + from_others, axis=1),
        softmax((said + of_the_fit) / many, axis=1),
        softmax(said + of_the_fit, axis=1),
    ]
    pairs = [score(probas, data.truth) for probas in soft]
    pairs.append(score(out.predict_proba(data.X_test), data.y_test))
    return np.column_stack([[C, C], np.array(pairs).T])


def score(probas: Float, truth: NDArray[np.int64]) -> tuple[float, float]:
    """Return log loss and percent right."""
    chance = np.maximum(probas[np.arange(len(truth)), truth], 1e-12)
    return -float(np.log(chance).mean()), 100 * float((probas.argmax(axis=1) == truth).mean())


if __name__ == "__main__":
    main()
