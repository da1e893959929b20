"""Does predicting labels set aside choose accurate models? python benchmarks/held_out.py [FOLDER].

FOLDER holds one folder per data set with annotations.csv (task, worker, label) and truth.csv
(task, label); by default ``$AGGREGATE_TEST_DATA`` or ``../shared/data``. Every model but the
slowest is fitted to each set, judged by the log probability of labels set aside (five folds) and
by the truth. The correlation is Spearman's, over the models.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from aggregate import Annotations, compare, read_annotations, read_gold
from aggregate.models import model_names

SETS = ("bluebird", "rte", "dog", "web", "face_sentiment", "product", "sentiment_polarity",
        "music_genre")  # fmt: skip
SLOW = {"tensor", "coupled-nmf", "symmetric-nmf", "ebcc", "cbcc"}
ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Print the table."""
    default = os.environ.get("AGGREGATE_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else default)
    names = [name for name in model_names() if name not in SLOW]
    print(f"{len(names)} models; percent correct\n")
    heads = ("correlation", "vote", "chosen", "median", "best")
    print(f"{'':20}" + "".join(f"{head:>12}" for head in heads) + "   chosen by prediction")
    figures = []
    for name in SETS:
        row, chosen = measure(folder / name, names)
        figures.append(row)
        print(f"{name:20}" + "".join(f"{value:12.2f}" for value in row) + f"   {chosen}")
    means = "".join(f"{value:12.2f}" for value in np.mean(figures, axis=0))
    print(f"{'mean':20}{means}")


def measure(folder: Path, names: list[str]) -> tuple[list[float], str]:
    """Return the correlation, four accuracies and the model chosen."""
    votes, truth = load(folder)
    found = compare(votes, names, truth, n_folds=5)
    rows = [row for row in found.rows if row.held_out is not None]
    correct = np.array([100 * (row.accuracy or 0) for row in rows])
    held_out = np.array([row.held_out or 0 for row in rows])
    best = int(held_out.argmax())
    correlation = float(spearmanr(held_out, correct).statistic)
    return [correlation, correct[0], correct[best], float(np.median(correct)), correct.max()], (
        rows[best].model
    )


def load(folder: Path) -> tuple[Annotations, dict[object, object]]:
    """Return votes and the truth of the items that have votes."""
    votes = read_annotations(folder / "annotations.csv")
    items, labels = read_gold(folder / "truth.csv")[:2]
    present = set(votes.items.tolist())
    pairs = zip(items.tolist(), labels.tolist(), strict=True)
    return votes, {item: label for item, label in pairs if item in present}


if __name__ == "__main__":
    main()
