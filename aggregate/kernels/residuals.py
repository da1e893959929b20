"""What a model of annotators leaves unexplained: agreement, copying of pairs, surprise at labels.

Each label, or pair of labels, is predicted from the other labels of its item.
"""

from __future__ import annotations

import math

import numpy as np

from aggregate._jit import helper, kernel


@helper
def _joint(code, start, stop, log_prior, log_table, joint):
    for k in range(joint.shape[0]):
        joint[k] = log_prior[k]
        for e in range(start, stop):
            joint[k] += log_table[code[e], k]


@helper
def _log_sum(scores):
    largest = scores[0]
    for k in range(1, scores.shape[0]):
        largest = max(largest, scores[k])
    total = 0.0
    for k in range(scores.shape[0]):
        total += math.exp(scores[k] - largest)
    return largest + math.log(total)


@helper
def _chance_of_agreement(scores, code, one, other, table):
    """Return the probability that two annotators say the same, given scores of the classes."""
    n_classes = scores.shape[0]
    base, beside = code[one] // n_classes * n_classes, code[other] // n_classes * n_classes
    total = _log_sum(scores)
    chance = 0.0
    for k in range(n_classes):
        same = 0.0
        for y in range(n_classes):
            same += table[base + y, k] * table[beside + y, k]
        chance += math.exp(scores[k] - total) * same
    return chance


@kernel
def pair_agreement(item_ptr, code, log_prior, table, log_table, most, first, last, sums):
    """Fill ``sums[i]``: pairs of labels that agree, how many the model expects, how many pairs.

    The expectation of a pair comes from the item's other labels. Items of two labels or fewer
    have none and are left at zero, pairs by one annotator are passed over, and of an item with
    more than ``most`` pairs, those of labels that stand close are taken.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    code : ndarray of uint32, shape (E,)
        ``annotator·K + label`` of each annotation.
    log_prior : ndarray of shape (K,)
    table, log_table : ndarray of shape (M·K, K)
        ``table[j·K + y, k]`` = P(annotator j says y | truth k), and its logarithm.
    most : int
        About as many pairs per item.
    first, last : int
        The block of items.
    sums : ndarray of shape (N, 3)
    """
    n_classes = log_prior.shape[0]
    joint, rest = np.empty(n_classes), np.empty(n_classes)
    for i in range(first, last):
        start, stop = item_ptr[i], item_ptr[i + 1]
        n_labels = stop - start
        if n_labels < 3:
            continue
        _joint(code, start, stop, log_prior, log_table, joint)
        for step in range(1, n_labels):
            if (step - 1) * n_labels >= most:
                break
            for one in range(start, stop - step):
                other = one + step
                if code[one] // n_classes == code[other] // n_classes:
                    continue
                for k in range(n_classes):
                    rest[k] = joint[k] - log_table[code[one], k] - log_table[code[other], k]
                if code[one] % n_classes == code[other] % n_classes:
                    sums[i, 0] += 1.0
                sums[i, 1] += _chance_of_agreement(rest, code, one, other, table)
                sums[i, 2] += 1.0


@kernel
def label_surprise(item_ptr, code, log_prior, log_table, first, last, surprise):
    """Fill ``surprise[i]`` = -Σ_e log P(label e | the item's other labels).

    Parameters
    ----------
    item_ptr, code, log_prior, log_table, first, last
        As in `pair_agreement`.
    surprise : ndarray of shape (N,)
    """
    n_classes = log_prior.shape[0]
    joint, rest = np.empty(n_classes), np.empty(n_classes)
    for i in range(first, last):
        start, stop = item_ptr[i], item_ptr[i + 1]
        _joint(code, start, stop, log_prior, log_table, joint)
        evidence = _log_sum(joint)
        surprise[i] = 0.0
        for e in range(start, stop):
            for k in range(n_classes):
                rest[k] = joint[k] - log_table[code[e], k]
            surprise[i] += _log_sum(rest) - evidence


@helper
def _copy_odds(rest, one, other, table, same, odds):
    """Fill P(both say y) and, of it, how much likelier it is if one of them copied the other.

    ``one`` and ``other`` are the first rows of the two annotators.
    """
    n_classes = rest.shape[0]
    total = _log_sum(rest)
    for y in range(n_classes):
        same[y], odds[y] = 0.0, 0.0
    for k in range(n_classes):
        share = math.exp(rest[k] - total)
        for y in range(n_classes):
            mine, theirs = table[one + y, k], table[other + y, k]
            same[y] += share * mine * theirs
            odds[y] += 0.5 * share * (mine + theirs)
    for y in range(n_classes):
        odds[y] /= same[y]


