"""What an annotator's label is worth: in money, where mistakes have prices, and in information."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate.fusion import expected_costs

Float = NDArray[np.float64]

_LEAST = 1e-12


def annotator_costs(
    confusion: Float, class_prior: Float, costs: ArrayLike | None = None
) -> tuple[Float, float]:
    r"""Return what deciding by one label of each annotator costs, and deciding by none.

    A label y of annotator j leaves the best decision d with the expected cost

    .. math:: \sum_y \min_d \sum_k \pi_k A_j[k, y] c_{kd}, \qquad \min_d \sum_k \pi_k c_{kd}

    and no label at all the second. The difference is what the label saves: never less than
    nothing, and nothing where no label changes the decision. `expected_cost_quality` asks
    the same of decisions drawn from the soft label, which also sees labels that change no decision
    alone but would together with others.

    Parameters
    ----------
    confusion : ndarray of shape (M, K, K)
        Truth in the rows.
    class_prior : ndarray of shape (K,)
    costs : array-like of shape (K, K), optional
        ``costs[k, d]`` of deciding d when the truth is k; 1 for any mistake by default, which
        makes the cost the chance of a wrong decision.

    Returns
    -------
    with_label : ndarray of shape (M,)
    without : float

    Raises
    ------
    ValueError
        If the costs are not a finite (K, K) table.

    References
    ----------
    J. O. Berger, Statistical Decision Theory and Bayesian Analysis, second edition, Springer
    1985, section 4.4 (Bayes risk).

    Examples
    --------
    >>> expert, guesses = [[0.9, 0.1], [0.2, 0.8]], [[0.5, 0.5], [0.5, 0.5]]
    >>> with_label, without = annotator_costs(np.array([expert, guesses]), np.array([0.5, 0.5]))
    >>> with_label, without
    (array([0.15, 0.5 ]), 0.5)
    """
    n_classes = len(class_prior)
    table: Any = 1.0 - np.eye(n_classes) if costs is None else costs
    without = float(expected_costs(class_prior[np.newaxis], table).min())
    joint = class_prior[np.newaxis, :, np.newaxis] * confusion  # [j, k, y]
    by_label = joint.transpose(0, 2, 1).reshape(-1, n_classes)
    best = expected_costs(by_label, table).min(axis=1)
    return best.reshape(len(confusion), n_classes).sum(axis=1), without


def label_worth(confusion: Float, class_prior: Float, variance: Float | None = None) -> Float:
    r"""Return the share of the doubt about an item's class that one label removes.

    .. math:: w_j = \frac{1}{H(\pi)} \sum_{k, y} \pi_k A_j[k, y]
        \log \frac{A_j[k, y]}{\sum_l \pi_l A_j[l, y]}, \qquad H(\pi) = -\sum_k \pi_k \log \pi_k

    the mutual information of label and truth over the entropy of the truth: 1 if every label
    tells the class, 0 for a spammer; an adversary whose labels can be turned round is worth as
    much as an expert. Estimated confusions seem to tell more than they do, since chance makes rows
    differ; with their variances the leading term of that is taken off.

    Parameters
    ----------
    confusion : ndarray of shape (M, K, K)
        Truth in the rows.
    class_prior : ndarray of shape (K,)
    variance : ndarray of shape (M, K, K), optional
        Of the estimated confusions.

    Returns
    -------
    ndarray of shape (M,)
        Between 0 and 1; 0 where there is but one class.

    References
    ----------
    G. A. Miller, Note on the bias of information estimates, in Information Theory in Psychology,
    Free Press 1955 (the correction, here with variances in the place of counts).

    Examples
    --------
    >>> swapped, guesses = [[0.0, 1.0], [1.0, 0.0]], [[0.5, 0.5], [0.5, 0.5]]
    >>> label_worth(np.array([swapped, guesses]), np.array([0.5, 0.5]))
    array([1., 0.])
    """
    prior = class_prior[np.newaxis, :, np.newaxis]
    said = (prior * confusion).sum(axis=1)
    rows = np.einsum("jky,k->j", _plogp(confusion), class_prior)
    doubt = -float(_plogp(class_prior).sum())
    if doubt <= _LEAST:
        return np.zeros(len(confusion))
    told = rows - _plogp(said).sum(axis=1)
    if variance is not None:
        of_said = (np.square(prior) * variance).sum(axis=1)
        chance = np.einsum("jky,k->j", _ratio(variance, confusion), class_prior)
        told = told - (chance - _ratio(of_said, said).sum(axis=1)) / 2
    return np.clip(told / doubt, 0.0, 1.0)


def _plogp(chance: Float) -> Float:
    return np.asarray(chance * np.log(np.where(chance > 0, chance, 1.0)))


def _ratio(top: Float, bottom: Float) -> Float:
    return np.divide(top, bottom, out=np.zeros_like(bottom), where=bottom > _LEAST)
