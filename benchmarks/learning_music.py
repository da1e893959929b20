"""Songs, listeners' votes, a classifier: python benchmarks/learning_music.py [SEEDS] [FOLDER].

Music Genre (Rodrigues et al. 2013): 700 songs with 124 audio features and 2945 labels by 44 people,
10 genres; 300 further songs with their true genre. Every method is trained with logistic
regression and with one hidden layer of 64 units, on standardised features. The penalty is chosen
for each seed (with a hidden layer, once) by 3-fold cross-validation that sees votes only: the log
probability of the votes of songs set aside, given the classifier and the annotators' confusion
matrices of a hierarchical Dawid-Skene model, one judge for all (the methods of CCEM's family choose
by themselves, the same way with their own matrices; so does Raykar's logistic regression; the
ceiling chooses by the truth). Seeds change the folds, draws and networks' starts. Differences are
to "vote, hard" (the majority; ties share a song), with 95 % intervals over test songs and seeds
(bootstrap of both).

FOLDER holds the data sets; by default ``$AGGREGATE_TEST_DATA`` or ``../shared/data``.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from aggregate import (
    Annotations,
    Auto,
    CCEMClassifier,
    CollaborativeRefiner,
    CrowdClassifier,
    CrowdLabRefiner,
    DawidSkene,
    HierarchicalDawidSkene,
    MajorityVote,
    RaykarClassifier,
    read_annotations,
    read_gold,
)

ROOT = Path(__file__).resolve().parents[1]
PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0)
VOTE = "vote, hard"
Method = Callable[[float, int, bool], Any]


def main() -> None:
    """Print the table; its two parts run side by side."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    default = os.environ.get("AGGREGATE_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else default) / "music_genre"
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        parts = pool.map(part, (folder, folder), (seeds, seeds), (False, True))
        print(f"music genre, percent of 300 test songs right, {seeds} seeds")
        for text in parts:
            print(f"\n{text}", flush=True)


def part(folder: Path, seeds: int, hidden: bool) -> str:
    """Return one part of the table; its rows go to the standard error as they come."""
    songs = Songs(folder)
    lines = ["one hidden layer" if hidden else "logistic regression"]
    lines.append(f"{'':28}   right   log loss  against the vote")
    vote = None
    for name, make in METHODS.items():
        right, loss = songs.measure(name, make, seeds, hidden)
        vote = right if vote is None else vote
        low, high = interval(right, vote)
        gain = 100 * (right.mean() - vote.mean())
        line = f"{name:28}{100 * right.mean():8.1f}{loss:11.2f}"
        lines.append(f"{line}{gain:+9.1f} ({low:+5.1f} to {high:+5.1f})")
        print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)


def base(strength: float, seed: int, hidden: bool) -> Any:
    """Return the classifier that all share; ``strength`` is the weight of its penalty."""
    if not hidden:
        return LogisticRegression(C=1 / strength, max_iter=2000)
    return MLPClassifier(
        (64,), solver="lbfgs", alpha=strength, max_iter=200, random_state=seed
    )  # fmt: skip


def two_steps(aggregator: Callable[[int], Any], strategy: str) -> Method:
    """Return a method that trains on fused labels."""
    return lambda strength, seed, hidden: CrowdClassifier(
        base(strength, seed, hidden), aggregator(seed), strategy=strategy, random_state=seed
    )


def together(regularizer: str | None) -> Method:
    """Return a method of CCEM's family, which chooses its own penalties."""
    return lambda strength, seed, hidden: CCEMClassifier(
        hidden_units=64 if hidden else None, regularizer=regularizer, alpha="auto",
        regularization="auto", n_folds=3, random_state=seed,
    )  # fmt: skip


def raykar(strength: float, seed: int, hidden: bool) -> Any:
    """Return Raykar's classifier: its own logistic regression, or a network out of fold."""
    if not hidden:
        return RaykarClassifier(random_state=seed)
    return RaykarClassifier(base(strength, seed, hidden), random_state=seed)


METHODS: dict[str, Method] = {  # the first is what the others are compared with
    VOTE: two_steps(lambda seed: MajorityVote(), "hard"),
    "truth": base,
    "vote, soft": two_steps(lambda seed: MajorityVote(), "soft"),
    "Dawid-Skene, hard": two_steps(lambda seed: DawidSkene(), "hard"),
    "Dawid-Skene, soft": two_steps(lambda seed: DawidSkene(), "soft"),
    "Dawid-Skene, soft, ρ = 0": two_steps(lambda seed: DawidSkene(annotator_correlation=0), "soft"),
    "hierarchical, hard": two_steps(lambda seed: HierarchicalDawidSkene(), "hard"),
    "hierarchical, soft": two_steps(lambda seed: HierarchicalDawidSkene(), "soft"),
    "Auto, soft": two_steps(lambda seed: Auto(), "soft"),
    "CROWDLAB": lambda strength, seed, hidden: CrowdLabRefiner(
        base(strength, seed, hidden), random_state=seed
    ),
    "collaborative refining": lambda strength, seed, hidden: CollaborativeRefiner(
        base(strength, seed, hidden), random_state=seed
    ),
    "Raykar": raykar,
    "CCEM": together(None),
    "GeoCrowdNet F": together("geocrowdnet-f"),
    "GeoCrowdNet W": together("geocrowdnet-w"),
    "TraceReg": together("trace"),
}
CHOOSE_THEMSELVES = {"CCEM", "GeoCrowdNet F", "GeoCrowdNet W", "TraceReg"}


