"""One chance of being right per annotator."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.models._problem import Structure
from aggregate.models.structures._coins import Coins
from aggregate.models.structures._tied import TiedDawidSkene

Float = NDArray[np.float64]

_USED, _LOST = 0.05, 0.25  # a class with 5% of the votes and a quarter of that mass is lost


class OneCoinDawidSkene(TiedDawidSkene):
    r"""Soft labels from votes by one chance of being right per annotator.

    `DawidSkene` whose confusion matrices have the form

    .. math::

        A_j[k, y] = \begin{cases} p_j & y = k \\ (1 - p_j) / (K - 1) & y \ne k \end{cases}

    where :math:`p_j` is the chance that annotator j is right, whatever the true class k of
    the K, and a mistake falls on any other class alike. The fit maximises

    .. math::

        \sum_i \log \sum_k \pi_k \prod_{e \in i} A_{j_e}[k, y_e]
        + s \sum_j \bigl(a \log p_j + (1 - a) \log (1 - p_j)\bigr)
        + \frac{s}{K} \sum_k \log \pi_k

    with the class prior :math:`\pi` and, per annotator, s pseudo-labels of which a share a is
    right. One number per annotator is learned from a few labels; the soft label is a vote in
    which annotator j has the weight :math:`\log((K - 1) p_j / (1 - p_j))`.

    It fails where mistakes are not even: if the crowd takes a for b but not b for a, it can
    only explain the votes by making one class rare, and may empty it. A warning says so;
    ``class_prior="uniform"`` or `ClassConditionalDawidSkene` is the remedy.

    Parameters are those of `DawidSkene`, with ``prior_strength`` pseudo-labels per annotator.

    Attributes
    ----------
    confusion_ : ndarray of shape (M, K, K)
    annotator_skill_ : ndarray of shape (M,)
        The chances of being right.
    class_prior_, probas_, labels_ : ndarray
        As in `DawidSkene`, like all the others.

    References
    ----------
    A. P. Dawid and A. M. Skene, Maximum likelihood estimation of observer error-rates using
    the EM algorithm, Journal of the Royal Statistical Society C 28(1):20-28, 1979.

    Y. Zhang, X. Chen, D. Zhou and M. I. Jordan, Spectral methods meet EM: a provably optimal
    algorithm for crowdsourcing, Journal of Machine Learning Research 17(102):1-44, 2016,
    section 4.

    Examples
    --------
    >>> from aggregate import OneCoinDawidSkene
    >>> votes = [[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, -1]]
    >>> model = OneCoinDawidSkene().fit(votes)
    >>> model.labels_
    array([0, 1, 0, 1, 0])
    >>> model.annotator_skill_.round(2)
    array([0.85, 0.85, 0.61])
    """

    def _structure(self, history: Float | None) -> Structure:
        return Coins(
            len(self.classes_),
            self.prior_accuracy,
            self.prior_strength,
            per_class=False,
            history=history,
        )

    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        super()._fit(annotations, gold, **data)
        warn_of_lost_classes(annotations, self.class_prior_)


def lost_classes(annotations: Annotations, class_prior: Float) -> NDArray[np.bool_]:
    """Tell which classes the votes speak for and a class prior all but lacks."""
    share = _vote_shares(annotations)
    return np.asarray((share > _USED) & (class_prior < _LOST * share))


def _vote_shares(annotations: Annotations) -> Float:
    used = annotations.labels_per_class
    return np.asarray(used / max(used.sum(), 1))


def warn_of_lost_classes(annotations: Annotations, class_prior: Float) -> None:
    """Tell the user of classes that the votes speak for and the fit has all but removed."""
    share = _vote_shares(annotations)
    lost = lost_classes(annotations, class_prior)
    if lost.any():
        figures = [
            f"{name!r} ({mass:.1%} of the items, {votes:.0%} of the votes)"
            for name, mass, votes in zip(
                annotations.classes[lost].tolist(), class_prior[lost], share[lost], strict=True
            )
        ]
        warnings.warn(
            "one chance of being right per annotator explains these votes best by (almost) "
            f"removing a class: {', '.join(figures)}. Mistakes are hardly even here: use "
            "ClassConditionalDawidSkene or DawidSkene, or class_prior='uniform'.",
            UserWarning,
            stacklevel=6,
        )
