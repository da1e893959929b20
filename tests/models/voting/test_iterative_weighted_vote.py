from __future__ import annotations

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from aggregate import IterativeWeightedVote, MajorityVote
from tests import naive, problems


@pytest.mark.parametrize("n_classes", [1, 2, 3, 12])
@pytest.mark.parametrize(
    ("ties", "ahead"), [("prior", naive.winners), ("first", naive.first_winner)]
)
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_formula(n_classes, ties, ahead, seed):
    votes = problems.planted(seed, n_items=60, n_classes=n_classes).votes
    model = IterativeWeightedVote(ties=ties).fit(votes)
    weight, shares = naive.iwmv(problems.triples(votes), problems.shape(votes), 100, ahead)
    np.testing.assert_allclose(model.annotator_weight_, weight, rtol=1e-12)
    np.testing.assert_allclose(model.probas_, shares, rtol=1e-12)


def test_is_a_fixed_point():
    votes = problems.planted(1).votes
    model = IterativeWeightedVote().fit(votes)
    assert model.converged_
    assert model.n_iter_ >= 1
    consensus = naive.winners(model.probas_)
    accuracy = naive.agreements(problems.triples(votes), consensus, 8)
    np.testing.assert_allclose(
        model.annotator_weight_, np.maximum(0, (3 * accuracy - 1) / 2), rtol=1e-12
    )


def test_silences_those_no_better_than_chance():
    table = problems.planted(2, n_annotators=6, per_item=6).votes.to_matrix()
    table[:, 5] = (table[:, 0] + 1) % 3  # never right
    model = IterativeWeightedVote().fit(table)
    assert model.annotator_weight_[5] == 0


def test_equal_weights_where_nobody_is_better_than_chance():
    table = np.eye(2, dtype=int)
    model = IterativeWeightedVote().fit(table)
    np.testing.assert_array_equal(model.annotator_weight_, 1)
    np.testing.assert_array_equal(model.probas_, MajorityVote().fit(table).probas_)


def test_no_convergence_names_the_remedy():
    votes = problems.planted(3, n_items=400, accuracy=(0.3, 0.7), per_item=4).votes
    with pytest.warns(
        ConvergenceWarning, match="still changed after max_iter=1 rounds; raise"
    ) as w:
        model = IterativeWeightedVote(max_iter=1).fit(votes)
    assert not model.converged_
    assert model.n_iter_ == 1
    assert w[0].filename == __file__


@pytest.mark.parametrize("value", [0, -1])
def test_refuses_no_rounds(value):
    with pytest.raises(ValueError, match="max_iter must be an integer of at least 1"):
        IterativeWeightedVote(max_iter=value).fit([[0, 1]])
