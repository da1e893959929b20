from __future__ import annotations

import numpy as np
import pytest

from aggregate.kernels.hard_em import hard_pass
from tests import naive, problems

NO_GOLD = np.empty(0, dtype=np.int32)


def run(votes, confusion, prior, gold=NO_GOLD):
    n_classes = votes.n_classes
    table = np.ascontiguousarray(confusion.transpose(0, 2, 1).reshape(-1, n_classes))
    code = (votes.annotator.astype(np.int64) * n_classes + votes.label).astype(np.uint32)
    counts, mass = np.zeros_like(table), np.zeros(n_classes)
    value = hard_pass(votes.item_ptr, code, gold, prior, table, 0, votes.n_items, counts, mass)
    counts = counts.reshape(-1, n_classes, n_classes).transpose(0, 2, 1)
    return counts, mass, value


def expected(votes, confusion, prior, gold=None):
    entries = problems.triples(votes)
    joint = naive.log_joint(entries, confusion, prior, votes.n_items)
    labelled = {item for item, _, _ in entries}
    hard, value = np.zeros_like(joint), 0.0
    for i, row in enumerate(joint):
        if gold is not None and gold[i] >= 0:
            hard[i, gold[i]] = 1.0
            value += row[gold[i]]
        elif i in labelled:
            best = [k for k in range(len(row)) if row[k] >= row.max() - 1e-9 * abs(row.max())]
            hard[i, best] = 1 / len(best)
            value += row.max()
    return *naive.counts(entries, hard, votes.n_annotators), value


@pytest.mark.parametrize("n_classes", [1, 2, 5])
@pytest.mark.parametrize("n_labels", [1, 40, 700])
def test_equals_the_formulas(n_classes, n_labels):
    votes = problems.ragged(n_classes, n_classes=n_classes, n_labels=n_labels)
    confusion, prior = problems.random_parameters(1, votes.n_annotators, n_classes)
    gold = np.full(votes.n_items, -1, dtype=np.int32)
    gold[:3] = 0
    for known in (NO_GOLD, gold):
        wanted = expected(votes, confusion, prior, known if len(known) else None)
        for got, want in zip(run(votes, confusion, prior, known), wanted, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-13)


def test_ties_are_shared_out():
    votes = problems.from_codes([0, 0], [0, 1], [0, 1], (1, 2, 2))
    confusion = np.full((2, 2, 2), [[0.7, 0.3], [0.3, 0.7]])
    assert run(votes, confusion, np.array([0.5, 0.5]))[1].tolist() == [0.5, 0.5]
