"""Triangular estimation: each skill from the one triangle of annotators that shows it best."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.models.spectral._triplets import triplets
from aggregate.models.voting._agreement import agreement_table, fit_rank_one
from aggregate.models.voting._coins import Coins, OneCoinModel

Float = NDArray[np.float64]


class TriangularEstimation(OneCoinModel):
    r"""Soft labels from skills read off single triangles of annotators.

    Annotators are right with probability :math:`p_j` and otherwise say any of the other K - 1
    classes. Their chance-corrected agreement is
    :math:`c_{jl} = (K P(y_j = y_l) - 1) / (K - 1) = s_j s_l` with
    :math:`s_j = (K p_j - 1) / (K - 1)`, whatever the class prior, so any two partners a, b
    who share items with j and with each other give

    .. math:: |s_j| = \sqrt{|c_{ja} c_{jb} / c_{ab}|}.

    Each skill is taken from the triangle with the largest :math:`|c_{ab}| \sqrt{n}`, where n is
    the smallest number of labels that two of the three have in common: where all have as
    many, the published rule. The published signs (those of one pivotal annotator's
    agreements) need everybody to share items with the pivot; here they are those of the
    least-squares fit of `LogOddsVote`. The votes are then weighted by the log odds of :math:`p_j`.

    With K = 2 this is the published estimator, whose worst-case error is the smallest
    possible up to a constant. It uses one triangle and throws the rest away, so it needs
    many items per pair; it fails on sparse graphs (`LogOddsVote` fits all pairs), where
    annotators have habits rather than one accuracy, and where most are worse than chance.
    Annotators in no triangle get the skill that fits their pairs best.

    Parameters
    ----------
    most_partners : int, default=50
        Partners of an annotator that are combined in triangles.
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

    References
    ----------
    T. Bonald and R. Combes, A minimax optimal algorithm for crowdsourcing, NIPS 2017,
    section 4, equations 3 to 5.

    Examples
    --------
    >>> from aggregate import TriangularEstimation, simulate_annotations
    >>> crowd = simulate_annotations(1000, 8, 2, labels_per_item=6, random_state=0)
    >>> model = TriangularEstimation().fit(crowd.annotations)
    >>> bool((model.labels_ == crowd.truth).mean() > 0.9)
    True
    """

    def __init__(
        self,
        *,
        most_partners: int = 50,
        class_prior: Any = "uniform",
        annotator_correlation: float = 0.4,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.most_partners = most_partners
        self.class_prior = class_prior
        self.annotator_correlation = annotator_correlation
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _learn_accuracies(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Coins:
        check_number("most_partners", self.most_partners, low=2, integer=True)
        n_classes = annotations.n_classes
        if n_classes == 1:
            return Coins(np.ones(annotations.n_annotators))
        pairs = agreement_table(annotations)
        skill = fit_rank_one(pairs).skill
        sign = np.where(skill < 0, -1.0, 1.0)
        for j, squares, weight in triplets(pairs, self.most_partners):
            if len(squares):
                best = weight >= weight.max() * (1 - _TIED)  # the mean of those that tie
                size = np.sqrt(abs(squares[best])).mean()
                skill[j] = sign[j] * min(size, 1.0)
        skill = np.maximum(skill, -1 / (n_classes - 1))
        return Coins(((n_classes - 1) * skill + 1) / n_classes)


_TIED = 1e-9
