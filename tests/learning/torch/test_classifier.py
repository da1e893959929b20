"""The classifier: every loss finds a planted truth, and scikit-learn's manners."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from aggregate import Annotations, MajorityVote, OneCoinDawidSkene
from aggregate.learning.torch import TorchCrowdClassifier
from aggregate.learning.torch.losses import HEADS, CoupledHead
from tests.learning.torch.crowds import planted

QUICK = {"lr": 0.01, "max_epochs": 40, "patience": 5, "random_state": 0}
TABLES = ("ccem", "geocrowdnet-f", "geocrowdnet-w", "trace", "unionnet", "coinnet")


@parametrize_with_checks([TorchCrowdClassifier(max_epochs=30, lr=0.01)])
def test_scikit_learn(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # "not checking array_api input"
        check(estimator)


@pytest.fixture(scope="module")
def crowd():
    return planted()


@pytest.fixture(scope="module")
def fitted(crowd):
    return TorchCrowdClassifier(**QUICK).fit(crowd.X, crowd.table)


class TestPlanted:
    @pytest.mark.parametrize("loss", list(HEADS))
    def test_every_loss_beats_the_vote(self, crowd, loss):
        model = TorchCrowdClassifier(loss=loss, **QUICK).fit(crowd.X, crowd.table)
        vote = np.mean(MajorityVote().fit(crowd.table).labels_ == crowd.truth)
        accuracy = model.score(crowd.X_test, crowd.y_test)
        assert vote < 0.8
        assert accuracy > 0.95
        assert np.mean(model.labels_ == crowd.truth) > 0.95
        np.testing.assert_allclose(model.probas_.sum(axis=1), 1)
        np.testing.assert_allclose(model.confusion_.sum(axis=2), 1)
        assert model.confusion_.shape == crowd.confusion.shape
        error = np.abs(model.confusion_ - crowd.confusion).mean()
        assert error < (0.12 if loss in TABLES else 0.16)
        assert model.annotator_skill_[:3].min() > model.annotator_skill_[3:].max()

    def test_one_label_per_item_with_one_who_knows(self):
        """The hardest crowd of the theory: most labels are noise, and nobody is checked."""
        crowd = planted(1, n_items=900, n_annotators=6, per_item=1)
        for loss in ("ccem", "geocrowdnet-f"):
            model = TorchCrowdClassifier(loss=loss, **QUICK).fit(crowd.X, crowd.table)
            assert model.score(crowd.X_test, crowd.y_test) > 0.93

    def test_crowd_of_adversaries_with_gold(self):
        crowd = planted(2)
        shifted = np.where(crowd.table >= 0, (crowd.table + 1) % 3, -1)  # everybody errs alike
        gold = np.where(np.arange(400) < 60, crowd.truth, -1)
        model = TorchCrowdClassifier(init="aggregator", aggregator="dawid-skene", **QUICK)
        model.fit(crowd.X, shifted, gold=gold)
        assert model.score(crowd.X_test, crowd.y_test) > 0.9
        np.testing.assert_array_equal(model.probas_[:60], np.eye(3)[crowd.truth[:60]])
        assert model.confusion_[0].argmax(axis=1).tolist() == [1, 2, 0]
        blind = TorchCrowdClassifier(**QUICK).fit(crowd.X, shifted)
        assert blind.score(crowd.X_test, crowd.y_test) < 0.1

    def test_outlier_scores(self):
        crowd = planted(3, n_annotators=5, per_item=5)
        strange = np.arange(0, 400, 8)
        table = crowd.table.copy()
        table[strange] = ((crowd.truth[strange] + 1) % 3)[:, None]  # all are misled alike
        model = TorchCrowdClassifier(loss="coinnet", **QUICK).set_params(patience=None)
        score = model.fit(crowd.X, table).outlier_score_
        assert score.shape == (400,)
        assert roc_auc_score(np.isin(np.arange(400), strange), score) > 0.95


class Net(nn.Module):
    """A user's module in single precision."""

    def __init__(self, n_features, n_classes, width=16):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.2),
            nn.Linear(width, n_classes),
        )  # fmt: skip

    def forward(self, x):
        return self.layers(x)


