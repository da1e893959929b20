"""How close a pass of EM is to this machine: python benchmarks/em_limits.py [SHARE].

A pass computes every item's posterior under given confusions, adds it to the expected counts
and returns the log likelihood. Ten labels per item by annotators drawn at random, the worst
case: no two neighbours share a row of the tables.

The limit reads, for each annotation, a row of K doubles at a random place of one table and adds
it to a row at a random place of another, as a pass must, and does nothing else: the same codes,
no items. *Loops* is written as a loop over the row, *vectors* with the vector loads and stores that
our kernel has, *ahead* also fetches rows ahead of their use, as ours does where tables are large.
x is our pass on one thread over each of the three. *Bytes* is what a pass moves, codes included;
*copy* is how long a plain copy takes for as many.

SHARE scales the numbers of annotations (1 by default). Figures are nanoseconds per annotation and
pass, the least of several runs: processor time where there is one thread, time by the clock for
two, so that *faster* is the gain by two threads on an idle machine, and less on a busy one. Only
figures of one run can be compared. Others are measured where they are installed:
``python -m pip install '.[bench,all-peers]'``.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import em_peers
import numba
import numpy as np
import scipy

from aggregate import Annotations
from aggregate._simd import add_to, load, prefetch
from aggregate._tables import aligned_zeros, row_codes
from aggregate.kernels.em import class_tuple
from aggregate.models._em import State
from aggregate.models._passes import Passes

CLASSES = (2, 4, 10, 50)
CROWDS = (100, 10_000, 1_000_000)
PER_ITEM = 10
MOST_BYTES = 4e9  # of one table of counts
MOST_SECONDS = 1.0  # beyond which nothing is run more than twice


class Data(NamedTuple):
    """Codes of random votes, and confusions to start from."""

    votes: Annotations
    code: Any
    state: State


def main() -> None:
    """Print both tables."""
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    start, load_before = time.perf_counter(), os.getloadavg()[0]
    bandwidth, gather = copy_bandwidth(), gather_time()
    print(
        f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, "
        f"numba {numba.__version__}\n"
        f"copy: {bandwidth:.1f} GB/s read and written, one thread; "
        f"reading 8 bytes at a random place of 256 MB: {gather:.1f} ns\n"
    )
    names = ["K", "annotators", "labels", "tables MB", "bytes", "copy", "loops", "vectors", "ahead"]
    names += ["ours", "x loops", "x vectors", "x ahead", "2 threads", "faster"]
    print("".join(f"{name:>11}" for name in names))
    for n_classes in CLASSES:
        for crowd in CROWDS:
            print(limits_row(n_classes, crowd, share, bandwidth), flush=True)
    print("\nbeside others; each x is their time over ours on one thread, and over ours on two\n")
    em_peers.print_table(CLASSES, share, draw, time_pass)
    load_after, n_cores = os.getloadavg()[0], os.cpu_count() or 1
    print(
        f"\nload average {load_before:.1f} at the start, {load_after:.1f} at the end, on {n_cores} "
        f"processors; {time.perf_counter() - start:.0f} s in all"
    )
    if max(load_before - 1, load_after - 2) > 0.5:
        print("others were at work: caches and memory were shared, and two threads gain less")


def limits_row(n_classes: int, crowd: int, share: float, bandwidth: float) -> str:
    """Measure one number of classes and of annotators."""
    megabytes = 2 * crowd * n_classes**2 * 8 / 1e6
    if megabytes * 1e6 / 2 > MOST_BYTES:
        why = f"left out: the two tables alone are {megabytes / 1e3:.0f} GB"
        return f"{n_classes:11d}{crowd:11,d}   {why}"
    n_annotations = int(share * (2e6 if n_classes == 50 else 1e7))
    data = draw(n_annotations // PER_ITEM, crowd, n_classes)
    moved = 4 + 24 * n_classes + 8 / PER_ITEM
    *limits, ours, two = limits_and_ours(data)
    cells = [f"{n_classes}", f"{crowd:,}", f"{n_annotations:,}", f"{megabytes:.2g}"]
    cells += [f"{moved:.0f}", *(f"{x:.2f}" for x in (moved / bandwidth, *limits, ours))]
    cells += [*(f"{ours / limit:.2f}" for limit in limits), f"{two:.2f}", f"{ours / two:.2f}"]
    return "".join(f"{cell:>11}" for cell in cells)


def limits_and_ours(data: Data) -> tuple[float, ...]:
    """Return the three limits, and our pass on one and on two threads."""
    n_classes, n = len(data.state.prior), len(data.code)
    arrays = data.code, data.state.table, aligned_zeros(data.state.table.shape)
    loops = least(lambda: touch_by_loops(*arrays, (0.0,) * n_classes), n)
    unit = class_tuple(n_classes)
    vectors = least(lambda: touch_by_vectors(*arrays, unit), n)
    ahead = least(lambda: touch_ahead(*arrays, unit), n)
    return loops, vectors, ahead, time_pass(data, None), time_pass(data, 2)


def time_pass(data: Data, n_jobs: int | None) -> float:
    """Return the nanoseconds per annotation of one of our passes."""
    passes = Passes(data.votes, data.code, None, n_jobs)
    clock = time.process_time if n_jobs is None else time.perf_counter
    return least(lambda: passes.expect(data.state), len(data.code), clock)


def draw(n_items: int, crowd: int, n_classes: int) -> Data:
    """Draw codes and confusions; what the labels say does not matter to a pass."""
    random = np.random.default_rng(0)
    annotator = random.integers(0, crowd, size=(n_items, PER_ITEM), dtype=np.int32)
    annotator.sort(axis=1)
    label = random.integers(0, n_classes, size=annotator.size, dtype=np.int32)
    names = np.arange(n_items), np.arange(crowd), np.arange(n_classes)
    pointers = np.arange(0, annotator.size + 1, PER_ITEM)
    votes = Annotations(pointers, annotator.ravel(), label, *names)
    code = row_codes(votes.annotator, votes.label, crowd, n_classes)
    table = aligned_zeros((crowd * n_classes, n_classes))
    random.random(out=table)
    table += 0.5
    table /= n_classes
    return Data(votes, code, State(np.full(n_classes, 1 / n_classes), table))


@numba.njit
def touch_by_loops(code: Any, table: Any, counts: Any, row: Any) -> None:
    """Read a row at a random code and add it to the counts of another; K is a constant."""
    n = np.uint64(code.shape[0])
    for e in range(n):
        source, target = code[n - np.uint64(1) - e], code[e]
        for k in range(len(row)):
            counts[target, k] += table[source, k]


@numba.njit
def touch_by_vectors(code: Any, table: Any, counts: Any, unit: Any) -> None:
    """Do the same with rows in registers."""
    n = np.uint64(code.shape[0])
    for e in range(n):
        add_to(counts, code[e], 0, load(table, code[n - np.uint64(1) - e], 0, unit))


@numba.njit
def touch_ahead(code: Any, table: Any, counts: Any, unit: Any) -> None:
    """Do the same and fetch rows ahead of their use."""
    final, ahead = np.uint64(code.shape[0] - 1), np.uint64(max(8, min(64, 512 // len(unit))))
    for e in range(final + np.uint64(1)):
        later = min(e + ahead, final)
        prefetch(table, code[final - later], 0, unit)
        prefetch(counts, code[later], 0, unit)
        add_to(counts, code[e], 0, load(table, code[final - e], 0, unit))


@numba.njit
def read_at_random(place: Any, table: Any) -> float:
    """Read one number for each place."""
    value = 0.0
    for e in range(np.uint64(place.shape[0])):
        value += table[place[e]]
    return value


def copy_bandwidth() -> float:
    """Return the bytes read and written per nanosecond by a copy larger than the caches."""
    source, target = np.ones(1 << 25), np.ones(1 << 25)
    return 16 / least(lambda: np.copyto(target, source), len(source))


def gather_time() -> float:
    """Return the nanoseconds that a read at a random place takes, many under way at once."""
    table = np.ones(1 << 25)
    place = np.random.default_rng(0).integers(0, len(table), 1 << 22).astype(np.uint32)
    return least(lambda: read_at_random(place, table), len(place))


def least(
    task: Callable[[], object],
    n: int,
    clock: Callable[[], float] = time.process_time,
    runs: int = 5,
) -> float:
    """Return the least nanoseconds per annotation of some runs, after one that is not timed."""
    task()
    seconds: list[float] = []
    while len(seconds) < runs and (len(seconds) < 2 or sum(seconds) < MOST_SECONDS):
        start = clock()
        task()
        seconds.append(clock() - start)
    return 1e9 * min(seconds) / n


if __name__ == "__main__":
    main()
