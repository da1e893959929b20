"""Votes or soft labels as the targets that a network's loss wants."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._validation import check_choice, check_number, first_few
from aggregate.annotations import Annotations
from aggregate.fusion import decide, vote_counts
from aggregate.learning.soft_labels._draws import spread_draws
from aggregate.learning.soft_labels._targets import one_hot, training_targets

Float = NDArray[np.float64]

KINDS = ("majority", "threshold", "sampled", "soft")


def encode_targets(
    votes: Annotations | ArrayLike,
    how: str = "soft",
    *,
    threshold: float = 0.3,
    min_votes: float = 0.0,
    min_share: float = 0.0,
    label_smoothing: float = 0.0,
    temperature: float = 1.0,
    random_state: int | np.random.Generator | None = 0,
) -> Float:
    r"""Return a table of targets, a row per item and a column per class.

    With :math:`p_{ik}` the share of item i's votes for class k, or its soft label, and
    :math:`t_i` the target, a network's output :math:`q_i` is trained by

    ``"soft"``
        :math:`t_i = p_i`, and the cross-entropy :math:`-\sum_k t_{ik} \log q_{ik}`.
    ``"sampled"``
        One class drawn from :math:`p_i`, and the cross-entropy. Drawn anew in each epoch (pass
        one Generator to all calls) the expectation is that of "soft".
    ``"majority"``
        The likeliest class (of equal ones the more frequent over all items), and the
        cross-entropy.
    ``"threshold"``
        All classes with :math:`p_{ik} \ge` ``threshold`` get a one: any of them is a right
        answer, and the loss is :math:`-\max_k t_{ik} \log q_{ik}` over the classes with
        :math:`t_{ik} = 1` (the nearest right answer counts), or that of a multi-label problem.

    The four are those of Barsoum et al., who found the first two best on faces with ten votes
    each. For estimators that want one label or weights, see `CrowdClassifier`.

    Parameters
    ----------
    votes : Annotations or array-like of shape (N, K)
        Votes, whose shares are taken as they are; or counts of votes or soft labels, row by
        row. Rows of zeros are items without a label.
    how : {"soft", "sampled", "majority", "threshold"}
    threshold : float, default=0.3
        Of "threshold", above 0, at most 1.
    min_votes : float, default=0
        Classes with fewer votes of an item are left out beforehand (where the table is of soft
        labels, less probable ones); the authors' code leaves out what one of ten says (2).
    min_share : float, default=0
        Items lose their target if the classes that it names hold no more than this share of the
        votes left; the authors' code demands more than 0.5 of a majority.
    label_smoothing : float, default=0
        s of :math:`(1 - s) t_{ik} + s / K`, not for "threshold".
    temperature : float, default=1
        T of :math:`p_{ik}^{1/T}`, normalised, before anything else is derived from p.
    random_state : int, Generator or None, default=0
        Seed of "sampled".

    Returns
    -------
    ndarray of shape (N, K)
        Rows sum to one; with "threshold", to the number of right answers. Rows of zeros where
        there is no target.

    Raises
    ------
    ValueError
        If entries are negative or not finite, or a parameter is out of its range.

    References
    ----------
    E. Barsoum, C. Zhang, C. Canton Ferrer and Z. Zhang, Training deep networks for facial
    expression recognition with crowd-sourced label distribution, International Conference on
    Multimodal Interaction, 2016, sections 3 and 4.

    Examples
    --------
    >>> from aggregate.learning import encode_targets
    >>> counts = [[5, 4, 1], [8, 1, 1]]
    >>> encode_targets(counts)
    array([[0.5, 0.4, 0.1],
           [0.8, 0.1, 0.1]])
    >>> encode_targets(counts, "majority")
    array([[1., 0., 0.],
           [1., 0., 0.]])
    >>> encode_targets(counts, "threshold")
    array([[1., 1., 0.],
           [1., 0., 0.]])
    >>> encode_targets(counts, "soft", min_votes=2)[1]
    array([1., 0., 0.])
    """
    check_choice("how", how, KINDS)
    check_number("threshold", threshold, low=0, low_open=True, high=1)
    check_number("min_votes", min_votes, low=0)
    check_number("min_share", min_share, low=0, high=1)
    check_number("label_smoothing", label_smoothing, low=0, high=1)
    check_number("temperature", temperature, low=0, low_open=True)
    counts = _counts(votes)
    counts[counts < min_votes] = 0.0
    total = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    soft = training_targets(shares, temperature=temperature, min_mass=0.0, label_smoothing=0.0)
    targets = _targets(soft, how, threshold, random_state)
    named = (shares * (targets > 0)).sum(axis=1)
    targets[(named <= min_share) | (total[:, 0] == 0)] = 0.0
    if label_smoothing and how != "threshold":
        present = targets.any(axis=1, keepdims=True)
        targets = (1 - label_smoothing) * targets + present * label_smoothing / targets.shape[1]
    return targets


def _targets(soft: Float, how: str, threshold: float, random_state: Any) -> Float:
    if how == "soft":
        return soft
    if how == "threshold":
        return np.asarray(soft >= threshold - 1e-12, dtype=np.float64)  # 3 of 10 is 0.3
    if how == "majority":
        return one_hot(decide(soft, class_prior=soft.sum(axis=0)), soft.shape[1])
    random = np.random.default_rng(random_state)
    drawn = spread_draws(soft, 1, random, np.arange(len(soft)))
    return one_hot(drawn[0], soft.shape[1])


def _counts(votes: Any) -> Float:
    if isinstance(votes, Annotations):
        return vote_counts(votes)
    counts = np.array(votes, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[1] == 0:
        raise ValueError(
            "votes must be Annotations, or a table of counts or soft labels with a row per item "
            f"and a column per class; got shape {counts.shape}."
        )
    wrong = ~np.isfinite(counts).all(axis=1) | (counts < 0).any(axis=1)
    if wrong.any():
        raise ValueError(
            "counts of votes must be finite and not negative; wrong in the rows "
            f"{first_few(np.flatnonzero(wrong))}. A table of labels by annotators becomes votes by "
            "Annotations.from_matrix."
        )
    return counts
