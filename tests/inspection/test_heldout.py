from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregate import Annotations, DawidSkene, MajorityVote, compare, simulate_annotations
from aggregate.fusion import posterior
from aggregate.inspection import heldout
from aggregate.inspection.heldout import HeldOut, Reading, folds, log_probabilities, without


def crowd(seed=0, n_items=60, n_classes=3):
    """Return votes with repeats, an empty item and items labelled by one annotator only."""
    random = np.random.default_rng(seed)
    n = 5 * n_items
    items, people = random.integers(n_items, size=n), random.integers(9, size=n)
    labels = random.integers(n_classes, size=n)
    lonely = ["alone"] * 2
    return Annotations.from_columns(
        [f"item {i}" for i in items] + lonely,
        [f"who {j}" for j in people] + ["who 1"] * 2,
        [f"class {y}" for y in labels] + ["class 0", "class 1"],
        known_items=[f"item {i}" for i in range(n_items)] + ["alone", "empty"],
    )


def by_name(votes, values):
    """Return values by item, annotator and label, in an order that hangs on names alone."""
    names = zip(
        votes.items[votes.item],
        votes.annotators[votes.annotator],
        votes.classes[votes.label],
        strict=True,
    )
    pairs = zip(names, values, strict=True)
    return sorted((*map(str, key), float(value)) for key, value in pairs)


@given(seed=st.integers(0, 1000), n_folds=st.integers(2, 7))
def test_every_item_keeps_labels_in_every_fold(seed, n_folds):
    votes = crowd(seed, n_items=12)
    fold = folds(votes, n_folds, seed)
    people = {}
    for item, who, part in zip(votes.item, votes.annotator, fold, strict=True):
        assert people.setdefault((item, who), part) == part  # repeats stay together
    for item in range(votes.n_items):
        parts = [part for (i, _), part in people.items() if i == item]
        if len(parts) < 2:
            assert set(parts) <= {-1}
            continue
        counts = np.bincount(parts, minlength=n_folds)
        assert counts.max() - counts.min() <= 1
        assert counts.max() < len(parts)


def test_the_folds_hang_on_names_alone():
    votes = crowd()
    expected = by_name(votes, folds(votes))
    random = np.random.default_rng(1)
    order = random.permutation(votes.n_annotations)
    shuffled = Annotations.from_columns(
        votes.items[votes.item][order],
        votes.annotators[votes.annotator][order],
        votes.classes[votes.label][order],
        known_items=random.permutation(votes.items),
        known_annotators=random.permutation(votes.annotators),
        classes=votes.classes[::-1],
    )
    assert by_name(shuffled, folds(shuffled)) == expected
    assert not np.array_equal(folds(votes, seed=1), folds(votes))


def test_folds_are_about_equal_and_differ_between_items():
    votes = simulate_annotations(3000, 40, 2, labels_per_item=3, random_state=0).annotations
    counts = np.bincount(folds(votes, 5))
    assert (abs(counts - 1800) < 200).all()


def test_one_fold_is_refused():
    with pytest.raises(ValueError, match="n_folds"):
        folds(crowd(), 1)


def naive_reading(votes, probas):
    """Return what annotators say by true class, (M, K, K), with loops."""
    shape = (votes.n_annotators, votes.n_classes, votes.n_classes)
    counts = np.zeros(shape)
    for item, who, label in zip(votes.item, votes.annotator, votes.label, strict=True):
        for k in range(votes.n_classes):
            counts[who, k, label] += probas[item, k]
    habits = np.zeros(shape[1:])
    for k in range(votes.n_classes):
        row = counts[:, k].sum(axis=0) + 1 / votes.n_classes
        habits[k] = row / row.sum()
    for j in range(votes.n_annotators):
        for k in range(votes.n_classes):
            counts[j, k] = (counts[j, k] + 2 * habits[k]) / (counts[j, k].sum() + 2)
    return counts


@pytest.mark.parametrize("at_once", [1, 7, 1 << 22])
def test_labels_set_aside_are_predicted_as_by_loops(monkeypatch, at_once):
    monkeypatch.setattr(heldout, "_AT_ONCE", at_once)
    votes = crowd(3)
    aside = folds(votes) == 2
    kept = without(votes, aside)
    probas = DawidSkene().fit(kept).probas_
    expected = naive_reading(kept, probas)
    found = log_probabilities(probas, kept, votes, aside)
    places = np.flatnonzero(aside)
    for value, e in zip(found, places, strict=True):
        i, j, y = votes.item[e], votes.annotator[e], votes.label[e]
        assert value == pytest.approx(np.log(probas[i] @ expected[j, :, y]))


