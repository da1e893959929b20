from __future__ import annotations

import numpy as np
import pytest

from aggregate import CoupledNMF, MajorityVote, simulate_annotations
from tests.published import PLAIN, busiest, percent_wrong


# Ibrahim, Fu, Kargas and Huang (NeurIPS 2019), MultiSPA-KL. Their class prior is uniform; with
# it web comes out a little better than the range, with a learned prior inside it.
@pytest.mark.parametrize(
    ("data", "class_prior", "least", "most"),
    [
        ("bluebird-30", "uniform", 11.1, 12.1),
        ("rte", "uniform", 6.7, 7.3),
        ("dog-52", "uniform", 15.5, 16.2),
        ("web", "uniform", 13.9, 14.7),
        ("web", "learned", 14.1, 14.7),
    ],
)
def test_published_errors(real, data, class_prior, least, most):
    votes, truth = busiest(real, data)
    options = {**PLAIN, "class_prior": class_prior}
    model = CoupledNMF(alignment="diagonal", **options).fit(votes)
    assert least <= percent_wrong(model, votes, truth) <= most


def test_more_iterations_overfit_sparse_pairs(real):
    votes, truth = busiest(real, "web")
    few, many = (CoupledNMF(max_iter=n, **PLAIN).fit(votes) for n in (10, 100))
    assert percent_wrong(many, votes, truth) > percent_wrong(few, votes, truth) + 2
    assert many.objective_path_[-1] < few.objective_path_[-1]


def test_the_divergence_never_rises():
    votes = simulate_annotations(1000, 8, 3, random_state=0).annotations
    for solver in ("em", "mirror-descent"):
        path = CoupledNMF(solver=solver, max_iter=30).fit(votes).objective_path_
        assert (np.diff(path) <= 1e-9 * path[0]).all()


@pytest.mark.parametrize("solver", ["em", "mirror-descent"])
@pytest.mark.parametrize("init", ["multispa", "vote"])
def test_every_start_and_solver_beats_the_vote(solver, init):
    crowd = simulate_annotations(
        3000, 10, 3, labels_per_item=5, accuracy=(0.4, 0.95), random_state=1
    )
    model = CoupledNMF(solver=solver, init=init).fit(crowd.annotations)
    vote = MajorityVote().fit(crowd.annotations)
    assert np.mean(model.labels_ == crowd.truth) > np.mean(vote.labels_ == crowd.truth) + 0.02


def test_smoothing_keeps_probabilities_from_zero():
    votes = simulate_annotations(200, 8, 3, random_state=0).annotations
    bare = CoupledNMF(max_iter=300, **PLAIN).fit(votes)
    smooth = CoupledNMF(max_iter=300, smoothing=5.0, **PLAIN).fit(votes)
    assert smooth.confusion_.min() > bare.confusion_.min()
    assert smooth.confusion_.min() > 0.005


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"solver": "newton"}, "solver must be one of"),
        ({"init": "tensor"}, "init must be one of"),
        ({"alignment": "best"}, "alignment must be one of"),
        ({"smoothing": -1}, "smoothing must be a number of at least 0"),
        ({"max_iter": 0}, "max_iter must be an integer of at least 1"),
        ({"tol": -1}, "tol must be a number of at least 0"),
    ],
)
def test_wrong_parameters_are_named(options, match):
    with pytest.raises(ValueError, match=match):
        CoupledNMF(**options).fit([[0, 1, 1], [1, 1, 0]])
