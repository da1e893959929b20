"""Abstentions: no class, a response of its own; what it tells and what it must not change."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from aggregate import (
    Annotations,
    ClassConditionalDawidSkene,
    DawidSkene,
    FastDawidSkene,
    HierarchicalDawidSkene,
    HybridDawidSkene,
    OneCoinDawidSkene,
    PooledDawidSkene,
)
from aggregate.inspection import explore_optima, spammer_report
from tests import problems

STRUCTURES = [
    ClassConditionalDawidSkene,
    DawidSkene,
    FastDawidSkene,
    HybridDawidSkene,
    OneCoinDawidSkene,
    PooledDawidSkene,
]
ALL = [*STRUCTURES, HierarchicalDawidSkene]
every = pytest.mark.parametrize("model", ALL, ids=lambda model: model.__name__)
structures = pytest.mark.parametrize("model", STRUCTURES, ids=lambda model: model.__name__)
UNSURE = "unsure"


def call_partial_fit(estimator):
    """Name the checks that call partial_fit, which refuses abstentions and says so."""
    names = ("check_fit_score_takes_y", "check_n_features_in_after_fitting")
    return dict.fromkeys(names if hasattr(estimator, "partial_fit") else (), "a refusal")


@parametrize_with_checks(
    [DawidSkene(abstention=2), HierarchicalDawidSkene(abstention=2)],
    expected_failed_checks=call_partial_fit,
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def reluctant(seed, n_items=1500, n_annotators=12, accuracy=(0.55, 0.8)):
    """Draw votes of annotators who abstain on six items in ten of class 2, one in ten else."""
    crowd = problems.planted(
        seed, n_items=n_items, n_annotators=n_annotators, per_item=6, accuracy=accuracy
    )
    random = np.random.default_rng(seed + 1000)
    rate = np.where(crowd.truth == 2, 0.6, 0.1)[crowd.votes.item]
    silent = random.random(len(rate)) < rate
    label = crowd.votes.label.astype(object)
    label[silent] = UNSURE
    return rebuilt(crowd.votes, label), crowd, silent


def rebuilt(votes, label):
    return Annotations.from_columns(
        votes.item, votes.annotator, label,
        known_items=votes.items, known_annotators=votes.annotators,
    )  # fmt: skip


def log_loss(probas, truth):
    return -np.log(np.maximum(probas[np.arange(len(truth)), truth], 1e-15)).mean()


def naive_objective(model, responses, strength, rate):
    """Return the penalised likelihood of full confusions, by the formula, label by label."""
    total = 0.0
    n_classes = len(model.classes_)
    classes = model.classes_.tolist()
    by_item = {}
    for i, j, label in responses:
        by_item.setdefault(i, []).append((j, label))
    for labels in by_item.values():
        joint = []
        for k in range(n_classes):
            chance = model.class_prior_[k]
            for j, label in labels:
                silent = model.abstention_[j, k]
                if label == UNSURE:
                    chance *= silent
                else:
                    chance *= (1 - silent) * model.confusion_[j, k, classes.index(label)]
            joint.append(chance)
        total += math.log(sum(joint))
    for j in range(len(model.annotators_)):
        for k in range(n_classes):
            for y in range(n_classes):
                share = 0.7 if y == k else 0.3 / (n_classes - 1)
                total += strength * share * math.log(model.confusion_[j, k, y])
            total += strength * rate[j] * math.log(model.abstention_[j, k])
            total += strength * (1 - rate[j]) * math.log(1 - model.abstention_[j, k])
    for k in range(n_classes):
        total += strength / n_classes * math.log(model.class_prior_[k])
    return total


class TestModel:
    def test_objective_is_the_formula(self):
        votes, _, silent = reluctant(0, n_items=40, n_annotators=7)
        fit = DawidSkene(abstention=UNSURE).fit(votes)
        responses = list(zip(votes.item, votes.annotator, votes.classes[votes.label], strict=True))
        given = np.bincount(votes.annotator, minlength=7)
        declined = np.bincount(
            votes.annotator, weights=[label == UNSURE for *_, label in responses], minlength=7
        )
        rate = (declined + silent.mean()) / (given + 1)
        wanted = naive_objective(fit, responses, 4.0, rate)
        assert fit.objective_path_[-1] == pytest.approx(wanted, rel=1e-9)

    def test_recovers_what_was_planted(self):
        votes, crowd, _ = reluctant(1, n_items=8000, accuracy=(0.7, 0.85))
        for model in (DawidSkene, HierarchicalDawidSkene):
            fit = model(abstention=UNSURE).fit(votes)
            assert fit.classes_.tolist() == [0, 1, 2]
            assert fit.confusion_.shape == (12, 3, 3)
            np.testing.assert_allclose(fit.confusion_, crowd.confusion, atol=0.06)
            np.testing.assert_allclose(fit.abstention_, [[0.1, 0.1, 0.6]] * 12, atol=0.06)

    @every
    def test_beats_missing_where_abstaining_tells(self, model):
        votes, crowd, silent = reluctant(2)
        label = crowd.votes.label.astype(object)
        label[silent] = None
        told = model(abstention=UNSURE, annotator_correlation=0).fit(votes)
        missing = model(annotator_correlation=0).fit(rebuilt(crowd.votes, label))
        right = [(fit.labels_ == crowd.truth).mean() for fit in (told, missing)]
        assert right[0] > right[1] + 0.03
        losses = [log_loss(fit.probas_, crowd.truth) for fit in (told, missing)]
        assert losses[0] < losses[1] - 0.05

    @every
    def test_nobody_abstains_nothing_changes(self, model):
        votes = problems.planted(3).votes
        plain, ready = model().fit(votes), model(abstention=UNSURE).fit(votes)
        for name in ("probas_", "confusion_", "class_prior_", "objective_path_"):
            np.testing.assert_array_equal(getattr(plain, name), getattr(ready, name))
        np.testing.assert_array_equal(ready.abstention_, np.zeros((8, 3)))
        np.testing.assert_array_equal(ready.predict_proba(votes), ready.probas_)

    @every
    def test_even_abstentions_tell_nothing(self, model):
        """Annotators who abstain by a coin, alike for all classes, move no soft label much."""
        crowd = problems.planted(4, n_items=3000)
        random = np.random.default_rng(4)
        silent = random.random(crowd.votes.n_annotations) < 0.3
        label = crowd.votes.label.astype(object)
        marked, dropped = label.copy(), label.copy()
        marked[silent], dropped[silent] = UNSURE, None
        told = model(abstention=UNSURE, annotator_correlation=0).fit(rebuilt(crowd.votes, marked))
        missing = model(annotator_correlation=0).fit(rebuilt(crowd.votes, dropped))
        assert abs(told.probas_ - missing.probas_).mean() < 0.02
        assert (told.labels_ == missing.labels_).mean() > 0.95


class TestEveryModel:
    @every
    def test_objective_never_falls(self, model):
        votes, _, _ = reluctant(5, n_items=60)
        path = model(abstention=UNSURE, n_init=2, random_state=0).fit(votes).objective_path_
        assert np.diff(path).min(initial=0.0) >= -1e-9 * abs(path[-1])

    @every
    def test_new_votes_strangers_and_gold(self, model):
        votes, crowd, _ = reluctant(6, n_items=200)
        gold = {0: (int(crowd.truth[0]) + 1) % 3}
        fit = model(abstention=UNSURE).fit(votes, gold=gold)
        assert fit.labels_[0] == gold[0]
        fit = model(abstention=UNSURE).fit(votes)
        np.testing.assert_array_equal(fit.predict_proba(votes), fit.probas_)
        assert np.isfinite(fit.score(votes))
        new = Annotations.from_columns(
            [0, 0, 1, 2, 3], [0, 99, 99, 1, 2], [0, UNSURE, UNSURE, UNSURE, 1]
        )
        for unknown in ("prior", "ignore"):
            probas = clone(fit).set_params(unknown_annotators=unknown).fit(votes).predict_proba(new)
            np.testing.assert_allclose(probas.sum(axis=1), 1)
            assert probas[2].argmax() == 2  # who abstains saw the class they abstain on
        copy = pickle.loads(pickle.dumps(fit))
        np.testing.assert_array_equal(copy.predict_proba(new), fit.predict_proba(new))

    @every
    def test_names_and_order_do_not_matter(self, model):
        votes, _, _ = reluctant(7, n_items=120)
        frame = votes.to_frame()
        names = {0: "x", 1: "b", 2: "m", UNSURE: "k"}
        order = np.random.default_rng(0).permutation(len(frame))
        renamed = Annotations.from_columns(
            frame["item"].to_numpy()[order],
            frame["annotator"].to_numpy()[order],
            frame["label"].map(names).to_numpy()[order],
            known_items=votes.items,
        )
        one = model(abstention=UNSURE, tol=1e-10).fit(votes)
        two = model(abstention="k", tol=1e-10).fit(renamed)
        assert two.classes_.tolist() == ["b", "m", "x"]
        np.testing.assert_allclose(two.probas_[:, [2, 0, 1]], one.probas_, atol=1e-6)
        np.testing.assert_allclose(two.abstention_[:, [2, 0, 1]], one.abstention_, atol=1e-6)

    @every
    def test_degenerate_abstentions(self, model):
        always = Annotations.from_columns(
            [0, 0, 1, 1, 2, 2, 3], ["a", "b"] * 3 + ["b"],
            ["x", UNSURE, "y", UNSURE, "x", UNSURE, UNSURE],
        )  # fmt: skip
        for strength in (0.5, 4.0):
            fit = model(abstention=UNSURE, prior_strength=strength).fit(always)
            assert np.isfinite(fit.probas_).all()
            assert np.isfinite(fit.abstention_).all()
            np.testing.assert_allclose(fit.confusion_.sum(axis=2), 1)
        with pytest.raises(ValueError, match="at least one class"):
            model(abstention=UNSURE).fit(Annotations.from_matrix([[UNSURE, UNSURE]]))


class TestDawidSkene:
    def test_maximum_likelihood_of_somebody_who_always_abstains(self):
        table = [["x", UNSURE, "x"], ["y", UNSURE, "y"], ["x", UNSURE, "y"]]
        fit = DawidSkene(abstention=UNSURE, prior_strength=0).fit(table)
        assert np.isfinite(fit.objective_path_).all()
        np.testing.assert_allclose(fit.abstention_[1], 1)
        np.testing.assert_allclose(fit.confusion_[1], [[0.7, 0.3], [0.3, 0.7]], atol=1e-6)
        assert fit.labels_[:2].tolist() == ["x", "y"]

    def test_minus_one_may_abstain(self):
        """Labelling functions write -1 where they abstain, which is missing by default."""
        table = np.array([[0, -1, 0], [1, 1, -1], [0, 0, -1], [1, -1, 1]])
        assert DawidSkene().fit(table).abstention_.max() == 0
        fit = DawidSkene(abstention=-1).fit(table)
        assert fit.classes_.tolist() == [0, 1]
        assert fit.abstention_.min() > 0
        np.testing.assert_array_equal(fit.predict_proba(table), fit.probas_)

    @pytest.mark.parametrize("init", ["votes", "spectral", "coupled-nmf"])
    def test_starts(self, init):
        votes, crowd, _ = reluctant(8, n_items=400, accuracy=(0.75, 0.85))
        fit = DawidSkene(abstention=UNSURE, init=init).fit(votes)
        assert (fit.labels_ == crowd.truth).mean() > 0.9
        again = fit.set_params(warm_start=True).fit(votes)
        assert again.n_iter_ <= fit.n_iter_
        given = DawidSkene(abstention=UNSURE, init=crowd.confusion, fix_confusion=True).fit(votes)
        np.testing.assert_allclose(given.confusion_, crowd.confusion, atol=1e-9)
        np.testing.assert_allclose(given.abstention_[:, 2], 0.6, atol=0.15)

    def test_accelerated_and_plain_meet(self):
        votes, _, _ = reluctant(9, n_items=150)
        fits = [
            DawidSkene(abstention=UNSURE, accelerate=on, tol=1e-12, max_iter=20_000).fit(votes)
            for on in (True, False)
        ]
        assert fits[0].n_iter_ < fits[1].n_iter_
        np.testing.assert_allclose(fits[0].abstention_, fits[1].abstention_, atol=1e-4)
        np.testing.assert_allclose(fits[0].objective_path_[-1], fits[1].objective_path_[-1])

    def test_threads_and_history(self):
        votes, _, _ = reluctant(10, n_items=100)
        history = {0: 1e6 * np.eye(3)}
        fit = DawidSkene(abstention=UNSURE).fit(votes, history=history)
        assert fit.annotator_skill_[0] > 0.999
        threaded = DawidSkene(abstention=UNSURE, n_jobs=2).fit(votes, history=history)
        np.testing.assert_array_equal(fit.probas_, threaded.probas_)

    def test_inspection_looks_at_the_answers(self):
        votes, _, _ = reluctant(11, n_items=200)
        model = DawidSkene(abstention=UNSURE)
        assert len(spammer_report(votes, model).score) == 12
        found = explore_optima(votes, model=model, n_starts=2, random_state=0)
        assert len(found.kinds) == 2
