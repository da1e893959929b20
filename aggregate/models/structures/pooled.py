"""One confusion matrix for the whole crowd."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate.models._confusions import Confusions
from aggregate.models._problem import Structure
from aggregate.models.structures._tied import TiedDawidSkene

Float = NDArray[np.float64]


class PooledConfusion:
    """Maximise over one confusion matrix that all annotators share.

    Parameters
    ----------
    shared : Confusions
        What is believed of that matrix, as of a single annotator's.
    n_annotators : int
    """

    def __init__(self, shared: Confusions, n_annotators: int) -> None:
        self.shared, self.n_annotators = shared, n_annotators

    def maximise(self, counts: Float) -> Float:
        """Return the table, one copy per annotator, that the counts make likeliest."""
        n_classes = counts.shape[1]
        total = counts.reshape(-1, n_classes, n_classes).sum(axis=0)
        return np.tile(self.shared.maximise(total), (self.n_annotators, 1))

    def log_prior(self, table: Float) -> float:
        """Return the log density of the shared matrix, up to a constant."""
        return self.shared.log_prior(table[: table.shape[1]])


class PooledDawidSkene(TiedDawidSkene):
    r"""Soft labels from votes by one confusion matrix for the whole crowd.

    `DawidSkene` with :math:`A_j = A` for every annotator j:

    .. math::

        \sum_i \log \sum_k \pi_k \prod_{e \in i} A[k, y_e]
        + s \sum_{k,y} B[k, y] \log A[k, y] + \frac{s}{K} \sum_k \log \pi_k,

    where the product runs over the labels :math:`y_e` of item i, :math:`\pi` is the class
    prior and B the mean of a Dirichlet prior of s pseudo-labels per row. An item's soft label
    then depends on how many votes each class received and not on whose they are, so it is a
    vote that knows which classes are rare and which are taken for each other. It suits
    anonymous votes and annotators with a handful of labels each. It fails where annotators
    differ: it cannot tell a good one from a bad one.

    Parameters are those of `DawidSkene`; annotators who were not in the fit have the shared
    matrix.

    Attributes
    ----------
    confusion_ : ndarray of shape (M, K, K)
        The shared matrix, once per annotator.
    class_prior_, annotator_skill_, probas_, labels_ : ndarray
        As in `DawidSkene`, like all the others.

    References
    ----------
    B. Paun, B. Carpenter, J. Chamberlain, D. Hovy, U. Kruschwitz and M. Poesio, Comparing
    Bayesian models of annotation, Transactions of the ACL 6:571-585, 2018, section 3.1.

    Examples
    --------
    >>> from aggregate import PooledDawidSkene
    >>> votes = [[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, -1]]
    >>> PooledDawidSkene().fit_predict(votes)
    array([0, 1, 0, 1, 0])
    """

    _one_for_all = True

    def _structure(self, history: Float | None) -> Structure:
        total = None if history is None else history.sum(axis=0, keepdims=True)
        shared = Confusions(super()._stranger(), self.prior_strength, total)
        return PooledConfusion(shared, len(self.annotators_))

    def _silent_stranger(self) -> Float:
        return self.abstention_[0] if len(self.abstention_) else super()._silent_stranger()

    def _stranger(self) -> Float:
        if hasattr(self, "confusion_") and len(self.confusion_):
            return self.confusion_[0]
        return super()._stranger()
