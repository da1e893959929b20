from __future__ import annotations

import math

import numpy as np
import pytest

from aggregate.kernels.m_step import FLOOR, log_dirichlet, normalise_counts
from tests import naive

CLASSES = (1, 2, 3, 12)


def to_table(confusion):
    return np.ascontiguousarray(confusion.transpose(0, 2, 1).reshape(-1, confusion.shape[2]))


def to_confusion(table):
    n_classes = table.shape[1]
    return table.reshape(-1, n_classes, n_classes).transpose(0, 2, 1)


class TestNormaliseCounts:
    @pytest.mark.parametrize("n_classes", CLASSES)
    @pytest.mark.parametrize("own", [False, True])
    @pytest.mark.parametrize("strength", [0.0, 4.0])
    def test_equals_the_formula(self, n_classes, own, strength):
        random = np.random.default_rng(9)
        n_annotators = 4
        counts = random.gamma(0.5, size=(n_annotators, n_classes, n_classes))
        counts[0] = 0  # nobody saw this annotator
        counts[1, 0] = 0  # nor that one with this class
        fallback = naive.expected_confusion(n_classes, 0.7)
        pseudo = np.repeat(strength * fallback[np.newaxis], n_annotators, axis=0)
        if own:
            pseudo[2] += random.integers(0, 50, size=(n_classes, n_classes))
        given = to_table(pseudo) if own else np.ascontiguousarray(pseudo[0].T)
        table = np.empty((n_annotators * n_classes, n_classes))
        normalise_counts(to_table(counts), given, np.ascontiguousarray(fallback.T), table)
        wanted = naive.m_step(counts, pseudo, fallback, FLOOR)
        np.testing.assert_allclose(to_confusion(table), wanted, rtol=1e-13)
        assert table.min() >= FLOOR

    def test_takes_the_fallback_where_nothing_is_known(self):
        fallback = np.array([[0.9, 0.2], [0.1, 0.8]])
        table = np.empty((2, 2))
        normalise_counts(np.zeros((2, 2)), np.zeros((2, 2)), fallback, table)
        np.testing.assert_array_equal(table, fallback)


class TestLogDirichlet:
    @pytest.mark.parametrize("own", [False, True])
    def test_equals_the_sum(self, own):
        random = np.random.default_rng(10)
        table = random.uniform(0.1, 1, size=(12, 3))
        pseudo = random.gamma(1, size=(12 if own else 3, 3))
        wanted = (np.tile(pseudo, (1 if own else 4, 1)) * np.log(table)).sum()
        assert log_dirichlet(table, pseudo) == pytest.approx(wanted, rel=1e-13)

    def test_ignores_entries_without_pseudo_counts(self):
        assert log_dirichlet(np.array([[FLOOR, 0.5]]), np.array([[0.0, 2.0]])) == pytest.approx(
            2 * math.log(0.5)
        )
