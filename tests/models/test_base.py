"""What every aggregator promises: the scikit-learn contract, new items, scores, decisions."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from aggregate import Annotations, DawidSkene, IterativeWeightedVote, MajorityVote, Wawa
from tests import naive, problems

MODELS = [MajorityVote(), Wawa(), IterativeWeightedVote(), DawidSkene()]
every = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)


@parametrize_with_checks(MODELS)
def test_scikit_learn(estimator, check):
    with warnings.catch_warnings():
        # "not checking array_api input": only with an environment variable of SciPy's.
        warnings.simplefilter("default")
        check(estimator)


@pytest.fixture
def votes():
    return problems.planted(0).votes


@pytest.fixture
def table(votes):
    return votes.to_matrix()


@every
class TestEstimator:
    def test_clone_and_parameters(self, model):
        changed = clone(model).set_params(ties="first", n_jobs=2)
        assert clone(changed).get_params() == changed.get_params()

    def test_init_only_stores(self, model):
        given = {name: object() for name in model.get_params()}
        made = type(model)(**given)
        assert vars(made) == given

    def test_fit_changes_no_parameter(self, model, votes):
        fitted = clone(model)
        before = dict(fitted.get_params())
        assert fitted.fit(votes) is fitted
        assert fitted.get_params() == before

    def test_attributes(self, model, votes):
        fitted = clone(model).fit(votes)
        assert fitted.classes_.tolist() == [0, 1, 2]
        assert fitted.items_.tolist() == list(range(200))
        assert fitted.annotators_.tolist() == list(range(8))
        assert fitted.probas_.shape == (200, 3)
        assert fitted.labels_.shape == (200,)
        assert fitted.annotator_skill_.shape == (8,)
        assert fitted.class_prior_.sum() == pytest.approx(1)
        assert fitted.n_iter_ >= 1
        assert fitted.converged_
        assert fitted.n_features_in_ == 8

    def test_transform_of_the_fitted_votes_is_the_fit(self, model, votes, table):
        for X in (votes, table):
            fitted = clone(model).fit(X)
            np.testing.assert_array_equal(fitted.transform(X), fitted.probas_)
            np.testing.assert_array_equal(fitted.predict_proba(X), fitted.probas_)
            np.testing.assert_array_equal(clone(model).fit_transform(X), fitted.probas_)
            np.testing.assert_array_equal(clone(model).fit_predict_proba(X), fitted.probas_)
            np.testing.assert_array_equal(clone(model).fit_predict(X), fitted.labels_)
            np.testing.assert_array_equal(fitted.predict(X), fitted.labels_)

    def test_refit_is_idempotent(self, model, votes):
        fitted = clone(model).fit(votes)
        first = fitted.probas_
        fitted.fit(problems.planted(1, n_items=30, n_classes=2).votes)
        np.testing.assert_array_equal(fitted.fit(votes).probas_, first)

    def test_ignores_y(self, model, votes):
        """In a grid search y is the truth: reading it would leak."""
        random = np.random.default_rng(0).integers(0, 3, size=200)
        np.testing.assert_array_equal(
            clone(model).fit(votes, random).probas_, clone(model).fit(votes).probas_
        )

    def test_pickle(self, model, votes):
        fitted = clone(model).fit(votes)
        again = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(again.predict_proba(votes), fitted.probas_)

    def test_read_only_and_memory_mapped(self, model, table, tmp_path):
        np.save(tmp_path / "votes.npy", table)
        mapped = np.load(tmp_path / "votes.npy", mmap_mode="r")
        frozen = table.copy()
        frozen.flags.writeable = False
        wanted = clone(model).fit(table).probas_
        np.testing.assert_array_equal(clone(model).fit(mapped).probas_, wanted)
        np.testing.assert_array_equal(clone(model).fit(frozen).probas_, wanted)

    def test_does_not_touch_its_input(self, model, table):
        before = table.copy()
        clone(model).fit(table)
        np.testing.assert_array_equal(table, before)

    @pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint8, np.float32, float, object])
    def test_every_kind_of_number(self, model, dtype):
        table = problems.planted(2, per_item=8).votes.to_matrix()
        wanted = clone(model).fit(table).probas_
        np.testing.assert_array_equal(clone(model).fit(table.astype(dtype)).probas_, wanted)

    def test_text_with_missing(self, model, table):
        names = np.array(["a", "b", "c", None], dtype=object)[table]
        fitted = clone(model).fit(names)
        assert fitted.classes_.tolist() == ["a", "b", "c"]
        np.testing.assert_array_equal(fitted.probas_, clone(model).fit(table).probas_)
        np.testing.assert_array_equal(fitted.predict_proba(names), fitted.probas_)

    def test_text_without_missing(self, model):
        table = problems.planted(3, per_item=8).votes.to_matrix()
        names = np.array(["a", "b", "c"])[table]
        fitted = clone(model).fit(names)
        np.testing.assert_array_equal(fitted.probas_, clone(model).fit(table).probas_)

    @pytest.mark.parametrize("missing", [None, float("nan"), np.nan, pd.NA, -1])
    def test_every_kind_of_missing_in_objects(self, model, table, missing):
        cells = table.astype(object)
        cells[table == -1] = missing
        fitted = clone(model).fit(cells)
        np.testing.assert_array_equal(fitted.probas_, clone(model).fit(table).probas_)
        np.testing.assert_array_equal(fitted.predict_proba(cells), fitted.probas_)

    def test_nan_in_numbers(self, model, table):
        cells = np.where(table == -1, np.nan, table)
        np.testing.assert_array_equal(
            clone(model).fit(cells).probas_, clone(model).fit(table).probas_
        )

    def test_refuses_infinities_and_sparse_tables(self, model, table):
        with pytest.raises(ValueError, match="infinity"):
            clone(model).fit(np.where(table == -1, np.inf, table))
        with pytest.raises(TypeError, match=r"sparse table is ambiguous.*Annotations\.from_sparse"):
            clone(model).fit(csr_array(table))

    def test_refuses_cells_that_are_no_label(self, model):
        table = np.array([["a", "b"], ["a", None]], dtype=object)
        table[1, 1] = ["a", "b"]
        with pytest.raises(TypeError, match=r"strings or numbers .* row 1, column 1 holds \['a'"):
            clone(model).fit(table)
        table[1, 1] = ("a", ["b"])
        with pytest.raises(TypeError, match=r"row 1, column 1 holds \('a', \['b'\]\)"):
            clone(model).fit(table)

    def test_refuses_votes_without_a_label(self, model):
        name = type(model).__name__
        with pytest.raises(ValueError, match=f"{name} needs at least one label; the 2 items have"):
            clone(model).fit(np.full((2, 3), -1))

    def test_declared_classes_make_votes_without_a_label_legal(self, model):
        # 0 and 1 were declared, so that -1 may be a label unless it is called missing.
        votes = Annotations.from_matrix(np.full((2, 3), -1), missing=-1, classes=[0, 1])
        np.testing.assert_allclose(clone(model).fit(votes).probas_, 0.5)

    def test_before_the_fit(self, model, votes):
        fresh = clone(model)
        for method in (fresh.predict, fresh.predict_proba, fresh.transform, fresh.score):
            with pytest.raises(NotFittedError):
                method(votes)
        with pytest.raises(NotFittedError):
            fresh.get_feature_names_out()


@every
class TestFrames:
    def test_feature_names(self, model, table):
        frame = pd.DataFrame(table, columns=list("stuvwxyz"))
        fitted = clone(model).fit(frame)
        assert fitted.feature_names_in_.tolist() == list("stuvwxyz")
        assert fitted.annotators_.tolist() == list("stuvwxyz")
        np.testing.assert_array_equal(fitted.predict_proba(frame), fitted.probas_)
        with pytest.raises(ValueError, match="feature names should match"):
            fitted.predict(frame.rename(columns={"s": "other"}))
        with pytest.raises(ValueError, match=r"has 7 features.*expecting 8"):
            clone(model).fit(table).predict(table[:, :7])

    def test_a_container_clears_the_feature_names(self, model, table, votes):
        fitted = clone(model).fit(pd.DataFrame(table, columns=list("stuvwxyz")))
        fitted.fit(votes)
        assert not hasattr(fitted, "feature_names_in_")

    def test_frames_of_text(self, model, table):
        names = np.array(["a", "b", "c", None], dtype=object)[table]
        for dtype in (object, "string", "category"):
            frame = pd.DataFrame(names, columns=list("stuvwxyz")).astype(dtype)
            fitted = clone(model).fit(frame)
            assert fitted.classes_.tolist() == ["a", "b", "c"]
            np.testing.assert_array_equal(fitted.predict_proba(frame), fitted.probas_)

    def test_set_output(self, model, table):
        frame = pd.DataFrame(table, index=range(100, 300), columns=list("stuvwxyz"))
        out = clone(model).set_output(transform="pandas").fit_transform(frame)
        assert out.columns.tolist() == ["proba_0", "proba_1", "proba_2"]
        assert out.index.tolist() == frame.index.tolist()
        np.testing.assert_array_equal(out.to_numpy(), clone(model).fit(table).probas_)

    def test_set_output_of_a_container(self, model, votes):
        out = clone(model).set_output(transform="pandas").fit_transform(votes)
        assert out.shape == (200, 3)


@every
class TestTools:
    def test_pipeline(self, model, table):
        truth = problems.planted(0).truth
        pipeline = make_pipeline(clone(model), LogisticRegression())
        assert pipeline.fit(table, truth).score(table, truth) > 0.7

    def test_grid_search_without_y(self, model, table):
        """The score without a truth is the likelihood of votes on held-out items."""
        search = GridSearchCV(clone(model), {"ties": ["prior", "first"]}, cv=3).fit(table)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        assert search.best_score_ < 0

    def test_cross_validation_against_the_truth(self, model, table):
        truth = problems.planted(0).truth
        scores = cross_validate(clone(model), table, truth, cv=4)["test_score"]
        assert (scores > 0.6).all()
        assert (scores <= 1).all()

    def test_gold_is_sliced_per_fold(self, model, table):
        gold = np.where(np.arange(200) % 3 == 0, problems.planted(0).truth, -1)
        with config_context(enable_metadata_routing=True):
            routed = clone(model).set_fit_request(gold=True)
            result = cross_validate(
                routed, table, cv=4, params={"gold": gold}, return_estimator=True,
                return_indices=True,
            )  # fmt: skip
        for fitted, rows in zip(result["estimator"], result["indices"]["train"], strict=True):
            wanted = clone(model).fit(table[rows], gold=gold[rows])
            np.testing.assert_array_equal(fitted.probas_, wanted.probas_)
            known = gold[rows] >= 0
            np.testing.assert_array_equal(fitted.labels_[known], gold[rows][known])

    def test_gold_through_a_pipeline(self, model, table):
        gold = np.where(np.arange(200) % 3 == 0, problems.planted(0).truth, -1)
        with config_context(enable_metadata_routing=True):
            pipeline = make_pipeline(clone(model).set_fit_request(gold=True), Passthrough())
            pipeline.fit(table, gold=gold)
        np.testing.assert_array_equal(
            pipeline[0].probas_, clone(model).fit(table, gold=gold).probas_
        )


class Passthrough(BaseEstimator):
    def fit(self, X, y=None):
        self.fitted_ = True
        return self


def test_grid_search_prefers_a_better_prior():
    table = problems.planted(5, n_items=400, accuracy=(0.6, 0.8)).votes.to_matrix()
    grid = {"prior_strength": [4.0], "prior_accuracy": [0.01, 0.7], "max_iter": [300]}
    search = GridSearchCV(DawidSkene(), grid, cv=3).fit(table)
    assert search.best_params_["prior_accuracy"] == 0.7


@every
class TestScore:
    def test_accuracy_against_the_truth(self, model, votes):
        truth = problems.planted(0).truth
        fitted = clone(model).fit(votes)
        assert fitted.score(votes, truth) == (fitted.labels_ == truth).mean()

    def test_unknown_truth_does_not_count(self, model, votes):
        truth = problems.planted(0).truth
        fitted = clone(model).fit(votes)
        right = (fitted.labels_ == truth)[:50].mean()
        for missing in (None, np.nan):
            partly = truth.astype(object)
            partly[50:] = missing
            assert fitted.score(votes, partly) == right

    def test_a_class_nobody_used_is_never_right(self, model, votes):
        assert clone(model).fit(votes).score(votes, np.full(200, 9)) == 0

    def test_likelihood_without_truth(self, model, votes):
        fitted = clone(model).fit(votes)
        value = fitted.score(votes)
        assert -np.log(3) - 0.5 < value < 0
        if isinstance(model, DawidSkene):
            joint = naive.log_joint(
                problems.triples(votes), fitted.confusion_, fitted.class_prior_, 200
            )
            wanted = np.logaddexp.reduce(joint, axis=1).sum() / votes.n_annotations
            assert value == pytest.approx(wanted, rel=1e-12)

    def test_messages(self, model, votes):
        fitted = clone(model).fit(votes)
        with pytest.raises(ValueError, match="y must have 200 entries; got 3"):
            fitted.score(votes, [0, 1, 2])
        with pytest.raises(ValueError, match="y holds no known class"):
            fitted.score(votes, [None] * 200)


@every
class TestDecisions:
    def test_costs(self, model, votes):
        costs = [[0, 1, 9], [1, 0, 9], [1, 1, 0]]
        fitted = clone(model).fit(votes)
        wanted = naive.decide(fitted.probas_, fitted.class_prior_, costs)
        np.testing.assert_array_equal(fitted.predict(votes, costs=costs), wanted)
        assert (fitted.predict(votes, costs=costs) == 2).sum() < (fitted.labels_ == 2).sum()

    def test_abstaining(self, model, votes):
        fitted = clone(model).fit(votes)
        sure = fitted.probas_.max(axis=1) >= 0.8
        assert 0 < sure.sum() < 200
        labels = fitted.predict(votes, min_confidence=0.8)
        assert labels.dtype == object
        assert [label is None for label in labels] == (~sure).tolist()
        np.testing.assert_array_equal(labels[sure].astype(int), fitted.labels_[sure])
        named = fitted.predict(votes, min_confidence=0.8, abstain="unsure")
        assert (named == "unsure").tolist() == (~sure).tolist()

    def test_messages(self, model, votes):
        fitted = clone(model).fit(votes)
        with pytest.raises(ValueError, match=r"costs must be a finite table of shape \(3, 3\)"):
            fitted.predict(votes, costs=np.eye(2))
        with pytest.raises(ValueError, match="min_confidence must be a number"):
            fitted.predict(votes, min_confidence=2)
        with pytest.raises(ValueError, match="ties must be one of 'prior', 'first', 'random'"):
            clone(model).set_params(ties="last").fit(votes)

    @pytest.mark.parametrize("ties", ["prior", "first"])
    def test_ties_do_not_depend_on_the_order_of_the_rows(self, model, ties):
        random = np.random.default_rng(0)
        item, annotator = np.divmod(np.arange(240), 4)
        label = random.permuted(np.tile([0, 0, 1, 1], (60, 1)), axis=1).ravel()
        names = np.array([f"i{i}" for i in item]), np.array([f"a{j}" for j in annotator])
        fits = []
        for _ in range(3):
            order = random.permutation(240)
            votes = Annotations.from_columns(names[0][order], names[1][order], label[order])
            fits.append(clone(model).set_params(ties=ties).fit(votes).labels_)
        np.testing.assert_array_equal(fits[0], fits[1])
        np.testing.assert_array_equal(fits[0], fits[2])

    def test_random_ties_have_a_seed(self, model):
        votes = Annotations.from_matrix(np.tile([[0, 1], [1, 0]], (40, 1)))
        random = clone(model).set_params(ties="random", random_state=1)
        np.testing.assert_array_equal(clone(random).fit(votes).labels_, random.fit(votes).labels_)


@every
class TestNewItems:
    def test_by_known_annotators(self, model, votes):
        fitted = clone(model).fit(votes)
        part = votes.select(items=np.arange(50, 60))
        np.testing.assert_array_equal(fitted.predict_proba(part), fitted.probas_[50:60])

    def test_in_any_order_of_annotators_and_classes(self, model, votes):
        frame = votes.to_frame()
        known = [5, 3, 1, 7, 0, 2, 4, 6]
        other = Annotations.from_columns(
            frame["item"], frame["annotator"], frame["label"],
            known_annotators=known, classes=[2, 0, 1],
        )  # fmt: skip
        fitted = clone(model).fit(votes)
        np.testing.assert_allclose(fitted.predict_proba(other), fitted.probas_, rtol=1e-12)

    def test_unlabelled_items_get_the_prior(self, model, votes):
        fitted = clone(model).fit(votes)
        table = np.full((2, 8), -1)
        np.testing.assert_allclose(fitted.predict_proba(table), [fitted.class_prior_] * 2)

    def test_no_items(self, model, votes):
        fitted = clone(model).fit(votes)
        assert fitted.predict_proba(votes.select(items=[])).shape == (0, 3)
        assert fitted.predict(votes.select(items=[])).shape == (0,)

    def test_unknown_annotators(self, model, votes):
        mixed = Annotations.from_columns([0, 0, 0], [1, 99, 98], [0, 2, 2])
        alone = Annotations.from_columns([0], [1], [0])
        count = clone(model).fit(votes)
        with_strangers = count.predict_proba(mixed)
        without = count.predict_proba(alone)
        assert with_strangers[0, 2] > without[0, 2]
        ignore = clone(model).set_params(unknown_annotators="ignore").fit(votes)
        np.testing.assert_array_equal(ignore.predict_proba(mixed), without)
        refuse = clone(model).set_params(unknown_annotators="error").fit(votes)
        np.testing.assert_array_equal(refuse.predict_proba(alone), without)
        with pytest.raises(ValueError, match=r"2 annotators were not in the fit: 98, 99\. Fit"):
            refuse.predict_proba(mixed)
        wrong = clone(model).set_params(unknown_annotators="guess").fit(votes)
        with pytest.raises(ValueError, match="unknown_annotators must be one of 'prior', 'ignore'"):
            wrong.predict_proba(alone)

    def test_only_unknown_annotators(self, model, votes):
        strangers = Annotations.from_columns([0, 1], [99, 98], [0, 2])
        fitted = clone(model).fit(votes)
        assert fitted.predict(strangers).tolist() == [0, 2]
        ignore = clone(model).set_params(unknown_annotators="ignore").fit(votes)
        np.testing.assert_allclose(ignore.predict_proba(strangers), [ignore.class_prior_] * 2)

    def test_1_is_not_the_text_1(self, model, votes):
        frame = votes.to_frame()
        renamed = Annotations.from_columns(
            frame["item"], frame["annotator"].astype(str), frame["label"]
        )
        refuse = clone(model).set_params(unknown_annotators="error").fit(votes)
        with pytest.raises(ValueError, match="8 annotators were not in the fit: '0', '1'"):
            refuse.predict(renamed)

    def test_unknown_classes(self, model, votes):
        fitted = clone(model).fit(votes)
        strange = Annotations.from_columns([0, 0], [0, 1], [0, 7])
        with pytest.raises(ValueError, match="classes the model has never seen: 7; it was fitted"):
            fitted.predict(strange)
        declared = Annotations.from_columns([0, 0], [0, 1], [0, 0], classes=[0, 7])
        assert fitted.predict(declared).tolist() == [0]

    def test_minus_one_as_a_class(self, model):
        table = np.array([[-1, 1, 1], [-1, -1, 1], [1, 1, 1], [-1, -1, -1]])
        votes = Annotations.from_matrix(table, missing=None)
        fitted = clone(model).fit(votes)
        assert fitted.classes_.tolist() == [-1, 1]
        np.testing.assert_array_equal(fitted.predict_proba(table), fitted.probas_)
