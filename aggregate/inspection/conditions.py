"""Conditions under which confusion matrices are unique: Kruskal's and separability."""

from __future__ import annotations

from itertools import combinations, islice
from math import comb
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._validation import check_distribution, check_number

Float = NDArray[np.float64]

_MOST_SUBSETS: Final = 2_000_000
_AT_ONCE: Final = 4096


def kruskal_rank(matrix: ArrayLike, *, tol: float = 1e-9) -> int:
    r"""Return the largest r such that any r columns are linearly independent.

    .. math:: k_A = \max \{ r : \text{every } r \text{ columns of } A
        \text{ are linearly independent} \}

    where :math:`A` (L, K) is the matrix. It is at most the rank, and smaller where a few
    columns depend on each other: two equal columns give 1, a column of zeros gives 0.

    All subsets of columns are looked at, smallest first, until a dependent one is found; a
    matrix of full column rank needs one look.

    **When it fails.** Noise makes any columns independent. Of an estimated matrix ask with a
    ``tol`` above its error, or use `identifiability_report`, which weighs each singular value
    against its standard error.

    Parameters
    ----------
    matrix : array-like of shape (L, K)
        For a confusion matrix (truth in the rows) pass the transpose.
    tol : float, default=1e-9
        Columns scaled to length one are dependent if their smallest singular value is at
        most this.

    Returns
    -------
    int
        Between 0 and K.

    Raises
    ------
    ValueError
        If the matrix is not two-dimensional and finite, or has so many columns that millions
        of subsets would have to be looked at.

    References
    ----------
    J. B. Kruskal, Three-way arrays: rank and uniqueness of trilinear decompositions, with
    application to arithmetic complexity and statistics, Linear Algebra and its Applications
    18(2):95-138, 1977.

    Examples
    --------
    >>> from aggregate.inspection import kruskal_rank
    >>> kruskal_rank([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    3
    >>> kruskal_rank([[1, 0, 1], [0, 1, 0], [0, 0, 0]])  # two equal columns
    1
    """
    check_number("tol", tol, low=0)
    A = np.asarray(matrix, dtype=np.float64)
    if A.ndim != 2 or not np.isfinite(A).all():
        raise ValueError(f"matrix must be finite with two axes; got shape {A.shape}.")
    lengths = np.linalg.norm(A, axis=0)
    if not A.size or (lengths <= tol).any():
        return 0
    A = A / lengths
    rank = int((np.linalg.svd(A, compute_uv=False) > tol).sum())
    if rank == A.shape[1]:
        return rank
    looked = 0
    for size in range(2, rank + 1):
        looked += comb(A.shape[1], size)
        if looked > _MOST_SUBSETS:
            raise ValueError(
                f"the Kruskal rank of {A.shape[1]} columns takes more than {_MOST_SUBSETS:,} "
                "subsets to find; ask about fewer classes."
            )
        if _some_dependent(A, size, tol):
            return size - 1
    return rank


def _some_dependent(A: Float, size: int, tol: float) -> bool:
    subsets = combinations(range(A.shape[1]), size)
    while chosen := list(islice(subsets, _AT_ONCE)):
        stack = A.T[np.array(chosen)]  # the columns of each subset as rows
        if (np.linalg.svd(stack, compute_uv=False)[:, -1] <= tol).any():
            return True
    return False


def kruskal_holds(
    first: ArrayLike, second: ArrayLike, third: ArrayLike, *, tol: float = 1e-9
) -> bool:
    r"""Tell whether Kruskal's condition makes the confusions of three annotators unique.

    What three annotators say of the same items has the joint probabilities

    .. math:: T[a, b, c] = \sum_{k=1}^{K} \pi_k A_1[k, a] A_2[k, b] A_3[k, c],

    where :math:`\pi_k` is the class prior and :math:`A_j[k, y]` the probability that annotator
    j says y when the truth is k. The prior (positive for every class) and the three confusion
    matrices can be recovered from T, up to the names of the classes, if

    .. math:: k_{A_1} + k_{A_2} + k_{A_3} \ge 2K + 2

    where :math:`k_A` is the `kruskal_rank` of the rows of A. Three annotators who can tell all
    the classes apart (full rank) suffice for K of at least 2; so do two of them and a third who
    is never exactly alike on two classes. A spammer, whose rows are all alike, has Kruskal rank
    1 and spoils the triple.

    **When it fails.** The condition suffices; beyond K = 3 it is not necessary. It says nothing
    of how many labels are needed, and it presumes that the three err independently.

    Parameters
    ----------
    first, second, third : array-like of shape (K, L)
        Confusion matrices, truth in the rows.
    tol : float, default=1e-9
        See `kruskal_rank`.

    Returns
    -------
    bool
        With a single class there is nothing to mix up, and the answer is yes.

    Raises
    ------
    ValueError
        If the matrices differ in their number of classes.

    References
    ----------
    J. B. Kruskal, Three-way arrays: rank and uniqueness of trilinear decompositions, with
    application to arithmetic complexity and statistics, Linear Algebra and its Applications
    18(2):95-138, 1977, theorem 4a.

    N. D. Sidiropoulos and R. Bro, On the uniqueness of multilinear decomposition of N-way
    arrays, Journal of Chemometrics 14(3):229-239, 2000 (any number of annotators:
    the Kruskal ranks must add up to 2K + N - 1).

    P. A. Traganitis, A. Pagès-Zamora and G. B. Giannakis, Blind multiclass ensemble
    classification, IEEE Transactions on Signal Processing 66(18):4737-4752, 2018.

    Examples
    --------
    >>> from aggregate.inspection import kruskal_holds
    >>> careful = [[0.9, 0.1], [0.2, 0.8]]
    >>> spammer = [[0.6, 0.4], [0.6, 0.4]]
    >>> kruskal_holds(careful, careful, careful)
    True
    >>> kruskal_holds(careful, careful, spammer)
    False
    """
    tables = [np.asarray(table, dtype=np.float64) for table in (first, second, third)]
    if any(table.ndim != 2 or len(table) != len(tables[0]) for table in tables):
        raise ValueError(
            "the three confusion matrices must have the same classes in their rows; got shapes "
            f"{', '.join(str(table.shape) for table in tables)}."
        )
    n_classes = len(tables[0])
    total = sum(kruskal_rank(table.T, tol=tol) for table in tables)
    return ranks_suffice(total, n_classes)


