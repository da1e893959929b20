from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate

from aggregate import Annotations, DawidSkene
from aggregate.fusion import posterior
from aggregate.learning import CCEMClassifier
from tests.learning.end_to_end.crowds import confusion_error, mixture


def crowd(n_items=150, n_annotators=6, n_classes=3, seed=0, share=0.5):
    """Return features, a table of votes and the truth; half of the cells are empty."""
    random = np.random.default_rng(seed)
    centres = 3 * random.normal(size=(n_classes, 3))
    truth = random.integers(0, n_classes, n_items)
    X = centres[truth] + random.normal(size=(n_items, 3))
    skill = np.linspace(0.45, 0.95, n_annotators)
    right = random.random((n_items, n_annotators)) < skill
    votes = np.where(right, truth[:, None], random.integers(0, n_classes, right.shape))
    votes[random.random(votes.shape) > share] = -1
    votes[:, -1] = np.where((votes < 0).all(axis=1), truth, votes[:, -1])
    return X, votes, truth


class TestFit:
    def test_better_than_its_labels(self):
        X, votes, truth = crowd(n_items=400, share=0.2)
        model = CCEMClassifier().fit(X, votes)
        assert (model.labels_ == truth).mean() > 0.9
        given = votes[votes >= 0] == np.repeat(truth, (votes >= 0).sum(axis=1))
        assert (model.labels_ == truth).mean() > given.mean() + 0.05
        ceiling = LogisticRegression().fit(X, truth).score(X, truth)
        assert model.score(X, truth) > ceiling - 0.03

    def test_annotators_are_found(self):
        X, votes, _ = crowd(n_items=600)
        skill = CCEMClassifier().fit(X, votes).annotator_skill_
        assert np.corrcoef(skill, np.linspace(0.45, 0.95, 6))[0, 1] > 0.95

    @pytest.mark.parametrize("kind", [{}, {"hidden_units": 5}, {"regularizer": "geocrowdnet-f"}])
    def test_certificate(self, kind):
        X, votes, _ = crowd()
        model = CCEMClassifier(regularization=0.01, max_iter=5000, **kind).fit(X, votes)
        assert model.converged_
        assert model.gradient_norm_ <= 1e-5
        assert np.diff(model.objective_path_).max() <= 0
        np.testing.assert_allclose(model.confusion_.sum(axis=2), 1, atol=1e-12)
        np.testing.assert_allclose(model.probas_.sum(axis=1), 1, atol=1e-12)

    def test_the_optimum_does_not_depend_on_the_start(self):
        X, votes, _ = crowd(n_items=300)
        confusion = DawidSkene().fit(votes).confusion_
        starts = ("identity", "majority-vote", "dawid-skene", confusion)
        ends = [
            CCEMClassifier(init=init, tol=1e-6).fit(X, votes).objective_path_[-1] for init in starts
        ]
        np.testing.assert_allclose(ends, ends[0], atol=1e-6)

    def test_more_starts_never_end_higher(self):
        X, votes, _ = crowd(n_items=80)
        one, four = (
            CCEMClassifier(hidden_units=3, alpha=0.1, n_init=n_init, tol=1e-3).fit(X, votes)
            for n_init in (1, 4)
        )
        assert four.objective_path_[-1] <= one.objective_path_[-1]

    def test_posterior_is_the_classifier_times_the_votes(self):
        X, votes, _ = crowd(n_items=40)
        model = CCEMClassifier(annotator_correlation=0.0).fit(X, votes)
        wanted = model.predict_proba(X)
        for i, row in enumerate(votes):
            for j, y in enumerate(row):
                if y >= 0:
                    wanted[i] *= model.confusion_[j, :, y]
        wanted /= wanted.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(model.probas_, wanted, atol=1e-10)

    def test_confidence_is_honest_by_default(self):
        X, votes, _ = crowd()
        sure, honest = (
            CCEMClassifier(annotator_correlation=rho).fit(X, votes).probas_ for rho in (0.0, 0.4)
        )
        assert honest.max(axis=1).mean() < sure.max(axis=1).mean()
        np.testing.assert_array_equal(honest.argmax(axis=1), sure.argmax(axis=1))

    def test_an_uninformed_classifier_leaves_the_votes(self):
        _, votes, _ = crowd()
        model = CCEMClassifier(alpha=1e9, annotator_correlation=0).fit(np.ones((150, 1)), votes)
        container = Annotations.from_matrix(votes)
        wanted = posterior(container, model.confusion_, model.class_prior_, annotator_correlation=0)
        np.testing.assert_allclose(model.probas_, wanted, atol=1e-6)


