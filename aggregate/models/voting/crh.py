"""CRH, also called PM: weights that fall with the logarithm of an annotator's losses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_choice, check_number
from aggregate.annotations import Annotations
from aggregate.models.voting._iterated_vote import IteratedVote
from aggregate.models.voting._voting import Weights

Float = NDArray[np.float64]


class CRH(IteratedVote):
    r"""Soft labels from a vote whose weights are minus the log of each annotator's loss.

    Truths :math:`t_i` and weights :math:`w_j` minimise, in turn,

    .. math::

        \sum_j w_j L_j, \qquad L_j = \sum_{e \in j} [y_e \ne t_{i_e}],
        \qquad \text{subject to} \quad \sum_j e^{-w_j} = 1,

    where the inner sum runs over the labels e of annotator j, :math:`y_e` is the label and
    :math:`i_e` its item. With the weights given, the best truth is the winner of the weighted
    vote; with the truths given, the best weights are :math:`w_j = -\log (L_j / \sum_l L_l)`.
    The largest loss may stand for the sum (``scale="max"``, the worst annotator then does not
    count), and the share of wrong labels for their number (``loss="mean"``).

    As published, with the sum of losses, an annotator with few labels has a small loss and
    hence a large weight, however bad: use it only where all annotators label alike. It fails
    where a majority of the votes is wrong, and where annotators make systematic mistakes.

    Parameters
    ----------
    loss : {"mean", "sum"}, default="mean"
        Share or number of wrong labels.
    scale : {"max", "total"}, default="max"
        What losses are divided by before the logarithm.
    smoothing : float, default=0.5
        Wrong labels that everybody is charged beforehand, so that no weight is infinite (of
        twice as many labels, where shares count). The published code has ``loss="sum"`` and
        a value near 0.
    max_iter : int, default=100
        Most rounds.
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
    annotator_weight_ : ndarray of shape (M,)
        Weights of the last vote.
    annotator_skill_ : ndarray of shape (M,)
        Mean share of the weighted votes that an annotator's labels received.
    class_prior_ : ndarray of shape (K,)
    probas_ : ndarray of shape (N, K)
    labels_ : ndarray of shape (N,)
    n_iter_ : int
        Rounds.
    converged_ : bool

    References
    ----------
    Q. Li, Y. Li, J. Gao, B. Zhao, W. Fan and J. Han, Resolving conflicts in heterogeneous data
    by truth discovery and source reliability estimation, SIGMOD 2014, pages 1187-1198,
    equations 1 to 5.

    Examples
    --------
    >>> from aggregate import CRH
    >>> votes = [[0, 0, 1, 1], [1, 1, 0, 1], [0, 0, 0, 1], [1, 1, 0, 0]]
    >>> CRH().fit(votes).annotator_weight_.round(2)
    array([1.95, 1.95, 0.  , 0.  ])
    """

    def __init__(
        self,
        *,
        loss: str = "mean",
        scale: str = "max",
        smoothing: float = 0.5,
        max_iter: int = 100,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.loss = loss
        self.scale = scale
        self.smoothing = smoothing
        self.max_iter = max_iter
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _learn_weights(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Weights:
        check_choice("loss", self.loss, ("mean", "sum"))
        check_choice("scale", self.scale, ("max", "total"))
        check_number("smoothing", self.smoothing, low=0, low_open=True)
        return super()._learn_weights(annotations, gold)

    def _weigh(self, loss: Float, given: Float) -> Float:
        charged = loss + self.smoothing
        if self.loss == "mean":
            charged /= given + 2 * self.smoothing
        whole = charged.max(initial=0.0) if self.scale == "max" else charged.sum()
        return np.asarray(np.maximum(-np.log(charged / whole), 0.0))
