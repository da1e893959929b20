"""Who copies or colludes, in which groups, and how many independent annotators that leaves."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.base import clone

from aggregate._validation import check_choice, check_number
from aggregate.annotations import Annotations
from aggregate.inspection._copying import copying, mean_rate, ordinary_rates
from aggregate.inspection._dependence_facts import (
    CLEAR,
    COPYING,
    FEWEST,
    UNKNOWN,
    DependenceReport,
    DependentPairs,
)
from aggregate.inspection._fitted import fitted_model
from aggregate.inspection._gain import explained
from aggregate.inspection._independent_count import crowd_worth, group_rates, item_worth, worth
from aggregate.inspection._minority import told_apart
from aggregate.inspection._search import Asked, judge
from aggregate.inspection._suspects import suspect
from aggregate.models import Auto, DependentGroups
from aggregate.models._responses import answers_to
from aggregate.moments import pair_moments

Float = NDArray[np.float64]

_AWAITED = 0.7  # rate of copying that pairs without a verdict could hide
_SMALL = 50  # annotators, who are left out one by one
_MOST_REFITTED = 1_000_000  # labels, over all fits
_CONTROLS = ("family-wise", "false discovery")


class _Verdicts(NamedTuple):
    """The pairs, sets of which nothing can be told, the crowd's usual and most ordinary rates."""

    pairs: DependentPairs
    undecided: list[NDArray[np.intp]]
    usual: float
    ordinary: float


