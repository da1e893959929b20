"""Every loss against loops over probabilities, against NumPy, and by finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregate.learning.end_to_end import _objective as in_numpy
from aggregate.learning.torch import (
    CrowdLayer,
    VoteBatch,
    coinnet_loss,
    conal_loss,
    coupled_cross_entropy,
    geocrowdnet_f_loss,
    geocrowdnet_w_loss,
    masked_cross_entropy,
    max_mig_loss,
    outlier_penalty,
    soft_cross_entropy,
    trace_loss,
    union_net_loss,
)
from aggregate.learning.torch.log_det import log_det_gram
from aggregate.learning.torch.losses.geocrowdnet_f import log_det_f
from aggregate.learning.torch.losses.geocrowdnet_w import log_det_w
from aggregate.learning.torch.losses.trace import trace
from tests.learning.torch import naive

B, M, K, E = 7, 3, 4, 19


class Case:
    """Random probabilities, tables and labels; an item without labels, an annotator twice."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.f = rng.dirichlet(np.ones(K), size=B)
        self.A = rng.dirichlet(np.ones(K), size=(M, K))
        self.item = np.sort(rng.integers(1, B, size=E))
        self.annotator = rng.integers(0, M, size=E)
        self.label = rng.integers(0, K, size=E)
        self.weight = rng.uniform(0.1, 2, size=E)
        self.rng = rng

    @property
    def triples(self):
        return list(zip(self.item, self.annotator, self.label, strict=True))

    @property
    def votes(self):
        return VoteBatch(*map(torch.from_numpy, (self.item, self.annotator, self.label)))

    @property
    def log_f(self):
        return torch.from_numpy(self.f).log()

    @property
    def log_tables(self):
        return torch.from_numpy(self.A).log()


@pytest.fixture(params=range(4))
def case(request):
    return Case(request.param)


def close(value, wanted):
    assert float(value) == pytest.approx(wanted, rel=1e-9, abs=1e-9)


class TestAgainstLoops:
    def test_coupled_cross_entropy(self, case):
        given_weight = torch.from_numpy(case.weight)
        value = coupled_cross_entropy(case.log_f, case.log_tables, case.votes, given_weight)
        close(value, naive.coupled_cross_entropy(case.f, case.A, case.triples, case.weight))
        value = coupled_cross_entropy(case.log_f, case.log_tables, case.votes)
        close(value, naive.coupled_cross_entropy(case.f, case.A, case.triples))

    def test_regularised(self, case):
        plain = naive.coupled_cross_entropy(case.f, case.A, case.triples)
        given = case.log_f, case.log_tables, case.votes, 0.3
        close(geocrowdnet_f_loss(*given), plain - 0.3 * naive.log_det_f(case.f))
        close(geocrowdnet_w_loss(*given), plain - 0.3 * naive.log_det_w(case.A))
        close(trace_loss(*given), plain + 0.3 * naive.trace(case.A))

    @pytest.mark.parametrize("kind", ["matrix", "vector", "bias", "vector+bias"])
    def test_crowd_layer(self, case, kind):
        layer = CrowdLayer(M, K, kind=kind).double()
        for parameter in layer.parameters():
            parameter.data += torch.from_numpy(case.rng.normal(size=parameter.shape))
        numbers = {name: value.detach().numpy() for name, value in layer.named_parameters()}

        def scores(j, f):
            weight, bias = numbers.get("weight"), numbers.get("bias")
            z = f if weight is None else weight[j].T @ f if weight.ndim == 3 else weight[j] * f
            return z if bias is None else z + bias[j]

        wanted = naive.masked_cross_entropy(case.f, case.triples, scores)
        f = torch.from_numpy(case.f)
        close(masked_cross_entropy(layer(f), case.votes).detach(), wanted)
        close(masked_cross_entropy(layer(f, case.votes), case.votes).detach(), wanted)

    def test_conal(self, case):
        C = case.rng.dirichlet(np.ones(K), size=K)
        logit = case.rng.normal(size=E)
        value = conal_loss(
            case.log_f,
            case.log_tables,
            torch.from_numpy(C).log(),
            torch.from_numpy(logit),
            case.votes,
        )
        share = 1 / (1 + np.exp(-logit))
        close(value, naive.conal(case.f, case.A, C, share, case.triples))

    def test_union_net(self, case):
        T = case.rng.dirichlet(np.ones(M * K), size=K)
        value = union_net_loss(case.log_f, torch.from_numpy(T).log(), case.votes)
        close(value, naive.union_net(case.f, T, case.triples))

    def test_max_mig(self, case):
        g, prior = case.rng.dirichlet(np.ones(K), size=B), case.rng.dirichlet(np.ones(K))
        value = max_mig_loss(case.log_f, torch.from_numpy(g).log(), torch.from_numpy(prior).log())
        close(value, naive.max_mig(case.f, g, prior))

    def test_coinnet(self, case):
        exception = case.rng.normal(size=(E, K)) * 0.2
        tensor = torch.from_numpy(exception)
        value = coinnet_loss(case.log_f, case.log_tables, tensor, case.votes)
        close(value, naive.coinnet(case.f, case.A, exception, case.triples))
        value = outlier_penalty(tensor, case.votes.item, B, 0.3)
        close(value, naive.outlier_penalty(exception, case.item, B, 0.3))

    def test_without_exceptions_coinnet_is_coupled(self, case):
        nothing = torch.zeros(E, K, dtype=torch.float64)
        value = coinnet_loss(case.log_f, case.log_tables, nothing, case.votes)
        close(value, float(coupled_cross_entropy(case.log_f, case.log_tables, case.votes)))

    def test_conal_is_coupled_where_all_share_one_table(self, case):
        same = case.log_tables[:1].expand(M, -1, -1)
        logit = torch.from_numpy(case.rng.normal(size=E))
        value = conal_loss(case.log_f, same, same[0], logit, case.votes)
        close(value, float(coupled_cross_entropy(case.log_f, same, case.votes)))

    def test_soft(self, case):
        soft = case.rng.dirichlet(np.ones(K), size=B)
        soft[2], soft[3] = 0, np.eye(K)[1]
        value = soft_cross_entropy(case.log_f, torch.from_numpy(soft))
        close(value, naive.soft_cross_entropy(case.f, soft))