class TestInvariance:
    def test_order_of_rows_and_annotators_and_names_of_classes(self):
        X, votes, _ = crowd()
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
        X, votes, _ = crowd(n_items=60)
        weight = np.random.default_rng(0).integers(0, 4, 60)
        weighted = CCEMClassifier(tol=1e-6).fit(X, votes, sample_weight=weight)
        times = np.repeat(np.arange(60), weight)
        repeated = CCEMClassifier(tol=1e-6).fit(X[times], votes[times])
        np.testing.assert_allclose(weighted.confusion_, repeated.confusion_, atol=1e-4)
        np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-4)

    def test_labels_of_weight_zero_are_missing(self):
        X, votes, _ = crowd(n_items=60)
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
        X, votes, _ = crowd()
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
        X, votes, _ = crowd()
        plain = CCEMClassifier(tol=1e-6).fit(X, votes).predict_proba(X)
        for table in (np.asarray, csr_array):
            moved = CCEMClassifier(tol=1e-6).fit(table(X * unit), votes)
            np.testing.assert_allclose(moved.predict_proba(table(X * unit)), plain, atol=1e-4)

    def test_sparse_features(self):
        X, votes, _ = crowd()
        X = np.where(X > 0.5, X, 0.0)
        dense = CCEMClassifier(tol=1e-6).fit(X, votes)
        sparse = CCEMClassifier(tol=1e-6).fit(csr_array(X), votes)
        np.testing.assert_allclose(
            sparse.predict_proba(csr_array(X)), dense.predict_proba(X), atol=1e-4
        )

    def test_threads_and_copies_change_no_bit(self):
        X, votes, _ = crowd(n_items=5000)
        serial = CCEMClassifier(max_iter=20, tol=0).fit(X, votes)
        threaded = CCEMClassifier(max_iter=20, tol=0, n_jobs=2).fit(X, votes)
        np.testing.assert_array_equal(threaded.confusion_, serial.confusion_)
        copied = pickle.loads(pickle.dumps(serial))
        np.testing.assert_array_equal(copied.predict_proba(X), serial.predict_proba(X))