def dependence_report(
    annotations: Annotations,
    model: Any = None,
    *,
    level: float = 0.05,
    control: str = "family-wise",
    groups: str = "pairs",
    annotator_correlation: float | None = None,
    min_shared: int = 20,
    leave_out: bool | None = None,
    n_jobs: int | None = None,
) -> DependenceReport:
    r"""Find annotators who copy or collude, and count how many independent ones are left.

    For a pair of annotators (j, l) who copy a share c of their labels from each other, the odds
    of an item with equal labels y against independence given the truth are
    :math:`1 + c (w - 1)`,

    .. math:: w = \frac{P(y_j = y) + P(y_l = y)}{2 P(y_j = y_l = y)},

    all probabilities under the model and given the item's other labels; with unequal
    labels they are 1 - c. Common mistakes thus count for much, common right answers for little.
    The evidence is the product over the shared items, averaged over c. Its mean is 1 without
    copying, so one over it bounds the p-value, however few the items and whatever
    the number of classes. The rate of false alarms is controlled by Holm's steps
    ("family-wise": the chance of any) or those of Benjamini and Hochberg, which such bounds allow
    whatever their dependence ("false discovery": the share of false ones among those found).
    Where all pairs of a crowd agree too much, as they do on hard items, copiers have to go beyond
    what is ordinary in it.

    Copies must not pass for the truth. Annotators who hardly differ, and the clusters of
    `DependentGroups`, count as one voice, which is silent where they are tested themselves; whom
    the clearest new pair accuses count once, too, and all is looked at again. A pair apart from
    the suspects needs evidence with them counted once and with everybody counted. Whoever is
    accused must make all the votes likelier, by the odds asked for, than independent
    annotators fitted to the same votes do: so a few experts are not taken for copies.

    Two tales always fit equally well: these share mistakes, or those beside them do. It is
    believed of the smaller side, if three others are left; else nobody is accused, and
    the report says of whom it cannot be told. It fails where most annotators share their mistakes
    without hardly ever differing: the few who are right may look like copies. It does
    not tell copying from a misunderstanding that only two share, nor who copied from whom. A
    finding is a question to ask, not a verdict.

    Parameters
    ----------
    annotations : Annotations
    model : aggregator with ``confusion_``, optional
        Fitted to the annotations, or to be fitted; `DawidSkene` by default and in place of
        `Auto`, as an average of models gives the votes no likelihood.
    level : float, default=0.05
        Rate of false alarms.
    control : {"family-wise", "false discovery"}
        Which rate.
    groups : {"pairs", "clusters"}
        Groups are annotators linked by the pairs found, or the clusters of `DependentGroups`
        (fitted here unless it is the model), which see groups too large for pairs, but are not
        tested at any level.
    annotator_correlation : float, optional
        Correlation of the errors of annotators in different groups, for the effective numbers.
        By default the rate of the median pair. Errors that all share look like the truth, so
        that it is a lower bound; `aggregate.estimate_correlation` tells what is plausible.
    min_shared : int, default=20
        Common items that make a pair worth comparing.
    leave_out : bool, optional
        Test everybody by fits without them, which sees more in small crowds. By default with 5
        to 50 annotators and at most a million labels over all fits to the crowd. Suspects are
        left out in any case, but nobody is where fewer than 5 voices are left.
    n_jobs : int, optional
        Threads.

    Returns
    -------
    DependenceReport

    Raises
    ------
    TypeError
        If the model has no confusions.
    ValueError
        If it was fitted to other annotators, or a number is out of its range.

    References
    ----------
    V. Vovk and R. Wang, E-values: calibration, combination and applications, The Annals of
    Statistics 49(3):1736-1754, 2021 (evidence of mean 1, averages of it).

    R. Wang and A. Ramdas, False discovery rate control with e-values, Journal of the Royal
    Statistical Society, Series B 84(3):822-852, 2022, section 4.

    S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6(2):65-70, 1979.

    L. Kish, Survey Sampling, Wiley, 1965, section 8.2 (design effect).

    A. Jaffe, E. Fetaya, B. Nadler, T. Jiang and Y. Kluger, Unsupervised ensemble learning with
    dependent classifiers, AISTATS 2016 (groups).

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate import Annotations, dependence_report, simulate_annotations
    >>> crowd = simulate_annotations(
    ...     300, 8, 2, labels_per_item=8, accuracy=0.8, random_state=0
    ... )
    >>> votes = crowd.annotations.to_matrix()
    >>> votes[:, 1] = votes[:, 0]  # 1 copies from 0
    >>> report = dependence_report(Annotations.from_matrix(votes))
    >>> print(report)
    pairs of annotators that can be judged: 28 of 28
    pairs who copy or collude: 1 (0 and 1); false alarms, any at all: at most 5%
    group of 2, worth 1.0: 0, 1
    annotators: 8, worth at most 7.0 independent ones
    labels per item: 8.0 on average, worth at most 7.0
    """
    check_number("level", level, low=0, high=1, low_open=True)
    check_number("min_shared", min_shared, low=1, integer=True)
    check_choice("control", control, _CONTROLS)
    check_choice("groups", groups, ("pairs", "clusters"))
    if annotator_correlation is not None:
        check_number("annotator_correlation", annotator_correlation, low=0, high=1)
    several = (annotations.labels_per_annotator > 0).sum() > 1
    if several and annotations.n_classes > 1:
        single = None if isinstance(model, Auto) else model
        fitted = fitted_model(single, annotations, "dependence_report")
        annotations = answers_to(fitted, annotations)
    else:
        fitted = None
    leaves = _leaves_out(annotations, leave_out)
    asked = Asked(float(level), control, int(min_shared), leaves, _AWAITED)
    told = _judge(annotations, fitted, asked, n_jobs)
    group = _linked(told.pairs, annotations.n_annotators)
    if groups == "clusters" and fitted is not None:
        clusters = fitted if hasattr(fitted, "group_") else DependentGroups(n_jobs=n_jobs)
        group = (clusters if clusters is fitted else clusters.fit(annotations)).group_
    background = told.usual if annotator_correlation is None else float(annotator_correlation)
    return _count(annotations, told, group, background, asked)


