"""What one more label would tell: expected gain over what is believed of an item's class.

A belief is held as particles, distributions over the K classes that labels still to come may
lead to. A label by annotator j repeats with some chance what the crowd has already said of the
item (see `worth`) and otherwise follows j's confusions, so that it never tells less than nothing.
"""

from __future__ import annotations

import math

import numpy as np

from aggregate._jit import helper, kernel


@helper
def _marginal(belief, table, base, marginal):
    n_classes = belief.shape[0]
    for y in range(n_classes):
        marginal[y] = 0.0
        for k in range(n_classes):
            marginal[y] += belief[k] * table[base + y, k]


@helper
def _information(belief, table, base, worth, marginal):
    """Return the mutual information of label and truth, in nats."""
    n_classes = belief.shape[0]
    total = 0.0
    for y in range(n_classes):
        for k in range(n_classes):
            chance = worth * table[base + y, k] + (1.0 - worth) * marginal[y]
            if belief[k] > 0.0 and chance > 0.0:
                total += belief[k] * chance * math.log(chance / marginal[y])
    return total


@helper
def _saving(belief, table, base, worth, marginal, costs):
    """Return by how much the label lowers the expected cost of the best decision."""
    n_classes = belief.shape[0]
    before = math.inf
    for d in range(n_classes):
        cost = 0.0
        for k in range(n_classes):
            cost += belief[k] * costs[k, d]
        before = min(before, cost)
    after = 0.0
    for y in range(n_classes):
        least = math.inf
        for d in range(n_classes):
            cost = 0.0
            for k in range(n_classes):
                chance = worth * table[base + y, k] + (1.0 - worth) * marginal[y]
                cost += belief[k] * chance * costs[k, d]
            least = min(least, cost)
        after += least
    return before - after


@kernel
def best_label(particles, table, annotators, prices, worth, costs):
    """Return the place of the annotator of the largest gain per price, and the gain.

    Parameters
    ----------
    particles : ndarray of shape (P, K)
        Beliefs about the item's class.
    table : ndarray of shape (M·K, K)
        ``table[j·K + y, k]`` = P(annotator j says y | truth k).
    annotators : ndarray of int64, shape (C,)
        Who may be asked.
    prices : ndarray of shape (M,)
        Price of a label by each annotator, above zero.
    worth : float
        Chance that the label does not merely repeat what was said.
    costs : ndarray of shape (K, K) or (0, 0)
        Cost of deciding d when the truth is k; of size zero for information in nats.

    Returns
    -------
    place : int
        Of the best in ``annotators``; the first of equals; -1 if there is nobody.
    gain : float
        Not divided by the price.
    """
    n_particles, n_classes = particles.shape
    marginal = np.empty(n_classes)
    place, gain, best = -1, 0.0, -math.inf
    for c in range(annotators.shape[0]):
        base = annotators[c] * n_classes
        value = 0.0
        for p in range(n_particles):
            _marginal(particles[p], table, base, marginal)
            if costs.shape[0] == 0:
                value += _information(particles[p], table, base, worth, marginal)
            else:
                value += _saving(particles[p], table, base, worth, marginal, costs)
        value /= n_particles
        if value / prices[annotators[c]] > best:
            place, gain, best = c, value, value / prices[annotators[c]]
    return place, gain


@kernel
def imagine_label(particles, table, annotator, worth, uniforms):
    """Replace each particle by what it becomes after a label drawn from it.

    Parameters
    ----------
    particles : ndarray of shape (P, K)
        Replaced.
    table : ndarray of shape (M·K, K)
    annotator : int
    worth : float
    uniforms : ndarray of shape (P,)
        One number between 0 and 1 for each particle.
    """
    n_particles, n_classes = particles.shape
    marginal = np.empty(n_classes)
    base = annotator * n_classes
    for p in range(n_particles):
        _marginal(particles[p], table, base, marginal)
        label, below = 0, marginal[0]
        while label < n_classes - 1 and below < uniforms[p]:
            label += 1
            below += marginal[label]
        total = 0.0
        for k in range(n_classes):
            chance = worth * table[base + label, k] + (1.0 - worth) * marginal[label]
            particles[p, k] *= chance
            total += particles[p, k]
        for k in range(n_classes):
            particles[p, k] /= total
