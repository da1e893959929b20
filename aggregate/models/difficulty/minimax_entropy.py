"""Minimax conditional entropy: log odds of annotators plus log odds of items."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from aggregate._blocks import fill_blocks, item_blocks
from aggregate._validation import check_choice, check_number
from aggregate.annotations import Annotations
from aggregate.fusion import from_log_joint, vote_shares
from aggregate.kernels.minimax_entropy import entropy_best_items, entropy_log_joint
from aggregate.models._base import BaseAggregator
from aggregate.models._class_prior import ClassPrior
from aggregate.models.difficulty._ascent import (
    LogPrior,
    ascend,
    warn_if_contrary,
    warn_of_flat_tables,
    warn_unless_converged,
)
from aggregate.models.difficulty._entropy_objective import (
    EntropyObjective,
    basis,
    odds_with_typical,
    softmax,
    typical,
)

Float = NDArray[np.float64]
Gold = NDArray[np.int32] | None

SCALES: Final = ("nominal", "ordinal")
_NO_GOLD = np.empty(0, dtype=np.int32)
_FIRST_PASSES = 25  # with the votes taken for the truth; from zero, all classes look alike
_FIRST_TOL = 1e-4
_FLAT = 1e-3  # soft labels this near to the class prior hold no decision
_ITEM_TOL, _ITEM_ROUNDS = 1e-9, 2000


class MinimaxEntropy(BaseAggregator):
    r"""Soft labels from confusions that differ by annotator and by item.

    Annotator j says y of item i, when the truth is k, with probability

    .. math::

        P(y \mid i, j, k) = \frac{e^{A_j[k, y] + B_i[k, y]}}{\sum_l e^{A_j[k, l] + B_i[k, l]}},

    where the table :math:`A_j` holds the habits of the annotator and :math:`B_i` what the item
    is mistaken for. Among all models that reproduce the label counts of every annotator and of
    every item, this one is the least committed (maximum conditional entropy), and the truth is
    chosen to leave least entropy; its dual is the penalised likelihood that the fit maximises,

    .. math::

        \sum_i \log \sum_k \pi_k \prod_{e \in i} P(y_e \mid i, j_e, k)
        - \frac{\lambda}{2} \sum_j \lVert A_j \rVert^2
        - \frac{\lambda'}{2} \sum_i \lVert B_i \rVert^2,

    by L-BFGS over all tables at once, after a first climb with the shares of the votes in place
    of the posteriors. :math:`\lambda = \gamma K^2`, and :math:`\lambda'` is
    :math:`\lambda` times the labels per annotator over the labels per item. On an ordinal scale
    a table is a sum over the thresholds between two classes of four free numbers, for truth and
    label below or above: mistakes by one class become likelier than by two.

    New items are treated as the fitted ones: their tables are found from their own labels
    under the penalty, the annotators' held; so `predict_proba` of the fitted votes is
    `probas_`. An item without labels has a table of zeros, as has every item in `score`.

    It fails with many classes and few labels per annotator: the penalty then flattens the tables
    until the labels have little to do with the votes, of which a warning tells from 300 items on
    (ten music genres, 67 labels each: ``penalty=0.0025`` suits them better). Where they come out
    entirely flat, the tables of the first climb, fitted to the vote, are kept. A uniform class
    prior overestimates rare classes. The climb takes some 270 bytes per item and cell of its
    table: with many classes, a confusion model is leaner.

    Parameters
    ----------
    scale : {"nominal", "ordinal"}
        Whether the order of the classes (that of ``classes_``) means something.
    penalty : float, default=0.25
        :math:`\gamma`, above 0.
    class_prior : "uniform", "learned", array of shape (K,) or mapping class -> probability
        How often each class is true.
    prior_strength : float, default=4
        Pseudo-items, spread over the classes, behind a learned class prior.
    max_iter : int, default=1000
        Most passes over the votes.
    tol : float, default=1e-8
        Stop when a step raises the objective by less than this share of itself.
    annotator_correlation : float, default=0.4
        ρ of `aggregate.fusion.posterior`: makes the confidence honest, changes no label.
    unknown_annotators : {"prior", "ignore", "error"}
        In `predict_proba`: labels by annotators who were not in the fit count with the mean
        of the fitted tables, do not count, or are refused.
    ties : {"prior", "first", "random"}
        See `aggregate.fusion.decide`.
    n_jobs : int, optional
        Threads; -1 for all processors. Results are the same to the last bit.
    random_state : int or Generator, optional
        Seed of random ties.
    verbose : bool, default=False
        Show a progress bar.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    annotator_log_odds_ : ndarray of shape (M, K, K)
        A, truth in the rows.
    item_log_odds_ : ndarray of shape (N, K, K)
        B.
    confusion_ : ndarray of shape (M, K, K)
        P(annotator j says y | truth k) on an item that is mistaken for nothing (B = 0).
    item_difficulty_ : ndarray of shape (N,)
        Probability that the mean annotator (the mean of all A) mislabels the item.
    annotator_skill_ : ndarray of shape (M,)
        Probability that an annotator is right on a random item with B = 0.
    class_prior_ : ndarray of shape (K,)
    probas_ : ndarray of shape (N, K)
        Soft labels of the fitted items.
    labels_ : ndarray of shape (N,)
    objective_path_ : ndarray
        The objective after each step of the climb over all tables; it never falls.
    n_iter_ : int
        Passes over the votes.
    converged_ : bool
    gold_given_, gold_correct_ : ndarray of shape (M,)
        Labels on gold items, and how many of them were right.

    References
    ----------
    D. Zhou, J. Platt, S. Basu and Y. Mao, Learning from the wisdom of crowds by minimax
    entropy, NIPS 2012.

    D. Zhou, Q. Liu, J. Platt and C. Meek, Aggregating ordinal labels from crowds by minimax
    conditional entropy, ICML 2014, sections 2 to 4.

    Examples
    --------
    >>> from aggregate import MinimaxEntropy
    >>> votes = [[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, -1]]
    >>> MinimaxEntropy().fit(votes).labels_
    array([0, 1, 0, 1, 0])
    """

    def __init__(
        self,
        *,
        scale: str = "nominal",
        penalty: float = 0.25,
        class_prior: Any = "uniform",
        prior_strength: float = 4.0,
        max_iter: int = 1000,
        tol: float = 1e-8,
        annotator_correlation: float = 0.4,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
        verbose: bool = False,
    ) -> None:
        self.scale = scale
        self.penalty = penalty
        self.class_prior = class_prior
        self.prior_strength = prior_strength
        self.max_iter = max_iter
        self.tol = tol
        self.annotator_correlation = annotator_correlation
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        check_choice("scale", self.scale, SCALES)
        check_number("penalty", self.penalty, low=0, low_open=True)
        check_number("prior_strength", self.prior_strength, low=0)
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("tol", self.tol, low=0)
        check_number("annotator_correlation", self.annotator_correlation, low=0, high=1)

    def _fit(self, annotations: Annotations, gold: Gold, **data: Any) -> None:
        self._check_parameters()
        n_classes = annotations.n_classes
        rule = ClassPrior(self.class_prior, annotations.classes, self.prior_strength)
        by_annotator = float(self.penalty) * n_classes**2
        # The labels per annotator over those per item are the items per annotator.
        items_each = max(annotations.n_items, 1) / max(annotations.n_annotators, 1)
        self._item_penalty = by_annotator * items_each
        self._tables = basis(n_classes, self.scale)
        problem = EntropyObjective(
            annotations, gold, LogPrior(rule), self._tables,
            (by_annotator, self._item_penalty), self.n_jobs,
        )  # fmt: skip
        scale = np.ones_like(problem.start())
        shares = vote_shares(annotations, n_jobs=self.n_jobs)
        first = ascend(
            problem.given(shares), problem.start(), scale, max_iter=_FIRST_PASSES, tol=_FIRST_TOL
        )
        found = ascend(
            problem.given(np.empty((0, n_classes))),
            first.point,
            scale,
            max_iter=self.max_iter,
            tol=self.tol,
            progress="MinimaxEntropy" if self.verbose else None,
        )
        soft = self._keep(problem, found.point, annotations, gold)
        if self._says_nothing(soft, annotations, gold):
            warn_of_flat_tables(annotations.n_items)
            soft = self._keep(problem, first.point, annotations, gold)
        self.objective_path_ = found.objective_path
        self.n_iter_, self.converged_ = found.n_iter + first.n_iter, found.converged
        warn_unless_converged(found.converged, self.max_iter, self.tol)
        warn_if_contrary(shares, soft)

    def _says_nothing(self, soft: Float, annotations: Annotations, gold: Gold) -> bool:
        """Tell whether the penalty has flattened all tables, so that only rounding decides."""
        voted = annotations.labels_per_item > 0
        if gold is not None:
            voted = voted & (gold < 0)
        return bool(voted.any() and np.abs(soft[voted] - self.class_prior_).max() < _FLAT)

    def _keep(
        self, problem: EntropyObjective, point: Float, annotations: Annotations, gold: Gold
    ) -> Float:
        """Set the attributes that a point of the climb carries; return the soft labels."""
        annotators, _, free = problem.split(point)
        self.class_prior_ = np.exp(problem.log_prior.log_prior(free))
        shape = (-1, len(self.classes_), len(self.classes_))
        self.annotator_log_odds_ = (annotators @ self._tables.T).reshape(shape)
        self.item_log_odds_ = self._best_items(annotations, gold)
        self.confusion_ = softmax(self.annotator_log_odds_)
        self.annotator_skill_ = np.einsum("jkk,k->j", self.confusion_, self.class_prior_)
        soft = self._soft_labels_of(annotations, gold, self.item_log_odds_)
        right = softmax(typical(self.annotator_log_odds_) + self.item_log_odds_)
        self.item_difficulty_ = 1 - np.einsum("ikk,ik->i", right, soft)
        return soft

    def _odds_with_stranger(self) -> Float:
        """Append the unknown annotator, whose code is M."""
        return odds_with_typical(self.annotator_log_odds_)

    def _best_items(self, annotations: Annotations, gold: Gold) -> Float:
        """Return the likeliest table of every item, the annotators' held."""
        n_classes = len(self.classes_)
        tables = np.empty((annotations.n_items, n_classes, n_classes))
        metric, norm = np.empty((0, 0)), 1.0
        if self._tables.shape[1] != n_classes**2 or self.scale == "ordinal":
            metric = self._tables @ self._tables.T
            norm = float(np.linalg.eigvalsh(metric)[-1])
        known = _NO_GOLD if gold is None else gold
        log_prior, by_annotator = np.log(self.class_prior_), self._odds_with_stranger()
        fill_blocks(
            lambda first, last: entropy_best_items(
                annotations.item_ptr, annotations.annotator, annotations.label, known,
                log_prior, by_annotator, metric, norm, self._item_penalty, _ITEM_TOL,
                _ITEM_ROUNDS, first, last, tables,
            ),
            item_blocks(annotations.item_ptr),
            self.n_jobs,
        )  # fmt: skip
        return tables

    def _log_joint(self, annotations: Annotations, tables: Float) -> Float:
        joint = np.empty((annotations.n_items, len(self.classes_)))
        log_prior, by_annotator = np.log(self.class_prior_), self._odds_with_stranger()
        by_item = np.exp(tables)
        fill_blocks(
            lambda first, last: entropy_log_joint(
                annotations.item_ptr, annotations.annotator, annotations.label,
                log_prior, by_annotator, by_item, first, last, joint,
            ),
            item_blocks(annotations.item_ptr),
            self.n_jobs,
        )  # fmt: skip
        return joint

    def _soft_labels_of(self, annotations: Annotations, gold: Gold, tables: Float) -> Float:
        return from_log_joint(
            annotations,
            self._log_joint(annotations, tables),
            annotator_correlation=self.annotator_correlation,
            gold=gold,
            n_jobs=self.n_jobs,
        )

    def _soft_labels(self, annotations: Annotations, gold: Gold) -> Float:
        return self._soft_labels_of(annotations, gold, self._best_items(annotations, gold))

    def _log_likelihood(self, annotations: Annotations) -> Float:
        n_classes = len(self.classes_)
        joint = self._log_joint(annotations, np.zeros((annotations.n_items, n_classes, n_classes)))
        return np.asarray(np.logaddexp.reduce(joint, axis=1))
