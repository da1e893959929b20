"""Seconds of `CCEMClassifier` beside plain PyTorch: ccem_speed.py [ROWS].

``python benchmarks/ccem_speed.py`` draws ROWS items (by default 100 thousand) with 100 features of
10 classes, five labels each by 200 annotators, and fits logistic regression and a layer of 32
hidden units, each without a regulariser and with GeoCrowdNet-F.

``fit`` is a whole `CCEMClassifier.fit` from arrays to soft labels, penalties given, on one thread
and on two, to a slope of 1e-4 (the default is ten times flatter and takes up to twice the steps).
``descent`` is the L-BFGS of it alone on one thread, and ``torch`` the same L-BFGS, from the same
start and for as many steps, on the same objective written in PyTorch (float64, gathered rows,
autograd), on one thread, too. ``ratio`` is torch over descent; ``apart`` is the largest difference
of value and gradient where our descent ended.

Needs the environment variables OMP_NUM_THREADS=1 and OPENBLAS_NUM_THREADS=1, and PyTorch.
"""

from __future__ import annotations

import platform
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from aggregate import Annotations
from aggregate.learning import CCEMClassifier
from aggregate.learning.end_to_end._crowd import Crowd, code_crowd
from aggregate.learning.end_to_end._networks import Network
from aggregate.learning.end_to_end._problem import CoupledProblem, Penalties
from aggregate.learning.end_to_end._solver import Descent, descend
from aggregate.learning.end_to_end._start import diagonal_target, starting_point

Float = NDArray[np.float64]

FEATURES, CLASSES, LABELS, ANNOTATORS, STRENGTH = 100, 10, 5, 200, 0.01
STEPS, TOL = 100, 1e-4


def main() -> None:
    """Print the table."""
    n_rows = int(float(sys.argv[1])) if len(sys.argv) > 1 else 100_000
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(
        f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, "
        f"numba {numba.__version__}, torch {torch.__version__}\n{n_rows:,} rows, {FEATURES} "
        f"features, {CLASSES} classes, {LABELS} labels per row, {ANNOTATORS} annotators; the "
        f"machine is shared; at most {STEPS} steps\n"
    )
    heads = ("fit", "2 threads", "descent", "torch", "ratio", "steps", "apart")
    print(f"{'f':12}{'regularizer':16}" + "".join(f"{head:>10}" for head in heads))
    torch.set_num_threads(1)
    X, votes = draw(n_rows)
    small = draw(1000)
    for hidden_units in (None, 32):
        for regularizer in (None, "geocrowdnet-f"):
            fit_seconds(*small, hidden_units, regularizer, 1)  # compiles
            row(X, votes, hidden_units, regularizer)


def draw(n_rows: int) -> tuple[Float, Annotations]:
    """Return features and votes; annotators differ in skill, and err evenly."""
    random = np.random.default_rng(0)
    X = random.normal(size=(n_rows, FEATURES))
    scores = X @ (0.4 * random.normal(size=(FEATURES, CLASSES)))
    truth = (scores + random.gumbel(size=scores.shape)).argmax(axis=1)
    skill = random.uniform(0.3, 0.9, ANNOTATORS)
    item = np.repeat(np.arange(n_rows), LABELS)
    annotator = random.integers(0, ANNOTATORS, len(item))
    right = random.random(len(item)) < skill[annotator]
    label = np.where(right, truth[item], random.integers(0, CLASSES, len(item)))
    return X, Annotations.from_columns(item, annotator, label)


