"""Confusion matrices whose log odds scatter about the crowd's."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._tables import to_table
from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.models._abstention import AbstentionModel
from aggregate.models._em import Fit, warn_unless_converged
from aggregate.models._responses import responses_of
from aggregate.models.bayesian._crowd import SMALLEST
from aggregate.models.bayesian._variational import Variational, VariationalModel, in_rows
from aggregate.models.structures._logit_crowd import LogitCrowd, mean_rows

Float = NDArray[np.float64]


class LogitNormalDawidSkene(AbstentionModel, VariationalModel):
    r"""Soft labels from votes by confusion matrices whose log odds scatter about the crowd's.

    The model of `DawidSkene`, annotator j saying y about an item of class k with probability

    .. math::

        A_j[k, y] = \frac{e^{\beta_{jky}}}{\sum_z e^{\beta_{jkz}}}, \qquad
        \beta_{jky} \sim N(\zeta_{ky}, \Omega_{ky}^2),

    where :math:`\zeta_{ky}` is what the crowd has in common and :math:`\Omega_{ky}` how far its
    annotators differ in saying y about class k. `HierarchicalDawidSkene` is the same with
    Dirichlet rows, which have one size for all y: here the crowd may agree on one mistake and
    differ in another. The fit maximises

    .. math::

        \sum_i \log \sum_k e^{\mathrm{E} \log \pi_k} \prod_{e \in i} e^{g_{j_e k y_e}}
        - \mathrm{KL}(q(\pi) \| \mathrm{Dir}(\alpha)) - \sum_{j,k,y}
        \mathrm{KL}(q(\beta_{jky}) \| N(\zeta_{ky}, \Omega_{ky}^2))
        - \sum_{k,y} \Bigl(\frac{(\zeta_{ky} - m_{ky})^2}{2}
        + \frac{\Omega_{ky}^2}{2 s^2} - \log \Omega_{ky}\Bigr)

    over normal distributions q of the log odds, a Dirichlet distribution of the class prior
    :math:`\pi`, the means and the deviations of the crowd, where :math:`g_{jky} = \mathrm{E}
    \beta_{jky} - \log \sum_z e^{\mathrm{E} \beta_{jkz} + \mathrm{Var} \beta_{jkz} / 2}` is a
    bound on E log A and the product runs over the labels :math:`y_e` of item i. The last sum is
    the prior of the crowd: normal about m, the log odds of ``prior_accuracy`` on the diagonal
    and 0 off it, and a Rayleigh distribution of scale s, which falls off as the published
    half-normal one does but has no mode at zero. Only the crowd stands at a mode: at the joint
    mode of rows and crowd all rows would be equal, whatever the votes.

    It fails as `HierarchicalDawidSkene` does, where the crowd shares an opinion that the truth
    does not, and sooner: with deviations of their own, the crowd's common mistakes fit even
    better. Deviations near zero make it slow.

    Parameters
    ----------
    prior_accuracy : float, default=0.7
        Chance of a right label at the prior's means.
    prior_deviation : float, default=1
        s, by how much annotators' log odds may be expected to differ.
    prior_class : float, default=1
        Pseudo-items per class.
    abstention : label, optional
        A label that is no class ("unsure"): one more response of the rows above, whose log odds
        are 0 at the prior's mean. See `DawidSkene`.
    max_iter : int, default=1000
        Most passes over the votes, per start.
    tol : float, default=1e-8
        Stop when the bound rises by less than this share of itself.
    n_init : int, default=1
        Starts; all but the first draw soft labels around the votes. The best bound wins.
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
    checkpoint, checkpoint_every
        See `DawidSkene`.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    crowd_mean_, crowd_deviation_ : ndarray of shape (K, K)
        The :math:`\zeta_{ky}` and :math:`\Omega_{ky}`; (K, K + 1) if there are abstentions,
        which come last.
    log_odds_mean_, log_odds_deviation_ : ndarray of shape (M, K, K)
        Of the posteriors q of the :math:`\beta_{jky}`; likewise.
    confusion_ : ndarray of shape (M, K, K)
        Posterior means, given an answer.
    abstention_ : ndarray of shape (M, K)
        P(annotator j abstains | truth k), zero without ``abstention``.
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
    Bayesian models of annotation, Transactions of the ACL 6:571-585, 2018, section 3.3.

    D. M. Blei and J. D. Lafferty, A correlated topic model of Science, Annals of Applied
    Statistics 1(1):17-35, 2007, section 3 (the bound for normal log odds).

    Y. Chung, S. Rabe-Hesketh, V. Dorie, A. Gelman and J. Liu, A nondegenerate penalized
    likelihood estimator for variance parameters in multilevel models, Psychometrika
    78(4):685-709, 2013, section 3 (deviations kept from zero).

    Examples
    --------
    >>> from aggregate import LogitNormalDawidSkene
    >>> votes = [[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, -1]]
    >>> LogitNormalDawidSkene().fit_predict(votes)
    array([0, 1, 0, 1, 0])
    """

    def __init__(
        self,
        *,
        prior_accuracy: float = 0.7,
        prior_deviation: float = 1.0,
        prior_class: float = 1.0,
        abstention: Any = None,
        max_iter: int = 1000,
        tol: float = 1e-8,
        n_init: int = 1,
        annotator_correlation: float = 0.4,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
        verbose: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int = 10,
    ) -> None:
        self.prior_accuracy = prior_accuracy
        self.prior_deviation = prior_deviation
        self.prior_class = prior_class
        self.abstention = abstention
        self.max_iter = max_iter
        self.tol = tol
        self.n_init = n_init
        self.annotator_correlation = annotator_correlation
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("prior_accuracy", self.prior_accuracy, low=0.01, high=0.99)
        check_number("prior_deviation", self.prior_deviation, low=0.01, high=100)
        check_number("prior_class", self.prior_class, low=SMALLEST)

    def _problem(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Variational:
        n_classes = annotations.n_classes
        odds = self.prior_accuracy / (1 - self.prior_accuracy) * max(n_classes - 1, 1)
        expected = np.zeros((responses_of(annotations).n_classes, n_classes))
        expected[:n_classes] += np.log(odds) * np.eye(n_classes)
        prior_pseudo = np.full(n_classes, float(self.prior_class))
        return LogitCrowd(
            annotations, gold, prior_pseudo, expected, float(self.prior_deviation), self.n_jobs
        )

    def _keep(self, fit: Fit, problem: Variational) -> None:
        assert isinstance(problem, LogitCrowd)
        parts = problem.split(fit.state.table)
        self.crowd_mean_ = np.ascontiguousarray(parts.centre.T)
        self.crowd_deviation_ = np.ascontiguousarray(np.sqrt(parts.spread).T)
        self.log_odds_mean_ = in_rows(parts.mean, problem.n_responses)
        self.log_odds_deviation_ = np.sqrt(in_rows(parts.variance, problem.n_responses))
        rows = mean_rows(self.log_odds_mean_, self.log_odds_deviation_**2)
        self._keep_table(to_table(rows), fit.state.prior)
        self.objective_path_ = fit.objective_path
        self.n_iter_, self.converged_ = fit.n_iter, fit.converged
        warn_unless_converged(fit, self.max_iter, self.tol)

    def _crowd_rows(self) -> Float:
        return mean_rows(self.crowd_mean_, self.crowd_deviation_**2)

    def _stranger(self) -> Float:
        answers = self._crowd_rows()[:, : len(self.classes_)]
        return np.asarray(answers / answers.sum(axis=1, keepdims=True))

    def _silent_stranger(self) -> Float:
        return np.asarray(1 - self._crowd_rows()[:, : len(self.classes_)].sum(axis=1))