def agree(loss, given_f, given_A, value, by_f, by_A):
    """Compare value and gradients of a torch scalar with NumPy's, to 1e-6."""
    loss.backward()
    assert loss.item() == pytest.approx(value, rel=1e-6, abs=1e-6)
    for tensor, wanted in ((given_f, by_f), (given_A, by_A)):
        found = np.zeros(tensor.shape) if tensor.grad is None else tensor.grad.numpy()
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


class TestAgainstNumpy:
    """The objectives of ``aggregate.learning.end_to_end``, in value and gradient by f and A."""

    @pytest.fixture
    def given(self, case):
        f = torch.tensor(case.f, requires_grad=True)
        A = torch.tensor(case.A, requires_grad=True)
        return f, A

    @pytest.fixture
    def coupled(self, case):
        labels = case.item, case.annotator, case.label
        return in_numpy.coupled_cross_entropy(case.f, case.A, *labels, case.weight)

    def test_coupled_cross_entropy(self, case, given, coupled):
        f, A = given
        weight = torch.from_numpy(case.weight)
        agree(coupled_cross_entropy(f.log(), A.log(), case.votes, weight), f, A, *coupled)

    def test_geocrowdnet_f(self, case, given, coupled):
        f, A = given
        value, by_f = in_numpy.log_det_f(case.f)
        loss = geocrowdnet_f_loss(f.log(), A.log(), case.votes, 0.7, torch.from_numpy(case.weight))
        plain, from_f, from_A = coupled
        agree(loss, f, A, plain - 0.7 * value, from_f - 0.7 * by_f, from_A)

    def test_geocrowdnet_w(self, case, given, coupled):
        f, A = given
        value, by_A = in_numpy.log_det_w(case.A)
        loss = geocrowdnet_w_loss(f.log(), A.log(), case.votes, 0.7, torch.from_numpy(case.weight))
        plain, from_f, from_A = coupled
        agree(loss, f, A, plain - 0.7 * value, from_f, from_A - 0.7 * by_A)

    def test_trace(self, case, given, coupled):
        f, A = given
        value, by_A = in_numpy.trace(case.A)
        loss = trace_loss(f.log(), A.log(), case.votes, 0.7, torch.from_numpy(case.weight))
        plain, from_f, from_A = coupled
        agree(loss, f, A, plain + 0.7 * value, from_f, from_A + 0.7 * by_A)


