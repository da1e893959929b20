"""Micro-benchmarks for pytest-benchmark: python -m pytest benchmarks --benchmark-only -n 0.

Each case runs once before it is timed, so that compilation does not count.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from aggregate import Annotations, DawidSkene, MajorityVote, simulate_annotations
from aggregate.fusion import posterior

SIZES = [10_000, 1_000_000]
CLASSES = [2, 4, 10]


@pytest.fixture(params=[(n, k) for n in SIZES for k in CLASSES], ids="{0[0]}x{0[1]}".format)
def votes(request: pytest.FixtureRequest) -> Annotations:
    """Ten labels per item by a crowd that grows with the square root of the data."""
    n_annotations, n_classes = request.param
    crowd = int(np.sqrt(n_annotations))
    return simulate_annotations(
        n_annotations // 10, crowd, n_classes, labels_per_item=10, random_state=0
    ).annotations


def test_majority_vote(benchmark: Any, votes: Annotations) -> None:
    benchmark.pedantic(lambda: MajorityVote().fit(votes), warmup_rounds=1, rounds=5)


def test_ten_passes_of_dawid_skene(benchmark: Any, votes: Annotations) -> None:
    model = DawidSkene(max_iter=10, tol=0, accelerate=False)
    benchmark.pedantic(lambda: model.fit(votes), warmup_rounds=1, rounds=5)


def test_dawid_skene_to_convergence(benchmark: Any, votes: Annotations) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        benchmark.pedantic(lambda: DawidSkene().fit(votes), warmup_rounds=1, rounds=3)


def test_posterior(benchmark: Any, votes: Annotations) -> None:
    model = DawidSkene(max_iter=2, tol=0).fit(votes)
    benchmark.pedantic(
        lambda: posterior(votes, model.confusion_, model.class_prior_), warmup_rounds=1, rounds=5
    )


def test_from_columns(benchmark: Any, votes: Annotations) -> None:
    frame = votes.to_frame()
    items = frame["item"].map("item-{}".format)
    benchmark.pedantic(
        lambda: Annotations.from_columns(items, frame["annotator"], frame["label"]),
        warmup_rounds=1,
        rounds=3,
    )
