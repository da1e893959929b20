"""Print the moment estimators' errors beside the published ones.

python benchmarks/moment_numbers.py [FOLDER], with FOLDER as in published_numbers.py. Percent
wrong among the items with truth; a tie earns its fair share. The conventions of the published
tables: no prior, uniform class prior, ten plain EM iterations; 30 and 52 are the busiest
annotators of bluebird and dog.
"""

from __future__ import annotations

import sys
import warnings
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from published_numbers import ROOT, load
from scipy.optimize import linear_sum_assignment

from aggregate import (
    Annotations,
    CoupledNMF,
    DawidSkene,
    MajorityVote,
    MultiSPA,
    SpectralDawidSkene,
    SymmetricNMF,
    TensorMoments,
    simulate_annotations,
)
from aggregate.fusion import posterior
from aggregate.metrics import accuracy

Float = NDArray[np.float64]

PLAIN = {"prior_strength": 0, "class_prior": "uniform", "annotator_correlation": 0}
BUSIEST = {"bluebird-30": ("bluebird", 30), "dog-52": ("dog", 52)}
SPA = {"alignment": "diagonal", "not_estimated": "ignore"}
MIRROR = {"solver": "mirror-descent", "alignment": "diagonal"}

# Zhang, Chen, Zhou and Jordan (2016), re-run; Ibrahim, Fu, Kargas and Huang (2019); Ibrahim and
# Fu (2021).
PUBLISHED: list[tuple[str, type, dict[str, Any], dict[str, str]]] = [
    ("SpectralDawidSkene, mod-3 split, 10 EM", SpectralDawidSkene,
     {"groups": "mod", "refine": 10},
     {"bluebird": "10.19", "rte": "7.12", "dog": "16.11", "web": "16.89"}),
    ("  the same, third moment not averaged", SpectralDawidSkene,
     {"groups": "mod", "refine": 10, "symmetric": False},
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

# Setting: items, annotators, probability of a label, reliability; then MSE and error of the
# reference run of each method: EM from the vote, MultiSPA, coupled PLSA, symmetric NMF, AO-ADMM.
SYNTHETIC = {
    (1000, 10, 0.5, 1): (".0088/27.7", ".0565/41.0", ".0129/29.0", ".0230/32.6", ".0115/28.3"),
    (10000, 25, 0.2, 1): (".0017/26.4", ".081/49", ".0032/27.1", ".0038/27.4", "-"),
    (10000, 25, 0.2, -5): (".0014/24.9", ".104/51", ".0018/25.0", ".0021/25.1", "-"),
    (10000, 25, 0.2, -3): (".0020/30.7", ".082/57", ".024/39.7", ".0083/34.0", "-"),
    (10000, 10, 0.5, -3): (".0009/28.9", ".046/47", ".025/38.6", ".020/37.8", ".0012/29.1"),
    (500, 25, 0.1, 1): (".135/48.4", ".66/61", ".185/56", ".18/57", "-"),
}


def main() -> None:
    """Print every table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data"
    published_table(folder)
    stability(folder)
    synthetic_table()
    consistency()
    timings()


def published_table(folder: Path) -> None:
    """Print ours beside published."""
    print("Percent wrong: ours (published)\n")
    for name, model, options, figures in PUBLISHED:
        cells = []
        for data, known in figures.items():
            votes, truth = read(folder, data)
            error = percent_wrong(fit(model(**{**PLAIN, **options}), votes).probas_, truth)
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


def synthetic_table(n_seeds: int = 10) -> None:
    """Print mean squared error of the confusions and percent wrong on planted models."""
    em = {**PLAIN, "refine": "converge"}
    methods = {
        "EM from vote": DawidSkene(**PLAIN),
        "MultiSPA": MultiSPA(**PLAIN),
        "CoupledNMF": CoupledNMF(max_iter=500, tol=1e-6, **PLAIN),
        "SymmetricNMF": SymmetricNMF(floor=1e-6, **PLAIN),
        "TensorMoments": TensorMoments(**PLAIN),
        "Tensor + EM": TensorMoments(**em),
    }
    print(f"\nPlanted models, K = 3, {n_seeds} seeds: MSE/percent wrong, reference below\n")
    print(f"{'N, M, p, reliability':26}" + "".join(f"{name:>16}" for name in methods))
    for setting, reference in SYNTHETIC.items():
        scores: dict[str, list[tuple[float, float]]] = {name: [] for name in methods}
        for seed in range(n_seeds):
            votes, confusion, truth = planted(*setting, seed)
            for name, model in methods.items():
                scores[name].append(recovery(fit(model, votes).confusion_, confusion, votes, truth))
        cells = [np.mean(values, axis=0) for values in scores.values()]
        print(f"{setting!s:26}" + "".join(f"{f'{m:.4f}/{e:.1f}':>16}" for m, e in cells))
        print(" " * 26 + "".join(f"{text:>16}" for text in reference))


def consistency() -> None:
    """Print how the root mean squared error falls with the number of items."""
    print(
        "\nRoot mean squared error of the confusions by items (15 annotators, two specialists "
        "per class)\n"
    )
    sizes = (1000, 4000, 16000, 64000)
    for model in (MultiSPA(), CoupledNMF(max_iter=500, tol=1e-6), SymmetricNMF(), TensorMoments()):
        errors = []
        for size in sizes:
            votes, confusion, truth = planted(size, 15, 0.4, 2, 0)
            options = {"floor": 1e-6} if isinstance(model, SymmetricNMF) else {}
            fitted = fit(model.set_params(**PLAIN, **options), votes)
            errors.append(np.sqrt(recovery(fitted.confusion_, confusion, votes, truth)[0]))
        slope = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
        cells = "".join(f"{error:10.4f}" for error in errors)
        print(f"{type(model).__name__:20}{cells}   slope {slope:.2f}")


def timings() -> None:
    """Print seconds on a simulated set of the size of TREC."""
    crowd = trec_sized()
    print(f"\nSeconds on {crowd.annotations}\n")
    fit(DawidSkene(max_iter=2, tol=0), crowd.annotations)
    for model in (SpectralDawidSkene, MultiSPA, CoupledNMF, SymmetricNMF, TensorMoments):
        start = perf_counter()
        fitted = fit(model(), crowd.annotations)
        seconds = perf_counter() - start
        wrong = percent_wrong(fitted.probas_, crowd.truth)
        print(f"{model.__name__:20}{seconds:8.2f} s   {wrong:6.2f} % wrong")


def trec_sized() -> Any:
    """Return about 88 000 labels by 760 annotators."""
    return simulate_annotations(19000, 760, 4, labels_per_item=(4, 5), random_state=0)


def planted(
    n_items: int, n_annotators: int, share: float, reliability: int, seed: int
) -> tuple[Annotations, Float, NDArray[np.int64]]:
    """Draw votes by random annotators of a reliability preset; K = 3, uniform class prior.

    1: the largest entry of every row is on the diagonal; 2: besides, annotators k and K + k say
    class k of all its items and of no others; -3: annotators 0 to K - 1 never err on
    one class each, all else is random; -5: annotator 0 never errs, the others are random.
    """
    random, n_classes = np.random.default_rng(seed), 3
    confusion = random.random((n_annotators, n_classes, n_classes))
    confusion /= confusion.sum(axis=2, keepdims=True)
    rows = np.arange(n_classes)
    if reliability > 0:
        for matrix in confusion:
            top = matrix.argmax(axis=1)
            matrix[rows, top], matrix[rows, rows] = matrix[rows, rows], matrix[rows, top]
    if reliability == 2:
        for j in range(2 * n_classes):
            confusion[j, :, j % n_classes] = 0
            confusion[j, j % n_classes] = rows == j % n_classes
            confusion[j] /= confusion[j].sum(axis=1, keepdims=True)
    elif reliability == -3:
        confusion[rows, rows] = np.eye(n_classes)
    elif reliability == -5:
        confusion[0] = np.eye(n_classes)
    truth = random.integers(n_classes, size=n_items)
    seen = random.random((n_items, n_annotators)) < share
    edges = confusion.cumsum(axis=2)[np.arange(n_annotators), truth[:, np.newaxis]]
    labels = (random.random(seen.shape)[..., np.newaxis] > edges).sum(axis=2)
    cells = np.where(seen, np.minimum(labels, n_classes - 1), -1)
    return Annotations.from_matrix(cells, missing=-1, classes=rows), confusion, truth


def recovery(
    found: Float, planted_confusion: Float, votes: Annotations, truth: NDArray[np.int64]
) -> tuple[float, float]:
    """Return mean squared error per row and percent wrong, classes in the best order."""
    n_annotators, n_classes = found.shape[:2]
    gaps = ((planted_confusion[:, :, np.newaxis] - found[:, np.newaxis]) ** 2).sum(axis=(0, 3))
    order = linear_sum_assignment(gaps)[1]
    aligned = found[:, order]
    error = ((aligned - planted_confusion) ** 2).sum() / (n_annotators * n_classes)
    soft = posterior(votes, aligned, np.full(n_classes, 1 / n_classes), annotator_correlation=0)
    return float(error), percent_wrong(soft, truth)


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
