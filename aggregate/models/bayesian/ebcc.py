"""Enhanced Bayesian classifier combination: correlated annotators through subtypes of items."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from aggregate._blocks import run_blocks
from aggregate._validation import check_choice, check_number
from aggregate.annotations import Annotations
from aggregate.fusion import mixture_log_joint, mixture_posterior
from aggregate.models._confusion_model import ConfusionModel
from aggregate.models._em import Fit, warn_unless_converged
from aggregate.models._start import first_guess
from aggregate.models.bayesian._subtypes import Subtypes

Float = NDArray[np.float64]


class EBCC(ConfusionModel):
    r"""Soft labels from votes by confusions that depend on a hidden subtype of the item.

    Every class k has G subtypes with probabilities :math:`\eta_{kg}` (easy items, and those
    that everybody takes for another class in the same way); annotator j says y about an item
    of subtype g of class k with probability :math:`A_j[k, g, y]`. Annotators who err on the
    same items are thereby correlated within a class, which `DawidSkene` excludes. The priors
    are :math:`\eta_k \sim \mathrm{Dir}(a/G)` with a small a, so that few subtypes are used,
    :math:`\pi \sim \mathrm{Dir}(\alpha)` with :math:`\alpha` the shares of the votes summed
    over the items, and Dirichlet rows :math:`b_k` with ``prior_diagonal`` at k and
    ``prior_off_diagonal`` elsewhere. Variational Bayes maximises

    .. math::

        \sum_i \log \sum_{k,g} e^{\mathrm{E} \log \pi_k + \mathrm{E} \log \eta_{kg}}
        \prod_{e \in i} e^{\mathrm{E} \log A_{j_e}[k, g, y_e]}
        - \mathrm{KL}(q \| \text{priors}),

    a lower bound on the log evidence, over Dirichlet distributions q of :math:`\pi`, the
    :math:`\eta_k` and all rows; the inner product runs over the labels :math:`y_e` of item i.

    The bound has many maxima: ``n_init`` random splits of the votes over subtypes are tried,
    and no split at all (which random splits seldom find their way back to, although its bound
    may be the best), and the best is kept. Even so, the answers of two seeds differ somewhat,
    most on small data sets. It fails where it must explain few labels with many confusions,
    and as `IBCC` does where its prior is off.

    Parameters
    ----------
    n_subtypes : int, default=10
        G.
    subtype_concentration : float, default=0.1
        a; smaller values use fewer subtypes.
    prior_diagonal, prior_off_diagonal : float, default=4, 1
        Pseudo-labels of the confusions' Dirichlet priors.
    class_prior : {"votes", "flat"}
        α: the summed vote shares (as published), or one per class.
    n_init : int, default=40
        Random starts, besides the one without a split. The best bound wins.
    max_iter : int, default=500
        Most passes over the votes, per start.
    tol : float, default=1e-7
        Stop when the bound rises by less than this share of itself.
    annotator_correlation : float, default=0.4
        See `aggregate.fusion.posterior`; 0 is the textbook posterior.
    unknown_annotators : {"prior", "ignore", "error"}
        See `DawidSkene`.
    ties : {"prior", "first", "random"}
        See `aggregate.fusion.decide`.
    n_jobs : int, optional
        Threads, over the starts; -1 for all processors. Results are the same to the last bit.
    random_state : int or Generator, optional
        Seed of the starts and of random ties.
    verbose : bool, default=False
        Show a progress bar over the starts.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    subtype_confusion_ : ndarray of shape (M, K, L, K)
        Posterior means of the :math:`A_j[k, g, y]` of the L subtypes that have items, the
        largest first.
    subtype_share_ : ndarray of shape (K, L)
        Posterior means of the :math:`\eta_{kg}`; what is missing to one belongs to subtypes
        without items.
    confusion_ : ndarray of shape (M, K, K)
        The average over subtypes.
    class_prior_ : ndarray of shape (K,)
    annotator_skill_ : ndarray of shape (M,)
    probas_ : ndarray of shape (N, K)
    labels_ : ndarray of shape (N,)
    objective_path_ : ndarray
        The bound of the best start after each pass; it never falls.
    bounds_ : ndarray of shape (n_init + 1,)
        The bound that each start reached, the one without a split first.
    n_iter_ : int
    converged_ : bool
    gold_given_, gold_correct_ : ndarray of shape (M,)
        Labels on gold items, and how many of them were right.

    References
    ----------
    Y. Li, B. I. P. Rubinstein and T. Cohn, Exploiting worker correlation for label
    aggregation in crowdsourcing, ICML 2019, PMLR 97:3886-3895, section 4, algorithm 1.

    Examples
    --------
    >>> from aggregate import EBCC
    >>> votes = [[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, -1]]
    >>> EBCC(n_init=5, random_state=0).fit_predict(votes)
    array([0, 1, 0, 1, 0])
    """

    def __init__(
        self,
        *,
        n_subtypes: int = 10,
        subtype_concentration: float = 0.1,
        prior_diagonal: float = 4.0,
        prior_off_diagonal: float = 1.0,
        class_prior: str = "votes",
        n_init: int = 40,
        max_iter: int = 500,
        tol: float = 1e-7,
        annotator_correlation: float = 0.4,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
        verbose: bool = False,
    ) -> None:
        self.n_subtypes = n_subtypes
        self.subtype_concentration = subtype_concentration
        self.prior_diagonal = prior_diagonal
        self.prior_off_diagonal = prior_off_diagonal
        self.class_prior = class_prior
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
        for name in ("n_subtypes", "n_init", "max_iter"):
            check_number(name, getattr(self, name), low=1, integer=True)
        for name in ("subtype_concentration", "prior_diagonal", "prior_off_diagonal"):
            check_number(name, getattr(self, name), low=1e-6)
        check_number("tol", self.tol, low=0)
        check_number("annotator_correlation", self.annotator_correlation, low=0, high=1)
        check_choice("class_prior", self.class_prior, ("votes", "flat"))

    _heeds_gold: ClassVar[bool] = True

    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        self._check_parameters()
        n_classes, n_groups = annotations.n_classes, self.n_subtypes
        soft = first_guess(annotations, gold, self.n_jobs)
        class_pseudo = np.maximum(soft.sum(axis=0), 1e-3)  # a class that only gold knows
        if self.class_prior == "flat":
            class_pseudo = np.ones(n_classes)
        problem = Subtypes(
            annotations,
            gold,
            class_pseudo,
            np.full((n_classes, n_groups), self.subtype_concentration / n_groups),
            self._pseudo(),
        )
        if data.get("gold_alone", False):
            soft = first_guess(annotations, gold, self.n_jobs, gold_alone=True)
        best = self._best_start(problem, soft)
        self._keep(best, problem)
        warn_unless_converged(best, self.max_iter, self.tol)

    def _best_start(self, problem: Subtypes, soft: Float) -> Fit:
        """Climb from every start, in threads, and return the fit with the best bound."""
        seeds = np.random.default_rng(self.random_state).integers(2**63, size=self.n_init)

        def climb(start: int, _: int) -> Fit:
            if start == 0:
                state = problem.unsplit(soft)
            else:
                state = problem.start(soft, np.random.default_rng(seeds[start - 1]))
            return problem.climb(state, max_iter=self.max_iter, tol=self.tol)

        fits = run_blocks(climb, np.arange(self.n_init + 2), self.n_jobs)
        best: Fit | None = None
        bounds = []
        for fit in tqdm(fits, "EBCC", self.n_init + 1, disable=not self.verbose, unit="start"):
            bounds.append(fit.objective_path[-1])
            if best is None or fit.objective_path[-1] > best.objective_path[-1]:
                best = fit
        assert best is not None  # there is at least one start
        self.bounds_ = np.array(bounds)
        return best

    def _keep(self, fit: Fit, problem: Subtypes) -> None:
        n_classes = problem.n_classes
        self._logs = problem.logs(fit.state)
        classes, subtypes = problem.split(fit.state.prior)
        n_alive = fit.state.table.shape[1] // n_classes
        blocks = fit.state.table.reshape(-1, n_classes, n_classes, n_alive)
        means = np.ascontiguousarray(blocks.transpose(0, 2, 3, 1))
        means /= means.sum(axis=3, keepdims=True)
        self.subtype_confusion_ = means
        self.subtype_share_ = (subtypes / subtypes.sum(axis=1, keepdims=True))[:, :n_alive]
        weight = self.subtype_share_ / self.subtype_share_.sum(axis=1, keepdims=True)
        self._keep_confusions(np.einsum("jkgy,kg->jky", means, weight), classes)
        self.objective_path_ = fit.objective_path
        self.n_iter_, self.converged_ = fit.n_iter, fit.converged

    def _soft_labels(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Float:
        return mixture_posterior(
            annotations,
            self._table_with_stranger(),
            self._logs.prior,
            annotator_correlation=self.annotator_correlation,
            gold=gold,
            n_jobs=self.n_jobs,
        )

    def _log_likelihood(self, annotations: Annotations) -> Float:
        joint = mixture_log_joint(
            annotations, self._table_with_stranger(), self._logs.prior, n_jobs=self.n_jobs
        )
        return np.asarray(np.logaddexp.reduce(joint, axis=1))

    def _table_with_stranger(self) -> Float:
        """Append the unknown annotator, whose code is M and who has the prior's mean."""
        n_alive = self.subtype_share_.shape[1]
        stranger = np.repeat(np.log(self._stranger().T), n_alive, axis=1)
        return np.concatenate([self._logs.table, stranger])

    def _pseudo(self) -> Float:
        n_classes = len(self.classes_)
        pseudo = np.full((n_classes, n_classes), float(self.prior_off_diagonal))
        np.fill_diagonal(pseudo, self.prior_diagonal)
        return pseudo

    def _stranger(self) -> Float:
        pseudo = self._pseudo()
        return np.asarray(pseudo / pseudo.sum(axis=1, keepdims=True))
