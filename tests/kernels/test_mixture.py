from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp

from aggregate.kernels.mixture import mixture_log_joint, mixture_pass
from tests import problems

NO_GOLD = np.empty(0, dtype=np.int32)


def setting(seed, n_labels, n_classes=3, n_groups=4):
    votes = problems.ragged(seed, n_classes=n_classes, n_labels=n_labels)
    random = np.random.default_rng(seed)
    shape = (votes.n_annotators * n_classes, n_classes * n_groups)
    table = np.log(random.uniform(1e-3, 1, size=shape))
    prior = np.log(random.dirichlet(np.ones(n_classes * n_groups)))
    code = (votes.annotator.astype(np.int64) * n_classes + votes.label).astype(np.uint32)
    return votes, code, prior, table


def naive(votes, code, prior, table, gold, n_groups):
    counts, mass, value = np.zeros_like(table), np.zeros_like(prior), 0.0
    for i in range(votes.n_items):
        rows = [code[e] for e in range(len(code)) if votes.item[e] == i]
        truth = gold[i] if len(gold) else -1
        if not rows and truth < 0:
            continue
        joint = prior + sum((table[row] for row in rows), np.zeros_like(prior))
        if truth >= 0:
            outside = np.arange(len(prior)) // n_groups != truth
            joint[outside] = -np.inf
        posterior = np.exp(joint - logsumexp(joint))
        value += logsumexp(joint)
        mass += posterior
        for row in rows:
            counts[row] += posterior
    return counts, mass, value


@pytest.mark.parametrize("n_labels", [1, 40, 900])
@pytest.mark.parametrize("known", [False, True])
def test_equals_the_formulas(n_labels, known):
    votes, code, prior, table = setting(n_labels, n_labels)
    gold = NO_GOLD
    if known:
        gold = np.full(votes.n_items, -1, dtype=np.int32)
        gold[[0, 2]] = 1
    counts, mass = np.zeros_like(table), np.zeros_like(prior)
    value = mixture_pass(
        votes.item_ptr, code, gold, 4, prior, table, 0, votes.n_items, counts, mass
    )
    wanted = naive(votes, code, prior, table, gold, 4)
    for got, want in zip((counts, mass, value), wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-13)


def test_classes_add_up_their_subtypes():
    votes, code, prior, table = setting(0, 50)
    out = np.empty((votes.n_items, 3))
    mixture_log_joint(votes.item_ptr, code, 4, prior, table, 0, votes.n_items, out)
    for i in range(votes.n_items):
        joint = prior + sum((table[code[e]] for e in np.flatnonzero(votes.item == i)), 0 * prior)
        np.testing.assert_allclose(out[i], logsumexp(joint.reshape(3, 4), axis=1), rtol=1e-12)
