"""CROWDLAB: the classifier votes, too, with a weight earned like everybody else's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._validation import first_few
from aggregate.annotations import Annotations
from aggregate.fusion import vote_counts
from aggregate.fusion.posterior import clamp
from aggregate.models._base import BaseAggregator
from aggregate.models.voting._coins import agreement_log_likelihood
from aggregate.models.voting._voting import agreement, winners

Float = NDArray[np.float64]

_LEAST = 1e-6
_PSEUDO_LABELS, _PSEUDO_AGREEMENT = 2.0, 0.7


class CrowdLab(BaseAggregator):
    r"""Soft labels from annotators and a trained classifier, weighted by their agreement.

    A classifier that saw the items' features says :math:`\hat p_{ik}` (out of sample, from
    cross-validation). Item i's soft label is

    .. math::

        q_{ik} \propto w \, \hat p_{ik} + \sum_{e \in i} s_{j_e}
        \begin{cases} P & y_e = k \\ (1 - P) / (K - 1) & y_e \ne k \end{cases},

    the sum running over the labels e of the item. P is how often labels agree with the
    majority on items with two labels or more; tied classes share the majority. (Published,
    ties go to the classifier's favourite, which lets it win its own examination: with two
    labels an item, pure noise then passes for the best annotator.) The weights compare with
    somebody who always says the commonest class, whose error on those majorities is
    :math:`E_0`:

    .. math::

        s_j = 1 - (1 - a_j) / E_0, \qquad w = (1 - e / E_0) \sqrt{\bar r},

    where :math:`a_j` is how often annotator j agrees with the other annotators of the same
    items, e the classifier's error on the majorities and :math:`\bar r` the mean number of
    labels; both are at least 1e-6. Without a classifier, w = 0. Two labels with a share 0.7
    in agreement are added to every such count, so that a handful of labels settles nothing.

    The average of likelihoods, in place of their product, is robust and never too sure. It
    fails where the classifier learned the crowd's own mistakes, where its probabilities are
    in sample, where it is weak (:math:`\sqrt{\bar r}` gives it the say of several annotators,
    deserved or not: compare with and without it), and where nearly all items are of one class
    (everything then looks no better than saying the commonest).

    Parameters
    ----------
    unknown_annotators : {"prior", "ignore", "error"}
        In `predict_proba`: votes by annotators who were not in the fit get the mean weight,
        do not count, or are refused.
    ties : {"prior", "first", "random"}
        See `aggregate.fusion.decide`.
    n_jobs : int, optional
        Threads; -1 for all processors.
    random_state : int or Generator, optional
        Seed of random ties.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    annotator_weight_ : ndarray of shape (M,)
        :math:`s_j`.
    classifier_weight_ : float
        w; 0 without a classifier.
    agreement_ : float
        P.
    annotator_skill_ : ndarray of shape (M,)
        Mean soft label that an annotator's labels received.
    class_prior_ : ndarray of shape (K,)
        Mean of the soft labels.
    probas_ : ndarray of shape (N, K)
    labels_ : ndarray of shape (N,)
    n_iter_ : int
        1.
    converged_ : bool

    References
    ----------
    H. W. Goh, U. Tkachenko and J. Mueller, CROWDLAB: supervised learning to infer consensus
    labels and quality scores for data with multiple annotators, NeurIPS 2022 workshop on
    human in the loop learning, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate import CrowdLab
    >>> votes = [["a", "b"], ["a", "a"], ["b", "b"], ["a", "b"]]
    >>> classifier = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8]])
    >>> CrowdLab().fit(votes, classifier_probas=classifier).labels_
    array(['a', 'a', 'b', 'b'], dtype=object)
    """

    def __init__(
        self,
        *,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(
        self, X: Any, y: Any = None, *, gold: Any = None, classifier_probas: Any = None
    ) -> CrowdLab:
        """Learn the weights and the labels from votes and a classifier's probabilities.

        Parameters
        ----------
        X : Annotations or array-like of shape (N, M)
            Votes: a container, or a table with one row per item and one column per
            annotator, in which NaN, None and -1 are missing.
        y : None
            Ignored.
        gold : mapping item -> class or array-like of shape (N,), optional
            Known truth of some items; those are held to it.
        classifier_probas : array-like of shape (N, K), optional
            Out-of-sample probabilities of a classifier, one row per item, columns in the
            order of the classes; a data frame may name them instead.

        Returns
        -------
        self
        """
        self._fit_votes(X, gold, classifier_probas=classifier_probas)
        self._classifier: Float | None = None  # it belongs to the fitted items alone
        return self

    def predict_proba(self, X: Any, *, classifier_probas: Any = None) -> Float:
        """Return the soft label of each item: the probability of each class.

        Parameters
        ----------
        X : Annotations or array-like of shape (N, M)
            Votes on new items or on the fitted ones.
        classifier_probas : array-like of shape (N, K), optional
            What the classifier says of these items; without it, the annotators decide alone.

        Returns
        -------
        ndarray of shape (N, K)
            Columns in the order of ``classes_``.
        """
        annotations = self._known(X)
        return self._combine(annotations, _check(classifier_probas, annotations), None)

    def predict(
        self,
        X: Any,
        *,
        classifier_probas: Any = None,
        costs: ArrayLike | None = None,
        min_confidence: float | None = None,
        abstain: Any = None,
    ) -> NDArray[Any]:
        """Return one label per item.

        Parameters
        ----------
        X : Annotations or array-like of shape (N, M)
            As for `predict_proba`.
        classifier_probas : array-like of shape (N, K), optional
            As for `predict_proba`.
        costs : array-like of shape (K, K), optional
            ``costs[k, d]``: cost of deciding class d when the truth is k.
        min_confidence : float, optional
            Items whose decided class is less probable get no label.
        abstain : object
            What stands for no label.

        Returns
        -------
        ndarray of shape (N,)
        """
        soft = self.predict_proba(X, classifier_probas=classifier_probas)
        return self._decide(soft, costs, min_confidence, abstain)

    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        self._classifier = _check(data["classifier_probas"], annotations)
        votes = vote_counts(annotations, n_jobs=self.n_jobs)
        shown = annotations.labels_per_item > 1
        consensus = clamp(winners(votes), gold)
        common = consensus[shown].sum(axis=0)
        baseline = max(1 - common.max() / max(common.sum(), 1), _LEAST) if common.any() else 0.5
        several = shown[annotations.item]
        right = consensus[annotations.item, annotations.label][several]
        self.agreement_ = float(_mean(right.sum(), several.sum()))
        agreed = _with_others(annotations, votes)
        self.annotator_weight_ = np.maximum(1 - (1 - agreed) / baseline, _LEAST)
        self.classifier_weight_ = 0.0
        if self._classifier is not None:
            said = (winners(self._classifier) * consensus)[shown].sum()
            error = 1 - _mean(said, shown.sum())
            labels = annotations.n_annotations / max((annotations.labels_per_item > 0).sum(), 1)
            weight = max(1 - error / baseline, _LEAST) * np.sqrt(labels)
            self.classifier_weight_ = float(weight)
        self._keep(annotations, gold)

    def _keep(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> None:
        n_classes = annotations.n_classes
        self.class_prior_ = np.full(n_classes, 1 / n_classes)
        soft = self._combine(annotations, self._classifier, gold)
        self.class_prior_ = soft[annotations.labels_per_item > 0].sum(axis=0) + _LEAST
        self.class_prior_ /= self.class_prior_.sum()
        received, given = agreement(annotations, soft), annotations.labels_per_annotator
        self.annotator_skill_ = np.divide(
            received, given, out=np.full(len(given), self.class_prior_.max()), where=given > 0
        )
        self.n_iter_, self.converged_ = 1, True

    def _combine(
        self,
        annotations: Annotations,
        classifier: Float | None,
        gold: NDArray[np.int32] | None,
    ) -> Float:
        n_classes = len(self.classes_)
        known = self.annotator_weight_
        weight = np.append(known, known.mean() if len(known) else 1.0)
        votes = vote_counts(annotations, weight, n_jobs=self.n_jobs)
        wrong = (1 - self.agreement_) / max(n_classes - 1, 1)
        soft = wrong * votes.sum(axis=1, keepdims=True) + (self.agreement_ - wrong) * votes
        if classifier is not None:
            soft += self.classifier_weight_ * classifier
        total = soft.sum(axis=1, keepdims=True)
        silent = total[:, 0] <= 0
        soft = np.divide(soft, total, out=soft, where=total > 0)
        soft[silent] = self.class_prior_ if classifier is None else classifier[silent]
        return clamp(soft, gold)

    def _soft_labels(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Float:
        return self._combine(annotations, self._classifier, gold)

    def _log_likelihood(self, annotations: Annotations) -> Float:
        """Take each annotator for a coin that is right as often as its labels are believed."""
        return agreement_log_likelihood(
            annotations, self.annotator_skill_, self.class_prior_, self.n_jobs
        )


def _check(probas: Any, annotations: Annotations) -> Float | None:
    """Return the classifier's probabilities, rows summing to one, or say what is wrong."""
    if probas is None:
        return None
    classes = annotations.classes.tolist()
    if hasattr(probas, "columns") and set(probas.columns) == set(classes):
        probas = probas[classes]  # a data frame names its columns, in any order
    table = np.array(probas, dtype=np.float64)
    shape = annotations.n_items, annotations.n_classes
    if table.shape != shape:
        raise ValueError(
            f"classifier_probas must have shape {shape}, a row for each item and a column for "
            f"each of the classes {first_few(annotations.classes)}; got {table.shape}."
        )
    wrong = ~np.isfinite(table).all(axis=1) | (table < 0).any(axis=1)
    wrong |= abs(table.sum(axis=1) - 1) > 1e-3
    if wrong.any():
        raise ValueError(
            "classifier_probas must be non-negative and each row sum to 1; wrong for the items "
            f"{first_few(annotations.items[wrong])}."
        )
    return np.asarray(table / table.sum(axis=1, keepdims=True))


def _with_others(annotations: Annotations, votes: Float) -> Float:
    """Return how often each annotator agrees with the others of the same items, smoothed."""
    own = annotations.annotator
    alike = votes[annotations.item, annotations.label] - 1
    met = annotations.labels_per_item[annotations.item] - 1.0
    size = annotations.n_annotators
    return _mean(np.bincount(own, alike, minlength=size), np.bincount(own, met, minlength=size))


def _mean(right: Any, given: Any) -> Any:
    return (right + _PSEUDO_LABELS * _PSEUDO_AGREEMENT) / (given + _PSEUDO_LABELS)
