"""From soft labels to one label per item: the likeliest, the cheapest, or none."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._validation import check_choice, check_number

Float = NDArray[np.float64]

TIES: Final = ("prior", "first", "random")
ABSTAIN: Final = -1
_TIED = 1e-9  # relative; sums of the same votes in another order differ by far less


def decide(
    probas: Float,
    *,
    class_prior: Float | None = None,
    costs: ArrayLike | None = None,
    min_confidence: float | None = None,
    ties: str = "prior",
    random_state: int | np.random.Generator | None = None,
) -> NDArray[np.int64]:
    """Return the decided class of every item, or -1 where it is better not to decide.

    Parameters
    ----------
    probas : ndarray of shape (N, K)
        Soft labels, rows summing to one.
    class_prior : ndarray of shape (K,), optional
        Used by ``ties="prior"``; by default the mean of ``probas``.
    costs : array-like of shape (K, K), optional
        ``costs[k, d]`` is the cost of deciding d when the truth is k. The decision then has
        the least expected cost; without it, the largest probability.
    min_confidence : float, optional
        Abstain where the decided class is less probable than this.
    ties : {"prior", "first", "random"}
        Among classes equal up to rounding: the most frequent class (then the first), the
        first in the order of the classes, or one drawn at random.
    random_state : int or Generator, optional
        Seed of the draws.

    Returns
    -------
    ndarray of int64, shape (N,)
        Codes from 0 to K - 1, or -1.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.fusion import decide
    >>> probas = np.array([[0.5, 0.5], [0.7, 0.3]])
    >>> decide(probas)
    array([0, 0])
    >>> decide(probas, min_confidence=0.6)
    array([-1,  0])
    >>> decide(probas, costs=[[0, 1], [5, 0]])  # missing a 1 costs five times as much
    array([1, 1])
    """
    check_choice("ties", ties, TIES)
    n_classes = probas.shape[1]
    scores = probas if costs is None else -expected_costs(probas, costs)
    decided = scores.argmax(axis=1) if len(scores) else np.zeros(0, dtype=np.int64)
    if ties != "first" and len(scores):
        tied = _tied(scores)
        rows = np.flatnonzero(tied.sum(axis=1) > 1)
        if ties == "prior":
            prior = probas.mean(axis=0) if class_prior is None else np.asarray(class_prior)
            decided[rows] = np.where(tied[rows], _ranks(prior), -1).argmax(axis=1)
        else:
            draws = np.random.default_rng(random_state).random((len(rows), n_classes))
            decided[rows] = np.where(tied[rows], draws, -1).argmax(axis=1)
    elif len(scores):
        decided = _tied(scores).argmax(axis=1)
    if min_confidence is not None:
        check_number("min_confidence", min_confidence, low=0, high=1)
        chosen = probas[np.arange(len(probas)), decided]
        decided = np.where(chosen < min_confidence, ABSTAIN, decided)
    return decided


def expected_costs(probas: Float, costs: ArrayLike) -> Float:
    """Return the expected cost of each decision for each item.

    Parameters
    ----------
    probas : ndarray of shape (N, K)
    costs : array-like of shape (K, K)
        ``costs[k, d]``: cost of deciding d when the truth is k.

    Returns
    -------
    ndarray of shape (N, K)

    Raises
    ------
    ValueError
        If the costs are not a finite (K, K) table.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.fusion import expected_costs
    >>> expected_costs(np.array([[0.75, 0.25]]), [[0, 1], [8, 0]])
    array([[2.  , 0.75]])
    """
    table = np.asarray(costs, dtype=np.float64)
    n_classes = probas.shape[1]
    if table.shape != (n_classes, n_classes) or not np.isfinite(table).all():
        raise ValueError(
            f"costs must be a finite table of shape {(n_classes, n_classes)}, truth in the rows; "
            f"got shape {table.shape}."
        )
    return probas @ table


def _tied(scores: Float) -> NDArray[np.bool_]:
    best = scores.max(axis=1, keepdims=True)
    return scores >= best - _TIED * np.maximum(abs(best), 1e-300)


def _ranks(prior: Float) -> Float:
    """Return a rank per class, higher for the more frequent, the first ahead among equals."""
    rounded = np.round(prior / max(prior.max(), 1e-300), 9)
    order = np.lexsort((-np.arange(len(prior)), rounded))
    ranks = np.empty(len(prior))
    ranks[order] = np.arange(len(prior))
    return ranks
