"""The layers, and votes gathered by batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregate.learning.torch import ConfusionLayer, CrowdLayer, VoteTensors
from aggregate.learning.torch.confusion_layer import start_logit
from aggregate.learning.torch.standardise import Standardise
from tests import problems


class TestVotes:
    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 1000), st.lists(st.integers(0, 11), max_size=8))
    def test_a_batch_has_the_labels_of_its_items(self, seed, rows):
        votes = problems.ragged(seed)
        batch = VoteTensors(votes).gather(torch.tensor(rows, dtype=torch.int64))
        wanted = [
            (place, *pair)
            for place, row in enumerate(rows)
            for pair in sorted((j, y) for i, j, y in problems.triples(votes) if i == row)
        ]
        found = zip(*(part.tolist() for part in batch[:3]), strict=True)
        assert [(i, j, y) for i, j, y in found] == wanted
        assert batch.entry.tolist() == [
            e for row in rows for e in range(votes.item_ptr[row], votes.item_ptr[row + 1])
        ]

    def test_other_codes_of_annotators(self):
        votes = problems.ragged(3)
        code = np.array([4, 2, 0, 1, 3])
        batch = VoteTensors(votes, annotator_code=code).gather(torch.arange(12))
        found = list(zip(*(part.tolist() for part in batch[:3]), strict=True))
        assert found == sorted((i, code[j], y) for i, j, y in problems.triples(votes))


class TestConfusionLayer:
    def test_rows_are_distributions_and_start_at_the_diagonal(self):
        for n_classes in (2, 5, 10):
            A = ConfusionLayer(3, n_classes).log_confusion().exp().detach().numpy()
            np.testing.assert_allclose(A.sum(axis=2), 1, rtol=1e-6)
            np.testing.assert_allclose(np.einsum("jkk->jk", A), 0.8, rtol=1e-5)

    def test_the_published_start(self):
        A = ConfusionLayer(1, 10, init=1.0).log_confusion().exp().detach().numpy()
        assert A[0, 3, 3] == pytest.approx(np.e / (np.e + 9), rel=1e-5)

    def test_one_class(self):
        assert start_logit(1) == 0
        assert ConfusionLayer(2, 1).log_confusion().exp().tolist() == [[[1.0]], [[1.0]]]

    def test_from_given_tables(self):
        table = np.random.default_rng(0).dirichlet(np.ones(3), size=(4, 3))
        layer = ConfusionLayer(4, 3, confusion=table)
        np.testing.assert_allclose(layer.log_confusion().exp().detach(), table, rtol=1e-4)
        with pytest.raises(ValueError, match=r"must have the shape \(5, 3, 3\); got \(4, 3, 3\)"):
            ConfusionLayer(5, 3, confusion=table)
        with pytest.raises(TypeError, match="init must be a number"):
            ConfusionLayer(5, 3, init="identity")

    def test_forward_is_the_product(self):
        rng = np.random.default_rng(1)
        f, A = rng.dirichlet(np.ones(3), size=5), rng.dirichlet(np.ones(3), size=(4, 3))
        layer = ConfusionLayer(4, 3, confusion=A).double()
        all_reports = layer(torch.from_numpy(f).log()).exp().detach().numpy()
        np.testing.assert_allclose(all_reports, np.einsum("ik,jky->ijy", f, A), rtol=1e-4)
        votes = VoteTensors(problems.ragged(0, n_items=5, n_annotators=4)).gather(torch.arange(5))
        given = layer(torch.from_numpy(f).log(), votes).exp().detach().numpy()
        i, j, y = (part.numpy() for part in votes[:3])
        np.testing.assert_allclose(given, all_reports[i, j, y], rtol=1e-12)


class TestCrowdLayer:
    @pytest.mark.parametrize("kind", ["matrix", "vector", "bias", "vector+bias"])
    def test_starts_as_the_identity(self, kind):
        f = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
        scores = CrowdLayer(4, 3, kind=kind)(f)
        torch.testing.assert_close(scores, f[:, None].expand(2, 4, 3))

    def test_published_names(self):
        for name, kind in (("MW", "matrix"), ("VW", "vector"), ("VB", "bias")):
            assert CrowdLayer(2, 3, kind=name).kind == kind
        with pytest.raises(ValueError, match="kind must be one of 'matrix', 'MW'"):
            CrowdLayer(2, 3, kind="diagonal")


def test_standardise():
    x = torch.from_numpy(np.random.default_rng(0).normal(3, 5, size=(200, 2, 3)))
    x[:, 1, 2] = 7  # never varies
    layer = Standardise(6).double()
    layer.learn(x)
    rows = layer(x)
    assert rows.shape == (200, 6)
    torch.testing.assert_close(rows.mean(dim=0), torch.zeros(6, dtype=torch.float64))
    wanted = torch.tensor([1.0, 1, 1, 1, 1, 0], dtype=torch.float64)
    torch.testing.assert_close(rows.std(dim=0, unbiased=False), wanted)
