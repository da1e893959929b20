"""Gold against a crowd that mislead together: the fit from the votes is not the last word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregate import (
    CBCC,
    EBCC,
    GLAD,
    IBCC,
    MACE,
    Annotations,
    Auto,
    DawidSkene,
    FastDawidSkene,
    HierarchicalDawidSkene,
    MajorityVote,
    OneCoinDawidSkene,
    ZenCrowd,
    simulate_annotations,
)
from aggregate.models import _gold_start

N_ITEMS, N_GOLD = 300, 30


def misled(n_classes=2, seed=0, share=0.7):
    """Return a table of seven annotators, five of whom swap the last two classes, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(n_classes, size=N_ITEMS)
    swapped = np.arange(n_classes)
    swapped[-2:] = swapped[:-3:-1]
    table = np.empty((N_ITEMS, 7), dtype=int)
    for j in range(7):
        right = rng.random(N_ITEMS) < share
        said = np.where(right, truth, rng.integers(n_classes, size=N_ITEMS))
        table[:, j] = swapped[said] if j < 5 else said
    return table, truth


def first(truth, n_gold=N_GOLD):
    return np.where(np.arange(len(truth)) < n_gold, truth, -1)


def right(model, truth):
    return (model.labels_ == truth)[N_GOLD:].mean()


@pytest.mark.parametrize(
    "model",
    [
        DawidSkene(),
        DawidSkene(prior_strength=0),
        FastDawidSkene(),
        HierarchicalDawidSkene(),
        OneCoinDawidSkene(),
        ZenCrowd(),
        GLAD(),
        IBCC(),
        CBCC(),
        EBCC(n_init=1, random_state=0),
        Auto(),
    ],
    ids=repr,
)
def test_ten_gold_items_turn_a_misled_crowd_round(model):
    table, truth = misled(share=0.85)
    assert right(MajorityVote().fit(table), truth) < 0.2
    assert right(model.fit(table), truth) < 0.2
    fitted = model.fit(table, gold=first(truth, 10))
    assert right(fitted, truth) > 0.9
    assert (fitted.labels_ == truth)[:10].all()


def test_mace_takes_those_who_mislead_for_spammers():
    """It has no annotators who contradict; with gaps and a narrow majority that is likelier."""
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=600)
    table = np.full((600, 7), -1)
    for j in range(7):
        said = np.where(rng.random(600) < 0.8, truth, rng.integers(2, size=600))
        table[:, j] = np.where(rng.random(600) < 0.6, 1 - said if j < 4 else said, -1)
    model = MACE(n_init=1)
    assert right(model.fit(table), truth) < 0.2
    assert right(model.fit(table, gold=first(truth)), truth) > 0.8
    assert (model.competence_[:4] < 0.2).all()


def test_a_warm_start_is_turned_round_too():
    table, truth = misled()
    model = DawidSkene(warm_start=True)
    assert right(model.fit(table), truth) < 0.2
    assert right(model.fit(table, gold=first(truth)), truth) > 0.9


def test_two_classes_of_four_are_swapped_back():
    table, truth = misled(4)
    assert right(DawidSkene().fit(table), truth) < 0.6
    assert right(DawidSkene().fit(table, gold=first(truth)), truth) > 0.9


def test_the_less_likely_fit_leaves_no_trace(monkeypatch):
    """Five wrong gold items speak against the fit, but a crowd of nine explain them as errors."""
    crowd = simulate_annotations(200, 9, 2, accuracy=0.85, random_state=0)
    gold = np.where(np.arange(200) < 5, 1 - crowd.truth, -1)
    model = DawidSkene().fit(crowd.annotations, gold=gold)
    assert _gold_start.is_contradicted(model, crowd.annotations, gold.astype(np.int32))
    monkeypatch.setattr(_gold_start, "is_contradicted", lambda *_: False)
    alone = DawidSkene().fit(crowd.annotations, gold=gold)
    assert vars(model).keys() == vars(alone).keys()
    np.testing.assert_array_equal(model.probas_, alone.probas_)
    np.testing.assert_array_equal(model.objective_path_, alone.objective_path_)


@pytest.mark.parametrize("n_wrong", [1, 2])
def test_two_wrong_gold_items_overturn_nothing(n_wrong):
    crowd = simulate_annotations(200, 9, 2, accuracy=0.85, random_state=0)
    gold = np.where(np.arange(200) < n_wrong, 1 - crowd.truth, -1)
    model = DawidSkene(prior_strength=0).fit(crowd.annotations, gold=gold)
    assert (model.labels_ == crowd.truth)[n_wrong:].mean() > 0.95


