"""Print the Bayesian models and the structures of Dawid-Skene beside their published figures.

Run ``python benchmarks/bayesian_numbers.py [FOLDER]``. FOLDER holds one folder per data set with
annotations.csv (task, worker, label) and truth.csv (task, label); by default
``$AGGREGATE_TEST_DATA`` or ``../shared/data``. Percent correct among the items with truth; a tie
earns its fair share. EBCC's spread is the standard deviation over the seeds given; its bounds
are on one scale, the published ones (of the authors' notebook, which leaves the priors' constants
out) brought to ours. A higher bound is the better optimum of the same problem.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.special import gammaln

from aggregate import (
    BWA,
    CBCC,
    EBCC,
    IBCC,
    MACE,
    Annotations,
    ClassConditionalDawidSkene,
    DawidSkene,
    FastDawidSkene,
    HierarchicalDawidSkene,
    HybridDawidSkene,
    LogitNormalDawidSkene,
    OneCoinDawidSkene,
    PooledDawidSkene,
    read_annotations,
    read_gold,
)
from aggregate.fusion import vote_shares
from aggregate.metrics import accuracy
from aggregate.models._gold import gold_codes

NAMES = ("bluebird", "rte", "dog", "web", "face_sentiment", "product", "sentiment_polarity",
         "music_genre")  # fmt: skip
ROOT = Path(__file__).resolve().parents[1]

# IBCC, EBCC and BWA: the authors' repository (Li, Rubinstein and Cohn). MACE: Crowd-Kit 1.4.
# One coin, fast and hybrid: the survey behind this package, maximum likelihood, its own code.
ROWS = {
    "DawidSkene": (DawidSkene(), None),
    "Hierarchical": (HierarchicalDawidSkene(), None),
    "ClassConditional": (ClassConditionalDawidSkene(), None),
    "LogitNormal": (LogitNormalDawidSkene(), None),
    "Pooled": (PooledDawidSkene(), None),
    "OneCoin ML": (
        OneCoinDawidSkene(prior_strength=0),
        (58.33, 92.50, 83.02, 80.78, 61.13, 90.84, 91.68, 79.29),
    ),
    "Fast ML": (
        FastDawidSkene(prior_strength=0),
        (87.96, 93.00, 84.26, 81.12, 63.87, 93.54, 91.38, 79.14),
    ),
    "Hybrid ML": (
        HybridDawidSkene(prior_strength=0),
        (89.81, 92.75, 84.39, 83.64, 64.04, 93.65, 91.48, 77.71),
    ),
    "IBCC": (IBCC(), (88.8889, 92.75, 83.891, 75.0848, 64.04, 93.8304, 91.50, 79.00)),
    "BWA": (BWA(), (75.93, 92.75, 83.15, 82.25, 61.82, 91.94, 91.70, 78.57)),
    "CBCC": (CBCC(), None),
    "MACE": (MACE(random_state=0), None),
    "MACE uniform": (
        MACE(class_prior="uniform", random_state=0),
        (76.9, 92.8, None, 82.0, None, 69.5, 91.5, 79.9),
    ),
}
PUBLISHED_EBCC = {  # percent correct, bound
    "bluebird": (86.1111, -3134.56), "rte": (93.125, -9075.35), "dog": (84.0149, -27934.8),
    "web": (76.8564, -83622.6), "face_sentiment": (63.5274, -10186.9),
    "product": (93.4937, -17345), "sentiment_polarity": (91.5183, -23261.1),
    "music_genre": (78.7143, -86977),
}  # fmt: skip
SEEDS = 10


def main() -> None:
    """Print both tables."""
    warnings.simplefilter("ignore")
    default = os.environ.get("AGGREGATE_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else default)
    sets = [load(folder / name) for name in NAMES]
    print("Percent correct (published in brackets); seconds for all eight sets\n")
    print(f"{'':17}" + "".join(f"{name[:14]:>18}" for name in NAMES) + f"{'mean':>9}{'s':>7}")
    for label, (model, published) in ROWS.items():
        began = time.perf_counter()
        got = [100 * accuracy(model.fit(votes).probas_, truth) for votes, truth in sets]
        seconds = time.perf_counter() - began
        known = published or [None] * len(NAMES)
        cells = "".join(cell(*pair) for pair in zip(got, known, strict=True))
        print(f"{label:17}{cells}{np.mean(got):9.2f}{seconds:7.2f}", flush=True)
    print(f"\nEBCC, 40 splits: mean and spread over {SEEDS} seeds; the best bound and its figure")
    print("beside the published ones\n")
    print(f"{'':20}{'percent correct':>15}{'bound':>22}{'best':>9}{'published':>19}{'s':>8}")
    for name, (votes, truth) in zip(NAMES, sets, strict=True):
        ebcc(name, votes, truth)


def cell(value: float, published: float | None) -> str:
    """Return one figure and its published counterpart."""
    return f"{value:9.2f}" + (f"{f'({published:.2f})':>9}" if published else " " * 9)


def ebcc(name: str, votes: Annotations, truth: np.ndarray) -> None:
    """Print what several seeds give on one set."""
    began = time.perf_counter()
    fits = [EBCC(random_state=seed).fit(votes) for seed in range(SEEDS)]
    seconds = (time.perf_counter() - began) / SEEDS
    got = np.array([100 * accuracy(fit.probas_, truth) for fit in fits])
    bounds = np.array([fit.objective_path_[-1] for fit in fits])
    published, bound = PUBLISHED_EBCC[name]
    bound += left_out(votes)
    near = abs(got.mean() - published) <= got.std() + 0.005  # published to two digits
    print(
        f"{name:20}{got.mean():8.2f} ± {got.std():4.2f}{bounds.mean():14.1f} ± {bounds.std():4.1f}"
        f"{bounds.max():10.1f} {got[bounds.argmax()]:6.2f}{bound:10.1f} {published:6.2f}"
        f"{seconds:8.2f}   {'within one spread' if near else 'beyond one spread'}",
        flush=True,
    )


def left_out(votes: Annotations) -> float:
    """Return the priors' constants that the published bound does not count."""
    model, n_classes = EBCC(), votes.n_classes
    rows = np.ones((n_classes, n_classes)) + (model.prior_diagonal - 1) * np.eye(n_classes)
    each = gammaln(rows.sum(axis=1)) - gammaln(rows).sum(axis=1)
    share = model.subtype_concentration / model.n_subtypes
    groups = gammaln(model.subtype_concentration) - model.n_subtypes * gammaln(share)
    classes = vote_shares(votes).sum(axis=0)
    total = votes.n_annotators * model.n_subtypes * each.sum() + n_classes * groups
    return float(total + gammaln(classes.sum()) - gammaln(classes).sum())


def load(folder: Path) -> tuple[Annotations, np.ndarray]:
    """Return the votes and the class code of each item, -1 where the truth is unknown."""
    votes = read_annotations(folder / "annotations.csv")
    items, labels = read_gold(folder / "truth.csv")[:2]
    present = set(votes.items.tolist())
    pairs = zip(items.tolist(), labels.tolist(), strict=True)
    codes = gold_codes({item: label for item, label in pairs if item in present}, votes)
    assert codes is not None
    return votes, codes


if __name__ == "__main__":
    main()