class TestGoldAndMissing:
    def test_gold_is_kept_and_teaches(self):
        X, votes, truth = crowd(n_items=300)
        worse = np.where(votes < 0, -1, (votes + 1) % 3)  # everybody is off by one class
        gold = np.where(np.arange(300) < 60, truth, -1)
        model = CCEMClassifier().fit(X, worse, gold=gold)
        np.testing.assert_array_equal(model.labels_[:60], truth[:60])
        np.testing.assert_allclose(model.probas_[:60].max(axis=1), 1)
        assert model.score(X[60:], truth[60:]) > 0.8
        assert CCEMClassifier().fit(X, worse).score(X[60:], truth[60:]) < 0.3

    def test_gold_by_name(self):
        X, votes, truth = crowd(n_items=50)
        container = Annotations.from_matrix(votes, items=[f"song {i}" for i in range(50)])
        order = np.random.default_rng(0).permutation(50)
        model = CCEMClassifier().fit(
            X[order], container, items=[f"song {i}" for i in order], gold={"song 7": truth[7]}
        )
        assert model.labels_[list(order).index(7)] == truth[7]
        assert model.items_[0] == f"song {order[0]}"

    def test_rows_without_votes_train_nothing(self):
        X, votes, _ = crowd(n_items=80)
        silent = np.arange(80) % 4 == 0
        votes[silent] = -1
        model = CCEMClassifier(tol=1e-6).fit(X, votes)
        without = CCEMClassifier(tol=1e-6).fit(X[~silent], votes[~silent])
        assert model.n_unlabelled_ == 20
        assert without.n_unlabelled_ == 0
        np.testing.assert_array_equal(model.confusion_, without.confusion_)
        np.testing.assert_allclose(model.probas_[silent], model.predict_proba(X[silent]))

    def test_gold_without_votes_trains(self):
        X, votes, truth = crowd(n_items=80)
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
        X, votes, _ = crowd(n_items=100)
        noise = np.random.default_rng(0).normal(size=(100, 60))
        plain = CCEMClassifier(alpha="auto").fit(X, votes)
        noisy = CCEMClassifier(alpha="auto").fit(np.hstack([0.1 * X, noise]), votes)
        assert noisy.alpha_ > plain.alpha_
        assert set(plain.choices_) == {"alpha"}

    def test_a_regulariser_of_zero_is_none(self):
        X, votes, _ = crowd(n_items=60)
        plain = CCEMClassifier().fit(X, votes)
        for regularizer in ("geocrowdnet-f", "geocrowdnet-w", "trace"):
            model = CCEMClassifier(regularizer=regularizer, regularization=0).fit(X, votes)
            np.testing.assert_array_equal(model.confusion_, plain.confusion_)

    def test_a_trace_makes_annotators_poorer(self):
        X, votes, _ = crowd()
        plain = CCEMClassifier().fit(X, votes)
        poorer = CCEMClassifier(regularizer="trace", regularization=0.01).fit(X, votes)
        traces = [np.einsum("jkk->", model.confusion_) for model in (plain, poorer)]
        assert traces[1] < traces[0]


class TestManners:
    def test_grid_search_and_cross_validation(self):
        X, votes, _ = crowd(n_items=90)
        search = GridSearchCV(CCEMClassifier(), {"alpha": [1.0, 10.0]}, cv=3).fit(X, votes)
        assert search.predict(X).shape == (90,)
        found = cross_validate(clone(search.best_estimator_), X, votes, cv=3)
        assert (found["test_score"] > 0.5).all()

    def test_out_of_steps_is_told(self):
        X, votes, _ = crowd()
        with pytest.warns(ConvergenceWarning, match=r"above tol=1e-05. Raise max_iter \(now 3\)"):
            model = CCEMClassifier(max_iter=3).fit(X, votes)
        assert not model.converged_
        assert model.n_iter_ == 3

    def test_features_of_unlike_size_want_scaling(self):
        X, votes, _ = crowd(n_items=60)
        with pytest.warns(ConvergenceWarning, match="want standardize=True"):
            CCEMClassifier(standardize=False, max_iter=20).fit(X * [1e3, 1.0, 1e-3], votes)

    def test_a_slope_below_rounding_is_told(self):
        X, votes, _ = crowd(n_items=60)
        with pytest.warns(ConvergenceWarning, match="to rounding: raise tol"):
            CCEMClassifier(tol=1e-15).fit(X, votes)

    def test_a_failed_fit_leaves_the_earlier_one(self):
        X, votes, _ = crowd(n_items=60)
        model = CCEMClassifier().fit(X, votes)
        before = model.predict_proba(X)
        with pytest.raises(ValueError, match="label_weight must have shape"):
            model.fit(X[:30], votes[:30], label_weight=np.ones(7))
        np.testing.assert_array_equal(model.predict_proba(X), before)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"hidden_units": 0}, "hidden_units must be an integer of at least 1; got 0"),
            ({"activation": "gelu"}, "activation must be one of 'tanh', 'relu'"),
            ({"regularizer": "f"}, "regularizer must be one of None, 'geocrowdnet-f'"),
            ({"regularization": "best"}, "regularization must be a number or 'auto'"),
            ({"alpha": -1}, "alpha must be a number of at least 0"),
            ({"prior_accuracy": 1 / 3}, "prior_accuracy must be above chance, 1/3"),
            ({"init": "zeros"}, "init must be one of 'identity'"),
            ({"init": np.ones((2, 3, 3))}, r"init must have shape \(6, 3, 3\)"),
            ({"prior_accuracy": 1.0}, "prior_accuracy must be a number above 0 and at most 0.999"),
            ({"n_folds": 1}, "n_folds must be an integer of at least 2"),
        ],
    )
    def test_parameters_that_mean_nothing(self, parameters, message):
        X, votes, _ = crowd(n_items=30)
        with pytest.raises(ValueError, match=message):
            CCEMClassifier(**parameters).fit(X, votes)

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"sample_weight": np.zeros(30)}, "the weights of all labels are zero"),
            ({"sample_weight": -np.ones(30)}, "sample_weight must be finite and not negative"),
            ({"label_weight": np.full((30, 6), np.nan)}, "label_weight must be finite"),
            ({"gold": [7] * 30}, "gold holds classes that no annotator used: 7"),
        ],
    )
    def test_data_that_mean_nothing(self, given, message):
        X, votes, _ = crowd(n_items=30)
        with pytest.raises(ValueError, match=message):
            CCEMClassifier().fit(X, votes, **given)

    def test_too_few_rows_for_a_volume(self):
        with pytest.raises(ValueError, match="there are 2 rows and 3 classes"):
            CCEMClassifier(regularizer="geocrowdnet-f").fit([[0.0], [1.0]], [[0, 1], [2, 2]])


