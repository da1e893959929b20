from __future__ import annotations

import numpy as np
import pytest

from aggregate import MajorityVote, SymmetricNMF, simulate_annotations
from tests.published import PLAIN, busiest, percent_wrong


# Ibrahim and Fu (ICML 2021), ten EM iterations; one item of dog is 0.12 percent.
@pytest.mark.parametrize(
    ("data", "published", "margin"), [("bluebird", 10.2, 0.02), ("dog-52", 15.74, 0.13)]
)
@pytest.mark.parametrize("method", ["impute", "robust"])
def test_published_errors(real, data, published, margin, method):
    votes, truth = busiest(real, data)
    model = SymmetricNMF(method=method, refine=10, **PLAIN).fit(votes)
    assert abs(percent_wrong(model, votes, truth) - published) < margin


@pytest.mark.parametrize(("data", "n_seeds"), [("rte", 6), ("web", 4)])
def test_no_seed_is_worse_than_the_vote(real, data, n_seeds):
    """Of twenty seeds the table of `benchmarks/moment_numbers.py` tells."""
    votes, truth = busiest(real, data)
    vote = percent_wrong(MajorityVote().fit(votes), votes, truth)
    for seed in range(n_seeds):
        model = SymmetricNMF(random_state=seed, **PLAIN).fit(votes)
        assert percent_wrong(model, votes, truth) < vote - 2


def test_missing_pairs_are_imputed():
    random = np.random.default_rng(0)
    crowd = simulate_annotations(
        8000, 9, 3, labels_per_item=9, accuracy=(0.75, 0.95), random_state=random
    )
    table = crowd.annotations.to_matrix()
    table[:4000, 6:] = -1  # the first and the last three never meet
    table[4000:, :3] = -1
    for method in ("impute", "robust"):
        model = SymmetricNMF(method=method, prior_strength=0).fit(table)
        assert model.estimated_.all()
        assert abs(model.confusion_ - crowd.confusion).max() < 0.12


def test_pairs_with_too_few_items_do_not_count():
    votes = simulate_annotations(300, 6, 3, labels_per_item=4, random_state=0).annotations
    with pytest.warns(UserWarning, match="no moments to estimate from"):
        model = SymmetricNMF(min_shared=1000).fit(votes)
    assert not model.estimated_.any()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"method": "guess"}, "method must be one of"),
        ({"min_shared": 0}, "min_shared must be an integer of at least 1"),
        ({"power": 3}, "power must be a number above 0 and at most 2"),
        ({"floor": 0}, "floor must be a number above 0"),
        ({"n_init": 0}, "n_init must be an integer of at least 1"),
        ({"max_iter": 0}, "max_iter must be an integer of at least 1"),
        ({"tol": -1}, "tol must be a number of at least 0"),
    ],
)
def test_wrong_parameters_are_named(options, match):
    with pytest.raises(ValueError, match=match):
        SymmetricNMF(**options).fit([[0, 1, 1], [1, 1, 0]])
