from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.optimize import check_grad
from sklearn.exceptions import ConvergenceWarning, SkipTestWarning
from sklearn.utils.estimator_checks import check_estimator

from aggregate import Annotations, LabelModel, simulate_annotations
from aggregate.metrics import accuracy
from aggregate.models._gold import gold_codes
from aggregate.models.spectral.label_model import _better_than_random, _Misfit
from tests import problems


def test_check_estimator():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        check_estimator(LabelModel())


def test_the_gradient_is_that_of_the_objective():
    votes = problems.ragged(1, n_labels=60)
    confusion, prior = problems.random_parameters(1, 5, 3, floor=0.01)
    misfit = _Misfit(votes, confusion / confusion.sum(axis=2, keepdims=True), prior, 0.5, None)
    point = np.random.default_rng(1).standard_normal(45) * 0.1
    assert check_grad(lambda x: misfit(x)[0], lambda x: misfit(x)[1], point) < 1e-5


@pytest.mark.parametrize("given", [False, True])
def test_confusions_are_recovered_and_the_error_falls(given):
    prior, errors = np.array([0.5, 0.3, 0.2]), []
    for n_items in (1000, 40_000):
        crowd = simulate_annotations(
            n_items, 8, 3, labels_per_item=6, class_prior=prior, random_state=3
        )
        model = LabelModel(class_prior=prior if given else "moments").fit(crowd.annotations)
        errors.append(abs(model.confusion_ - crowd.confusion).max())
    assert errors[1] < (0.05 if given else 0.07)
    assert errors[1] < errors[0] / 2


def test_the_objective_never_falls():
    path = LabelModel().fit(problems.planted(2).votes).objective_path_
    assert np.diff(path).min() >= -1e-12


def test_classes_are_named_so_that_sources_are_right():
    right = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8]])
    swapped = np.repeat(right[[1, 2, 0]][np.newaxis], 4, axis=0)
    order = _better_than_random(swapped, np.ones(4))
    np.testing.assert_array_equal(swapped[:, order], np.repeat(right[np.newaxis], 4, axis=0))


def test_order_and_names_do_not_matter():
    votes = problems.planted(4, n_items=100, n_annotators=7).votes
    rows = np.random.default_rng(4).permutation(votes.n_annotations)
    swap = np.array([2, 0, 1])
    other = Annotations.from_columns(
        votes.item[rows], votes.annotator[rows], swap[votes.label[rows]], classes=[0, 1, 2],
        known_items=votes.items, known_annotators=votes.annotators,
    )  # fmt: skip
    found, wanted = LabelModel(tol=1e-12).fit(other), LabelModel(tol=1e-12).fit(votes)
    np.testing.assert_array_equal(swap[wanted.labels_], found.labels_)
    # The optimum is flat where probabilities are near zero: as far as L-BFGS goes.
    np.testing.assert_allclose(found.probas_[:, swap], wanted.probas_, atol=0.03)


def test_gold_and_new_items():
    votes = problems.planted(5).votes
    model = LabelModel().fit(votes, gold={0: 2})
    assert model.probas_[0, 2] == 1.0
    plain = LabelModel().fit(votes)
    np.testing.assert_array_equal(plain.predict_proba(votes), plain.probas_)
    stranger = Annotations.from_columns([0], [99], [2])
    assert plain.predict_proba(stranger)[0].argmax() == 2


@problems.degenerate_tables
def test_degenerate_votes_give_probabilities(table):
    probas = LabelModel().fit(table).probas_
    assert np.isfinite(probas).all()
    np.testing.assert_allclose(probas.sum(axis=1), 1)


def test_running_out_of_iterations_is_said():
    with pytest.warns(ConvergenceWarning, match="max_iter=1"):
        LabelModel(max_iter=1, tol=1e-15).fit(problems.planted(6).votes)


@pytest.mark.parametrize(("name", "vote"), [("bluebird", 75.93), ("rte", 89.69), ("dog", 82.22)])
def test_it_beats_the_vote(real, name, vote):
    votes, truth = real(name)
    soft = LabelModel().fit(votes).probas_
    assert 100 * accuracy(soft, gold_codes(truth, votes)) > vote + 1
