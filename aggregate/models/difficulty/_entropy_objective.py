"""The penalised likelihood of minimax conditional entropy over annotators, items and prior."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate._blocks import item_blocks, run_blocks
from aggregate.annotations import Annotations
from aggregate.kernels.minimax_entropy import entropy_gradient
from aggregate.models.difficulty._ascent import LogPrior, Objective

Float = NDArray[np.float64]

_NO_GOLD = np.empty(0, dtype=np.int32)
_STEEPEST = 300.0  # of a log odds: two exponentials of it still multiply to a number


def basis(n_classes: int, scale: str) -> Float:
    """Return the tables that free parameters add up to, shape (K·K, D).

    Nominal: one per cell. Ordinal: for every threshold between two classes, one for each of
    the four combinations of truth and label below or above it.

    Examples
    --------
    >>> basis(3, "ordinal").shape
    (9, 8)
    >>> basis(3, "ordinal")[:, 0].reshape(3, 3)  # truth and label below the first threshold
    array([[1., 0., 0.],
           [0., 0., 0.],
           [0., 0., 0.]])
    """
    if scale == "nominal" or n_classes == 1:
        return np.eye(n_classes * n_classes)
    above = np.arange(n_classes) >= np.arange(1, n_classes)[:, np.newaxis]
    sides = np.stack([~above, above], axis=1).astype(np.float64)  # threshold, side, class
    tables = np.einsum("sak,sby->sabky", sides, sides)
    return np.ascontiguousarray(tables.reshape(-1, n_classes * n_classes).T)


def odds(parameters: Float, tables: Float, n_classes: int) -> Float:
    """Return the exponentials of the tables that parameters of shape (n, D) add up to."""
    log_odds = np.clip(parameters @ tables.T, -_STEEPEST, _STEEPEST)
    return np.exp(log_odds).reshape(-1, n_classes, n_classes)


def odds_with_typical(log_odds: Float) -> Float:
    """Return the exponentials of the annotators' tables (M, K, K) and, last, of their mean."""
    n_classes = log_odds.shape[2]
    everyone = np.append(log_odds, typical(log_odds)).reshape(-1, n_classes * n_classes)
    return odds(everyone, np.eye(n_classes * n_classes), n_classes)


def softmax(log_odds: Float) -> Float:
    """Return the chances whose log odds are given along the last axis."""
    chances = np.exp(log_odds - log_odds.max(axis=-1, keepdims=True))
    return np.asarray(chances / chances.sum(axis=-1, keepdims=True))


def typical(tables: Float) -> Float:
    """Return the mean of the annotators' tables, zeros if there are none."""
    return np.asarray(tables.sum(axis=0) / max(len(tables), 1))


class EntropyObjective:
    """The objective of a data set, its gradient, and how its coordinates are laid out.

    Parameters
    ----------
    annotations : Annotations
    gold : ndarray of int32, shape (N,), or None
    log_prior : LogPrior
    tables : ndarray of shape (K·K, D)
        See `basis`.
    penalties : (float, float)
        Of half the squared parameters of annotators and of items.
    n_jobs : int or None
    """

    def __init__(
        self,
        annotations: Annotations,
        gold: NDArray[np.int32] | None,
        log_prior: LogPrior,
        tables: Float,
        penalties: tuple[float, float],
        n_jobs: int | None,
    ) -> None:
        self.annotations, self.log_prior, self.tables = annotations, log_prior, tables
        self.gold, self.n_jobs = (_NO_GOLD if gold is None else gold), n_jobs
        n_classes, n_free = annotations.n_classes, tables.shape[1]
        self.bounds = item_blocks(
            annotations.item_ptr, table_size=annotations.n_annotators * n_classes**2
        )
        sizes = (
            annotations.n_annotators * n_free,
            annotations.n_items * n_free,
            log_prior.n_free,
        )
        self.ends = np.cumsum(sizes)[:-1]
        self.penalty = np.repeat([*penalties, 0.0], sizes)

    def start(self) -> Float:
        """Return tables of zeros, under which all labels are equally likely."""
        return np.zeros(len(self.penalty))

    def split(self, point: Float) -> tuple[Float, Float, Float]:
        """Return the parameters of annotators (M, D), of items (N, D), and of the prior."""
        annotators, items, free = np.split(point, self.ends)
        n_free = self.tables.shape[1]
        return annotators.reshape(-1, n_free), items.reshape(-1, n_free), free

    def given(self, soft: Float) -> Objective:
        """Return the objective under posteriors taken for granted; empty to compute them."""
        votes, n_classes = self.annotations, self.annotations.n_classes

        def objective(point: Float) -> tuple[float, Float]:
            annotators, items, free = self.split(point)
            log_prior = self.log_prior.log_prior(free)
            by_annotator = odds(annotators, self.tables, n_classes)
            by_item = odds(items, self.tables, n_classes)
            to_item = np.empty_like(by_item)

            def block(first: int, last: int) -> tuple[float, Float, Float]:
                to_annotator, mass = np.zeros_like(by_annotator), np.zeros(n_classes)
                value = entropy_gradient(
                    votes.item_ptr, votes.annotator, votes.label, self.gold, soft, log_prior,
                    by_annotator, by_item, first, last, to_annotator, to_item, mass,
                )  # fmt: skip
                return value, to_annotator, mass

            value, to_annotator, mass = 0.0, np.zeros_like(by_annotator), np.zeros(n_classes)
            for part in run_blocks(block, self.bounds, self.n_jobs):
                value += part[0]
                to_annotator += part[1]
                mass += part[2]
            extra, to_free = self.log_prior.add(log_prior, mass)
            value += extra - 0.5 * float((self.penalty * point**2).sum())
            slopes = (to_annotator, to_item)
            flat = [(slope.reshape(-1, n_classes**2) @ self.tables).ravel() for slope in slopes]
            return value, np.concatenate([*flat, to_free]) - self.penalty * point

        return objective
