"""Ghosh, Kale and McAfee: the leading singular vector of the labels says the truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.models.spectral._leading import leading_eigenvector
from aggregate.models.spectral._thresholds import Direction, ThresholdVote, signed_table

Float = NDArray[np.float64]


class GhoshSVD(ThresholdVote):
    r"""Soft labels of two classes from the leading singular vector of the table of labels.

    With labels :math:`u_{ij} = \pm 1`, zero where missing, and annotators who are right with
    probability :math:`p_j`, the table's mean given the truths :math:`t_i = \pm 1` has rank
    one: :math:`t_i (2 p_j - 1)` times the chance that j labels i. The weights are the right
    singular vector of the largest singular value,

    .. math:: (a, w) = \arg\max_{\|a\| = \|w\| = 1} a^\top U w,

    and item i is answered by the sign of :math:`a_i \propto \sum_j u_{ij} w_j`. The overall
    sign is the one that agrees with the votes in sum, :math:`a^\top U 1 \ge 0`.

    With more than two classes, the order of the classes matters: K - 1 questions ("is the
    class above c?") are answered one by one, and the first one answered no decides. This
    suits ordinal classes only; renaming classes in another order changes the outcome.

    It fails when classes are unequal or annotators biased: the leading direction is then the
    habit of saying the commoner class (`KOS` with ``method="svd"`` takes column means away).

    Parameters
    ----------
    unknown_annotators : {"prior", "ignore", "error"}
        In `predict_proba`: votes by annotators who were not in the fit get the mean weight,
        do not count, or are refused.
    ties : {"prior", "first", "random"}
        See `aggregate.fusion.decide`.
    n_jobs : int, optional
        Threads; -1 for all processors.
    random_state : int or Generator, optional
        Seed of random ties.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    annotator_weight_ : ndarray of shape (K - 1, M)
        Weight of each annotator on each question, of unit length.
    offset_ : ndarray of shape (K - 1,)
        Zeros.
    annotator_skill_ : ndarray of shape (M,)
        Mean soft label that an annotator's labels received.
    class_prior_ : ndarray of shape (K,)
        Mean of the soft labels.
    probas_ : ndarray of shape (N, K)
    labels_ : ndarray of shape (N,)

    References
    ----------
    A. Ghosh, S. Kale and P. McAfee, Who moderates the moderators? Crowdsourcing abuse
    detection in user-generated content, EC 2011, pages 167-176, section 3.

    Examples
    --------
    >>> from aggregate import GhoshSVD
    >>> votes = [[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 0], [1, 1, 1]]
    >>> GhoshSVD().fit(votes).labels_
    array([0, 1, 0, 1, 1])
    """

    def __init__(
        self,
        *,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _direction(self, votes: Annotations) -> Direction | None:
        table = signed_table(votes)
        weight = leading_eigenvector(lambda x: table.T @ (table @ x), votes.n_annotators)
        if weight is None:
            return None
        agrees = (table @ weight) @ np.asarray(table.sum(axis=1))
        return Direction(-weight if agrees < 0 else weight)
