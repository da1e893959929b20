"""Reading pairs of annotators from reports or a matrix: excess agreement, findings, groups."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

Float = NDArray[np.float64]


class Agreeing(NamedTuple):
    """P pairs: codes, excess agreement, and 1 or -1 where it is beyond chance.

    ``groups`` are those that were found with them, -1 for nobody; ``unit`` says what the excess
    counts, and ``full`` is the least excess with the full colour.
    """

    codes: NDArray[np.integer[Any]]
    excess: Float
    mark: Float
    names: NDArray[Any]
    groups: NDArray[Any] | None = None
    unit: str = "agreement beyond the model, standard errors"
    full: float = 4.0


def read_agreeing(pairs: Any, annotators: ArrayLike | None, level: float) -> Agreeing:
    """Return the pairs of a report, of `PairResiduals` or of a square matrix."""
    if annotators is None:
        annotators = getattr(pairs, "annotators", None)
    inner = getattr(pairs, "pairs", None)
    if hasattr(inner, "verdict"):
        found = _from_report(pairs, annotators)
    elif hasattr(pairs, "excess") or hasattr(inner, "excess"):
        residuals: Any = pairs if hasattr(pairs, "excess") else inner
        codes, excess = np.asarray(residuals.pairs), np.asarray(residuals.excess, np.float64)
        found = Agreeing(codes, excess, _mark(excess, level), _names(annotators, codes))
    else:
        found = _from_matrix(pairs, annotators, level)
    if not len(found.excess):
        raise ValueError("no pair of annotators can be compared; there is nothing to draw.")
    return found


def _mark(excess: Float, level: float) -> Float:
    """Return 1 where agreement is above what chance explains, -1 where below, else 0."""
    limit = float(-ndtri(level / max(len(excess), 1)))
    return np.sign(excess) * (abs(excess) > limit)


def _names(annotators: ArrayLike | None, codes: NDArray[np.integer[Any]]) -> NDArray[Any]:
    fewest = int(codes.max(initial=-1)) + 1
    names = np.arange(fewest) if annotators is None else np.asarray(annotators)
    if len(names) < fewest:
        raise ValueError(
            f"annotators must name all {fewest} annotators of the pairs; got {len(names)}."
        )
    return names


def _from_report(report: Any, annotators: ArrayLike | None) -> Agreeing:
    """Return the pairs of a `DependenceReport`, with what it found at its own level.

    Copiers pass for experts in the model, which then expects their agreement; the rate of
    copying, from fits without them, does not fall for it.
    """
    pairs = report.pairs
    rate = np.asarray(pairs.rate, dtype=np.float64)
    mark = (np.asarray(pairs.verdict) == "copying").astype(np.float64)
    groups = np.asarray(report.group)
    known = groups if (groups >= 0).any() else None
    names = _names(annotators, pairs.codes)
    return Agreeing(pairs.codes, rate, mark, names, known, "share of labels copied", 1.0)


def _from_matrix(given: Any, annotators: ArrayLike | None, level: float) -> Agreeing:
    matrix = np.asarray(given, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(
            "pairs must come from dependence_report or pair_residuals, or be a square matrix of "
            f"excess agreement; got shape {matrix.shape}."
        )
    names = np.arange(len(matrix)) if annotators is None else np.asarray(annotators)
    if len(names) != len(matrix):
        raise ValueError(f"annotators must name {len(matrix)} annotators; got {len(names)}.")
    one, other = np.triu_indices(len(matrix), 1)
    values = matrix[one, other]
    if not np.array_equal(values, matrix[other, one], equal_nan=True) or np.isinf(values).any():
        raise ValueError("pairs must be a symmetric matrix, finite or NaN.")
    known = ~np.isnan(values)
    codes, excess = np.stack([one[known], other[known]], axis=1), values[known]
    return Agreeing(codes, excess, _mark(excess, level), names)
