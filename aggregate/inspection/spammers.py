"""Who guesses, who answers against the truth, who copies: annotators worth a second look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._validation import check_number, first_few
from aggregate.annotations import Annotations
from aggregate.inspection._dependence_facts import DependenceReport, DependentPairs
from aggregate.inspection._fitted import fitted_model
from aggregate.inspection.dependence import dependence_report
from aggregate.inspection.pooled_test import direction_p_value, pooled_test
from aggregate.models._responses import answers_to

Float = NDArray[np.float64]

_HALF = 0.5**0.5  # of the correlation: half of the information


def spammer_scores(confusion: Float) -> Float:
    r"""Return how far each annotator is from a spammer: 0 for one, 1 for the perfect.

    .. math:: S_j = \frac{1}{K (K - 1)} \sum_{k < k'} \sum_y (A_j[k, y] - A_j[k', y])^2

    A spammer's labels do not depend on the truth k: all rows of the confusion matrix
    :math:`A_j` are alike. With two classes this is the square of sensitivity + specificity - 1;
    an adversary who swaps classes scores as high as an expert, since the labels say as much.
    Confusions shrunk to a prior or fitted to few labels lie above 0 even for a spammer.

    Parameters
    ----------
    confusion : ndarray of shape (M, K, K)
        Truth in the rows.

    Returns
    -------
    ndarray of shape (M,)

    References
    ----------
    V. C. Raykar and S. Yu, Eliminating spammers and ranking annotators for crowdsourced
    labeling tasks, Journal of Machine Learning Research 13:491-518, 2012.

    Examples
    --------
    >>> spammer_scores(np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.7, 0.3], [0.7, 0.3]]]))
    array([1., 0.])
    """
    n_classes = confusion.shape[1]
    if n_classes == 1:
        return np.zeros(len(confusion))
    # The sum over pairs of rows is K times the sum of squared distances from their mean.
    spread = np.square(confusion - confusion.mean(axis=1, keepdims=True)).sum(axis=(1, 2))
    return np.asarray(spread / (n_classes - 1))


def expected_cost_quality(
    confusion: Float, class_prior: Float, costs: ArrayLike | None = None
) -> Float:
    r"""Return the share of a spammer's cost that each annotator saves: 1 perfect, 0 a spammer.

    A label y by annotator j turns into the soft label
    :math:`p_k \propto \pi_k A_j[k, y]`; deciding by drawing from it costs
    :math:`\sum_{k, l} p_k p_l c_{kl}` on average. The expected cost over y, divided by that of a
    spammer (whose soft label is the prior :math:`\pi`), is what quality takes from 1. Biases that
    can be undone, even swapped classes, cost nothing.

    Parameters
    ----------
    confusion : ndarray of shape (M, K, K)
        Truth in the rows.
    class_prior : ndarray of shape (K,)
    costs : array-like of shape (K, K), optional
        ``costs[k, l]`` of deciding l when the truth is k; 1 for any mistake by default.

    Returns
    -------
    ndarray of shape (M,)

    References
    ----------
    P. G. Ipeirotis, F. Provost and J. Wang, Quality management on Amazon Mechanical Turk,
    Human Computation Workshop 2010.

    Examples
    --------
    >>> swapped, guesses = [[0.0, 1.0], [1.0, 0.0]], [[0.5, 0.5], [0.5, 0.5]]
    >>> expected_cost_quality(np.array([swapped, guesses]), np.array([0.5, 0.5]))
    array([1., 0.])
    """
    n_classes = len(class_prior)
    table = 1 - np.eye(n_classes) if costs is None else np.asarray(costs, dtype=np.float64)
    if table.shape != (n_classes, n_classes) or not np.isfinite(table).all():
        raise ValueError(
            f"costs must be a finite table of shape {(n_classes, n_classes)}, truth in the rows; "
            f"got shape {table.shape}."
        )
    joint = class_prior[:, np.newaxis] * confusion  # [j, k, y]
    given = joint.sum(axis=1)
    cost = np.einsum("jky,kl,jly->jy", joint, table, joint)
    cost = np.divide(cost, given, out=np.zeros_like(cost), where=given > 0).sum(axis=1)
    of_spammer = float(class_prior @ table @ class_prior)
    return 1 - cost / of_spammer if of_spammer > 0 else np.zeros(len(confusion))


@dataclass(frozen=True, eq=False)
class SpammerReport:
    """What `spammer_report` returns; printing it gives a few lines.

    Attributes
    ----------
    annotators : ndarray of shape (M,)
    n_labels : ndarray of shape (M,)
        Labels on items that others labelled too.
    score : ndarray of shape (M,)
        See `spammer_scores`.
    quality : ndarray of shape (M,)
        See `expected_cost_quality`.
    p_value : ndarray of shape (M,)
        Chance of following the others so closely by guessing; see `pooled_test`.
    missed : ndarray of shape (M,)
        Chance that somebody half as informative as is typical, with as many labels, would be
        called a spammer.
    direction : ndarray of shape (M,)
        Agreement beyond chance, in standard errors.
    spammers, adversaries : ndarray
        Annotators whose labels do not depend on the items; who contradict the others.
    dependence : DependenceReport
        What `dependence_report` says of the same votes, at the same level.
    level : float
        The rate of false alarms that was asked for.
    """

    annotators: NDArray[Any]
    n_labels: Float
    score: Float
    quality: Float
    p_value: Float
    missed: Float
    direction: Float
    spammers: NDArray[Any]
    adversaries: NDArray[Any]
    dependence: DependenceReport
    level: float

    @property
    def colluders(self) -> list[tuple[Any, Any]]:
        """Pairs who copy or collude: those of the report on dependence."""
        return self.dependence.copiers

    @property
    def pairs(self) -> DependentPairs:
        """All pairs that were compared."""
        return self.dependence.pairs

    @property
    def group(self) -> NDArray[np.int32]:
        """Group of each annotator among those who copy or collude, -1 for the others."""
        return self.dependence.group

    def __str__(self) -> str:
        """Tell it in a few lines."""
        judged = int(((self.missed <= self.level) | (self.p_value < self.level)).sum())
        lines = [
            f"annotators with enough labels to judge: {judged:,} of {len(self.annotators):,}",
            f"spammers, whose labels do not depend on the item: {_count(self.spammers)}",
            f"adversaries, who contradict the others: {_count(self.adversaries)}",
            f"pairs who agree more than chance explains: {_count(self.colluders)}",
        ]
        if len(self.quality):
            low, middle = np.quantile(self.quality, [0.1, 0.5])
            lines.append(f"share of a spammer's cost saved: median {middle:.0%}, tenth {low:.0%}")
        lines.append(f"false alarms at most: {self.level:.0%} (see SpammerReport)")
        return "\n".join(lines)


def spammer_report(
    annotations: Annotations,
    model: Any = None,
    *,
    level: float = 0.05,
    min_shared: int = 20,
    costs: ArrayLike | None = None,
    n_jobs: int | None = None,
) -> SpammerReport:
    """Look for annotators who guess, contradict or copy.

    An annotator is called a *spammer* if the labels follow the others no more than chance does
    (`pooled_test`, not even at ``level``: a spammer escapes with that probability), and there
    are enough of them, on items of enough variety, that somebody half as informative as is
    typical would be called so with probability at most ``level``; else nothing is said. An
    *adversary* contradicts the others so clearly that anybody is accused falsely with
    probability at most ``level`` (Bonferroni over annotators). *Colluders* are the pairs that
    `dependence_report` finds at the same level.

    It fails where spammers or adversaries are the majority, as all measures are relative to the
    others. Whoever is found is a question to ask, not a verdict.

    Parameters
    ----------
    annotations : Annotations
    model : aggregator with ``confusion_``, optional
        Fitted to the annotations, or to be fitted; `DawidSkene` by default.
    level : float, default=0.05
        Rate of false alarms.
    min_shared : int, default=20
        Common items that make a pair comparable.
    costs : array-like of shape (K, K), optional
        For the quality.
    n_jobs : int, optional
        Threads.

    Returns
    -------
    SpammerReport

    Raises
    ------
    TypeError
        If the model has no confusions.
    ValueError
        If it was fitted to other annotators.

    Examples
    --------
    >>> from aggregate import simulate_annotations, spammer_report
    >>> confusion = np.full((12, 2, 2), [[0.9, 0.1], [0.2, 0.8]])
    >>> confusion[0] = 0.5
    >>> confusion[1] = confusion[1][::-1]
    >>> crowd = simulate_annotations(
    ...     400, 12, 2, labels_per_item=6, confusion=confusion, random_state=0
    ... )
    >>> print(spammer_report(crowd.annotations))
    annotators with enough labels to judge: 12 of 12
    spammers, whose labels do not depend on the item: 1 (0)
    adversaries, who contradict the others: 1 (1)
    pairs who agree more than chance explains: none
    share of a spammer's cost saved: median ..., tenth ...
    false alarms at most: 5% (see SpammerReport)
    """
    check_number("level", level, low=0, high=1, low_open=True)
    check_number("min_shared", min_shared, low=1, integer=True)
    fitted = fitted_model(model, annotations, "spammer_report")
    dependence = dependence_report(
        annotations, fitted, level=level, min_shared=min_shared, n_jobs=n_jobs
    )
    soft, annotations = fitted.predict_proba(annotations), answers_to(fitted, annotations)
    test = pooled_test(annotations)
    missed = test.missed(level, _HALF, _variety(annotations, soft))
    guesses = (test.p_value >= level) & (missed <= level)
    tested = max(int((test.n_labels > 0).sum()), 1)
    against = direction_p_value(test.direction) < level / tested
    names = annotations.annotators
    return SpammerReport(
        annotators=names,
        n_labels=test.n_labels,
        score=spammer_scores(fitted.confusion_),
        quality=expected_cost_quality(fitted.confusion_, fitted.class_prior_, costs),
        p_value=test.p_value,
        missed=missed,
        direction=test.direction,
        spammers=names[guesses & ~against],
        adversaries=names[against],
        dependence=dependence,
        level=level,
    )


def _variety(annotations: Annotations, soft: Float) -> Float:
    """Return how much the soft labels vary over each annotator's items: their total variance."""
    n_annotators, annotator = annotations.n_annotators, annotations.annotator
    n_labels = np.maximum(annotations.labels_per_annotator, 1)
    total = np.zeros(n_annotators)
    for k in range(soft.shape[1]):
        share = soft[annotations.item, k]
        mean = np.bincount(annotator, share, minlength=n_annotators) / n_labels
        total += np.bincount(annotator, share**2, minlength=n_annotators) / n_labels - mean**2
    return np.maximum(total, 0)


def _count(found: Any) -> str:
    return f"{len(found):,} ({first_few(found, most=3)})" if len(found) else "none"
