"""From records "chosen, rejected, rater" to votes on pairs of answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._encoding import encode
from aggregate._validation import first_few
from aggregate.annotations import Annotations

_NAME_THEM = (
    "Answers that are lists of messages or of tokens need a name or a text each (json.dumps)."
)


@dataclass(frozen=True, eq=False)
class PreferencePairs:
    """Votes on pairs, and what the pairs consist of; what `read_preferences` returns.

    Attributes
    ----------
    annotations : Annotations
        Item i is pair i; the classes are "first" and "second".
    answers : (ndarray of shape (N,), ndarray of shape (N,))
        The first and the second answer of each pair, for `preference_labels`.
    prompts : ndarray of shape (N,) or None
        The prompt of each pair.
    """

    annotations: Annotations
    answers: tuple[NDArray[Any], NDArray[Any]]
    prompts: NDArray[Any] | None


def read_preferences(
    chosen: ArrayLike,
    rejected: ArrayLike,
    annotators: ArrayLike,
    *,
    prompts: ArrayLike | None = None,
) -> PreferencePairs:
    """Return votes on pairs from records that name the answer chosen and the one rejected.

    Records of preferences put the chosen answer first, whoever chose it, so that two raters who
    disagree hold the same pair the other way round. Here a pair is two answers (to one prompt) in
    the order of their names, and its votes are "first" or "second".

    It does not know in which order the answers were shown, and so cannot tell raters who prefer
    what stands on the left.

    Parameters
    ----------
    chosen, rejected : array-like of shape (n,)
        Identifiers or texts of the answers; one record per vote.
    annotators : array-like of shape (n,)
        Who chose.
    prompts : array-like of shape (n,), optional
        What was answered. Needed where answers to different prompts may be called the same
        ("Yes.").

    Returns
    -------
    PreferencePairs

    Raises
    ------
    ValueError
        If the columns differ in length, an answer or a prompt is missing, an answer is preferred
        to itself, or one is written as a number here and as text there (1, '1').

    Examples
    --------
    >>> from aggregate import MajorityVote
    >>> from aggregate.learning import preference_labels, read_preferences
    >>> pairs = read_preferences(
    ...     ["a1", "a2", "a1", "b1"], ["a2", "a1", "a2", "b2"], ["ann", "bob", "cy", "ann"]
    ... )
    >>> votes = pairs.annotations
    >>> found = preference_labels(MajorityVote().fit(votes), votes, answers=pairs.answers)
    >>> found.chosen.tolist(), found.probability.round(2).tolist()
    (['a1', 'b1'], [0.67, 1.0])
    """
    better, worse, answers = _two_columns(_column(chosen, "chosen"), _column(rejected, "rejected"))
    n_votes = len(better)
    about, table = np.zeros(n_votes, dtype=np.int64), None
    if prompts is not None:
        codes, table = encode(prompts, "prompts")
        about = _complete(codes, "prompts", n_votes)
    same = np.flatnonzero(better == worse)
    if len(same):
        raise ValueError(
            f"{len(same)} records prefer an answer to itself: {first_few(answers[better[same]])} "
            f"(row {same[0]}). Leave ties out."
        )
    records = np.column_stack([about, np.minimum(better, worse), np.maximum(better, worse)])
    pairs, place = np.unique(records, axis=0, return_inverse=True)
    said = np.where(better < worse, "first", "second")
    votes = Annotations.from_columns(place.ravel(), annotators, said, classes=["first", "second"])
    names = None if table is None else table[pairs[:, 0]]
    return PreferencePairs(votes, (answers[pairs[:, 1]], answers[pairs[:, 2]]), names)


def _column(answers: ArrayLike, what: str) -> NDArray[Any]:
    column = np.asarray(answers, dtype=object)
    if column.ndim != 1:
        raise ValueError(
            f"{what} must be a column with an entry per vote; got shape "
            f"{column.shape}. {_NAME_THEM}"
        )
    return column


def _two_columns(
    chosen: NDArray[Any], rejected: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    """Return both columns as codes in one table of answers."""
    try:
        codes, answers = encode(np.concatenate([chosen, rejected]), "answers")
    except ValueError as error:
        error.add_note(_NAME_THEM)
        raise
    _refuse_two_spellings(answers)
    n_votes = len(chosen)
    better = _complete(codes[:n_votes], "chosen", n_votes)
    return better, _complete(codes[n_votes:], "rejected", n_votes), answers


def _refuse_two_spellings(answers: NDArray[Any]) -> None:
    """Refuse a table that holds the same answer as a number and as text."""
    names = answers.tolist()
    texts = {name for name in names if isinstance(name, str)}
    if len(texts) in (0, len(names)):
        return
    both = [name for name in names if not isinstance(name, str) and str(name) in texts]
    if both:
        raise ValueError(
            f"{first_few(both)} are answers as numbers and, elsewhere, as text ({str(both[0])!r}): "
            "bring chosen and rejected to one type."
        )


def _complete(codes: NDArray[np.int32], what: str, n_votes: int) -> NDArray[np.int64]:
    if len(codes) != n_votes:
        raise ValueError(f"{what} must have an entry for each of the {n_votes} votes; got "
                         f"{len(codes)}.")  # fmt: skip
    if (codes < 0).any():
        raise ValueError(f"{what} must not be missing (row {int(np.argmin(codes))}).")
    return codes.astype(np.int64)
