"""What holds for every model with item difficulties."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from aggregate import GLAD, Annotations, MinimaxEntropy, simulate_annotations

MODELS = [GLAD(), GLAD(class_prior="learned"), MinimaxEntropy(), MinimaxEntropy(scale="ordinal")]
IDS = [str(model) for model in MODELS]
each = pytest.mark.parametrize("model", MODELS, ids=IDS)


@parametrize_with_checks([GLAD(), MinimaxEntropy()])
def test_sklearn(estimator, check):
    check(estimator)


def crowd(n_items=150, n_annotators=12, n_classes=3, labels=5, seed=0):
    return simulate_annotations(
        n_items, n_annotators, n_classes, labels_per_item=labels, random_state=seed
    )


@each
def test_the_objective_never_falls_and_the_climb_ends(model):
    fitted = model.fit(crowd().annotations)
    path = fitted.objective_path_
    assert np.diff(path).min() >= -1e-9 * abs(path[-1])
    assert fitted.converged_
    assert 1 < fitted.n_iter_ <= fitted.max_iter


@each
def test_the_votes_of_the_fit_are_predicted_as_fitted(model):
    votes = crowd().annotations
    fitted = model.fit(votes)
    np.testing.assert_allclose(fitted.predict_proba(votes), fitted.probas_, atol=1e-12)
    assert fitted.score(votes) < 0


@each
def test_orders_and_names_do_not_matter(model):
    votes = crowd().annotations
    item, annotator, label = votes.item, votes.annotator, votes.label
    random = np.random.default_rng(1)
    order = random.permutation(len(item))
    names = np.array(["z", "m", "a"])
    annotators = random.permutation(12)
    again = Annotations.from_columns(
        item[order], annotators[annotator[order]], names[label[order]], classes=names,
        known_items=np.arange(150), known_annotators=np.arange(12),
    )  # fmt: skip
    one, two = model.fit(votes).probas_, model.fit(again).probas_
    np.testing.assert_allclose(one, two, atol=2e-3)
    assert (one.argmax(1) == two.argmax(1)).all()


@each
def test_threads_change_no_bit(model):
    votes = crowd(n_items=30_000, n_annotators=30, n_classes=2).annotations
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        serial = type(model)(**{**model.get_params(), "max_iter": 5}).fit(votes)
        threads = type(model)(**{**model.get_params(), "max_iter": 5, "n_jobs": 2}).fit(votes)
    assert (serial.probas_ == threads.probas_).all()
    assert (serial.objective_path_ == threads.objective_path_).all()


@each
def test_gold_is_held_and_judges(model):
    simulation = crowd()
    truth = simulation.truth
    wrong = {0: (truth[0] + 1) % 3, 1: (truth[1] + 1) % 3}
    fitted = model.fit(simulation.annotations, gold=wrong)
    assert [fitted.labels_[0], fitted.labels_[1]] == [wrong[0], wrong[1]]
    assert fitted.probas_[0].max() == 1
    everything = model.fit(simulation.annotations, gold=dict(enumerate(truth.tolist())))
    assert (everything.labels_ == truth).all()


@each
def test_strangers(model):
    fitted = model.fit(crowd().annotations)
    new = Annotations.from_columns(["p", "p", "q"], [0, "new", "newer"], [1, 1, 2])
    probas = fitted.predict_proba(new)
    np.testing.assert_allclose(probas.sum(1), 1)
    assert probas[1].argmax() == 2
    careless = type(model)(**{**model.get_params(), "unknown_annotators": "ignore"})
    ignored = careless.fit(crowd().annotations).predict_proba(new)
    np.testing.assert_allclose(ignored[1], fitted.class_prior_, atol=1e-6)
    strict = type(model)(**{**model.get_params(), "unknown_annotators": "error"})
    with pytest.raises(ValueError, match="2 annotators were not in the fit"):
        strict.fit(crowd().annotations).predict_proba(new)


DEGENERATE = {
    "one class": Annotations.from_matrix([["a", "a"], ["a", None]]),
    "one annotator": Annotations.from_matrix([[0], [1], [1]]),
    "no overlap": Annotations.from_matrix([[0, -1], [-1, 1], [1, -1]]),
    "an item without labels": Annotations.from_matrix([[0, 1, 1], [-1, -1, -1], [1, 1, 1]]),
    "an unused class": Annotations.from_columns([0, 0, 1], [0, 1, 0], [0, 0, 1], classes=[0, 1, 2]),
    "600 labels on an item": Annotations.from_columns(
        np.repeat([0, 1], 600), np.tile(np.arange(600), 2), np.repeat([0, 1], 600)
    ),
}


@each
@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_votes_give_probabilities(model, case):
    votes = DEGENERATE[case]
    fitted = model.fit(votes)
    assert np.isfinite(fitted.probas_).all()
    np.testing.assert_allclose(fitted.probas_.sum(1), 1)
    np.testing.assert_allclose(fitted.class_prior_.sum(), 1)
    assert np.isfinite(fitted.annotator_skill_).all()
    assert ((fitted.annotator_skill_ >= 0) & (fitted.annotator_skill_ <= 1)).all()
    if case == "600 labels on an item":
        assert fitted.labels_.tolist() == [0, 1]


@each
def test_running_out_of_passes_is_a_warning_that_names_the_remedy(model):
    hasty = type(model)(**{**model.get_params(), "max_iter": 2})
    with pytest.warns(ConvergenceWarning, match="Raise max_iter or tol"):
        hasty.fit(crowd().annotations)
