"""Other ways to make a pass of EM, for benchmarks/em_limits.py.

Each is timed as a fit of a few passes less a fit of one, over the passes between, so that what is
done once (reading, the first votes, the last posteriors) does not count for anybody.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import itertools
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array

CROWDS = (100, 1_000)
LABELS = 1_000_000
MOST_ROWS = 25_000_000  # labels times classes: others take a microsecond or more for each label
FEW_LABELS = 10_000  # for peerannot, whose table has a cell for every item, annotator and class
FEW_ANNOTATORS = 100


def print_table(
    classes: Sequence[int],
    share: float,
    draw: Callable[[int, int, int], Any],
    time_pass: Callable[[Any, int | None], float],
) -> None:
    """Print the nanoseconds per annotation and pass of everybody."""
    others = {"scipy.sparse": sparse_products, "NumPy": two_passes}
    if importlib.util.find_spec("crowdkit"):
        others["crowd-kit"] = crowdkit
    names = [
        "K",
        "annotators",
        "ours",
        "2 threads",
        *(f"{name:>20}{'x':>6}{'x':>6}" for name in others),
    ]
    print("".join(f"{name:>11}" for name in names))
    for n_classes, crowd in itertools.product(classes, CROWDS):
        data = draw(int(share * min(LABELS, MOST_ROWS / n_classes)) // 10, crowd, n_classes)
        ours, two = time_pass(data, None), time_pass(data, 2)
        line = f"{n_classes:11d}{crowd:11,d}{ours:11.2f}{two:11.2f}"
        for other in others.values():
            theirs = other(data)
            line += f"{theirs:20.1f}{theirs / ours:6.0f}{theirs / two:6.0f}"
        print(line, flush=True)
    if importlib.util.find_spec("peerannot"):
        print(f"\npeerannot, {FEW_LABELS:,} labels of {FEW_ANNOTATORS} annotators")
        for n_classes in classes[:-1]:
            data = draw(FEW_LABELS // 10, FEW_ANNOTATORS, n_classes)
            theirs, ours = peerannot(data), time_pass(data, None)
            print(
                f"{n_classes:11d}   ours {ours:.2f}, theirs {theirs:,.0f}, "
                f"{theirs / ours:,.0f} times as long",
                flush=True,
            )


def per_pass(fit: Callable[[int], object], n_annotations: int, more: int = 3) -> float:
    """Return the nanoseconds per annotation that each further pass takes."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        seconds = {1: [], 1 + more: []}
        for n_passes, runs in seconds.items():
            for _ in range(2):
                start = time.process_time()
                fit(n_passes)
                runs.append(time.process_time() - start)
    return 1e9 * (min(seconds[1 + more]) - min(seconds[1])) / more / n_annotations


def sparse_products(data: Any) -> float:
    """Time EM as two products with the items' one-hot labels, and one of their transpose.

    The strongest form found: both orders are kept, so that each product runs along its rows.
    """
    table, n = data.state.table, len(data.code)
    shape = len(data.votes.item_ptr) - 1, len(table)
    given = csr_array((np.ones(n), data.code.astype(np.int32), data.votes.item_ptr), shape)
    transposed = given.T.tocsr()

    def step() -> float:
        scores = given @ np.log(table)
        scores += np.log(data.state.prior)
        top = scores.max(axis=1, keepdims=True)
        scores -= top
        np.exp(scores, out=scores)
        sums = scores.sum(axis=1, keepdims=True)
        scores /= sums
        transposed @ scores
        return float((np.log(sums) + top).sum())

    return least(step, n)


def two_passes(data: Any) -> float:
    """Time EM as the textbook has it, one array operation after the other, in NumPy."""
    table, code, n = data.state.table, data.code, len(data.code)
    item = np.repeat(np.arange(data.votes.n_items), np.diff(data.votes.item_ptr))
    n_classes = table.shape[1]

    def step() -> float:
        logs = np.log(table)[code]
        scores = np.log(data.state.prior) + np.add.reduceat(logs, data.votes.item_ptr[:-1])
        top = scores.max(axis=1, keepdims=True)
        posterior = np.exp(scores - top)
        sums = posterior.sum(axis=1, keepdims=True)
        posterior /= sums
        for k in range(n_classes):
            np.bincount(code, weights=posterior[item, k], minlength=len(table))
        return float((np.log(sums) + top).sum())

    return least(step, n)


def crowdkit(data: Any) -> float:
    """Time crowd-kit's Dawid-Skene on the frame it asks for."""
    from crowdkit.aggregation import DawidSkene

    frame = data.votes.to_frame().rename(columns={"item": "task", "annotator": "worker"})
    fit = DawidSkene
    return per_pass(
        lambda passes: fit(n_iter=passes, tol=-np.inf).fit_predict_proba(frame), len(frame)
    )


def peerannot(data: Any) -> float:
    """Time peerannot's Dawid-Skene on the dictionary it asks for."""
    from peerannot.models.aggregation.dawid_skene import DawidSkene

    votes = data.votes
    answers: dict[int, dict[int, int]] = {i: {} for i in range(votes.n_items)}
    columns = (votes.item, votes.annotator, votes.label)
    for i, j, y in zip(*(column.tolist() for column in columns), strict=True):
        answers[i][j] = y
    shape = votes.n_annotators, votes.n_classes
    return per_pass(
        lambda passes: DawidSkene(answers, *shape).run(epsilon=0, maxiter=passes), len(votes.label)
    )


def least(task: Callable[[], object], n: int, runs: int = 3) -> float:
    """Return the least nanoseconds per annotation of some runs, after one that is not timed."""
    task()
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        task()
        seconds.append(time.process_time() - start)
    return 1e9 * min(seconds) / n
