"""The report: what it never depends on, never NaN, and what it says of real crowds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregate import Annotations, identifiability_report, simulate_annotations


def arrays(value):
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        yield value
    elif isinstance(value, float):
        yield np.array(value)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from arrays(getattr(value, field.name))


@given(seed=st.integers(0, 10_000), n_labels=st.integers(0, 40), n_classes=st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_never_nan_and_always_a_verdict(seed, n_labels, n_classes):
    random = np.random.default_rng(seed)
    columns = [random.integers(0, n, n_labels) for n in (8, 5, n_classes)]
    votes = Annotations.from_columns(*columns, classes=range(n_classes), known_items=range(9))
    found = identifiability_report(votes, n_starts=1, min_overlap=2, min_items=2, random_state=0)
    assert not any(np.isnan(array).any() for array in arrays(found))
    assert found.level in ("yes", "partly", "no")
    assert "nan" not in str(found)
    assert found.findings


def summary(found, names):
    """Return everything that may not depend on order or names; annotators by name."""
    by_name = {
        name: (labels.item(), shared.item(), rank.item(), few.item(), guess.item())
        for name, labels, shared, rank, few, guess in zip(
            names,
            found.annotators.labels,
            found.annotators.shared_items,
            found.annotators.rank,
            found.annotators.too_few,
            found.annotators.guessing,
            strict=True,
        )
    }
    numbers = (found.pairs.n_usable, found.pairs.n_full_rank, found.pairs.n_sharing)
    triples = dataclasses.astuple(found.triples)
    coverage = round(found.classes.scattering.coverage, 3) if found.classes.scattering else None
    return by_name, numbers, triples, found.level, found.classes.rank, coverage


@given(seed=st.integers(0, 1000))
@example(seed=381)  # a pair whose table has two equal singular values
@settings(max_examples=15, deadline=None)
def test_order_of_rows_annotators_and_names_of_classes_do_not_matter(seed):
    votes = simulate_annotations(80, 6, 3, labels_per_item=4, random_state=seed).annotations
    rows = [
        (int(i), int(j), int(y))
        for i, j, y in zip(votes.item, votes.annotator, votes.label, strict=True)
    ]
    options = {"n_starts": 0, "min_overlap": 15}
    first = identifiability_report(votes, **options)
    random = np.random.default_rng(seed)
    shuffled = [rows[n] for n in random.permutation(len(rows))]
    rename, label = random.permutation(6), random.permutation(3)
    renamed = [(i, int(rename[j]), int(label[y])) for i, j, y in shuffled]
    other = Annotations.from_columns(*zip(*renamed, strict=True))
    second = identifiability_report(other, **options)
    back = {int(rename[j]): j for j in range(6)}
    names = [back[name] for name in other.annotators.tolist()]
    assert summary(first, range(6)) == summary(second, names)
    place = [other.classes.tolist().index(label[y]) for y in range(3)]
    np.testing.assert_allclose(first.classes.epsilon, second.classes.epsilon[place], atol=1e-3)
    np.testing.assert_allclose(first.classes.values, second.classes.values, atol=1e-12)


@pytest.mark.parametrize("name", ["bluebird", "rte", "dog", "product", "face_sentiment"])
def test_real_crowds_tell_their_classes_apart(real, name):
    votes, _ = real(name)
    found = identifiability_report(votes, random_state=0)
    assert found.level == "yes"
    assert found.classes.rank == votes.n_classes
    assert len(str(found).splitlines()) <= 22


def test_guessers_of_real_crowds_are_worse_than_the_others(real):
    for name in ("bluebird", "rte", "sentiment_polarity", "music_genre"):
        votes, truth = real(name)
        known = np.array([truth.get(item) for item in votes.items.tolist()])
        right = votes.classes[votes.label] == known[votes.item]
        share = np.bincount(votes.annotator, right) / np.maximum(votes.labels_per_annotator, 1)
        found = identifiability_report(votes, n_starts=0).annotators
        others = ~found.guessing & ~found.too_few
        assert share[found.guessing].mean() < share[others].mean() - 0.15
