"""Annotators as two coins per class: how often they find it, how often they cry wolf."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from aggregate._validation import check_choice, check_distribution, check_number
from aggregate.annotations import Annotations
from aggregate.models._confusion_model import ConfusionModel
from aggregate.models.voting._agreement import PairTable, keys_of, off_diagonal

Float = NDArray[np.float64]

MOST_SKEWED = 0.98
_UNKNOWN_EFFECT = 0.4  # right seven times out of ten, where nothing says how good anybody is


class Question(NamedTuple):
    """Is the class k? Answers are +1 (yes) and -1, and so is the truth.

    Attributes
    ----------
    item_ptr, annotator : ndarray
        As in `Annotations`.
    answer : ndarray of shape (E,)
        +1 or -1.
    mean : ndarray of shape (M,)
        Mean answer of each annotator; that of all answers for those who gave none.
    balance : float or None
        Mean of the truth, where it is given.
    """

    item_ptr: NDArray[np.int64]
    annotator: NDArray[np.int32]
    answer: Float
    mean: Float
    balance: float | None


class Effects(NamedTuple):
    """What a model says of one question.

    Attributes
    ----------
    effect : ndarray of shape (M,)
        Half the difference of an annotator's mean answer between true yes and true no.
    balance : float
        Mean of the truth.
    """

    effect: Float
    balance: float
    n_iter: int = 1
    converged: bool = True


class TwoCoinModel(ConfusionModel):
    """A model that answers "is the class k?" and learns two error rates per annotator for it.

    With two classes there is one question; with more, one per class, each against the rest.
    A subclass has the parameters ``class_prior`` and ``annotator_correlation`` and says by
    ``_effects`` how far each annotator's answers follow the truth. The hit rates of the
    questions become the diagonal of the confusion matrices, and the rest of each row is
    shared out in proportion to the false alarms of the other classes.
    """

    _rules: tuple[str, ...] = ("uniform",)

    @abstractmethod
    def _effects(self, question: Question) -> Effects:
        """Learn from the answers to one question."""

    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        check_number("annotator_correlation", self.annotator_correlation, low=0, high=1)
        n_annotators, n_classes = annotations.n_annotators, annotations.n_classes
        prior = self._given_prior(annotations)
        asked = [1] if n_classes == 2 else range(n_classes if n_classes > 2 else 0)
        hits, alarms = np.empty((2, n_annotators, n_classes))
        shares = np.ones(n_classes) if prior is None else prior
        self.n_iter_, self.converged_ = 1, True
        for k in asked:
            question = ask(annotations, k, None if prior is None else 2 * prior[k] - 1)
            found = self._effects(question)
            hits[:, k], alarms[:, k] = _rates(annotations, question, found)
            if prior is None:
                shares[k] = (1 + found.balance) / 2
            self.n_iter_ = max(self.n_iter_, found.n_iter)
            self.converged_ = self.converged_ and found.converged
        if n_classes == 2:
            hits[:, 0], alarms[:, 0] = 1 - alarms[:, 1], 1 - hits[:, 1]
            shares[0] = 1 - shares[1]
        confusion = _confusions(hits, alarms)
        self._mean_confusion = mean_confusion(confusion, annotations.labels_per_annotator)
        self._keep_confusions(confusion, shares)

    def _given_prior(self, annotations: Annotations) -> Float | None:
        """Return the class prior that the user gives; None if it is to be learned."""
        n_classes = annotations.n_classes
        if isinstance(self.class_prior, str):
            check_choice("class_prior", self.class_prior, self._rules)
            return np.full(n_classes, 1 / n_classes) if self.class_prior == "uniform" else None
        return check_distribution(
            "class_prior", self.class_prior, n_classes, classes=annotations.classes
        )

    def _stranger(self) -> Float:
        return self._mean_confusion


def ask(annotations: Annotations, k: int, balance: float | None) -> Question:
    """Return the answers to "is the class k?"."""
    answer = np.where(annotations.label == k, 1.0, -1.0)
    given = annotations.labels_per_annotator
    total = np.bincount(annotations.annotator, answer, minlength=len(given))
    overall = answer.mean() if len(answer) else 0.0
    mean = np.divide(total, given, out=np.full(len(given), overall), where=given > 0)
    if balance is not None:
        balance = float(np.clip(balance, -MOST_SKEWED, MOST_SKEWED))
    return Question(annotations.item_ptr, annotations.annotator, answer, mean, balance)


def products(question: Question) -> PairTable:
    """Return the mean product of every pair's answers over the items they share."""
    keys, n, product, _ = _sums(question)
    return _table(keys, n, product / n, len(question.mean))


