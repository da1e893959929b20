"""What the joint fit says of rows it has not seen: to choose its penalty, and to be honest.

A classifier fitted to some labels agrees with them, wrong ones included. So the penalty is judged
by the likelihood of votes on rows left out (no truth is needed for that), and a row's own soft
label hears a classifier of the other folds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aggregate.learning._folds import deal
from aggregate.learning.raykar._climb import climb
from aggregate.learning.raykar._crowd_rows import CrowdRows
from aggregate.learning.raykar._joint_likelihood import (
    JointLikelihood,
    Point,
    held_out,
    log_softmax,
)

Float = NDArray[np.float64]
Codes = NDArray[np.int64]

PENALTIES = np.logspace(-4, 2, 7)
FALLBACK = 0.1  # where there are too few rows to leave any out
_ENOUGH = 5000  # rows from which the penalty is chosen; it need not be told more precisely
_LOOSE = 1e-6
_HALFWAY = 10**0.5

Problems = Callable[[CrowdRows, float], JointLikelihood]


def folds_of(rows: CrowdRows, keys: NDArray[np.uint64], n_folds: int) -> Codes | None:
    """Return the fold of each row; None if there are fewer different rows than folds.

    Parameters
    ----------
    rows : CrowdRows
        In the order of their keys.
    keys : ndarray of uint64, shape (N,)
        Rows with equal keys stay together.
    n_folds : int
    """
    _, alike = np.unique(keys, return_inverse=True)
    if alike.max(initial=-1) + 1 < n_folds:
        return None
    folds: Codes = deal(alike, rows.shares(), np.arange(len(keys)), n_folds)
    return folds


def choose_penalty(
    rows: CrowdRows, folds: Codes, problem: Problems, *, max_iter: int, tol: float
) -> tuple[float, Float]:
    """Return the C whose fits make the votes on left-out rows likeliest, and all scores.

    C grows tenfold from strong to weak penalties until the score falls; then the two values
    halfway to the best one's neighbours are tried. Every fit starts from one of a near C.

    Parameters
    ----------
    rows : CrowdRows
        In an order that says nothing; if there are very many, the first are used.
    folds : ndarray of int64, shape (N,)
    problem : callable
        ``problem(rows, C)`` returns the objective on rows.
    max_iter, tol
        Of every fit.

    Returns
    -------
    C : float
    scores : ndarray of shape (number of C tried, 2)
        C, and the mean log likelihood per left-out row.
    """
    few = np.arange(min(len(folds), _ENOUGH))
    some, folds = rows.take(few), folds[few]
    parts = [
        (some.take(np.flatnonzero(folds != fold)), some.take(np.flatnonzero(folds == fold)))
        for fold in np.unique(folds)
    ]
    reached: list[Point | None] = [None] * len(parts)
    scores: dict[float, float] = {}

    def score(C: float) -> float:
        total = 0.0
        for turn, (training, asked) in enumerate(parts):
            objective = problem(training, C)
            start = reached[turn] or objective.start()
            fit = climb(objective, start, max_iter=max_iter, tol=max(tol, _LOOSE))
            reached[turn] = fit.point
            total += held_out(asked, fit.point)
        scores[C] = total / len(few)
        return scores[C]

    best = -np.inf
    for C in PENALTIES.tolist():
        if score(C) <= best:
            break
        best = scores[C]
    coarse = max(scores, key=lambda C: scores[C])
    for C in (coarse * _HALFWAY, coarse / _HALFWAY):
        score(C)
    table = np.array(sorted(scores.items()))
    return float(table[table[:, 1].argmax(), 0]), table


def left_out_log_probas(
    rows: CrowdRows,
    folds: Codes,
    problem: Callable[[CrowdRows], JointLikelihood],
    start: Point,
    *,
    max_iter: int,
    tol: float,
) -> Float:
    """Return log probabilities of each row by the classifier fitted without the row's fold.

    Parameters
    ----------
    rows : CrowdRows
    folds : ndarray of int64, shape (N,)
    problem : callable
        ``problem(rows)`` returns the objective on rows.
    start : Point
        Where every fit starts: the optimum on all rows, which is near.
    max_iter, tol
        Of every fit.

    Returns
    -------
    ndarray of shape (N, K)
    """
    log_probas = np.empty((len(folds), rows.votes.n_classes))
    for fold in np.unique(folds):
        training = rows.take(np.flatnonzero(folds != fold))
        point = climb(problem(training), start, max_iter=max_iter, tol=tol).point
        asked = np.flatnonzero(folds == fold)
        features = rows.features.rows(asked)
        log_probas[asked], _ = log_softmax(features.scores(point.weights, point.intercept))
    return log_probas