def double(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).requires_grad_()


class TestGradients:
    """Finite differences by the free parameters, the softmax included."""

    votes = Case(0).votes
    z, P = double(B, K), double(M, K, K, seed=1)

    def check(self, function, *inputs):
        assert torch.autograd.gradcheck(function, inputs)

    def test_coupled_and_its_regularisers(self):
        for loss in (geocrowdnet_f_loss, geocrowdnet_w_loss, trace_loss):
            self.check(
                lambda z, P, loss=loss: loss(z.log_softmax(1), P.log_softmax(2), self.votes, 0.4),
                self.z,
                self.P,
            )

    def test_conal(self):
        self.check(
            lambda z, P, C, s: conal_loss(
                z.log_softmax(1), P.log_softmax(2), C.log_softmax(1), s, self.votes
            ),
            self.z,
            self.P,
            double(K, K, seed=2),
            double(E, seed=3),
        )

    def test_max_mig_and_union_net(self):
        prior = torch.full((K,), 1 / K, dtype=torch.float64).log()
        self.check(
            lambda z, g: max_mig_loss(z.log_softmax(1), g.log_softmax(1), prior),
            self.z,
            double(B, K, seed=4),
        )
        self.check(
            lambda z, T: union_net_loss(z.log_softmax(1), T.log_softmax(1), self.votes),
            self.z,
            double(K, M * K, seed=5),
        )

    def test_coinnet(self):
        exception = (0.01 * double(E, K, seed=6)).detach().requires_grad_()
        self.check(
            lambda z, P, e: (
                coinnet_loss(z.log_softmax(1), P.log_softmax(2), e, self.votes)
                + outlier_penalty(e, self.votes.item, B)
            ),
            self.z,
            self.P,
            exception,
        )

    def test_crowd_layer(self):
        layer = CrowdLayer(M, K, kind="vector+bias").double()
        self.check(
            lambda z, *_: masked_cross_entropy(layer(z.softmax(1), self.votes), self.votes),
            self.z,
            *layer.parameters(),
        )


class TestLogDeterminant:
    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, 10_000), st.integers(1, 6), st.integers(0, 10))
    def test_is_slogdet_where_there_is_one(self, seed, n_classes, more):
        f = np.random.default_rng(seed).dirichlet(np.ones(n_classes), size=n_classes + more + 2)
        sign, wanted = np.linalg.slogdet(f.T @ f)
        if np.linalg.cond(f.T @ f) < 1e6:
            assert sign == 1
            assert float(log_det_f(torch.from_numpy(f).log())) == pytest.approx(wanted, abs=1e-5)

    def test_nothing_is_nan_where_rank_is_lost(self):
        for dtype in (torch.float32, torch.float64):
            logits = torch.zeros(50, 10, dtype=dtype, requires_grad=True)
            value = log_det_f(logits.log_softmax(1))
            value.backward()
            assert math.isfinite(value.item())
            assert bool(torch.isfinite(logits.grad).all())
        assert value.item() < -100

    def test_hard_labels_and_lost_classes(self):
        logits = torch.tensor([[200.0, 0, 0], [0, 200.0, 0], [200.0, 0, 0]], requires_grad=True)
        value = log_det_f(logits.log_softmax(1))  # nobody is of the third class
        value.backward()
        assert math.isfinite(value.item())
        assert bool(torch.isfinite(logits.grad).all())

    def test_batches_of_fewer_items_than_classes_are_refused(self):
        with pytest.raises(ValueError, match="at least as many items in a batch as there are clas"):
            log_det_f(torch.full((3, 4), 0.25).log())

    def test_what_is_not_finite_is_said(self):
        with pytest.raises(ValueError, match="not finite: the network's output has overflowed"):
            log_det_gram(torch.full((2, 2), math.nan))

    def test_what_is_no_gram_matrix_is_said(self):
        with pytest.raises(ValueError, match="not positive semi-definite"):
            log_det_gram(torch.tensor([[1.0, 2.0], [2.0, 1.0]]))

    def test_most_volume(self):
        # Spread over the corners is the most volume of f, permutations the most of the annotators.
        corners = torch.eye(3, dtype=torch.float64).repeat(4, 1).clamp_min(1e-300).log()
        assert float(log_det_f(corners)) == pytest.approx(3 * math.log(4))
        rng = np.random.default_rng(0)
        for _ in range(20):
            f = torch.from_numpy(rng.dirichlet(np.ones(3), size=12))
            assert float(log_det_f(f.log())) < 3 * math.log(4)
            A = torch.from_numpy(rng.dirichlet(np.ones(3), size=(5, 3)))
            assert float(log_det_w(A.log())) < 3 * math.log(5)
        perfect = torch.eye(3, dtype=torch.float64).expand(5, -1, -1).clamp_min(1e-300).log()
        assert float(log_det_w(perfect)) == pytest.approx(3 * math.log(5))
        assert float(trace(perfect)) == pytest.approx(15)


