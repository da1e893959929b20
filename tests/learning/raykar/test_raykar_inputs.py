"""RaykarClassifier: invariances, scikit-learn's manners, degenerate and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.utils.estimator_checks import parametrize_with_checks

from aggregate import Annotations, RaykarClassifier
from tests.learning.raykar import naive

NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)  # a failure is small as it is


@parametrize_with_checks(
    [RaykarClassifier(C=1.0), RaykarClassifier(LogisticRegression(max_iter=1000))]
)
@pytest.mark.filterwarnings("ignore:.*changed their likeliest class")
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def crowd():
    X, table, truth, _ = naive.planted(0, 90, 6, 3, per_row=2, right=(0.6, 0.9), spread=2.0)
    return X, table, truth


class TestInvariances:
    tight = RaykarClassifier(C=0.5, tol=1e-14)

    def test_order_of_the_rows(self, crowd):
        X, table, _ = crowd
        order = np.random.default_rng(0).permutation(90)
        for model in (RaykarClassifier(max_iter=3000), RaykarClassifier(C=0.5, tol=1e-4)):
            plain = clone(model).fit(X, table)
            moved = clone(model).fit(X[order], table[order])
            np.testing.assert_allclose(moved.probas_, plain.probas_[order], atol=1e-7)
            np.testing.assert_allclose(moved.confusion_, plain.confusion_, atol=1e-7)
            assert moved.C_ == plain.C_

    def test_order_of_the_annotators(self, crowd):
        X, table, _ = crowd
        order = np.random.default_rng(1).permutation(6)
        plain = clone(self.tight).fit(X, table)
        moved = clone(self.tight).fit(X, table[:, order])
        np.testing.assert_allclose(moved.confusion_, plain.confusion_[order], atol=1e-5)
        np.testing.assert_allclose(moved.probas_, plain.probas_, atol=1e-5)

    def test_names_of_the_classes(self, crowd):
        X, table, _ = crowd
        names = np.array(["zebra", "ape", "mole"])
        plain = clone(self.tight).fit(X, table)
        named = clone(self.tight).fit(X, np.where(table >= 0, names[table], None))
        assert named.classes_.tolist() == ["ape", "mole", "zebra"]
        np.testing.assert_allclose(named.probas_, plain.probas_[:, [1, 2, 0]], atol=1e-5)
        np.testing.assert_allclose(named.coef_, plain.coef_[[1, 2, 0]], atol=1e-4)
        np.testing.assert_array_equal(named.labels_, names[plain.labels_])

    def test_sparse_is_dense(self, crowd):
        X, table, _ = crowd
        holes = np.where(abs(X) < 0.7, 0.0, X)
        dense = RaykarClassifier(C=0.5, standardize=False).fit(holes, table)
        for kind in (csr_array, csr_matrix):
            sparse = RaykarClassifier(C=0.5, standardize=False).fit(kind(holes), table)
            np.testing.assert_allclose(sparse.probas_, dense.probas_, atol=1e-5)
            np.testing.assert_allclose(
                sparse.predict_proba(holes), sparse.predict_proba(kind(holes)), atol=1e-12
            )
        scaled = RaykarClassifier(C=0.5, n_folds=None).fit(csr_array(holes), table)
        by_hand = RaykarClassifier(C=0.5, n_folds=None, standardize=False)
        by_hand.fit(holes / holes.std(axis=0), table)
        np.testing.assert_allclose(scaled.probas_, by_hand.probas_, atol=1e-5)

    def test_forms_of_the_votes(self, crowd):
        X, table, _ = crowd
        plain = RaykarClassifier(C=0.5).fit(X, table)
        missing = RaykarClassifier(C=0.5).fit(X, np.where(table < 0, np.nan, table))
        np.testing.assert_array_equal(missing.probas_, plain.probas_)
        names = [f"row {i}" for i in range(90)]
        order = np.random.default_rng(2).permutation(90)
        rows, columns = np.nonzero(table[order] >= 0)
        votes = Annotations.from_columns(
            np.array(names)[order][rows], columns, table[order][rows, columns]
        )
        named = RaykarClassifier(C=0.5).fit(X, votes, items=names)
        np.testing.assert_allclose(named.probas_, plain.probas_, atol=1e-7)
        assert named.items_.tolist() == names


class TestScikitLearn:
    def test_cross_validation_over_a_table(self, crowd):
        X, table, _ = crowd
        found = cross_validate(RaykarClassifier(C=0.5, n_folds=None), X, table, cv=3)
        assert (found["test_score"] > 0.4).all()

    def test_grid_search_chooses_by_the_labels_repeated(self, crowd):
        X, table, _ = crowd
        search = GridSearchCV(RaykarClassifier(n_folds=None, C=1.0), {"C": [1e-4, 0.3]}, cv=3)
        assert search.fit(X, table).best_params_ == {"C": 0.3}

    def test_in_a_pipeline(self, crowd):
        X, table, truth = crowd
        model = make_pipeline(PolynomialFeatures(2), RaykarClassifier(C=0.1)).fit(X, table)
        assert model.score(X, truth) > 0.6
        assert model.predict_proba(X).shape == (90, 3)

    def test_one_annotator_is_an_ordinary_classifier(self, crowd):
        X, _, truth = crowd
        names = np.array(["a", "b", "c"])[truth]
        assert RaykarClassifier().fit(X, names).score(X, names) > 0.75


class TestDegenerate:
    @settings(max_examples=25, deadline=None, phases=NO_SHRINKING)
    @given(data=st.data())
    def test_anything_is_answered(self, data):
        n_rows, n_columns = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 3))
        label = st.integers(-1, 2)
        table = np.array(
            data.draw(
                st.lists(
                    st.lists(label, min_size=n_columns, max_size=n_columns),
                    min_size=n_rows, max_size=n_rows,
                )
            )
        )  # fmt: skip
        table[0, 0] = 0  # a label there must be
        if set(np.unique(table)) == {-1, 0, 1}:
            table[0, 0] = 2  # else it might be told from -1/1 no more
        number = st.sampled_from([0.0, 1.0, -1e8, 1e-300, 3.5])
        X = np.array(
            data.draw(st.lists(st.tuples(number, number), min_size=n_rows, max_size=n_rows))
        )
        votes = Annotations.from_matrix(table, missing=-1, classes=[0, 1, 2])
        model = RaykarClassifier(C=data.draw(st.sampled_from([1e-3, "auto", 1e6])))
        model.set_params(prior_strength=data.draw(st.sampled_from([0.0, 4.0])))
        model.fit(X, votes)
        for probas in (model.probas_, model.predict_proba(X), model.posterior(X, votes)):
            assert np.isfinite(probas).all()
            np.testing.assert_allclose(probas.sum(axis=1), 1)
        assert np.isfinite(model.confusion_).all()
        assert model.n_iter_ >= 1

    def test_600_labels_on_a_row(self, crowd):
        X, table, _ = crowd
        many = np.full((90, 600), -1)
        many[:, :6] = table
        many[7] = np.where(np.arange(600) % 3, 2, 1)
        model = RaykarClassifier(C=0.5).fit(X, many)
        assert model.labels_[7] == 2
        assert np.isfinite(model.probas_).all()
        assert np.isfinite(model.objective_path_).all()

    def test_a_class_nobody_uses_and_an_annotator_without_labels(self, crowd):
        X, table, _ = crowd
        rows, columns = np.nonzero(table >= 0)
        votes = Annotations.from_columns(
            rows, columns, table[rows, columns], classes=[0, 1, 2, 3], known_annotators=range(7)
        )
        model = RaykarClassifier(C=0.5).fit(X, votes)
        assert model.predict_proba(X)[:, 3].max() < 0.05
        prior = np.full((4, 4), 0.1) + 0.6 * np.eye(4)
        np.testing.assert_allclose(model.confusion_[6], prior, atol=1e-4)

    def test_one_class(self):
        model = RaykarClassifier().fit([[1.0], [2.0], [3.0]], [["a"] * 2] * 3)
        assert model.predict([[9.0]]).tolist() == ["a"]
        np.testing.assert_array_equal(model.probas_, 1)

    def test_a_liar_among_the_annotators_is_read_backwards(self):
        X, table, truth, _ = naive.planted(1, 300, 5, 2, per_row=4, right=(0.8, 0.9))
        table[:, 4] = 1 - truth
        model = RaykarClassifier(C=0.5).fit(X, table)
        assert model.annotator_skill_[4] < 0.1
        assert np.mean(model.labels_ == truth) > 0.95

    def test_more_columns_than_rows(self):
        X, table, _, _ = naive.planted(2, 20, 4, 2, per_row=2, n_features=1200)
        for C in ("auto", np.inf):
            model = RaykarClassifier(C=C).fit(X, table)
            assert np.isfinite(model.coef_).all()


class TestMessages:
    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"C": 0}, "C must be a number above 0; got 0"),
            ({"method": "bayes"}, "method must be one of 'raykar', 'mbem'; got 'bayes'"),
            ({"n_folds": 1}, "n_folds must be an integer of at least 2; got 1"),
            ({"n_folds": None}, "n_folds=None leaves no rows out, which C='auto'"),
            ({"prior_accuracy": 2}, "prior_accuracy must be a number of at least 0 and at most 1"),
            ({"unknown_annotators": "x"}, "unknown_annotators must be one of 'prior', 'ignore'"),
            ({"annotator_correlation": -1}, "annotator_correlation must be a number of at least"),
        ],
    )
    def test_parameters(self, crowd, parameters, message):
        with pytest.raises(ValueError, match=message):
            RaykarClassifier(**parameters).fit(*crowd[:2])

    def test_a_string_that_is_no_number(self, crowd):
        with pytest.raises(ValueError, match="C must be a number or 'auto'; got 'cv'"):
            RaykarClassifier(C="cv").fit(*crowd[:2])

    def test_votes(self, crowd):
        X, table, _ = crowd
        with pytest.raises(ValueError, match="have no label at all"):
            RaykarClassifier().fit(X, np.full((90, 2), -1))
        model = RaykarClassifier(C=1.0).fit(X, table)
        with pytest.raises(ValueError, match="classes the model has never seen: 5"):
            model.posterior(X[:1], [[5, 0, 0, 0, 0, 0]])

    def test_too_few_steps(self, crowd):
        X, table, _ = crowd
        with pytest.warns(ConvergenceWarning, match="not converged after max_iter=3 steps"):
            RaykarClassifier(C=1.0, max_iter=3, n_folds=None).fit(X, table)
        RaykarClassifier(C=1.0, max_iter=3, tol=0, n_folds=None).fit(X, table)

    def test_progress(self, crowd, capsys):
        RaykarClassifier(C=1.0, n_folds=None, verbose=True).fit(*crowd[:2])
        assert "RaykarClassifier" in capsys.readouterr().err
