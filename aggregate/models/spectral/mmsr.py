"""M-MSR: skills from trimmed means of agreement ratios, which adversaries cannot drag along."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.kernels.triplets import trimmed_means
from aggregate.models.voting._agreement import PairTable, agreement_table, fit_rank_one
from aggregate.models.voting._coins import Coins, OneCoinModel

Float = NDArray[np.float64]

_UNWEIGHTED = np.empty(0)
_WHOLE_STEPS = 10
_LEAST = 1e-3  # a skill of zero explains nothing and cannot be divided by


class MMSR(OneCoinModel):
    r"""Soft labels from skills that survive the removal of each annotator's extreme partners.

    Annotators are right with probability :math:`p_j` and otherwise say any of the other K - 1
    classes. Their chance-corrected agreement,

    .. math::

        c_{jl} = \frac{K \, P(y_j = y_l) - 1}{K - 1} = s_j s_l, \qquad
        s_j = \frac{K p_j - 1}{K - 1},

    has rank one, whatever the class prior. The sizes :math:`u_j v_l \approx |s_j s_l|` are
    found in turn: :math:`u_j` is the mean of the ratios :math:`|c_{jl}| / v_l` over j's
    partners l, after removing up to :math:`F_j` of those above the current value and up to
    :math:`F_j` of those below. The signs are those of the least-squares fit of
    `LogOddsVote` (the published eigenvector sits on the densest corner of a sparse graph and
    says nothing about the rest). The votes are then weighted by the log odds of :math:`p_j`.

    Colluders and adversaries among an annotator's partners are tolerated as long as there are
    at most :math:`F_j`. Here :math:`F_j` is a share of j's own number of partners (one number
    for all, as published, is that of the least connected annotator and vanishes on sparse
    graphs); ratios keep their sign relative to that fit, so that noise averages out
    instead of counting as agreement; and they are weighted by how much is known of the pair.

    It fails where annotators have habits rather than one accuracy, and on graphs so sparse
    that a pair has hardly any item in common.

    Parameters
    ----------
    trim : float, default=0.25
        Share of an annotator's partners that may be removed at either end, from 0 to 0.5.
    weighted : bool, default=True
        Weigh ratios by labels in common; False is the published plain mean.
    max_iter : int, default=1000
        Most rounds.
    tol : float, default=1e-4
        Stop when no size changes by more.
    class_prior : "uniform", "learned", array of shape (K,) or mapping class -> probability
        How often each class is true.
    annotator_correlation : float, default=0.4
        ρ of `aggregate.fusion.posterior`; it changes no label.
    unknown_annotators : {"prior", "ignore", "error"}
        In `predict_proba`: labels by annotators who were not in the fit count with the mean
        accuracy, do not count, or are refused.
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
    confusion_ : ndarray of shape (M, K, K)
        ``confusion_[j, k, y]`` = P(annotator j says y | truth k).
    class_prior_ : ndarray of shape (K,)
    annotator_skill_ : ndarray of shape (M,)
        The accuracies :math:`p_j`, kept half a label away from 0 and 1.
    probas_ : ndarray of shape (N, K)
    labels_ : ndarray of shape (N,)
    n_iter_ : int
    converged_ : bool

    References
    ----------
    Q. Ma and A. Olshevsky, Adversarial crowdsourcing through robust rank-one matrix
    completion, NeurIPS 2020, algorithm 1.

    Examples
    --------
    >>> from aggregate import MMSR, simulate_annotations
    >>> crowd = simulate_annotations(500, 12, 3, labels_per_item=6, random_state=0)
    >>> model = MMSR().fit(crowd.annotations)
    >>> bool((model.labels_ == crowd.truth).mean() > 0.9)
    True
    """

    def __init__(
        self,
        *,
        trim: float = 0.25,
        weighted: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-4,
        class_prior: Any = "uniform",
        annotator_correlation: float = 0.4,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.trim = trim
        self.weighted = weighted
        self.max_iter = max_iter
        self.tol = tol
        self.class_prior = class_prior
        self.annotator_correlation = annotator_correlation
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _learn_accuracies(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Coins:
        check_number("trim", self.trim, low=0, high=0.5)
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("tol", self.tol, low=0)
        n_classes = annotations.n_classes
        if n_classes == 1:
            return Coins(np.ones(annotations.n_annotators))
        pairs = agreement_table(annotations)
        sign = np.where(fit_rank_one(pairs).skill < 0, -1.0, 1.0)
        size, n_iter, moved = self._sizes(pairs, sign)
        converged = moved <= self.tol
        if not converged and self.tol > 0:
            warnings.warn(
                f"the skills still moved by {moved:.1g} after max_iter={self.max_iter} rounds; "
                "raise max_iter or tol.",
                ConvergenceWarning,
                stacklevel=6,
            )
        skill = np.maximum(sign * size, -1 / (n_classes - 1))
        return Coins(((n_classes - 1) * skill + 1) / n_classes, n_iter, converged)

    def _sizes(self, pairs: PairTable, sign: Float) -> tuple[Float, int, float]:
        """Return the size of every skill, the rounds, and by how much the last one moved them."""
        n_partners = np.diff(pairs.pointers)
        room = np.empty(n_partners.max(initial=0)), np.empty(n_partners.max(initial=0))
        n_trim = np.floor(self.trim * n_partners).astype(np.int64)
        matched = sign[pairs.first] * sign[pairs.partner] * pairs.value
        weight = pairs.shared if self.weighted else _UNWEIGHTED
        shared = pairs.shared.sum()
        start = np.sqrt(max((pairs.shared * matched).sum() / shared, 0.01)) if shared > 0 else 0.1
        size = np.full(len(n_partners), start)

        def update(other: Float, current: Float) -> Float:
            out = np.empty_like(other)
            trimmed_means(
                pairs.pointers, pairs.partner, weight, matched, other, current, n_trim, *room, out
            )
            return np.clip(out, _LEAST, 1.0)

        n_iter, moved = 0, np.inf
        while moved > self.tol and n_iter < self.max_iter:
            one = update(size, size)
            following = np.sqrt(update(one, size) * one)  # the two sides, scale shared out
            moved = float(abs(following - size).max(initial=0.0))
            # Ever shorter steps: which partners are cut depends on the value itself, and
            # whole steps may go round in circles for good.
            n_iter += 1
            size = size + (following - size) / max(1.0, n_iter / _WHOLE_STEPS)
            moved /= max(1.0, n_iter / _WHOLE_STEPS)
        return np.where(n_partners > 0, size, start), n_iter, moved