def covariances(question: Question) -> PairTable:
    """Return the covariance of every pair's answers over the items they share.

    Each pair is centred at its own means, which costs one of the labels in common: pairs
    with a single one say nothing and are left out.
    """
    keys, n, product, own = _sums(question)
    rows, columns = np.divmod(keys, max(len(question.mean), 1))
    other = own[np.searchsorted(keys, columns * len(question.mean) + rows)]
    keep = n > 1
    value = (product - own * other / n)[keep] / (n[keep] - 1)
    return _table(keys[keep], n[keep] - 1, value, len(question.mean))


def _sums(question: Question) -> tuple[NDArray[np.int64], Float, Float, Float]:
    """Return each ordered pair's key, labels in common, sum of products, sum of the first's."""
    shape = len(question.item_ptr) - 1, len(question.mean)
    where = question.annotator, question.item_ptr
    seen = csr_array((np.ones(len(question.answer)), *where), shape=shape)
    said = csr_array((question.answer, *where), shape=shape)
    shared = off_diagonal(seen.T @ seen)
    keys = keys_of(shared)
    product, own = np.zeros(len(keys)), np.zeros(len(keys))
    for out, table in ((product, said.T @ said), (own, said.T @ seen)):
        entries = off_diagonal(table)
        out[np.searchsorted(keys, keys_of(entries))] = entries.data
    return keys, shared.data, product, own


def _table(keys: NDArray[np.int64], shared: Float, value: Float, n_annotators: int) -> PairTable:
    rows, columns = np.divmod(keys, max(n_annotators, 1))
    pointers = np.append(0, np.cumsum(np.bincount(rows, minlength=n_annotators)))
    return PairTable(pointers.astype(np.int64), columns.astype(np.int32), shared, value)


def _rates(annotations: Annotations, question: Question, found: Effects) -> tuple[Float, Float]:
    """Return the hit rates and false alarm rates, half a label away from 0 and 1."""
    given = annotations.labels_per_annotator
    margin = np.minimum(0.5 / (given + 1), 0.25)
    effect, mean, b = found.effect, question.mean, found.balance
    hit = np.clip((1 + mean + (1 - b) * effect) / 2, margin, 1 - margin)
    alarm = np.clip((1 + mean - (1 + b) * effect) / 2, margin, 1 - margin)
    return hit, alarm


def fill_unknown(effect: Float, known: NDArray[np.bool_], given: NDArray[np.int64]) -> Float:
    """Give those of whom nothing is known the mean effect of the others' labels."""
    weight = given[known].sum()
    mean = (effect[known] * given[known]).sum() / weight if weight else _UNKNOWN_EFFECT
    return np.where(known, effect, mean)


def _confusions(hits: Float, alarms: Float) -> Float:
    """Return confusion matrices (M, K, K) from hit and false alarm rates per class (M, K)."""
    n_annotators, n_classes = hits.shape
    if n_classes == 1:
        return np.ones((n_annotators, 1, 1))
    diagonal = np.arange(n_classes)
    confusion = np.repeat(alarms[:, np.newaxis], n_classes, axis=1)
    confusion[:, diagonal, diagonal] = 0.0
    confusion *= ((1 - hits) / confusion.sum(axis=2))[:, :, np.newaxis]
    confusion[:, diagonal, diagonal] = hits
    return confusion


def mean_confusion(confusion: Float, given: NDArray[np.int64]) -> Float:
    """Return the mean of the annotators' confusion matrices, weighted by their labels."""
    if not len(given):
        return np.full(confusion.shape[1:], 1 / confusion.shape[1])
    weight = given if given.any() else np.ones(len(given))
    return np.asarray(np.average(confusion, axis=0, weights=weight))
