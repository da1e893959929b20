"""MultiSPA: confusion matrices read off the extreme columns of pair co-occurrences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_choice, check_number
from aggregate.factorization import (
    match_to_diagonal,
    propagate_permutations,
    reconcile_permutations,
    successive_projection,
)
from aggregate.models.moments._moment_model import Crowd, Estimate, MomentModel
from aggregate.moments import PairMoments

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

ALIGNMENTS = ("likelier", "diagonal", "propagate")


class MultiSPA(MomentModel):
    r"""Confusion matrices from pairs of annotators, by looking for those who never mistake a class.

    What annotators j and l say of the items both labelled has the joint frequencies

    .. math:: R_{jl} = A_j^T \operatorname{diag}(\pi) A_l, \qquad
        R_{jl}[a, b] = \sum_k \pi_k A_j[k, a] A_l[k, b],

    where :math:`\pi` is the class prior and :math:`A_j[k, a]` the probability that annotator j
    says a of an item of class k. Fix j and put the blocks of all partners l side by side. If
    some partner says b (almost) only of items of class k, column b of their block is a
    multiple of row k of :math:`A_j`, and all other columns are mixtures of such columns.
    Successive projection finds these extreme columns one after another: the longest column,
    then the longest after projecting the first away, and so on, K times. It takes no
    iterations, no start and one small computation per annotator.

    Each annotator's rows come out in an order of their own. They are put in a common order
    either by the diagonal (every annotator is taken to be right more often than wrong) or by
    what pairs say about each other: first along the pairs that share most items, then until
    each annotator agrees with all partners together.

    It fails where a class has no near-extreme annotator, and it is the least accurate of the
    moment methods on noisy pairs, because noisy columns are the longest: use it as a start
    (`CoupledNMF`, ``refine``). Annotators with too few usable partners are not estimated.

    Parameters
    ----------
    alignment : {"likelier", "diagonal", "propagate"}
        How the annotators' orders are made one; by default both ways are tried and the votes
        decide by their likelihood.
    min_partners : int, default=8
        Partners with a block of full rank that an annotator needs (all others, if there are
        fewer in all).
    min_column_labels : float, default=0
        Columns with fewer labels behind them cannot be extreme.
    n_average : int, default=1
        Columns to average for each class, against noise: 2 or 3 help where every class has
        several annotators who prove it, and mix in others where it has one.
    not_estimated : {"pooled", "ignore"}
        Annotators without an estimate get the mean confusion of the others, or flat rows, so
        that their labels say nothing.
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
        The mean residual of the annotators' columns; with ``refine``, the objective of EM,
        which never falls.
    log_likelihood_ : float
        Of the votes.
    n_iter_ : int
    converged_ : bool
    gold_given_, gold_correct_ : ndarray of shape (M,)
        Labels on gold items, and how many of them were right.

    References
    ----------
    S. Ibrahim, X. Fu, N. Kargas and K. Huang, Crowdsourcing via pairwise co-occurrences:
    identifiability and algorithms, NeurIPS 2019, equations 4-6 and Algorithm 1.

    Examples
    --------
    >>> from aggregate import MultiSPA, simulate_annotations
    >>> crowd = simulate_annotations(
    ...     3000, 10, 3, labels_per_item=5, accuracy=(0.7, 0.95), random_state=0
    ... )
    >>> model = MultiSPA().fit(crowd.annotations)
    >>> bool((model.labels_ == crowd.truth).mean() > 0.9)
    True
    >>> bool(model.estimated_.all())
    True
    """

    def __init__(
        self,
        *,
        alignment: str = "likelier",
        min_partners: int = 8,
        min_column_labels: float = 0,
        n_average: int = 1,
        not_estimated: str = "pooled",
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
        self.alignment = alignment
        self.min_partners = min_partners
        self.min_column_labels = min_column_labels
        self.n_average = n_average
        self.not_estimated = not_estimated
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

    _must_beat_pooling = False

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("alignment", self.alignment, ALIGNMENTS)
        check_choice("not_estimated", self.not_estimated, ("pooled", "ignore"))
        check_number("min_partners", self.min_partners, low=1, integer=True)
        check_number("min_column_labels", self.min_column_labels, low=0)
        check_number("n_average", self.n_average, low=1, integer=True)

    def _candidates(self, crowd: Crowd) -> Iterator[Estimate]:
        pairs = crowd.pairs
        found, estimated, residual = extreme_columns(
            pairs, self.min_partners, self.min_column_labels, self.n_average
        )
        if not estimated.any():
            return
        path = np.array([residual])
        if self.not_estimated == "ignore":
            found[~estimated] = 1 / pairs.n_classes
        for factors in aligned(found, estimated, pairs, self.alignment):
            known = estimated if self.not_estimated == "pooled" else np.ones_like(estimated)
            yield Estimate(factors, known, None, path, 1, True)


def extreme_columns(
    pairs: PairMoments, min_partners: int = 8, min_weight: float = 0.0, n_average: int = 1
) -> tuple[Float, Mask, float]:
    """Return factors (M, K, K), each in its own order, whose were found, and the mean residual.

    The residual of an annotator is the norm of the longest column left over, which is zero
    where K columns explain all the others.
    """
    n_annotators, n_classes = pairs.n_annotators, pairs.n_classes
    usable = pairs.select(pairs.ranks() == n_classes)
    factors = np.full((n_annotators, n_classes, n_classes), 1 / n_classes)
    estimated = np.zeros(n_annotators, dtype=np.bool_)
    members = usable.pairs.ravel()
    order = np.argsort(members, kind="stable")
    first = np.searchsorted(members[order], np.arange(n_annotators + 1))
    least = min(min_partners, n_annotators - 1)
    residuals = []
    for j in range(n_annotators):
        pair, place = np.divmod(order[first[j] : first[j + 1]], 2)
        if len(pair) < max(least, 1):
            continue
        blocks = usable.counts[pair]
        blocks = np.where(place[:, None, None] == 0, blocks, blocks.transpose(0, 2, 1))
        columns = blocks.transpose(1, 0, 2).reshape(n_classes, -1)
        labels = columns.sum(axis=0)
        if not (labels >= max(min_weight, 1e-300)).any():
            continue
        result = successive_projection(
            columns,
            n_classes,
            column_weights=labels,
            min_weight=min_weight,
            n_average=n_average,
        )
        if result.converged:
            factors[j], estimated[j] = result.factors[0], True
            residuals.append(result.objective)
    return factors, estimated, float(np.mean(residuals)) if residuals else np.inf


def aligned(factors: Float, estimated: Mask, pairs: PairMoments, alignment: str) -> Iterator[Float]:
    """Yield the factors in a common order of classes, for each way of making it common."""
    who = np.flatnonzero(estimated)
    if alignment in ("likelier", "diagonal"):
        yield _reordered(factors, who, [match_to_diagonal(factors[j]) for j in who])
    if alignment in ("likelier", "propagate"):
        among = pairs.select(np.asarray(estimated[pairs.pairs].all(axis=1)))
        place = np.cumsum(estimated) - 1
        terms = place[among.pairs], among.blocks, among.totals
        orders: Any = propagate_permutations(factors[who], *terms)
        along = _reordered(factors, who, orders)
        again: Any = reconcile_permutations(along[who], *terms)
        yield _reordered(along, who, again)


def _reordered(factors: Float, who: NDArray[np.intp], orders: Any) -> Float:
    moved = factors.copy()
    for j, order in zip(who, orders, strict=True):
        moved[j] = factors[j][:, order]
    return moved
