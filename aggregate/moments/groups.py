"""Votes of groups of annotators: three of them make a tensor of any crowd, cheaply."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._blocks import fill_blocks, item_blocks
from aggregate.annotations import Annotations
from aggregate.kernels.triples import group_votes


def group_vote_counts(
    annotations: Annotations, group: ArrayLike, *, n_jobs: int | None = None
) -> NDArray[np.float64]:
    """Return how many annotators of each group gave each label to each item.

    Parameters
    ----------
    annotations : Annotations
    group : array-like of int, shape (M,)
        Group of each annotator from 0 to G - 1, or -1 for none.
    n_jobs : int, optional
        Threads.

    Returns
    -------
    ndarray of shape (N, G, K)

    Raises
    ------
    ValueError
        If there is not one group per annotator.

    References
    ----------
    Y. Zhang, X. Chen, D. Zhou and M. I. Jordan, Spectral methods meet EM, Journal of Machine
    Learning Research 17(102):1-44, 2016, section 3.

    Examples
    --------
    >>> from aggregate import Annotations
    >>> from aggregate.moments import group_vote_counts
    >>> group_vote_counts(Annotations.from_matrix([[0, 1, 1]]), [0, 1, 1])
    array([[[1., 0.],
            [0., 2.]]])
    """
    groups = np.asarray(group)
    if groups.shape != (annotations.n_annotators,) or groups.dtype.kind not in "iu":
        raise ValueError(
            f"group must hold one whole number for each of the {annotations.n_annotators} "
            f"annotators; got shape {groups.shape} of {groups.dtype}."
        )
    n_groups = int(groups.max(initial=-1)) + 1
    votes = np.empty((annotations.n_items, n_groups, annotations.n_classes))
    codes = groups.astype(np.int64)
    fill_blocks(
        lambda first, last: group_votes(
            annotations.item_ptr,
            annotations.annotator,
            annotations.label,
            codes,
            first,
            last,
            votes,
        ),
        item_blocks(annotations.item_ptr),
        n_jobs,
    )
    return votes
