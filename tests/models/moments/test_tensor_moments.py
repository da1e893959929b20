from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.exceptions import ConvergenceWarning

from aggregate import Annotations, CoupledNMF, TensorMoments, simulate_annotations
from tests.published import PLAIN


def weak_crowd(seed):
    """10 annotators, each seeing half of 10 000 items; the first three never err on one class."""
    random = np.random.default_rng(seed)
    confusion = random.random((10, 3, 3))
    confusion /= confusion.sum(axis=2, keepdims=True)
    confusion[np.arange(3), np.arange(3)] = np.eye(3)
    truth = random.integers(3, size=10000)
    labels = np.full((10000, 10), -1)
    for j in range(10):
        edges = confusion[j].cumsum(axis=1)[truth]
        drawn = (random.random((10000, 1)) > edges).sum(axis=1)
        labels[:, j] = np.where(random.random(10000) < 0.5, drawn, -1)
    return Annotations.from_matrix(labels, missing=-1), confusion


def mean_squared_error(found, planted):
    gaps = ((planted[:, :, np.newaxis] - found[:, np.newaxis]) ** 2).sum(axis=(0, 3))
    order = linear_sum_assignment(gaps)[1]
    return ((found[:, order] - planted) ** 2).sum() / (len(found) * 3)


# The weak-annotator setting in which triples determine what pairs leave open.
def test_triples_tell_weak_annotators_where_pairs_do_not():
    errors = {"tensor": [], "pairs": []}
    for seed in range(4):
        votes, planted = weak_crowd(seed)
        tensor = TensorMoments(**PLAIN).fit(votes)
        pairs = CoupledNMF(max_iter=100, **PLAIN).fit(votes)
        errors["tensor"].append(mean_squared_error(tensor.confusion_, planted))
        errors["pairs"].append(mean_squared_error(pairs.confusion_, planted))
    assert np.mean(errors["tensor"]) <= 0.0015
    assert np.mean(errors["pairs"]) > 4 * np.mean(errors["tensor"])


def test_the_sum_of_squares_never_rises_and_restarts_do_not_hurt():
    votes = simulate_annotations(1000, 8, 3, random_state=0).annotations
    one = TensorMoments().fit(votes)
    assert (np.diff(one.objective_path_) <= 1e-9 * one.objective_path_[0]).all()
    three = TensorMoments(n_restarts=3).fit(votes)
    assert three.objective_path_[-1] <= one.objective_path_[-1] * (1 + 1e-9)


def test_triples_may_be_sampled_and_weights_left_out():
    crowd = simulate_annotations(4000, 30, 3, labels_per_item=8, random_state=0)
    for options in ({"n_triples": 300}, {"weighted": False}):
        model = TensorMoments(prior_strength=0, **options).fit(crowd.annotations)
        assert np.mean(model.labels_ == crowd.truth) > 0.95
        assert np.sqrt(np.mean((model.confusion_ - crowd.confusion) ** 2)) < 0.06


def test_too_few_sweeps_are_told():
    votes = simulate_annotations(500, 8, 3, random_state=0).annotations
    with pytest.warns(ConvergenceWarning, match="TensorMoments had not converged after 2"):
        assert not TensorMoments(max_iter=2).fit(votes).converged_
    TensorMoments(max_iter=2, tol=0).fit(votes)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"n_triples": 0}, "n_triples must be an integer of at least 1"),
        ({"n_restarts": 0}, "n_restarts must be an integer of at least 1"),
        ({"max_iter": 0}, "max_iter must be an integer of at least 1"),
        ({"tol": -1}, "tol must be a number of at least 0"),
    ],
)
def test_wrong_parameters_are_named(options, match):
    with pytest.raises(ValueError, match=match):
        TensorMoments(**options).fit([[0, 1, 1], [1, 1, 0]])
