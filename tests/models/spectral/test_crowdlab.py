from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.exceptions import SkipTestWarning
from sklearn.utils.estimator_checks import check_estimator

from aggregate import Annotations, CrowdLab, MajorityVote
from aggregate.metrics import accuracy
from aggregate.models._gold import gold_codes
from tests import problems


def naive(votes, shape, classifier):
    """Return the soft labels straight from the formulas; imports nothing of the package."""
    n_items, n_annotators, n_classes = shape
    count = np.zeros((n_items, n_classes))
    for i, _, y in votes:
        count[i, y] += 1
    ahead = [np.flatnonzero(row == row.max()) if row.any() else [] for row in count]
    consensus = np.zeros((n_items, n_classes))
    for i in range(n_items):
        for k in ahead[i]:
            consensus[i, k] = 1 / len(ahead[i])
    several = np.flatnonzero(count.sum(axis=1) > 1)
    baseline = 1 - consensus[several].sum(axis=0).max() / len(several)
    right = [consensus[i, y] for i, _, y in votes if i in several]
    p = (sum(right) + 1.4) / (len(right) + 2)
    weight = np.empty(n_annotators)
    for j in range(n_annotators):
        alike = [y == z for i, m, y in votes if m == j for k, o, z in votes if k == i and o != j]
        weight[j] = max(1 - (1 - (sum(alike) + 1.4) / (len(alike) + 2)) / baseline, 1e-6)
    said = sum(consensus[i, classifier[i].argmax()] for i in several)
    error = 1 - (said + 1.4) / (len(several) + 2)
    labels = len(votes) / len({i for i, _, _ in votes})
    soft = max(1 - error / baseline, 1e-6) * np.sqrt(labels) * classifier
    for i, j, y in votes:
        for k in range(n_classes):
            soft[i, k] += weight[j] * (p if y == k else (1 - p) / (n_classes - 1))
    return soft / soft.sum(axis=1, keepdims=True)


def with_classifier(seed, **options):
    planted = problems.planted(seed, **options)
    random = np.random.default_rng(seed)
    classifier = random.dirichlet(np.ones(3), size=planted.votes.n_items)
    classifier[np.arange(len(classifier)), planted.truth] += 0.8
    return planted, classifier / classifier.sum(axis=1, keepdims=True)


def test_check_estimator():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        check_estimator(CrowdLab())


def test_the_formulas():
    planted, classifier = with_classifier(0, n_items=60, per_item=3)
    votes = planted.votes
    model = CrowdLab().fit(votes, classifier_probas=classifier)
    wanted = naive(problems.triples(votes), problems.shape(votes), classifier)
    np.testing.assert_allclose(model.probas_, wanted, rtol=1e-10)
    np.testing.assert_array_equal(
        model.predict_proba(votes, classifier_probas=classifier), model.probas_
    )
    np.testing.assert_array_equal(model.predict(votes, classifier_probas=classifier), model.labels_)


def test_a_good_classifier_helps_and_a_bad_one_does_not_count():
    planted, classifier = with_classifier(1, n_items=2000, per_item=2, accuracy=(0.5, 0.8))
    noise = np.random.default_rng(1).dirichlet(np.ones(3), size=2000)
    scores = {
        name: accuracy(CrowdLab().fit(planted.votes, classifier_probas=p).probas_, planted.truth)
        for name, p in (("good", classifier), ("none", None), ("noise", noise))
    }
    assert scores["good"] > scores["none"] + 0.05
    assert scores["noise"] > scores["none"] - 0.02
    assert CrowdLab().fit(planted.votes, classifier_probas=noise).classifier_weight_ < 1e-3


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_columns_of_a_frame_go_by_their_names(frame):
    votes = Annotations.from_matrix([["ant", "bee"], ["bee", "cow"], ["cow", "cow"]])
    probas = np.random.default_rng(0).dirichlet(np.ones(3), size=3)
    wanted = CrowdLab().fit(votes, classifier_probas=probas).probas_
    columns = {name: probas[:, k] for k, name in enumerate(["ant", "bee", "cow"])}
    turned = frame({name: columns[name] for name in ("cow", "ant", "bee")})
    found = CrowdLab().fit(votes, classifier_probas=turned).probas_
    np.testing.assert_allclose(found, wanted)


def test_items_without_labels_are_the_classifiers():
    planted, classifier = with_classifier(2, n_items=30)
    votes = Annotations.from_columns(
        planted.votes.item, planted.votes.annotator, planted.votes.label, known_items=range(31)
    )
    classifier = np.vstack([classifier, [0.2, 0.7, 0.1]])
    model = CrowdLab().fit(votes, classifier_probas=classifier)
    np.testing.assert_allclose(model.probas_[30], [0.2, 0.7, 0.1])
    np.testing.assert_allclose(CrowdLab().fit(votes).predict_proba(votes)[30].sum(), 1)


def test_order_names_gold_and_strangers():
    planted, classifier = with_classifier(3, n_items=80)
    votes = planted.votes
    wanted = CrowdLab().fit(votes, classifier_probas=classifier, gold={4: 2})
    assert wanted.probas_[4, 2] == 1.0
    rows, swap = np.random.default_rng(3).permutation(votes.n_annotations), np.array([2, 0, 1])
    other = Annotations.from_columns(
        votes.item[rows], votes.annotator[rows], swap[votes.label[rows]], classes=[0, 1, 2],
        known_items=votes.items,
    )  # fmt: skip
    renamed = classifier[:, np.argsort(swap)]
    found = CrowdLab().fit(other, classifier_probas=renamed, gold={4: 1})
    np.testing.assert_allclose(found.probas_[:, swap], wanted.probas_, rtol=1e-10)
    stranger = Annotations.from_columns([0], [99], [2])
    assert wanted.predict_proba(stranger)[0].argmax() == 2


@problems.degenerate_tables
def test_degenerate_votes_give_probabilities(table):
    model = CrowdLab().fit(table)
    assert np.isfinite(model.probas_).all()
    np.testing.assert_allclose(model.probas_.sum(axis=1), 1)
    for row, soft in zip(table, model.probas_, strict=True):
        if (row >= 0).any() and len(set(row[row >= 0])) == 1:
            assert soft.argmax() == row.max()


@pytest.mark.parametrize(
    ("probas", "message"),
    [
        ([[0.5, 0.5]], r"must have shape \(2, 2\)"),
        ([[0.5, 0.5], [0.9, 0.3]], "each row sum to 1; wrong for the items 1"),
        ([[np.nan, 1], [0.9, 0.1]], "wrong for the items 0"),
    ],
)
def test_refusals_say_why(probas, message):
    with pytest.raises(ValueError, match=message):
        CrowdLab().fit([[0, 1], [1, 1]], classifier_probas=probas)


def test_agreement_with_others_is_a_good_weight(real):
    """Without a classifier, on ten genres: far ahead of the vote."""
    votes, truth = real("music_genre")
    codes = gold_codes(truth, votes)
    soft, vote = (model.fit(votes).probas_ for model in (CrowdLab(), MajorityVote()))
    assert accuracy(soft, codes) > accuracy(vote, codes) + 0.09
