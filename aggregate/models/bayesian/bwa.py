"""Bayesian weighted averaging: labels as noisy measurements of a score per class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from aggregate._blocks import item_blocks, run_blocks
from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.fusion import log_joint, vote_shares
from aggregate.fusion.posterior import clamp
from aggregate.kernels.bwa import score_errors, weighted_average_pass
from aggregate.models._base import BaseAggregator
from aggregate.models._confusions import prior_confusion
from aggregate.models._em import State, run_em, warn_unless_converged
from aggregate.models.voting._voting import agreement

Float = NDArray[np.float64]

_NO_GOLD = np.empty(0, dtype=np.int32)
_LEAST = 1e-9  # of the prior strength: an undisputed class leaves no error to scale by


class BWA(BaseAggregator):
    r"""Soft labels from votes by averages in which each annotator has a learned precision.

    For every class k by itself, each item has a score :math:`z_{ik}`, and a label is a
    measurement of it: one if the label is k, zero if not, with precision :math:`v_{jk}` of
    annotator j. Scores are centred at :math:`\mu_k`; precisions have a Gamma prior whose
    scale :math:`b_k` is the size of the disagreement in the votes. The fit maximises

    .. math::

        \sum_k \Bigl( \sum_j \tfrac{a + n_j}{2} \log v_{jk} - \tfrac{b_k}{2} v_{jk}
        - \tfrac12 \sum_e v_{j_e k} (z_{i_e k} - [y_e = k])^2
        - \tfrac{\lambda}{2} \sum_i (z_{ik} - \mu_k)^2 \Bigr)

    over all of them in turn, where :math:`n_j` counts the labels of annotator j, the third
    sum runs over all labels :math:`y_e` (item :math:`i_e`, annotator :math:`j_e`), and a and
    λ are the strengths of the two priors. Soft labels are the scores, divided by their sum.

    The prior outweighs fifteen labels of an annotator, which makes it robust where
    annotators have few. It fails where mistakes have a direction (classes taken for each
    other one way), which precisions cannot express.

    Parameters
    ----------
    precision_strength : float, default=15
        a, in labels.
    centre_strength : float, default=1
        λ.
    max_iter : int, default=1000
        Most passes over the votes.
    tol : float, default=1e-9
        Stop when the objective rises by less than this share of itself.
    unknown_annotators : {"prior", "ignore", "error"}
        In `predict_proba`: labels by annotators who were not in the fit have the prior's
        precision, do not count, or are refused.
    ties : {"prior", "first", "random"}
        See `aggregate.fusion.decide`.
    n_jobs : int, optional
        Threads; -1 for all processors.
    random_state : int or Generator, optional
        Seed of random ties.
    verbose : bool, default=False
        Show a progress bar.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    annotator_weight_ : ndarray of shape (M, K)
        Precisions.
    annotator_skill_ : ndarray of shape (M,)
        Mean soft label of the classes that an annotator named.
    class_prior_ : ndarray of shape (K,)
        The centres, divided by their sum.
    probas_ : ndarray of shape (N, K)
    labels_ : ndarray of shape (N,)
    objective_path_ : ndarray
        The objective after each pass; it never falls.
    n_iter_ : int
    converged_ : bool
    gold_given_, gold_correct_ : ndarray of shape (M,)
        Labels on gold items, and how many of them were right.

    References
    ----------
    Y. Li, B. I. P. Rubinstein and T. Cohn, Truth inference at scale: a Bayesian model for
    adjudicating highly redundant crowd annotations, The Web Conference 2019, pp. 1028-1038,
    section 4.

    Examples
    --------
    >>> from aggregate import BWA
    >>> votes = [[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, -1]]
    >>> BWA().fit_predict(votes)
    array([0, 1, 0, 1, 0])
    """

    def __init__(
        self,
        *,
        precision_strength: float = 15.0,
        centre_strength: float = 1.0,
        max_iter: int = 1000,
        tol: float = 1e-9,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
        verbose: bool = False,
    ) -> None:
        self.precision_strength = precision_strength
        self.centre_strength = centre_strength
        self.max_iter = max_iter
        self.tol = tol
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        for name in ("precision_strength", "centre_strength"):
            check_number(name, getattr(self, name), low=0, low_open=True)
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("tol", self.tol, low=0)
        scores = clamp(vote_shares(annotations, n_jobs=self.n_jobs), gold)
        heard = (scores.sum(axis=1) > 0).sum()
        scale = self._scale(annotations, scores)
        errors = np.zeros((annotations.n_annotators, annotations.n_classes))
        pointers, annotator, label = annotations.item_ptr, annotations.annotator, annotations.label
        score_errors(pointers, annotator, label, scores, 0, annotations.n_items, errors)
        strength = self.precision_strength + annotations.labels_per_annotator[:, np.newaxis]
        bar = tqdm(disable=not self.verbose, desc="BWA", unit="pass")

        def step(state: State) -> tuple[float, State]:
            bar.update()
            centre, weight = state
            _, errors, total, spread = self._average(annotations, weight, centre, gold)
            value = (strength * np.log(weight)).sum() - (weight * (scale + errors)).sum()
            value -= self.centre_strength * spread
            return value / 2, State(total / max(heard, 1), strength / (scale + errors))

        start = State(scores.sum(axis=0) / max(heard, 1), strength / (scale + errors))
        with bar:
            fit = run_em(step, start, max_iter=self.max_iter, tol=self.tol, accelerate=False)
        self._keep(annotations, gold, fit.state)
        self._unknown_weight = self.precision_strength / scale
        self.objective_path_ = fit.objective_path
        self.n_iter_, self.converged_ = fit.n_iter, fit.converged
        warn_unless_converged(fit, self.max_iter, self.tol)

    def _scale(self, annotations: Annotations, scores: Float) -> Float:
        """Return b_k: the mean spread of the votes, as if it were all due to the annotators."""
        n_labels = annotations.labels_per_item[:, np.newaxis]
        spread = (n_labels * scores * (1 - scores)).sum(axis=0) / max(n_labels.sum(), 1)
        adjusted = 4 * (1 - 1 / annotations.n_classes) * spread
        return np.asarray(self.precision_strength * np.maximum(adjusted, _LEAST))

    def _average(
        self,
        annotations: Annotations,
        weight: Float,
        centre: Float,
        gold: NDArray[np.int32] | None,
    ) -> tuple[Float, Float, Float, float]:
        """Return scores, squared errors, the scores' total and their spread."""
        scores = np.empty((annotations.n_items, len(centre)))
        known, strength = _NO_GOLD if gold is None else gold, float(self.centre_strength)

        def block(first: int, last: int) -> tuple[Float, Float, float]:
            errors, total = np.zeros_like(weight), np.zeros_like(centre)
            spread = weighted_average_pass(
                annotations.item_ptr, annotations.annotator, annotations.label, known,
                weight, centre, strength, first, last, scores, errors, total,
            )  # fmt: skip
            return errors, total, spread

        errors, total, spread = np.zeros_like(weight), np.zeros_like(centre), 0.0
        bounds = item_blocks(annotations.item_ptr, table_size=weight.size)
        for part in run_blocks(block, bounds, self.n_jobs):
            errors += part[0]
            total += part[1]
            spread += part[2]
        return scores, errors, total, spread

    def _keep(self, annotations: Annotations, gold: NDArray[np.int32] | None, state: State) -> None:
        self._centre, self.annotator_weight_ = state
        total = self._centre.sum()
        n_classes = len(self._centre)
        self.class_prior_ = self._centre / total if total > 0 else np.full(n_classes, 1 / n_classes)
        soft = self._average(annotations, self.annotator_weight_, self._centre, gold)[0]
        soft /= np.maximum(soft.sum(axis=1, keepdims=True), 1e-300)
        agreed, given = agreement(annotations, soft), annotations.labels_per_annotator
        typical = np.full(len(given), self.class_prior_.max())
        self.annotator_skill_ = np.divide(agreed, given, out=typical, where=given > 0)
        # One agreement and one disagreement more, so that no likelihood is zero.
        self._coin = (agreed + 1) / (given + 2)

    def _soft_labels(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Float:
        weight = np.concatenate([self.annotator_weight_, self._unknown_weight[np.newaxis]])
        scores = self._average(annotations, weight, self._centre, gold)[0]
        total = scores.sum(axis=1, keepdims=True)
        return np.where(total > 0, scores / np.maximum(total, 1e-300), self.class_prior_)

    def _log_likelihood(self, annotations: Annotations) -> Float:
        """Take each annotator for a coin that is right as often as it agreed with the scores."""
        n_classes = len(self.classes_)
        coins = np.append(self._coin, self._coin.mean() if len(self._coin) else 0.5)
        confusion = np.stack([prior_confusion(n_classes, coin) for coin in coins])
        joint = log_joint(annotations, confusion, self.class_prior_, n_jobs=self.n_jobs)
        return np.asarray(np.logaddexp.reduce(joint, axis=1))