class Songs:
    """The data, and what a method makes of them."""

    def __init__(self, folder: Path) -> None:
        self.votes = read_annotations(folder / "annotations.csv")
        train, test = (pd.read_csv(folder / f"features_{part}.csv") for part in ("train", "test"))
        names, labels = read_gold(folder / "truth.csv")[:2]
        self.truth = pd.Series(labels, index=names)[self.votes.items].to_numpy()
        columns = [name for name in train.columns if name.startswith("feature")]
        scaler = StandardScaler()
        self.X = scaler.fit_transform(train.set_index("task").loc[self.votes.items, columns])
        self.X_test = scaler.transform(test[columns])
        self.y_test = test["label"].to_numpy()
        self.judge = HierarchicalDawidSkene().fit(self.votes).confusion_

    def measure(
        self, name: str, make: Method, seeds: int, hidden: bool
    ) -> tuple[np.ndarray, float]:
        """Return what is right (seeds x songs) and the mean log loss."""
        right, loss = [], 0.0
        by_truth = name == "truth"
        rows = np.ones(len(self.X), dtype=bool)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # 200 steps of a network
            strength, chosen = 1.0, dict[str, Any]()
            for seed in range(seeds):
                itself = name in CHOOSE_THEMSELVES or (name == "Raykar" and not hidden)
                if not itself and not (hidden and seed):
                    strength = self.choose(make, seed, hidden, by_truth)
                model = make(strength, seed, hidden)
                if chosen:
                    model.set_params(**chosen)
                model = self.fit(model, rows, by_truth)
                if itself and hidden:  # what the first seed chose holds for the others
                    chosen = {"alpha": model.alpha_, "regularization": model.regularization_}
                probas = model.predict_proba(self.X_test)
                place = np.searchsorted(model.classes_.astype(str), self.y_test.astype(str))
                right.append(model.predict(self.X_test) == self.y_test)
                correct = np.maximum(probas[np.arange(len(place)), place], 1e-12)
                loss -= float(np.log(correct).mean()) / seeds
        return np.array(right), loss

    def fit(self, model: Any, rows: np.ndarray, by_truth: bool) -> Any:
        """Fit to the votes, or the truth, of some songs."""
        y = self.truth[rows] if by_truth else self.votes.select(items=rows)
        return model.fit(self.X[rows], y)

    def choose(self, make: Method, seed: int, hidden: bool, by_truth: bool) -> float:
        """Return the penalty under which songs set aside are foretold best."""
        score = np.zeros(len(PENALTIES))
        for train, _ in KFold(3, shuffle=True, random_state=seed).split(self.X):
            rows = np.zeros(len(self.X), dtype=bool)
            rows[train] = True
            for p, strength in enumerate(PENALTIES):
                model = self.fit(make(strength, seed, hidden), rows, by_truth)
                score[p] += self.foretold(model, ~rows, by_truth)
        return PENALTIES[int(score.argmax())]

    def foretold(self, model: Any, rows: np.ndarray, by_truth: bool) -> float:
        """Return the log probability of the votes, or of the truth, of some songs."""
        probas = model.predict_proba(self.X[rows])
        if by_truth:
            place = np.searchsorted(model.classes_, self.truth[rows])
            return float(np.log(probas[np.arange(len(place)), place]).sum())
        votes: Annotations = self.votes.select(items=rows)
        said = self.judge[np.searchsorted(self.votes.annotators, votes.annotators)]
        each = said[votes.annotator, :, votes.label] * probas[votes.item]
        return float(np.log(np.maximum(each.sum(axis=1), 1e-300)).sum())


def interval(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Return a 95 % interval of the difference: songs and seeds drawn anew."""
    rng = np.random.default_rng(0)
    gap = ours.astype(float) - theirs
    seeds, songs = gap.shape
    drawn = [
        gap[np.ix_(rng.integers(seeds, size=seeds), rng.integers(songs, size=songs))].mean()
        for _ in range(2000)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return 100 * float(low), 100 * float(high)


if __name__ == "__main__":
    main()
