"""Information lost because the truth is unknown: what Louis subtracts from the complete one.

The parameters are coordinates of exponential families, one *block* per annotator and the class
prior's at the end. If the truth of an item were k, its score (the derivative of its log
probability) would be a sum over its labels, non-zero in the window of k in each block, and the
prior's. The item loses the covariance of that score over its posterior; the items' mean scores
move their posteriors, hence the share of each class.
"""

from __future__ import annotations

from aggregate._jit import helper, kernel

_CERTAIN = 1e-13  # of doubt: beneath it an item loses nothing


@helper
def _centred_scores(
    start, stop, block, code, weight, scores, offset, prior_scores, width, slot, values
):
    """Fill ``values[k, :length]`` with the score if the truth were k, less its mean; length.

    Each block that occurs has ``width`` columns, in the order of meeting, and ``slot`` of it says
    at which it begins; the prior's columns are the last.
    """
    n_classes = weight.shape[0]
    length = 0
    for e in range(start, stop):
        if slot[block[e]] < 0:
            slot[block[e]] = length
            for k in range(n_classes):
                for c in range(length, length + width):
                    values[k, c] = 0.0
            length += width
        for k in range(n_classes):
            first = slot[block[e]] + offset[k]
            for c in range(scores.shape[2]):
                values[k, first + c] += scores[code[e], k, c]
    for k in range(n_classes):
        for c in range(prior_scores.shape[1]):
            values[k, length + c] = prior_scores[k, c]
    length += prior_scores.shape[1]
    for c in range(length):
        mean = 0.0
        for k in range(n_classes):
            mean += weight[k] * values[k, c]
        for k in range(n_classes):
            values[k, c] -= mean
    return length


@helper
def _is_certain(weight):
    """Return whether one class has all the weight."""
    largest = 0.0
    for k in range(weight.shape[0]):
        largest = max(largest, weight[k])
    return 1.0 - largest < _CERTAIN


@kernel
def lose_all(
    item_ptr, block, code, posterior, scores, offset, prior_scores, width,
    first, last, slot, place, values, information, slope,
):  # fmt: skip
    """Subtract what items ``first`` to ``last`` lose from the information on all parameters.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    block : ndarray of int32, shape (E,)
        Block of each annotation's annotator, of B.
    code : ndarray of uint32, shape (E,)
        Row of each annotation in ``scores``.
    posterior : ndarray of shape (N, K)
    scores : ndarray of shape (R, K, W)
        Score of a label if the truth is k, in the window of k.
    offset : ndarray of int64, shape (K,)
        Where the window of k begins in a block.
    prior_scores : ndarray of shape (K, P)
        Score of truth k in the prior's coordinates; P is 0 where the prior is known.
    width : int
        Coordinates of a block, D.
    first, last : int
        The block of items.
    slot : ndarray of int64, shape (B,)
        Scratch, filled with -1 by the caller, and left so.
    place : ndarray of int64, shape (L,)
    values : ndarray of shape (K, L)
        Scratch; L is at least D times the most annotators of an item, and P more.
    information : ndarray of shape (B·D + P, B·D + P)
        Its lower half is subtracted from.
    slope : ndarray of shape (K, B·D + P)
        Added to: derivative of the summed posterior of each class.
    """
    n_prior = information.shape[0] - prior_scores.shape[1]
    for i in range(first, last):
        weight = posterior[i]
        start, stop = item_ptr[i], item_ptr[i + 1]
        if start == stop or _is_certain(weight):
            continue
        length = _centred_scores(
            start, stop, block, code, weight, scores, offset, prior_scores, width, slot, values
        )
        for e in range(start, stop):
            if slot[block[e]] >= 0:
                for c in range(width):
                    place[slot[block[e]] + c] = block[e] * width + c
                slot[block[e]] = -1
        for c in range(prior_scores.shape[1]):
            place[length - prior_scores.shape[1] + c] = n_prior + c
        for a in range(length):
            for k in range(weight.shape[0]):
                slope[k, place[a]] += weight[k] * values[k, a]
            for b in range(a + 1):
                lost = 0.0
                for k in range(weight.shape[0]):
                    lost += weight[k] * values[k, a] * values[k, b]
                information[max(place[a], place[b]), min(place[a], place[b])] -= lost


@kernel
def lose_blocks(
    item_ptr, block, code, posterior, scores, offset, prior_scores, width,
    first, last, slot, values, blocks, border, corner, slope,
):  # fmt: skip
    """Do the same for each block by itself and beside the prior, not for pairs of blocks.

    Parameters
    ----------
    item_ptr, block, code, posterior, scores, offset, prior_scores, width, first, last, slot, values
        As in `lose_all`.
    blocks : ndarray of shape (B, D, D)
    border : ndarray of shape (B, D, P)
    corner : ndarray of shape (P, P)
        Subtracted from.
    slope : ndarray of shape (K, B·D + P)
        Added to.
    """
    n_prior = prior_scores.shape[1]
    for i in range(first, last):
        weight = posterior[i]
        start, stop = item_ptr[i], item_ptr[i + 1]
        if start == stop or _is_certain(weight):
            continue
        length = _centred_scores(
            start, stop, block, code, weight, scores, offset, prior_scores, width, slot, values
        )
        tail = length - n_prior
        for k in range(weight.shape[0]):
            for c in range(n_prior):
                slope[k, slope.shape[1] - n_prior + c] += weight[k] * values[k, tail + c]
                for b in range(n_prior):
                    corner[b, c] -= weight[k] * values[k, tail + b] * values[k, tail + c]
        for e in range(start, stop):
            at = slot[block[e]]
            if at < 0:
                continue
            slot[block[e]] = -1
            for k in range(weight.shape[0]):
                for a in range(width):
                    score = weight[k] * values[k, at + a]
                    slope[k, block[e] * width + a] += score
                    for b in range(width):
                        blocks[block[e], a, b] -= score * values[k, at + b]
                    for c in range(n_prior):
                        border[block[e], a, c] -= score * values[k, tail + c]
