"""Annotators in groups that share their mistakes: found from pairs of pairs, fitted by EM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._encoding import match
from aggregate._tables import to_table
from aggregate._validation import check_choice, check_number, first_few
from aggregate.annotations import Annotations
from aggregate.fusion import from_log_joint
from aggregate.kernels.em import FLOOR
from aggregate.models._base import BaseAggregator
from aggregate.models._class_prior import ClassPrior
from aggregate.models._confusions import prior_confusion
from aggregate.models._em import Fit, State, warn_unless_converged
from aggregate.models.dependent._choice import Crowd
from aggregate.models.dependent._partition import Groups, drop_single, score_matrix
from aggregate.models.dependent._two_level import TwoLevel

Float = NDArray[np.float64]
Gold = NDArray[np.int32] | None


class DependentGroups(BaseAggregator):
    r"""Soft labels when groups of annotators copy or otherwise share their mistakes.

    Each item has a true class, drawn with probabilities :math:`\pi`. Group g reads it as z with
    probability :math:`B_g[k, z]`, once for the whole group; a member j reports what
    they make of that reading, y with probability :math:`A_j[z, y]`. Annotators of no group
    look at the truth itself. For fixed groups the fit maximises

    .. math::

        \sum_i \log \sum_k \pi_k \prod_{e \in i,\, \text{alone}} A_{j_e}[k, y_e]
        \prod_g \sum_z B_g[k, z] \prod_{e \in i \cap g} A_{j_e}[z, y_e]
        + \text{Dirichlet priors}

    by EM. A hundred copies of one annotator thus count once. The groups are the spectral
    clusters of the matrix of scores :math:`s_{ij}`, the mean over k and l of
    :math:`|r_{ij} r_{kl} - r_{il} r_{kj}|` with r the correlation of two annotators' labels: it
    is zero, up to sampling, unless i and j share a source of mistakes. With
    more than two classes, "this class or another" is scored for each class and added, which is
    exact where a wrong label is as likely for each of the other classes. Among 1 to
    ``max_groups`` clusters, the partition of the best Bayesian information criterion is kept,
    and groups that lower it are dissolved.

    Where there is a single group, the likelihood is the same if instead its members look at the
    truth and all the others share a reading of it; then those who agree best are taken to share
    their mistakes (copying is likelier than a set of perfect annotators).

    It fails where fewer than three sources (groups or single annotators) are left, since
    nothing then tells which group is right; where most sources are worse than chance; and where
    pairs of annotators share too few items to be compared (they then count as alone).

    Parameters
    ----------
    groups : "learned", array of shape (M,) or mapping annotator -> group
        Known groups, by any hashable names; annotators whose name is None or who
        are not in the mapping are alone.
    max_groups : int, default=8
        Most clusters tried.
    min_shared : int, default=30
        Common items that make a pair of annotators comparable.
    max_annotators : int, default=150
        Most annotators compared, those with most labels: the comparison of pairs of pairs
        costs the fourth power of their number. The others are alone.
    prior_strength : float, default=4
        Pseudo-labels per row of each confusion matrix.
    prior_accuracy : float, default=0.7
        Share of the pseudo-labels on the diagonal.
    class_prior : "learned", "uniform", array of shape (K,) or mapping class -> probability
        How often each class is true.
    max_iter : int, default=500
        Most passes over the votes.
    tol : float, default=1e-8
        Stop when the objective rises by less than this share of itself.
    annotator_correlation : float, default=0.4
        ρ of `aggregate.fusion.posterior`: makes the confidence honest, changes no label.
    unknown_annotators : {"prior", "ignore", "error"}
        In `predict_proba`: labels by annotators who were not in the fit count as by one who is
        alone and has the prior's mean confusion, do not count, or are refused.
    ties : {"prior", "first", "random"}
        See `aggregate.fusion.decide`.
    n_jobs : int, optional
        Threads; -1 for all processors. Results are the same to the last bit.
    random_state : int or Generator, optional
        Seed of random ties.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    group_ : ndarray of int32, shape (M,)
        Group of each annotator, -1 for those who are alone.
    group_confusion_ : ndarray of shape (G, K, K)
        B, truth in the rows.
    member_confusion_ : ndarray of shape (M, K, K)
        A, the reading (or, alone, the truth) in the rows.
    confusion_ : ndarray of shape (M, K, K)
        P(annotator j says y | truth k), the product of both.
    compared_ : ndarray of shape (C,)
        Annotators whose pairs were compared; none where groups were given.
    score_ : ndarray of shape (C, C)
        The scores of their pairs.
    class_prior_ : ndarray of shape (K,)
    annotator_skill_ : ndarray of shape (M,)
        Probability that an annotator is right on a random item.
    probas_ : ndarray of shape (N, K)
        Soft labels of the fitted items.
    labels_ : ndarray of shape (N,)
    objective_path_ : ndarray
        The objective after each pass of the last EM that was kept; it never falls.
    n_iter_ : int
    converged_ : bool
    gold_given_, gold_correct_ : ndarray of shape (M,)
        Labels on gold items, and how many of them were right.

    References
    ----------
    A. Jaffe, E. Fetaya, B. Nadler, T. Jiang and Y. Kluger, Unsupervised ensemble learning with
    dependent classifiers, AISTATS 2016, sections 3 and 4 (the score of pairs, the two-level
    model; there for two classes, with the number of groups found from a residual).

    Examples
    --------
    >>> from aggregate import DependentGroups
    >>> votes = [[0, 0, 0, 1, 1], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0], [1, 1, 1, 0, 0]] * 9
    >>> copies = ["copies"] * 3 + [None, None]
    >>> model = DependentGroups(groups=copies).fit(votes)
    >>> model.group_
    array([ 0,  0,  0, -1, -1], dtype=int32)
    """

    def __init__(
        self,
        *,
        groups: Any = "learned",
        max_groups: int = 8,
        min_shared: int = 30,
        max_annotators: int = 150,
        prior_strength: float = 4.0,
        prior_accuracy: float = 0.7,
        class_prior: Any = "learned",
        max_iter: int = 500,
        tol: float = 1e-8,
        annotator_correlation: float = 0.4,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.groups = groups
        self.max_groups = max_groups
        self.min_shared = min_shared
        self.max_annotators = max_annotators
        self.prior_strength = prior_strength
        self.prior_accuracy = prior_accuracy
        self.class_prior = class_prior
        self.max_iter = max_iter
        self.tol = tol
        self.annotator_correlation = annotator_correlation
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _check_parameters(self) -> None:
        for name in ("max_groups", "min_shared", "max_annotators", "max_iter"):
            check_number(name, getattr(self, name), low=1, integer=True)
        check_number("prior_strength", self.prior_strength, low=0)
        check_number("prior_accuracy", self.prior_accuracy, low=0, high=1)
        check_number("tol", self.tol, low=0)
        check_number("annotator_correlation", self.annotator_correlation, low=0, high=1)

    def _fit(self, annotations: Annotations, gold: Gold, **data: Any) -> None:
        self._check_parameters()
        n_annotators, n_classes = annotations.n_annotators, annotations.n_classes
        crowd = Crowd(
            annotations,
            gold,
            self._stranger(),
            float(self.prior_strength),
            ClassPrior(self.class_prior, annotations.classes, self.prior_strength),
            self.n_jobs,
        )
        compared, self.score_ = np.zeros(0, dtype=np.int64), np.zeros((0, 0))
        if isinstance(self.groups, str):
            check_choice("groups", self.groups, ("learned",))
            compared = _busiest(annotations, self.max_annotators)
            chosen = np.isin(np.arange(n_annotators), compared)
            part = annotations if chosen.all() else annotations.select(annotators=chosen)
            self.score_ = score_matrix(part, min_shared=self.min_shared, n_jobs=self.n_jobs)
            self.group_ = crowd.choose(compared, self.score_, self.max_groups)
        else:
            self.group_ = read_groups(self.groups, annotations.annotators)
        self.compared_ = annotations.annotators[compared]
        fit = crowd.fit(self.group_, self.max_iter, self.tol)
        self._keep(fit, n_annotators, n_classes)
        warn_unless_converged(fit, self.max_iter, self.tol)

    def _keep(self, fit: Fit, n_annotators: int, n_classes: int) -> None:
        stack = fit.state.table.reshape(-1, n_classes, n_classes).transpose(0, 2, 1)
        stack = stack / stack.sum(axis=2, keepdims=True)
        self.member_confusion_, self.group_confusion_ = np.split(stack, [n_annotators])
        self.confusion_ = self.member_confusion_.copy()
        grouped = self.group_ >= 0
        self.confusion_[grouped] = (
            self.group_confusion_[self.group_[grouped]] @ self.member_confusion_[grouped]
        )
        self.class_prior_ = fit.state.prior / fit.state.prior.sum()
        self.annotator_skill_ = np.einsum("jkk,k->j", self.confusion_, self.class_prior_)
        self.objective_path_ = fit.objective_path
        self.n_iter_, self.converged_ = fit.n_iter, fit.converged

    def _log_joint(self, annotations: Annotations) -> Float:
        """Score annotations whose annotator code M is a stranger, who is alone."""
        groups = np.append(self.group_, np.int32(-1))
        member = self.member_confusion_
        stack = [member, self._stranger()[np.newaxis], self.group_confusion_]
        table = to_table(np.concatenate(stack))
        # The container of the fit itself has no stranger: its groups follow at once.
        if annotations.n_annotators == len(member):
            groups, table = self.group_, to_table(np.concatenate([member, stack[2]]))
        problem = TwoLevel(annotations, groups, n_jobs=self.n_jobs)
        return problem.log_joint(State(np.maximum(self.class_prior_, FLOOR), table))

    def _soft_labels(self, annotations: Annotations, gold: Gold) -> Float:
        return from_log_joint(
            annotations,
            self._log_joint(annotations),
            annotator_correlation=self.annotator_correlation,
            gold=gold,
            n_jobs=self.n_jobs,
        )

    def _log_likelihood(self, annotations: Annotations) -> Float:
        return np.asarray(np.logaddexp.reduce(self._log_joint(annotations), axis=1))

    def _stranger(self) -> Float:
        return prior_confusion(len(self.classes_), self.prior_accuracy)


def _busiest(annotations: Annotations, most: int) -> NDArray[np.int64]:
    """Return the codes of the annotators with most labels; those tied for the last place go."""
    counts = annotations.labels_per_annotator
    if len(counts) <= most:
        return np.arange(len(counts))
    enough = np.sort(counts)[-most - 1] + 1
    return np.flatnonzero(counts >= enough)


def read_groups(groups: Any, annotators: NDArray[Any]) -> Groups:
    """Return the group codes that a user's names mean, groups of one being none.

    Raises
    ------
    ValueError
        If the length is wrong or a mapping names annotators without a vote.

    Examples
    --------
    >>> import numpy as np
    >>> read_groups({"ann": "x", "cyd": "x"}, np.array(["ann", "bob", "cyd"])).tolist()
    [0, -1, 0]
    """
    if isinstance(groups, Mapping):
        keys = np.empty(len(groups), dtype=object)
        keys[:] = list(groups)
        place = match(keys, annotators)
        if (place < 0).any():
            raise ValueError(
                f"groups names annotators without a vote: {first_few(keys[place < 0])}."
            )
        names: list[Any] = [None] * len(annotators)
        for j, name in zip(place, groups.values(), strict=True):
            names[j] = name
    else:
        names = np.asarray(groups, dtype=object).tolist()
    if len(names) != len(annotators):
        raise ValueError(
            f"groups must hold one name per annotator, {len(annotators)}; got {len(names)}."
        )
    codes: dict[Any, int] = {}
    found = [-1 if name is None else codes.setdefault(name, len(codes)) for name in names]
    return drop_single(np.array(found, dtype=np.int32))
