"""Shares of the votes: the soft label that assumes nothing about the annotators."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate._blocks import fill_blocks, item_blocks
from aggregate.annotations import Annotations
from aggregate.kernels.votes import normalise_rows, weighted_votes

Float = NDArray[np.float64]

_NO_WEIGHTS = np.empty(0)


def vote_counts(
    annotations: Annotations, weights: Float | None = None, *, n_jobs: int | None = None
) -> Float:
    """Return how much vote each class received on each item.

    Parameters
    ----------
    annotations : Annotations
    weights : ndarray of shape (M,), optional
        What a vote of each annotator counts; one by default.
    n_jobs : int, optional
        Threads.

    Returns
    -------
    ndarray of shape (N, K)

    Examples
    --------
    >>> from aggregate import Annotations
    >>> from aggregate.fusion import vote_counts
    >>> vote_counts(Annotations.from_matrix([[0, 1, 1], [0, -1, -1]]))
    array([[1., 2.],
           [1., 0.]])
    """
    votes = np.empty((annotations.n_items, annotations.n_classes))
    weights = _NO_WEIGHTS if weights is None else np.ascontiguousarray(weights, dtype=np.float64)
    fill_blocks(
        lambda first, last: weighted_votes(
            annotations.item_ptr,
            annotations.annotator,
            annotations.label,
            weights,
            first,
            last,
            votes,
        ),
        item_blocks(annotations.item_ptr),
        n_jobs,
    )
    return votes


def vote_shares(
    annotations: Annotations, weights: Float | None = None, *, n_jobs: int | None = None
) -> Float:
    """Return the share of the (weighted) votes of each class; zero where there is no vote.

    Parameters and examples as for `vote_counts`; weights must not be negative.

    Returns
    -------
    ndarray of shape (N, K)
        Rows sum to one, or to zero for items without any vote of positive weight.
    """
    votes = vote_counts(annotations, weights, n_jobs=n_jobs)
    normalise_rows(votes, 0, len(votes))
    return votes
