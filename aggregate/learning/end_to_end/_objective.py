r"""The coupled cross-entropy of a classifier and its annotators: value and gradients.

.. math:: L(f, A) = -\frac1{\sum_e w_e} \sum_e w_e \log \sum_k f_{i_e k} A_{j_e}[k, y_e]

and the terms that are added to it,

.. math::

    \text{GeoCrowdNet-F: } -\lambda \log\det \sum_i f_i f_i^\top, \qquad
    \text{GeoCrowdNet-W: } -\lambda \log\det \sum_j A_j A_j^\top, \qquad
    \text{trace: } +\lambda \sum_j \mathrm{tr} A_j .

Plain arrays in, value and gradients out. The losses of ``aggregate.learning.torch`` are the same
functions of PyTorch tensors; their tests compare the two to 1e-6.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._tables import row_codes
from aggregate.kernels.coupled import coupled_pass
from aggregate.learning.end_to_end._regularizers import log_det_f, log_det_w, trace

__all__ = ["coupled_cross_entropy", "from_table", "kernel_table", "log_det_f", "log_det_w", "trace"]

Float = NDArray[np.float64]

NO_WEIGHT = np.empty(0)


def coupled_cross_entropy(
    f: ArrayLike,
    A: ArrayLike,
    item: ArrayLike,
    annotator: ArrayLike,
    label: ArrayLike,
    weight: ArrayLike | None = None,
) -> tuple[float, Float, Float]:
    r"""Return the coupled cross-entropy and its gradients by f and by A.

    Parameters
    ----------
    f : array-like of shape (N, K)
        ``f[i, k]``: the classifier's probability that item i is of class k.
    A : array-like of shape (M, K, K)
        ``A[j, k, y]`` = P(annotator j says y | truth k).
    item, annotator, label : array-like of int, shape (E,)
        The labels: annotator ``annotator[e]`` said ``label[e]`` of item ``item[e]``, in any order.
    weight : array-like of shape (E,), optional
        How often each label counts, by default once.

    Returns
    -------
    value : float
        Mean over the labels of minus their log probability; zero without labels.
    gradient_f : ndarray of shape (N, K)
    gradient_A : ndarray of shape (M, K, K)
        Derivatives by every entry, none held back by the rows summing to one.

    Raises
    ------
    ValueError
        If an item, annotator or label is out of range.

    References
    ----------
    F. Rodrigues and F. C. Pereira, Deep learning from crowds, AAAI 2018.

    S. Ibrahim, T. Nguyen and X. Fu, Deep learning from crowdsourced labels: coupled cross-entropy
    minimization, identifiability, and regularization, ICLR 2023.

    Examples
    --------
    >>> value, by_f, by_A = coupled_cross_entropy(
    ...     [[0.5, 0.5]], [[[0.9, 0.1], [0.3, 0.7]]], item=[0], annotator=[0], label=[1]
    ... )
    >>> value  # -log(0.5 * 0.1 + 0.5 * 0.7)
    0.916...
    >>> by_f
    array([[-0.25, -1.75]])
    """
    soft = np.ascontiguousarray(f, dtype=np.float64)
    table = kernel_table(np.asarray(A, dtype=np.float64))
    n_classes = soft.shape[1]
    places, who, what = (
        _in_range(name, values, size)
        for name, values, size in (
            ("item", item, len(soft)),
            ("annotator", annotator, len(table) // n_classes),
            ("label", label, n_classes),
        )
    )
    codes = row_codes(who, what, len(table) // n_classes, n_classes)
    counts = NO_WEIGHT if weight is None else np.ascontiguousarray(weight, dtype=np.float64)
    to_soft, to_table = np.zeros_like(soft), np.zeros_like(table)
    value = coupled_pass(places, codes, counts, soft, table, 0, len(codes), to_soft, to_table)
    total = float(len(codes) if weight is None else counts.sum()) or 1.0
    return value / total, to_soft / total, from_table(to_table) / total


def _in_range(name: str, values: ArrayLike, size: int) -> NDArray[np.int32]:
    codes = np.ascontiguousarray(values, dtype=np.int32)
    if len(codes) and not (codes.min() >= 0 and codes.max() < size):
        raise ValueError(
            f"{name} codes must lie between 0 and {size - 1}; got values from {codes.min()} to "
            f"{codes.max()}."
        )
    return codes


def kernel_table(confusion: Float) -> Float:
    """Return the kernels' table ``[j·K + y, k]`` of an array ``[j, k, y]``, entries as they are."""
    n_classes = confusion.shape[1]
    return np.ascontiguousarray(confusion.transpose(0, 2, 1).reshape(-1, n_classes))


def from_table(table: Float) -> Float:
    """Return the array ``[j, k, y]`` of a kernels' table (a gradient: rows need no sum of one)."""
    n_classes = table.shape[1]
    return np.ascontiguousarray(table.reshape(-1, n_classes, n_classes).transpose(0, 2, 1))
