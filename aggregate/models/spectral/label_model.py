"""Label model of weak supervision: confusions that explain how sources agree in pairs."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, linear_sum_assignment, minimize
from sklearn.exceptions import ConvergenceWarning

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.kernels.pair_fit import pair_misfit
from aggregate.models._confusion_model import ConfusionModel
from aggregate.models.spectral._two_coins import mean_confusion
from aggregate.models.spectral.spectral_meta_learner import SpectralMetaLearner
from aggregate.moments import PairMoments, label_shares, pair_moments

Float = NDArray[np.float64]

_LEAST = 1e-6


class LabelModel(ConfusionModel):
    r"""Soft labels from confusions that match the joint frequencies of all pairs of sources.

    Sources (labelling functions, annotators) err independently given the truth: annotator j
    says y with probability :math:`A_j[k, y]` where the truth is k, which has the probability
    :math:`\pi_k`. With :math:`D = \operatorname{diag}(\pi)`, pairs and single sources show

    .. math:: R_{jl} = A_j^\top D A_l, \qquad m_j = A_j^\top \pi,

    and the fit minimises over confusion matrices

    .. math::

        \sum_{j < l} n_{jl} \|A_j^\top D A_l - R_{jl}\|^2 + \sum_j n_j \|A_j^\top \pi - m_j\|^2
        + \lambda \sum_j \|A_j - A_j^0\|^2,

    where :math:`n_{jl}` and :math:`n_j` count labels. A source that abstains is missing, so
    each moment is an average over the items that its sources did label. The start
    :math:`A^0` (and :math:`\pi`, unless given) is the closed form of `SpectralMetaLearner`,
    not a guess of everybody's accuracy; L-BFGS over logits then converges in about a hundred
    passes over the pairs, where stochastic gradients take thousands. The latent classes,
    which the pairs leave open up to a permutation, are named so that sources are right as
    often as possible (better than random), and refitted if that changes anything.

    It fails where sources share mistakes, where most are worse than chance, where the given
    balance is far off, and where pairs share few items. `CoupledNMF` solves the same
    equations with a free class prior, `DawidSkene` uses all items' evidence and not only pairs.

    Parameters
    ----------
    class_prior : "moments", "uniform", array of shape (K,) or mapping class -> probability
        How often each class is true: from third moments, or given.
    l2 : float, default=1.0
        :math:`\lambda`, in labels.
    max_iter : int, default=1000
        Most iterations of L-BFGS.
    tol : float, default=1e-7
        Stop when an iteration lowers the objective per label by less.
    annotator_correlation : float, default=0.4
        ρ of `aggregate.fusion.posterior`; it changes no label.
    unknown_annotators : {"prior", "ignore", "error"}
        In `predict_proba`: labels by annotators who were not in the fit count with the mean
        confusion, do not count, or are refused.
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
    confusion_ : ndarray of shape (M, K, K)
        ``confusion_[j, k, y]`` = P(annotator j says y | truth k).
    class_prior_ : ndarray of shape (K,)
    annotator_skill_ : ndarray of shape (M,)
        Probability that an annotator is right on a random item.
    probas_ : ndarray of shape (N, K)
    labels_ : ndarray of shape (N,)
    objective_path_ : ndarray
        Minus the objective per label of every iteration; it never falls.
    n_iter_ : int
    converged_ : bool

    References
    ----------
    A. Ratner, B. Hancock, J. Dunnmon, F. Sala, S. Pandey and C. Ré, Training complex models
    with multi-task weak supervision, AAAI 2019, algorithm 1.

    Examples
    --------
    >>> from aggregate import LabelModel, simulate_annotations
    >>> crowd = simulate_annotations(2000, 8, 3, labels_per_item=6, random_state=0)
    >>> model = LabelModel().fit(crowd.annotations)
    >>> bool((model.labels_ == crowd.truth).mean() > 0.9)
    True
    """

    def __init__(
        self,
        *,
        class_prior: Any = "moments",
        l2: float = 1.0,
        max_iter: int = 1000,
        tol: float = 1e-7,
        annotator_correlation: float = 0.4,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.class_prior = class_prior
        self.l2 = l2
        self.max_iter = max_iter
        self.tol = tol
        self.annotator_correlation = annotator_correlation
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        check_number("l2", self.l2, low=0)
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("tol", self.tol, low=0)
        check_number("annotator_correlation", self.annotator_correlation, low=0, high=1)
        closed = SpectralMetaLearner(class_prior=self.class_prior, n_jobs=self.n_jobs)
        closed.fit(annotations)
        misfit = _Misfit(annotations, closed.confusion_, closed.class_prior_, self.l2, self.n_jobs)
        confusion, result, path = self._minimise(misfit, misfit.start)
        order = _better_than_random(confusion, annotations.labels_per_annotator)
        n_iter = int(result.nit)
        if not np.array_equal(order, np.arange(len(order))):
            confusion, result, path = self._minimise(misfit, confusion[:, order])
            n_iter += int(result.nit)
        self._mean_confusion = mean_confusion(confusion, annotations.labels_per_annotator)
        self._keep_confusions(confusion, closed.class_prior_)
        self.objective_path_ = -np.array(path)
        # Besides the limit (1) there is only success (0) and no lower value at hand (2).
        self.n_iter_, self.converged_ = n_iter, result.status != 1
        if not self.converged_ and self.tol > 0:
            warnings.warn(
                f"L-BFGS had not converged after max_iter={self.max_iter} iterations; raise "
                "max_iter or tol.",
                ConvergenceWarning,
                stacklevel=5,
            )

    def _minimise(self, misfit: _Misfit, start: Float) -> tuple[Float, OptimizeResult, list[float]]:
        """Run L-BFGS over the logits; return confusions, its report, the objective's path."""
        logits = misfit.from_confusion(start)
        path = [misfit(logits)[0]]

        def note(intermediate_result: OptimizeResult) -> None:
            path.append(float(intermediate_result.fun))

        result = minimize(
            misfit, logits, jac=True, method="L-BFGS-B", callback=note,
            options={"maxiter": self.max_iter, "ftol": self.tol, "gtol": 1e-10},
        )  # fmt: skip
        return misfit.to_confusion(result.x), result, path

    def _stranger(self) -> Float:
        return self._mean_confusion


