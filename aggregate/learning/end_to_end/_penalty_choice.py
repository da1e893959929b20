"""Choose penalties by labels of rows left out: noisy ones do, no truth is needed.

The coupled cross-entropy of rows left out is what the annotators' labels there cost to tell,
given the classifier and the confusions from the other rows. A known class counts as a label.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from aggregate.learning._folds import deal, row_keys
from aggregate.learning.end_to_end._crowd import Crowd
from aggregate.learning.end_to_end._descents import Settings, fit_coupled
from aggregate.learning.end_to_end._networks import Network
from aggregate.learning.end_to_end._objective import kernel_table
from aggregate.learning.end_to_end._problem import Penalties

Float = NDArray[np.float64]
Folds = NDArray[np.int64]

ALPHAS: Final = (100.0, 30.0, 10.0, 3.0, 1.0, 0.3)
STRENGTHS: Final = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
_STEPS, _TOL = 200, 1e-3  # of a fit that only tells one penalty from another


class Choice(NamedTuple):
    """What was tried and what came of it.

    Attributes
    ----------
    values : tuple of float
    loss : ndarray of shape (V,)
        Coupled cross-entropy of the labels left out, per label.
    error : ndarray of shape (V,)
        Standard error of its difference from the smallest, rows being drawn at random.
    chosen : float
    """

    values: tuple[float, ...]
    loss: Float
    error: Float
    chosen: float


def choose_penalties(
    penalties: Penalties,
    left_open: Sequence[str],
    X: Any,
    crowd: Crowd,
    network: Network,
    settings: Settings,
    folds: Folds,
) -> tuple[Penalties, dict[str, Choice]]:
    """Return the penalties with those that were left open chosen, and how.

    Parameters
    ----------
    penalties : Penalties
        Those that are left open are zero.
    left_open : sequence of {"alpha", "strength"}
        Chosen in this order, the later ones given the earlier.
    X, crowd, network, settings
        As `fit_coupled` takes them.
    n_folds : int
    """
    choices: dict[str, Choice] = {}
    for name in left_open:
        values = grid(name, penalties.regularizer, crowd.n_annotators)
        tried = [penalties.replaced(name, value) for value in values]
        choices[name] = choose(tried, values, X, crowd, network, settings, folds)
        penalties = penalties.replaced(name, choices[name].chosen)
    return penalties, choices


def grid(name: str, regularizer: str | None, n_annotators: int) -> tuple[float, ...]:
    """Return the values that are tried; a trace is a sum over annotators, and λ falls with them."""
    if name == "strength" and regularizer == "trace":
        return tuple(strength / n_annotators for strength in STRENGTHS)
    return ALPHAS if name == "alpha" else STRENGTHS


def folds_of(X: Any, crowd: Crowd, n_folds: int, random: np.random.Generator) -> Folds:
    """Return the fold of each row, by what the row holds and not by where it stands.

    Equal rows are in one fold. ``X`` are the features as they came: their scaled values depend on
    the rows' order, to rounding.
    """
    keys = row_keys(X, random)
    order = np.argsort(keys, kind="stable")
    votes = np.zeros((crowd.n_rows, crowd.n_classes))
    np.add.at(votes, (crowd.item, crowd.code % np.uint32(crowd.n_classes)), crowd.weight)
    different, groups = np.unique(keys, return_inverse=True)
    return np.asarray(deal(groups, votes, order, min(n_folds, len(different))))


def choose(
    tried: Sequence[Penalties],
    values: Sequence[float],
    X: Any,
    crowd: Crowd,
    network: Network,
    settings: Settings,
    folds: Folds,
) -> Choice:
    """Return the value whose fits tell best what the annotators said of rows left out.

    Parameters
    ----------
    tried : sequence of Penalties
        A regularised fit goes on from the fit without, if that comes before it, as it does when
        all rows are fitted; others start afresh.
    values : sequence of float
        What they are called.
    X, crowd, network, settings
        As `fit_coupled` takes them.
    folds : ndarray of int64, shape (N,)
    """
    settings = settings._replace(max_iter=min(_STEPS, settings.max_iter), tol=_TOL, n_init=1)
    losses = np.zeros((len(values), crowd.n_rows))
    for fold in range(folds.max() + 1):
        kept = folds != fold
        here, there = crowd.take(kept), crowd.take(~kept)
        if here.total == 0 or there.total == 0:
            continue
        inside, outside = X[kept], X[~kept]
        start: Float | None = None
        for place, penalties in enumerate(tried):
            goes_on = start if penalties.strength > 0 else None
            found = fit_coupled(inside, here, network, penalties, settings, goes_on)
            losses[place, ~kept] = row_losses(found.point, outside, there, network)
            start = found.point if penalties.strength == 0 else start
    total = crowd.total
    loss = losses.sum(axis=1) / total
    best = int(loss.argmin())
    error = np.sqrt(((losses - losses[best]) ** 2).sum(axis=1)) / total
    return Choice(tuple(values), loss, error, float(values[best]))


def row_losses(point: Float, X: Any, crowd: Crowd, network: Network) -> Float:
    """Return what the labels of each row cost under a fit, shape (N,)."""
    n_classes = crowd.n_classes
    soft = softmax(network.scores(point, X)[0], axis=1)
    logits = point[network.size :].reshape(-1, n_classes, n_classes)
    table = kernel_table(softmax(logits, axis=2))
    known = np.flatnonzero(crowd.gold >= 0)
    losses = np.zeros(crowd.n_rows)
    chance = np.maximum(soft[known, crowd.gold[known]], 1e-300)
    losses[known] = -crowd.row_weight[known] * np.log(chance)
    soft[known] = np.eye(n_classes)[crowd.gold[known]]
    chance = np.einsum("ek,ek->e", soft[crowd.item], table[crowd.code])
    costs = -crowd.weight * np.log(np.maximum(chance, 1e-300))
    return losses + np.bincount(crowd.item, weights=costs, minlength=crowd.n_rows)
