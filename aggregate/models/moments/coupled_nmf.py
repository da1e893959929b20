"""Coupled NMF: confusion matrices that explain all pairs of annotators at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_choice, check_number
from aggregate.factorization import FactorizationResult, coupled_nmf, coupled_nmf_mirror
from aggregate.models.moments._moment_model import Crowd, Estimate, MomentModel, as_estimate
from aggregate.models.moments.multi_spa import ALIGNMENTS, aligned, extreme_columns

Float = NDArray[np.float64]

_LEAST = 1e-6  # a zero in the start would stay zero


class CoupledNMF(MomentModel):
    r"""Confusion matrices under which the label pairs of all annotators are likeliest.

    What annotators j and l say of the items both labelled has the joint frequencies
    :math:`R_{jl} = A_j^T \operatorname{diag}(\pi) A_l`, where :math:`\pi` is the class prior
    and :math:`A_j[k, a]` the probability that annotator j says a of an item of class k. With
    :math:`n_{jl}` items in common, the fit minimises

    .. math:: \sum_{j<l} n_{jl} \operatorname{KL}\bigl(R_{jl} \,\|\,
        A_j^T \operatorname{diag}(\pi) A_l\bigr)

    over :math:`\pi` and all :math:`A_j`, starting from `MultiSPA` (from the vote for the
    annotators it cannot estimate). That is the likelihood of the pairs, as if every pair of
    labels were an item of its own; each EM iteration is a closed formula, the cost does not
    depend on the number of items, and no step size is needed. If some annotators (nearly)
    never mistake a class, the confusions are unique up to a common order of the classes.

    It fails by overfitting: pairs with a handful of items in common are noise, and after some
    ten iterations the fit starts to follow it. So it stops after ten; ``smoothing`` is the
    other remedy. Where no annotator is sure of any class, pairs do not determine the
    confusions at all: use `TensorMoments`.

    Parameters
    ----------
    solver : {"em", "mirror-descent"}
        The closed iterations, or the authors' gradient steps with unit weights, which are
        slower and here to reproduce their tables; with these, a class prior that is given or
        uniform is kept in the fit.
    init : {"multispa", "vote"}
        Where to start.
    alignment : {"likelier", "diagonal", "propagate"}
        As in `MultiSPA`.
    smoothing : float, default=0
        Pseudo-counts added to every entry, on the scale of co-labels (solver "em").
    max_iter : int, default=10
        Iterations.
    tol : float, default=0
        Stop when no probability moves by more; 0 says that stopping early is meant.
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
        The divergence after each iteration; with ``refine``, the objective of
        EM, which never falls.
    log_likelihood_ : float
        Of the votes.
    n_iter_ : int
    converged_ : bool
    gold_given_, gold_correct_ : ndarray of shape (M,)
        Labels on gold items, and how many of them were right.

    References
    ----------
    S. Ibrahim, X. Fu, N. Kargas and K. Huang, Crowdsourcing via pairwise co-occurrences:
    identifiability and algorithms, NeurIPS 2019, problem 8 and Theorem 3.

    T. Hofmann, Unsupervised learning by probabilistic latent semantic analysis, Machine
    Learning 42:177-196, 2001, equations 4-7.

    Examples
    --------
    >>> from aggregate import CoupledNMF, simulate_annotations
    >>> crowd = simulate_annotations(
    ...     3000, 10, 3, labels_per_item=5, accuracy=(0.7, 0.95), random_state=0
    ... )
    >>> model = CoupledNMF().fit(crowd.annotations)
    >>> bool((model.labels_ == crowd.truth).mean() > 0.9)
    True
    >>> model.n_iter_
    10
    """

    def __init__(
        self,
        *,
        solver: str = "em",
        init: str = "multispa",
        alignment: str = "likelier",
        smoothing: float = 0.0,
        max_iter: int = 10,
        tol: float = 0.0,
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
        self.solver = solver
        self.init = init
        self.alignment = alignment
        self.smoothing = smoothing
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

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("solver", self.solver, ("em", "mirror-descent"))
        check_choice("init", self.init, ("multispa", "vote"))
        check_choice("alignment", self.alignment, ALIGNMENTS)
        check_number("smoothing", self.smoothing, low=0)
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("tol", self.tol, low=0)

    def _candidates(self, crowd: Crowd) -> Iterator[Estimate]:
        if not len(crowd.pairs.pairs):
            return
        for start in self._starts(crowd):
            raised = np.maximum(start, _LEAST)
            result = self._factorize(crowd, raised / raised.sum(axis=1, keepdims=True))
            if result is not None:
                yield as_estimate(result)

    def _starts(self, crowd: Crowd) -> Iterator[Float]:
        if self.init == "multispa":
            found, estimated, _ = extreme_columns(crowd.pairs)
            if estimated.any():
                for factors in aligned(found, estimated, crowd.pairs, self.alignment):
                    factors[~estimated] = crowd.vote[~estimated]
                    yield factors
                return
        yield crowd.vote

    def _factorize(self, crowd: Crowd, start: Float) -> FactorizationResult | None:
        pairs = crowd.pairs
        options: dict[str, Any] = {"n_factors": len(start), "init": start}
        if self.solver == "em":
            return coupled_nmf(
                pairs.pairs,
                pairs.blocks,
                pairs.totals,
                smoothing=self.smoothing,
                max_iter=self.max_iter,
                tol=self.tol,
                **options,
            )
        pairs = pairs.select(pairs.ranks() > 1)
        if not len(pairs.pairs):
            return None
        return coupled_nmf_mirror(
            pairs.pairs,
            pairs.blocks,
            init_weights=crowd.known_prior,
            fit_weights=crowd.known_prior is None,
            max_iter=self.max_iter,
            tol=self.tol,
            **options,
        )