class _Misfit:
    """The objective per label as a function of scaled logits, with its gradient."""

    def __init__(
        self, annotations: Annotations, start: Float, prior: Float, l2: float, n_jobs: int | None
    ) -> None:
        pairs: PairMoments = pair_moments(annotations, n_jobs=n_jobs)
        singles = label_shares(annotations)
        self.pairs, self.blocks, self.weight = pairs.pairs, pairs.blocks, pairs.totals
        self.shares, self.given = singles.shares, singles.totals
        self.start, self.prior, self.l2 = start, prior, l2
        self.scale = 1 / max(float(self.weight.sum() + self.given.sum()), 1.0)
        mass = np.repeat(self.weight, 2)
        known = self.given + np.bincount(self.pairs.ravel(), mass, minlength=len(start))
        self.unit = np.sqrt((known + l2 + 1) * self.scale)[:, np.newaxis, np.newaxis]

    def from_confusion(self, confusion: Float) -> Float:
        """Return logits in units in which every annotator's part is curved alike."""
        return (np.log(np.maximum(confusion, _LEAST)) * self.unit).ravel()

    def to_confusion(self, logits: Float) -> Float:
        """Return the confusion matrices of logits in those units."""
        return _softmax(logits.reshape(self.start.shape) / self.unit)

    def __call__(self, logits: Float) -> tuple[float, Float]:
        confusion = self.to_confusion(logits)
        away = confusion - self.start
        gradient = 2 * self.l2 * away
        loss = self.l2 * float(np.square(away).sum())
        room = np.empty(confusion.shape[1:])
        loss += pair_misfit(
            self.pairs, self.blocks, self.weight, confusion, self.prior, room, gradient
        )
        single = np.einsum("jky,k->jy", confusion, self.prior) - self.shares
        loss += float(self.given @ np.square(single).sum(axis=1))
        own = 2 * self.given[:, np.newaxis] * single
        gradient += self.prior[:, np.newaxis] * own[:, np.newaxis]
        inner = (gradient * confusion).sum(axis=2, keepdims=True)
        slope = confusion * (gradient - inner) / self.unit
        return loss * self.scale, slope.ravel() * self.scale


def _softmax(logits: Float) -> Float:
    shifted = np.exp(logits - logits.max(axis=2, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=2, keepdims=True))


def _better_than_random(confusion: Float, given: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the order of the latent classes that makes the annotators right most often."""
    right = np.einsum("jky,j->ky", confusion, given.astype(np.float64))
    latent, named = linear_sum_assignment(-right)
    order = np.empty(len(latent), dtype=np.int64)
    order[named] = latent
    return order
