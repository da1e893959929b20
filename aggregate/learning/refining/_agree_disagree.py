"""Refine labels by who disagrees: pick a label where votes differ, drop doubtful ones elsewhere."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._validation import first_few
from aggregate.annotations import Annotations
from aggregate.fusion import vote_counts

Float = NDArray[np.float64]

_LEAST = 1e-12


class Refined(NamedTuple):
    """What `refine_agree_disagree` makes of the votes.

    Attributes
    ----------
    labels : ndarray of int64, shape (N,)
        Class code of each item, -1 without votes.
    weight : ndarray of shape (N,)
        How much the item should count in training; 0 where it should not.
    soft_labels : ndarray of shape (N, K)
        Of items in dispute, how the labels given compare; of the others, the label. Zero
        without votes.
    agreed : ndarray of bool, shape (N,)
        Items whose labels are all the same.
    """

    labels: NDArray[np.int64]
    weight: Float
    soft_labels: Float
    agreed: NDArray[np.bool_]


def refine_agree_disagree(
    annotations: Annotations, probas: ArrayLike, noise_rate: float | ArrayLike = 0.0
) -> Refined:
    r"""Return a label and a weight per item, by models that learned from different annotators.

    Our reconstruction of collaborative refining from its published description; the paper's
    formulas may differ. There are R sub-models, each trained on the labels of one annotator (or
    of a group), and T versions of each. :math:`\ell^t_{r}(i, c) = -\log p^t_r(c | x_i)` is the loss
    of a label. Outlying losses are tamed and versions averaged,

    .. math:: L_r(i, c) = \frac1T \sum_t \psi(\ell^t_r(i, c)), \qquad
        \psi(\ell) = \log(1 + \ell + \ell^2 / 2).

    *Disagreement.* Of the labels that were given to item i, the one with the least mean over the
    sub-models of :math:`L_r(i, c) / \bar L_r` is taken (:math:`\bar L_r`: mean over all labels
    given, so that sub-models trained on noise, which lose everywhere, do not shout the others
    down), and the item counts as much as that label's share in the softmax of minus these
    means.

    *Agreement.* Items on which all say c are kept if *any* sub-model r finds them among the share
    :math:`1 - \tau_r` of such items that it loses least on. Selection is within class c, so that
    no class is emptied.

    Parameters
    ----------
    annotations : Annotations
        Votes.
    probas : array-like of shape (R, N, K) or (T, R, N, K)
        Out-of-fold probabilities of the sub-models, columns in the order of the classes.
    noise_rate : float or array-like of shape (R,)
        :math:`\tau_r` from 0 (all items that agree are kept) to less than 1.

    Returns
    -------
    Refined

    Raises
    ------
    ValueError
        If shapes do not fit, or values are no probabilities or rates.

    References
    ----------
    B. Han, Y. Sun, Y. Zhang, C. Zhang, J. Hu, Y. Li, J. Zhou, J. Ye and J. He, Collaborative
    refining for learning from inaccurate labels, NeurIPS 2024 (the description).

    O. Catoni, Challenging the empirical mean and empirical variance: a deviation study, Annales
    de l'IHP B 48(4):1148-1185, 2012, section 2 (the function ψ).

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate import Annotations
    >>> from aggregate.learning import refine_agree_disagree
    >>> votes = Annotations.from_matrix([[0, 1], [1, 1], [1, 1], [0, 0]])
    >>> model = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.8, 0.2]])
    >>> refined = refine_agree_disagree(votes, [model, model], noise_rate=0.5)
    >>> refined.labels
    array([0, 1, 1, 0])
    >>> refined.weight.round(2)
    array([0.95, 1.  , 0.  , 1.  ])
    """
    losses = _tamed(_check_probas(probas, annotations))
    rates = _check_rates(noise_rate, len(losses))
    given = vote_counts(annotations) > 0
    n_given = given.sum(axis=1)
    labels = np.where(n_given > 0, given.argmax(axis=1), -1).astype(np.int64)
    weight = (n_given > 0).astype(np.float64)
    soft = given.astype(np.float64)
    disputed = np.flatnonzero(n_given > 1)
    if len(disputed):
        typical = losses[:, annotations.item, annotations.label].mean(axis=1)
        score = (losses[:, disputed] / np.maximum(typical, _LEAST)[:, None, None]).mean(axis=0)
        score = np.where(given[disputed], score, np.inf)
        share = np.exp(score.min(axis=1, keepdims=True) - score)
        share /= share.sum(axis=1, keepdims=True)
        labels[disputed] = share.argmax(axis=1)
        weight[disputed] = share.max(axis=1)
        soft[disputed] = share
    agreed = np.asarray(n_given == 1)
    for code in range(annotations.n_classes):
        rows = np.flatnonzero(agreed & (labels == code))
        if len(rows):
            weight[rows] = _least_lost(losses[:, rows, code], rates)
    return Refined(labels, weight, soft, agreed)


def _tamed(probas: Float) -> Float:
    """Return the mean over versions of the tamed losses, shape (R, N, K)."""
    loss = -np.log(np.maximum(probas, _LEAST))
    return np.asarray(np.log1p(loss + loss**2 / 2).mean(axis=0))


def _least_lost(losses: Float, rates: Float) -> NDArray[np.bool_]:
    """Return who is among the share ``1 - rate`` of least loss for any of the rows, shape (n,)."""
    size = losses.shape[1]
    keep = np.maximum(np.ceil((1 - rates) * size - 1e-9).astype(np.int64), 1)
    limit = np.take_along_axis(np.sort(losses, axis=1), keep[:, np.newaxis] - 1, axis=1)
    return np.asarray((losses <= limit).any(axis=0))


def _check_probas(probas: ArrayLike, annotations: Annotations) -> Float:
    table = np.asarray(probas, dtype=np.float64)
    if table.ndim == 3:
        table = table[np.newaxis]
    shape = annotations.n_items, annotations.n_classes
    if table.ndim != 4 or table.shape[2:] != shape or table.shape[1] == 0 or len(table) == 0:
        raise ValueError(
            f"probas must have shape (R, {shape[0]}, {shape[1]}), or (T, R, {shape[0]}, {shape[1]})"
            f" for T versions: sub-models, items, classes; got {np.shape(probas)}."
        )
    if not np.isfinite(table).all() or (table < 0).any() or (table > 1 + 1e-6).any():
        raise ValueError("probas must lie between 0 and 1.")
    return table


def _check_rates(noise_rate: float | ArrayLike, n_models: int) -> Float:
    rates = np.asarray(noise_rate, dtype=np.float64)
    rates = np.full(n_models, rates) if rates.ndim == 0 else rates
    if rates.shape != (n_models,):
        raise ValueError(
            f"noise_rate must be a number or one for each of the {n_models} sub-models; got shape "
            f"{rates.shape}."
        )
    wrong = ~((rates >= 0) & (rates < 1))
    if wrong.any():
        raise ValueError(
            f"noise_rate must be at least 0 and below 1; got {first_few(rates[wrong])}."
        )
    return rates
