"""MACE: every label either copies the truth or is drawn from the annotator's spam."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from aggregate._validation import check_choice, check_number
from aggregate.annotations import Annotations
from aggregate.kernels.copying import counts_of_shares, fill_table, share_out
from aggregate.kernels.dirichlet import expect_log
from aggregate.kernels.em import FLOOR
from aggregate.models._class_prior import ClassPrior
from aggregate.models._confusion_model import ConfusionModel
from aggregate.models._em import Counts, Fit, State, run_em, warn_unless_converged
from aggregate.models._problem import passes_over
from aggregate.models.bayesian._variational import soft_starts

Float = NDArray[np.float64]


class MACE(ConfusionModel):
    r"""Soft labels from votes by a chance of copying the truth, and a spam pattern, each.

    Annotator j copies the true class k with probability :math:`\theta_j`; otherwise the label
    is spam, drawn from :math:`\xi_j` whatever the item:

    .. math:: A_j[k, y] = \theta_j [y = k] + (1 - \theta_j) \xi_j[y],

    with a Beta prior on :math:`\theta_j` and a symmetric Dirichlet prior on :math:`\xi_j`.
    K numbers per annotator describe those who always click the same. With ``method="vb"``,
    variational Bayes maximises

    .. math::

        \sum_i \log \sum_k \pi_k \prod_{e \in i} \bigl( e^{\mathrm{E} \log \theta_{j_e}}
        [y_e = k] + e^{\mathrm{E} \log (1 - \theta_{j_e}) + \mathrm{E} \log \xi_{j_e}[y_e]}
        \bigr) - \mathrm{KL}(q \| \text{priors})

    over Beta and Dirichlet distributions q, where :math:`\pi` is the class prior and the
    product runs over the labels :math:`y_e` of item i, by annotators :math:`j_e`; with
    ``method="em"``, EM maximises the posterior density of the parameters. Starts are the
    votes, then seeded draws around them, so a fit repeats exactly.

    It fails where mistakes depend on the truth (neighbouring grades): a wrong label is spam
    like any other.

    Parameters
    ----------
    method : {"vb", "em"}
    competence_prior : (float, float), default=(0.5, 0.5)
        Pseudo-labels that copy and that are spam.
    spam_prior : float, default=10
        Pseudo-labels of spam per class, which say how even spam is expected to be. With EM,
        the two priors are added to the counts as they are.
    class_prior : "learned", "uniform", array of shape (K,) or mapping class -> probability
        How often each class is true; "uniform" is the published model, which goes astray
        where a class is rare.
    n_init : int, default=10
        Starts. The best objective wins.
    max_iter : int, default=1000
        Most passes over the votes, per start, dropped ones included.
    tol : float, default=1e-7
        Stop when a cycle of up to four passes raises the objective by less than this share.
    annotator_correlation : float, default=0.4
        See `aggregate.fusion.posterior`; 0 is the textbook posterior.
    unknown_annotators : {"prior", "ignore", "error"}
        In `predict_proba`: annotators who were not in the fit are taken for the average
        one, do not count, or are refused.
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
    competence_ : ndarray of shape (M,)
        Means of the :math:`\theta_j`.
    spam_ : ndarray of shape (M, K)
        Means of the :math:`\xi_j`.
    confusion_ : ndarray of shape (M, K, K)
        The :math:`A_j` of those.
    class_prior_ : ndarray of shape (K,)
    annotator_skill_ : ndarray of shape (M,)
        Probability that an annotator is right on a random item, by copying or by luck.
    probas_ : ndarray of shape (N, K)
    labels_ : ndarray of shape (N,)
    objective_path_ : ndarray
        The objective at each state that was kept; it never falls. Rounds are accelerated by
        SQUAREM, which drops a step that goes too far.
    n_iter_ : int
    converged_ : bool
    gold_given_, gold_correct_ : ndarray of shape (M,)
        Labels on gold items, and how many of them were right.

    References
    ----------
    D. Hovy, T. Berg-Kirkpatrick, A. Vaswani and E. Hovy, Learning whom to trust with MACE,
    NAACL-HLT 2013, pp. 1120-1130, section 3.

    Examples
    --------
    >>> from aggregate import MACE
    >>> votes = [[0, 0, 1], [1, 1, 1], [0, 0, 1], [1, 1, 1], [0, 0, 1]]
    >>> model = MACE(random_state=0).fit(votes)
    >>> model.labels_
    array([0, 1, 0, 1, 0])
    >>> bool(model.competence_[2] < model.competence_[0])
    True
    """

    def __init__(
        self,
        *,
        method: str = "vb",
        competence_prior: tuple[float, float] = (0.5, 0.5),
        spam_prior: float = 10.0,
        class_prior: Any = "learned",
        n_init: int = 10,
        max_iter: int = 1000,
        tol: float = 1e-7,
        annotator_correlation: float = 0.4,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
        verbose: bool = False,
    ) -> None:
        self.method = method
        self.competence_prior = competence_prior
        self.spam_prior = spam_prior
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
        check_choice("method", self.method, ("vb", "em"))
        for value in self.competence_prior:
            check_number("competence_prior", value, low=0.05)
        check_number("spam_prior", self.spam_prior, low=0.05)
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("n_init", self.n_init, low=1, integer=True)
        check_number("tol", self.tol, low=0)
        check_number("annotator_correlation", self.annotator_correlation, low=0, high=1)

    _heeds_gold: ClassVar[bool] = True

    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        self._check_parameters()
        copying, spamming = self.competence_prior
        problem = CopyOrSpam(
            annotations,
            gold,
            np.array([copying, spamming, *[self.spam_prior] * annotations.n_classes]),
            ClassPrior(self.class_prior, annotations.classes, 1.0),
            self.method == "vb",
            self.n_jobs,
        )
        best: Fit | None = None
        gold_alone = data.get("gold_alone", False)
        starts = soft_starts(
            annotations, gold, self.n_init, self.random_state, self.n_jobs, gold_alone=gold_alone
        )
        for soft in tqdm(starts, "MACE", self.n_init, disable=not self.verbose, unit="start"):
            start = problem.from_soft_labels(soft)
            fit = run_em(
                problem.step,
                start,
                max_iter=self.max_iter,
                tol=self.tol,
                accelerate=annotations.n_annotators > 0,
            )
            if best is None or fit.objective_path[-1] > best.objective_path[-1]:
                best = fit
        assert best is not None  # there is at least one start
        self._keep(best, problem)

    def _keep(self, fit: Fit, problem: CopyOrSpam) -> None:
        coin, spam = problem.weights(fit.state.table)
        self.competence_ = coin[0] / coin.sum(axis=0)
        self.spam_ = np.ascontiguousarray((spam / spam.sum(axis=0)).T)
        self._keep_confusions(mix(self.competence_, self.spam_), fit.state.prior)
        self.objective_path_ = fit.objective_path
        self.n_iter_, self.converged_ = fit.n_iter, fit.converged
        warn_unless_converged(fit, self.max_iter, self.tol)

    def _stranger(self) -> Float:
        if not len(self.competence_):  # nobody to judge by: what was believed beforehand
            copying, spamming = self.competence_prior
            even = np.full((1, len(self.classes_)), 1 / len(self.classes_))
            return mix(np.array([copying / (copying + spamming)]), even)[0]
        return mix(self.competence_.mean(keepdims=True), self.spam_.mean(axis=0, keepdims=True))[0]


def mix(copy: Float, spam: Float) -> Float:
    """Return the confusions (M, K, K) of competences (M,) and spam patterns (M, K)."""
    n_classes = spam.shape[1]
    noise = (1 - copy)[:, np.newaxis] * spam
    return np.asarray(copy[:, np.newaxis, np.newaxis] * np.eye(n_classes) + noise[:, np.newaxis, :])


class CopyOrSpam:
    """The likelihood of copying or spamming, and the priors.

    A state's table (1 + K, M) says in each column how an annotator's labels and pseudo-labels
    divide into copies and spam by label: one distribution, which is what SQUAREM needs. With
    the number of labels, it gives the Beta and the Dirichlet parameters; with EM, the same
    numbers are (pseudo-)counts.
    """

    def __init__(
        self,
        annotations: Annotations,
        gold: NDArray[np.int32] | None,
        pseudo: Float,
        class_prior: ClassPrior,
        variational: bool,
        n_jobs: int | None,
    ) -> None:
        self.n_classes, self.n_annotators = annotations.n_classes, annotations.n_annotators
        self.passes = passes_over(annotations, gold, n_jobs)
        self.pseudo, self.class_prior, self.variational = pseudo, class_prior, variational
        given = annotations.labels_per_annotator
        self.totals = given + (pseudo[0] + pseudo[2:].sum())
        self.priors = np.repeat(pseudo[:, np.newaxis], self.n_annotators, axis=1)
        self.table = np.empty((self.n_annotators * self.n_classes, self.n_classes))

    def from_soft_labels(self, soft_labels: Float) -> State:
        """Return the state from soft labels, half of the agreeing labels being copies."""
        counts = self.passes.count(soft_labels)
        half = np.full((1 + self.n_classes, self.n_annotators), 0.5)
        half[1:] /= self.n_classes
        return self._learn(counts, half[0], half[1:])

    def step(self, state: State) -> tuple[float, State]:
        """Return the objective at a state and the state after one round."""
        copy, noise, log_prior = self._chances(state.table)
        fill_table(copy, noise, FLOOR, self.table)
        counts = self.passes.expect(State(state.prior, self.table))
        objective = counts.log_likelihood + log_prior + self.class_prior.log_prior(state.prior)
        return objective, self._learn(counts, copy, noise)

    def weights(self, shares: Float) -> tuple[Float, Float]:
        """Return the parameters of the Beta (2, M) and the Dirichlet (K, M) distributions."""
        coin = np.empty((2, self.n_annotators))
        spam = np.empty((self.n_classes, self.n_annotators))
        counts_of_shares(shares, self.totals, self.pseudo, coin, spam)
        return coin, spam

    def _chances(self, shares: Float) -> tuple[Float, Float, float]:
        """Return the chance of a copy (M,), of spam by label (K, M), and the log prior."""
        coin, spam = self.weights(shares)
        coin_logs, spam_logs = np.empty_like(coin), np.empty_like(spam)
        if self.variational:
            log_prior = -expect_log(coin, self.priors[:2], 2, coin_logs)
            log_prior -= expect_log(spam, self.priors[2:], self.n_classes, spam_logs)
        else:
            np.log(coin / coin.sum(axis=0), out=coin_logs)
            np.log(spam / spam.sum(axis=0), out=spam_logs)
            log_prior = self.pseudo[:2] @ coin_logs.sum(axis=1)
            log_prior += self.pseudo[2:] @ spam_logs.sum(axis=1)
        spam_logs += coin_logs[1]
        return np.exp(coin_logs[0]), np.exp(spam_logs, out=spam_logs), float(log_prior)

    def _learn(self, counts: Counts, copy: Float, noise: Float) -> State:
        """Share the expected labels out between copies and spam."""
        shares = np.empty((1 + self.n_classes, self.n_annotators))
        share_out(counts.table, copy, noise, self.pseudo, shares)
        return State(self.class_prior.maximise(counts.mass), shares)
