"""What all estimators from moments promise alike."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from sklearn.base import clone

from aggregate import (
    Annotations,
    CoupledNMF,
    DawidSkene,
    MultiSPA,
    SpectralDawidSkene,
    SymmetricNMF,
    TensorMoments,
    simulate_annotations,
)

INITS = {
    "spectral": SpectralDawidSkene,
    "multispa": MultiSPA,
    "coupled-nmf": CoupledNMF,
    "symmetric-nmf": SymmetricNMF,
    "tensor": TensorMoments,
}
MODELS = list(INITS.values())
MOMENTS = {
    SpectralDawidSkene: {"refine": None},
    CoupledNMF: {"max_iter": 1000, "tol": 1e-7},
    SymmetricNMF: {"floor": 1e-9},
}
BARE = {"prior_strength": 0, "annotator_correlation": 0}

each_model = pytest.mark.parametrize("model", MODELS)


def bare(model, **options):
    """Return the estimate that the moments give, without any prior."""
    return model(**{**BARE, **MOMENTS.get(model, {}), **options})


@cache
def crowd(n_items, n_classes=3, seed=0):
    """Return a crowd in which annotator k never errs on class k, and nobody else says k."""
    random = np.random.default_rng(seed)
    right = random.uniform(0.65, 0.9, size=(12, n_classes))
    confusion = random.dirichlet(np.ones(n_classes), size=(12, n_classes))
    confusion *= (1 - right)[..., np.newaxis]
    confusion[:, np.arange(n_classes), np.arange(n_classes)] += right
    for k in range(n_classes):
        confusion[k] = np.where(np.arange(n_classes) == k, 0.0, confusion[k])
        confusion[k] /= confusion[k].sum(axis=1, keepdims=True)
        confusion[k, k] = np.eye(n_classes)[k]
    prior = random.dirichlet(np.full(n_classes, 10.0))
    return simulate_annotations(
        n_items, 12, n_classes, labels_per_item=6, confusion=confusion, class_prior=prior,
        random_state=seed,
    )  # fmt: skip


def distance(model, simulated):
    return np.sqrt(np.mean((model.confusion_ - simulated.confusion) ** 2))


@each_model
@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_a_planted_model_comes_out_of_many_items(model, n_classes):
    simulated = crowd(12000, n_classes)
    fitted = bare(model).fit(simulated.annotations)
    assert fitted.estimated_.all()
    assert distance(fitted, simulated) < 0.04
    assert abs(fitted.class_prior_ - simulated.class_prior).max() < 0.03
    skill = np.einsum("jkk,k->j", simulated.confusion, simulated.class_prior)
    assert abs(fitted.annotator_skill_ - skill).max() < 0.05
    oracle = DawidSkene(init=simulated.confusion, fix_confusion=True).fit(simulated.annotations)
    assert np.mean(fitted.labels_ == oracle.labels_) > 0.98


@each_model
def test_the_error_falls_with_the_square_root_of_the_items(model):
    few, many = (
        np.mean([distance(bare(model).fit(s.annotations), s) for s in crowds])
        for crowds in ([crowd(n, seed=seed) for seed in (1, 2)] for n in (1000, 16000))
    )
    assert 2 < few / many < 8  # 4, were there no spread


@each_model
def test_rows_annotators_and_names_may_come_in_any_order(model):
    simulated = crowd(2000)
    votes = simulated.annotations
    item, annotator, label = votes.item, votes.annotator, votes.label
    random = np.random.default_rng(0)
    place = random.permutation(len(label))
    shuffled = Annotations.from_columns(item[place], annotator[place], label[place])
    first = model().fit(votes)
    again = model().fit(shuffled)
    assert np.array_equal(first.confusion_, again.confusion_)
    renamed = Annotations.from_columns(item, annotator, np.array([2, 0, 1])[label])
    classes = np.array([2, 0, 1])  # class k is now called classes[k]
    other = model().fit(renamed)
    moved = other.confusion_[:, classes][:, :, classes]
    assert np.allclose(first.confusion_, moved, atol=2e-3)
    turned = model().fit(Annotations.from_columns(item[::-1], 11 - annotator, label))
    assert np.allclose(first.confusion_, turned.confusion_[::-1], atol=2e-3)


@pytest.mark.parametrize(
    "model",
    [
        SpectralDawidSkene(refine=None, random_state=4),
        TensorMoments(n_triples=60, max_iter=20, tol=0, random_state=4),
        SymmetricNMF(method="robust", random_state=4),
    ],
    ids=["spectral", "tensor", "robust"],
)
def test_random_choices_do_not_depend_on_the_order_of_annotators_and_items(model):
    votes = crowd(1500).annotations
    random = np.random.default_rng(0)
    place, item = random.permutation(12), random.permutation(1500)
    turned = Annotations.from_columns(item[votes.item], place[votes.annotator], votes.label)
    one, other = clone(model).fit(votes), clone(model).fit(turned)
    np.testing.assert_allclose(one.confusion_, other.confusion_[place], atol=1e-8)
    np.testing.assert_allclose(one.probas_, other.probas_[item], atol=1e-6)
    elsewhere = clone(model).set_params(random_state=5).fit(votes)
    assert abs(one.confusion_ - elsewhere.confusion_).max() > 1e-6  # there was a choice


@each_model
def test_votes_in_a_file_give_the_same_fit(model, tmp_path):
    votes = crowd(1500).annotations
    votes.save(tmp_path / "votes")
    mapped = Annotations.open(tmp_path / "votes")
    options = {"n_triples": 60} if model is TensorMoments else {}
    one, other = model(**options).fit(votes), model(**options).fit(mapped)
    np.testing.assert_array_equal(one.confusion_, other.confusion_)
    np.testing.assert_array_equal(one.probas_, other.probas_)
    assert "by_annotator" not in vars(mapped)  # a copy in another order


@each_model
def test_annotators_without_partners_are_reported_and_pooled(model):
    if model is SpectralDawidSkene:
        pytest.skip("groups, not pairs, determine its estimates")
    votes = crowd(2000).annotations
    items = np.concatenate([votes.item, np.arange(5000, 5040)])
    annotators = np.concatenate([votes.annotator, np.full(40, 12)])
    labels = np.concatenate([votes.label, np.zeros(40, dtype=int)])
    fitted = bare(model).fit(Annotations.from_columns(items, annotators, labels))
    assert fitted.estimated_.tolist() == [True] * 12 + [False]
    pooled = np.average(fitted.confusion_[:12], axis=0, weights=votes.labels_per_annotator)
    assert np.allclose(fitted.confusion_[12], pooled, atol=1e-6)


@pytest.mark.parametrize("init", INITS)
def test_refining_is_dawid_skene_from_there(init):
    votes = crowd(2000).annotations
    refined = INITS[init](refine="converge", random_state=3).fit(votes)
    started = DawidSkene(init=init, random_state=3).fit(votes)
    assert np.array_equal(refined.confusion_, started.confusion_)
    assert np.array_equal(refined.probas_, started.probas_)
    assert refined.converged_
    assert (np.diff(refined.objective_path_) >= -1e-9 * abs(refined.log_likelihood_)).all()
    published = {"class_prior": "uniform", **BARE, "random_state": 3}
    ten = INITS[init](refine=10, **published).fit(votes)
    estimate = INITS[init](refine=None, **published).fit(votes)
    same = DawidSkene(
        init=estimate.confusion_, max_iter=10, tol=0, accelerate=False, prior_strength=0,
        class_prior="uniform",
    )  # fmt: skip
    assert np.allclose(ten.confusion_, same.fit(votes).confusion_, atol=1e-9)
    assert ten.n_iter_ == 10


@each_model
def test_gold_is_kept_and_moves_em(model):
    simulated = crowd(2000)
    gold = np.full(2000, -1)
    gold[:50] = (simulated.truth[:50] + 1) % 3
    fitted = model(refine=None).fit(simulated.annotations, gold=gold)
    assert np.array_equal(fitted.labels_[:50], gold[:50])
    assert (fitted.probas_[:50].max(axis=1) == 1).all()
    assert fitted.gold_given_.sum() == 300
    plain = model(refine=3).fit(simulated.annotations)
    moved = model(refine=3).fit(simulated.annotations, gold=gold)
    assert moved.annotator_skill_.mean() < plain.annotator_skill_.mean() - 0.005


@each_model
@pytest.mark.parametrize(
    "votes",
    [
        [[0, 0], [0, 0]],
        [[0], [1], [1]],
        [[0, -1, -1], [-1, 1, -1], [-1, -1, 1], [0, -1, -1]],
    ],
    ids=["one class", "one annotator", "nothing shared"],
)
def test_without_moments_the_vote_decides_and_says_so(model, votes):
    with pytest.warns(UserWarning, match="fell back to the majority vote: .* no moments"):
        fitted = model().fit(votes)
    assert not fitted.estimated_.any()
    assert np.isfinite(fitted.probas_).all()
    assert fitted.labels_.tolist() == np.max(votes, axis=1).tolist()


@each_model
def test_new_items_and_unknown_annotators(model):
    votes = crowd(2000).annotations
    fitted = model().fit(votes)
    assert np.array_equal(fitted.predict_proba(votes), fitted.probas_)
    strangers = Annotations.from_columns([0, 0], [0, 99], [1, 1], classes=[0, 1, 2])
    assert fitted.predict(strangers).tolist() == [1]
    assert fitted.score(votes) < 0


@each_model
@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"refine": "often"}, "refine must be None, a number of EM iterations or 'converge'"),
        ({"refine": 0}, "refine must be an integer of at least 1"),
        ({"prior_strength": -1}, "prior_strength must be a number of at least 0"),
        ({"prior_accuracy": 2}, "prior_accuracy must be a number of at least 0 and at most 1"),
        ({"annotator_correlation": -0.1}, "annotator_correlation must be"),
        ({"class_prior": "equal"}, "class_prior must be one of"),
    ],
)
def test_wrong_parameters_are_named(model, options, match):
    with pytest.raises(ValueError, match=match):
        model(**options).fit([[0, 1, 1], [1, 1, 0]])


def test_a_wrong_start_is_answered_with_all_that_there_are():
    with pytest.raises(ValueError, match=r"init must be 'votes', 'spectral', .* got 'magic'"):
        DawidSkene(init="magic").fit([[0, 1, 1], [1, 1, 0]])


@each_model
def test_an_estimate_worse_than_pooling_is_not_used(model, monkeypatch):
    if model is MultiSPA:
        pytest.skip("noise is in its nature")
    votes = crowd(2000).annotations

    def nonsense(self, annotated):
        factors = np.full((12, 3, 3), 1e-3)
        factors[:, [1, 2, 0], [0, 1, 2]] = 1.0
        factors[::2] = factors[::2, :, ::-1]
        for estimate in original(self, annotated):
            yield estimate._replace(factors=factors)

    original = model._candidates
    monkeypatch.setattr(model, "_candidates", nonsense)
    with pytest.warns(UserWarning, match="worse than one confusion matrix for everybody"):
        fitted = model().fit(votes)
    assert not fitted.estimated_.any()