@helper
def _growth(same, odds, rate):
    """Return the expected log likelihood ratio of copying at a rate, if that is what happens."""
    total, apart = 0.0, 1.0
    for y in range(same.shape[0]):
        ratio = 1.0 + rate * (odds[y] - 1.0)
        total += same[y] * ratio * math.log(ratio)
        apart -= same[y]
    return total + max(apart, 0.0) * (1.0 - rate) * math.log(1.0 - rate)


@helper
def _place(pair_ptr, second, one, other):
    """Return where the pair stands, or -1."""
    low, high = pair_ptr[one], pair_ptr[one + 1]
    stop = high
    while low < high:
        middle = (low + high) // 2
        if second[middle] < other:
            low = middle + 1
        else:
            high = middle
    return low if low < stop and second[low] == other else -1


@helper
def _count_repeats(code, start, stop, n_classes, repeats):
    """Fill how many labels of the item are by the annotator of each of its labels."""
    for e in range(start, stop):
        repeats[e - start] = 0.0
        for f in range(start, stop):
            if code[e] // n_classes == code[f] // n_classes:
                repeats[e - start] += 1.0


@helper
def _spoken(code, speaker, start, stop, log_prior, log_table, joint):
    for k in range(joint.shape[0]):
        joint[k] = log_prior[k]
    for e in range(start, stop):
        if speaker[e] == e:
            for k in range(joint.shape[0]):
                joint[k] += log_table[code[e], k]


@helper
def _others_say(joint, code, mine, theirs, log_table, rest):
    """Fill ``rest``: ``joint`` without two labels, which may be one and the same, or none (-1)."""
    for k in range(joint.shape[0]):
        rest[k] = joint[k]
        if mine >= 0:
            rest[k] -= log_table[code[mine], k]
        if theirs >= 0 and theirs != mine:
            rest[k] -= log_table[code[theirs], k]


@kernel
def copying_evidence(
    item_ptr, code, speaker, log_prior, table, log_table, pair_ptr, second, rates, awaited, sums
):
    """Add to ``sums[p]`` what the shared items of each pair say of one copying the other.

    With chance c an annotator repeats the other's label, else labels independently given the
    truth. An item counts once, however often the two labelled it. What the truth may be is told
    by the labels that speak, but for those that speak for one of the two.

    Parameters
    ----------
    item_ptr, code, log_prior, table, log_table
        As in `pair_agreement`.
    speaker : ndarray of int64, shape (E,)
        Which label of the item speaks for each label: itself, another, or none (-1).
    pair_ptr : ndarray of int64, shape (M + 1,)
        Where the pairs of each first annotator begin.
    second : ndarray of int32, shape (P,)
        The other of each pair, of larger code, sorted for each first one.
    rates : ndarray of shape (C,)
        The rates c, below 1.
    awaited : float
        The rate whose evidence is foretold.
    sums : ndarray of shape (P, 4 + C)
        Items; agreements; expected ones; expected log likelihood ratio at the awaited rate; and
        the log likelihood ratio of each rate to none.
    """
    n_classes = log_prior.shape[0]
    joint, rest = np.empty(n_classes), np.empty(n_classes)
    same, odds = np.empty(n_classes), np.empty(n_classes)
    repeats = np.empty(np.diff(item_ptr).max() if len(item_ptr) > 1 else 0)
    for i in range(len(item_ptr) - 1):
        start, stop = item_ptr[i], item_ptr[i + 1]
        _spoken(code, speaker, start, stop, log_prior, log_table, joint)
        _count_repeats(code, start, stop, n_classes, repeats)
        for e in range(start, stop):
            for f in range(e + 1, stop):
                one, other = code[e] // n_classes, code[f] // n_classes
                p = _place(pair_ptr, second, min(one, other), max(one, other))
                if p < 0:
                    continue
                _others_say(joint, code, speaker[e], speaker[f], log_table, rest)
                _copy_odds(rest, one * n_classes, other * n_classes, table, same, odds)
                weight = 1.0 / (repeats[e - start] * repeats[f - start])
                label = code[e] % n_classes
                agree = label == code[f] % n_classes
                sums[p, 0] += weight
                sums[p, 1] += weight * agree
                sums[p, 2] += weight * same.sum()
                sums[p, 3] += weight * _growth(same, odds, awaited)
                surplus = odds[label] - 1.0 if agree else -1.0
                for c in range(rates.shape[0]):
                    sums[p, 4 + c] += weight * math.log1p(rates[c] * surplus)
