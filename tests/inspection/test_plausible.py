"""Plausible truths: as frequent as the soft labels say, and spread where parameters vary."""

from __future__ import annotations

import numpy as np
import pytest

from aggregate import Annotations, Auto, DawidSkene, MajorityVote, simulate_annotations
from aggregate.inspection import sample_labels
from tests import problems


def test_classes_are_as_frequent_as_the_soft_labels_say():
    planted = problems.planted(1, n_items=50)
    model = DawidSkene().fit(planted.votes)
    drawn = sample_labels(model, planted.votes, 4000, random_state=0)
    shares = np.stack([(drawn == k).mean(axis=0) for k in range(3)], axis=1)
    np.testing.assert_allclose(shares, model.probas_, atol=0.04)


def test_varying_parameters_spread_what_all_items_share():
    crowd = simulate_annotations(400, 4, 2, labels_per_item=3, random_state=0)
    votes = crowd.annotations
    model = DawidSkene().fit(votes)
    spread = [
        (sample_labels(model, votes, 200, vary_parameters=vary, random_state=0) == 1)
        .mean(axis=1)
        .std()
        for vary in (False, True)
    ]
    assert spread[1] > 1.3 * spread[0]


def test_gold_is_kept_and_names_come_back():
    votes = Annotations.from_matrix([["a", "b"], ["b", "b"], ["a", "a"], ["a", None]])
    model = DawidSkene().fit(votes, gold={0: "b"})
    for vary in (False, True):
        drawn = sample_labels(model, votes, 20, vary_parameters=vary, gold={0: "b"})
        assert (drawn[:, 0] == "b").all()
        assert set(drawn.ravel().tolist()) <= {"a", "b"}


def test_seeds():
    planted = problems.planted(1, n_items=50)
    model = MajorityVote().fit(planted.votes)
    one, same = (sample_labels(model, planted.votes, 5, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(one, same)


def test_an_average_of_models_draws_a_member_and_its_parameters():
    crowd = simulate_annotations(200, 5, 2, labels_per_item=3, random_state=0)
    votes = crowd.annotations
    model = Auto().fit(votes)
    names = votes.classes[crowd.truth[:1]]
    shares = []
    for vary in (False, True):
        drawn = sample_labels(
            model, votes, 400, vary_parameters=vary, gold={0: names[0]}, random_state=0
        )
        assert (drawn[:, 0] == names[0]).all()
        shares.append((drawn == 1).mean(axis=1))
    assert shares[0].mean() == pytest.approx(shares[1].mean(), abs=0.04)
    assert shares[1].std() > 1.3 * shares[0].std()


def test_a_table_is_read_as_the_model_read_it():
    table = problems.planted(9, n_items=60).votes.to_matrix()
    assert sample_labels(DawidSkene().fit(table), table, 3).shape == (3, 60)
