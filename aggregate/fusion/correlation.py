"""How far annotators err together: what is known of it, and soft labels that allow for the rest.

The correlation ρ of annotators' errors decides how sure a soft label may be (see
`aggregate.fusion.design_effect`), and it is never known exactly. A belief is a distribution
over ρ; votes and gold sharpen it; a soft label is the mean of the posteriors over it. Such a
mean is sure of itself only where every plausible ρ is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._blocks import fill_blocks, item_blocks
from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.fusion.confidence import design_effect
from aggregate.fusion.posterior import clamp
from aggregate.kernels.confidence import averaged_softmax

Float = NDArray[np.float64]

_SHAPE = 1.5  # before any data: Beta(1, 1.5), of mean 0.4, which excludes nothing
_N_VALUES = 16
_VISIBLE = 0.1  # share of ρ that shows as agreement beyond the model; see docs/confidence.rst
_SCATTER = 0.02  # how far crowds depart from that share


@dataclass(frozen=True)
class CorrelationBelief:
    """A distribution over the annotators' correlation ρ, on a grid.

    Parameters
    ----------
    values : ndarray of shape (S,)
        Correlations, from 0 to 1.
    weights : ndarray of shape (S,)
        Their probabilities.

    Examples
    --------
    >>> from aggregate.fusion import CorrelationBelief
    >>> belief = CorrelationBelief.plausible()
    >>> round(belief.mean, 2)
    0.4
    >>> belief.observe_excess(0.09, 0.01).mean > belief.mean
    True
    """

    values: Float
    weights: Float

    @classmethod
    def given(cls, annotator_correlation: float) -> CorrelationBelief:
        """Return the certainty of one value."""
        check_number("annotator_correlation", annotator_correlation, low=0, high=1)
        return cls(np.array([float(annotator_correlation)]), np.ones(1))

    @classmethod
    def plausible(cls) -> CorrelationBelief:
        """Return what to believe of a crowd before seeing it: mean 0.4, nothing excluded."""
        edges = np.linspace(0, 1, _N_VALUES + 1)
        return cls((edges[1:] + edges[:-1]) / 2, np.diff(1 - (1 - edges) ** _SHAPE))

    @cached_property
    def mean(self) -> float:
        """The expected correlation."""
        return float(self.values @ self.weights)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the bounds between which ρ lies with this probability, on the grid."""
        check_number("level", level, low=0, high=1)
        cumulated = np.cumsum(self.weights)
        tail = (1 - level) / 2
        bounds = np.searchsorted(cumulated, [tail, 1 - tail]).clip(max=len(self.values) - 1)
        low, high = self.values[bounds].tolist()
        return low, high

    def observe_excess(self, excess: float, error: float) -> CorrelationBelief:
        r"""Return the belief after seeing how far pairs agree beyond a model.

        Most of what annotators share is invisible: an error that all of them make looks like
        the truth. On the real sets this was measured on, the share that shows is a tenth:

        .. math:: e \sim \mathrm{N}(\rho / 10,\ \sigma^2 + 0.02^2)

        Parameters
        ----------
        excess : float
            e, the agreement of pairs beyond the model as a share of the most it could be.
        error : float
            σ, its standard error; infinite where no pair was seen.
        """
        if not np.isfinite(error):
            return self
        spread = np.hypot(error, _SCATTER)
        return self._times(-(((excess - self.values * _VISIBLE) / spread) ** 2) / 2)

    def observe_gold(
        self, scores: Float, n_labels: ArrayLike, gold: NDArray[np.integer]
    ) -> CorrelationBelief:
        """Return the belief after seeing the truth of some items.

        Parameters
        ----------
        scores : ndarray of shape (N, K)
            Log joints of a model that has not seen the gold.
        n_labels : array-like of shape (N,)
            Labels of each item.
        gold : ndarray of int, shape (N,)
            Class codes, -1 where unknown. One label tells nothing of ρ, nor does an item
            without any.
        """
        known = np.flatnonzero((np.asarray(gold) >= 0) & (np.asarray(n_labels) > 1))
        truth = np.asarray(gold)[known]
        evidence = np.empty(len(self.values))
        for place, value in enumerate(self.values.tolist()):
            effect = design_effect(np.asarray(n_labels)[known], value)
            tempered = scores[known] / effect[:, np.newaxis]
            chosen = tempered[np.arange(len(known)), truth]
            evidence[place] = (chosen - np.logaddexp.reduce(tempered, axis=1)).sum()
        return self._times(evidence)

    def _times(self, log_likelihood: Float) -> CorrelationBelief:
        with np.errstate(divide="ignore"):  # a weight may have underflowed
            logs = np.log(self.weights) + log_likelihood
        return CorrelationBelief(self.values, np.exp(logs - np.logaddexp.reduce(logs)))


def average_posterior(
    annotations: Annotations,
    scores: Float,
    belief: CorrelationBelief,
    *,
    gold: NDArray[np.int32] | None = None,
    n_jobs: int | None = None,
) -> Float:
    r"""Return the mean posterior over what is believed of the annotators' correlation.

    .. math:: q_{ik} = \sum_s w_s \,
        \mathrm{softmax}_k\bigl(\ell_{ik} / (1 + (r_i - 1)\rho_s)\bigr)

    The class that is ahead is the same for every ρ, hence also in the mean.

    Parameters
    ----------
    annotations : Annotations
    scores : ndarray of shape (N, K)
        Log joints, see `aggregate.fusion.log_joint`; left as they are.
    belief : CorrelationBelief
    gold : ndarray of int32, shape (N,), optional
        Known class of each item, -1 where unknown.
    n_jobs : int, optional
        Threads; -1 for all processors. The result is the same to the last bit.

    Returns
    -------
    ndarray of shape (N, K)

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate import Annotations
    >>> from aggregate.fusion import CorrelationBelief, average_posterior
    >>> votes = Annotations.from_matrix([[0, 0, 0]], classes=[0, 1])
    >>> scores = np.log([[0.98, 0.02]])
    >>> average_posterior(votes, scores, CorrelationBelief.given(0)).round(2)
    array([[0.98, 0.02]])
    >>> average_posterior(votes, scores, CorrelationBelief.plausible()).round(2)
    array([[0.9, 0.1]])
    """
    probas = np.empty_like(scores)
    fill_blocks(
        lambda first, last: averaged_softmax(
            annotations.item_ptr, belief.values, belief.weights, first, last, scores, probas
        ),
        item_blocks(annotations.item_ptr),
        n_jobs,
    )
    return clamp(probas, gold)
