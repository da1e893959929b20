"""Confusion matrices that shrink to what the crowd has in common."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.models._abstention import AbstentionModel
from aggregate.models._confusions import prior_confusion
from aggregate.models._em import Fit, State
from aggregate.models._responses import responses_of
from aggregate.models.bayesian._crowd import LARGEST, SMALLEST, CrowdVariational
from aggregate.models.bayesian._variational import Variational, VariationalModel

Float = NDArray[np.float64]


class HierarchicalDawidSkene(AbstentionModel, VariationalModel):
    r"""Soft labels from votes by confusion matrices that shrink to the crowd's.

    The model of `DawidSkene`, annotator j saying y about an item of class k with probability
    :math:`A_j[k, y]`, whose rows come from one Dirichlet distribution per class,

    .. math:: A_j[k, \cdot] \sim \mathrm{Dir}(a_k),

    with :math:`a_k` learned: its direction is what the crowd says about class k, its size
    how much annotators are alike. Somebody with two labels is taken for a typical annotator,
    somebody with two thousand for themselves. Variational Bayes maximises

    .. math::

        \sum_i \log \sum_k e^{\mathrm{E} \log \pi_k} \prod_{e \in i}
        e^{\mathrm{E} \log A_{j_e}[k, y_e]} - \mathrm{KL}(q(\pi) \| \mathrm{Dir}(\alpha))
        - \sum_{j,k} \mathrm{KL}(q(A_j[k, \cdot]) \| \mathrm{Dir}(a_k))
        + \sum_k \log h(a_k)

    over Dirichlet distributions q of the class prior :math:`\pi` and of each row, and over
    the :math:`a_k`; the product runs over the labels :math:`y_e` of item i, and h is the
    conjugate hyper-prior worth one imaginary annotator from a Dirichlet distribution of
    ``prior_strength`` pseudo-labels, ``prior_accuracy`` of them right. With it, neither
    annotators who look the same nor annotators who look perfect make :math:`a_k` run away.
    The soft labels use the posterior means of the confusions, which are the predictive
    probabilities of labels on a new item.

    It needs no tuning where crowds confuse neighbouring classes in the same direction (graded
    scales). It fails where the crowd shares an opinion that the truth does not: the classes
    are then what the crowd means by them, and a prior that treats all mistakes alike, as that
    of `DawidSkene`, stays closer to their names.

    Parameters
    ----------
    prior_strength : float, default=4
        Pseudo-labels per row of the imaginary annotator.
    prior_accuracy : float, default=0.7
        Share of them on the diagonal.
    prior_class : float, default=1
        Pseudo-items per class.
    abstention : label, optional
        A label that is no class ("unsure"): its use tells something of the truth. It is one
        more response of the rows above. See `DawidSkene`.
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
        In `predict_proba`: labels by annotators who were not in the fit count with the
        crowd's mean confusion, do not count, or are refused.
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
    crowd_ : ndarray of shape (K, K)
        The learned :math:`a_k`, in the rows; (K, K + 1) if there are abstentions, which come
        last.
    confusion_ : ndarray of shape (M, K, K)
        Posterior means.
    confusion_counts_ : ndarray of shape (M, K, K) or (M, K, K + 1)
        Parameters of the Dirichlet posteriors.
    abstention_ : ndarray of shape (M, K)
        P(annotator j abstains | truth k), the posterior mean.
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
    S. Paun, B. Carpenter, J. Chamberlain, D. Hovy, U. Kruschwitz and M. Poesio, Comparing
    Bayesian models of annotation, Transactions of the ACL 6:571-585, 2018, section 3.3 (the
    hierarchy, there with logit-normal rows).

    D. M. Blei, A. Y. Ng and M. I. Jordan, Latent Dirichlet allocation, Journal of Machine
    Learning Research 3:993-1022, 2003, section 5 (variational empirical Bayes).

    Examples
    --------
    >>> from aggregate import HierarchicalDawidSkene
    >>> votes = [[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, -1]]
    >>> HierarchicalDawidSkene().fit_predict(votes)
    array([0, 1, 0, 1, 0])
    """

    def __init__(
        self,
        *,
        prior_strength: float = 4.0,
        prior_accuracy: float = 0.7,
        prior_class: float = 1.0,
        abstention: Any = None,
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
        self.prior_strength = prior_strength
        self.prior_accuracy = prior_accuracy
        self.prior_class = prior_class
        self.abstention = abstention
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
        check_number("prior_strength", self.prior_strength, low=0, low_open=True)
        check_number("prior_accuracy", self.prior_accuracy, low=0, high=1)
        check_number("prior_class", self.prior_class, low=SMALLEST)

    def _problem(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Variational:
        n_classes = annotations.n_classes
        imagined = prior_confusion(n_classes, self.prior_accuracy).T
        votes = responses_of(annotations)
        if votes.n_classes > n_classes:  # the imaginary annotator abstains as the crowd does
            share = float((votes.label == n_classes).mean())
            silent = np.full((1, n_classes), share)
            imagined = np.concatenate([(1 - share) * imagined, silent])
        return CrowdVariational(
            annotations,
            gold,
            np.full(n_classes, float(self.prior_class)),
            np.ascontiguousarray(np.clip(self.prior_strength * imagined, SMALLEST, LARGEST)),
            self.n_jobs,
        )

    def _keep(self, fit: Fit, problem: Variational) -> None:
        prior, table = fit.state
        crowd, table = table[-problem.n_responses :], table[: -problem.n_responses]
        self.crowd_ = np.ascontiguousarray(crowd.T)
        super()._keep(fit._replace(state=State(prior, table)), problem)

    def _stranger(self) -> Float:
        answers = self.crowd_[:, : len(self.classes_)]
        return np.asarray(answers / answers.sum(axis=1, keepdims=True))

    def _silent_stranger(self) -> Float:
        return np.asarray(1 - self.crowd_[:, : len(self.classes_)].sum(axis=1) / self.crowd_.sum(1))
