"""Seconds of pair and triple moments beside sparse products, and of fits: moment_speed.py [MAX].

``python benchmarks/moment_speed.py`` simulates votes, five per item, of 100 thousand and up to
MAX annotations (by default a million), by 300, 1000 and 5000 annotators. The peer of pairs is
scipy's sparse product F @ F.T: F has a row for each annotator and label, with a 1 for each item so
labelled, and the blocks of the product off the diagonal are the pair counts. ``blocks`` is the time
it then takes to bring the product into one K by K block per pair j < l, which `pair_moments` has
already done. ``bare`` is the product alone over ours on one thread, ``ratio`` product and blocks
over ours. Where pairs share one or two items, their blocks are mostly zeros: with K = 10 the memory
of these is most of our time, and the product holds only what is not zero. The peer of triples
intersects the annotators' sorted items in numpy and counts. That both give the same counts is
checked before the clock starts. F and the `Annotations` are made before it starts, too.

The fits are of simulated sets of the size of TREC, with default settings.

The tasks of a row take turns; each figure is the least of several after one that does not count.
"""

from __future__ import annotations

import platform
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import sparse

from aggregate import (
    Annotations,
    CoupledNMF,
    DawidSkene,
    MultiSPA,
    SpectralDawidSkene,
    SymmetricNMF,
    TensorMoments,
    simulate_annotations,
)
from aggregate.moments import choose_triples, pair_moments, triple_moments

Float = NDArray[np.float64]

CLASSES = (2, 4, 10)
CROWDS = (300, 1000, 5000)
LABELS = 5
TRIPLES = 1000
RUNS = 5
TREC_CLASSES = (2, 3, 4, 5)


def main() -> None:
    """Print both tables."""
    largest = int(float(sys.argv[1])) if len(sys.argv) > 1 else 1_000_000
    sizes = [size for size in (100_000, 1_000_000, 10_000_000) if size <= largest]
    print(
        f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, "
        f"numba {numba.__version__}\n"
        f"Least of {RUNS} runs or more, {LABELS} labels per item; the machine is shared\n"
    )
    print("Pairs\n")
    names = (
        "labels",
        "annotators",
        "K",
        "pairs",
        "ours",
        "2 threads",
        "F F^T",
        "blocks",
        "bare",
        "ratio",
    )
    print("".join(f"{name:>11}" for name in names))
    for n_labels, n_annotators, n_classes in settings(sizes):
        print(pairs_row(n_labels, n_annotators, n_classes), flush=True)
    print(f"\n{TRIPLES} triples\n")
    names = ("labels", "annotators", "K", "items", "ours", "2 threads", "numpy", "", "ratio")
    print("".join(f"{name:>11}" for name in names))
    for n_labels, n_annotators, n_classes in settings(sizes):
        print(triples_row(n_labels, n_annotators, n_classes), flush=True)
    fits()


def settings(sizes: list[int]) -> list[tuple[int, int, int]]:
    """Return the combinations of labels, annotators and classes that fit in a few gigabytes."""
    every = [(size, m, k) for size in sizes for m in CROWDS for k in CLASSES]
    return [(size, m, k) for size, m, k in every if min(2 * size, m * m / 2) * k * k < 1e8]


def pairs_row(n_labels: int, n_annotators: int, n_classes: int) -> str:
    """Measure pair moments and the sparse product on one crowd."""
    votes = crowd(n_labels, n_annotators, n_classes)
    votes.by_annotator  # noqa: B018  made once per container, like F
    table = one_hot(votes)
    moments = pair_moments(votes)
    pairs, counts = as_blocks(table @ table.T, n_classes, n_annotators)
    assert np.array_equal(pairs, moments.pairs)
    assert np.array_equal(counts, moments.counts)
    product = table @ table.T
    ours, threads, peer, blocks = least(
        lambda: pair_moments(votes),
        lambda: pair_moments(votes, n_jobs=2),
        lambda: table @ table.T,
        lambda: as_blocks(product, n_classes, n_annotators),
    )
    cells = [f"{n_labels:,d}", str(n_annotators), str(n_classes), f"{len(pairs):,d}"]
    cells += [f"{seconds:.4f}" for seconds in (ours, threads, peer, blocks)]
    cells += [f"{peer / ours:.1f}", f"{(peer + blocks) / ours:.1f}"]
    return "".join(f"{cell:>11}" for cell in cells)


