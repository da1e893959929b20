"""From confusions and a class prior to a soft label per item: Bayes' rule, kept honest.

Every model ends here, so no model has an E-step or a rule of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate._blocks import fill_blocks, item_blocks
from aggregate._chunks import chunk_codes, chunks
from aggregate._tables import to_table
from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.kernels.confidence import tempered_softmax
from aggregate.kernels.em import FLOOR, log_joint_pass

Float = NDArray[np.float64]


def log_joint(
    annotations: Annotations,
    confusion: Float,
    class_prior: Float | None = None,
    *,
    log_prior: Float | None = None,
    n_jobs: int | None = None,
) -> Float:
    r"""Return the log probability of each class together with the item's labels.

    .. math:: \ell_{ik} = \log \pi_k + \sum_{e \in i} \log A_{j_e}[k, y_e]

    where :math:`\pi` is the class prior, :math:`A_j[k, y]` the probability that annotator
    j says y when the truth is k, and the sum runs over the labels of item i. Items may have
    priors of their own (what a classifier says of them): :math:`\log \pi_{ik}`.

    Parameters
    ----------
    annotations : Annotations
        N items, M annotators, K classes.
    confusion : ndarray of shape (M, K, K) or (M, K, R)
        Truth in the rows; entries below machine epsilon are raised to it, so that a label
        called impossible makes a class very unlikely and never yields 0/0. There may be
        responses beyond the K classes (abstentions), with codes of their own.
    class_prior : ndarray of shape (K,), optional
        By default, nothing: the sum over the labels alone, or with ``log_prior``.
    log_prior : ndarray of shape (N, K), optional
        Log probability of each class on each item before its labels are seen; added.
    n_jobs : int, optional
        Threads; -1 for all processors. The result is the same to the last bit.

    Returns
    -------
    ndarray of shape (N, K)

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate import Annotations
    >>> from aggregate.fusion import log_joint
    >>> votes = Annotations.from_matrix([[0, 0, 1]])
    >>> confusion = np.full((3, 2, 2), [[0.8, 0.2], [0.2, 0.8]])
    >>> np.exp(log_joint(votes, confusion, np.array([0.5, 0.5]))).round(3)
    array([[0.064, 0.016]])
    """
    n_annotators, n_classes, n_responses = confusion.shape
    table = to_table(confusion)
    prior = np.ones(n_classes) if class_prior is None else np.maximum(class_prior, FLOOR)
    out = np.empty((annotations.n_items, n_classes))

    def fill(first: int, last: int) -> None:
        for begin, end in chunks(annotations.item_ptr, first, last):
            pointers, code = chunk_codes(annotations, begin, end, n_annotators, n_responses)
            log_joint_pass(pointers, code, prior, table, 0, end - begin, out[begin:end])

    fill_blocks(fill, item_blocks(annotations.item_ptr), n_jobs)
    if log_prior is not None:
        out += log_prior
    return out


def posterior(
    annotations: Annotations,
    confusion: Float,
    class_prior: Float,
    *,
    annotator_correlation: float = 0.4,
    gold: NDArray[np.int32] | None = None,
    n_jobs: int | None = None,
) -> Float:
    r"""Return the soft label of every item: the probability of each class given the labels.

    .. math:: q_{ik} \propto \exp\bigl(\ell_{ik} / (1 + (r_i - 1)\rho)\bigr)

    where :math:`\ell` is `log_joint`, :math:`r_i` the number of labels of item i and
    :math:`\rho` the annotators' correlation. With :math:`\rho = 0` this is the textbook
    posterior, which counts annotators as independent and is far too sure of itself on real
    crowds; see `aggregate.fusion.design_effect`.

    Parameters
    ----------
    annotations : Annotations
    confusion : ndarray of shape (M, K, K)
    class_prior : ndarray of shape (K,)
    annotator_correlation : float
        ρ between 0 and 1. It changes how sure the answer is, never which class is ahead.
    gold : ndarray of int32, shape (N,), optional
        Known class of each item, -1 where unknown; known items get probability one.
    n_jobs : int, optional
        Threads.

    Returns
    -------
    ndarray of shape (N, K)
        Rows sum to one; an item without labels keeps the prior.

    References
    ----------
    L. Kish, Survey Sampling, Wiley, 1965, section 8.2 (design effect).

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate import Annotations
    >>> from aggregate.fusion import posterior
    >>> votes = Annotations.from_matrix([[0, 0, 0], [0, 1, -1]])
    >>> confusion = np.full((3, 2, 2), [[0.8, 0.2], [0.2, 0.8]])
    >>> uniform = np.array([0.5, 0.5])
    >>> posterior(votes, confusion, uniform, annotator_correlation=0).round(3)
    array([[0.985, 0.015],
           [0.5  , 0.5  ]])
    >>> posterior(votes, confusion, uniform).round(3)
    array([[0.91, 0.09],
           [0.5 , 0.5 ]])
    """
    scores = log_joint(annotations, confusion, class_prior, n_jobs=n_jobs)
    return from_log_joint(
        annotations, scores, annotator_correlation=annotator_correlation, gold=gold, n_jobs=n_jobs
    )


def from_log_joint(
    annotations: Annotations,
    scores: Float,
    *,
    annotator_correlation: float = 0.4,
    other_voices: int = 0,
    gold: NDArray[np.int32] | None = None,
    n_jobs: int | None = None,
) -> Float:
    """Return the posterior of log joints that a model has computed its own way.

    For models whose likelihood is not a product of confusions (items of their own difficulty,
    annotators in groups); the rest is as in `posterior`.

    Parameters
    ----------
    annotations : Annotations
    scores : ndarray of shape (N, K)
        Log probability of each class together with the item's labels, up to a constant per
        item. **Overwritten** by the result.
    annotator_correlation : float
        ρ between 0 and 1, as in `posterior`.
    other_voices : int
        Evidence in the scores besides the labels, each as good as one more label that errs
        with the others: a classifier that learned from the same annotators is one.
    gold : ndarray of int32, shape (N,), optional
        Known class of each item, -1 where unknown.
    n_jobs : int, optional
        Threads.

    Returns
    -------
    ndarray of shape (N, K)

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate import Annotations
    >>> from aggregate.fusion import from_log_joint
    >>> votes = Annotations.from_matrix([[0, 1]])
    >>> from_log_joint(votes, np.log([[0.3, 0.1]]), annotator_correlation=0).round(2)
    array([[0.75, 0.25]])
    """
    check_number("annotator_correlation", annotator_correlation, low=0, high=1)
    voices = annotations.item_ptr
    if other_voices:
        voices = voices + other_voices * np.arange(len(voices))
    fill_blocks(
        lambda first, last: tempered_softmax(
            voices, float(annotator_correlation), first, last, scores
        ),
        item_blocks(annotations.item_ptr),
        n_jobs,
    )
    return clamp(scores, gold)


def clamp(probas: Float, gold: NDArray[np.int32] | None) -> Float:
    """Give the items whose class is known probability one, in place; return ``probas``."""
    if gold is not None:
        known = np.flatnonzero(gold >= 0)
        probas[known] = 0.0
        probas[known, gold[known]] = 1.0
    return probas
