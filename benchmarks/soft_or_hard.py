"""Why soft vote shares lost to the hard majority on Music Genre: soft_or_hard.py [FOLDER].

Logistic regression on 124 standardised features of 700 songs, judged by the true genres of 300
others, for several C (the penalty is the same sum over songs for hard and soft labels). Rows are
targets made from the same votes. *label* is the percent of training songs whose likeliest genre is
the true one, *mass* the mean probability of the true genre, *pop* the songs' worth of probability
that "pop" gets in training (64 of the 700 are pop). Random targets are the mean of thirty, with the
standard deviation of one at C = 0.1. *Weighed* rows count as much as their label is probable. The
standard error of a percentage over test songs is 2.8 points, of most differences between rows
about 2.

FOLDER holds the data sets; by default ``$AGGREGATE_TEST_DATA`` or ``../shared/data``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from aggregate import (
    Auto,
    CrowdClassifier,
    DawidSkene,
    HierarchicalDawidSkene,
    MajorityVote,
    read_annotations,
)

Float = NDArray[np.float64]

ROOT = Path(__file__).resolve().parents[1]
PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0)
SHOWN = 2  # which of them the standard deviation is of
DRAWS = 30


def main() -> None:
    """Print the table."""
    default = os.environ.get("AGGREGATE_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    songs = Songs(Path(sys.argv[1] if len(sys.argv) > 1 else default) / "music_genre")
    head = "".join(f"{f'C={C:g}':>9}" for C in PENALTIES)
    print(f"{'':40}{'label':>7}{'mass':>7}{'pop':>6}{head}")
    for name, make in targets(songs):
        print(f"{name:40}" + songs.row(make) if make else f"\n{name}", flush=True)


class Songs:
    """The features, the votes and the truth."""

    def __init__(self, folder: Path) -> None:
        train = pd.read_csv(folder / "features_train.csv", index_col=0)
        test = pd.read_csv(folder / "features_test.csv", index_col=0)
        self.votes = read_annotations(folder / "annotations.csv")
        self.classes = self.votes.classes
        scaler = StandardScaler()
        self.X = scaler.fit_transform(train.loc[self.votes.items.tolist()])
        self.X_test = scaler.transform(test.drop(columns="label"))
        self.y_test = test["label"].to_numpy(dtype=object)
        truth = pd.read_csv(folder / "truth.csv", index_col=0)["label"]
        names = self.classes.tolist()
        self.truth = np.array([names.index(truth[item]) for item in self.votes.items.tolist()])
        self.pop = names.index("pop")

    def row(self, make: Callable[[np.random.Generator], Float]) -> str:
        """Return a row of figures, the mean over draws of the targets."""
        random = np.random.default_rng(0)
        tables = [make(random)]
        if not np.array_equal(tables[0], make(random)):
            tables += [make(random) for _ in range(DRAWS - 1)]
        right = 100 * np.array([[self.accuracy(soft, C) for C in PENALTIES] for soft in tables])
        every = np.arange(len(self.truth))
        facts = np.mean([
            (100 * (soft.argmax(axis=1) == self.truth).mean(), soft[every, self.truth].mean(),
             soft[:, self.pop].sum())
            for soft in tables
        ], axis=0)  # fmt: skip
        text = f"{facts[0]:7.1f}{facts[1]:7.2f}{facts[2]:6.0f}"
        text += "".join(f"{value:9.1f}" for value in right.mean(axis=0))
        spread = right[:, SHOWN].std(ddof=1) if len(tables) > 1 else 0.0
        return text + (f"  ± {spread:.1f}" if spread else "")

    def accuracy(self, soft: Float, C: float) -> float:
        """Return the share of test songs that training on the targets gets right."""
        model = CrowdClassifier(LogisticRegression(C=C, max_iter=3000))
        weight = soft.sum(axis=1)
        shares = soft / weight[:, np.newaxis]
        model.fit_soft(self.X, shares, classes=self.classes, sample_weight=weight)
        return float((model.predict(self.X_test) == self.y_test).mean())


def targets(songs: Songs) -> Iterator[tuple[str, Callable[[np.random.Generator], Float] | None]]:
    """Yield names and makers of soft labels; a name without a maker is a heading."""
    shares = MajorityVote().fit(songs.votes).probas_
    n_classes = shares.shape[1]
    true = np.eye(n_classes)[songs.truth]
    yield "The truth", lambda random: true
    yield "Majority, ties (188 songs) broken", None
    yield "  by the alphabet", lambda random: first(shares, np.arange(n_classes))
    yield "  by the alphabet backwards", lambda random: first(shares, -np.arange(n_classes))
    yield "  for the genre with more votes", lambda random: first(shares, -shares.sum(axis=0))
    yield "  for the genre with fewer votes", lambda random: first(shares, shares.sum(axis=0))
    yield "  by one random order of genres", lambda random: first(shares, random.random(n_classes))
    yield "  at random, song by song", lambda random: first(shares, random.random(shares.shape))
    yield "  shared", lambda random: power(shares, 1e-3)
    yield "Vote shares, sharpened by T", None
    for temperature in (0.25, 0.5, 0.75, 1.0, 2.0):
        yield f"  T = {temperature:g}", lambda random, T=temperature: power(shares, T)
    yield "Wrong mass moved to random genres", None
    yield (
        "  majority, at random",
        lambda random: scattered(first(shares, random.random(shares.shape)), songs.truth, random),
    )
    yield "  vote shares", lambda random: scattered(shares, songs.truth, random)
    yield "Aggregators", None
    for model in (DawidSkene(), HierarchicalDawidSkene(), Auto()):
        soft = model.fit(songs.votes).probas_
        name = type(model).__name__
        yield f"  {name}, hard", lambda random, p=soft: first(p, -p.sum(axis=0))
        yield f"  {name}, hard, weighed", lambda random, p=soft: weighed(p)
        yield f"  {name}, soft", lambda random, p=soft: p


def first(soft: Float, order: Float) -> Float:
    """Return one-hot targets: of the likeliest classes the one that is first in order."""
    tied = soft >= soft.max(axis=1, keepdims=True) - 1e-12
    chosen = np.where(tied, order, np.inf).argmin(axis=1)
    return np.eye(soft.shape[1])[chosen]


def power(soft: Float, temperature: float) -> Float:
    """Return soft labels to the power 1/T."""
    raised = (soft / soft.max(axis=1, keepdims=True)) ** (1 / temperature)
    return raised / raised.sum(axis=1, keepdims=True)


def weighed(soft: Float) -> Float:
    """Return one-hot targets times the probability of the likeliest class, on average 1."""
    sure = soft.max(axis=1, keepdims=True)
    return first(soft, -soft.sum(axis=0)) * sure / sure.mean()


def scattered(soft: Float, truth: NDArray[np.int64], random: np.random.Generator) -> Float:
    """Return targets whose wrong entries change places at random, song by song."""
    moved = soft.copy()
    for i, k in enumerate(truth):
        wrong = np.delete(np.arange(soft.shape[1]), k)
        moved[i, wrong] = soft[i, random.permutation(wrong)]
    return moved


if __name__ == "__main__":
    main()
