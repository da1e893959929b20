"""Climb a smooth objective over annotators, items and class prior at once, never downwards."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from tqdm import tqdm

from aggregate.models._class_prior import ClassPrior

Float = NDArray[np.float64]

_LEAST = 0.5  # of the votes that the winners got
_PAIRS = 4  # of steps and slopes kept: with ten, hardly fewer passes at twice the memory
_ITEMS = 300  # with labels, below which nothing is said

Objective = Callable[[Float], tuple[float, Float]]


class Ascent(NamedTuple):
    """Where a climb ended."""

    point: Float
    objective_path: Float
    n_iter: int
    converged: bool


def ascend(
    objective: Objective,
    start: Float,
    scale: Float,
    *,
    max_iter: int,
    tol: float,
    progress: str | None = None,
) -> Ascent:
    """Maximise by L-BFGS, whose line search takes no step that lowers the objective.

    Parameters
    ----------
    objective : callable
        Returns the value and the gradient at a point.
    start, scale : ndarray of shape (D,)
        Where to begin, and how far each coordinate may be expected to move: the climb is in
        ``point / scale``, where an even landscape makes it short.
    max_iter : int
        Most passes over the data.
    tol : float
        Stop when a step raises the objective by less than this share of itself.
    progress : str, optional
        Name of a progress bar.

    Returns
    -------
    Ascent

    References
    ----------
    D. C. Liu and J. Nocedal, On the limited memory BFGS method for large scale optimization,
    Mathematical Programming 45:503-528, 1989.
    """
    path: list[float] = []
    bar = tqdm(disable=progress is None, desc=progress, unit="pass")

    def descent(scaled: Float) -> tuple[float, Float]:
        value, gradient = objective(scaled * scale)
        bar.update()
        if not path:
            path.append(value)
        return -value, -gradient * scale

    def keep(intermediate_result: Any) -> None:
        path.append(-float(intermediate_result.fun))

    options = {"maxiter": max_iter, "maxfun": max_iter, "ftol": tol, "gtol": 0.0, "maxcor": _PAIRS}
    with bar:
        found = minimize(
            descent, start / scale, jac=True, method="L-BFGS-B", callback=keep, options=options
        )
    # Status 1: out of passes. Status 2: no step rises any more, which is the top to rounding.
    return Ascent(found.x * scale, np.array(path), int(found.nfev), found.status != 1)


def warn_unless_converged(converged: bool, max_iter: int, tol: float) -> None:
    """Tell the user that the climb ran out of passes, unless ``tol=0`` says that it was to."""
    if not converged and tol > 0:
        warnings.warn(
            f"the climb had not converged after max_iter={max_iter} passes (the objective still "
            f"rose by more than tol={tol:g} of itself). Raise max_iter or tol; tol=0 says that "
            "stopping early is meant.",
            ConvergenceWarning,
            stacklevel=5,
        )


def warn_if_contrary(shares: Float, soft: Float) -> None:
    """Tell if the labels found are mostly such that few voted for them.

    Parameters
    ----------
    shares, soft : ndarray of shape (N, K)
        Shares of the votes (zero without any), and soft labels.
    """
    followed = shares[np.arange(len(soft)), soft.argmax(axis=1)].sum()
    best = shares.max(axis=1, initial=0).sum()
    if followed < _LEAST * best and (shares > 0).any(axis=1).sum() >= _ITEMS:
        warnings.warn(
            f"the labels found got {followed / max(shares.sum(), 1.0):.0%} of the votes: the "
            "penalty is too strong for so few labels per annotator and class. Lower penalty (to "
            "a hundredth, say) and compare with MajorityVote.",
            UserWarning,
            stacklevel=5,
        )


def warn_of_flat_tables(n_items: int) -> None:
    """Tell that the optimum decides nothing, where there is enough to decide from."""
    if n_items >= _ITEMS:
        warnings.warn(
            "all tables came out flat: the penalty is too strong for so few labels per annotator "
            "and class. The labels come from tables fitted to the vote instead. Lower penalty (to "
            "a hundredth, say) and compare with MajorityVote.",
            UserWarning,
            stacklevel=5,
        )


class LogPrior:
    """The class prior as coordinates of a climb: a softmax where learned, none where fixed.

    Parameters
    ----------
    class_prior : ClassPrior
    """

    def __init__(self, class_prior: ClassPrior) -> None:
        self.rule = class_prior
        self.n_classes = len(class_prior.fixed)
        self.n_free = self.n_classes if class_prior.learned else 0

    def log_prior(self, free: Float) -> Float:
        """Return the logarithm of the class prior at some coordinates."""
        if not self.n_free:
            return np.log(self.rule.maximise(np.zeros(self.n_classes)))
        return np.asarray(free - np.logaddexp.reduce(free))

    def add(self, log_prior: Float, mass: Float) -> tuple[float, Float]:
        """Return the Dirichlet term and, by the items' expected classes, the gradient."""
        if not self.n_free:
            return 0.0, np.empty(0)
        weights = mass + self.rule.pseudo
        gradient = weights - weights.sum() * np.exp(log_prior)
        return self.rule.pseudo * float(log_prior.sum()), gradient
