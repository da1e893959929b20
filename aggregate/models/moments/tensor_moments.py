"""TensorMoments: confusion matrices from what pairs and triples of annotators say together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_number
from aggregate.factorization import coupled_cpd
from aggregate.models.moments._moment_model import Crowd, Estimate, MomentModel, as_estimate
from aggregate.moments import choose_triples, label_shares, triple_moments

Float = NDArray[np.float64]


class TensorMoments(MomentModel):
    r"""Confusion matrices that fit the shares, pairs and triples of labels.

    With :math:`\pi` the class prior and :math:`A_j[k, a]` the probability that annotator j
    says a of an item of class k, the label shares :math:`\mu_j`, the joint frequencies
    :math:`R_{jl}` of two annotators and those of three, :math:`T_{jlm}`, are in expectation

    .. math::

        \mu_j[a] = \sum_k \pi_k A_j[k, a], \quad
        R_{jl}[a, b] = \sum_k \pi_k A_j[k, a] A_l[k, b], \quad
        T_{jlm}[a, b, c] = \sum_k \pi_k A_j[k, a] A_l[k, b] A_m[k, c].

    The fit minimises the sum of all squared differences, each weighted by the items behind
    it, over probabilities. The last expression is a canonical polyadic decomposition
    of rank K, unique up to the order of the classes as soon as the confusions of three
    annotators have full rank: nobody need be an expert in any class, which pairs alone
    require. It is the method of choice for weak annotators with many items each.

    It fails where triples share few items (third moments are noisier than second ones) and,
    slowly, where annotators are many: their triples are sampled.

    Parameters
    ----------
    n_triples : int, default=5000
        Triples at most (all of them for up to 31 annotators), those with many shared items
        first.
    weighted : bool, default=True
        Weight each moment by the items behind it; False weighs all alike, as published.
    n_restarts : int, default=1
        Starts: the first from the vote, the others random. The best objective wins.
    max_iter : int, default=500
        Sweeps over all annotators.
    tol : float, default=1e-5
        Stop when an annotator's probabilities move by less on average, relative to their size.
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
        The sum of squares after each sweep; with ``refine``, the objective of
        EM, which never falls.
    log_likelihood_ : float
        Of the votes.
    n_iter_ : int
    converged_ : bool
    gold_given_, gold_correct_ : ndarray of shape (M,)
        Labels on gold items, and how many of them were right.

    References
    ----------
    P. A. Traganitis, A. Pagès-Zamora and G. B. Giannakis, Blind multiclass ensemble
    classification, IEEE Transactions on Signal Processing 66(18):4737-4752, 2018,
    equations 10-16.

    Examples
    --------
    >>> from aggregate import TensorMoments, simulate_annotations
    >>> crowd = simulate_annotations(3000, 10, 3, labels_per_item=5, random_state=0)
    >>> model = TensorMoments().fit(crowd.annotations)
    >>> bool(abs(model.confusion_ - crowd.confusion).max() < 0.1)
    True
    """

    def __init__(
        self,
        *,
        n_triples: int = 5000,
        weighted: bool = True,
        n_restarts: int = 1,
        max_iter: int = 500,
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
        self.n_triples = n_triples
        self.weighted = weighted
        self.n_restarts = n_restarts
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
        check_number("n_triples", self.n_triples, low=1, integer=True)
        check_number("n_restarts", self.n_restarts, low=1, integer=True)
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("tol", self.tol, low=0)

    def _candidates(self, crowd: Crowd) -> Iterator[Estimate]:
        annotations, pairs = crowd.annotations, crowd.pairs
        if not len(pairs.pairs):
            return
        chosen = choose_triples(annotations, self.n_triples, random_state=crowd.random)
        triples = triple_moments(annotations, chosen, n_jobs=crowd.n_jobs)
        means = label_shares(annotations)
        supports = [pairs.totals, triples.totals, means.totals]
        if not self.weighted:
            supports = [(support > 0).astype(np.float64) for support in supports]
        scale = max(support.max(initial=0.0) for support in supports)
        second, third, first = (support / scale for support in supports)
        places = crowd.places  # annotators take turns in an order of their votes' making
        order = np.argsort(places)
        result = coupled_cpd(
            places[pairs.pairs],
            pairs.blocks,
            second,
            places[triples.triples],
            triples.blocks,
            third,
            means.shares[order],
            first[order],
            n_factors=annotations.n_annotators,
            init=crowd.vote[order],
            n_restarts=self.n_restarts,
            max_iter=self.max_iter,
            tol=self.tol * annotations.n_annotators,
            random_state=crowd.random,
        )
        # A share of labels alone, without a partner, determines no confusion.
        paired = np.zeros(annotations.n_annotators, dtype=np.bool_)
        paired[pairs.pairs] = True
        yield as_estimate(result)._replace(factors=result.factors[places], estimated=paired)
