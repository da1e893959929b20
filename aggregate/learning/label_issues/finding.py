"""Find labels that are probably wrong: an item's, and single annotators' votes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._encoding import encode, match
from aggregate._validation import check_choice, first_few
from aggregate.annotations import Annotations
from aggregate.fusion import decide, vote_shares
from aggregate.learning._votes import read_votes, refuse_another_order
from aggregate.learning.label_issues._confident_joint import (
    class_thresholds,
    confident_class,
    count_confident,
    joint_distribution,
)
from aggregate.learning.label_issues._judged_labels import JudgedLabels, LabelIssues
from aggregate.learning.label_issues._label_scores import SCORES, label_scores
from aggregate.learning.label_issues._left_out_votes import beliefs_without
from aggregate.learning.label_issues._pruning import FILTERS, wrong_labels
from aggregate.learning.soft_labels._columns import named_columns
from aggregate.learning.soft_labels._expansion import check_soft_labels, count_rows
from aggregate.learning.soft_labels._targets import one_hot
from aggregate.learning.soft_labels.out_of_fold import out_of_fold_probas

Float = NDArray[np.float64]


def find_label_issues(
    model: Any,
    labels: Any = None,
    *,
    X: Any = None,
    items: ArrayLike | None = None,
    soft_labels: ArrayLike | None = None,
    classes: ArrayLike | None = None,
    method: str = "both",
    score: str = "self_confidence",
    n_folds: int = 5,
    random_state: int | np.random.Generator | None = 0,
) -> LabelIssues:
    r"""Return which labels are probably wrong, by confident learning.

    A classifier that did not see an item's label says :math:`p_{ik}`. Its confidence differs by
    class, so class k counts as confident where :math:`p_{ik}` reaches :math:`t_k`, its mean over
    the items labelled k. Counting labels y by the class that is confident, and scaling each row to
    the labels there are, estimates how many labels y have the truth k. As many are called wrong:

    ``"noise_rate"``
        of each pair (y, k), those with the largest :math:`p_k - p_y`;
    ``"class"``
        of each label y, those with the smallest :math:`p_y`;
    ``"both"``
        those that both rules name (few false alarms);
    ``"confident"``
        those of which another class is confident.

    With several annotators, the label of an item is the majority's, which the classifier alone
    judges. Each vote is judged by the classifier *and the other annotators* of the item, weighed as
    by `aggregate.CrowdLab`, and the counting is done over votes.

    It finds what the features contradict. It fails where annotators share mistakes that the
    features tell, where a class is rarer than its mistakes, and finds little with a weak
    classifier. Items it names are to be looked at again, not to be thrown away.

    Parameters
    ----------
    model : classifier, fitted refiner, or array-like of shape (N, K)
        Out-of-sample probabilities, columns in the order of the classes, or named as they are (a
        data frame, in any order); a classifier, of which they are made by `out_of_fold_probas`
        (with ``X``); or a fitted `CrowdLabRefiner`, which has them.
    labels : array-like of shape (N,) or (N, M), or Annotations
        One label per item, or votes (-1, NaN and None are missing in a table).
    X : array-like of shape (N, D), optional
        Features, for a classifier.
    items : array-like of shape (N,), optional
        Names of the rows of ``model`` or ``X``, by which the items of Annotations are then found; a
        fitted refiner knows them. Otherwise item i is row i.
    soft_labels : array-like of shape (N, K), optional
        Soft labels in place of labels; their mass is counted, and the likeliest class judged.
    classes : array-like of shape (K,), optional
        What the columns stand for, if the labels do not tell.
    method : {"both", "noise_rate", "class", "confident"}
    score : {"self_confidence", "normalized_margin", "confidence_weighted_entropy"}
        What ``quality`` is: the probability of the label; its lead over the others; or the
        first beside the entropy.
    n_folds, random_state
        As of `out_of_fold_probas`.

    Returns
    -------
    LabelIssues

    Raises
    ------
    ValueError
        If shapes do not fit, or classes cannot be told.

    References
    ----------
    C. G. Northcutt, L. Jiang and I. L. Chuang, Confident learning: estimating uncertainty in
    dataset labels, Journal of Artificial Intelligence Research 70:1373-1411, 2021, equations 1-3
    and section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from aggregate.learning import find_label_issues
    >>> X = np.r_[np.linspace(-3, -1, 20), np.linspace(1, 3, 20)].reshape(-1, 1)
    >>> labels = np.repeat(["cat", "dog"], 20)
    >>> labels[3] = "dog"
    >>> print(find_label_issues(LogisticRegression(), labels, X=X))
    1 of 40 labels of items are probably wrong (estimated: 2.9%)
                     3  dog -> cat  0.006
    """
    check_choice("method", method, FILTERS)
    check_choice("score", score, SCORES)
    if (labels is None) == (soft_labels is None):
        raise ValueError("give either labels or soft_labels.")
    ready = _ready_probas(model)
    columns = _columns_of(model, ready, classes)
    if soft_labels is not None:
        asked = _soft_question(soft_labels, columns)
    else:
        rows = getattr(model, "items_", None) if items is None else items
        asked = _votes_question(labels, ready, columns, X if ready is None else model, rows)
    probas = ready
    if probas is None:
        if X is None:
            raise ValueError("a classifier needs the features: find_label_issues(model, X=X, ...).")
        probas = out_of_fold_probas(
            model, X, asked.given, n_folds=n_folds, random_state=random_state
        )
    if probas.shape != asked.given.shape or len(asked.names) != asked.given.shape[1]:
        raise ValueError(
            f"probabilities of shape {probas.shape} do not fit {len(asked.given)} items and "
            f"{len(asked.names)} classes."
        )
    judged = _judge_items(asked, probas, method, score)
    if asked.votes is None or asked.votes.labels_per_item.max(initial=0) < 2:
        return LabelIssues(judged)
    return LabelIssues(judged, _judge_votes(asked.votes, probas, method, score))


class _Question(NamedTuple):
    """What is to be judged: soft labels, what their columns and rows are, and their votes."""

    given: Float
    names: NDArray[Any]
    about: NDArray[Any]
    votes: Annotations | None


def _soft_question(soft_labels: ArrayLike, columns: NDArray[Any] | None) -> _Question:
    given = check_soft_labels(soft_labels)
    names = _same_columns(columns, soft_labels, given.shape[1])
    return _Question(given, names, np.arange(len(given)), None)


def _votes_question(
    labels: Any, ready: Float | None, columns: NDArray[Any] | None, X: Any, rows: Any
) -> _Question:
    votes = _read(labels, ready, X, rows)
    names = _class_names(votes, None if ready is None else ready.shape[1], columns)
    votes = _with_classes(votes, names)
    return _Question(vote_shares(votes), names, votes.items, votes)


def _judge_items(asked: _Question, probas: Float, method: str, score: str) -> JudgedLabels:
    codes = decide(asked.given)
    codes[~asked.given.any(axis=1)] = -1
    mass = asked.given if asked.votes is None else one_hot(codes, len(asked.names))
    return _judge(probas, codes, mass, (asked.about, asked.names, None), method, score)


def _judge_votes(votes: Annotations, probas: Float, method: str, score: str) -> JudgedLabels:
    """Judge each vote by the probabilities and the other votes on its item."""
    said, names = votes.label.astype(np.int64), votes.classes
    whose = (votes.items[votes.item], names, votes.annotators[votes.annotator])
    beliefs = beliefs_without(votes, probas)
    return _judge(beliefs, said, one_hot(said, len(names)), whose, method, score)


def _judge(
    probas: Float,
    codes: NDArray[np.int64],
    mass: Float,
    about: tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None],
    method: str,
    score: str,
) -> JudgedLabels:
    items, names, annotators = about
    thresholds = class_thresholds(probas, mass)
    confident = confident_class(probas, thresholds)
    counts = count_confident(mass, confident)
    joint = joint_distribution(counts, mass.sum(axis=0))
    has = np.flatnonzero(codes >= 0)
    wrong = np.zeros(len(codes), dtype=bool)
    wrong[has] = wrong_labels(probas[has], codes[has], confident[has], joint, method)
    quality = np.full(len(codes), np.nan)
    quality[has] = label_scores(probas[has], codes[has], score)
    given = names[codes]
    if len(has) < len(codes):
        given = given.astype(object)
        given[codes < 0] = None
    suggested = names[decide(probas)]
    return JudgedLabels(
        items, given, suggested, quality, wrong, counts, joint, thresholds, annotators
    )


def _ready_probas(model: Any) -> Float | None:
    """Return probabilities that are there already; None for a classifier to be trained."""
    table = getattr(model, "classifier_probas_", None)
    if table is None and not hasattr(model, "fit"):
        table = model
    return None if table is None else check_soft_labels(table)


def _read(labels: Any, ready: Float | None, X: Any, names: Any) -> Annotations:
    """Return the votes, item i for row i of the probabilities or features."""
    if ready is not None:
        n_rows = len(ready)
    elif X is not None:
        n_rows = count_rows(X)
    else:
        raise ValueError("a classifier needs the features: find_label_issues(model, y, X=X).")
    refuse_another_order(X, labels, names)
    return read_votes(labels, n_rows, names if isinstance(labels, Annotations) else None)


def _columns_of(model: Any, ready: Float | None, classes: Any) -> NDArray[Any] | None:
    """Return what the columns of the probabilities stand for, where somebody says so."""
    if classes is not None:
        return np.asarray(classes)
    if ready is None:
        return None
    named = named_columns(model)
    return getattr(model, "classes_", None) if named is None else named


def _same_columns(columns: Any, soft_labels: Any, n_columns: int) -> NDArray[Any]:
    """Return what the columns of soft labels stand for; refuse another order."""
    named = named_columns(soft_labels)
    if columns is None:
        return np.arange(n_columns) if named is None else named
    if named is not None and not np.array_equal(named, columns):
        raise ValueError(
            f"the columns of soft_labels are called {first_few(named)}, those of the "
            f"probabilities {first_few(columns)}: bring them into one order."
        )
    return np.asarray(columns)


def _class_names(votes: Annotations, n_columns: int | None, columns: Any) -> NDArray[Any]:
    """Return what the columns of the probabilities stand for, if nobody says so by the labels."""
    if columns is not None:
        return np.asarray(columns)
    if n_columns is None or n_columns == votes.n_classes:
        return votes.classes
    numbers = np.arange(n_columns)
    if (match(votes.classes, numbers) >= 0).all():
        return numbers
    raise ValueError(
        f"there are {n_columns} columns of probabilities and the labels {first_few(votes.classes)}:"
        " say what the columns stand for (classes=)."
    )


def _with_classes(votes: Annotations, names: NDArray[Any]) -> Annotations:
    """Return the votes with other class codes."""
    place = match(votes.classes, names)
    used = votes.labels_per_class > 0
    if (place[used] < 0).any():
        raise ValueError(
            f"labels are not among the classes: {first_few(votes.classes[used][place[used] < 0])}; "
            f"the columns stand for {first_few(names)}. If they do not, say for what (classes=)."
        )
    encode(names, "classes")
    parts = (votes.item_ptr, votes.annotator, place[votes.label], votes.items, votes.annotators)
    return Annotations(*parts, names)
