from __future__ import annotations

import numpy as np
import pytest

from aggregate.kernels.information import lose_all, lose_blocks
from tests import problems


class Case:
    """Random scores and posteriors, with repeats, silent items, and truths that are known."""

    def __init__(self, seed, n_prior=2, window=2, width=4):
        random = np.random.default_rng(seed)
        self.votes = problems.ragged(seed)
        self.width, self.n_blocks = width, 3
        unit = np.array([0, 1, 2, 1, 0], dtype=np.int32)  # two annotators share a block
        self.block = unit[self.votes.annotator]
        self.code = (self.block * 3 + self.votes.label).astype(np.uint32)
        self.posterior = random.dirichlet(np.ones(3), size=self.votes.n_items)
        self.posterior[2] = [0.0, 1.0, 0.0]
        self.scores = random.normal(size=(9, 3, window))
        self.offset = np.array([0, 2, 1])
        self.prior_scores = random.normal(size=(3, n_prior))
        self.n = self.n_blocks * width + n_prior

    def arguments(self):
        return (
            self.votes.item_ptr, self.block, self.code, self.posterior, self.scores,
            self.offset, self.prior_scores, self.width,
        )  # fmt: skip

    def expected(self):
        """Return the lost information and the slope, item by item, by definition."""
        lost, slope = np.zeros((self.n, self.n)), np.zeros((3, self.n))
        for i in range(self.votes.n_items):
            start, stop = self.votes.item_ptr[i : i + 2]
            if start == stop:
                continue
            score = np.zeros((3, self.n))
            for k in range(3):
                for e in range(start, stop):
                    first = self.block[e] * self.width + self.offset[k]
                    score[k, first : first + self.scores.shape[2]] += self.scores[self.code[e], k]
                score[k, self.n - self.prior_scores.shape[1] :] = self.prior_scores[k]
            q = self.posterior[i]
            mean = q @ score
            for k in range(3):
                lost += q[k] * np.outer(score[k], score[k])
                slope[k] += q[k] * (score[k] - mean)
            lost -= np.outer(mean, mean)
        return lost, slope


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_prior", [0, 2])
def test_all_at_once(seed, n_prior):
    case = Case(seed, n_prior)
    lost, slope = case.expected()
    slot = np.full(case.n_blocks, -1)
    information, got = np.zeros_like(lost), np.zeros_like(slope)
    place, values = np.empty(case.n, dtype=np.int64), np.empty((3, case.n))
    for first, last in ((0, 5), (5, case.votes.n_items)):
        lose_all(*case.arguments(), first, last, slot, place, values, information, got)
    np.testing.assert_allclose(np.tril(information), -np.tril(lost), atol=1e-12)
    assert (np.triu(information, 1) == 0).all()
    np.testing.assert_allclose(got, slope, atol=1e-12)
    assert (slot == -1).all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_prior", [0, 2])
def test_block_by_block(seed, n_prior):
    case = Case(seed, n_prior)
    lost, slope = case.expected()
    slot = np.full(case.n_blocks, -1)
    blocks = np.zeros((case.n_blocks, case.width, case.width))
    border = np.zeros((case.n_blocks, case.width, n_prior))
    corner, got = np.zeros((n_prior, n_prior)), np.zeros_like(slope)
    values = np.empty((3, case.n))
    for first, last in ((0, 5), (5, case.votes.n_items)):
        lose_blocks(*case.arguments(), first, last, slot, values, blocks, border, corner, got)
    tail = case.n_blocks * case.width
    for b in range(case.n_blocks):
        part = slice(b * case.width, (b + 1) * case.width)
        np.testing.assert_allclose(blocks[b], -lost[part, part], atol=1e-12)
        np.testing.assert_allclose(border[b], -lost[part, tail:], atol=1e-12)
    np.testing.assert_allclose(corner, -lost[tail:, tail:], atol=1e-12)
    np.testing.assert_allclose(got, slope, atol=1e-12)
    assert (slot == -1).all()
