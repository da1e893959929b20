"""Pairs and labels foretold from the other labels of their item, against plain loops."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from aggregate.kernels.residuals import copying_evidence, label_surprise, pair_agreement
from tests import naive, problems

RATES = np.array([0.1, 0.7, 0.95])


def table_of(confusion):
    return np.ascontiguousarray(confusion.transpose(0, 2, 1).reshape(-1, confusion.shape[2]))


def setting(seed, n_classes, votes):
    random = np.random.default_rng(seed)
    confusion = random.dirichlet(np.ones(n_classes), size=(votes.n_annotators, n_classes))
    prior = random.dirichlet(np.ones(n_classes))
    code = (votes.annotator.astype(np.int64) * n_classes + votes.label).astype(np.uint32)
    return confusion, prior, code


def by_item(votes):
    entries = [[] for _ in range(votes.n_items)]
    for item, annotator, label in problems.triples(votes):
        entries[item].append((annotator, label))
    return entries


def posterior_of(labels, confusion, prior):
    rows = [(0, j, y) for j, y in labels]
    scores = naive.log_joint(rows, confusion, prior, 1)[0]
    return np.exp(scores - np.logaddexp.reduce(scores))


def naive_pairs(votes, confusion, prior):
    sums = np.zeros((votes.n_items, 3))
    for i, labels in enumerate(by_item(votes)):
        if len(labels) < 3:
            continue
        for one in range(len(labels)):
            for other in range(one + 1, len(labels)):
                (j, y), (l, z) = labels[one], labels[other]  # noqa: E741
                if j == l:
                    continue
                rest = [labels[e] for e in range(len(labels)) if e not in (one, other)]
                truth = posterior_of(rest, confusion, prior)
                same = sum(
                    truth[k] * confusion[j, k, c] * confusion[l, k, c]
                    for k in range(len(prior))
                    for c in range(len(prior))
                )
                sums[i] += [y == z, same, 1]
    return sums


def naive_surprise(votes, confusion, prior):
    surprise = np.zeros(votes.n_items)
    for i, labels in enumerate(by_item(votes)):
        for e, (j, y) in enumerate(labels):
            truth = posterior_of(labels[:e] + labels[e + 1 :], confusion, prior)
            surprise[i] -= math.log(sum(truth * confusion[j, :, y]))
    return surprise


@pytest.mark.parametrize("n_classes", [1, 2, 4])
@pytest.mark.parametrize("seed", range(3))
def test_equal_the_loops(seed, n_classes):
    votes = problems.ragged(seed, n_items=8, n_classes=n_classes)
    confusion, prior, code = setting(seed, n_classes, votes)
    table = table_of(confusion)
    sums, surprise = np.zeros((votes.n_items, 3)), np.full(votes.n_items, np.nan)
    rest = (votes.item_ptr, code, np.log(prior))
    pair_agreement(*rest, table, np.log(table), 10**6, 0, votes.n_items, sums)
    label_surprise(*rest, np.log(table), 0, votes.n_items, surprise)
    np.testing.assert_allclose(sums, naive_pairs(votes, confusion, prior), rtol=1e-10)
    wanted = naive_surprise(votes, confusion, prior)
    np.testing.assert_allclose(surprise, wanted, rtol=1e-9, atol=1e-9)


def test_takes_about_as_many_pairs_as_told():
    votes = problems.from_codes(np.zeros(60), np.arange(60), np.zeros(60), (1, 60, 2))
    confusion, prior, code = setting(0, 2, votes)
    table, sums = table_of(confusion), np.zeros((1, 3))
    pair_agreement(votes.item_ptr, code, np.log(prior), table, np.log(table), 100, 0, 1, sums)
    assert 100 <= sums[0, 2] <= 100 + 2 * 60


def test_leaves_other_items():
    votes = problems.ragged(0)
    confusion, prior, code = setting(0, 3, votes)
    table, sums = table_of(confusion), np.zeros((votes.n_items, 3))
    pair_agreement(votes.item_ptr, code, np.log(prior), table, np.log(table), 100, 3, 5, sums)
    assert not sums[:3].any()
    assert not sums[5:].any()
    assert sums[3:5].any()


def naive_copying(votes, confusion, prior, pairs, awaited, speaker):
    """Items counted once however often labelled: repeats share one item's weight."""
    sums = np.zeros((len(pairs), 4 + len(RATES)))
    n_classes = len(prior)
    for i, labels in enumerate(by_item(votes)):
        names = [j for j, _ in labels]
        speaks = [int(e - votes.item_ptr[i]) for e in speaker[slice(*votes.item_ptr[i : i + 2])]]
        for one in range(len(labels)):
            for other in range(one + 1, len(labels)):
                (j, y), (m, z) = labels[one], labels[other]
                pair = (min(j, m), max(j, m))
                if pair not in pairs:
                    continue
                heard = {e for e in range(len(labels)) if speaks[e] == e}
                rest = [labels[e] for e in sorted(heard - {speaks[one], speaks[other]})]
                truth = posterior_of(rest, confusion, prior)
                both = (truth[:, None] * confusion[j] * confusion[m]).sum(axis=0)
                either = (truth[:, None] * (confusion[j] + confusion[m])).sum(axis=0) / 2
                weight = 1 / (names.count(j) * names.count(m))
                ratio = either[y] / both[y] if y == z else 0.0
                odds = 1 - awaited + awaited * either / both
                apart = (1 - both.sum()) * (1 - awaited) * math.log(1 - awaited)
                growth = sum(both[c] * odds[c] * math.log(odds[c]) for c in range(n_classes))
                sums[pairs.index(pair)] += weight * np.array(
                    [1, y == z, both.sum(), growth + apart, *np.log(1 + RATES * (ratio - 1))]
                )
    return sums


def some_speak(votes, seed):
    """Of each item's labels, let some speak; each other one is silent or spoken for by one."""
    random = np.random.default_rng(seed)
    speaker = np.arange(votes.n_annotations)
    for start, stop in itertools.pairwise(votes.item_ptr):
        heard = start + np.flatnonzero(random.random(stop - start) < 0.6)
        for e in set(range(start, stop)) - set(heard.tolist()):
            speaker[e] = random.choice(np.append(heard, -1))
    return speaker


@pytest.mark.parametrize("n_classes", [1, 2, 4])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("everybody_speaks", [True, False])
def test_evidence_of_copying_is_that_of_the_loops(seed, n_classes, everybody_speaks):
    votes = problems.ragged(seed, n_items=8, n_classes=n_classes)
    confusion, prior, code = setting(seed, n_classes, votes)
    everybody = range(votes.n_annotators)
    pairs = [(j, m) for j in everybody for m in everybody if j < m and (j + m) % 4]
    ptr = np.searchsorted([j for j, _ in pairs], np.arange(votes.n_annotators + 1))
    table = table_of(confusion)
    sums = np.zeros((len(pairs), 4 + len(RATES)))
    speaker = np.arange(votes.n_annotations) if everybody_speaks else some_speak(votes, seed)
    copying_evidence(
        votes.item_ptr, code, speaker, np.log(prior), table, np.log(table), ptr.astype(np.int64),
        np.array([m for _, m in pairs], dtype=np.int32), RATES, 0.7, sums,
    )  # fmt: skip
    np.testing.assert_allclose(
        sums, naive_copying(votes, confusion, prior, pairs, 0.7, speaker), rtol=1e-9, atol=1e-9
    )
