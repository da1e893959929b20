"""CBCC: communities found, one community is the hierarchical model, the bound never falls."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from aggregate import CBCC, HierarchicalDawidSkene
from aggregate.metrics import accuracy
from aggregate.models._gold import gold_codes
from tests import problems


@parametrize_with_checks([CBCC(random_state=0)])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def two_kinds(seed, n_items=500):
    """Draw votes of 20 diligent annotators and 20 who hardly look."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 3, n_items)
    item = np.repeat(np.arange(n_items), 10)
    annotator = np.array([random.permutation(40)[:10] for _ in truth]).ravel()
    rate = np.where(annotator < 20, 0.9, 0.4)
    wrong = (truth[item] + random.integers(1, 3, len(item))) % 3
    label = np.where(random.random(len(item)) < rate, truth[item], wrong)
    return problems.from_codes(item, annotator, label, (n_items, 40, 3)), truth


def test_finds_planted_communities():
    votes, truth = two_kinds(0)
    fit = CBCC(n_communities=2, random_state=0).fit(votes)
    first, second = fit.community_[:20], fit.community_[20:]
    assert len(set(first.tolist())) == len(set(second.tolist())) == 1
    assert first[0] != second[0]
    assert (fit.labels_ == truth).mean() > 0.95
    counts = fit.community_counts_[first[0]]
    np.testing.assert_allclose(np.diag(counts) / counts.sum(axis=1), 0.9, atol=0.05)
    np.testing.assert_allclose(fit.community_size_, 0.5, atol=0.01)


def test_one_community_is_the_hierarchical_model():
    votes = problems.planted(0).votes
    one = CBCC(n_communities=1, tol=1e-12, max_iter=5000).fit(votes)
    other = HierarchicalDawidSkene(tol=1e-12, max_iter=5000).fit(votes)
    np.testing.assert_allclose(one.probas_, other.probas_, atol=1e-6)
    np.testing.assert_allclose(one.confusion_, other.confusion_, atol=1e-6)
    np.testing.assert_allclose(one.community_counts_[0], other.crowd_, rtol=1e-4)


def test_bound_never_falls():
    for seed in range(4):
        votes = problems.ragged(seed, n_annotators=9, n_labels=120)
        fit = CBCC(n_init=2, random_state=seed, tol=1e-11, max_iter=5000).fit(votes)
        steps = np.diff(fit.objective_path_)
        assert steps.min(initial=0.0) >= -1e-9 * abs(fit.objective_path_[-1])


def test_order_and_names_do_not_matter():
    votes = problems.planted(7, n_items=80).votes
    order = np.random.default_rng(0).permutation(len(votes.item))
    swap = np.array([2, 0, 1])
    other = problems.from_codes(
        votes.item[order], 7 - votes.annotator[order], swap[votes.label[order]], (80, 8, 3)
    )
    one, two = (CBCC(tol=1e-11, max_iter=5000).fit(v) for v in (votes, other))
    np.testing.assert_allclose(two.probas_[:, swap], one.probas_, atol=1e-5)


def test_gold_new_items_and_strangers():
    crowd = problems.planted(6, n_items=100)
    gold = {0: (int(crowd.truth[0]) + 1) % 3}
    assert CBCC().fit(crowd.votes, gold=gold).labels_[0] == gold[0]
    fit = CBCC().fit(crowd.votes)
    np.testing.assert_array_equal(fit.transform(crowd.votes), fit.probas_)
    new = problems.from_codes([0, 0, 1], [0, 1, 99], [1, 1, 2], (2, 100, 3))
    assert fit.predict_proba(new).argmax(axis=1).tolist() == [1, 2]


def test_degenerate_votes():
    one_class = problems.from_codes([0, 1], [0, 1], [0, 0], (2, 2, 1))
    assert CBCC().fit(one_class).probas_.tolist() == [[1.0], [1.0]]
    one_annotator = problems.from_codes([0, 1, 2], [0, 0, 0], [0, 1, 1], (3, 1, 2))
    assert CBCC().fit(one_annotator).labels_.tolist() == [0, 1, 1]
    item = np.repeat([0, 1], 600)
    many = problems.from_codes(item, np.tile(np.arange(600), 2), item, (2, 600, 2))
    assert CBCC().fit(many).labels_.tolist() == [0, 1]


# Zheng, Li, Li, Shan and Cheng (PVLDB 10(5), 2017, table 6): 93.72 on product.
@pytest.mark.parametrize(("name", "at_least"), [("product", 93.5), ("web", 82.0), ("rte", 92.7)])
def test_real_crowds(name, at_least, real):
    votes, truth = real(name)
    fit = CBCC().fit(votes)
    assert 100 * accuracy(fit.probas_, gold_codes(truth, votes)) > at_least
