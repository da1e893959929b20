"""Slow and obvious versions of what the package computes, for comparison.

Nothing here imports the package. Votes are a list of triples (item, annotator, label) of codes;
``confusion[j, k, y]`` is P(annotator j says y | truth k); everything is done in logarithms and
plain loops, straight from the formulas.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import logsumexp


def log_joint(votes, confusion, prior, n_items):
    """Return log P(truth k, labels of item i) for every i and k."""
    out = np.empty((n_items, len(prior)))
    for i in range(n_items):
        for k in range(len(prior)):
            terms = [math.log(prior[k])]
            terms += [math.log(confusion[j][k][y]) for item, j, y in votes if item == i]
            out[i, k] = math.fsum(terms)
    return out


def e_step(votes, confusion, prior, n_items, gold=None):
    """Return the posteriors and the log likelihood; items that say nothing have zero rows."""
    joint = log_joint(votes, confusion, prior, n_items)
    posterior = np.zeros_like(joint)
    log_likelihood = 0.0
    labelled = {item for item, _, _ in votes}
    for i in range(n_items):
        known = gold is not None and gold[i] >= 0
        if known:
            posterior[i, gold[i]] = 1.0
            log_likelihood += joint[i, gold[i]]
        elif i in labelled:
            evidence = logsumexp(joint[i])
            posterior[i] = np.exp(joint[i] - evidence)
            log_likelihood += evidence
    return posterior, log_likelihood


def counts(votes, posterior, n_annotators):
    """Return expected counts [j, k, y] and the expected number of items per class."""
    n_classes = posterior.shape[1]
    table = np.zeros((n_annotators, n_classes, n_classes))
    for i, j, y in votes:
        for k in range(n_classes):
            table[j, k, y] += posterior[i, k]
    return table, posterior.sum(axis=0)


def m_step(table, pseudo, fallback, floor=0.0):
    """Return confusions [j, k, y] from counts and pseudo-counts of the same shape."""
    confusion = np.empty_like(table)
    for j in range(table.shape[0]):
        for k in range(table.shape[1]):
            row = table[j, k] + pseudo[j, k]
            row = row / row.sum() if row.sum() > 0 else fallback[k]
            confusion[j, k] = np.maximum(row, floor)
    return confusion


def expected_confusion(n_classes, accuracy):
    """Return the mean of the confusions' prior."""
    if n_classes == 1:
        return np.ones((1, 1))
    off = (1 - accuracy) / (n_classes - 1)
    return np.array(
        [[accuracy if k == y else off for y in range(n_classes)] for k in range(n_classes)]
    )


def em(votes, shape, *, strength, accuracy, passes, gold=None, uniform=False, floor=2.0**-52):
    """Run EM from the vote shares; return confusion, prior, the last posteriors, objectives."""
    n_items, n_annotators, n_classes = shape
    fallback = expected_confusion(n_classes, accuracy)
    pseudo = np.repeat(strength * fallback[np.newaxis], n_annotators, axis=0)
    posterior = vote_shares(vote(votes, n_items, n_classes))
    if gold is not None:
        for i, truth in enumerate(gold):
            if truth >= 0:
                posterior[i] = np.eye(n_classes)[truth]

    def maximise(posterior):
        table, mass = counts(votes, posterior, n_annotators)
        prior = (mass + strength / n_classes) / (mass + strength / n_classes).sum()
        prior = np.full(n_classes, 1 / n_classes) if uniform else np.maximum(prior, floor)
        return m_step(table, pseudo, fallback, floor), prior

    confusion, prior = maximise(posterior)
    objectives = []
    while True:
        posterior, value = e_step(votes, confusion, prior, n_items, gold)
        value += (pseudo[pseudo > 0] * np.log(confusion[pseudo > 0])).sum()
        if not uniform:
            value += strength / n_classes * np.log(prior).sum()
        objectives.append(value)
        if len(objectives) == passes:
            return confusion, prior, posterior, objectives
        confusion, prior = maximise(posterior)


def vote(votes, n_items, n_classes, weight=None):
    """Return the (weighted) number of votes for each class on each item."""
    total = np.zeros((n_items, n_classes))
    for i, j, y in votes:
        total[i, y] += 1.0 if weight is None else weight[j]
    return total


def vote_shares(total):
    """Return the rows divided by their sums; rows of zeros stay."""
    return np.array([row / row.sum() if row.sum() > 0 else row for row in total])


def winners(shares):
    """Return one divided among the classes ahead; zero where nobody voted."""
    out = np.zeros_like(shares)
    for i, row in enumerate(shares):
        if row.max() > 0:
            ahead = [k for k in range(len(row)) if row[k] >= row.max() * (1 - 1e-9)]
            out[i, ahead] = 1 / len(ahead)
    return out


def first_winner(shares):
    """Return one for the first class ahead; zero where nobody voted."""
    out = np.zeros_like(shares)
    for i, row in enumerate(winners(shares)):
        if row.any():
            out[i, np.flatnonzero(row)[0]] = 1.0
    return out


def agreements(votes, consensus, n_annotators):
    """Return the mean consensus mass of each annotator's labels, the overall mean without."""
    sums, given = np.zeros(n_annotators), np.zeros(n_annotators)
    for i, j, y in votes:
        sums[j] += consensus[i, y]
        given[j] += 1
    overall = sums.sum() / max(given.sum(), 1)
    return np.array([s / g if g else overall for s, g in zip(sums, given, strict=True)])


def wawa(votes, shape, ahead=winners):
    """Return the weights and the shares of Wawa's second vote."""
    n_items, n_annotators, n_classes = shape
    consensus = ahead(vote_shares(vote(votes, n_items, n_classes)))
    weight = agreements(votes, consensus, n_annotators)
    return weight, vote_shares(vote(votes, n_items, n_classes, weight))


def iwmv(votes, shape, rounds, ahead=winners):
    """Return the weights and shares of iterative weighted voting."""
    n_items, n_annotators, n_classes = shape
    consensus = ahead(vote_shares(vote(votes, n_items, n_classes)))
    for _ in range(rounds):
        accuracy = agreements(votes, consensus, n_annotators)
        if n_classes == 1:
            weight = np.ones(n_annotators)
        else:
            weight = np.maximum(0, (n_classes * accuracy - 1) / (n_classes - 1))
        if not weight.any():
            weight = np.ones(n_annotators)
        shares = vote_shares(vote(votes, n_items, n_classes, weight))
        following = ahead(shares)
        if np.array_equal(following, consensus):
            break
        consensus = following
    return weight, shares


def temper(log_joint, n_labels, correlation):
    """Return softmax(log joint / design effect) of every row."""
    out = np.empty_like(log_joint)
    for i, row in enumerate(log_joint):
        effect = 1 + max(n_labels[i] - 1, 0) * correlation
        out[i] = np.exp(row / effect - logsumexp(row / effect))
    return out


def decide(probas, prior, costs=None, min_confidence=None, first=False):
    """Return the class code of every row, -1 where its probability is too small."""
    n_classes = probas.shape[1]
    decided = []
    for row in probas:
        if costs is None:
            loss = [-p for p in row]
        else:
            loss = [sum(row[k] * costs[k][d] for k in range(n_classes)) for d in range(n_classes)]
        least = min(loss)
        tied = [d for d in range(n_classes) if loss[d] <= least + 1e-9 * abs(least)]
        if not first:
            most = max(prior[d] for d in tied)
            tied = [d for d in tied if prior[d] >= most - 1e-9]
        choice = tied[0]
        if min_confidence is not None and row[choice] < min_confidence:
            choice = -1
        decided.append(choice)
    return np.array(decided)
