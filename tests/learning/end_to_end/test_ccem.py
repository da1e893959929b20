from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from aggregate import Annotations, DawidSkene
from aggregate.fusion import posterior
from aggregate.learning import CCEMClassifier
from tests.learning.end_to_end.crowds import half_empty, mixture


class TestFit:
    def test_better_than_its_labels(self):
        X, votes, truth = half_empty(n_items=400, share=0.2)
        model = CCEMClassifier().fit(X, votes)
        assert (model.labels_ == truth).mean() > 0.9
        given = votes[votes >= 0] == np.repeat(truth, (votes >= 0).sum(axis=1))
        assert (model.labels_ == truth).mean() > given.mean() + 0.05
        ceiling = LogisticRegression().fit(X, truth).score(X, truth)
        assert model.score(X, truth) > ceiling - 0.03

    def test_annotators_are_found(self):
        X, votes, _ = half_empty(n_items=600)
        skill = CCEMClassifier().fit(X, votes).annotator_skill_
        assert np.corrcoef(skill, np.linspace(0.45, 0.95, 6))[0, 1] > 0.95

    @pytest.mark.parametrize("kind", [{}, {"hidden_units": 5}, {"regularizer": "geocrowdnet-f"}])
    def test_certificate(self, kind):
        X, votes, _ = half_empty()
        model = CCEMClassifier(regularization=0.01, max_iter=5000, **kind).fit(X, votes)
        assert model.converged_
        assert model.gradient_norm_ <= 1e-5
        assert np.diff(model.objective_path_).max() <= 0
        np.testing.assert_allclose(model.confusion_.sum(axis=2), 1, atol=1e-12)
        np.testing.assert_allclose(model.probas_.sum(axis=1), 1, atol=1e-12)

    def test_the_optimum_does_not_depend_on_the_start(self):
        X, votes, _ = half_empty(n_items=300)
        confusion = DawidSkene().fit(votes).confusion_
        starts = ("identity", "majority-vote", "dawid-skene", confusion)
        ends = [
            CCEMClassifier(init=init, tol=1e-6).fit(X, votes).objective_path_[-1] for init in starts
        ]
        np.testing.assert_allclose(ends, ends[0], atol=1e-6)

    def test_more_starts_never_end_higher(self):
        X, votes, _ = half_empty(n_items=80)
        one, four = (
            CCEMClassifier(hidden_units=3, alpha=0.1, n_init=n_init, tol=1e-3).fit(X, votes)
            for n_init in (1, 4)
        )
        assert four.objective_path_[-1] <= one.objective_path_[-1]

    @pytest.mark.parametrize("rho", [0.0, 0.4])
    def test_posterior_is_the_classifier_times_the_votes(self, rho):
        X, votes, _ = half_empty(n_items=40)
        model = CCEMClassifier(annotator_correlation=rho).fit(X, votes)
        wanted = model.predict_proba(X)
        for i, row in enumerate(votes):
            for j, y in enumerate(row):
                if y >= 0:
                    wanted[i] *= model.confusion_[j, :, y]
            # The classifier, taught by these labels, is one voice more than they are.
            wanted[i] **= 1 / (1 + (row >= 0).sum() * rho)
        wanted /= wanted.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(model.probas_, wanted, atol=1e-10)

    def test_confidence_is_honest_by_default(self):
        X, votes, _ = half_empty()
        sure, honest = (
            CCEMClassifier(annotator_correlation=rho).fit(X, votes).probas_ for rho in (0.0, 0.4)
        )
        assert honest.max(axis=1).mean() < sure.max(axis=1).mean()
        np.testing.assert_array_equal(honest.argmax(axis=1), sure.argmax(axis=1))

    def test_an_uninformed_classifier_leaves_the_votes(self):
        _, votes, _ = half_empty()
        model = CCEMClassifier(alpha=1e9, annotator_correlation=0).fit(np.ones((150, 1)), votes)
        container = Annotations.from_matrix(votes)
        wanted = posterior(container, model.confusion_, model.class_prior_, annotator_correlation=0)
        np.testing.assert_allclose(model.probas_, wanted, atol=1e-6)


