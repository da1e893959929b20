"""Who is who: everything that votes, gold, times and order tell about each annotator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv
from sklearn.base import clone

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.inspection._annotator_report import AnnotatorReport
from aggregate.inspection._bias import bias_of, over_reported
from aggregate.inspection._entries import per_entry
from aggregate.inspection._estimates import Estimates, Uncertainty
from aggregate.inspection._likelihood import check_same_votes
from aggregate.inspection.costs import annotator_costs, label_worth
from aggregate.inspection.drift import DriftTest, drift_test
from aggregate.inspection.error_bars import has_error_bars, uncertainty
from aggregate.inspection.spammers import SpammerReport, spammer_report
from aggregate.inspection.speed import labelling_speed
from aggregate.models import DawidSkene
from aggregate.models._gold import gold_codes, score_on_gold
from aggregate.models._responses import answers_to

Float = NDArray[np.float64]

FEWEST = 10
"""Labels on items that others labelled too, or that have gold, below which nobody is judged."""


def annotator_report(
    annotations: Annotations,
    model: Any = None,
    *,
    gold: Any = None,
    times: Any = None,
    order: Any = None,
    costs: ArrayLike | None = None,
    level: float = 0.95,
    max_width: float = 0.3,
    errors: Uncertainty | None = None,
    n_jobs: int | None = None,
) -> AnnotatorReport:
    r"""Tell of each annotator what the data tell: skill, bias, worth, speed, drift, good faith.

    *Skill* is the chance of being right, with the interval of `uncertainty`, and beside it the
    share of right labels on gold items with Jeffreys' interval. Who has an interval wider than
    ``max_width``, or fewer than 10 labels that others or gold check, is *unknown*; whose
    interval leaves out the median annotator is *better* or *worse*, which is said falsely of
    somebody typical about once in ``1 / (1 - level)`` times. Spammers and adversaries are those
    of `spammer_report`.

    *Effective labels* are the labels times the share of the doubt about a class that one of them
    removes (`label_worth`). *Bias* is how much more often a class is said than it is true,
    :math:`b_j(y) = \sum_k \pi_k A_j[k, y] - \pi_y`; one is *over-reported* where its bias is above
    0 at ``1 - level``, Bonferroni over annotators and classes. *Drift* (`drift_test`) is called
    at ``1 - level``, Bonferroni over annotators; *speed* by `labelling_speed`.

    Everything but gold is relative to the others: it fails where most of the crowd errs alike.
    Intervals assume that annotators err independently given the class.

    Parameters
    ----------
    annotations : Annotations
    model : aggregator with ``confusion_``, optional
        Fitted to the annotations, or to be fitted; `DawidSkene` by default.
    gold : mapping or array-like, optional
        Known truths. A model that is fitted already should have been fitted with them.
    times : array-like of shape (E,), mapping, or three columns, optional
        Seconds spent on each label: in the order of the entries of the annotations; by (item,
        annotator); or columns (items, annotators, seconds) of the table the votes came from.
    order : as ``times``, optional
        When each label was given: dates, or numbers that rise.
    costs : array-like of shape (K, K), optional
        ``costs[k, d]`` of deciding d when the truth is k; 1 for any mistake by default.
    level : float, default=0.95
        Coverage of intervals; tests are made at ``1 - level``.
    max_width : float, default=0.3
        Width of the interval of a skill from which nothing is said of it.
    errors : Uncertainty, optional
        Error bars by the bootstrap, say, of the same ``level``. By default those of the
        observed information where the model, or a member of `Auto`, has one (see `uncertainty`),
        else they are unknown.
    n_jobs : int, optional
        Threads.

    Returns
    -------
    AnnotatorReport

    Raises
    ------
    TypeError
        If the model has no confusions.
    ValueError
        If the model or the error bars are those of other annotators or classes, or times, order
        or costs do not fit.

    Examples
    --------
    >>> from aggregate import annotator_report, simulate_annotations
    >>> confusion = np.full((12, 2, 2), [[0.8, 0.2], [0.2, 0.8]])
    >>> confusion[0] = 0.5
    >>> confusion[1] = [[0.98, 0.02], [0.03, 0.97]]
    >>> confusion[2] = [[0.95, 0.05], [0.55, 0.45]]
    >>> crowd = simulate_annotations(
    ...     400, 12, 2, labels_per_item=6, confusion=confusion, random_state=3
    ... )
    >>> print(annotator_report(crowd.annotations))
    12 annotators gave 2,400 labels, worth ... certain ones
    right 0... to 0..., median 0...; 95% intervals by information
    adversaries, who contradict the others: none
    spammers, whose labels do not depend on the item: 1 (0)
    worse than the median annotator: 1 (2)
    better: 1 (1)
    unknown, for want of labels: none
    over-report a class: 1 (2)
    suspiciously fast: unknown without times=
    drifting: unknown without order=
    """
    check_number("level", level, low=0, high=1 - 1e-9, low_open=True)
    check_number("max_width", max_width, low=0, high=1)
    gold = _read_once(gold, annotations)
    fitted = _fitted(model, annotations, gold)
    suspects = spammer_report(annotations, fitted, level=1 - level, costs=costs, n_jobs=n_jobs)
    answers, prior = answers_to(fitted, annotations), fitted.class_prior_
    errors = _errors(fitted, annotations, gold, level, errors)
    given, correct = score_on_gold(answers, gold_codes(gold, answers))
    checked = suspects.n_labels + given  # labels that others, or gold, say anything about
    skill, confusion, bias = _estimates(fitted, errors, level, checked == 0)
    telling = (checked >= FEWEST) & (len(prior) > 1)
    worth = label_worth(fitted.confusion_, prior, _variance(errors))
    cost, cost_without = annotator_costs(fitted.confusion_, prior, costs)
    drift = None if order is None else _drift(annotations, answers, fitted, order, gold)
    return AnnotatorReport(
        annotators=annotations.annotators,
        classes=fitted.classes_,
        level=level,
        intervals="unknown" if errors is None else errors.method,
        n_labels=answers.labels_per_annotator,
        worth=worth,
        effective_labels=answers.labels_per_annotator * worth,
        skill=skill,
        standing=_standing(skill, suspects, max_width, telling),
        gold_given=given,
        gold_correct=correct,
        gold_skill=jeffreys_intervals(correct, given, level),
        confusion=confusion,
        bias=bias,
        over_reported=over_reported(bias, fitted.classes_, level, telling),
        cost=cost,
        cost_without=cost_without,
        quality=suspects.quality,
        suspects=suspects,
        speed=None if times is None else labelling_speed(annotations, times),
        drift=drift,
        drifting=_drifting(drift, len(given), level),
    )


def _read_once(gold: Any, annotations: Annotations) -> NDArray[Any] | None:
    """Return the class of each item, None where it is unknown: what is odd is told but once."""
    codes = gold_codes(gold, annotations)
    if codes is None:
        return None
    known = np.full(annotations.n_items, None, dtype=object)
    known[codes >= 0] = annotations.classes[codes[codes >= 0]].tolist()
    return known


def _fitted(model: Any, annotations: Annotations, gold: Any) -> Any:
    fitted = DawidSkene() if model is None else model
    if not hasattr(fitted, "classes_"):
        fitted = clone(fitted).fit(annotations, gold=gold)
    return fitted


def _drift(
    annotations: Annotations, answers: Annotations, fitted: Any, order: Any, gold: Any
) -> DriftTest:
    """Test for drift, with the places of abstentions left out."""
    place = per_entry("order", order, annotations)
    if answers.n_annotations < annotations.n_annotations:
        place = place[annotations.classes[annotations.label] != fitted.abstention]
    return drift_test(answers, fitted, place, gold=gold)


def _errors(
    fitted: Any, annotations: Annotations, gold: Any, level: float, errors: Uncertainty | None
) -> Uncertainty | None:
    """Return the error bars, None where the model has none that are cheap."""
    if errors is None:
        if not has_error_bars(fitted):
            return None
        return uncertainty(fitted, annotations, level=level, gold=gold, n_draws=0)
    check_same_votes(fitted, annotations)
    alike = np.array_equal(errors.annotators, fitted.annotators_)
    if not alike or not np.array_equal(errors.classes, fitted.classes_):
        raise ValueError(
            "errors= are those of other annotators or classes; take them of the same model and "
            "annotations."
        )
    if errors.level != level:
        raise ValueError(f"errors= have the level {errors.level}, not {level}; pass one of them.")
    return errors


def _estimates(
    fitted: Any, errors: Uncertainty | None, level: float, unchecked: NDArray[np.bool_]
) -> tuple[Estimates, Estimates, Estimates]:
    """Return skills, confusions and biases; intervals of those whom nothing checks hold all."""
    bias = bias_of(fitted.confusion_, fitted.class_prior_, errors, level)
    if errors is None:
        skill, confusion = _unknown(fitted.annotator_skill_), _unknown(fitted.confusion_)
    else:
        skill, confusion = errors.skill, errors.confusion
    return (
        _vacuous(skill, unchecked, 0.0),
        _vacuous(confusion, unchecked, 0.0),
        _vacuous(bias, unchecked, -1.0),
    )


def _variance(errors: Uncertainty | None) -> Float | None:
    return None if errors is None else np.square(errors.confusion.standard_error)


def _unknown(value: Float) -> Estimates:
    nothing = np.full(value.shape, np.nan)
    return Estimates(value, nothing, np.zeros(value.shape), np.ones(value.shape))


def _vacuous(estimates: Estimates, unknown: NDArray[np.bool_], low: float) -> Estimates:
    """Return estimates whose intervals hold everything where nothing checks them."""
    which = unknown.reshape(-1, *(1,) * (estimates.value.ndim - 1))
    return Estimates(
        estimates.value,
        np.where(which, np.nan, estimates.standard_error),
        np.where(which, low, estimates.low),
        np.where(which, 1.0, estimates.high),
    )


def _standing(
    skill: Estimates, suspects: SpammerReport, max_width: float, telling: NDArray[np.bool_]
) -> NDArray[Any]:
    middle = np.median(skill.value) if len(skill.value) else 0.0
    words = np.full(len(skill.value), "typical", dtype=object)
    words[skill.low > middle] = "better"
    words[skill.high < middle] = "worse"
    words[(skill.high - skill.low > max_width) | ~telling] = "unknown"
    for word, names in (("spammer", suspects.spammers), ("adversary", suspects.adversaries)):
        accused = set(names.tolist())
        words[[name in accused for name in suspects.annotators.tolist()]] = word
    return words


def _drifting(drift: DriftTest | None, n_annotators: int, level: float) -> NDArray[np.bool_]:
    if drift is None:
        return np.zeros(n_annotators, dtype=np.bool_)
    tested = max(int((~np.isnan(drift.p_value)).sum()), 1)
    return drift.p_value < (1 - level) / tested


def jeffreys_intervals(correct: NDArray[np.int64], given: NDArray[np.int64], level: float) -> Any:
    """Return shares of right labels with the interval of Jeffreys' prior.

    References
    ----------
    L. D. Brown, T. T. Cai and A. DasGupta, Interval estimation for a binomial proportion,
    Statistical Science 16(2):101-133, 2001, section 3.1.2 and equation (10).

    Examples
    --------
    >>> found = jeffreys_intervals(np.array([9, 4, 0]), np.array([10, 4, 0]), 0.95)
    >>> found.low.round(3), found.high.round(3)
    (array([0.619, 0.555, 0.   ]), array([0.989, 1.   , 1.   ]))
    """
    value = np.divide(correct, given, out=np.full(len(given), np.nan), where=given > 0)
    right, wrong = correct + 0.5, given - correct + 0.5
    tail = (1 - level) / 2
    low = np.where(correct == 0, 0.0, betaincinv(right, wrong, tail))
    high = np.where(correct == given, 1.0, betaincinv(right, wrong, 1 - tail))
    total = right + wrong
    error = np.sqrt(right * wrong / (total**2 * (total + 1)))
    return Estimates(value, error, low, high)
