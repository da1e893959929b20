"""Print how well the moment estimators recover planted confusions, beside reference runs.

python benchmarks/moment_planted.py. Each cell is the mean squared error of the confusions per row,
its standard error over ten seeds, and the percent of wrong labels. The line below holds figures of
independent implementations of the published methods on other draws of the same generators; their
seeds are unknown, so differences within two standard errors mean nothing. Without priors; the last
column is `DawidSkene` with its default priors.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from aggregate import (
    Annotations,
    CoupledNMF,
    DawidSkene,
    MultiSPA,
    SymmetricNMF,
    TensorMoments,
)
from aggregate.fusion import posterior
from aggregate.metrics import accuracy

Float = NDArray[np.float64]

PLAIN = {"prior_strength": 0, "class_prior": "uniform", "annotator_correlation": 0}

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
    """Print both tables."""
    synthetic_table()
    consistency()


def synthetic_table(n_seeds: int = 10) -> None:
    """Print mean squared error of the confusions and percent wrong on planted models."""
    methods = {
        "EM from vote": DawidSkene(**PLAIN),
        "MultiSPA": MultiSPA(**PLAIN),
        "CoupledNMF": CoupledNMF(max_iter=500, tol=1e-6, **PLAIN),
        "SymmetricNMF": SymmetricNMF(floor=1e-6, **PLAIN),
        "TensorMoments": TensorMoments(**PLAIN),
        "Tensor + EM": TensorMoments(refine="converge", **PLAIN),
        "EM, priors": DawidSkene(),
    }
    print(
        f"Planted models, K = 3, {n_seeds} seeds: mean squared error, its standard error in units "
        "of the last digit, percent wrong\n"
    )
    print(f"{'N, M, p, reliability':24}" + "".join(f"{name:>18}" for name in methods))
    for setting, reference in SYNTHETIC.items():
        scores: dict[str, list[tuple[float, float]]] = {name: [] for name in methods}
        for seed in range(n_seeds):
            votes, confusion, truth = planted(*setting, seed)
            for name, model in methods.items():
                scores[name].append(recovery(fit(model, votes).confusion_, confusion, votes, truth))
        cells = [cell(np.array(values)) for values in scores.values()]
        print(f"{setting!s:24}" + "".join(f"{text:>18}" for text in cells))
        print(f"{'  reference':24}" + "".join(f"{text:>18}" for text in reference), flush=True)


def cell(scores: Float) -> str:
    """Format the errors of several seeds."""
    squared, wrong = scores.mean(axis=0)
    spread = scores[:, 0].std(ddof=1) / np.sqrt(len(scores))
    return f"{squared:.4f}({round(1e4 * spread)}) {wrong:.1f}"


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


def fit(model: Any, votes: Annotations) -> Any:
    """Fit, whatever the model has to say about the data."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(votes)


if __name__ == "__main__":
    main()