class TestInvariance:
    def test_order_of_rows_and_annotators_and_names_of_classes(self):
        X, votes, _ = half_empty()
        model = CCEMClassifier(regularizer="geocrowdnet-f", tol=1e-6)
        random = np.random.default_rng(1)
        rows, people = random.permutation(150), random.permutation(6)
        first = clone(model).fit(X, votes)
        names = np.array([2, 0, 1])
        renamed = np.where(votes < 0, -1, names[votes])[rows][:, people]
        second = clone(model).fit(X[rows], renamed)
        assert second.regularization_ == first.regularization_
        np.testing.assert_allclose(second.probas_[:, names], first.probas_[rows], atol=1e-4)
        np.testing.assert_allclose(
            second.confusion_[:, names][:, :, names], first.confusion_[people], atol=1e-4
        )

    def test_weights_are_repetitions(self):
        X, votes, _ = half_empty(n_items=60)
        weight = np.random.default_rng(0).integers(0, 4, 60)
        weighted = CCEMClassifier(tol=1e-6).fit(X, votes, sample_weight=weight)
        times = np.repeat(np.arange(60), weight)
        repeated = CCEMClassifier(tol=1e-6).fit(X[times], votes[times])
        np.testing.assert_allclose(weighted.confusion_, repeated.confusion_, atol=1e-4)
        np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-4)

    def test_labels_of_weight_zero_are_missing(self):
        X, votes, _ = half_empty(n_items=60)
        counts = np.random.default_rng(0).random(votes.shape) < 0.7
        counts[:6] = True
        by_weight = CCEMClassifier(tol=1e-6).fit(X, votes, label_weight=counts.astype(float))
        without = CCEMClassifier(tol=1e-6).fit(X, np.where(counts, votes, -1))
        np.testing.assert_allclose(by_weight.confusion_, without.confusion_, atol=1e-4)
        container = Annotations.from_matrix(votes)
        flat = counts[container.item, container.annotator]
        by_entry = CCEMClassifier(tol=1e-6).fit(X, container, label_weight=flat)
        np.testing.assert_allclose(by_entry.confusion_, by_weight.confusion_, atol=1e-12)

    def test_units_of_features_do_not_matter(self):
        X, votes, _ = half_empty()
        plain = CCEMClassifier(tol=1e-6).fit(X, votes)
        far = X * [1e-6, 1.0, 1e9] + [5.0, -1e4, 3e9]
        moved = CCEMClassifier(tol=1e-6).fit(far, votes)
        np.testing.assert_allclose(moved.predict_proba(far), plain.predict_proba(X), atol=1e-4)
        scores = far @ moved.coefs_[0] + moved.intercepts_[0]
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        by_hand = odds / odds.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(by_hand, moved.predict_proba(far), atol=1e-6)

    @pytest.mark.parametrize("unit", [1e-200, 1e200])
    def test_units_may_be_extreme(self, unit):
        X, votes, _ = half_empty()
        plain = CCEMClassifier(tol=1e-6).fit(X, votes).predict_proba(X)
        for table in (np.asarray, csr_array):
            moved = CCEMClassifier(tol=1e-6).fit(table(X * unit), votes)
            np.testing.assert_allclose(moved.predict_proba(table(X * unit)), plain, atol=1e-4)

    def test_sparse_features(self):
        X, votes, _ = half_empty()
        X = np.where(X > 0.5, X, 0.0)
        dense = CCEMClassifier(tol=1e-6).fit(X, votes)
        sparse = CCEMClassifier(tol=1e-6).fit(csr_array(X), votes)
        np.testing.assert_allclose(
            sparse.predict_proba(csr_array(X)), dense.predict_proba(X), atol=1e-4
        )

    def test_threads_and_copies_change_no_bit(self):
        X, votes, _ = half_empty(n_items=5000)
        serial = CCEMClassifier(max_iter=20, tol=0).fit(X, votes)
        threaded = CCEMClassifier(max_iter=20, tol=0, n_jobs=2).fit(X, votes)
        np.testing.assert_array_equal(threaded.confusion_, serial.confusion_)
        copied = pickle.loads(pickle.dumps(serial))
        np.testing.assert_array_equal(copied.predict_proba(X), serial.predict_proba(X))


