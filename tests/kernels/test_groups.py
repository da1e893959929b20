from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from aggregate.kernels.groups import group_em_pass, group_log_joint, pair_scores

NO_GOLD = np.empty(0, dtype=np.int32)
GOLD = np.array([-1, 1, 0, -1, 0, -1], dtype=np.int32)
GROUP_OF = np.array([-1, 0, 0, 1, 1, -1])


def problem(n_classes, seed=0):
    """Six annotators, two groups of two; item 2 has no label."""
    random = np.random.default_rng(seed)
    sizes = [3, 1, 0, 6, 2, 4]
    item_ptr = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    rows = [sorted(random.permutation(6)[:size], key=lambda j: GROUP_OF[j]) for size in sizes]
    annotator = np.array(list(itertools.chain(*rows)), dtype=np.int64)
    label = random.integers(0, n_classes, item_ptr[-1])
    prior = random.dirichlet(np.ones(n_classes))
    confusion = random.dirichlet(np.ones(n_classes), (8, n_classes))  # 6 annotators, 2 groups
    table = np.ascontiguousarray(confusion.transpose(0, 2, 1).reshape(-1, n_classes))
    code = (annotator * n_classes + label).astype(np.uint32)
    group = GROUP_OF[annotator].astype(np.int32)
    return item_ptr, annotator, label, code, group, prior, confusion, table


def naive(item_ptr, annotator, label, prior, confusion, gold):
    """Go through every truth and every reading of both groups."""
    n_classes, n_items = len(prior), len(item_ptr) - 1
    joint = np.zeros((n_items, n_classes))
    counts, mass, total = np.zeros((8, n_classes, n_classes)), np.zeros(n_classes), 0.0
    for i in range(n_items):
        entries = range(item_ptr[i], item_ptr[i + 1])
        present = {int(GROUP_OF[annotator[e]]) for e in entries} - {-1}
        worlds = []
        for k, z0, z1 in itertools.product(range(n_classes), repeat=3):
            chance = prior[k] * confusion[6, k, z0] * confusion[7, k, z1]
            for e in entries:
                seen = (k, z0, z1)[GROUP_OF[annotator[e]] + 1]
                chance *= confusion[annotator[e], seen, label[e]]
            joint[i, k] += chance
            worlds.append((k, z0, z1, chance))
        known = len(gold) and gold[i] >= 0
        if not entries and not known:
            continue
        worlds = [world for world in worlds if not known or world[0] == gold[i]]
        evidence = math.fsum(world[3] for world in worlds)
        total += math.log(evidence)
        for k, z0, z1, chance in worlds:
            share = chance / evidence
            mass[k] += share
            for g in present:
                counts[6 + g, k, (z0, z1)[g]] += share
            for e in entries:
                counts[annotator[e], (k, z0, z1)[GROUP_OF[annotator[e]] + 1], label[e]] += share
    return joint, counts, mass, total


@pytest.mark.parametrize("gold", [NO_GOLD, GOLD])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_pass_is_the_sum_over_all_worlds(n_classes, gold):
    item_ptr, annotator, label, code, group, prior, confusion, table = problem(n_classes)
    joint, counts, mass, total = naive(item_ptr, annotator, label, prior, confusion, gold)
    found, weight = np.zeros_like(table), np.zeros(n_classes)
    value = group_em_pass(
        item_ptr, code, group, gold, prior, table, np.log(table), 6 * n_classes, 0, 6, found,
        weight,
    )  # fmt: skip
    assert value == pytest.approx(total, rel=1e-12)
    shaped = found.reshape(8, n_classes, n_classes).transpose(0, 2, 1)
    np.testing.assert_allclose(shaped, counts, atol=1e-12)
    np.testing.assert_allclose(weight, mass, atol=1e-12)
    log_joint = np.empty((6, n_classes))
    group_log_joint(
        item_ptr, code, group, prior, table, np.log(table), 6 * n_classes, 0, 6, log_joint
    )
    np.testing.assert_allclose(log_joint, np.log(joint), rtol=1e-11)


@pytest.mark.parametrize("n_known", [15, 10])
def test_pair_scores_are_the_mean_over_the_other_pairs(n_known):
    random = np.random.default_rng(0)
    correlation = np.full((6, 6), np.nan)
    pairs = list(itertools.combinations(range(6), 2))
    for place in random.permutation(len(pairs))[:n_known]:
        i, j = pairs[place]
        correlation[i, j] = correlation[j, i] = random.uniform(-1, 1)
    found = np.empty((6, 6))
    pair_scores(correlation, 0, 6, found)
    for i, j in itertools.product(range(6), repeat=2):
        others = [a for a in range(6) if a not in (i, j)]
        gaps = [
            abs(correlation[i, j] * correlation[k, m] - correlation[i, m] * correlation[k, j])
            for k, m in itertools.permutations(others, 2)
        ]
        gaps = [gap for gap in gaps if not math.isnan(gap)]
        expected = math.fsum(gaps) / len(gaps) if gaps and i != j else 0.0
        assert found[i, j] == pytest.approx(expected, abs=1e-12)


def test_scores_of_independent_annotators_are_zero():
    strength = np.array([0.9, 0.5, 0.3, 0.7, -0.4])
    found = np.empty((5, 5))
    pair_scores(np.outer(strength, strength), 0, 5, found)
    np.testing.assert_allclose(found, 0, atol=1e-15)
