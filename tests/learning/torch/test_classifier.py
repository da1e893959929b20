"""The classifier: every loss finds a planted truth, and scikit-learn's manners."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from aggregate import MajorityVote
from aggregate.learning.torch import TorchCrowdClassifier
from aggregate.learning.torch.losses import HEADS
from tests.learning.torch.crowds import QUICK, Net, planted

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
            (
                lambda inputs: nn.Linear(inputs, 3),
                {"bias": True},
                TypeError,
                "could not be built from n_features, n_classes, bias: .*pass a module that is made",
            ),
            ("net", None, TypeError, "must be a torch.nn.Module, a class or function"),
            (nn.Linear(2, 3), {"width": 1}, ValueError, "module is one already"),
            (
                nn.Sequential(nn.Linear(2, 3), nn.Softmax(dim=1)),
                None,
                ValueError,
                "leave its own last softmax out",
            ),
            (nn.Flatten(), None, ValueError, r"got \(60, 2\)"),
        ],
    )
    def test_messages(self, crowd, module, params, error, message):
        model = TorchCrowdClassifier(module, module_params=params, **QUICK)
        with pytest.raises(error, match=message):
            model.fit(crowd.X, crowd.table)
        with pytest.raises(NotFittedError):
            model.predict(crowd.X)

    def test_rows_that_the_module_cannot_read(self, crowd):
        with pytest.raises(RuntimeError, match="cannot be multiplied") as raised:
            TorchCrowdClassifier(nn.Linear(4, 3), **QUICK).fit(crowd.X, crowd.table)
        assert "a batch of X of shape (360, 2), torch.float32" in raised.value.__notes__[0]

    def test_a_tensor_of_another_precision(self, crowd):
        X = torch.from_numpy(crowd.X)
        with pytest.raises(RuntimeError) as raised:
            TorchCrowdClassifier(nn.Linear(2, 3), **QUICK).fit(X, crowd.table)
        assert "Its weights are torch.float32, and" in raised.value.__notes__[0]
        model = TorchCrowdClassifier(nn.Linear(2, 3), **QUICK).fit(X.float(), crowd.table)
        with pytest.raises(RuntimeError) as raised:
            model.predict(X)
        assert "pass X.to(torch.float32)" in raised.value.__notes__[0]

    def test_rows_of_another_shape(self, crowd):
        images = np.repeat(crowd.X, 8, axis=1).reshape(-1, 1, 4, 4)
        net = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4, 3))
        model = TorchCrowdClassifier(net, **QUICK).fit(images, crowd.table)
        assert model.predict(images[:3, :, :3, :2].tolist()).shape == (3,)  # the net takes them
        for rows in (images.reshape(-1, 16), images.reshape(-1, 4, 2, 2), images[:, 0]):
            with pytest.raises(ValueError, match=r"rows of X have .*the fit had \(1, 4, 4"):
                model.predict(rows)

    def test_overflow_is_said(self, crowd):
        net = nn.Linear(2, 3)
        net.weight.data[:] = torch.inf
        with pytest.raises(ValueError, match="scores that are not finite"):
            TorchCrowdClassifier(net, **QUICK).fit(crowd.X, crowd.table)
