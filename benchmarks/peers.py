"""Our models beside the peers' own code, on the same votes in the same run.

``python benchmarks/peers.py [--data FOLDER] [--patience TIMES] [--only MODEL] [--no-large]``

FOLDER holds one folder per data set with annotations.csv (task, worker, label) and truth.csv
(task, label); by default ``$AGGREGATE_TEST_DATA`` or ``../shared/data``. Peers are measured where
they are installed: ``python -m pip install '.[bench,all-peers]'``. Accuracy is percent correct
among the items with known truth, a tie earns its fair share. Seconds are the least of up to
three runs, one thread, compiled code warm, the peer's own input made before the clock starts;
ratio is the peer's time over ours. Megabytes are what a run needs beside its input. A peer is
stopped after a time of its own, at least ten times ours and on simulated votes fifty times.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import peer_models as peer
from peer_models import Crowd, Measured

import aggregate
from aggregate import read_annotations, read_gold, simulate_annotations
from aggregate.metrics import accuracy
from aggregate.models._gold import gold_codes

SETS = ("bluebird", "rte", "dog", "web", "face_sentiment", "product", "sentiment_polarity",
        "music_genre")  # fmt: skip
ENOUGH = 52  # times our seconds, after which a peer is stopped on simulated votes
ROOT = Path(__file__).resolve().parents[1]

# Percent correct by set, from the survey this package started with: its own code (Wawa, iterated
# vote, Dawid-Skene, one coin: maximum likelihood) and crowd-kit 1.4.2 (GLAD, MACE, KOS, M-MSR).
KNOWN: dict[str, tuple[float | None, ...]] = {
    "vote": (75.93, 89.69, 82.22, 73.07, 63.67, 89.66, 88.59, 70.42),
    "Wawa": (75.93, 92.12, 82.90, 81.68, 63.01, 89.66, 89.50, 79.86),
    "iterated vote": (75.93, 92.12, 83.02, 82.62, 63.01, 89.66, 89.46, 80.00),
    "Dawid-Skene": (89.81, 92.75, 84.26, 82.96, 64.04, 93.97, 91.48, 77.43),
    "one coin": (58.33, 92.50, 83.02, 80.78, 61.13, 90.84, 91.68, 79.29),
    "GLAD": (72.2, 92.5, 83.4, None, 63.0, None, None, 78.9),
    "MACE": (76.9, 92.8, None, 82.0, None, 69.5, 91.5, 79.9),
    "MACE, 50 rounds": (76.9, 92.8, None, 82.0, None, 69.5, 91.5, 79.9),
    "KOS": (72.2, 49.8, None, None, None, 89.55, 81.9, None),
    "M-MSR": (71.3, 85.8, 82.8, 68.3, 63.0, None, 90.1, 74.0),
}


@dataclass
class Pair:
    """One of our models and a peer's; the peer is stopped after ``limit`` seconds."""

    name: str
    ours: Any
    library: str
    theirs: peer.Model
    limit: float = 10.0


CROWDKIT_MACE = peer.crowdkit("MACE")  # ten starts of fifty rounds

