"""From votes on pairs of answers to soft preferences and flip rates, as DPO's losses want them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._validation import check_number, first_few
from aggregate.annotations import Annotations
from aggregate.learning.preferences._preference_table import Preferences
from aggregate.models import BaseAggregator

Float = NDArray[np.float64]

_SHRINKAGE = 20.0  # pairs for which the mean of all pairs counts in that of a number of votes


def preference_labels(
    model: BaseAggregator,
    votes: Annotations,
    *,
    first: Any = None,
    answers: tuple[ArrayLike, ArrayLike] | None = None,
    max_flip_rate: float = 0.45,
) -> Preferences:
    r"""Return one preference per pair, how sure it is, and how often such labels are flipped.

    Each item is a pair of answers; its votes are of two classes, one for "the first answer is the
    better". A fitted aggregator gives the probability p of either.

    Two rates, which are not the same. ``flip_rate`` is 1 - p, what the votes on *this* pair leave
    of doubt: with it cDPO is the expected clean loss. ``label_flip_rate`` is how often pairs *with
    so many votes* are decided wrongly, whatever the votes were: rDPO is unbiased for flips at such
    a rate. It is the mean of 1 - p over the pairs with as many votes (shrunk to the mean of all
    pairs, of which 20 count), so it is as honest as the aggregator's confidence: take
    `aggregate.Auto` or `aggregate.Calibrated`.

    It fails where flips depend on the position (all annotators favour the first answer: show the
    pairs in random order) or on how different the answers are, which rDPO's single rate per
    source does not know.

    Parameters
    ----------
    model : aggregator
        Fitted, with two classes.
    votes : Annotations
        Votes on pairs, by annotators of the fit.
    first : object, optional
        The class that says the first answer is the better; by default the model's first class.
    answers : (first answers, second answers), optional
        Two arrays of shape (N,), aligned with the items, to be put out as chosen and rejected.
    max_flip_rate : float, default=0.45
        Label flip rates are clipped here, below 1/2; ``n_clipped`` counts them. At 0.45, rDPO
        gives a label ten times the weight of a clean one.

    Returns
    -------
    Preferences
        Pairs without votes are left out and counted.

    Raises
    ------
    ValueError
        If there are not two classes, ``first`` is none of them, or shapes do not fit.

    References
    ----------
    S. R. Chowdhury, A. Kini and N. Natarajan, Provably robust DPO: aligning language models with
    noisy feedback, ICML 2024.

    E. Mitchell, A note on DPO with noisy preferences and relationship to IPO, 2023.

    Examples
    --------
    >>> from aggregate import Annotations, DawidSkene
    >>> from aggregate.learning import preference_labels
    >>> votes = Annotations.from_matrix([["A", "A", "B"], ["B", "B", "B"], ["A", "A", "A"]])
    >>> found = preference_labels(
    ...     DawidSkene().fit(votes), votes, answers=(["Yes.", "Hm.", "4"], ["Maybe.", "No.", "5"])
    ... )
    >>> found.chosen.tolist(), found.rejected.tolist()
    (['Yes.', 'No.', '4'], ['Maybe.', 'Hm.', '5'])
    >>> next(found.rows())["n_votes"]
    3
    """
    check_number("max_flip_rate", max_flip_rate, low=0, high=0.499)
    _check_votes(votes)
    second_place = _place_of_second(model, first)
    probas = model.predict_proba(votes)
    has = votes.labels_per_item > 0
    second = probas[has, second_place]
    position = (second > 0.5).astype(np.int64)
    sure = np.where(position == 1, second, 1 - second)
    n_votes = votes.labels_per_item[has]
    rate = _mean_by_group(1 - sure, n_votes)
    chosen, rejected = _answers(answers, votes.n_items, np.flatnonzero(has), position)
    return Preferences(
        votes.items[has],
        chosen,
        rejected,
        sure,
        1 - sure,
        np.minimum(rate, max_flip_rate),
        n_votes,
        None,
        int((~has).sum()),
        int((rate > max_flip_rate).sum()),
    )


def preference_votes(
    model: BaseAggregator,
    votes: Annotations,
    *,
    first: Any = None,
    answers: tuple[ArrayLike, ArrayLike] | None = None,
    max_flip_rate: float = 0.45,
) -> Preferences:
    """Return every vote as a preference of its own, flipped at the rate of its annotator.

    rDPO corrects for each annotator's flips by itself: train on the votes as they are, with
    ``label_flip_rate``. Votes of somebody who is wrong more often than right are turned round, with
    the rate one less theirs. Votes of annotators whose rate lies within ``max_flip_rate`` and one
    less that tell next to nothing; they are left out and counted.

    Parameters
    ----------
    model, votes, first, answers
        As of `preference_labels`.
    max_flip_rate : float, default=0.45

    Returns
    -------
    Preferences
        With ``annotator``; ``probability`` and ``flip_rate`` are those of the pair, for the way
        round that the row has it.

    Raises
    ------
    ValueError
        As `preference_labels`; or if the votes are by annotators who were not fitted.

    Examples
    --------
    >>> from aggregate import DawidSkene, simulate_annotations
    >>> from aggregate.learning import preference_votes
    >>> crowd = simulate_annotations(500, 4, 2, labels_per_item=3, random_state=0)
    >>> rows = preference_votes(DawidSkene().fit(crowd.annotations), crowd.annotations)
    >>> len(rows), bool((rows.label_flip_rate < 0.45).all())
    (1500, True)
    """
    check_number("max_flip_rate", max_flip_rate, low=0, high=0.499)
    _check_votes(votes)
    second_place = _place_of_second(model, first)
    rates = annotator_flip_rates(model)
    code = {name: j for j, name in enumerate(model.annotators_.tolist())}
    strange = [name for name in votes.annotators.tolist() if name not in code]
    if strange:
        raise ValueError(f"annotators who were not fitted: {first_few(strange)}.")
    rate = rates[[code[name] for name in votes.annotators.tolist()]][votes.annotator]
    said = votes.classes[votes.label] == model.classes_[second_place]
    kept = (rate <= max_flip_rate) | (rate >= 1 - max_flip_rate)
    turned = rate > 0.5
    position = (said ^ turned).astype(np.int64)[kept]
    second = model.predict_proba(votes)[votes.item[kept], second_place]
    probability = np.where(position == 1, second, 1 - second)
    chosen, rejected = _answers(answers, votes.n_items, votes.item[kept], position)
    return Preferences(
        votes.items[votes.item[kept]],
        chosen,
        rejected,
        probability,
        1 - probability,
        np.minimum(rate, 1 - rate)[kept],
        votes.labels_per_item[votes.item[kept]],
        votes.annotators[votes.annotator[kept]],
        int((~kept).sum()),
    )


def annotator_flip_rates(model: BaseAggregator) -> Float:
    r"""Return how often each annotator prefers the worse answer, shape (M,).

    :math:`\varepsilon_j = \sum_k \pi_k (1 - A_j[k, k])` from class shares and confusions; of models
    without confusions, one less the annotator's skill.

    Examples
    --------
    >>> from aggregate import DawidSkene, simulate_annotations
    >>> crowd = simulate_annotations(2000, 4, 2, labels_per_item=4, random_state=0)
    >>> rates = annotator_flip_rates(DawidSkene().fit(crowd.annotations))
    >>> true = 1 - np.diagonal(crowd.confusion, axis1=1, axis2=2).mean(axis=1)
    >>> bool(abs(rates - true).max() < 0.05)
    True
    """
    confusion = getattr(model, "confusion_", None)
    if confusion is None:
        return np.asarray(1 - model.annotator_skill_)
    right = np.diagonal(confusion, axis1=1, axis2=2)
    return np.asarray(1 - right @ model.class_prior_)


def _check_votes(votes: Any) -> None:
    if not isinstance(votes, Annotations):
        raise TypeError(
            "votes must be Annotations (Annotations.from_frame, from_matrix, read_annotations …); "
            f"got {type(votes).__name__}."
        )


def _place_of_second(model: BaseAggregator, first: Any) -> int:
    """Return the column of the class that says the second answer is the better one."""
    classes = getattr(model, "classes_", None)
    n_classes = 0 if classes is None else len(classes)
    if classes is None or n_classes != 2:
        found = "it is not fitted" if classes is None else f"its classes are {first_few(classes)}"
        remedies = {0: "", 1: " Declare both when the Annotations are built (classes=)."}
        remedy = remedies.get(n_classes, " Leave out ties, and fit again.")
        raise ValueError(
            "preferences need a fitted model with two classes, for the first and the second answer "
            f"of a pair; {found}.{remedy}"
        )
    if first is None:
        return 1
    names = classes.tolist()
    if first not in names:
        raise ValueError(f"first must be one of {first_few(names)}; got {first!r}.")
    return 1 - names.index(first)


def _mean_by_group(values: Float, group: NDArray[np.int64]) -> Float:
    """Return, for each value, the mean of its group, shrunk to the mean of all."""
    if not len(values):
        return values
    _, place, size = np.unique(group, return_inverse=True, return_counts=True)
    means = (np.bincount(place, values) + _SHRINKAGE * values.mean()) / (size + _SHRINKAGE)
    return np.asarray(means[place])


def _answers(
    answers: tuple[ArrayLike, ArrayLike] | None,
    n_items: int,
    rows: NDArray[Any],
    position: NDArray[np.int64],
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the chosen and the rejected answer of each row; positions without answers."""
    if answers is None:
        return position, 1 - position
    sizes = [np.size(np.asarray(part, dtype=object)) for part in answers]
    if sizes != [n_items, n_items]:
        raise ValueError(
            f"answers must be two arrays, the first answers and the second, with an entry for each "
            f"of the {n_items} items; got lengths {first_few(sizes)}."
        )
    first, second = (np.asarray(part, dtype=object)[rows] for part in answers)
    return np.where(position == 0, first, second), np.where(position == 0, second, first)
