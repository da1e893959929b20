"""Independent Bayesian classifier combination: Dawid-Skene with posteriors for its parameters."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.fusion import posterior
from aggregate.models._em import Fit, State
from aggregate.models.bayesian._variational import (
    Variational,
    VariationalModel,
    geometric,
    in_rows,
)

Float = NDArray[np.float64]


class IBCC(VariationalModel):
    r"""Soft labels from votes by confusion matrices with Dirichlet posteriors.

    The model of `DawidSkene` (annotator j says y about an item of class k with probability
    :math:`A_j[k, y]`, classes are drawn from :math:`\pi`), with priors
    :math:`\pi \sim \mathrm{Dir}(\alpha)` and :math:`A_j[k, \cdot] \sim \mathrm{Dir}(b_k)`,
    where :math:`b_k` has ``prior_diagonal`` at k and ``prior_off_diagonal`` elsewhere. In
    place of the likeliest parameters it finds the distribution over them,
    :math:`q(\pi) \prod_{j,k} q(A_j[k, \cdot])`, that maximises

    .. math::

        \sum_i \log \sum_k e^{\mathrm{E} \log \pi_k} \prod_{e \in i}
        e^{\mathrm{E} \log A_{j_e}[k, y_e]}
        - \mathrm{KL}(q(\pi) \| \mathrm{Dir}(\alpha))
        - \sum_{j,k} \mathrm{KL}(q(A_j[k, \cdot]) \| \mathrm{Dir}(b_k)),

    a lower bound on the log evidence; the product runs over the labels :math:`y_e` of item
    i. A label by an annotator of whom little is known then counts less than its frequency
    suggests, since :math:`e^{\mathrm{E} \log p} < \mathrm{E} p`.

    It fails where the prior does: with many classes, ``prior_off_diagonal`` 1 adds up to a
    strong belief that annotators guess, and where mistakes go to neighbouring classes, few
    labels cannot overrule it. `HierarchicalDawidSkene` learns the prior.

    Parameters
    ----------
    prior_diagonal, prior_off_diagonal : float, default=4, 1
        Pseudo-labels of the confusions' Dirichlet priors.
    prior_class : float, default=1
        Pseudo-items per class.
    max_iter : int, default=1000
        Most passes over the votes, per start.
    tol : float, default=1e-8
        Stop when the bound rises by less than this share of itself.
    n_init : int, default=1
        Starts; all but the first draw soft labels around the votes. The best bound wins.
    checkpoint : str or path-like, optional
    checkpoint_every : int, default=10
        As in `DawidSkene`: a file from which a fit that was killed goes on.
    annotator_correlation : float, default=0.4
        See `aggregate.fusion.posterior`; 0 is the textbook posterior.
    unknown_annotators : {"prior", "ignore", "error"}
        See `DawidSkene`.
    ties : {"prior", "first", "random"}
        See `aggregate.fusion.decide`.
    n_jobs : int, optional
        Threads; -1 for all processors.
    random_state : int or Generator, optional
        Seed of the further starts and of random ties.
    verbose : bool, default=False
        Show a progress bar.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    confusion_ : ndarray of shape (M, K, K)
        Posterior means.
    confusion_counts_ : ndarray of shape (M, K, K)
        Parameters of the Dirichlet posteriors: expected counts and pseudo-counts.
    class_prior_ : ndarray of shape (K,)
        Posterior mean.
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
    H.-C. Kim and Z. Ghahramani, Bayesian classifier combination, AISTATS 2012, PMLR
    22:619-627, section 2.

    E. Simpson, S. Roberts, I. Psorakis and A. Smith, Dynamic Bayesian combination of multiple
    imperfect classifiers, Decision Making and Imperfection, Springer, 2013, equations 14-21.

    Examples
    --------
    >>> from aggregate import IBCC
    >>> votes = [[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, -1]]
    >>> IBCC().fit_predict(votes)
    array([0, 1, 0, 1, 0])
    """

    def __init__(
        self,
        *,
        prior_diagonal: float = 4.0,
        prior_off_diagonal: float = 1.0,
        prior_class: float = 1.0,
        max_iter: int = 1000,
        tol: float = 1e-8,
        n_init: int = 1,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int = 10,
        annotator_correlation: float = 0.4,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
        verbose: bool = False,
    ) -> None:
        self.prior_diagonal = prior_diagonal
        self.prior_off_diagonal = prior_off_diagonal
        self.prior_class = prior_class
        self.max_iter = max_iter
        self.tol = tol
        self.n_init = n_init
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.annotator_correlation = annotator_correlation
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        super()._check_parameters()
        for name in ("prior_diagonal", "prior_off_diagonal", "prior_class"):
            # Far below this, expected logarithms leave the range of the kernels.
            check_number(name, getattr(self, name), low=0.05)

    def _pseudo(self) -> Float:
        """Return the Dirichlet parameters of a confusion matrix."""
        n_classes = len(self.classes_)
        pseudo = np.full((n_classes, n_classes), float(self.prior_off_diagonal))
        np.fill_diagonal(pseudo, self.prior_diagonal)
        return pseudo

    def _problem(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Variational:
        prior_pseudo = np.full(annotations.n_classes, float(self.prior_class))
        return Variational(annotations, gold, prior_pseudo, self._pseudo(), self.n_jobs)

    def _keep(self, fit: Fit, problem: Variational) -> None:
        super()._keep(fit, problem)
        self._expected: State = problem.expected(fit.state)[0]
        self._expected_stranger = geometric(self._pseudo(), self._pseudo())[0].T

    def _soft_labels(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Float:
        known = in_rows(self._expected.table, len(self.classes_))
        return posterior(
            annotations,
            np.concatenate([known, self._expected_stranger[np.newaxis]]),
            self._expected.prior,
            annotator_correlation=self.annotator_correlation,
            gold=gold,
            n_jobs=self.n_jobs,
        )

    def _stranger(self) -> Float:
        pseudo = self._pseudo()
        return np.asarray(pseudo / pseudo.sum(axis=1, keepdims=True))