def triples_row(n_labels: int, n_annotators: int, n_classes: int) -> str:
    """Measure triple moments and their peer on one crowd."""
    votes = crowd(n_labels, n_annotators, n_classes)
    votes.by_annotator  # noqa: B018
    triples = choose_triples(votes, TRIPLES, random_state=0)
    moments = triple_moments(votes, triples)
    assert len(moments.triples) == len(triples)
    assert np.array_equal(numpy_triples(votes, triples), moments.counts)
    ours, threads, peer = least(
        lambda: triple_moments(votes, triples),
        lambda: triple_moments(votes, triples, n_jobs=2),
        lambda: numpy_triples(votes, triples),
    )
    cells = [f"{n_labels:,d}", str(n_annotators), str(n_classes), f"{moments.totals.sum():,.0f}"]
    cells += [f"{ours:.4f}", f"{threads:.4f}", f"{peer:.4f}", "", f"{peer / ours:.1f}"]
    return "".join(f"{cell:>11}" for cell in cells)


def fits() -> None:
    """Print seconds of the estimators on sets of the size of TREC."""
    print(
        "\nFits, default settings: 19 000 items, 760 annotators, four or five labels per item; "
        "seconds of one processor\n"
    )
    print(f"{'K':20}" + "".join(f"{k:>10}" for k in TREC_CLASSES))
    crowds = [
        simulate_annotations(19000, 760, k, labels_per_item=(4, 5), random_state=0)
        for k in TREC_CLASSES
    ]
    print(f"{'labels':20}" + "".join(f"{c.annotations.n_annotations:10,d}" for c in crowds))
    for model in (
        DawidSkene,
        SpectralDawidSkene,
        MultiSPA,
        CoupledNMF,
        SymmetricNMF,
        TensorMoments,
    ):
        seconds: list[float] = []
        for one in crowds:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                seconds += least(
                    partial(model().fit, one.annotations), runs=1, span=0, clock=time.process_time
                )
        print(f"{model.__name__:20}" + "".join(f"{s:10.2f}" for s in seconds), flush=True)


def crowd(n_labels: int, n_annotators: int, n_classes: int) -> Annotations:
    """Return votes by annotators drawn at random for each item."""
    return simulate_annotations(
        n_labels // LABELS, n_annotators, n_classes, labels_per_item=LABELS, random_state=0
    ).annotations


def one_hot(votes: Annotations) -> Any:
    """Return F, one row per annotator and label."""
    row = votes.annotator.astype(np.int64) * votes.n_classes + votes.label
    shape = (votes.n_annotators * votes.n_classes, votes.n_items)
    return sparse.csr_matrix((np.ones(votes.n_annotations), (row, votes.item)), shape=shape)


def as_blocks(product: Any, n_classes: int, n_annotators: int) -> tuple[NDArray[np.int32], Float]:
    """Return the pairs j < l of F F^T and their K by K blocks."""
    entries = product.tocoo()
    j, a = np.divmod(entries.row, n_classes)
    m, b = np.divmod(entries.col, n_classes)
    upper = j < m
    keys = j[upper].astype(np.int64) * n_annotators + m[upper]
    union, place = np.unique(keys, return_inverse=True)
    counts = np.zeros((len(union), n_classes, n_classes))
    counts[place, a[upper], b[upper]] = entries.data[upper]
    return np.column_stack(np.divmod(union, n_annotators)).astype(np.int32), counts


def numpy_triples(votes: Annotations, triples: NDArray[np.int64]) -> Float:
    """Return the counts of triples by intersecting sorted lists of items."""
    pointers, item_of, label_of = votes.by_annotator
    n_classes = votes.n_classes
    counts = np.empty((len(triples),) + 3 * (n_classes,))
    for block, triple in zip(counts, triples, strict=True):
        spans = [slice(pointers[m], pointers[m + 1]) for m in triple]
        items = [item_of[span] for span in spans]
        shared = np.intersect1d(items[0], items[1], assume_unique=True)
        shared = np.intersect1d(shared, items[2], assume_unique=True)
        code = np.zeros(len(shared), dtype=np.int64)
        for span, own in zip(spans, items, strict=True):
            code = code * n_classes + label_of[span][np.searchsorted(own, shared)]
        block[...] = np.bincount(code, minlength=n_classes**3).reshape(block.shape)
    return counts


def least(
    *tasks: Callable[[], object],
    runs: int = RUNS,
    span: float = 2.0,
    clock: Callable[[], float] = time.perf_counter,
) -> list[float]:
    """Return the least seconds of each task over some turns, after one that does not count.

    The tasks take turns, so that what else the machine does slows all of them alike; short ones
    get as many turns as fit in ``span`` seconds.
    """
    seconds: list[list[float]] = []
    begin = time.perf_counter()
    while len(seconds) <= runs or time.perf_counter() - begin < span:
        seconds.append([])
        for task in tasks:
            start = clock()
            task()
            seconds[-1].append(clock() - start)
    return np.min(seconds[1:], axis=0).tolist()


if __name__ == "__main__":
    main()
