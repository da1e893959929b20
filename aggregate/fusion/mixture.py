"""Soft labels where every class has subtypes, each with confusions of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate._blocks import fill_blocks, item_blocks
from aggregate._tables import row_codes
from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.fusion.posterior import clamp
from aggregate.kernels.confidence import tempered_softmax
from aggregate.kernels.mixture import mixture_log_joint as log_joint_block

Float = NDArray[np.float64]


def mixture_log_joint(
    annotations: Annotations,
    log_table: Float,
    log_prior: Float,
    *,
    n_jobs: int | None = None,
) -> Float:
    r"""Return the log probability of each class together with the item's labels.

    .. math:: \ell_{ik} = \log \sum_g \pi_{kg} \prod_{e \in i} A_{j_e}[k, g, y_e]

    where :math:`\pi_{kg}` is the probability of subtype g of class k and
    :math:`A_j[k, g, y]` that of annotator j saying y about it.

    Parameters
    ----------
    annotations : Annotations
        N items, K classes.
    log_table : ndarray of shape (M·K, K·G)
        ``log_table[j·K + y, k·G + g]`` = log A.
    log_prior : ndarray of shape (K·G,)
        log π.
    n_jobs : int, optional
        Threads; the result is the same to the last bit.

    Returns
    -------
    ndarray of shape (N, K)

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate import Annotations
    >>> from aggregate.fusion import mixture_log_joint
    >>> votes = Annotations.from_matrix([[0], [1]])
    >>> table = np.log([[0.9, 0.5, 0.2], [0.1, 0.5, 0.8]])[:, [0, 1, 2, 2]]
    >>> np.exp(mixture_log_joint(votes, table, np.log([0.3, 0.2, 0.25, 0.25]))).round(2)
    array([[0.37, 0.1 ],
           [0.13, 0.4 ]])
    """
    n_classes = annotations.n_classes
    n_annotators = len(log_table) // n_classes
    code = row_codes(annotations.annotator, annotations.label, n_annotators, n_classes)
    out = np.empty((annotations.n_items, n_classes))
    n_groups = len(log_prior) // n_classes
    fill_blocks(
        lambda first, last: log_joint_block(
            annotations.item_ptr, code, n_groups, log_prior, log_table, first, last, out
        ),
        item_blocks(annotations.item_ptr),
        n_jobs,
    )
    return out


def mixture_posterior(
    annotations: Annotations,
    log_table: Float,
    log_prior: Float,
    *,
    annotator_correlation: float = 0.4,
    gold: NDArray[np.int32] | None = None,
    n_jobs: int | None = None,
) -> Float:
    """Return the soft label of every item, as `aggregate.fusion.posterior` does for one subtype.

    Parameters
    ----------
    annotations, log_table, log_prior, n_jobs
        As `mixture_log_joint` takes them.
    annotator_correlation : float
        ρ between 0 and 1: how far annotators err together beyond what subtypes explain.
    gold : ndarray of int32, shape (N,), optional
        Known class of each item, -1 where unknown.

    Returns
    -------
    ndarray of shape (N, K)
        Rows sum to one.
    """
    check_number("annotator_correlation", annotator_correlation, low=0, high=1)
    scores = mixture_log_joint(annotations, log_table, log_prior, n_jobs=n_jobs)
    fill_blocks(
        lambda first, last: tempered_softmax(
            annotations.item_ptr, float(annotator_correlation), first, last, scores
        ),
        item_blocks(annotations.item_ptr),
        n_jobs,
    )
    return clamp(scores, gold)
