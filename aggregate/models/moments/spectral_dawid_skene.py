"""Spectral Dawid-Skene: a tensor of three groups of annotators starts EM near its optimum."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.factorization import match_to_diagonal, symmetrize_views, tensor_power
from aggregate.models.moments._moment_model import Crowd, Estimate, MomentModel
from aggregate.moments import group_vote_counts

Float = NDArray[np.float64]
Groups = NDArray[np.int64]

_FLOOR = 1e-6
_AT_ONCE = 1 << 20  # votes


class Component(NamedTuple):
    """What the tensor says of one group: mean votes (K, K) by truth in columns, and weights."""

    means: Float
    weights: Float
    residuals: Float


class SpectralDawidSkene(MomentModel):
    r"""Dawid-Skene by EM from a start that three groups of annotators determine.

    Split the annotators in three groups; :math:`Z_g` counts the votes of group g for each
    class on an item. Given the truth k the groups are independent, with mean votes
    :math:`\mu_{gk}`. So the second and third moments of the votes are, in expectation,

    .. math::

        E[Z_a \otimes Z_b] = \sum_k \pi_k\, \mu_{ak} \otimes \mu_{bk}, \qquad
        E[Z_a \otimes Z_b \otimes Z_c] = \sum_k \pi_k\, \mu_{ak} \otimes \mu_{bk} \otimes
        \mu_{ck},

    where :math:`\pi` is the class prior. Whitened by the second moments, the third is an
    orthogonal tensor, whose components the power method finds one by one, without local
    optima. An annotator's confusions then follow from how their labels go along with the
    votes :math:`Z` of the other two groups,

    .. math:: E[e(y_j) \otimes Z] = \sum_k \pi_k\, A_j[k, \cdot] \otimes \mu_k,

    a linear system, and EM (``refine``) does the rest. If the groups are informative, EM from
    there reaches the optimal rate.

    It fails where a group hardly ever uses some class, and with weak annotators the third
    moment of three groups is too noisy: then EM from the vote does better. So several random
    splits are tried, as is the mean of what they say, the likeliest is kept, and where none
    works the vote takes over. Splits are drawn from an order of the annotators that the votes
    determine (`aggregate.moments.content_ranks`), not from the order in which they stand.

    Parameters
    ----------
    groups : "random", "mod" or array of int, shape (M,)
        Random groups, as many in each, or annotators 1, 2, 0, 1, … as in the authors' code,
        or the group, 0 to 2, of each annotator.
    n_splits : int, default=10
        Random splits to try.
    ridge : float, default=1e-6
        Added to the linear systems, relative to their mean eigenvalue.
    symmetric : bool, default=True
        Average the third moment over the orders of its axes, which are alike in expectation;
        False leaves it as the authors' code does, and is noisier on planted models.
    n_starts : int, default=100
        Random starts of the power method for each component.
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
        The norms of the deflated tensors; with ``refine``, the objective of
        EM, which never falls.
    log_likelihood_ : float
        Of the votes.
    n_iter_ : int
    converged_ : bool
    gold_given_, gold_correct_ : ndarray of shape (M,)
        Labels on gold items, and how many of them were right.

    References
    ----------
    Y. Zhang, X. Chen, D. Zhou and M. I. Jordan, Spectral methods meet EM: a provably optimal
    algorithm for crowdsourcing, Journal of Machine Learning Research 17(102):1-44, 2016,
    Algorithm 1.

    Examples
    --------
    >>> from aggregate import SpectralDawidSkene, simulate_annotations
    >>> crowd = simulate_annotations(2000, 15, 3, labels_per_item=6, random_state=0)
    >>> model = SpectralDawidSkene(random_state=0).fit(crowd.annotations)
    >>> bool((model.labels_ == crowd.truth).mean() > 0.9)
    True
    """

    def __init__(
        self,
        *,
        groups: Any = "random",
        n_splits: int = 10,
        ridge: float = 1e-6,
        symmetric: bool = True,
        n_starts: int = 100,
        refine: int | str | None = "converge",
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
        self.groups = groups
        self.n_splits = n_splits
        self.ridge = ridge
        self.symmetric = symmetric
        self.n_starts = n_starts
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
        check_number("n_splits", self.n_splits, low=1, integer=True)
        check_number("ridge", self.ridge, low=0)
        check_number("n_starts", self.n_starts, low=1, integer=True)
        if isinstance(self.groups, str) and self.groups not in ("random", "mod"):
            raise ValueError(
                "groups must be 'random', 'mod' or the group (0, 1 or 2) of each annotator; got "
                f"{self.groups!r}."
            )

    def _candidates(self, crowd: Crowd) -> Iterator[Estimate]:
        found = []
        for groups in self._splits(crowd):
            estimate = self._estimate(crowd, groups)
            if estimate is not None:
                found.append(estimate)
                yield estimate
        if len(found) > 1:  # what one split gets wrong, others often get right
            mean = np.mean([estimate.factors for estimate in found], axis=0)
            yield found[0]._replace(factors=mean)

    def _estimate(self, crowd: Crowd, groups: Groups) -> Estimate | None:
        """Return what one split says; None if a group's component cannot be found."""
        annotations = crowd.annotations
        votes = group_vote_counts(annotations, groups, n_jobs=crowd.n_jobs)
        parts = []
        for target in range(3):
            part = self._component(votes, target, crowd.random)
            if part is None:
                return None
            parts.append(part)
        factors = self._factors(annotations, groups, votes, parts)
        path = np.concatenate([part.residuals for part in parts])
        return Estimate(factors, annotations.labels_per_annotator > 0, None, path, 1, True)

    def _splits(self, crowd: Crowd) -> list[Groups]:
        n_annotators = crowd.annotations.n_annotators
        if not isinstance(self.groups, str):
            return [_check_groups(self.groups, n_annotators)]
        if n_annotators < 3:
            return []
        if self.groups == "mod":
            return [np.arange(1, n_annotators + 1, dtype=np.int64) % 3]
        thirds = np.arange(n_annotators, dtype=np.int64) % 3
        return [crowd.random.permutation(thirds)[crowd.places] for _ in range(self.n_splits)]

    def _component(
        self, votes: Float, target: int, random: np.random.Generator
    ) -> Component | None:
        """Decompose the moments of the three groups as seen from one; None if one lacks a class."""
        n_items, _, n_classes = votes.shape
        a, b, c = (np.ascontiguousarray(votes[:, (target + g) % 3]) for g in (1, 2, 0))
        if min(view.sum(axis=0).min() for view in (a, b, c)) == 0:
            return None
        third = np.einsum("na,nb,nc->abc", a, b, c, optimize=True) / n_items
        ab, cb, ca = (x.T @ y / n_items for x, y in ((a, b), (c, b), (c, a)))
        second_c, third_c = symmetrize_views(ab, cb, ca, third, n_classes, average=self.symmetric)
        if not second_c.any() or np.linalg.eigvalsh(second_c)[-1] <= 0:
            return None
        try:
            result = tensor_power(
                second_c, third_c, n_classes, n_restarts=self.n_starts, average=self.symmetric,
                random_state=random,
            )  # fmt: skip
        except ValueError:  # no positive component: noise only
            return None
        if result.rank < n_classes or result.scales is None:
            return None
        order = match_to_diagonal(result.factors[0])
        means = (result.factors[0] * result.scales)[:, order]
        return Component(means, result.weights[order], result.objective_path)

    def _factors(
        self, annotations: Annotations, groups: Groups, votes: Float, parts: list[Component]
    ) -> Float:
        """Solve for each annotator's factor (K, K) from the votes of the other two groups."""
        n_items, _, n_classes = votes.shape
        joint = _joint_votes(annotations, groups, votes)
        factors = np.empty_like(joint)
        for g in range(3):
            x, y = (parts[h] for h in range(3) if h != g)
            system = (0.5 * (x.weights + y.weights) * (x.means + y.means)).T
            gram = system @ system.T
            gram += self.ridge * np.trace(gram) / n_classes * np.eye(n_classes)
            factors[groups == g] = joint[groups == g] / n_items @ system.T @ np.linalg.pinv(gram)
        factors = np.maximum(factors, _FLOOR)
        return np.asarray(factors / factors.sum(axis=1, keepdims=True))


