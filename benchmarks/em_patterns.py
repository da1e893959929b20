"""What it gains to visit equal items once: python benchmarks/em_patterns.py [ITEMS].

Every annotator labels every item at random, as labelling functions do, so that the number of
patterns grows with the number of annotators until nearly every item has its own. *Apart* is a
pass over all items, *patterns* one over patterns where they are taken, in milliseconds; *once* is
what finding them takes (or finding out that they are too many), in passes over all items.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np

from aggregate import Annotations
from aggregate._tables import row_codes
from aggregate.models import _patterns
from aggregate.models._em import State
from aggregate.models._passes import Passes


def main() -> None:
    """Print a row for each number of classes and annotators."""
    n_items = int(float(sys.argv[1])) if len(sys.argv) > 1 else 1_000_000
    names = ("K", "annotators", "items", "visited", "apart", "patterns", "faster", "once")
    print("".join(f"{name:>12}" for name in names))
    for n_classes in (2, 5):
        for crowd in (3, 6, 10, 20):
            print(row(n_items, crowd, n_classes), flush=True)


def row(n_items: int, crowd: int, n_classes: int) -> str:
    """Measure one crowd."""
    random = np.random.default_rng(0)
    label = random.integers(0, n_classes, size=n_items * crowd, dtype=np.int32)
    annotator = np.tile(np.arange(crowd, dtype=np.int32), n_items)
    names = np.arange(n_items), np.arange(crowd), np.arange(n_classes)
    votes = Annotations(np.arange(0, len(label) + 1, crowd), annotator, label, *names)
    code = row_codes(votes.annotator, votes.label, crowd, n_classes)
    table = random.uniform(0.5, 1.5, size=(crowd * n_classes, n_classes)) / n_classes
    state = State(np.full(n_classes, 1 / n_classes), table)
    with mock.patch.object(_patterns, "_FEWEST_ANNOTATIONS", len(code) + 1):
        apart = Passes(votes, code, None, None)
        slow = least(lambda: apart.expect(state))
    passes = Passes(votes, code, None, None)
    once = least(lambda: _patterns.collapse(passes.item_ptr, passes.code, passes.gold))
    fast = least(lambda: passes.expect(state))
    visited = len(passes.visits.item_ptr) - 1
    cells = [n_classes, f"{crowd}", f"{n_items:,}", f"{visited:,}", f"{slow:.2f}", f"{fast:.3f}"]
    cells += [f"{slow / fast:.1f}x", f"{once / slow:.1f}"]
    return "".join(f"{cell:>12}" for cell in cells)


def least(task: Callable[[], Any]) -> float:
    """Return the least milliseconds of five runs, after one that is not timed."""
    task()
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        task()
        seconds.append(time.perf_counter() - start)
    return 1e3 * min(seconds)


if __name__ == "__main__":
    main()