def test_a_reading_is_a_distribution_over_labels():
    votes = crowd(5)
    probas = MajorityVote().fit(votes).probas_
    reading = Reading(votes, probas)
    columns = [
        reading.column(np.arange(9, dtype=np.int32), np.full(9, y, dtype=np.int32))
        for y in range(3)
    ]
    np.testing.assert_allclose(sum(columns), 1)
    np.testing.assert_allclose(np.stack(columns, axis=2), naive_reading(votes, probas))


def test_what_is_set_aside_is_gone_and_nothing_else():
    votes = crowd(2)
    aside = folds(votes) == 0
    kept = without(votes, aside)
    gone = by_name(votes, aside)
    assert sorted(by_name(kept, np.zeros(kept.n_annotations))) == [
        row for row in gone if row[-1] == 0
    ]
    for name in ("items", "annotators", "classes"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(votes, name))


def test_the_error_counts_items_not_labels():
    random = np.random.default_rng(0)
    values = random.normal(size=400)
    alone = HeldOut(values, np.arange(400, dtype=np.int32))
    assert alone.error == pytest.approx(values.std() / 20)
    thrice = HeldOut(np.repeat(values, 3), np.repeat(np.arange(400, dtype=np.int32), 3))
    assert thrice.error == pytest.approx(alone.error)
    assert alone.gain(alone) == (0.0, 0.0)
    assert alone.gain(HeldOut(values - 1, alone.item)) == pytest.approx((1.0, 0.0), abs=1e-12)


def test_nothing_predicts_better_than_the_truth_known_in_full():
    """Soft labels from the true confusions bound every model fitted, but for noise."""
    confusion = 0.6 * np.eye(3) + 0.4 * np.random.default_rng(4).dirichlet([1] * 3, size=(15, 3))
    drawn = simulate_annotations(800, 15, 3, confusion=confusion, labels_per_item=6, random_state=0)
    votes = drawn.annotations
    fold = folds(votes)
    scores = {"truth": [], "vote": [], "model": []}
    for part in range(5):
        kept = without(votes, fold == part)
        soft = {
            "truth": posterior(kept, confusion, drawn.class_prior, annotator_correlation=0),
            "vote": MajorityVote().fit(kept).probas_,
            "model": DawidSkene(annotator_correlation=0).fit(kept).probas_,
        }
        for name, probas in soft.items():
            scores[name].append(log_probabilities(probas, kept, votes, fold == part).mean())
    means = {name: np.mean(parts) for name, parts in scores.items()}
    assert means["truth"] > means["model"] - 0.003 > means["vote"]


BIASED = [  # class 1 is named 0 half the time by some, class 0 named 1 by the others
    [[0.95, 0.05], [0.5, 0.5]],
    [[0.5, 0.5], [0.05, 0.95]],
]


def held_out(found):
    return {row.model: row.held_out for row in found.rows}


def test_the_model_that_made_the_votes_predicts_best():
    """Biased annotators: only a matrix each, with both kinds of errors, tells them apart."""
    drawn = simulate_annotations(
        1500, 20, 2, confusion=np.repeat(BIASED, 10, axis=0), labels_per_item=6, random_state=0
    )
    names = ["dawid-skene", "one-coin", "pooled", "wawa", "glad"]
    scores = held_out(compare(drawn.annotations, names))
    assert max(scores, key=scores.get) == "dawid-skene"
    found = compare(drawn.annotations, ["dawid-skene", "wawa"])
    assert "dawid-skene predicts the 9,000 labels set aside best" in found.verdict


def test_an_adversary_is_seen_by_prediction():
    confusion = np.repeat([[[0.8, 0.2], [0.2, 0.8]]], 12, axis=0)
    confusion[:3] = confusion[:3, ::-1]
    drawn = simulate_annotations(800, 12, 2, confusion=confusion, labels_per_item=5, random_state=1)
    scores = held_out(compare(drawn.annotations, ["one-coin", "wawa", "pooled"]))
    assert max(scores, key=scores.get) == "one-coin"


def test_where_the_vote_is_best_nothing_is_said_to_beat_it():
    """Equal annotators with equal errors: weights can only add noise."""
    drawn = simulate_annotations(
        400, 40, 3, confusion=np.full((3, 3), 0.15) + 0.55 * np.eye(3), random_state=3
    )
    found = compare(drawn.annotations, ["wawa", "iterative-weighted-vote", "catd"])
    assert "beat" in found.verdict.splitlines()[0]
    assert found.verdict.startswith("Nothing beats") or "nothing clearly" in found.verdict