def _judge(annotations: Annotations, fitted: Any, asked: Asked, n_jobs: int | None) -> _Verdicts:
    """Judge pairs, as far as they can be compared."""
    n_annotators = int((annotations.labels_per_annotator > 0).sum())
    n_possible = n_annotators * (n_annotators - 1) // 2
    moments = pair_moments(annotations, n_jobs=n_jobs)
    n_sharing, codes = len(moments.pairs), moments.pairs[moments.totals >= asked.min_shared]
    if fitted is None or not len(codes):
        none = np.empty(0)
        codes, verdict = np.empty((0, 2), dtype=np.int32), np.empty(0, dtype=str)
        nobody = DependentPairs(
            codes, none, none, none, none, none, none, verdict, n_sharing, n_possible
        )
        return _Verdicts(nobody, [], 0.0, 0.0)
    seen = copying(annotations, fitted.confusion_, fitted.class_prior_, codes, _AWAITED)
    usual, ordinary = ordinary_rates(seen.odds)
    agreement, expected = (part / seen.shared for part in (seen.agreed, seen.expected))
    suspicion = suspect(annotations, moments, fitted, asked.min_shared, n_jobs)
    judged = judge(annotations, clone(fitted), codes, suspicion, ordinary, asked)
    first = -float(np.log(asked.limit(0, int(judged.tested.sum()))))
    likely = explained(annotations, clone(fitted), codes, judged.found, first)
    found, undecided = told_apart(
        annotations, codes, agreement, likely, judged.group, asked.min_shared
    )
    by_skill = judged.found & ~likely
    p_value = np.where(judged.tested, np.exp(-np.maximum(judged.evidence, 0)), 1.0)
    p_value[by_skill] = 1.0
    needed = asked.limit(int(found.sum()), int(judged.tested.sum()))
    told = np.where((judged.growth >= -np.log(needed)) & ~judged.found, CLEAR, UNKNOWN)
    verdict = np.where(found, COPYING, told)
    rate = np.where(by_skill, mean_rate(seen.odds), mean_rate(judged.odds))
    power = judged.growth
    pairs = DependentPairs(
        codes, seen.shared, agreement, expected, rate, p_value, power, verdict,
        n_sharing, n_possible,
    )  # fmt: skip
    return _Verdicts(pairs, undecided, usual, ordinary)


def _leaves_out(annotations: Annotations, wish: bool | None) -> bool:
    """Return whether to fit again without each annotator."""
    if wish is not None:
        return wish
    enough = annotations.n_annotations * annotations.n_annotators <= _MOST_REFITTED
    return enough and FEWEST <= annotations.n_annotators <= _SMALL


def _linked(pairs: DependentPairs, n_annotators: int) -> NDArray[np.int32]:
    """Return the connected components of the pairs found, numbered by size, -1 for the rest."""
    first, second = pairs.codes[pairs.verdict == COPYING].T
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(n_annotators, n_annotators))
    _, part = connected_components(graph, directed=False)
    size = np.bincount(part, minlength=1)
    order = np.argsort(-size, kind="stable")
    number = np.empty(len(size), dtype=np.int32)
    number[order] = np.where(size[order] > 1, np.arange(len(size)), -1)
    return np.asarray(number[part])


def _count(
    annotations: Annotations,
    told: _Verdicts,
    group: NDArray[np.int32],
    background: float,
    asked: Asked,
) -> DependenceReport:
    """Count what everybody is worth, and put the report together."""
    pairs = told.pairs
    labelled = annotations.labels_per_annotator > 0
    rate = group_rates(group, pairs.codes, pairs.rate, background)
    members = [annotations.annotators[group == g] for g in range(len(rate))]
    found = np.flatnonzero(pairs.verdict == COPYING)
    found = found[np.argsort(pairs.p_value[found], kind="stable")]
    names = annotations.annotators
    return DependenceReport(
        annotators=names,
        items=annotations.items,
        pairs=pairs,
        copiers=[(names[j], names[m]) for j, m in pairs.codes[found].tolist()],
        undecided=[names[each] for each in told.undecided],
        group=group,
        members=members,
        group_rate=rate,
        group_effective=worth(np.array([len(each) for each in members], dtype=np.int64), rate),
        background=background,
        ordinary=told.ordinary,
        n_annotators=int(labelled.sum()),
        n_effective=crowd_worth(labelled, group, rate, background),
        item_labels=annotations.labels_per_item,
        item_effective=item_worth(annotations, group, rate, background),
        level=asked.level,
        control=asked.control,
        awaited=_AWAITED,
        left_out=asked.leave_out,
    )