def convolution(n_features, n_classes, channels=4):
    assert n_features == (1, 8, 8)
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(),
        nn.Linear(16 * channels, n_classes),
    )  # fmt: skip


class TestModules:
    def test_a_class_and_its_parameters(self, crowd):
        model = TorchCrowdClassifier(Net, module_params={"width": 8}, **QUICK)
        model.fit(crowd.X, crowd.table)
        assert model.module_.layers[0].weight.shape == (8, 2)
        assert model.module_.layers[0].weight.dtype == torch.float32
        assert not model.module_.training
        assert model.score(crowd.X_test, crowd.y_test) > 0.95
        assert model.predict_proba(crowd.X).dtype == np.float64

    def test_a_module_is_copied_and_its_weights_are_the_start(self, crowd):
        torch.manual_seed(3)
        given = Net(2, 3)
        before = {name: value.clone() for name, value in given.state_dict().items()}
        options = QUICK | {"max_epochs": 1, "patience": None, "lr": 1e-12}
        model = TorchCrowdClassifier(given, **options).fit(crowd.X, crowd.table)
        for name, value in given.state_dict().items():
            assert torch.equal(value, before[name])
        trained = model.module_.state_dict()
        torch.testing.assert_close(trained["layers.0.weight"], before["layers.0.weight"])

    @pytest.mark.parametrize("kind", ["array", "tensor"])
    def test_images(self, kind):
        rng = np.random.default_rng(0)
        truth = rng.integers(0, 2, size=200)
        images = rng.normal(size=(200, 1, 8, 8))
        images[:, 0, :4, :4] += 2 * truth[:, None, None]
        table = np.where(rng.random((200, 3)) < 0.75, truth[:, None], 1 - truth[:, None])
        X = images if kind == "array" else torch.from_numpy(images).float()
        for loss in ("ccem", "conal"):  # conal reads the features itself
            model = TorchCrowdClassifier(convolution, loss=loss, **QUICK).fit(X, table)
            assert model.score(X, truth) > 0.95
        assert TorchCrowdClassifier(**QUICK).fit(X, table).score(X, truth) > 0.9

    def test_a_frozen_backbone_stays(self, crowd):
        net = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3))
        net[0].requires_grad_(False)
        model = TorchCrowdClassifier(net, **QUICK).fit(crowd.X, crowd.table)
        assert torch.equal(model.module_[0].weight, net[0].weight)
        assert not torch.equal(model.module_[2].weight, net[2].weight)

    @pytest.mark.parametrize(
        ("module", "params", "error", "message"),
        [
            (nn.Linear(2, 5), None, ValueError, r"shape \(60, 3\) for this batch; got \(60, 5\)"),
            (nn.LSTM(2, 3), None, ValueError, "got tuple"),
            (lambda n_features, n_classes: 7, None, TypeError, "must return a torch.nn.Module"),
            ("net", None, TypeError, "must be a torch.nn.Module, a class or function"),
            (nn.Linear(2, 3), {"width": 1}, ValueError, "module is one already"),
            (nn.Flatten(), None, ValueError, r"got \(60, 2\)"),
        ],
    )
    def test_messages(self, crowd, module, params, error, message):
        model = TorchCrowdClassifier(module, module_params=params, **QUICK)
        with pytest.raises(error, match=message):
            model.fit(crowd.X, crowd.table)
        with pytest.raises(NotFittedError):
            model.predict(crowd.X)

    def test_overflow_is_said(self, crowd):
        net = nn.Linear(2, 3)
        net.weight.data[:] = torch.inf
        with pytest.raises(ValueError, match="scores that are not finite"):
            TorchCrowdClassifier(net, **QUICK).fit(crowd.X, crowd.table)