class TestExtremes:
    def test_no_label_is_impossible(self):
        log_f = torch.tensor([[500.0, 0.0]]).log_softmax(1).requires_grad_()
        log_A = torch.tensor([[[500.0, 0.0], [0.0, 500.0]]]).log_softmax(2).requires_grad_()
        votes = VoteBatch(*torch.tensor([[0], [0], [1]]))
        value = coupled_cross_entropy(log_f, log_A, votes)
        value.backward()
        assert value.item() == pytest.approx(500 - math.log(2), rel=1e-4)
        assert bool(torch.isfinite(log_f.grad).all())

    def test_no_labels_at_all(self):
        nothing = VoteBatch(*torch.empty((3, 0), dtype=torch.int64))
        log_f = torch.full((4, 4), 0.25).log().requires_grad_()
        log_A = torch.full((2, 4, 4), 0.25).log()
        value = coupled_cross_entropy(log_f, log_A, nothing)
        value.backward()
        assert value.item() == 0
        assert float(log_f.grad.abs().sum()) == 0
        scores = CrowdLayer(2, 4)(log_f.exp(), nothing)
        assert masked_cross_entropy(scores, nothing).item() == 0

    def test_one_item_has_no_pair(self):
        one = torch.tensor([[0.5, 0.5]]).log()
        with pytest.raises(ValueError, match="compares pairs of items"):
            max_mig_loss(one, one, one[0])

    @pytest.mark.parametrize("seed", range(5))
    def test_the_gain_is_bounded_by_the_information(self, seed):
        """Two posteriors of one truth gain at most the entropy of the truth (log K here)."""
        rng = np.random.default_rng(seed)
        sure = torch.from_numpy(np.eye(K)[np.arange(400) % K]).clamp_min(1e-12).log()
        prior = torch.full((K,), 1 / K, dtype=torch.float64).log()
        best = float(max_mig_loss(sure, sure, prior))
        # 1 + log K, less the mean over pairs of others: (n / K - 1) / (n - 1) are of one class.
        assert best == pytest.approx(-1 - math.log(K) + K * (400 / K - 1) / 399, abs=1e-9)
        blurred = torch.from_numpy(rng.dirichlet(np.ones(K), size=400)).log()
        assert float(max_mig_loss(sure, blurred, prior)) > best


class TestInvariance:
    def test_of_annotators_and_classes(self, case):
        """Other names of annotators and classes change no loss."""
        who, what = case.rng.permutation(M), case.rng.permutation(K)
        renamed = VoteBatch(
            case.votes.item,
            torch.from_numpy(np.argsort(who)[case.annotator]),
            torch.from_numpy(np.argsort(what)[case.label]),
        )
        log_f = case.log_f[:, what]
        log_A = case.log_tables[who][:, what][:, :, what]
        for loss in (geocrowdnet_f_loss, geocrowdnet_w_loss, trace_loss):
            close(
                loss(log_f, log_A, renamed, 0.2),
                float(loss(case.log_f, case.log_tables, case.votes, 0.2)),
            )

    def test_of_the_order_of_labels(self, case):
        order = torch.from_numpy(case.rng.permutation(E))
        shuffled = VoteBatch(*(part[order] for part in case.votes[:3]))
        value = coupled_cross_entropy(case.log_f, case.log_tables, shuffled)
        close(value, float(coupled_cross_entropy(case.log_f, case.log_tables, case.votes)))