PAIRS = [
    Pair("vote", aggregate.MajorityVote(), "crowd-kit", peer.crowdkit("MajorityVote")),
    Pair("vote", aggregate.MajorityVote(), "peerannot", peer.peerannot("MajorityVoting")),
    Pair("vote", aggregate.MajorityVote(), "snorkel", peer.snorkel("MajorityLabelVoter")),
    Pair("Wawa", aggregate.Wawa(), "crowd-kit", peer.crowdkit("Wawa")),
    Pair("Wawa", aggregate.Wawa(), "peerannot", peer.peerannot("Wawa")),
    Pair("iterated vote", aggregate.IterativeWeightedVote(), "peerannot", peer.peerannot("IWMV")),
    Pair("zero-based skill", aggregate.ZeroBasedSkill(), "crowd-kit",
         peer.crowdkit("ZeroBasedSkill"), 30),
    Pair("Dawid-Skene", aggregate.DawidSkene(prior_strength=0), "crowd-kit",
         peer.crowdkit("DawidSkene")),
    Pair("Dawid-Skene", aggregate.DawidSkene(prior_strength=0), "peerannot",
         peer.peerannot("DawidSkene")),
    Pair("one coin", aggregate.OneCoinDawidSkene(prior_strength=0), "crowd-kit",
         peer.crowdkit("OneCoinDawidSkene")),
    Pair("GLAD", aggregate.GLAD(), "crowd-kit", peer.crowdkit("GLAD"), 60),
    Pair("GLAD", aggregate.GLAD(), "peerannot", peer.peerannot("GLAD"), 5),
    Pair("MACE", aggregate.MACE(class_prior="uniform", random_state=0), "crowd-kit",
         CROWDKIT_MACE, 60),
    Pair("MACE, 50 rounds", aggregate.MACE(class_prior="uniform", max_iter=50, tol=0,
         random_state=0), "crowd-kit", CROWDKIT_MACE, 60),
    Pair("KOS", aggregate.KOS(), "crowd-kit", peer.crowdkit("KOS"), 30),
    Pair("M-MSR", aggregate.MMSR(), "crowd-kit", peer.crowdkit("MMSR", n_iter=200), 60),
    Pair("label model", aggregate.LabelModel(), "snorkel", peer.snorkel("LabelModel")),
    Pair("communities", aggregate.CBCC(random_state=0), "peerannot",
         peer.peerannot("DawidSkeneClust")),
    Pair("CROWDLAB", aggregate.CrowdLab(), "cleanlab", peer.cleanlab),
]  # fmt: skip
BINARY = ("KOS",)


def main() -> None:
    """Print the table of every model, then the least ratios."""
    options = _options()
    warnings.simplefilter("ignore")
    crowds = [load(options.data / name) for name in SETS if (options.data / name).is_dir()]
    if not options.no_large:
        crowds += [simulated(2), simulated(4)]
    here = peer.available()
    _head(here)
    ratios: dict[tuple[str, str], list[tuple[float, str]]] = {}
    seen: dict[tuple[int, str], Measured] = {}
    for pair in PAIRS:
        if pair.library in here and (not options.only or pair.name in options.only):
            ratios[pair.name, pair.library] = table(pair, crowds, options.patience, seen)
    _tail(ratios)


def _options() -> argparse.Namespace:
    default = os.environ.get("AGGREGATE_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--patience", type=float, default=1.0, help="multiplies all limits")
    parser.add_argument("--only", action="append", choices=sorted({pair.name for pair in PAIRS}))
    parser.add_argument("--no-large", action="store_true", help="leave out the simulated votes")
    return parser.parse_args()


def load(folder: Path) -> Crowd:
    """Read a data set; the songs come with features, so with a classifier."""
    votes = read_annotations(folder / "annotations.csv")
    items, labels = read_gold(folder / "truth.csv")[:2]
    present = set(votes.items.tolist())
    pairs = zip(items.tolist(), labels.tolist(), strict=True)
    truth = gold_codes({item: label for item, label in pairs if item in present}, votes)
    crowd = Crowd(folder.name, votes, np.asarray(truth))
    if folder.name == "music_genre":
        crowd.classifier = classifier(folder, crowd)
    return crowd


def classifier(folder: Path, crowd: Crowd) -> np.ndarray:
    """Return out-of-fold probabilities of a logistic regression on the vote's labels."""
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features = pd.read_csv(folder / "features_train.csv").set_index("task")
    features = features.select_dtypes("number").loc[crowd.votes.items]
    voted = aggregate.MajorityVote().fit(crowd.votes).probas_.argmax(axis=1)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    return np.asarray(cross_val_predict(model, features, voted, method="predict_proba"))


def simulated(n_classes: int) -> Crowd:
    """Return a hundred thousand labels, 5 per item by 500 annotators, and a fair classifier."""
    drawn = simulate_annotations(20_000, 500, n_classes, random_state=0)
    random = np.random.default_rng(1)
    guess = np.where(
        random.random(20_000) < 0.7, drawn.truth, random.integers(n_classes, size=20_000)
    )
    soft = 0.4 / n_classes + 0.6 * np.eye(n_classes)[guess]
    return Crowd(f"simulated, K = {n_classes}", drawn.annotations, drawn.truth, soft)


