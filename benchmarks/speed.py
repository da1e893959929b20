"""Seconds of our models and of crowd-kit's on the same votes: python benchmarks/speed.py [MAX].

Votes are simulated, ten per item, from 10 thousand up to MAX annotations (by default 10
million), for 2, 4 and 10 classes. Each figure is the least of three runs after one that does
not count (one run alone from a million annotations on for crowd-kit); ``x`` is crowd-kit's time
over ours in the same run. crowd-kit is measured where it is installed
(``python -m pip install '.[bench,peers]'``); it gets the pandas frame it asks for, made before
the clock starts, and we get an `Annotations`, whose making from that frame has a column of its
own.
"""

from __future__ import annotations

import importlib.util
import platform
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from aggregate import Annotations, DawidSkene, MajorityVote, simulate_annotations

CLASSES = (2, 4, 10)
ITERATIONS = 10


def main() -> None:
    """Print the table."""
    largest = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10_000_000
    peer = importlib.util.find_spec("crowdkit") is not None
    print(
        f"Python {platform.python_version()}, numpy {np.__version__}, numba {numba.__version__}; "
        f"{'crowd-kit beside' if peer else 'crowd-kit is not installed'}\n"
        f"seconds; DS is Dawid-Skene, {ITERATIONS} iterations, no acceleration\n"
    )
    names = ["frame to votes", "vote", "crowd-kit vote", "x", "DS", "DS 2 threads"]
    names += ["crowd-kit DS", "x", "DS converged", "passes"]
    print(f"{'annotations':>12}{'K':>4}" + "".join(f"{name:>16}" for name in names))
    n_annotations = 10_000
    while n_annotations <= largest:
        for n_classes in CLASSES:
            print(row(n_annotations, n_classes, peer), flush=True)
        n_annotations *= 10


def row(n_annotations: int, n_classes: int, peer: bool) -> str:
    """Measure one size."""
    crowd = int(np.sqrt(n_annotations))
    drawn = simulate_annotations(
        n_annotations // 10, crowd, n_classes, labels_per_item=10, random_state=0
    )
    votes = drawn.annotations
    frame = votes.to_frame().rename(columns={"item": "task", "annotator": "worker"})
    few = {"max_iter": ITERATIONS, "tol": 0, "accelerate": False, "prior_strength": 0}
    model = DawidSkene()
    vote = least(lambda: MajorityVote().fit(votes))
    ds = least(lambda: DawidSkene(**few).fit(votes))
    cells: list[float | str] = [least(lambda: Annotations.from_frame(frame)), vote]
    runs = 3 if n_annotations < 1_000_000 else 1
    peer_vote = least(lambda: crowdkit_vote(frame), runs) if peer else np.nan
    peer_ds = least(lambda: crowdkit_dawid_skene(frame), runs) if peer else np.nan
    cells += [peer_vote, f"{peer_vote / vote:.0f}x", ds]
    cells += [least(lambda: DawidSkene(**few, n_jobs=2).fit(votes))]
    cells += [peer_ds, f"{peer_ds / ds:.0f}x", least(lambda: model.fit(votes)), str(model.n_iter_)]
    shown = [cell if isinstance(cell, str) else f"{cell:.4f}" for cell in cells]
    return f"{n_annotations:12,d}{n_classes:4d}" + "".join(f"{cell:>16}" for cell in shown)


def crowdkit_vote(frame: Any) -> None:
    """Run crowd-kit's majority vote."""
    from crowdkit.aggregation import MajorityVote as Peer

    Peer().fit_predict_proba(frame)


def crowdkit_dawid_skene(frame: Any) -> None:
    """Run crowd-kit's Dawid-Skene for the same number of iterations."""
    from crowdkit.aggregation import DawidSkene as Peer

    Peer(n_iter=ITERATIONS, tol=-np.inf).fit_predict_proba(frame)


def least(task: Callable[[], object], runs: int = 3) -> float:
    """Return the least seconds of some runs, after one that does not count."""
    seconds = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(runs + (runs > 1)):
            start = time.perf_counter()
            task()
            seconds.append(time.perf_counter() - start)
    return min(seconds[1:] or seconds)


if __name__ == "__main__":
    main()
