"""A pass whose counts are added up annotator by annotator: python benchmarks/em_by_annotator.py.

Both ways compute the posteriors item by item. Ours adds each to the rows of its item's labels at
once, and has those rows fetched ahead where the table is large. The other keeps the posteriors,
and then walks the labels annotator by annotator: counts are written in order, posteriors are read
at random, fetched ahead. It keeps the labels in a second order, eight bytes each, and the
posteriors of ROUND items; *float32* keeps these in single precision, which is not exact.

Ten labels per item by annotators drawn at random. Processor time, nanoseconds per label, the
least of several runs that take turns; *x* is the other way's time over ours. The counts of the
two are compared each time: they are the same to the last bit, since every row takes its labels in
the same order, and to single precision with float32.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from em_limits import draw

from aggregate._simd import add_to, load, prefetch
from aggregate._tables import aligned_zeros
from aggregate.kernels.em import class_tuple
from aggregate.models._em import Counts
from aggregate.models._passes import block_counts

CASES = ((2, 100), (2, 10_000), (2, 1_000_000), (4, 10_000), (4, 100_000), (4, 1_000_000))
CASES += ((10, 100), (10, 10_000), (10, 100_000), (10, 1_000_000), (50, 100), (50, 10_000))
LABELS = 2_000_000
ROUND = 100_000
SECONDS = 4.0


def main() -> None:
    """Print a row for each number of classes and annotators."""
    before = os.getloadavg()[0]
    names = ("K", "annotators", "labels", "ours", "by annotator", "x", "float32", "x")
    print("".join(f"{name:>13}" for name in names))
    for n_classes, crowd in CASES:
        print(row(n_classes, crowd, LABELS // (10 if n_classes == 50 else 1)), flush=True)
    print(f"\nload average {before:.1f} at the start, {os.getloadavg()[0]:.1f} at the end")


def row(n_classes: int, crowd: int, n_labels: int) -> str:
    """Measure one crowd."""
    data = draw(n_labels // 10, crowd, n_classes)
    given = data.votes.item_ptr, data.code, None, data.state
    bounds = [*range(0, n_labels // 10, ROUND), n_labels // 10]
    rounds = [by_annotator(data, *pair) for pair in itertools.pairwise(bounds)]
    counts = [aligned_zeros(data.state.table.shape) for _ in range(3)]
    kept = np.empty((ROUND, n_classes)), np.empty((ROUND, n_classes), dtype=np.float32)

    def at_once() -> None:
        block_counts(*given, into=Counts(np.zeros(n_classes), counts[0], 0.0))

    def apart(into: Any, single: bool) -> None:
        for first, last, code, item in rounds:
            block_counts(*given, first, last, posterior=kept[0][: last - first])
            if single:
                kept[1][:] = kept[0]
                add_narrow(code, item, kept[1], into, class_tuple(n_classes))
            else:
                add_in_order(code, item, kept[0], into, class_tuple(n_classes))

    ways = at_once, lambda: apart(counts[1], False), lambda: apart(counts[2], True)
    for way in ways:
        way()
    np.testing.assert_array_equal(counts[1], counts[0])
    np.testing.assert_allclose(counts[2], counts[0], rtol=1e-4, atol=1e-4)
    ours, other, single = in_turns(ways, n_labels)
    cells = [f"{n_classes}", f"{crowd:,}", f"{n_labels:,}", f"{ours:.2f}"]
    cells += [f"{other:.2f}", f"{other / ours:.2f}", f"{single:.2f}", f"{single / ours:.2f}"]
    return "".join(f"{cell:>13}" for cell in cells)


def by_annotator(data: Any, first: int, last: int) -> tuple[int, int, Any, Any]:
    """Return a round's codes and items annotator by annotator, in the items' order."""
    pointers = data.votes.item_ptr[first : last + 1]
    code = data.code[pointers[0] : pointers[-1]]
    item = np.repeat(np.arange(last - first, dtype=np.uint32), np.diff(pointers))
    order = np.argsort(data.votes.annotator[pointers[0] : pointers[-1]], kind="stable")
    return first, last, code[order], item[order]


@numba.njit
def add_in_order(code: Any, item: Any, posterior: Any, counts: Any, unit: Any) -> None:
    """Add a posterior, wherever it is, to each label's row of counts."""
    final, ahead = np.uint64(code.shape[0] - 1), np.uint64(max(8, min(64, 512 // len(unit))))
    for e in range(final + np.uint64(1)):
        prefetch(posterior, item[min(e + ahead, final)], 0, unit)
        add_to(counts, code[e], 0, load(posterior, item[e], 0, unit))


@numba.njit
def add_narrow(code: Any, item: Any, posterior: Any, counts: Any, unit: Any) -> None:
    """Do the same with posteriors in single precision, by a loop of known length."""
    for e in range(np.uint64(code.shape[0])):
        for k in range(len(unit)):
            counts[code[e], k] += posterior[item[e], k]


def in_turns(ways: tuple[Callable[[], None], ...], n_labels: int) -> list[float]:
    """Return the least nanoseconds per label that each way took."""
    best, start = [np.inf] * len(ways), time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        for n, way in enumerate(ways):
            before = time.process_time()
            way()
            best[n] = min(best[n], time.process_time() - before)
    return [1e9 * seconds / n_labels for seconds in best]


if __name__ == "__main__":
    main()
