"""A test of whether an annotator's labels follow the others' at all, and in which direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, ncx2, norm

from aggregate.annotations import Annotations
from aggregate.fusion import vote_counts
from aggregate.kernels.pooled import pooled_sums

Float = NDArray[np.float64]

_RANK = 1e-9  # relative; smaller eigenvalues count as zero
_FEWEST = 3  # labels below which no permutation says anything


@dataclass(frozen=True, eq=False)
class PooledTest:
    """What `pooled_test` returns.

    Attributes
    ----------
    n_labels : ndarray of shape (M,)
        Labels on items that others labelled too.
    statistic, degrees : ndarray of shape (M,)
        Chi-square statistic and its degrees of freedom.
    p_value : ndarray of shape (M,)
        Chance of such a statistic if the labels do not depend on the items; NaN where the votes
        cannot tell (too few, or all alike).
    direction : ndarray of shape (M,)
        Agreement with the others beyond chance, in standard errors; negative against them.
    constant : ndarray of shape (M,)
        For annotators who gave one label only: the chance that somebody who is right every
        other time never says anything else, though most of the others did; NaN for the rest.
    """

    n_labels: Float
    statistic: Float
    degrees: NDArray[np.int64]
    p_value: Float
    direction: Float
    constant: Float

    def missed(self, level: float, closeness: float, variety: Float) -> Float:
        """Return the chance to take somebody informative for a spammer, per annotator.

        Somebody, that is, with the same number of labels, which follow the others
        ``closeness`` times as closely as those of the median annotator who passes the test.

        Parameters
        ----------
        level : float
            Of the test.
        closeness : float
        variety : ndarray of shape (M,)
            How much the classes vary over each annotator's items; where they vary less than is
            typical, nobody can follow the others so closely.
        """
        passed = self.p_value < level
        if not passed.any():
            return np.ones(len(self.p_value))
        excess = np.maximum(self.statistic - self.degrees, 0) / np.maximum(self.n_labels - 1, 1)
        typical = float(np.median(excess[passed])) * closeness**2
        degrees = np.maximum(self.degrees, 1)
        accept = chi2.isf(level, degrees)
        usual = max(float(np.median(variety[passed])), 1e-12)
        centre = np.maximum(self.n_labels - 1, 0) * typical * np.minimum(variety / usual, 1.0)
        missed = np.where(centre > 0, ncx2.cdf(accept, degrees, np.maximum(centre, 1e-12)), 1.0)
        missed = np.where(self.degrees > 0, missed, self.constant)
        return np.asarray(np.where(np.isnan(missed), 1.0, missed))


def pooled_test(annotations: Annotations) -> PooledTest:
    r"""Test for each annotator whether the centred co-occurrence with the others is zero.

    Write :math:`e_i` for the one-hot label of annotator j on item i and :math:`v_i` for the
    shares of the others' labels there. For somebody whose labels do not depend on the item,

    .. math:: C_j = \sum_i (e_i - \bar e)(v_i - \bar v)^\top

    has mean zero: this is the co-occurrence with all other annotators pooled, centred. If the
    labels of j are reshuffled over the items, its entries have exactly the covariance
    :math:`S_e \otimes S_v / (n - 1)`, with S the two scatter matrices and n the labels; so
    :math:`(n - 1)\, \mathrm{tr}(S_e^+ C S_v^+ C^\top)` is about chi-square with rank(S_e) rank(S_v)
    degrees of freedom, however the others depend on each other. The trace of
    C, in units of its standard deviation, is the direction.

    It cannot tell on items that all look alike to the others, nor from a few labels; somebody
    who only follows a group that cancels out in the shares looks like a spammer.

    Parameters
    ----------
    annotations : Annotations

    Returns
    -------
    PooledTest

    References
    ----------
    P. A. Traganitis and G. B. Giannakis, Identifying spammers to boost crowdsourced
    classification, ICASSP 2021 (a spammer's centred co-occurrence with anybody is zero; here all
    pairs of an annotator are pooled, which keeps the level though the pairs are dependent).

    K. C. S. Pillai, Some new test criteria in multivariate analysis, Annals of Mathematical
    Statistics 26(1):117-121, 1955 (the statistic).

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate import Annotations
    >>> from aggregate.inspection import pooled_test
    >>> truth = np.arange(60) % 2
    >>> random = np.random.default_rng(0).integers(0, 2, 60)
    >>> table = np.column_stack([truth, truth, truth, 1 - truth, random])
    >>> test = pooled_test(Annotations.from_matrix(table))
    >>> (test.p_value < 0.01).tolist(), (test.direction < -3).tolist()
    ([True, True, True, True, False], [False, False, False, True, False])
    """
    n, votes, labels, cross, squares = _sums(annotations)
    size = np.maximum(n, 1)[:, np.newaxis, np.newaxis]
    centred = cross - labels[:, :, np.newaxis] * votes[:, np.newaxis, :] / size
    of_labels = _scatter(np.einsum("jy,yz->jyz", labels, np.eye(annotations.n_classes)), labels, n)
    of_votes = _scatter(squares, votes, n)
    inverse_labels, rank_labels = _inverse(of_labels, n)
    inverse_votes, rank_votes = _inverse(of_votes, n)
    product = inverse_labels @ centred @ inverse_votes
    statistic = np.maximum(n - 1, 0) * np.einsum("jyk,jyk->j", product, centred)
    degrees = rank_labels * rank_votes
    p_value = np.where(degrees > 0, chi2.sf(statistic, np.maximum(degrees, 1)), np.nan)
    p_value[(rank_labels == 0) & (rank_votes > 0)] = 1.0
    p_value[n < _FEWEST] = np.nan
    spread = np.einsum("jyk,jyk->j", of_labels, of_votes) / np.maximum(n - 1, 1)
    trace = np.einsum("jkk->j", centred)
    direction = np.divide(trace, np.sqrt(spread), out=np.zeros(len(n)), where=spread > 1e-12)
    alike = (labels.max(axis=1) == n) & (n > 0)
    constant = np.where(alike, 0.5 ** _contradicted(annotations), np.nan)
    return PooledTest(n, statistic, degrees, p_value, direction, constant)


def direction_p_value(direction: Float) -> Float:
    """Return the chance of so much disagreement with the others, without any intent."""
    return np.asarray(norm.cdf(direction))


def _contradicted(annotations: Annotations) -> NDArray[np.int64]:
    """Return on how many items most of the others say something else, shape (M,)."""
    votes = vote_counts(annotations)
    entries = np.arange(annotations.n_annotations)
    others = votes[annotations.item]
    others[entries, annotations.label] -= 1
    ahead = others.max(axis=1, initial=0) > others.sum(axis=1) / 2
    ahead &= others[entries, annotations.label] < others.max(axis=1, initial=0)
    return np.bincount(annotations.annotator[ahead], minlength=annotations.n_annotators)


def _sums(annotations: Annotations) -> tuple[Float, Float, Float, Float, Float]:
    n_annotators, n_classes = annotations.n_annotators, annotations.n_classes
    n, votes = np.zeros(n_annotators), np.zeros((n_annotators, n_classes))
    labels = np.zeros_like(votes)
    cross = np.zeros((n_annotators, n_classes, n_classes))
    squares = np.zeros_like(cross)
    pooled_sums(
        annotations.item_ptr, annotations.annotator, annotations.label, 0, annotations.n_items,
        n, votes, labels, cross, squares,
    )  # fmt: skip
    return n, votes, labels, cross, squares


def _scatter(squares: Float, sums: Float, n: Float) -> Float:
    size = np.maximum(n, 1)[:, np.newaxis, np.newaxis]
    return squares - sums[:, :, np.newaxis] * sums[:, np.newaxis, :] / size


def _inverse(scatter: Float, n: Float) -> tuple[Float, NDArray[np.int64]]:
    """Return the pseudo-inverse and the rank of each scatter matrix of n vectors in [0, 1]."""
    if not len(scatter):
        return scatter, np.zeros(0, dtype=np.int64)
    values, vectors = np.linalg.eigh(scatter)
    kept = values > _RANK * np.maximum(n, 1)[:, np.newaxis]
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=kept)
    return (vectors * inverse[:, np.newaxis, :]) @ vectors.transpose(0, 2, 1), kept.sum(axis=1)
