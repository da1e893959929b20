"""A fit to parts is the fit in memory: parameters, soft labels and decisions to 1e-10."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from aggregate import (
    GLAD,
    IBCC,
    Annotations,
    ClassConditionalDawidSkene,
    DawidSkene,
    FastDawidSkene,
    HierarchicalDawidSkene,
    MajorityVote,
    OneCoinDawidSkene,
    PooledDawidSkene,
    Wawa,
)
from aggregate.distributed import DaskAnnotations
from tests import problems
from tests.distributed.crowds import assert_same_fit, in_order, spread

MODELS = [
    MajorityVote(),
    MajorityVote(ties="first"),
    Wawa(),
    Wawa(ties="first"),
    DawidSkene(),
    DawidSkene(accelerate=False, prior_strength=0, class_prior="uniform"),
    OneCoinDawidSkene(accelerate=False),
    ClassConditionalDawidSkene(accelerate=False),
    PooledDawidSkene(accelerate=False),
    HierarchicalDawidSkene(),
    IBCC(),
]
# A pass differs by the rounding of its sums, 1e-16. Extrapolation may make some thousand times
# more of that with every long step, so structures are compared without it.
every = pytest.mark.parametrize("model", MODELS, ids=str)


@every
@pytest.mark.parametrize("n_parts", [1, 3, 9])
@pytest.mark.parametrize("with_gold", [False, True])
def test_any_partition_gives_the_fit_in_memory(model, n_parts, with_gold):
    planted = problems.planted(0, n_items=150)
    gold = dict(enumerate(planted.truth[:40].tolist())) if with_gold else None
    remote = spread(planted.votes, n_parts=n_parts)
    assert_same_fit(
        clone(model).fit(planted.votes, gold=gold),
        clone(model).fit(remote, gold=gold),
        planted.votes,
        remote,
    )


@pytest.mark.parametrize("model", [Wawa(), DawidSkene(), HierarchicalDawidSkene()], ids=str)
@pytest.mark.parametrize("name", ["face_sentiment", "web"])
def test_real_votes(model, name, real):
    votes, truth = real(name)
    gold = dict(list(truth.items())[:100])
    remote = spread(votes, n_parts=5)
    one, other = clone(model).fit(votes, gold=gold), clone(model).fit(remote, gold=gold)
    assert_same_fit(one, other, votes, remote)


def test_the_partition_of_sums_is_the_same_to_the_last_bit():
    votes = problems.planted(1).votes
    fits = [DawidSkene().fit(spread(votes, n_pieces=n, n_parts=5)) for n in (1, 4)]
    np.testing.assert_array_equal(fits[0].confusion_, fits[1].confusion_)


def test_items_without_labels_keep_the_prior():
    votes = problems.ragged(5, n_items=12, n_labels=30)
    silent = pd.DataFrame({"item": [70, 80], "annotator": [0, 9], "label": [None, None]})
    frame = pd.concat(
        [votes.to_frame().astype({"label": "Int64"}), silent.astype({"label": "Int64"})]
    )
    remote = DaskAnnotations.from_dask(
        dd.from_pandas(frame.reset_index(drop=True), npartitions=2), npartitions=3
    )
    local = Annotations.from_frame(frame)
    assert_same_fit(DawidSkene().fit(local), DawidSkene().fit(remote), local, remote)


class TestStarts:
    votes = problems.planted(2).votes

    def test_given_confusions(self):
        init = {0: np.eye(3) * 0.7 + 0.1, 5: np.full((3, 3), 1 / 3)}
        remote = spread(self.votes)
        model = DawidSkene(init=init, max_iter=7, tol=0)
        assert_same_fit(clone(model).fit(self.votes), model.fit(remote), self.votes, remote)

    def test_fixed_confusions(self):
        init = np.full((8, 3, 3), np.eye(3) * 0.7 + 0.1)
        remote = spread(self.votes)
        model = DawidSkene(init=init, fix_confusion=True)
        assert_same_fit(clone(model).fit(self.votes), model.fit(remote), self.votes, remote)

    def test_history(self):
        history = {3: np.eye(3) * 50}
        remote = spread(self.votes)
        one = DawidSkene().fit(self.votes, history=history)
        assert_same_fit(one, DawidSkene().fit(remote, history=history), self.votes, remote)

    def test_warm_start(self):
        remote = spread(self.votes)
        one, other = DawidSkene(warm_start=True), DawidSkene(warm_start=True)
        for _ in range(2):
            one.fit(self.votes)
            other.fit(remote)
        assert_same_fit(one, other, self.votes, remote)

    def test_one_model_moves_from_memory_to_a_cluster(self):
        remote = spread(self.votes)
        model = DawidSkene(warm_start=True).fit(self.votes)
        afresh = model.n_iter_
        assert model.fit(remote).n_iter_ < afresh


def test_a_fit_that_stops_early_says_so():
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        DawidSkene(max_iter=3).fit(spread(problems.planted(3).votes))


class TestGold:
    planted = problems.planted(4, n_items=60)

    def test_it_turns_a_misled_crowd_round(self):
        rng = np.random.default_rng(0)
        truth = rng.integers(2, size=200)
        wrong = rng.random((200, 7)) < [0.8, 0.8, 0.8, 0.8, 0.8, 0.2, 0.2]
        votes = Annotations.from_matrix(
            np.where(wrong, 1 - truth[:, np.newaxis], truth[:, np.newaxis])
        )
        gold = dict(enumerate(truth[:20].tolist()))
        remote = spread(votes)
        here = DawidSkene().fit(votes, gold=gold)
        assert (
            (here.labels_ == truth).mean()
            > 0.9
            > 0.1
            > (DawidSkene().fit(votes).labels_ == truth).mean()
        )
        assert_same_fit(here, DawidSkene().fit(remote, gold=gold), votes, remote)

    def test_strangers_are_told(self):
        remote = spread(self.planted.votes)
        with pytest.warns(UserWarning, match="2 gold items are not among .*: 777, 'x'"):
            DawidSkene().fit(remote, gold={0: 1, 777: 1, "x": 2})

    def test_gold_of_other_items_is_refused(self):
        with pytest.raises(ValueError, match="none of the 1 gold items"):
            DawidSkene().fit(spread(self.planted.votes), gold={"0": 1})

    def test_gold_of_other_classes_is_refused(self):
        with pytest.raises(ValueError, match="classes that no annotator used: 9"):
            DawidSkene().fit(spread(self.planted.votes), gold={0: 9})

    def test_an_array_is_refused(self):
        with pytest.raises(TypeError, match="must be a mapping"):
            DawidSkene().fit(spread(self.planted.votes), gold=self.planted.truth)

    @pytest.mark.parametrize("gold", [{}, {0: None}])
    def test_no_gold_is_none(self, gold):
        model = DawidSkene().fit(spread(self.planted.votes), gold=gold)
        assert model.gold_given_.sum() == 0


class TestPrediction:
    planted = problems.planted(5)
    others = problems.planted(6, n_items=30, n_annotators=10)

    @pytest.mark.parametrize("strangers", ["prior", "ignore"])
    @pytest.mark.parametrize("kind", [Wawa, DawidSkene])
    def test_new_items_by_known_and_unknown_annotators(self, kind, strangers):
        model = kind(unknown_annotators=strangers).fit(self.planted.votes)
        remote = spread(self.others.votes)
        probas = in_order(self.others.votes, remote, model.predict_proba(remote).compute())
        np.testing.assert_allclose(probas, model.predict_proba(self.others.votes), atol=1e-12)

    def test_strangers_are_refused_on_demand(self):
        model = DawidSkene(unknown_annotators="error").fit(self.planted.votes)
        with pytest.raises(ValueError, match="annotators were not in the fit"):
            model.predict_proba(spread(self.others.votes, n_parts=1)).compute()

    def test_decisions_by_cost_and_confidence(self):
        model = DawidSkene().fit(self.planted.votes)
        remote = spread(self.planted.votes)
        costs = [[0, 1, 1], [5, 0, 1], [1, 1, 0]]
        for options in ({"costs": costs}, {"min_confidence": 0.9, "abstain": "?"}):
            decided = model.predict(remote, **options)
            here = in_order(self.planted.votes, remote, decided.compute())
            np.testing.assert_array_equal(here, model.predict(self.planted.votes, **options))
            assert decided.dtype == here.dtype

    def test_soft_labels_of_the_fitted_votes_in_memory(self):
        remote = spread(self.planted.votes)
        model = DawidSkene().fit(remote)
        np.testing.assert_allclose(
            model.predict_proba(self.planted.votes),
            in_order(self.planted.votes, remote, model.probas_.compute()),
        )

    def test_score_needs_memory(self):
        remote = spread(self.planted.votes)
        with pytest.raises(TypeError, match=r"compute\(\) brings them here"):
            DawidSkene().fit(remote).score(remote)

    def test_an_unfitted_model_is_refused(self):
        with pytest.raises(NotFittedError):
            DawidSkene().predict(spread(self.planted.votes))


class TestRefusals:
    votes = problems.planted(7, n_items=20).votes

    @pytest.mark.parametrize("model", [GLAD(), FastDawidSkene()], ids=str)
    def test_models_that_need_all_items(self, model):
        with pytest.raises(TypeError, match=r"cannot be fitted on a cluster\. These can: Dawid"):
            model.fit(spread(self.votes))

    @pytest.mark.parametrize("init", ["spectral", np.full((20, 3), 1 / 3)], ids=["moments", "soft"])
    def test_starts_that_need_all_items(self, init):
        with pytest.raises(ValueError, match="init"):
            DawidSkene(init=init).fit(spread(self.votes))

    @pytest.mark.parametrize("option", [{"n_init": 2}, {"abstention": 2}, {"checkpoint": "a.npz"}])
    def test_options_that_need_all_items(self, option):
        with pytest.raises(ValueError, match="is not supported on a cluster"):
            DawidSkene(**option).fit(spread(self.votes))

    def test_a_refusal_leaves_the_model_as_it_was(self):
        model = DawidSkene().fit(self.votes)
        before = model.probas_
        with pytest.raises(ValueError, match="gold holds"):
            model.fit(spread(self.votes), gold={0: "no class"})
        assert model.probas_ is before

    def test_no_label(self):
        frame = pd.DataFrame({"task": [1], "worker": [1], "label": [np.nan]})
        remote = DaskAnnotations.from_dask(dd.from_pandas(frame, npartitions=1))
        with pytest.raises(ValueError, match="MajorityVote needs at least one label"):
            MajorityVote().fit(remote)


WITHOUT = """
import sys
sys.modules["distributed"] = None
import aggregate
from aggregate.distributed import DaskAnnotations
assert "dask" not in sys.modules
try:
    DaskAnnotations.from_parquet("votes")
except ImportError as error:
    print(error)
"""


def test_without_dask_the_error_names_the_remedy():
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(WITHOUT)], capture_output=True, text=True, check=True
    )
    assert done.stdout == (
        "aggregate.distributed needs Dask: python -m pip install 'crowd-aggregate[dask]'.\n"
    )
