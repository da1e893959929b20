"""Epochs, judges, gold, starts and degenerate crowds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from aggregate import Annotations, MajorityVote, OneCoinDawidSkene
from aggregate.learning.torch import TorchCrowdClassifier
from aggregate.learning.torch.losses import HEADS, CoupledHead
from tests.learning.torch.crowds import QUICK, planted


@pytest.fixture(scope="module")
def crowd():
    return planted()


class TestTraining:
    def test_the_best_epoch_is_kept(self, crowd):
        options = QUICK | {"lr": 0.1, "max_epochs": 100}
        model = TorchCrowdClassifier(**options).fit(crowd.X, crowd.table)
        path = model.held_out_path_
        assert model.converged_
        assert model.n_iter_ == len(path) == len(model.objective_path_)
        assert path.argmin() == model.n_iter_ - 1 - 5
        shorter = clone(model).set_params(max_epochs=int(path.argmin()) + 1)
        shorter.fit(crowd.X, crowd.table)
        np.testing.assert_array_equal(shorter.probas_, model.probas_)
        assert not shorter.converged_

    def test_without_patience_all_rows_train(self, crowd):
        model = TorchCrowdClassifier(**(QUICK | {"patience": None})).fit(crowd.X, crowd.table)
        assert model.n_iter_ == 40
        assert len(model.held_out_path_) == 0
        assert model.objective_path_[-5:].mean() < model.objective_path_[:5].mean()

    def test_judged_by_a_truth(self, crowd):
        one = TorchCrowdClassifier(**QUICK)
        one.fit(crowd.X, crowd.table, validation_data=(crowd.X_test, crowd.y_test))
        wanted = -np.log(one.predict_proba(crowd.X_test)[np.arange(400), crowd.y_test]).mean()
        assert one.held_out_path_.min() == pytest.approx(wanted)

    def test_nothing_is_dropped_out_where_a_net_is_judged_or_asked(self, crowd):
        options = QUICK | {"max_epochs": 5, "module_params": {"dropout": 0.5}}
        model = TorchCrowdClassifier(**options)
        model.fit(crowd.X, crowd.table, validation_data=(crowd.X_test, crowd.y_test))
        probas = model.predict_proba(crowd.X_test)
        wanted = -np.log(probas[np.arange(400), crowd.y_test]).mean()
        assert model.held_out_path_.min() == pytest.approx(wanted)
        model.module_.train()  # by a user who goes on training it
        np.testing.assert_array_equal(model.predict_proba(crowd.X_test), probas)
        assert model.module_.training

    @pytest.mark.parametrize("options", [{}, {"loss": "geocrowdnet-w", "regularization": 0.05}])
    def test_judged_by_votes_without_the_penalty(self, crowd, options):
        other = planted(7)
        model = TorchCrowdClassifier(**(QUICK | options))
        model.fit(crowd.X, crowd.table, validation_data=(other.X, other.table))
        f = model.predict_proba(other.X)
        i, j = np.nonzero(other.table >= 0)
        chance = (f[i] * model.confusion_[j, :, other.table[i, j]]).sum(axis=1)
        assert model.held_out_path_.min() == pytest.approx(-np.log(chance).mean())

    def test_judged_by_errors(self, crowd):
        other = planted(7)
        for y, wanted in (
            (crowd.y_test, lambda m: 1 - m.score(crowd.X_test, crowd.y_test)),
            (other.table, lambda m: 1 - m.score(crowd.X_test, other.table)),
        ):
            model = TorchCrowdClassifier(validation_metric="error", **QUICK)
            model.fit(crowd.X, crowd.table, validation_data=(crowd.X_test, y))
            assert model.held_out_path_.min() == pytest.approx(wanted(model))
        model = TorchCrowdClassifier(validation_metric="error", **QUICK).fit(crowd.X, crowd.table)
        assert 0.2 < model.held_out_path_.min() < 0.6  # labels are right with .57 on average

    def test_soft_labels_of_a_validation_set(self, crowd):
        other = planted(7)
        model = TorchCrowdClassifier(loss="soft", **QUICK)
        model.fit(crowd.X, crowd.table, validation_data=(other.X, other.table))
        soft = MajorityVote().fit(other.table).probas_
        wanted = -(soft * np.log(model.predict_proba(other.X))).sum(axis=1).mean()
        assert model.held_out_path_.min() == pytest.approx(wanted)

    def test_validation_data_in_another_order(self, crowd):
        names = [f"row {i}" for i in range(len(crowd.X))]
        X, y = pd.DataFrame(crowd.X, index=names), pd.DataFrame(crowd.table, index=names)
        with pytest.raises(ValueError, match="another order") as raised:
            TorchCrowdClassifier(**QUICK).fit(X, y, validation_data=(X[::-1], y))
        assert raised.value.__notes__ == [
            "Here: of validation_data, whose items go as (X, y, items)."
        ]

    def test_items_of_validation_data_are_found_by_name(self, crowd):
        other, names = planted(7), np.array([f"row {i}" for i in range(400)])
        votes = Annotations.from_matrix(other.table[::-1], items=names[::-1])
        options = QUICK | {"max_epochs": 2}
        plain, named = (
            TorchCrowdClassifier(**options).fit(crowd.X, crowd.table, validation_data=data)
            for data in ((other.X, other.table), (other.X, votes, names))
        )
        np.testing.assert_allclose(named.held_out_path_, plain.held_out_path_)

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (np.zeros((3, 2)), "must be a pair"),
            ((np.zeros((3, 2)), [0, 1]), "has 3 rows of X and 2 of y"),
            ((np.zeros((2, 2)), [0, 9]), "no class: 9"),
            ((np.zeros((2, 3)), [0, 1]), "X has 3 features"),
            (
                (np.zeros((1, 2)), Annotations.from_columns(["a"], ["zoe"], [1])),
                "no annotator of validation_data is among those of the fit: 'zoe'",
            ),
        ],
    )
    def test_validation_data_that_do_not_fit(self, crowd, data, message):
        with pytest.raises(ValueError, match=message):
            TorchCrowdClassifier(**QUICK).fit(crowd.X, crowd.table, validation_data=data)

    def test_rows_without_votes_never_train(self, crowd):
        table, X = crowd.table.copy(), crowd.X.copy()
        table[::4] = -1
        one = TorchCrowdClassifier(**QUICK).fit(X, table)
        assert one.n_unlabelled_ == 100
        kept = np.arange(400) % 4 > 0
        two = TorchCrowdClassifier(**QUICK).fit(X[kept], table[kept])
        np.testing.assert_allclose(
            one.predict_proba(crowd.X_test), two.predict_proba(crowd.X_test), rtol=1e-9
        )

    def test_gold_alone_trains(self, crowd):
        table = np.where(np.arange(400)[:, None] < 5, crowd.table, -1)
        gold = {i: crowd.truth[i] for i in range(100, 300)}
        model = TorchCrowdClassifier(**QUICK).fit(crowd.X, table, gold=gold)
        assert model.n_unlabelled_ == 195
        assert model.score(crowd.X_test, crowd.y_test) > 0.93

    def test_batches_smaller_than_the_classes(self, crowd):
        for loss in ("geocrowdnet-f", "coinnet"):
            with pytest.raises(ValueError, match="at least as many items in each batch"):
                TorchCrowdClassifier(loss=loss, batch_size=2, **QUICK).fit(crowd.X, crowd.table)
        TorchCrowdClassifier(loss="geocrowdnet-w", batch_size=2, **(QUICK | {"max_epochs": 1})).fit(
            crowd.X[:20], crowd.table[:20]
        )

    def test_warm_up_and_starts_from_votes(self, crowd):
        options = QUICK | {"max_epochs": 12, "patience": None}
        warm = TorchCrowdClassifier(
            warm_up_epochs=6, aggregator=OneCoinDawidSkene(), init="aggregator", **options
        ).fit(crowd.X, crowd.table)
        assert warm.score(crowd.X_test, crowd.y_test) > 0.95
        cold = TorchCrowdClassifier(**options).fit(crowd.X, crowd.table)
        assert not np.array_equal(warm.objective_path_, cold.objective_path_)

    @pytest.mark.parametrize("loss", ["crowd-layer", "coinnet"])
    def test_some_losses_warm_up_by_themselves(self, crowd, loss):
        options = QUICK | {"max_epochs": 5, "patience": None}
        soft = TorchCrowdClassifier(loss="soft", **options).fit(crowd.X, crowd.table)
        path = TorchCrowdClassifier(loss=loss, **options).fit(crowd.X, crowd.table).objective_path_
        np.testing.assert_array_equal(path[:3], soft.objective_path_[:3])
        assert path[3] != soft.objective_path_[3]
        cold = TorchCrowdClassifier(loss=loss, warm_up_epochs=0, **options)
        assert cold.fit(crowd.X, crowd.table).objective_path_[0] != path[0]

    def test_trace_begins_after_its_warm_up(self, crowd):
        options = QUICK | {"max_epochs": 6, "patience": None}
        plain = TorchCrowdClassifier(**options).fit(crowd.X, crowd.table)
        trace = TorchCrowdClassifier(loss="trace", loss_params={"warm_up": 3}, **options)
        trace.fit(crowd.X, crowd.table)
        np.testing.assert_array_equal(trace.objective_path_[:3], plain.objective_path_[:3])
        assert (trace.objective_path_[3:] > plain.objective_path_[3:]).all()

    def test_the_best_of_several_starts(self, crowd):
        options = QUICK | {"max_epochs": 3}
        several = TorchCrowdClassifier(n_init=4, **options).fit(crowd.X, crowd.table)
        once = TorchCrowdClassifier(**options).fit(crowd.X, crowd.table)
        assert several.held_out_path_.min() < once.held_out_path_.min()

    def test_own_loss_and_own_optimiser(self, crowd):
        class Halved(CoupledHead):
            def data(self, batch):
                return super().data(batch) / 2

        told = []

        def optimiser(groups, lr):
            told.extend((group["lr"], group["weight_decay"]) for group in groups)
            return torch.optim.RMSprop(groups, lr=lr)

        model = TorchCrowdClassifier(loss=Halved, optimizer=optimiser, **QUICK)
        assert model.fit(crowd.X, crowd.table).score(crowd.X_test, crowd.y_test) > 0.95
        assert told == [(0.01, 1e-4), (0.1, 0.0)]  # the annotators: quicker, and no decay
        for name in ("adamw", "sgd"):
            model = TorchCrowdClassifier(optimizer=name, **QUICK).fit(crowd.X, crowd.table)
            assert model.score(crowd.X_test, crowd.y_test) > 0.95
        with pytest.raises(TypeError, match="loss must be a name or build a Head"):
            TorchCrowdClassifier(loss=lambda sizes: None, **QUICK).fit(crowd.X, crowd.table)

    @pytest.mark.parametrize("loss", list(HEADS))
    def test_degenerate_crowds(self, loss):
        X = np.random.default_rng(0).normal(size=(40, 2))
        options = QUICK | {"max_epochs": 2, "loss": loss}
        one_class = TorchCrowdClassifier(**options).fit(X, np.zeros((40, 2), dtype=int))
        np.testing.assert_array_equal(one_class.predict_proba(X), np.ones((40, 1)))
        lone = TorchCrowdClassifier(**options).fit(X, np.arange(40) % 2)
        assert np.isfinite(lone.probas_).all()
        crowded = np.tile(np.arange(40)[:, None] % 2, (1, 300))
        model = TorchCrowdClassifier(**options).fit(X, crowded)
        assert np.isfinite(model.probas_).all()
        assert np.isfinite(model.confusion_).all()
