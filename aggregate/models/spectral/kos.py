"""Karger, Oh and Shah: annotators and items judge each other by messages, or by one SVD."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from aggregate._validation import check_choice, check_number
from aggregate.annotations import Annotations
from aggregate.kernels.message_passing import pass_messages
from aggregate.models.spectral._leading import leading_eigenvector, mostly_positive
from aggregate.models.spectral._thresholds import Direction, ThresholdVote, signed_table

Float = NDArray[np.float64]


class KOS(ThresholdVote):
    r"""Soft labels of two classes from messages between items and annotators.

    Labels are :math:`u_{ij} = \pm 1`. Along each label, in turn, the item tells the annotator
    what the others make of it, and the annotator tells the item how far the other items
    trust them:

    .. math::

        x_{i \to j} = \sum_{j' \ne j} u_{ij'} z_{j' \to i}, \qquad
        z_{j \to i} = \sum_{i' \ne i} u_{i'j} x_{i' \to j}.

    Messages are divided by their root mean square in every round, which changes no direction
    and keeps them finite, and start at one (the mean of the published random start), so the
    outcome depends on no order. A share of the old messages stays in the new ones
    (``damping``): the fixed points are the same, and small dense tables no longer go to and
    fro between two states. The answer is the vote with the weights
    :math:`w_j = \sum_i u_{ij} x_{i \to j}`; the published last step leaves an item's own part
    out of its annotators' weights, which cannot be done for new items and rarely matters.
    With ``method="svd"`` the weights are the leading right singular vector of the table
    u with zeros where labels are missing and every column centred.

    With more than two classes, the order of the classes matters: K - 1 questions ("is the
    class above c?") are answered one by one, and the first one answered no decides. This
    suits ordinal classes only; renaming classes in another order changes the outcome.

    It works on sparse random graphs of enough labels, where each annotator is about equally
    good on both classes. It fails with unequal classes or annotators biased to one of them
    (then the habit, not the truth, is the leading direction), and with few labels per item.

    Parameters
    ----------
    method : {"messages", "svd"}, default="messages"
        Message passing, or the singular vector.
    max_iter : int, default=100
        Most rounds of messages.
    tol : float, default=1e-6
        Stop when the weights' direction changes by less.
    damping : float, default=0.5
        Share of the old messages that stays, at least 0 (as published) and below 1.
    unknown_annotators : {"prior", "ignore", "error"}
        In `predict_proba`: votes by annotators who were not in the fit get the mean weight,
        do not count, or are refused.
    ties : {"prior", "first", "random"}
        See `aggregate.fusion.decide`.
    n_jobs : int, optional
        Threads; -1 for all processors.
    random_state : int or Generator, optional
        Seed of random ties.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    annotator_weight_ : ndarray of shape (K - 1, M)
        Weight of each annotator on each question, of unit length; negative for adversaries.
    offset_ : ndarray of shape (K - 1,)
        What a weighted vote must exceed.
    annotator_skill_ : ndarray of shape (M,)
        Mean soft label that an annotator's labels received.
    class_prior_ : ndarray of shape (K,)
        Mean of the soft labels.
    probas_ : ndarray of shape (N, K)
    labels_ : ndarray of shape (N,)
    n_iter_ : int
        Rounds, of the longest question.
    converged_ : bool

    References
    ----------
    D. R. Karger, S. Oh and D. Shah, Iterative learning for reliable crowdsourcing systems,
    NIPS 2011, algorithm 1; Budget-optimal task allocation for reliable crowdsourcing
    systems, Operations Research 62(1):1-24, 2014.

    Y. Zhang, X. Chen, D. Zhou and M. I. Jordan, Spectral methods meet EM, Journal of Machine
    Learning Research 17(102):1-44, 2016, section 6 (the singular vector and the thresholds).

    Examples
    --------
    >>> from aggregate import KOS
    >>> votes = [[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 0], [1, 1, 1]]
    >>> KOS().fit(votes).labels_
    array([0, 1, 0, 1, 1])
    """

    def __init__(
        self,
        *,
        method: str = "messages",
        max_iter: int = 100,
        tol: float = 1e-6,
        damping: float = 0.5,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.method = method
        self.max_iter = max_iter
        self.tol = tol
        self.damping = damping
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _direction(self, votes: Annotations) -> Direction | None:
        check_choice("method", self.method, ("messages", "svd"))
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("tol", self.tol, low=0)
        check_number("damping", self.damping, low=0, high=0.999)
        return _centred(votes) if self.method == "svd" else self._by_messages(votes)

    def _by_messages(self, votes: Annotations) -> Direction | None:
        sign = 2.0 * votes.label - 1
        message, trust = np.ones(len(sign)), np.empty(votes.n_annotators)
        weight, change = np.zeros(votes.n_annotators), np.inf
        n_iter = 0
        while n_iter < self.max_iter and change > self.tol:
            old = message.copy()
            squares = pass_messages(votes.item_ptr, votes.annotator, sign, message, trust)
            size = np.linalg.norm(trust)
            n_iter += 1
            if size == 0:  # no item has two labels
                return None
            following = trust / size
            change = float(np.abs(following - weight).max())
            weight = following
            if squares == 0:  # a forest: the last message has reached its leaf
                change = 0.0
                break
            message *= (1 - self.damping) / np.sqrt(squares / len(message))
            message += self.damping * old / np.sqrt(np.mean(np.square(old)))
        converged = change <= self.tol
        if not converged and self.tol > 0:
            warnings.warn(
                f"the messages still changed by {change:.1g} after max_iter={self.max_iter} "
                "rounds; raise max_iter or tol (tol=0 says that stopping early is meant).",
                ConvergenceWarning,
                stacklevel=8,
            )
        return Direction(mostly_positive(weight), 0.0, n_iter, converged)


def _centred(votes: Annotations) -> Direction | None:
    """Return the leading right singular vector of the column-centred table of labels."""
    table = signed_table(votes)
    mean = np.asarray(table.sum(axis=0)) / table.shape[0]

    def product(x: Float) -> Float:
        y = table @ x - mean @ x
        return np.asarray(table.T @ y - np.multiply.outer(mean, y.sum(axis=0)))

    weight = leading_eigenvector(product, votes.n_annotators)
    return None if weight is None else Direction(weight, float(mean @ weight))
