"""Community-based Bayesian classifier combination."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.models._confusion_model import ConfusionModel
from aggregate.models._confusions import prior_confusion
from aggregate.models._em import Fit, run_em, warn_unless_converged
from aggregate.models._start import first_guess
from aggregate.models.bayesian._communities import (
    Communities,
    CommunityVariational,
    by_agreement,
)
from aggregate.models.bayesian._crowd import LARGEST, SMALLEST

Float = NDArray[np.float64]


class CBCC(ConfusionModel):
    r"""Soft labels from votes by annotators who belong to communities of their like.

    Annotator j belongs to community :math:`c_j` of C, with probabilities h, and has
    confusions :math:`A_j[k, \cdot] \sim \mathrm{Dir}(a_{c_j k})` near those of the community
    (diligent people, those who always click the same, those who mix up two classes); j says
    y about an item of class k with probability :math:`A_j[k, y]`. Variational Bayes maximises

    .. math::

        \sum_i \log \sum_k e^{\mathrm{E} \log \pi_k} \prod_{e \in i}
        e^{\mathrm{E} \log A_{j_e}[k, y_e]} - \mathrm{KL}(q \| p) + \sum_{c,k} \log h(a_{ck})

    over :math:`q(\pi) \prod_j q(c_j) \prod_k q(A_j[k, \cdot] \mid c_j)`, Dirichlet given the
    community, and over the :math:`a_{ck}`, each with the hyper-prior of
    `HierarchicalDawidSkene`, which this is with one community. The product runs over the
    labels :math:`y_e` of item i and :math:`\pi` is the class prior. It is the published
    model's hierarchy with Dirichlet in place of logistic-normal rows, so that everything but
    the :math:`a_{ck}` has a closed form; figures therefore differ a little from it.

    The first start sorts annotators by agreement with the vote; others are random. It fails
    as the hierarchical model does, and cannot find communities in fewer than some ten
    annotators each.

    Parameters
    ----------
    n_communities : int, default=3
        C. Those that are not needed stay empty.
    prior_strength : float, default=4
        Pseudo-labels per row of the imaginary annotator who is each community's hyper-prior.
    prior_accuracy : float, default=0.7
        Share of them on the diagonal.
    prior_class : float, default=1
        Pseudo-items per class.
    n_init : int, default=1
        Starts. The best bound wins.
    max_iter : int, default=1000
        Most passes over the votes, per start.
    tol : float, default=1e-8
        Stop when the bound rises by less than this share of itself.
    annotator_correlation : float, default=0.4
        See `aggregate.fusion.posterior`; 0 is the textbook posterior.
    unknown_annotators : {"prior", "ignore", "error"}
        In `predict_proba`: annotators who were not in the fit have the mean confusion of the
        communities, weighted by size, do not count, or are refused.
    ties : {"prior", "first", "random"}
        See `aggregate.fusion.decide`.
    n_jobs : int, optional
        Threads; -1 for all processors.
    random_state : int or Generator, optional
        Seed of the further starts and of random ties.
    verbose : bool, default=False
        Show a progress bar over the starts.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    community_ : ndarray of shape (M,)
        The likeliest community of each annotator.
    community_proba_ : ndarray of shape (M, C)
    community_size_ : ndarray of shape (C,)
        The :math:`h`.
    community_counts_ : ndarray of shape (C, K, K)
        The :math:`a_{ck}`, truth in the rows.
    confusion_ : ndarray of shape (M, K, K)
        Posterior means.
    class_prior_ : ndarray of shape (K,)
    annotator_skill_ : ndarray of shape (M,)
    probas_ : ndarray of shape (N, K)
    labels_ : ndarray of shape (N,)
    objective_path_ : ndarray
        The bound after each pass; it never falls.
    n_iter_ : int
    converged_ : bool
    gold_given_, gold_correct_ : ndarray of shape (M,)
        Labels on gold items, and how many of them were right.

    References
    ----------
    M. Venanzi, J. Guiver, G. Kazai, P. Kohli and M. Shokouhi, Community-based Bayesian
    aggregation models for crowdsourcing, WWW 2014, pp. 155-164, section 3.2.

    Examples
    --------
    >>> from aggregate import CBCC
    >>> votes = [[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, -1]]
    >>> CBCC(random_state=0).fit_predict(votes)
    array([0, 1, 0, 1, 0])
    """

    def __init__(
        self,
        *,
        n_communities: int = 3,
        prior_strength: float = 4.0,
        prior_accuracy: float = 0.7,
        prior_class: float = 1.0,
        n_init: int = 1,
        max_iter: int = 1000,
        tol: float = 1e-8,
        annotator_correlation: float = 0.4,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
        verbose: bool = False,
    ) -> None:
        self.n_communities = n_communities
        self.prior_strength = prior_strength
        self.prior_accuracy = prior_accuracy
        self.prior_class = prior_class
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.annotator_correlation = annotator_correlation
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        for name in ("n_communities", "n_init", "max_iter"):
            check_number(name, getattr(self, name), low=1, integer=True)
        check_number("prior_strength", self.prior_strength, low=0, low_open=True)
        check_number("prior_accuracy", self.prior_accuracy, low=0, high=1)
        check_number("prior_class", self.prior_class, low=SMALLEST)
        check_number("tol", self.tol, low=0)
        check_number("annotator_correlation", self.annotator_correlation, low=0, high=1)

    _heeds_gold: ClassVar[bool] = True

    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        self._check_parameters()
        n_classes = annotations.n_classes
        imagined = self.prior_strength * prior_confusion(n_classes, self.prior_accuracy).T
        problem = CommunityVariational(
            annotations,
            gold,
            np.full(n_classes, float(self.prior_class)),
            np.ascontiguousarray(np.clip(imagined, SMALLEST, LARGEST)),
            self.n_jobs,
        )
        soft = first_guess(annotations, gold, self.n_jobs, gold_alone=data.get("gold_alone", False))
        random = np.random.default_rng(self.random_state)
        best: Fit | None = None
        for turn in tqdm(range(self.n_init), "CBCC", disable=not self.verbose, unit="start"):
            share = by_agreement(annotations, self.n_communities)
            if turn:
                share = random.dirichlet(np.ones(self.n_communities), annotations.n_annotators)
            start: Any = problem.start(soft, share)
            step: Any = problem.step
            fit = run_em(step, start, max_iter=self.max_iter, tol=self.tol, accelerate=False)
            if best is None or fit.objective_path[-1] > best.objective_path[-1]:
                best = fit
        assert best is not None  # there is at least one start
        state: Any = best.state
        self._keep(state)
        self.objective_path_ = best.objective_path
        self.n_iter_, self.converged_ = best.n_iter, best.converged
        warn_unless_converged(best, self.max_iter, self.tol)

    def _keep(self, state: Communities) -> None:
        n_classes = len(self.classes_)
        blocks = state.table.reshape(-1, n_classes, n_classes)
        confusion = np.zeros_like(blocks)
        for share, crowd in zip(state.share.T, state.crowds, strict=True):
            weights = blocks + crowd
            mean = weights / weights.sum(axis=1, keepdims=True)
            confusion += share[:, np.newaxis, np.newaxis] * mean
        self.community_proba_, self.community_size_ = state.share, state.size
        self.community_ = state.share.argmax(axis=1)
        self.community_counts_ = np.ascontiguousarray(state.crowds.transpose(0, 2, 1))
        confusion = np.ascontiguousarray(confusion.transpose(0, 2, 1))
        self._keep_confusions(confusion, state.prior)

    def _stranger(self) -> Float:
        counts = self.community_counts_
        means = counts / counts.sum(axis=2, keepdims=True)
        return np.asarray(np.einsum("c,cky->ky", self.community_size_, means))