def row(X: Float, votes: Annotations, hidden_units: int | None, regularizer: str | None) -> None:
    """Measure and print one row of the table."""
    fits = [fit_seconds(X, votes, hidden_units, regularizer, threads) for threads in (1, 2)]
    crowd = code_crowd(votes, None, np.ones(votes.n_items), None)
    network = Network(FEATURES, CLASSES, hidden_units, "tanh")
    target = diagonal_target(CLASSES, 0.7)
    penalties = Penalties(10.0, 4.0, target, regularizer, STRENGTH if regularizer else 0.0)
    problem = CoupledProblem(X, crowd, network, penalties, None)
    confusion = np.broadcast_to(target, (ANNOTATORS, CLASSES, CLASSES))
    start = starting_point(problem, confusion, np.random.default_rng(0), train_first=False)
    start[: network.size] += 0.01 * np.random.default_rng(1).normal(size=network.size)
    ours, seconds = timed(problem.objective, start, problem.scale(), STEPS, TOL)
    peer = in_torch(X, crowd, network, penalties)
    theirs, their_seconds = timed(peer, start, problem.scale(), ours.n_iter, 0.0)
    if theirs.n_iter < ours.n_iter:
        raise RuntimeError(f"{theirs.n_iter} steps beside {ours.n_iter}: not the same work")
    pairs = zip(problem.objective(ours.point), peer(ours.point), strict=True)
    apart = max(float(np.abs(one - other).max()) for one, other in pairs)
    print(
        f"{'logistic' if hidden_units is None else f'{hidden_units} hidden':12}"
        f"{regularizer or 'none':16}{fits[0]:10.1f}{fits[1]:10.1f}{seconds:10.1f}"
        f"{their_seconds:10.1f}{their_seconds / seconds:10.1f}{ours.n_iter:10}{apart:10.0e}",
        flush=True,
    )


def fit_seconds(
    X: Float, votes: Annotations, hidden_units: int | None, regularizer: str | None, n_threads: int
) -> float:
    """Return how long a fit takes."""
    model = CCEMClassifier(
        hidden_units=hidden_units, regularizer=regularizer, regularization=STRENGTH,
        max_iter=STEPS, tol=TOL, n_jobs=n_threads,
    )  # fmt: skip
    begin = time.perf_counter()
    model.fit(X, votes)
    return time.perf_counter() - begin


def timed(
    objective: Callable[[Float], tuple[float, Float]],
    start: Float,
    scale: Float,
    steps: int,
    tol: float,
) -> tuple[Descent, float]:
    """Return a descent and its seconds."""
    objective(start)  # compiles, warms up
    begin = time.perf_counter()
    found = descend(objective, start, scale, max_iter=steps, tol=tol)
    return found, time.perf_counter() - begin


def in_torch(X: Float, crowd: Crowd, network: Network, penalties: Penalties) -> Any:
    """Return the objective as one would write it in PyTorch."""
    features, item = torch.from_numpy(X), torch.from_numpy(crowd.item.astype(np.int64))
    annotator = torch.from_numpy((crowd.code // CLASSES).astype(np.int64))
    label = torch.from_numpy((crowd.code % CLASSES).astype(np.int64))
    mask, target = torch.from_numpy(network.penalised()), torch.from_numpy(penalties.target)

    def objective(point: Float) -> tuple[float, Float]:
        numbers = torch.tensor(point, requires_grad=True)
        scores, begin = features, 0
        for depth, (n_in, n_out) in enumerate(network.shapes):
            middle, end = begin + n_in * n_out, begin + (n_in + 1) * n_out
            scores = torch.tanh(scores) if depth else scores
            scores = scores @ numbers[begin:middle].reshape(n_in, n_out) + numbers[middle:end]
            begin = end
        f = torch.softmax(scores, dim=1)
        A = torch.softmax(numbers[begin:].reshape(-1, CLASSES, CLASSES), dim=2)
        chance = (f[item] * A[annotator, :, label]).sum(dim=1)
        squares = (mask * numbers[:begin] ** 2).sum()
        pull = penalties.alpha / 2 * squares - penalties.anchor * (target * torch.log(A)).sum()
        loss = -torch.log(chance).mean() + pull / len(item)
        if penalties.regularizer == "geocrowdnet-f":
            loss = loss - penalties.strength * torch.logdet(f.T @ f)
        loss.backward()
        assert numbers.grad is not None
        return float(loss.detach()), numbers.grad.numpy()

    return objective


if __name__ == "__main__":
    main()