class TestDegenerate:
    @pytest.mark.parametrize("regularizer", [None, "geocrowdnet-f", "geocrowdnet-w", "trace"])
    @pytest.mark.parametrize(
        "votes",
        [
            [[0, 0], [0, 0], [0, -1]],  # one class
            [[0], [1], [-1]],  # one annotator, an unlabelled row
            [[0, 1, 1, 0]] * 3,  # spammers: each always says the same
            [[0, 1], [1, 0], [0, 1]],  # they never agree
        ],
    )
    def test_answers_are_finite(self, regularizer, votes):
        container = Annotations.from_matrix(np.array(votes))
        model = CCEMClassifier(regularizer=regularizer, regularization=0.1)
        model.fit(np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]]), container)
        assert np.isfinite(model.probas_).all()
        np.testing.assert_allclose(model.predict_proba([[0.0, 1.0]]).sum(), 1)

    def test_six_hundred_labels_on_an_item(self):
        X, votes, _ = crowd(n_items=40, n_annotators=600, share=0.01)
        votes[0] = 1
        model = CCEMClassifier().fit(X, votes)
        assert model.labels_[0] == 1
        assert np.isfinite(model.probas_).all()

    def test_no_penalty_at_all(self):
        X, votes, _ = crowd(n_items=60)
        model = CCEMClassifier(alpha=0, prior_strength=0, max_iter=200, tol=0).fit(X, votes)
        assert np.isfinite(model.probas_).all()
        assert np.isfinite(model.confusion_).all()

    @pytest.mark.filterwarnings("ignore:nothing pins this fit down")
    def test_without_an_anchor_annotators_with_few_labels_go_astray(self):
        X, votes, _, _, _, confusion = mixture(
            anchors=False, specialists=False, n_items=300, n_annotators=20
        )
        loose, held = (
            CCEMClassifier(prior_strength=strength, tol=1e-3).fit(X, votes)
            for strength in (0.0, 4.0)
        )
        assert confusion_error(held, confusion) < 0.8 * confusion_error(loose, confusion)