def _joint_votes(annotations: Annotations, groups: Groups, votes: Float) -> Float:
    """Sum the other groups' votes over the items on which j said a: shape (M, K, K), [j, a]."""
    n_annotators, n_classes = annotations.n_annotators, annotations.n_classes
    total = votes.sum(axis=1)
    joint = np.zeros((n_annotators * n_classes, n_classes))
    for first, last, part in annotations.blocks(_AT_ONCE):
        others = total[first:last][part.item] - votes[first:last][part.item, groups[part.annotator]]
        code = part.annotator.astype(np.int64) * n_classes + part.label
        for y in range(n_classes):
            joint[:, y] += np.bincount(code, others[:, y], minlength=len(joint))
    return joint.reshape(n_annotators, n_classes, n_classes)


def _check_groups(groups: ArrayLike, n_annotators: int) -> Groups:
    array: Any = np.asarray(groups)
    if array.shape != (n_annotators,) or array.dtype.kind not in "iu":
        raise ValueError(
            f"groups must hold one whole number for each of the {n_annotators} annotators; got "
            f"shape {array.shape} of {array.dtype}."
        )
    if set(np.unique(array).tolist()) != {0, 1, 2}:
        raise ValueError(
            "groups must put annotators in all of the groups 0, 1 and 2, and in no other; got "
            f"{sorted(set(array.tolist()))[:5]}."
        )
    return np.asarray(array, dtype=np.int64)
