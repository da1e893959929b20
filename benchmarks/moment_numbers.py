"""Print the moment estimators' errors beside the published ones.

python benchmarks/moment_numbers.py [FOLDER], with FOLDER as in published_numbers.py. Percent
wrong among the items with truth; a tie earns its fair share. The conventions of the published
tables: no prior, uniform class prior, ten plain EM iterations; 30 and 52 are the busiest
annotators of bluebird and dog. "Step by step" is the published algorithm on its own
(literal_spectral.py, which imports nothing of the package), with its two peculiarities: a label
that a class never got is no evidence, and the tenth M-step is not used.
"""

from __future__ import annotations

import sys
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import literal_spectral
import numpy as np
from numpy.typing import NDArray
from published_numbers import ROOT, load

from aggregate import (
    Annotations,
    CoupledNMF,
    DawidSkene,
    MajorityVote,
    MultiSPA,
    SpectralDawidSkene,
    SymmetricNMF,
    TensorMoments,
)
from aggregate.metrics import accuracy

Float = NDArray[np.float64]

PLAIN = {"prior_strength": 0, "class_prior": "uniform", "annotator_correlation": 0}
BUSIEST = {"bluebird-30": ("bluebird", 30), "dog-52": ("dog", 52)}
SPA = {"alignment": "diagonal", "not_estimated": "ignore"}
MIRROR = {"solver": "mirror-descent", "alignment": "diagonal"}

# Zhang, Chen, Zhou and Jordan (2016), re-run; Ibrahim, Fu, Kargas and Huang (2019); Ibrahim and
# Fu (2021).
PUBLISHED: list[tuple[str, type | None, dict[str, Any], dict[str, str]]] = [
    ("SpectralDawidSkene, mod-3 split, 10 EM", SpectralDawidSkene,
     {"groups": "mod", "refine": 10},
     {"bluebird": "10.19", "rte": "7.12", "dog": "16.11", "web": "16.89"}),
    ("  the same, third moment not averaged", SpectralDawidSkene,
     {"groups": "mod", "refine": 10, "symmetric": False},
     {"bluebird": "10.19", "rte": "7.12", "dog": "16.11", "web": "16.89"}),
    ("  as published, step by step", None, {},
     {"bluebird": "10.19", "rte": "7.12", "dog": "16.11", "web": "16.89"}),
    ("  ten random splits, 10 EM, 8 seeds", SpectralDawidSkene, {"refine": 10, "n_seeds": 8},
     {"bluebird": "10.19", "rte": "7.12", "dog": "16.11", "web": "16.89"}),
    ("MultiSPA", MultiSPA, SPA, {"bluebird-30": "13.89", "rte": "8.75", "web": "15.2",
                                 "dog-52": "17.09"}),
    ("MultiSPA, 10 EM", MultiSPA, {**SPA, "refine": 10},
     {"bluebird-30": "12.04", "rte": "7.1", "web": "15.1-15.2", "dog-52": "16.11"}),
    ("CoupledNMF, 10 iterations", CoupledNMF, {"alignment": "diagonal"},
     {"bluebird-30": "11.1-12.1", "rte": "6.7-7.3", "web": "14.1-14.7", "dog-52": "15.5-16.2"}),
    ("  the same, class prior learned", CoupledNMF,
     {"alignment": "diagonal", "class_prior": "learned"},
     {"bluebird-30": "11.1-12.1", "rte": "6.7-7.3", "web": "14.1-14.7", "dog-52": "15.5-16.2"}),
    ("  the same by mirror descent", CoupledNMF, MIRROR,
     {"bluebird-30": "11.11", "rte": "7.12", "web": "14.58", "dog-52": "15.48"}),
    ("SymmetricNMF", SymmetricNMF, {}, {"bluebird": "11.11", "dog-52": "16.48"}),
    ("SymmetricNMF, 10 EM", SymmetricNMF, {"refine": 10}, {"bluebird": "10.2", "dog-52": "15.7"}),
]  # fmt: skip


def main() -> None:
    """Print every table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data"
    published_table(folder)
    stability(folder)


def published_table(folder: Path) -> None:
    """Print ours beside published."""
    print("Percent wrong: ours (published)\n")
    for name, model, options, figures in PUBLISHED:
        cells = []
        for data, known in figures.items():
            votes, truth = read(folder, data)
            error = published_error(model, options, votes, truth)
            cells.append(f"{data} {error:.2f} ({known})")
        print(f"{name:42}" + "   ".join(cells))
    print("\nDefault settings (prior of 4 pseudo-labels, class prior learned)\n")
    models = (SpectralDawidSkene, MultiSPA, CoupledNMF, SymmetricNMF, TensorMoments, DawidSkene)
    for model in (MajorityVote, *models):
        cells = []
        for data in ("bluebird", "rte", "dog", "web"):
            votes, truth = read(folder, data)
            cells.append(f"{data} {percent_wrong(fit(model(), votes).probas_, truth):6.2f}")
        print(f"{model.__name__:42}" + "   ".join(cells))


def published_error(
    model: type | None, options: dict[str, Any], votes: Annotations, truth: Any
) -> float:
    """Return the percent wrong under the published conventions, the mean over the seeds."""
    if model is None:
        labels = np.zeros((votes.n_items, votes.n_annotators, votes.n_classes))
        labels[votes.item, votes.annotator, votes.label] = 1
        return percent_wrong(literal_spectral.soft_labels(labels), truth)
    settings = {**PLAIN, **options}
    seeds = range(settings.pop("n_seeds", 1))
    fits = [fit(model(random_state=seed, **settings), votes) for seed in seeds]
    return float(np.mean([percent_wrong(one.probas_, truth) for one in fits]))


def stability(folder: Path) -> None:
    """Print the worst of twenty seeds of SymmetricNMF beside majority vote."""
    print("\nSymmetricNMF, 20 seeds: least to most percent wrong (majority vote)\n")
    for data in ("rte", "web"):
        votes, truth = read(folder, data)
        vote = percent_wrong(MajorityVote().fit(votes).probas_, truth)
        for name, options in (("none", {}), ("10 EM", {"refine": 10})):
            errors = [
                percent_wrong(
                    fit(SymmetricNMF(random_state=s, **PLAIN, **options), votes).probas_, truth
                )
                for s in range(20)
            ]
            print(f"{data:6}{name:8}{min(errors):6.2f} to {max(errors):6.2f}  ({vote:.2f})")


def percent_wrong(probas: Float, truth: Any) -> float:
    """Return 100 minus the percent correct."""
    return 100 - 100 * float(accuracy(probas, truth))


@cache
def read(folder: Path, name: str) -> tuple[Annotations, Any]:
    """Return a data set, or its busiest annotators."""
    base, n_annotators = BUSIEST.get(name, (name, None))
    votes, truth = load(folder / base)
    if n_annotators is not None:
        order = np.argsort(-votes.labels_per_annotator, kind="stable")
        votes = votes.select(annotators=votes.annotators[np.sort(order[:n_annotators])])
    return votes, truth


def fit(model: Any, votes: Annotations) -> Any:
    """Fit, whatever the model has to say about the data."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(votes)


if __name__ == "__main__":
    main()