def test_gold_that_agrees_costs_no_second_fit(monkeypatch):
    crowd = simulate_annotations(200, 9, 3, accuracy=0.8, random_state=0)
    starts = []
    fit = DawidSkene._fit
    monkeypatch.setattr(
        DawidSkene,
        "_fit",
        lambda self, *args, **data: (starts.append(data), fit(self, *args, **data))[1],
    )
    DawidSkene().fit(crowd.annotations, gold=first(crowd.truth))
    assert len(starts) == 1
    table, truth = misled()
    DawidSkene().fit(table, gold=first(truth))
    assert [data.get("gold_alone", False) for data in starts] == [False, False, True]


def test_a_start_that_was_asked_for_is_kept():
    table, truth = misled()
    shares = np.stack([(table == k).mean(axis=1) for k in range(2)], axis=1)
    model = DawidSkene(init=shares).fit(table, gold=first(truth))
    assert right(model, truth) < 0.2


@settings(max_examples=40, deadline=None)
@given(
    n_classes=st.integers(2, 4),
    n_gold=st.integers(1, 20),
    seed=st.integers(0, 1000),
    share=st.sampled_from([0.2, 0.5, 0.9]),
)
def test_the_objective_is_never_below_that_of_the_votes_start(n_classes, n_gold, seed, share):
    table, truth = misled(n_classes, seed, share)
    gold = first(truth, n_gold)
    shares = np.stack([(table == k).mean(axis=1) for k in range(n_classes)], axis=1)
    known = gold >= 0
    shares[known] = np.eye(n_classes)[gold[known]]
    alone = DawidSkene(init=shares).fit(table, gold=gold)
    both = DawidSkene().fit(table, gold=gold)
    assert both.objective_path_[-1] >= alone.objective_path_[-1] - 1e-9 * abs(
        alone.objective_path_[-1]
    )
    assert (np.diff(both.objective_path_) >= -1e-9 * abs(both.objective_path_[-1])).all()


def test_gain_by_hand():
    """Two gold items of class 0: one foretold with 9/10, one with 1/10; the prior is even."""
    votes = Annotations.from_matrix([[0], [1], [0], [1]])
    init = {0: np.array([[0.9, 0.1], [0.1, 0.9]])}
    model = DawidSkene(
        init=init, fix_confusion=True, class_prior=[0.5, 0.5], annotator_correlation=0
    ).fit(votes)
    gain, against = _gold_start.gold_gain(model, votes, np.array([0, 0, -1, -1]))
    np.testing.assert_allclose(gain, [np.log(0.9 / 0.5) + np.log(0.1 / 0.5), 0.0])
    assert against.tolist() == [1, 0]


def test_a_folder_and_a_table_agree(tmp_path):
    table, truth = misled(3)
    votes = Annotations.from_matrix(table)
    stored = Annotations.open(votes.save(tmp_path / "votes"))
    for model in (DawidSkene, HierarchicalDawidSkene):
        here = model().fit(votes, gold=first(truth))
        there = model().fit(stored, gold=first(truth))
        assert right(here, truth) > 0.9
        np.testing.assert_allclose(there.confusion_, here.confusion_, atol=1e-7)
        np.testing.assert_allclose(there.probas_, here.probas_, atol=1e-7)


def test_a_checkpoint_that_is_resumed_ends_the_same(tmp_path):
    table, truth = misled()
    whole = DawidSkene().fit(table, gold=first(truth))
    path = tmp_path / "fit.npz"
    with pytest.warns(UserWarning, match="max_iter=3"):
        DawidSkene(max_iter=3, checkpoint=path, checkpoint_every=1).fit(table, gold=first(truth))
    again = DawidSkene(checkpoint=path, checkpoint_every=1).fit(table, gold=first(truth))
    np.testing.assert_array_equal(again.confusion_, whole.confusion_)


def test_auto_does_not_take_a_misled_fit_for_a_correlated_crowd():
    """Gold that contradicts the votes tells who misleads, not how far errors are shared."""
    table, truth = misled()
    model = Auto().fit(table, gold=first(truth))
    assert model.annotator_correlation_ < 0.3
    assert any("Gold contradicts" in sentence for sentence in model.explanation_)
    crowd = simulate_annotations(200, 9, 3, accuracy=0.8, random_state=0)
    model = Auto().fit(crowd.annotations, gold=first(crowd.truth))
    assert not any("Gold contradicts" in sentence for sentence in model.explanation_)
