"""IBCC and the hierarchical model: the bound, the published numbers, what ties them together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp, psi
from sklearn.utils.estimator_checks import parametrize_with_checks

from aggregate import IBCC, HierarchicalDawidSkene
from tests import naive, problems
from tests.models.manners import Manners
from tests.published import percent_right

ALL = [IBCC, HierarchicalDawidSkene]
ids = {"ids": lambda model: model.__name__}


@parametrize_with_checks([model(random_state=0) for model in ALL])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def naive_ibcc(votes, passes):
    """Variational Bayes in plain loops; return the posteriors after so many passes."""
    entries, shape = problems.triples(votes), problems.shape(votes)
    n_items, n_annotators, n_classes = shape
    posterior = naive.vote_shares(naive.vote(entries, n_items, n_classes))
    for _ in range(passes):
        table, mass = naive.counts(entries, posterior, n_annotators)
        table = table + 1 + 3 * np.eye(n_classes)
        log_prior = psi(mass + 1) - psi((mass + 1).sum())
        joint = np.tile(log_prior, (n_items, 1))
        for i, j, y in entries:
            for k in range(n_classes):
                joint[i, k] += psi(table[j, k, y]) - psi(table[j, k].sum())
        posterior = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
        posterior[[i for i in range(n_items) if i not in {e[0] for e in entries}]] = 0
    return posterior


class TestIBCC:
    @pytest.mark.filterwarnings("ignore:EM had not converged")
    def test_equals_the_formulas(self):
        votes = problems.ragged(0, n_labels=60)
        fit = IBCC(max_iter=7, tol=0, annotator_correlation=0).fit(votes)
        wanted = naive_ibcc(votes, 7)
        seen = wanted.sum(axis=1) > 0
        np.testing.assert_allclose(fit.probas_[seen], wanted[seen], rtol=1e-8)

    @pytest.mark.parametrize(
        ("name", "published"),
        [("bluebird", 88.8889), ("dog", 83.891), ("rte", 92.75), ("web", 75.0848),
         ("product", 93.8304)],
    )  # fmt: skip
    def test_published_accuracies(self, name, published, real):
        """Li, Rubinstein and Cohn's repository, to all the digits that it prints."""
        assert percent_right(IBCC(), real, name) == pytest.approx(published, abs=6e-5)

    def test_counts_are_prior_plus_labels(self):
        votes = problems.planted(0).votes
        counts = IBCC().fit(votes).confusion_counts_
        added = counts.sum(axis=(1, 2)) - 3 * (4 + 2)
        np.testing.assert_allclose(added, votes.labels_per_annotator)

    def test_a_prior_too_small_is_refused(self):
        with pytest.raises(ValueError, match=r"prior_off_diagonal must be a number of at least"):
            IBCC(prior_off_diagonal=1e-9).fit([[0, 1], [1, 1]])


class TestHierarchical:
    def test_learns_what_the_crowd_is_like(self):
        random = np.random.default_rng(0)
        crowd = np.array([[8.0, 1.5, 0.5], [3.0, 6.0, 1.0], [0.5, 1.5, 8.0]])
        truth = np.repeat(np.arange(3), 600)
        rows = np.array([[random.dirichlet(crowd[k]) for k in range(3)] for _ in range(150)])
        annotator = np.array([random.permutation(150)[:8] for _ in truth])
        label = np.array(
            [[random.choice(3, p=rows[j, t]) for j in js] for t, js in zip(truth, annotator)]  # noqa: B905
        )
        item = np.repeat(np.arange(1800), 8)
        votes = problems.from_codes(item, annotator.ravel(), label.ravel(), (1800, 150, 3))
        fit = HierarchicalDawidSkene().fit(votes)
        mean = fit.crowd_ / fit.crowd_.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(mean, crowd / 10, atol=0.05)
        np.testing.assert_allclose(fit.crowd_.sum(axis=1), 10, rtol=0.35)
        assert (fit.labels_ == truth).mean() > 0.9

    def test_with_one_annotator_the_crowd_hardly_leaves_its_prior(self):
        votes = problems.from_codes([0, 1, 2], [0, 0, 0], [0, 1, 1], (3, 1, 2))
        crowd = HierarchicalDawidSkene().fit(votes).crowd_
        np.testing.assert_allclose(crowd.sum(axis=1), 4, rtol=0.5)

    def test_few_labels_are_taken_for_a_typical_annotator(self):
        crowd = problems.planted(1, n_items=400, n_annotators=12)
        votes = crowd.votes
        item, annotator, label = (
            np.append(values, value)
            for values, value in zip(
                (votes.item, votes.annotator, votes.label), (0, 12, 0), strict=True
            )
        )
        fit = HierarchicalDawidSkene().fit(
            problems.from_codes(item, annotator, label, (400, 13, 3))
        )
        mean = fit.crowd_ / fit.crowd_.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(fit.confusion_[12], mean, atol=0.12)

    def test_real_crowds(self, real):
        names = ("bluebird", "rte", "dog", "web", "face_sentiment", "product",
                 "sentiment_polarity", "music_genre")  # fmt: skip
        got = [percent_right(HierarchicalDawidSkene(), real, name) for name in names]
        assert np.mean(got) > 84.3  # Dawid-Skene: 83.9, IBCC: 83.6
        assert got[3] > 81.0  # graded: 76.7 and 75.1


@pytest.mark.parametrize("model", ALL, **ids)
class TestBoth(Manners):
    def test_bound_never_falls(self, model):
        for seed in range(4):
            votes = problems.ragged(seed, n_labels=80)
            path = model(n_init=2, random_state=seed, tol=1e-12, max_iter=5000).fit(votes)
            steps = np.diff(path.objective_path_)
            assert steps.min(initial=0.0) >= -1e-9 * abs(path.objective_path_[-1])

    def test_recovers_a_planted_crowd(self, model):
        crowd = problems.planted(5, n_items=2000, accuracy=(0.75, 0.9))
        fit = model().fit(crowd.votes)
        assert (fit.labels_ == crowd.truth).mean() > 0.92
        np.testing.assert_allclose(fit.confusion_, crowd.confusion, atol=0.08)

    def test_threads_change_no_bit(self, model):
        votes = problems.planted(9, n_items=15000, n_annotators=10, per_item=10).votes
        one, two = (
            model(max_iter=3, tol=0).fit(votes),
            model(max_iter=3, tol=0, n_jobs=2).fit(votes),
        )
        np.testing.assert_array_equal(one.probas_, two.probas_)