def table(
    pair: Pair, crowds: list[Crowd], patience: float, seen: dict[tuple[int, str], Measured]
) -> list[tuple[float, str]]:
    """Print one model beside one peer on every crowd and return the ratios of their times.

    A peer that stands beside two of our models runs once.
    """
    print(f"\n{pair.name}: {pair.ours!r} | {pair.library}")
    print(f"{'':20}{'ours':>8}{'peer':>8}{'known':>8}{'seconds':>10}{'peer':>10}{'ratio':>8}"
          f"{'MB':>7}{'peer':>7}")  # fmt: skip
    ratios = []
    for crowd in crowds:
        if pair.name in BINARY and crowd.votes.n_classes != 2:
            continue
        if pair.library == "cleanlab" and crowd.classifier is None:
            continue
        key = id(pair.theirs), crowd.name
        ours, theirs = both(pair, crowd, patience, seen.get(key))
        seen[key] = theirs
        place = SETS.index(crowd.name) if crowd.name in SETS else None
        known = KNOWN[pair.name][place] if pair.name in KNOWN and place is not None else None
        figures = [correct(ours, crowd), correct(theirs, crowd)]
        figures.append("" if known is None else f"{known:.2f}")
        print(f"{crowd.name:20}" + "".join(f"{text:>8}" for text in figures) + times(ours, theirs),
              flush=True)  # fmt: skip
        if theirs.problem.startswith(">") or not theirs.problem:
            ratios.append((theirs.seconds / ours.seconds, crowd.name))
    return ratios


def both(
    pair: Pair, crowd: Crowd, patience: float, known: Measured | None
) -> tuple[Measured, Measured]:
    """Measure our model and the peer's on one crowd, unless the peer's is known."""
    extra = {"classifier_probas": crowd.classifier} if pair.library == "cleanlab" else {}

    def run() -> Any:
        return pair.ours.fit(crowd.votes, **extra).probas_

    run()  # compiles
    ours = peer.measure(run, 60)
    if known is not None:
        return ours, known
    data = peer.PREPARE[pair.library](crowd)
    times = 10 if crowd.name in SETS else ENOUGH
    limit = max(pair.limit, times * ours.seconds)
    return ours, peer.measure(lambda: pair.theirs(data), patience * limit)


def correct(found: Measured, crowd: Crowd) -> str:
    """Return percent correct of scores or class codes."""
    if found.answer is None:
        return "-"
    scores = found.answer
    if scores.ndim == 1:
        scores = np.eye(crowd.votes.n_classes)[np.maximum(scores, 0)]
    silly = ~np.isfinite(scores).all(axis=1)
    scores = np.where(silly[:, np.newaxis], 1.0, scores)  # a row of NaN knows nothing
    scores = scores - np.minimum(scores.min(axis=1, keepdims=True), 0)  # those of M-MSR
    return f"{100 * accuracy(scores, crowd.truth):.2f}" + "*" * bool(silly.any())


def times(ours: Measured, theirs: Measured) -> str:
    """Return seconds, their ratio and megabytes."""
    ratio = theirs.seconds / ours.seconds
    if theirs.problem and not theirs.problem.startswith(">"):
        return f"{ours.seconds:10.4f}  {theirs.problem}"
    late = theirs.problem != ""
    return (
        f"{ours.seconds:10.4f}{'>' if late else ' '}{theirs.seconds:9.3f}"
        f"{'>' if late else ' '}{ratio:7.1f}{ours.megabytes:7.0f}"
        f"{'' if late else f'{theirs.megabytes:7.0f}'}"
    )


def _head(here: tuple[str, ...]) -> None:
    names = ", ".join(f"{name} {version(name)}" for name in here) or "no peer is installed"
    print(
        f"Python {platform.python_version()}, numpy {np.__version__}, scikit-learn "
        f"{version('scikit-learn')}; {names}\na star: some rows were NaN; >: stopped"
    )


def _tail(ratios: dict[tuple[str, str], list[tuple[float, str]]]) -> None:
    print("\nHow many times faster: least and greatest over the sets\n")
    for (model, name), values in ratios.items():
        if values:
            least, greatest = min(values), max(values)
            print(f"{model:18}{name:12}{least[0]:10.1f} ({least[1]})   to{greatest[0]:10.1f} "
                  f"({greatest[1]})")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
