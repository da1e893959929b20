"""Seconds of coefficients of agreement beside two packages: agreement_speed.py [MAX].

Votes are simulated, five per item, up to MAX (by default ten million). The peers are measured
where they are installed, and each gets what it asks for, made before the clock starts: krippendorff
the table of counts of each class for each item, statsmodels the same; ``votes`` is an
`Annotations`. The intervals of ours are included, which the peers do not give; ``draws`` is
alpha with a thousand bootstrap draws. Each figure is the least of three runs after one that does
not count.
"""

from __future__ import annotations

import importlib.util
import platform
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np

from aggregate import Annotations, simulate_annotations
from aggregate.fusion import vote_counts
from aggregate.metrics import fleiss_kappa, krippendorff_alpha

LABELS = 5
RUNS = 3
SCALES = ("nominal", "ordinal", "interval", "ratio")


def main() -> None:
    """Print the tables."""
    largest = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10_000_000
    peers = [name for name in ("krippendorff", "statsmodels") if importlib.util.find_spec(name)]
    print(
        f"Python {platform.python_version()}, numpy {np.__version__}, numba {numba.__version__}; "
        f"beside {', '.join(peers) or 'nobody'}\nseconds, {LABELS} labels per item\n"
    )
    print(
        f"{'labels':>11}{'K':>5}  {'coefficient':22}{'ours':>9}{'peer':>9}{'ratio':>7}{'draws':>9}"
    )
    n_labels = 100_000
    while n_labels <= largest:
        for n_classes in (2, 10):
            crowd(n_labels, n_classes, peers)
        n_labels *= 10
    print(f"\nmeasurements (all different), interval and ratio scale\n\n{'labels':>11}", end="")
    print(f"{'interval':>11}{'ratio':>9}")
    for n_labels in (10_000, 100_000, min(largest, 1_000_000)):
        measurements(n_labels)


def crowd(n_labels: int, n_classes: int, peers: list[str]) -> None:
    """Measure one size."""
    drawn = simulate_annotations(
        n_labels // LABELS, 300, n_classes, labels_per_item=LABELS, random_state=0
    )
    votes = drawn.annotations
    counts = vote_counts(votes).astype(np.int64)
    for scale in SCALES:
        task = partial(krippendorff_alpha, votes, scale=scale)
        peer: Any = None
        if "krippendorff" in peers:
            peer = partial(peer_alpha, counts, scale)
            assert abs(peer() - task().value) < 1e-9
        drawing = least(partial(krippendorff_alpha, votes, scale=scale, method="bootstrap"), 1)
        row(n_labels, n_classes, f"alpha, {scale}", task, peer, f"{drawing:9.3f}")
    peer = None
    if "statsmodels" in peers:
        peer = partial(peer_kappa, counts)
        assert abs(peer() - fleiss_kappa(votes).value) < 1e-9
    row(n_labels, n_classes, "Fleiss' kappa", partial(fleiss_kappa, votes), peer, "")


def row(
    n_labels: int,
    n_classes: int,
    name: str,
    task: Callable[[], object],
    peer: Callable[[], object] | None,
    last: str,
) -> None:
    """Print one line."""
    ours = least(task)
    theirs = least(peer) if peer is not None else float("nan")
    print(
        f"{n_labels:11,d}{n_classes:5d}  {name:22}{ours:9.4f}{theirs:9.4f}{theirs / ours:6.1f}x"
        f"{last}",
        flush=True,
    )


def measurements(n_labels: int) -> None:
    """Measure labels that are all different."""
    random = np.random.default_rng(0)
    n_items = n_labels // LABELS
    values = np.exp(random.normal(size=(n_items, 1)) + random.normal(size=(n_items, LABELS)))
    item, annotator = np.indices(values.shape)
    votes = Annotations.from_columns(item.ravel(), annotator.ravel(), values.ravel())
    seconds = [least(partial(krippendorff_alpha, votes, scale=scale)) for scale in SCALES[2:]]
    print(f"{n_labels:11,d}{seconds[0]:11.3f}{seconds[1]:9.3f}", flush=True)


def peer_alpha(counts: Any, scale: str) -> float:
    """Run the package krippendorff on counts."""
    import krippendorff

    return float(
        krippendorff.alpha(
            value_counts=counts,
            value_domain=np.arange(counts.shape[1]),
            level_of_measurement=scale,
        )
    )


def peer_kappa(counts: Any) -> float:
    """Run statsmodels' Fleiss' kappa on counts."""
    from statsmodels.stats.inter_rater import fleiss_kappa as peer

    return float(peer(counts))


def least(task: Callable[[], object], runs: int = RUNS) -> float:
    """Return the least seconds of some runs, after one that does not count."""
    seconds = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        task()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


if __name__ == "__main__":
    main()
