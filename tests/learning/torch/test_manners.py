"""scikit-learn's manners: clones, searches, orders, containers, errors."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

from aggregate import Annotations, MajorityVote
from aggregate.learning.torch import TorchCrowdClassifier
from tests.learning.torch.crowds import QUICK, Net, planted


@pytest.fixture(scope="module")
def crowd():
    return planted()


@pytest.fixture(scope="module")
def fitted(crowd):
    return TorchCrowdClassifier(**QUICK).fit(crowd.X, crowd.table)


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

    def test_frames_in_another_order_are_refused(self, crowd, fitted):
        names = [f"item {i}" for i in range(400)]
        X, votes = pd.DataFrame(crowd.X, index=names), pd.DataFrame(crowd.table, index=names)
        model = clone(fitted).set_params(max_epochs=1).fit(X, votes)
        for ask in (model.fit, model.score):
            with pytest.raises(ValueError, match="in another order"):
                ask(X, votes[::-1])

    def test_class_names(self, crowd, fitted):
        names = np.array(["ant", "bee", "cow"])
        table = np.where(crowd.table >= 0, names[crowd.table], None)
        model = clone(fitted).fit(crowd.X, table)
        assert set(model.predict(crowd.X)) == set(names)
        np.testing.assert_array_equal(model.probas_, fitted.probas_)

    def test_grid_search_over_module_and_regularization(self, crowd):
        model = TorchCrowdClassifier(Net, loss="geocrowdnet-f", **QUICK)
        grid = {"module__width": [2, 16], "regularization": [1e-3, 10.0]}
        search = GridSearchCV(model, grid, cv=2).fit(crowd.X, crowd.table)
        assert search.best_params_ == {"module__width": 16, "regularization": 1e-3}
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

    def test_everything_may_be_a_tensor(self, crowd, fitted):
        X = torch.tensor(crowd.X, requires_grad=True)  # an embedding, say
        gold = np.where(np.arange(400) < 20, crowd.truth, -1)
        known = clone(fitted).fit(crowd.X, crowd.table, gold=gold)
        again = clone(fitted).fit(X, torch.tensor(crowd.table), gold=torch.tensor(gold))
        np.testing.assert_array_equal(again.probas_, known.probas_)
        wanted = known.score(crowd.X, crowd.table, gold=gold)
        assert again.score(X, torch.tensor(crowd.table), gold=torch.tensor(gold)) == wanted
        assert X.grad is None
        with pytest.raises(ValueError, match="real numbers; got a complex tensor"):
            fitted.predict(torch.zeros(4, 2, dtype=torch.complex64))

    def test_the_default_seed_is_that_of_the_room(self, crowd):
        options = {name: value for name, value in QUICK.items() if name != "random_state"}
        options["max_epochs"] = 2
        first, second = (
            TorchCrowdClassifier(**options).fit(crowd.X, crowd.table).probas_ for _ in range(2)
        )
        np.testing.assert_array_equal(first, second)
        drawn = TorchCrowdClassifier(random_state=None, **options).fit(crowd.X, crowd.table)
        assert not np.array_equal(drawn.probas_, first)

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
            ({"regularization": -1.0}, "regularization must be a number of at least 0"),
            ({"validation_fraction": 1.0}, "validation_fraction must be a number"),
            ({"warm_up_epochs": 40}, "must be fewer"),
            ({"aggregator": "mean"}, "aggregator must be 'majority'"),
        ],
    )
    def test_parameters_out_of_range(self, crowd, params, message):
        with pytest.raises(ValueError, match=message):
            TorchCrowdClassifier(**(QUICK | params)).fit(crowd.X, crowd.table)

    def test_a_loss_without_that_parameter(self, crowd):
        with pytest.raises(ValueError, match="loss 'ccem' has no regulariser"):
            TorchCrowdClassifier(regularization=0.1, **QUICK).fit(crowd.X, crowd.table)
        model = TorchCrowdClassifier(loss_params={"kind": "matrix"}, **QUICK)
        with pytest.raises(TypeError, match="loss 'ccem' does not take all of kind"):
            model.fit(crowd.X, crowd.table)

    @pytest.mark.skipif(torch.cuda.is_available(), reason="a device of that kind is at hand")
    def test_a_device_that_is_not_there(self, crowd):
        with pytest.raises(ValueError, match="device 'cuda' is not at hand here"):
            TorchCrowdClassifier(device="cuda", **QUICK).fit(crowd.X, crowd.table)

    @pytest.mark.parametrize("device", ["gpu", "hpu", None])
    def test_no_device(self, crowd, device):
        with pytest.raises(ValueError, match=r"is not at hand here; choose device='cpu'\."):
            TorchCrowdClassifier(device=device, **QUICK).fit(crowd.X, crowd.table)

    def test_an_aggregator_that_is_none(self, crowd):
        with pytest.raises(TypeError, match=r"an instance: DawidSkene\(\).*; got <class"):
            TorchCrowdClassifier(aggregator=MajorityVote, **QUICK).fit(crowd.X, crowd.table)

    def test_progress(self, crowd, capsys):
        options = QUICK | {"max_epochs": 2, "verbose": True}
        TorchCrowdClassifier(**options).fit(crowd.X, crowd.table)
        shown = capsys.readouterr()
        assert shown.out == ""
        assert "epochs: 100%" in shown.err
        assert "held_out=" in shown.err