def ranks_suffice(total: int, n_classes: int) -> bool:
    """Tell whether three Kruskal ranks of this sum make K components unique."""
    return total >= 2 * n_classes + 2 if n_classes > 1 else total == 3


class Separability(NamedTuple):
    """How near each class comes to having an anchor: what `separability` returns.

    Attributes
    ----------
    epsilon : ndarray of shape (K,)
        Least share of other classes among an annotator's uses of a label; 0 is an anchor,
        1 where nobody ever says anything on items of the class.
    annotator : ndarray of int, shape (K,)
        Code of the annotator who comes nearest, -1 if there is none.
    label : ndarray of int, shape (K,)
        Code of the label that marks the class.
    """

    epsilon: Float
    annotator: NDArray[np.int64]
    label: NDArray[np.int64]


def separability(
    confusion: ArrayLike,
    class_prior: ArrayLike | None = None,
    *,
    uses: ArrayLike | None = None,
    min_uses: float = 0,
) -> Separability:
    r"""Find, for every class, the annotator and label that give it away most surely.

    .. math:: \varepsilon_k = \min_{j,\,y}\;
        1 - \frac{\pi_k A_j[k, y]}{\sum_c \pi_c A_j[c, y]}

    where :math:`A_j[k, y]` is the probability that annotator j says y when the truth is k and
    :math:`\pi` the class prior: the share of other classes among j's uses of the label y.
    If it is 0 for every class, the classes have *anchors*, the co-occurrences of pairs of
    annotators are separable matrices, and successive projection recovers every confusion
    matrix from pairs alone; the error grows in proportion to ε.

    **When it fails.** An estimated ε is a minimum over many noisy numbers and therefore too
    small: leave out labels that an annotator hardly used (``min_uses``). Smoothed confusions
    err the other way. No ε of a rare class is small unless some annotator is really reliable
    on it, as even few mistakes on the other items outnumber its own.

    Parameters
    ----------
    confusion : array-like of shape (M, K, L)
        Truth in the rows.
    class_prior : array-like of shape (K,), optional
        Uniform by default, as in the theorem cited.
    uses : array-like of shape (M, L), optional
        How often each annotator used each label.
    min_uses : float, default=0
        Labels used less often by an annotator do not count.

    Returns
    -------
    Separability

    Raises
    ------
    ValueError
        If the shapes do not fit or values are negative or not finite.

    References
    ----------
    S. Ibrahim, X. Fu, N. Kargas and K. Huang, Crowdsourcing via pairwise co-occurrences:
    identifiability and algorithms, NeurIPS 2019, theorems 1 and 2.

    Examples
    --------
    >>> from aggregate.inspection import separability
    >>> found = separability([[[1.0, 0.0], [0.3, 0.7]], [[0.6, 0.4], [0.4, 0.6]]])
    >>> found.epsilon.round(2), found.annotator, found.label
    (array([0.23, 0.  ]), array([0, 0]), array([0, 1]))
    """
    share = shares_of_classes(confusion, class_prior)
    n_annotators, n_classes, n_labels = share.shape
    if uses is not None:
        used = np.asarray(uses, dtype=np.float64)
        if used.shape != (n_annotators, n_labels):
            raise ValueError(
                f"uses must have the shape {(n_annotators, n_labels)}; got {used.shape}."
            )
        share = np.where((used >= min_uses)[:, np.newaxis, :], share, 0.0)
    flat = share.transpose(1, 0, 2).reshape(n_classes, n_annotators * n_labels)
    if not flat.size:
        none = np.full(n_classes, -1)
        return Separability(np.ones(n_classes), none, none)
    best = flat.argmax(axis=1)
    purity = flat[np.arange(n_classes), best]
    annotator, label = np.divmod(best, n_labels)
    found = purity > 0
    return Separability(1 - purity, np.where(found, annotator, -1), np.where(found, label, -1))


def shares_of_classes(confusion: ArrayLike, class_prior: ArrayLike | None = None) -> Float:
    """Return the share of class k among annotator j's uses of label y as [j, k, y].

    Zero for a label that is never used.
    """
    table = np.asarray(confusion, dtype=np.float64)
    if table.ndim != 3 or not np.isfinite(table).all() or (table < 0).any():
        raise ValueError(
            "confusion must be of shape (M, K, L), finite and non-negative; "
            f"got shape {table.shape}."
        )
    n_classes = table.shape[1]
    if class_prior is not None:
        prior = check_distribution("class_prior", class_prior, n_classes)
        table = table * prior[:, np.newaxis]
    total = table.sum(axis=1, keepdims=True)
    return np.divide(table, total, out=np.zeros_like(table), where=total > 0)