class TestManners:
    def test_clone_pickle_and_refit(self, crowd, fitted):
        again = clone(fitted).fit(crowd.X, crowd.table)
        np.testing.assert_array_equal(again.predict_proba(crowd.X), fitted.predict_proba(crowd.X))
        np.testing.assert_array_equal(again.probas_, fitted.probas_)
        thawed = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(thawed.predict_proba(crowd.X), fitted.predict_proba(crowd.X))

    def test_global_generators_and_threads_are_left_alone(self, crowd):
        torch.manual_seed(5)
        wanted = torch.rand(3)
        torch.manual_seed(5)
        np.random.seed(5)  # noqa: NPY002 (the global state is what is looked at)
        before, threads = np.random.get_state()[1].copy(), torch.get_num_threads()  # noqa: NPY002
        TorchCrowdClassifier(Net, **QUICK).fit(crowd.X, crowd.table)
        assert torch.equal(torch.rand(3), wanted)
        np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
        assert torch.get_num_threads() == threads

    def test_another_seed_is_another_fit(self, crowd, fitted):
        other = clone(fitted).set_params(random_state=1).fit(crowd.X, crowd.table)
        assert not np.array_equal(other.predict_proba(crowd.X), fitted.predict_proba(crowd.X))

    @pytest.mark.parametrize("loss", ["ccem", "conal", "max-mig", "coinnet"])
    def test_order_of_annotators_and_rows(self, crowd, loss):
        rng = np.random.default_rng(0)
        who, rows = rng.permutation(8), rng.permutation(400)
        options = QUICK | {"max_epochs": 4}
        one = TorchCrowdClassifier(loss=loss, **options).fit(crowd.X, crowd.table)
        other = TorchCrowdClassifier(loss=loss, **options)
        other.fit(crowd.X[rows], crowd.table[rows][:, who])
        np.testing.assert_array_equal(
            other.predict_proba(crowd.X_test), one.predict_proba(crowd.X_test)
        )
        np.testing.assert_allclose(other.confusion_, one.confusion_[who], rtol=1e-9)
        np.testing.assert_allclose(other.probas_, one.probas_[rows], rtol=1e-9)

    def test_containers_frames_and_names(self, crowd, fitted):
        votes = Annotations.from_matrix(crowd.table)
        by_name = votes.select(items=np.arange(399, -1, -1))
        frame = pd.DataFrame(crowd.table, columns=list("abcdefgh"))
        for y, items in ((votes, None), (by_name, np.arange(400)), (frame, None)):
            again = clone(fitted).fit(crowd.X, y, items=items)
            np.testing.assert_array_equal(again.probas_, fitted.probas_)
        assert again.annotators_.tolist() == list("abcdefgh")

    def test_class_names(self, crowd, fitted):
        names = np.array(["ant", "bee", "cow"])
        table = np.where(crowd.table >= 0, names[crowd.table], None)
        model = clone(fitted).fit(crowd.X, table)
        assert set(model.predict(crowd.X)) == set(names)
        np.testing.assert_array_equal(model.probas_, fitted.probas_)

    def test_grid_search_over_module_and_strength(self, crowd):
        model = TorchCrowdClassifier(Net, loss="geocrowdnet-f", **QUICK)
        grid = {"module__width": [2, 16], "strength": [1e-3, 10.0]}
        search = GridSearchCV(model, grid, cv=2).fit(crowd.X, crowd.table)
        assert search.best_params_ == {"module__width": 16, "strength": 1e-3}
        assert model.module_params is None
        assert search.best_estimator_.get_params()["module__width"] == 16
        assert cross_val_score(model, crowd.X, crowd.truth, cv=2).mean() > 0.95

    def test_a_failed_fit_leaves_the_old_one(self, crowd, fitted):
        model = clone(fitted).fit(crowd.X, crowd.table)
        before = model.predict_proba(crowd.X)
        with pytest.raises(ValueError, match="the 400 rows have no label at all"):
            model.fit(crowd.X, np.full((400, 2), -1))
        np.testing.assert_array_equal(model.predict_proba(crowd.X), before)
        assert model.annotators_.shape == (8,)

    def test_features_that_do_not_fit(self, crowd, fitted):
        with pytest.raises(ValueError, match=r"X has 3 features, but TorchCrowd.* expecting 2"):
            fitted.predict(torch.zeros(4, 3))
        with pytest.raises(ValueError, match="NaN or infinity"):
            fitted.predict(torch.full((4, 2), torch.nan))
        with pytest.raises(ValueError, match="must have rows of features"):
            fitted.predict(torch.zeros(4))
        as_tensor = torch.from_numpy(crowd.X)
        np.testing.assert_array_equal(
            fitted.predict_proba(as_tensor), fitted.predict_proba(crowd.X)
        )

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"loss": "hinge"}, "loss must be one of 'ccem', 'geocrowdnet-f'"),
            ({"optimizer": "lbfgs"}, "optimizer must be one of 'adam'"),
            ({"init": "random"}, "init must be one of"),
            ({"lr": 0}, "lr must be a number above 0"),
            ({"crowd_lr": -1.0}, "crowd_lr must be a number above 0"),
            ({"batch_size": 0}, "batch_size must be an integer of at least 1"),
            ({"patience": 0}, "patience must be an integer of at least 1"),
            ({"strength": -1.0}, "strength must be a number of at least 0"),
            ({"validation_fraction": 1.0}, "validation_fraction must be a number"),
            ({"warm_up_epochs": 40}, "must be fewer"),
            ({"warm_up_epochs": 2, "aggregator": "mean"}, "aggregator must be 'majority'"),
        ],
    )
    def test_parameters_out_of_range(self, crowd, params, message):
        with pytest.raises(ValueError, match=message):
            TorchCrowdClassifier(**(QUICK | params)).fit(crowd.X, crowd.table)

    def test_a_loss_without_that_parameter(self, crowd):
        with pytest.raises(TypeError, match="'ccem' does not take all of strength"):
            TorchCrowdClassifier(strength=0.1, **QUICK).fit(crowd.X, crowd.table)

    def test_progress(self, crowd, capsys):
        options = QUICK | {"max_epochs": 2, "verbose": True}
        TorchCrowdClassifier(**options).fit(crowd.X, crowd.table)
        shown = capsys.readouterr()
        assert shown.out == ""
        assert "epochs: 100%" in shown.err
        assert "held_out=" in shown.err


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

    def test_judged_by_a_truth_or_by_votes(self, crowd):
        one = TorchCrowdClassifier(**QUICK)
        one.fit(crowd.X, crowd.table, validation_data=(crowd.X_test, crowd.y_test))
        wanted = -np.log(one.predict_proba(crowd.X_test)[np.arange(400), crowd.y_test]).mean()
        assert one.held_out_path_.min() == pytest.approx(wanted)
        other = planted(7)
        two = TorchCrowdClassifier(**QUICK)
        two.fit(crowd.X, crowd.table, validation_data=(other.X, other.table))
        f = two.predict_proba(other.X)
        i, j = np.nonzero(other.table >= 0)
        chance = (f[i] * two.confusion_[j, :, other.table[i, j]]).sum(axis=1)
        assert two.held_out_path_.min() == pytest.approx(-np.log(chance).mean())

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
        assert several.held_out_path_.min() <= once.held_out_path_.min()

    def test_own_loss_and_own_optimiser(self, crowd):
        class Halved(CoupledHead):
            def data(self, batch):
                return super().data(batch) / 2

        def optimiser(groups, lr):
            return torch.optim.RMSprop(groups, lr=lr)

        model = TorchCrowdClassifier(loss=Halved, optimizer=optimiser, **QUICK)
        assert model.fit(crowd.X, crowd.table).score(crowd.X_test, crowd.y_test) > 0.95
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
