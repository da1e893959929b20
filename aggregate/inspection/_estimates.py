"""Estimates with errors and intervals, and everything that `uncertainty` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from aggregate._validation import check_choice, check_number
from aggregate.inspection._draws import Laplace, Parameters

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Estimates:
    """Values with standard errors and intervals, all of one shape."""

    value: Float
    standard_error: Float
    low: Float
    high: Float


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """What `uncertainty` returns; printing it gives a few lines.

    Attributes
    ----------
    method : {"information", "bootstrap"}
    level : float
        Coverage of the intervals.
    annotators, classes : ndarray
        What the axes stand for.
    n_labels : ndarray of shape (M,)
        Labels of each annotator.
    confusion : Estimates of shape (M, K, K)
        Of ``confusion_``, truth in the rows.
    skill : Estimates of shape (M,)
        Of ``annotator_skill_``.
    class_prior : Estimates of shape (K,)
        Of ``class_prior_``: how often each class occurs wherever such items come from.
    prevalence : Estimates of shape (K,)
        The share of each class among these very items (without the correction for correlated
        annotators, which makes single items less sure but does not move their sum).
    effective_labels : ndarray of shape (M, K)
        Labels with known truth that would tell as much of a row of confusions, the prior's
        pseudo-labels included.
    """

    method: str
    level: float
    annotators: NDArray[Any]
    classes: NDArray[Any]
    n_labels: NDArray[np.int64]
    confusion: Estimates
    skill: Estimates
    class_prior: Estimates
    prevalence: Estimates
    effective_labels: Float
    _laplace: Laplace | None = None

    def sample_parameters(
        self, n_draws: int, random_state: int | np.random.Generator | None = None
    ) -> Parameters:
        """Draw plausible confusions and class priors (Laplace's approximation).

        Parameters
        ----------
        n_draws : int
        random_state : int or Generator, optional
            Seed.

        Returns
        -------
        named tuple
            ``confusion`` of shape (n_draws, M, K, K), ``class_prior`` of shape (n_draws, K).

        Raises
        ------
        ValueError
            If the errors come from the bootstrap, which has its own draws, or are those of an
            average of models (`Auto`), of which every member has its own.
        """
        check_number("n_draws", n_draws, low=1, integer=True)
        if self._laplace is None:
            raise ValueError(
                "draws need method='information', and one model, not an average; of an Auto, give "
                "uncertainty a member such as members_['hierarchical'], or use sample_labels."
            )
        drawn = self._laplace.draw(n_draws, np.random.default_rng(random_state))
        confusion, prior = zip(*drawn, strict=True)
        return Parameters(np.stack(confusion), np.stack(prior))

    def to_table(self, what: str = "skill") -> dict[str, NDArray[Any]]:
        """Return one column per quantity, ready for a data frame.

        Parameters
        ----------
        what : {"skill", "confusion", "classes"}
            A row per annotator; per annotator, truth and label; or per class.
        """
        check_choice("what", what, ("skill", "confusion", "classes"))
        n_annotators, n_classes = len(self.annotators), len(self.classes)
        if what == "skill":
            names: dict[str, NDArray[Any]] = {
                "annotator": self.annotators,
                "labels": self.n_labels,
            }
            return names | _columns(self.skill)
        if what == "confusion":
            names = {
                "annotator": np.repeat(self.annotators, n_classes**2),
                "truth": np.tile(np.repeat(self.classes, n_classes), n_annotators),
                "label": np.tile(self.classes, n_annotators * n_classes),
            }
            return names | _columns(self.confusion)
        shares = {f"prevalence_{name}": part for name, part in _columns(self.prevalence).items()}
        return {"class": self.classes} | _columns(self.class_prior) | shares

    def __str__(self) -> str:
        """Tell the classes and how well annotators are known."""
        lines = [f"{self.level:.0%} intervals by {self.method}"]
        for k, name in enumerate(self.classes.tolist()):
            prior, share = _interval(self.class_prior, k), _interval(self.prevalence, k)
            lines.append(f"class {name}: prior {prior}; among these items {share}")
        width = self.skill.high - self.skill.low
        order = np.argsort(width, kind="stable")
        shown = order if len(order) <= 6 else np.concatenate((order[:3], order[-3:]))
        for j in shown.tolist():
            name, labels = self.annotators.tolist()[j], self.n_labels[j]
            lines.append(f"annotator {name}: right {_interval(self.skill, j)}, {labels:,} labels")
        if len(order) > 6:
            lines.insert(-3, f"… {len(order) - 6:,} annotators between the best and least known …")
        return "\n".join(lines)


def _columns(estimates: Estimates) -> dict[str, NDArray[Any]]:
    names = ("value", "standard_error", "low", "high")
    return {name: getattr(estimates, name).ravel() for name in names}


def _interval(estimates: Estimates, place: int) -> str:
    value, low, high = (part[place] for part in (estimates.value, estimates.low, estimates.high))
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def beta_intervals(value: Float, centre: Float, variance: Float, level: float) -> Estimates:
    """Return intervals from Beta distributions about the centre that hold the value, too.

    The standard deviation of a Beta distribution of n labels is that of n + 1; the difference is
    what makes it exact where n labels were counted.
    """
    doubt = centre * (1 - centre)
    certain = (variance <= 0) | (doubt <= 0)
    labels = np.divide(doubt, variance, out=np.ones_like(doubt), where=~certain)
    right = np.where(certain, 0.5, centre) * labels
    wrong = labels - right
    tail = (1 - level) / 2
    low, high = betaincinv(right, wrong, tail), betaincinv(right, wrong, 1 - tail)
    low, high = (np.where(certain, centre, end) for end in (low, high))
    return Estimates(
        np.asarray(value),
        np.sqrt(variance),
        np.minimum(low, value),
        np.maximum(high, value),
    )


def percentiles(value: Float, drawn: Float, level: float) -> Estimates:
    """Return standard deviations and percentiles over draws, widened to hold the values."""
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0, method="weibull")
    error = drawn.std(axis=0, ddof=1)
    return Estimates(np.asarray(value), error, np.minimum(low, value), np.maximum(high, value))


def effective_labels(confusion: Float, variance: Float) -> Float:
    """Return how many labels with known truth would give the rows their variance."""
    doubt, total = (confusion * (1 - confusion)).sum(axis=2), variance.sum(axis=2)
    return np.divide(doubt, total, out=np.full(doubt.shape, np.inf), where=total > 0)
