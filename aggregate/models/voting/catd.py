"""CATD: weights from the confidence interval of each annotator's error, for long tails."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.models.voting._iterated_vote import IteratedVote
from aggregate.models.voting._voting import Weights

Float = NDArray[np.float64]


class CATD(IteratedVote):
    r"""Soft labels from a vote that trusts an annotator as far as the labels seen allow.

    Take the error of annotator j as normal with mean 0 and variance :math:`\sigma_j^2`. A
    share :math:`1 - \alpha` confidence interval of that variance ends at

    .. math:: u_j = \frac{L_j}{\chi^2_{\alpha/2}(n_j)}, \qquad w_j = 1 / u_j,

    where :math:`n_j` is the number of j's labels, :math:`L_j` how many of them lose the
    weighted vote, and :math:`\chi^2_q(n)` the quantile q of the chi-square distribution with
    n degrees of freedom. Weighting by the inverse of the interval's upper end keeps
    annotators with a handful of labels small, whom the plain error would make kings. Votes
    and weights are computed in turn until no winner changes.

    It fails where a majority of the votes is wrong and where annotators make systematic
    mistakes; a careful annotator with few labels counts little by design.

    Parameters
    ----------
    significance : float, default=0.05
        :math:`\alpha`; smaller trusts annotators with few labels less.
    smoothing : float, default=0.5
        Wrong labels that everybody is charged beforehand (the published code: 1e-9).
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
    Q. Li, Y. Li, J. Gao, L. Su, B. Zhao, M. Demirbas, W. Fan and J. Han, A confidence-aware
    approach for truth discovery on long-tail data, Proceedings of the VLDB Endowment
    8(4):425-436, 2014, equation 9.

    Examples
    --------
    >>> from aggregate import CATD
    >>> votes = [[0, 0, 1, -1], [1, 1, 0, -1], [0, 0, 0, 0], [1, 1, 0, -1], [0, 0, 0, -1]]
    >>> weight = CATD().fit(votes).annotator_weight_
    >>> bool(weight[0] > weight[2]), bool(weight[0] > weight[3])  # the last gave one label
    (True, True)
    """

    def __init__(
        self,
        *,
        significance: float = 0.05,
        smoothing: float = 0.5,
        max_iter: int = 100,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.significance = significance
        self.smoothing = smoothing
        self.max_iter = max_iter
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _learn_weights(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Weights:
        check_number("significance", self.significance, low=0, high=1, low_open=True)
        check_number("smoothing", self.smoothing, low=0, low_open=True)
        return super()._learn_weights(annotations, gold)

    def _weigh(self, loss: Float, given: Float) -> Float:
        return np.asarray(chi2.ppf(self.significance / 2, given) / (loss + self.smoothing))
