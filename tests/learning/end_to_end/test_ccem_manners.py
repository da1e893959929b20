from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_validate

from aggregate import Annotations
from aggregate.learning import CCEMClassifier
from tests.learning.end_to_end.crowds import confusion_error, half_empty, mixture


class TestManners:
    def test_grid_search_and_cross_validation(self):
        X, votes, _ = half_empty(n_items=90)
        search = GridSearchCV(CCEMClassifier(), {"alpha": [1.0, 10.0]}, cv=3).fit(X, votes)
        assert search.predict(X).shape == (90,)
        found = cross_validate(clone(search.best_estimator_), X, votes, cv=3)
        assert (found["test_score"] > 0.5).all()

    def test_out_of_steps_is_told(self):
        X, votes, _ = half_empty()
        with pytest.warns(ConvergenceWarning, match=r"above tol=1e-05. Raise max_iter \(now 3\)"):
            model = CCEMClassifier(max_iter=3).fit(X, votes)
        assert not model.converged_
        assert model.n_iter_ == 3

    def test_features_of_unlike_size_want_scaling(self):
        X, votes, _ = half_empty(n_items=60)
        with pytest.warns(ConvergenceWarning, match="want standardize=True"):
            CCEMClassifier(standardize=False, max_iter=20).fit(X * [1e3, 1.0, 1e-3], votes)

    def test_a_slope_below_rounding_is_told(self):
        X, votes, _ = half_empty(n_items=60)
        with pytest.warns(ConvergenceWarning, match="to rounding: raise tol"):
            CCEMClassifier(tol=1e-15).fit(X, votes)

    def test_a_failed_fit_leaves_the_earlier_one(self):
        X, votes, _ = half_empty(n_items=60)
        model = CCEMClassifier().fit(X, votes)
        before = model.predict_proba(X)
        with pytest.raises(ValueError, match="label_weight must have shape"):
            model.fit(X[:30], votes[:30], label_weight=np.ones(7))
        np.testing.assert_array_equal(model.predict_proba(X), before)

    def test_weights_of_labels_follow_items_found_by_name(self):
        X, votes, _ = half_empty(n_items=60)
        container = Annotations.from_matrix(votes)
        random = np.random.default_rng(0)
        weight = random.choice([0.1, 3.0], size=container.n_annotations)
        order = random.permutation(60)
        plain = CCEMClassifier(tol=1e-6).fit(X, container, label_weight=weight)
        named = CCEMClassifier(tol=1e-6)
        named.fit(X[order], container, items=order, label_weight=weight)
        np.testing.assert_allclose(named.confusion_, plain.confusion_, atol=1e-5)

    @pytest.mark.parametrize("axis", [0, 1])
    def test_weights_of_labels_in_another_order(self, axis):
        X, votes, _ = half_empty(n_items=30)
        rows, columns = [f"row {i}" for i in range(30)], list("abcdef")
        table = pd.DataFrame(votes, index=rows, columns=columns)
        weight = pd.DataFrame(np.ones((30, 6)), index=rows, columns=columns)
        CCEMClassifier().fit(X, table, label_weight=weight)
        turned = weight[::-1] if axis == 0 else weight[columns[::-1]]
        what = "rows" if axis == 0 else "columns"
        with pytest.raises(ValueError, match=f"{what} of label_weight .* in another order"):
            CCEMClassifier().fit(X, table, label_weight=turned)

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
        X, votes, _ = half_empty(n_items=30)
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
        X, votes, _ = half_empty(n_items=30)
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
        X, votes, _ = half_empty(n_items=40, n_annotators=600, share=0.01)
        votes[0] = 1
        model = CCEMClassifier().fit(X, votes)
        assert model.labels_[0] == 1
        assert np.isfinite(model.probas_).all()

    def test_no_penalty_at_all(self):
        X, votes, _ = half_empty(n_items=60)
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
