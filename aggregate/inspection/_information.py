"""Covariance of all estimated parameters from the observed information.

By Louis' identity, the information in the votes is the complete one (as if the truth were known)
less what each item loses for its truth being unknown. Up to `_MOST` coordinates the matrix is
inverted whole; above, blocks are coupled through the class prior alone, which neglects that two
annotators judge each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag, cho_factor, eigh
from scipy.linalg.lapack import dpotri

from aggregate._tables import row_codes
from aggregate.inspection._likelihood import Estimated
from aggregate.kernels.information import lose_all, lose_blocks

Float = NDArray[np.float64]

MOST = 4000  # coordinates of a matrix that is inverted whole
_SLOW = 3e10  # multiplications of the whole matrix beyond which blocks must do
_LARGE = 1 << 28  # numbers in the blocks: 2 GB
_LEAST = 1e-9  # share of the complete information that counts as information
_ODD = 4.0  # times the variance by the pseudo-labels alone from which labels are said to mislead


@dataclass(frozen=True, eq=False)
class Covariance:
    """Covariance of the coordinates and the derivative of the items' mean posterior.

    Attributes
    ----------
    blocks : ndarray of shape (B, D, D)
    border : ndarray of shape (B, D, P)
        Covariance of each block with the prior.
    corner : ndarray of shape (P, P)
    whole : ndarray of shape (B·D + P, B·D + P) or None
        All of it, where it was computed.
    slope : ndarray of shape (K, B·D + P)
    """

    blocks: Float
    border: Float
    corner: Float
    whole: Float | None
    slope: Float


def covariance(estimate: Estimated, most: int = MOST) -> Covariance:
    """Return the inverse of the observed information."""
    per_item = estimate.votes.labels_per_item.astype(np.float64) * estimate.width
    cost = float(np.square(np.minimum(per_item, estimate.n_parameters)).sum()) * estimate.window
    if estimate.n_parameters <= most and cost <= _SLOW:
        return _whole(estimate)
    if estimate.n_blocks * estimate.width**2 > _LARGE:
        raise ValueError(
            f"the information of {estimate.n_blocks:,} annotators with {estimate.width:,} "
            f"parameters each needs {estimate.n_blocks * estimate.width**2 / 2**27:.0f} GB. Use "
            "method='bootstrap', or a model with fewer parameters such as "
            "ClassConditionalDawidSkene."
        )
    return _arrow(estimate)


def complete(estimate: Estimated) -> tuple[Float, Float]:
    """Return the complete information of the blocks (B, D, D) and of the prior (P, P)."""
    scores = estimate.prior_scores
    corner = estimate.prior_weight * (scores.T * estimate.class_prior) @ scores
    return of_labels(estimate, estimate.weight), corner


def of_labels(estimate: Estimated, weight: Float) -> Float:
    """Return the information of labels with known truth, so many for each row, by blocks."""
    spread = np.einsum(
        "bky,bykc,bykd,bk->bkcd",
        estimate.of_block, estimate.scores, estimate.scores, weight,
        optimize=True,
    )  # fmt: skip
    blocks = np.zeros((estimate.n_blocks, estimate.width, estimate.width))
    for k, first in enumerate(estimate.offset):
        part = slice(first, first + estimate.window)
        blocks[:, part, part] += spread[:, k]
    return blocks


def _free_the_crowd(estimate: Estimated, information: Float) -> None:
    """Take away what the pseudo-labels say of the crowd's mean, which is estimated, too.

    Rows that vary about a common mean of unknown place hold each other together, but do not
    hold the mean; one imaginary annotator, the hyper-prior, does.
    """
    if not estimate.learned or estimate.votes.n_classes == 1:
        return
    pull = of_labels(estimate, estimate.believed_weight)
    stack = pull.reshape(-1, estimate.width)
    total = pull.sum(axis=0) + pull.mean(axis=0)
    n = len(stack)
    information[:n, :n] -= stack @ np.linalg.solve(total, stack.T)


class _Items(NamedTuple):
    """What both kernels walk, and how many columns an item may need."""

    block: NDArray[np.int32]
    code: NDArray[np.uint32]
    posterior: Float
    scores: Float
    length: int


def _items(estimate: Estimated) -> _Items:
    votes = estimate.votes
    block = estimate.unit[votes.annotator]
    n_classes = votes.n_classes
    most = min(int(votes.labels_per_item.max(initial=0)), estimate.n_blocks)
    return _Items(
        block,
        row_codes(block, votes.label, estimate.n_blocks, n_classes),
        np.ascontiguousarray(estimate.posterior),
        estimate.scores.reshape(-1, n_classes, estimate.window),
        most * estimate.width + estimate.prior_scores.shape[1],
    )


def _whole(estimate: Estimated) -> Covariance:
    n, n_blocks, width = estimate.n_parameters, estimate.n_blocks, estimate.width
    blocks, corner = complete(estimate)
    information = np.zeros((n, n))
    for b in range(n_blocks):
        part = slice(b * width, (b + 1) * width)
        information[part, part] = blocks[b]
    last = slice(n_blocks * width, n)
    information[last, last] = corner
    scale = _scale(np.diag(information))
    items, votes = _items(estimate), estimate.votes
    slope = np.zeros((votes.n_classes, n))
    lose_all(
        votes.item_ptr, items.block, items.code, items.posterior, items.scores,
        estimate.offset, estimate.prior_scores, width, 0, votes.n_items, np.full(n_blocks, -1),
        np.empty(items.length, dtype=np.int64), np.empty((len(slope), items.length)),
        information, slope,
    )  # fmt: skip
    _free_the_crowd(estimate, information)
    bound = np.concatenate([_bound(part).ravel() for part in _believed(estimate)])
    whole = _inverse(information, scale, bound, lambda: _believed_whole(estimate))
    inner = whole[: last.start, : last.start].reshape(n_blocks, width, n_blocks, width)
    return Covariance(
        np.ascontiguousarray(np.einsum("bcbd->bcd", inner)),
        whole[: last.start, last].reshape(n_blocks, width, -1),
        whole[last, last],
        whole,
        slope / max(estimate.votes.n_items, 1),
    )


def _scale(diagonal: Float) -> Float:
    """Return the roots of the complete information; 1 where there is none."""
    return np.sqrt(np.where(diagonal > 0, diagonal, 1.0))


def _believed(estimate: Estimated) -> tuple[Float, Float]:
    """Return the information in the pseudo-labels alone, of the blocks and of the prior."""
    scores = estimate.prior_scores
    corner = max(estimate.belief.items, 0.0) * (scores.T * estimate.class_prior) @ scores
    return of_labels(estimate, estimate.believed_weight), corner


def _believed_whole(estimate: Estimated) -> Float:
    blocks, corner = _believed(estimate)
    whole = block_diag(*blocks, corner)
    _free_the_crowd(estimate, whole)
    return whole


def _bound(believed: Float) -> Float:
    """Return the variances above which labels seem to tell less than nothing, shape (..., D)."""
    ridge = _LEAST * np.eye(believed.shape[-1])
    inverse = np.linalg.inv(believed + ridge) if believed.size else believed
    return _ODD * np.diagonal(inverse, axis1=-2, axis2=-1)


def _inverse(
    information: Float, scale: Float, bound: Float, believed: Callable[[], Float]
) -> Float:
    """Return the inverse of a symmetric matrix given by its lower half, made positive definite.

    Labels cannot tell less than nothing. Where they seem to, because the fit is no maximum of
    this likelihood or the likelihood no normal density, they tell nothing, and what the
    pseudo-labels tell remains.
    """
    outer = scale[:, np.newaxis] * scale
    scaled = information / outer
    inverse = _positive_inverse(scaled)
    if inverse is None or (np.diag(inverse) > bound * scale**2).any():
        told, where = eigh(scaled - believed() / outer, subset_by_value=(-np.inf, 0.0))
        scaled += (where * (_LEAST - told)) @ where.T
        inverse = _positive_inverse(scaled)
        if inverse is None:
            values, vectors = eigh(scaled)
            inverse = (vectors / np.maximum(values, _LEAST)) @ vectors.T
    return np.asarray(inverse / outer)


def _positive_inverse(matrix: Float) -> Float | None:
    """Return the inverse, None if the matrix (its lower half) is not safely positive definite."""
    try:
        factor = cho_factor(matrix, lower=True)
    except np.linalg.LinAlgError:
        return None
    if np.min(np.diag(factor[0]), initial=1.0) ** 2 < _LEAST:
        return None
    inverse, _ = dpotri(factor[0], lower=True)
    return np.asarray(np.tril(inverse) + np.tril(inverse, -1).T)


def _arrow(estimate: Estimated) -> Covariance:
    blocks, corner = complete(estimate)
    n_blocks, width = estimate.n_blocks, estimate.width
    scale, prior_scale = _scale(np.einsum("bcc->bc", blocks)), _scale(np.diag(corner))
    border = np.zeros((n_blocks, width, len(corner)))
    items, votes = _items(estimate), estimate.votes
    slope = np.zeros((estimate.votes.n_classes, estimate.n_parameters))
    lose_blocks(
        votes.item_ptr, items.block, items.code, items.posterior, items.scores,
        estimate.offset, estimate.prior_scores, width, 0, votes.n_items, np.full(n_blocks, -1),
        np.empty((len(slope), items.length)), blocks, border, corner, slope,
    )  # fmt: skip
    believed, prior_believed = _believed(estimate)
    own = np.stack(
        [
            _inverse(blocks[b], scale[b], bound, believed[b].copy)
            for b, bound in enumerate(_bound(believed))
        ]
    )
    pull = np.einsum("bcd,bdp->bcp", own, border)
    left = corner - np.einsum("bcp,bcq->pq", border, pull)
    prior = left
    if len(corner):
        prior = _inverse(left, prior_scale, _bound(prior_believed), prior_believed.copy)
    across = -np.einsum("bcp,pq->bcq", pull, prior)
    return Covariance(
        own - np.einsum("bcp,bdp->bcd", across, pull),
        across,
        prior,
        None,
        slope / max(estimate.votes.n_items, 1),
    )
