from __future__ import annotations

import numpy as np
import pytest

from aggregate.kernels.bwa import score_errors, weighted_average_pass
from tests import problems

NO_GOLD = np.empty(0, dtype=np.int32)


def naive(votes, gold, weight, centre, strength):
    """Weighted averages and squared errors, label by label."""
    n_classes = votes.n_classes
    scores = np.empty((votes.n_items, n_classes))
    errors, total, spread = np.zeros_like(weight), np.zeros(n_classes), 0.0
    entries = problems.triples(votes)
    for i in range(votes.n_items):
        own = [(j, y) for item, j, y in entries if item == i]
        for k in range(n_classes):
            above = strength * centre[k] + sum(weight[j, k] for j, y in own if y == k)
            scores[i, k] = above / (strength + sum(weight[j, k] for j, _ in own))
        if len(gold) and gold[i] >= 0:
            scores[i] = np.eye(n_classes)[gold[i]]
        elif not own:
            continue
        total += scores[i]
        spread += ((scores[i] - centre) ** 2).sum()
        for j, y in own:
            errors[j] += (scores[i] - np.eye(n_classes)[y]) ** 2
    return scores, errors, total, spread


@pytest.mark.parametrize("n_classes", [1, 2, 4])
@pytest.mark.parametrize("known", [False, True])
def test_equals_the_formulas(n_classes, known):
    votes = problems.ragged(n_classes, n_classes=n_classes)
    random = np.random.default_rng(0)
    weight = random.gamma(2.0, size=(votes.n_annotators, n_classes))
    centre = random.dirichlet(np.ones(n_classes))
    gold = NO_GOLD
    if known:
        gold = np.full(votes.n_items, -1, dtype=np.int32)
        gold[:3] = 0
    scores = np.empty((votes.n_items, n_classes))
    errors, total = np.zeros_like(weight), np.zeros(n_classes)
    spread = weighted_average_pass(
        votes.item_ptr, votes.annotator, votes.label, gold, weight, centre, 1.5,
        0, votes.n_items, scores, errors, total,
    )  # fmt: skip
    wanted = naive(votes, gold, weight, centre, 1.5)
    for got, want in zip((scores, errors, total, spread), wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)
    again = np.zeros_like(errors)
    score_errors(votes.item_ptr, votes.annotator, votes.label, scores, 0, votes.n_items, again)
    np.testing.assert_allclose(again, errors, rtol=1e-12)
