"""CollaborativeRefiner: sub-models by annotator sift the labels that train the classifier."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from aggregate import Annotations
from aggregate.learning import CollaborativeRefiner


@parametrize_with_checks([CollaborativeRefiner(n_repeats=1)])
def test_scikit_learn(estimator, check):
    check(estimator)


def crowd(right, n_rows=200, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(3, size=n_rows)
    X = rng.normal(size=(n_rows, 4)) + 2.5 * np.eye(4)[truth]
    wrong = (truth[:, None] + rng.integers(1, 3, size=(n_rows, len(right)))) % 3
    votes = np.where(rng.random((n_rows, len(right))) < right, truth[:, None], wrong)
    return X, votes, truth


def test_plain_training_where_all_agree_and_nothing_is_noise():
    X, votes, truth = crowd([1.0, 1.0, 1.0])
    model = CollaborativeRefiner(LogisticRegression(), noise_rate=0.0).fit(X, votes)
    plain = LogisticRegression().fit(X, truth)
    np.testing.assert_allclose(model.predict_proba(X), plain.predict_proba(X), atol=1e-9)
    np.testing.assert_array_equal(model.probas_, np.eye(3)[truth])
    assert model.agreed_.all()
    assert (model.weight_ == 1).all()


def test_one_annotator_is_plain_training():
    X, votes, _ = crowd([0.8])
    model = CollaborativeRefiner(LogisticRegression()).fit(X, votes[:, 0])
    plain = LogisticRegression().fit(X, votes[:, 0])
    np.testing.assert_allclose(model.predict_proba(X), plain.predict_proba(X), atol=1e-9)
    np.testing.assert_array_equal(model.noise_rate_, [0.0])


def test_a_planted_spammer_is_ignored():
    X, votes, truth = crowd([0.85, 0.85, 0.0, 0.0])
    votes[:, 2:] = np.random.default_rng(5).integers(3, size=(200, 2))
    model = CollaborativeRefiner().fit(X, votes)
    shares = np.stack([(votes == k).sum(axis=1) for k in range(3)], axis=1)
    majority = (shares.argmax(axis=1) == truth).mean()
    assert (model.labels_ == truth).mean() > majority + 0.1
    assert (model.labels_ == truth).mean() > 0.93
    np.testing.assert_allclose(model.annotator_skill_, [0.85, 0.85, 1 / 3, 1 / 3], atol=0.09)


def test_planted_errors_on_agreement_are_dropped():
    X, votes, truth = crowd([0.97, 0.97])
    rng = np.random.default_rng(1)
    planted = rng.choice(200, size=30, replace=False)
    votes[planted] = ((truth[planted] + 1) % 3)[:, None]  # all agree on what is wrong
    model = CollaborativeRefiner(noise_rate=0.2).fit(X, votes)
    dropped = model.weight_ == 0
    assert dropped[planted].mean() > 0.7
    assert dropped[planted].sum() / dropped.sum() > 0.6  # a sixth of the items are wrong
    np.testing.assert_array_equal(model.labels_[dropped], model.predict(X)[dropped])
    kept = CollaborativeRefiner(noise_rate=0.0).fit(X, votes)
    assert model.score(X, truth) > kept.score(X, truth)


def test_order_of_annotators_and_rows_means_nothing():
    X, votes, _ = crowd([0.9, 0.7, 0.5])
    model = CollaborativeRefiner(n_repeats=2).fit(X, votes)
    rng = np.random.default_rng(0)
    rows = rng.permutation(200)
    other = CollaborativeRefiner(n_repeats=2).fit(X[rows], votes[rows][:, [2, 0, 1]])
    np.testing.assert_allclose(other.probas_, model.probas_[rows], atol=1e-9)
    np.testing.assert_array_equal(other.labels_, model.labels_[rows])


def test_annotators_with_few_labels_share_a_sub_model():
    X, votes, truth = crowd([0.9, 0.9, 0.7, 0.7, 0.7])
    votes[40:, 2] = votes[:160, 3] = votes[:, 4] = -1
    votes[3:9, 4] = truth[3:9]
    model = CollaborativeRefiner(n_repeats=1, min_labels=50).fit(X, votes)
    assert [members.tolist() for members in model.sub_models_] == [[0], [1], [2, 3, 4]]
    alone = CollaborativeRefiner(n_repeats=1, min_labels=1000).fit(X, votes)
    assert len(alone.sub_models_) == 1
    few = CollaborativeRefiner(n_repeats=1, min_labels=100).fit(X, votes)  # the rest is too little
    assert [members.tolist() for members in few.sub_models_] == [[0], [1]]


def test_gold_and_rows_without_votes():
    X, votes, truth = crowd([0.7, 0.7, 0.7])
    votes[:30] = -1
    gold = np.full(200, -1)
    gold[10:60] = truth[10:60]
    model = CollaborativeRefiner(n_repeats=1).fit(X, votes, gold=gold)
    np.testing.assert_array_equal(model.labels_[10:60], truth[10:60])
    assert model.n_unlabelled_ == 10
    assert (model.weight_[10:60] == 1).all()
    assert (model.weight_[:10] == 0).all()
    np.testing.assert_array_equal(model.labels_[:10], model.predict(X[:10]))
    named = Annotations.from_matrix(votes[30:], items=[f"row {i}" for i in range(30, 200)])
    names = [f"row {i}" for i in range(200)]
    again = CollaborativeRefiner(n_repeats=1).fit(X, named, items=names, gold=gold)
    np.testing.assert_allclose(again.probas_, model.probas_)


def test_refusals():
    X, votes, _ = crowd([0.7, 0.7], n_rows=30)
    with pytest.raises(ValueError, match="noise_rate"):
        CollaborativeRefiner(noise_rate="guess").fit(X, votes)
    with pytest.raises(ValueError, match="each of the 2 annotators"):
        CollaborativeRefiner(noise_rate=[0.1, 0.1, 0.1]).fit(X, votes)
    with pytest.raises(ValueError, match="below 1"):
        CollaborativeRefiner(noise_rate=1.0).fit(X, votes)
    with pytest.raises(ValueError, match="n_repeats"):
        CollaborativeRefiner(n_repeats=0).fit(X, votes)
    with pytest.raises(ValueError, match="min_labels"):
        CollaborativeRefiner(min_labels=0).fit(X, votes)