class TestGoldAndMissing:
    def test_gold_is_kept_and_teaches(self):
        X, votes, truth = half_empty(n_items=300)
        worse = np.where(votes < 0, -1, (votes + 1) % 3)  # everybody is off by one class
        gold = np.where(np.arange(300) < 60, truth, -1)
        model = CCEMClassifier().fit(X, worse, gold=gold)
        np.testing.assert_array_equal(model.labels_[:60], truth[:60])
        np.testing.assert_allclose(model.probas_[:60].max(axis=1), 1)
        assert model.score(X[60:], truth[60:]) > 0.8
        assert CCEMClassifier().fit(X, worse).score(X[60:], truth[60:]) < 0.3

    def test_gold_by_name(self):
        X, votes, truth = half_empty(n_items=50)
        container = Annotations.from_matrix(votes, items=[f"song {i}" for i in range(50)])
        order = np.random.default_rng(0).permutation(50)
        model = CCEMClassifier().fit(
            X[order], container, items=[f"song {i}" for i in order], gold={"song 7": truth[7]}
        )
        assert model.labels_[list(order).index(7)] == truth[7]
        assert model.items_[0] == f"song {order[0]}"

    def test_rows_without_votes_train_nothing(self):
        X, votes, _ = half_empty(n_items=80)
        silent = np.arange(80) % 4 == 0
        votes[silent] = -1
        model = CCEMClassifier(tol=1e-6).fit(X, votes)
        without = CCEMClassifier(tol=1e-6).fit(X[~silent], votes[~silent])
        assert model.n_unlabelled_ == 20
        assert without.n_unlabelled_ == 0
        np.testing.assert_array_equal(model.confusion_, without.confusion_)
        np.testing.assert_allclose(model.probas_[silent], model.predict_proba(X[silent]))

    def test_gold_without_votes_trains(self):
        X, votes, truth = half_empty(n_items=80)
        votes[40:] = -1
        gold = np.where(np.arange(80) >= 40, truth, -1)
        model = CCEMClassifier().fit(X, votes, gold=gold)
        assert model.n_unlabelled_ == 0
        np.testing.assert_array_equal(model.labels_[40:], truth[40:])


class TestChoice:
    def test_votes_left_out_find_what_helps(self):
        """With anchors and no specialists, F is chosen strong, and W not at all."""
        X, votes, *_ = mixture(anchors=True, specialists=False, n_items=800)
        by_volume = CCEMClassifier(regularizer="geocrowdnet-f").fit(X, votes)
        assert by_volume.regularization_ >= 0.01
        choice = by_volume.choices_["regularization"]
        assert choice.chosen == choice.values[int(choice.loss.argmin())]
        assert choice.error[int(choice.loss.argmin())] == 0
        assert CCEMClassifier(regularizer="geocrowdnet-w").fit(X, votes).regularization_ <= 0.003

    def test_noise_features_want_a_stronger_penalty(self):
        X, votes, _ = half_empty(n_items=100)
        noise = np.random.default_rng(0).normal(size=(100, 60))
        plain = CCEMClassifier(alpha="auto").fit(X, votes)
        noisy = CCEMClassifier(alpha="auto").fit(np.hstack([0.1 * X, noise]), votes)
        assert noisy.alpha_ > plain.alpha_
        assert set(plain.choices_) == {"alpha"}

    def test_a_regulariser_of_zero_is_none(self):
        X, votes, _ = half_empty(n_items=60)
        plain = CCEMClassifier().fit(X, votes)
        for regularizer in ("geocrowdnet-f", "geocrowdnet-w", "trace"):
            model = CCEMClassifier(regularizer=regularizer, regularization=0).fit(X, votes)
            np.testing.assert_array_equal(model.confusion_, plain.confusion_)

    def test_a_trace_makes_annotators_poorer(self):
        X, votes, _ = half_empty()
        plain = CCEMClassifier().fit(X, votes)
        poorer = CCEMClassifier(regularizer="trace", regularization=0.01).fit(X, votes)
        traces = [np.einsum("jkk->", model.confusion_) for model in (plain, poorer)]
        assert traces[1] < traces[0]
