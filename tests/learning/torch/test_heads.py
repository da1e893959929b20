"""What trains: each loss with its parameters is its function, with the sign it should have."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aggregate.learning.torch import (
    VoteBatch,
    VoteTensors,
    coinnet_loss,
    conal_loss,
    coupled_cross_entropy,
    geocrowdnet_f_loss,
    geocrowdnet_w_loss,
    outlier_penalty,
    trace_loss,
)
from aggregate.learning.torch._training import CrowdData, held_out_loss
from aggregate.learning.torch.losses import HEADS
from aggregate.learning.torch.losses._head import Batch, Sizes
from tests import problems
from tests.learning.torch import naive

B, M, K, E, D = 8, 3, 4, 15, 2


class Setting:
    def __init__(self):
        rng = np.random.default_rng(0)
        self.f = rng.dirichlet(np.ones(K), size=B)
        self.table = rng.dirichlet(np.ones(K), size=(M, K))
        self.prior = rng.dirichlet(np.ones(K))
        self.soft = rng.dirichlet(np.ones(K), size=B)
        item = torch.from_numpy(np.sort(rng.integers(0, B, size=E)))
        annotator, label = (torch.from_numpy(rng.integers(0, n, size=E)) for n in (M, K))
        self.votes = VoteBatch(item, annotator, label, torch.arange(E))
        self.log_f = torch.from_numpy(self.f).log()
        self.x = torch.from_numpy(rng.normal(size=(B, D)))
        self.batch = Batch(self.log_f, self.log_f, self.votes, self.x, torch.from_numpy(self.soft))

    @property
    def triples(self):
        return list(zip(*(part.tolist() for part in self.votes[:3]), strict=True))

    def head(self, name, **options):
        sizes = Sizes(M, K, E, D, self.table, self.prior, start_from_votes=True)
        return HEADS[name](sizes, **options).double()


@pytest.fixture
def setting():
    return Setting()


def close(value, wanted):
    assert float(value) == pytest.approx(float(wanted), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("geocrowdnet-f", geocrowdnet_f_loss),
        ("geocrowdnet-w", geocrowdnet_w_loss),
        ("trace", trace_loss),
    ],
)
def test_regularised(setting, name, function):
    head = setting.head(name, strength=0.3)
    with torch.no_grad():
        log_A = head.annotators.log_confusion()
        plain = coupled_cross_entropy(setting.log_f, log_A, setting.votes)
        close(head.data(setting.batch), plain)
        whole = function(setting.log_f, log_A, setting.votes, 0.3)
        close(head.data(setting.batch) + head.penalty(setting.batch, epoch=10), whole)
        if name == "trace":
            assert head.penalty(setting.batch, epoch=9) == 0


def test_what_is_known_does_not_pretend_to_be_the_classifier(setting):
    """Known truths stand in for f in the votes' loss, and not in the volume of f."""
    head = setting.head("geocrowdnet-f", strength=0.3)
    sure = torch.full((B, K), 1e-9, dtype=torch.float64)
    sure[:, 0] = 1
    batch = setting.batch._replace(log_f=sure.log())
    with torch.no_grad():
        close(head.penalty(batch, 0), head.penalty(setting.batch, 0))
        assert float(head.data(batch)) != pytest.approx(float(head.data(setting.batch)))


def test_conal(setting):
    head = setting.head("conal", strength=0.3, embedding=5)
    with torch.no_grad():
        logit = head.share_logit(setting.x, setting.votes)
        assert float(logit.abs().max()) <= 1 + 1e-9
        own, common = head.annotators.log_confusion(), head.common.log_confusion()[0]
        close(
            head.data(setting.batch),
            conal_loss(setting.log_f, own, common, logit, setting.votes),
        )
        apart = (own.exp() - common.exp()).numpy()
        wanted = -0.3 * sum(np.linalg.norm(table) for table in apart)
        close(head.penalty(setting.batch, 0), wanted)


def test_coinnet(setting):
    head = setting.head("coinnet", strength=0.3, sparsity=0.7, power=0.4)
    head.exception.data = 0.1 * torch.from_numpy(np.random.default_rng(1).normal(size=(E, K)))
    with torch.no_grad():
        log_A = head.annotators.log_confusion()
        wanted = coinnet_loss(setting.log_f, log_A, head.exception, setting.votes)
        close(head.data(setting.batch), wanted)
        sparse = outlier_penalty(head.exception, setting.votes.item, B, 0.4)
        wanted = 0.7 * sparse - 0.3 * naive.log_det_f(setting.f)
        close(head.penalty(setting.batch, 0), wanted)
        head.eval()  # rows that are judged have no exceptions
        close(head.data(setting.batch), coupled_cross_entropy(setting.log_f, log_A, setting.votes))


def test_max_mig(setting):
    head = setting.head("max-mig")
    W = np.log(setting.table)
    g = np.tile(np.log(setting.prior), (B, 1))
    for i, j, y in setting.triples:
        g[i] += W[j, :, y]
    g = np.exp(g) / np.exp(g).sum(axis=1, keepdims=True)
    with torch.no_grad():
        np.testing.assert_allclose(head.log_g(setting.votes, B).exp(), g, rtol=1e-4)
        wanted = naive.max_mig(setting.f, g, setting.prior)
        assert float(head.data(setting.batch)) == pytest.approx(wanted, rel=1e-4)


def test_union_net(setting):
    head = setting.head("unionnet")
    with torch.no_grad():
        T = head.log_transition().exp().numpy()
        np.testing.assert_allclose(T.sum(axis=1), 1)
        close(head.data(setting.batch), naive.union_net(setting.f, T, setting.triples))
        np.testing.assert_allclose(head.confusion(), setting.table, rtol=1e-4)
        blocks = T.reshape(K, M, K)
        np.testing.assert_allclose(
            head.confusion().numpy(),
            (blocks / blocks.sum(axis=2, keepdims=True)).transpose(1, 0, 2),
            rtol=1e-9,
        )


def test_soft(setting):
    close(
        setting.head("soft").data(setting.batch), naive.soft_cross_entropy(setting.f, setting.soft)
    )


@pytest.mark.parametrize("name", list(HEADS))
def test_penalties_are_left_out_when_judging(setting, name):
    head = setting.head(name).eval()
    with torch.no_grad():
        before = float(head.data(setting.batch))
        for attribute in ("strength", "sparsity"):
            if hasattr(head, attribute):
                setattr(head, attribute, 1e6)
        assert float(head.data(setting.batch)) == before


def test_a_known_truth_is_what_annotators_saw_and_one_more_label(setting):
    """The loss of a batch with known classes, as `CCEMClassifier` counts it."""
    net = torch.nn.Linear(D, K).double()
    head = setting.head("ccem")
    votes = problems.from_codes(
        setting.votes.item, setting.votes.annotator, setting.votes.label, (B, M, K)
    )
    gold = torch.tensor([-1, 2, -1, 0, -1, -1, 3, -1])
    data = CrowdData(setting.x, VoteTensors(votes), gold, torch.zeros(B, K))
    with torch.no_grad():
        f = net(setting.x).softmax(dim=1).numpy()
        found = held_out_loss(net, head, data, torch.arange(B))
    A = head.annotators.log_confusion().exp().detach().numpy()
    seen = f.copy()
    total = 0.0
    for i, k in enumerate(gold.tolist()):
        if k >= 0:
            total -= np.log(f[i, k])
            seen[i] = np.eye(K)[k]
    for i, j, y in setting.triples:
        total -= np.log(seen[i] @ A[j][:, y])
    assert found == pytest.approx(total / (E + 3), rel=1e-4)  # a millionth is left to the others
