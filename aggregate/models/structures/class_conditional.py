"""One chance of being right per annotator and true class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate.models._problem import Structure
from aggregate.models.structures._coins import Coins
from aggregate.models.structures._tied import TiedDawidSkene

Float = NDArray[np.float64]


class ClassConditionalDawidSkene(TiedDawidSkene):
    r"""Soft labels from votes by one chance of being right per annotator and true class.

    `DawidSkene` whose confusion matrices have the form

    .. math::

        A_j[k, y] = \begin{cases} p_{jk} & y = k \\ (1 - p_{jk}) / (K - 1) & y \ne k
        \end{cases}

    where :math:`p_{jk}` is the chance that annotator j is right on an item whose true class
    is k of K, and a mistake falls on any other class alike (the "confusion vector"). The fit
    maximises

    .. math::

        \sum_i \log \sum_k \pi_k \prod_{e \in i} A_{j_e}[k, y_e]
        + s \sum_{j,k} \bigl(a \log p_{jk} + (1 - a) \log (1 - p_{jk})\bigr)
        + \frac{s}{K} \sum_k \log \pi_k

    with the class prior :math:`\pi` and s pseudo-labels per chance, a share a of them right.
    With K classes it has K numbers per annotator in place of K(K - 1): a middle course
    between one coin and the full matrix where labels are few. With two classes it is the
    full, "two-coin" matrix. It fails where the *direction* of mistakes tells something
    (neighbouring grades): the wrong labels count alike.

    Parameters are those of `DawidSkene`.

    Attributes
    ----------
    confusion_ : ndarray of shape (M, K, K)
        The chances of being right stand on the diagonals.
    class_prior_, annotator_skill_, probas_, labels_ : ndarray
        As in `DawidSkene`, like all the others.

    References
    ----------
    Y. Li, B. I. P. Rubinstein and T. Cohn, Exploiting worker correlation for label
    aggregation in crowdsourcing, ICML 2019, PMLR 97:3886-3895, section 2.

    J. Pullin, L. Gurrin and D. Vukcevic, Statistical models of repeated categorical rating:
    the R package rater, The R Journal 15(1), 2023, class-conditional Dawid-Skene.

    Examples
    --------
    >>> from aggregate import ClassConditionalDawidSkene
    >>> votes = [[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [2, 2, -1]]
    >>> ClassConditionalDawidSkene().fit_predict(votes)
    array([0, 1, 0, 1, 2])
    """

    def _structure(self, history: Float | None) -> Structure:
        return Coins(
            len(self.classes_),
            self.prior_accuracy,
            self.prior_strength,
            per_class=True,
            history=history,
        )
