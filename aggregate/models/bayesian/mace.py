"""MACE: every label either copies the truth or is drawn from the annotator's spam."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import psi
from tqdm import tqdm

from aggregate._validation import check_choice, check_number
from aggregate.annotations import Annotations
from aggregate.kernels.em import FLOOR
from aggregate.models._class_prior import ClassPrior
from aggregate.models._confusion_model import ConfusionModel
from aggregate.models._em import Counts, Fit, State, run_em, warn_unless_converged
from aggregate.models._problem import passes_over
from aggregate.models.bayesian._variational import dirichlet_divergence, soft_starts

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
        Most passes over the votes, per start.
    tol : float, default=1e-7
        Stop when the objective rises by less than this share of itself.
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
        The objective after each pass; it never falls.
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
        starts = soft_starts(annotations, gold, self.n_init, self.random_state, self.n_jobs)
        for soft in tqdm(starts, "MACE", self.n_init, disable=not self.verbose, unit="start"):
            start = problem.from_soft_labels(soft)
            fit = run_em(
                problem.step, start, max_iter=self.max_iter, tol=self.tol, accelerate=False
            )
            if best is None or fit.objective_path[-1] > best.objective_path[-1]:
                best = fit
        assert best is not None  # there is at least one start
        self._keep(best)

    def _keep(self, fit: Fit) -> None:
        weights = fit.state.table
        self.competence_ = weights[:, 0] / weights[:, :2].sum(axis=1)
        self.spam_ = weights[:, 2:] / weights[:, 2:].sum(axis=1, keepdims=True)
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

    A state's table holds, per annotator, the Beta parameters (copies, spam) and the K
    Dirichlet parameters of the spam; with EM, the same numbers are (pseudo-)counts.
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
        self.n_classes = annotations.n_classes
        self.passes = passes_over(annotations, gold, n_jobs)
        self.pseudo, self.class_prior, self.variational = pseudo, class_prior, variational

    def from_soft_labels(self, soft_labels: Float) -> State:
        """Return the state from soft labels, half of the agreeing labels being copies."""
        counts = self.passes.count(soft_labels)
        n_annotators = len(counts.table) // self.n_classes
        half = np.full((n_annotators, 1 + self.n_classes), 0.5)
        half[:, 1:] /= self.n_classes
        return self._learn(counts, half[:, 0], half[:, 1:])

    def step(self, state: State) -> tuple[float, State]:
        """Return the objective at a state and the state after one round."""
        copy, noise, log_prior = self._chances(state.table)
        table = np.repeat(noise.reshape(-1, 1), self.n_classes, axis=1)
        classes = np.arange(self.n_classes)
        blocks = table.reshape(-1, self.n_classes, self.n_classes)
        blocks[:, classes, classes] += copy[:, np.newaxis]
        counts = self.passes.expect(State(state.prior, np.maximum(table, FLOOR)))
        objective = counts.log_likelihood + log_prior + self.class_prior.log_prior(state.prior)
        return objective, self._learn(counts, copy, noise)

    def _chances(self, weights: Float) -> tuple[Float, Float, float]:
        """Return the chance of a copy (M,), of spam by label (M, K), and the log prior."""
        coin, spam = weights[:, :2], weights[:, 2:]
        if self.variational:
            coin_logs = psi(coin) - psi(coin.sum(axis=1, keepdims=True))
            spam_logs = psi(spam) - psi(spam.sum(axis=1, keepdims=True))
            log_prior = -dirichlet_divergence(coin, self.pseudo[:2])
            log_prior -= dirichlet_divergence(spam, self.pseudo[2:])
        else:
            coin_logs = np.log(coin / coin.sum(axis=1, keepdims=True))
            spam_logs = np.log(spam / spam.sum(axis=1, keepdims=True))
            log_prior = (self.pseudo * np.hstack([coin_logs, spam_logs])).sum()
        noise = np.exp(coin_logs[:, 1:] + spam_logs)
        return np.exp(coin_logs[:, 0]), noise, float(log_prior)

    def _learn(self, counts: Counts, copy: Float, noise: Float) -> State:
        """Share the expected labels out between copies and spam."""
        blocks = counts.table.reshape(-1, self.n_classes, self.n_classes)
        agreeing = np.einsum("jkk->jk", blocks)
        copies = agreeing * (copy[:, np.newaxis] / (copy[:, np.newaxis] + noise))
        spam = np.maximum(blocks.sum(axis=2) - copies, 0.0)
        coin = np.stack([copies.sum(axis=1), spam.sum(axis=1)], axis=1)
        prior = self.class_prior.maximise(counts.mass)
        return State(prior, np.hstack([coin, spam]) + self.pseudo)
