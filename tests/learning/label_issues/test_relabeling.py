"""The queue of items to label again: the scores by hand, the order, the tie to `next_labels`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aggregate import Annotations, MajorityVote
from aggregate.learning import (
    CrowdLabRefiner,
    load_machine_crowd,
    posterior_with_classifier,
    relabel_queue,
)


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=150)
    X = rng.normal(size=(150, 4)) + 2 * np.eye(4)[truth]
    right = np.array([0.9, 0.7, 0.6, 0.5])
    wrong = (truth[:, None] + rng.integers(1, 3, size=(150, 4))) % 3
    votes = np.where(rng.random((150, 4)) < right, truth[:, None], wrong)
    votes[rng.random((150, 4)) < 0.4] = -1
    votes[votes.max(axis=1) < 0, 0] = 0
    return X, votes, truth, CrowdLabRefiner().fit(X, votes)


def test_posterior_against_a_product(problem):
    _, votes, _, model = problem
    expected = np.empty((150, 3))
    for i in range(150):
        given = [(j, y) for j, y in enumerate(votes[i]) if y >= 0]
        for k in range(3):
            product = np.prod([model.confusion_[j, k, y] for j, y in given])
            power = 1 / (1 + (len(given) - 1) * 0.3)
            expected[i, k] = model.classifier_probas_[i, k] * product**power
    expected /= expected.sum(axis=1, keepdims=True)
    found = posterior_with_classifier(model, votes, annotator_correlation=0.3)
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("method", ["posterior", "activelab"])
def test_score_by_hand(problem, method):
    _, votes, _, model = problem
    soft = posterior_with_classifier(model, votes) if method == "posterior" else model.probas_
    s, w = model.annotator_weight_, model.classifier_weight_
    queue = relabel_queue(model, votes, method=method)
    assert sorted(queue.items.tolist()) == list(range(150))
    for item, score, sure, n in zip(
        queue.items, queue.score, queue.confidence, queue.n_labels, strict=True
    ):
        weight = w + s[votes[item] >= 0].sum()
        assert sure == pytest.approx(soft[item].max())
        assert score == pytest.approx((sure * weight + s.mean() / 3) / (weight + s.mean()))
        assert n == (votes[item] >= 0).sum()
    assert (np.diff(queue.score) >= 0).all()


def test_the_head_of_the_queue_is_where_the_mistakes_are(problem):
    _, votes, truth, model = problem
    queue = relabel_queue(model, votes)
    wrong = queue.labels != truth[queue.items]
    assert wrong[:30].mean() > 3 * wrong[75:].mean()
    assert wrong[:30].sum() > 0.4 * wrong.sum()


def test_more_right_and_better_calibrated_than_either_alone():
    crowd = load_machine_crowd("digits", random_state=0)
    model = CrowdLabRefiner(max_iter=3, tol=0.05).fit(crowd.X, crowd.annotations)
    truth = np.searchsorted(model.classes_, crowd.truth)
    posterior = posterior_with_classifier(model, crowd.annotations)
    votes = MajorityVote().fit(crowd.annotations).probas_

    def log_loss(soft):
        return -np.log(np.maximum(soft[np.arange(len(truth)), truth], 1e-6)).mean()

    assert log_loss(posterior) < 0.8 * min(log_loss(model.probas_), log_loss(votes))
    assert log_loss(posterior) < 0.8 * log_loss(model.classifier_probas_)


def test_few_labels_come_before_many_of_equal_confidence(problem):
    _, votes, _, model = problem
    queue = relabel_queue(model, votes)
    few, many = (
        queue.score[queue.n_labels == n] - queue.confidence[queue.n_labels == n] for n in (1, 4)
    )
    assert few.mean() < many.mean()


def test_pairs_for_a_budget(problem):
    _, votes, _, model = problem
    queue = relabel_queue(model, votes, budget=12, price={0: 2.0, 1: 1.0, 2: 1.0, 3: 1.0})
    pairs = queue.pairs
    assert pairs.price.sum() <= 12
    assert (pairs.gain > 0).all()
    assert all(votes[i, j] == -1 for i, j in zip(pairs.items, pairs.annotators, strict=True))
    place = {item: place for place, item in enumerate(queue.items.tolist())}
    assert np.mean([place[item] for item in pairs.items.tolist()]) < 50
    assert relabel_queue(model, votes).pairs is None


def test_order_and_gold(problem):
    X, votes, truth, _ = problem
    names = np.array([f"item {i}" for i in range(150)])
    rows = np.random.default_rng(1).permutation(150)
    first = relabel_queue(
        CrowdLabRefiner().fit(X, Annotations.from_matrix(votes, items=names)),
        Annotations.from_matrix(votes, items=names),
    )
    shuffled = Annotations.from_matrix(votes[rows], items=names[rows])
    second = relabel_queue(CrowdLabRefiner().fit(X[rows], shuffled), shuffled)
    np.testing.assert_allclose(second.score, first.score, atol=1e-9)
    assert second.items[:20].tolist() == first.items[:20].tolist()
    again = relabel_queue(CrowdLabRefiner().fit(X, votes, items=names), shuffled)  # found by name
    np.testing.assert_allclose(again.score, first.score, atol=1e-9)
    gold = {i: int(truth[i]) for i in range(50)}
    known = relabel_queue(CrowdLabRefiner().fit(X, votes, gold=gold), votes)
    assert (known.confidence[known.items < 50] == 1).all()
    assert set(known.columns()) == {"item", "score", "label", "confidence", "n_labels"}
    assert len(known) == 150


def test_what_is_printed(problem):
    _, votes, _, model = problem
    plain = relabel_queue(model, votes)
    lines = str(plain).split("\n")
    assert lines[0] == "150 items, those where another label is worth most first"
    assert len(lines) == 11
    assert lines[1].split()[0] == str(plain.items[0])
    assert str(relabel_queue(model, votes, budget=3)).startswith(str(plain))


def test_refusals(problem):
    _, votes, _, model = problem
    with pytest.raises(ValueError, match="a fitted CrowdLabRefiner is wanted"):
        relabel_queue(CrowdLabRefiner(), votes)
    with pytest.raises(ValueError, match="other classes or annotators"):
        relabel_queue(model, np.where(votes == 2, 5, votes))
    with pytest.raises(ValueError, match="150 rows"):
        relabel_queue(model, votes[:100])
    with pytest.raises(ValueError, match="method"):
        relabel_queue(model, votes, method="entropy")
    with pytest.raises(ValueError, match="annotator_correlation"):
        relabel_queue(model, votes, annotator_correlation=2.0)
    with pytest.raises(TypeError, match="price tell whom to ask within a budget: give budget"):
        relabel_queue(model, votes, price=1.0)


def test_tables_in_another_order_are_refused(problem):
    X, votes, _, _ = problem
    names = [f"item {i}" for i in range(150)]
    table = pd.DataFrame(votes, index=names)
    model = CrowdLabRefiner(max_iter=1).fit(X, table)
    first = relabel_queue(model, table)
    assert first.items[0] in names
    for ask in (relabel_queue, posterior_with_classifier):
        with pytest.raises(ValueError, match="in another order"):
            ask(model, table[::-1])
