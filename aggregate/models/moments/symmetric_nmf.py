"""Symmetric NMF: all confusion matrices from one square root of the co-occurrences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_choice, check_number
from aggregate.factorization import (
    complete_blocks,
    robust_block_factorization,
    spectral_root,
    symmetric_nmf,
)
from aggregate.models.moments._moment_model import Crowd, Estimate, MomentModel, as_estimate
from aggregate.moments import PairMoments

Float = NDArray[np.float64]

_RANK = 1e-8  # relative singular value below which the pairs do not tell K classes
_LARGEST = 6000  # rows of a matrix of all blocks that is still laid out
_SWEEPS = 50  # of the robust factorization, which serves as a start only


class SymmetricNMF(MomentModel):
    r"""Confusion matrices from the nonnegative square root of all pair co-occurrences.

    With :math:`\pi` the class prior and :math:`A_j[k, a]` the probability that annotator j
    says a of an item of class k, stack all annotators into

    .. math:: H = \begin{pmatrix} A_1^T \\ \vdots \\ A_M^T \end{pmatrix}
        \operatorname{diag}(\pi)^{1/2} \ge 0, \qquad X = H H^T.

    Block (j, l) of X is what annotators j and l say together,
    :math:`A_j^T \operatorname{diag}(\pi) A_l`. Blocks of pairs without common items, and the
    diagonal blocks, which are never observed, are first imputed from paths over other
    annotators. Then the K leading eigenvectors give a square root U of X, and H is a rotation
    of it that is nonnegative,

    .. math:: \min_{H \ge 0,\ Q^T Q = I} \| H - U Q \|_F^2,

    found by alternating two closed formulas. H is unique up to the order of the classes if
    every class has annotators who (nearly) never mistake it; unlike with `CoupledNMF`, one
    group of such annotators is enough.

    Or U is fitted to the observed blocks alone, which is more accurate where pairs share many
    items and fails where they share few; by default both are tried.

    The alternation has local optima, which is what makes the published code unstable: here
    blocks weigh by the items behind them, several rotations are tried, and of all results
    the one under which the votes are likeliest is kept. It fails where most pairs share few
    items and where no annotator is sure of any class.

    Parameters
    ----------
    method : {"auto", "impute", "robust"}
        Impute the missing blocks, or fit the root to the observed blocks only. "auto" tries
        both, and does not impute where the matrix of all blocks is too large.
    min_shared : int, optional
        Pairs with fewer items in common are taken as missing; K by default.
    power : float, default=2
        With "robust": exponent of a block's residual, at most 2. 1 lets bad blocks go.
    floor : float, default=1e-3
        Smallest probability in the estimate: a rectified entry is not proof of impossibility.
    n_init : int, default=10
        Rotations to start from: none, then random ones.
    max_iter : int, default=2000
        Iterations of each start.
    tol : float, default=1e-5
        Stop when the rotation moves by less.
    refine : None, int or "converge"
        EM from the estimate, none, so many plain iterations, or accelerated to the optimum of
        `DawidSkene` with the same priors.
    prior_strength : float, default=4
        Pseudo-labels per row of each confusion matrix, in the estimate and in EM; with 0, the
        estimate is what the moments say.
    prior_accuracy : float, default=0.7
        Share of the pseudo-labels on the diagonal.
    class_prior : "learned", "uniform", array of shape (K,) or mapping class -> probability
        How often each class is true.
    annotator_correlation : float, default=0.4
        ρ of `aggregate.fusion.posterior`: makes the confidence honest and changes no label.
    unknown_annotators : {"prior", "ignore", "error"}
        As in `DawidSkene`.
    ties : {"prior", "first", "random"}
        See `aggregate.fusion.decide`.
    n_jobs : int, optional
        Threads; -1 for all processors.
    random_state : int, Generator or None, default=0
        Seed; None draws anew in every fit.
    verbose : bool, default=False
        Show a progress bar of the EM iterations.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    confusion_ : ndarray of shape (M, K, K)
        ``confusion_[j, k, y]`` = P(annotator j says y | truth k).
    class_prior_ : ndarray of shape (K,)
    annotator_skill_ : ndarray of shape (M,)
        Probability that an annotator is right on a random item.
    estimated_ : ndarray of bool, shape (M,)
        Whose confusions the moments determined. The others have the mean confusion; nobody
        is marked where the whole model fell back to the vote.
    probas_ : ndarray of shape (N, K)
        Soft labels of the fitted items.
    labels_ : ndarray of shape (N,)
    objective_path_ : ndarray
        The squared distance of the root from the cone after each iteration; with ``refine``,
        the objective of EM, which never falls.
    log_likelihood_ : float
        Of the votes.
    n_iter_ : int
    converged_ : bool
    gold_given_, gold_correct_ : ndarray of shape (M,)
        Labels on gold items, and how many of them were right.

    References
    ----------
    S. Ibrahim and X. Fu, Crowdsourcing via annotator co-occurrence imputation and provable
    symmetric nonnegative matrix factorization, ICML 2021, PMLR 139:4544-4554, problems 7 and
    9, Algorithms 1 and 2.

    Examples
    --------
    >>> from aggregate import SymmetricNMF, simulate_annotations
    >>> crowd = simulate_annotations(
    ...     3000, 10, 3, labels_per_item=5, accuracy=(0.7, 0.95), random_state=0
    ... )
    >>> model = SymmetricNMF(random_state=0).fit(crowd.annotations)
    >>> bool((model.labels_ == crowd.truth).mean() > 0.9)
    True
    """

    def __init__(
        self,
        *,
        method: str = "auto",
        min_shared: int | None = None,
        power: float = 2.0,
        floor: float = 1e-3,
        n_init: int = 10,
        max_iter: int = 2000,
        tol: float = 1e-5,
        refine: int | str | None = None,
        prior_strength: float = 4.0,
        prior_accuracy: float = 0.7,
        class_prior: Any = "learned",
        annotator_correlation: float = 0.4,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = 0,
        verbose: bool = False,
    ) -> None:
        self.method = method
        self.min_shared = min_shared
        self.power = power
        self.floor = floor
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.refine = refine
        self.prior_strength = prior_strength
        self.prior_accuracy = prior_accuracy
        self.class_prior = class_prior
        self.annotator_correlation = annotator_correlation
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @property
    def _least(self) -> float:  # type: ignore[override]
        return self.floor

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("method", self.method, ("auto", "impute", "robust"))
        if self.min_shared is not None:
            check_number("min_shared", self.min_shared, low=1, integer=True)
        check_number("power", self.power, low=0, high=2, low_open=True)
        check_number("floor", self.floor, low=0, high=0.5, low_open=True)
        check_number("n_init", self.n_init, low=1, integer=True)
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("tol", self.tol, low=0)

    def _candidates(self, crowd: Crowd) -> Iterator[Estimate]:
        pairs = crowd.pairs_with(self.min_shared)
        if not len(pairs.pairs):
            return
        paired = np.zeros(pairs.n_annotators, dtype=np.bool_)
        paired[pairs.pairs] = True
        for root in self._roots(pairs, crowd):
            spread = np.linalg.svd(root, compute_uv=False)
            if spread[-1] <= _RANK * spread[0]:  # a direction of pure rounding would decide
                continue
            for estimate in self._rotated(root, crowd):
                yield estimate._replace(estimated=estimate.estimated & paired)

    def _roots(self, pairs: PairMoments, crowd: Crowd) -> Iterator[Float]:
        """Yield square roots (M·K, K) of the matrix of all blocks."""
        n_rows = pairs.n_annotators * pairs.n_classes
        if self.method == "impute" or (self.method == "auto" and n_rows <= _LARGEST):
            matrix, _ = complete_blocks(
                pairs.pairs, pairs.blocks, pairs.totals, n_factors=pairs.n_annotators
            )
            yield spectral_root(matrix, pairs.n_classes)
        if self.method != "impute":
            result = robust_block_factorization(
                crowd.places[pairs.pairs],  # a random start, the same in any order of annotators
                pairs.blocks,
                pairs.totals,
                n_factors=pairs.n_annotators,
                power=self.power,
                n_restarts=1,
                max_iter=_SWEEPS,
                tol=1e-5,
                random_state=crowd.random,
            )
            yield result.factors[crowd.places].reshape(n_rows, pairs.n_classes)

    def _rotated(self, root: Float, crowd: Crowd) -> Iterator[Estimate]:
        """Yield what each of several rotations of a root leads to."""
        n_annotators, n_classes = crowd.annotations.n_annotators, root.shape[1]
        for turn in range(self.n_init):
            rotation = np.eye(n_classes)
            if turn:
                rotation, _ = np.linalg.qr(crowd.random.standard_normal(rotation.shape))
            result = symmetric_nmf(
                root,
                n_annotators,
                init=rotation,
                n_restarts=1,
                max_iter=self.max_iter,
                tol=self.tol,
            )
            yield as_estimate(result)
