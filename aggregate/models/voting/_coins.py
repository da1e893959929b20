"""Annotators as coins: one accuracy each, mistakes spread evenly, and all that follows."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.fusion import log_joint, posterior
from aggregate.models._class_prior import ClassPrior
from aggregate.models._confusion_model import ConfusionModel

Float = NDArray[np.float64]


class Coins(NamedTuple):
    """What a one-coin model learns: an accuracy per annotator, in how many rounds."""

    accuracy: Float
    n_iter: int = 1
    converged: bool = True


def coin_confusions(accuracy: Float, n_classes: int) -> Float:
    """Return the confusion matrices of annotators who are right so often, shape (M, K, K).

    Examples
    --------
    >>> coin_confusions(np.array([0.7]), 2)
    array([[[0.7, 0.3],
            [0.3, 0.7]]])
    """
    confusion = np.ones((len(accuracy), n_classes, n_classes))
    if n_classes > 1:
        confusion *= ((1 - accuracy) / (n_classes - 1))[:, np.newaxis, np.newaxis]
        diagonal = np.arange(n_classes)
        confusion[:, diagonal, diagonal] = accuracy[:, np.newaxis]
    return confusion


def bounded(accuracy: Float, given: Float, n_classes: int) -> Float:
    """Keep accuracies half a label away from 0 and 1, so that every weight is finite.

    Who gave n labels cannot be known to be better than 1 - 1 / (2n + 2); who gave none is
    held to a guess.
    """
    margin = np.minimum(0.5 / (given + 1), 1 / n_classes)
    held = np.clip(accuracy, margin, 1 - margin)
    return np.where(given > 0, held, 1 / n_classes)


def agreement_log_likelihood(
    annotations: Annotations, skill: Float, class_prior: Float, n_jobs: int | None
) -> Float:
    """Return the log likelihood of each item, taking annotators for coins of those skills.

    For models that have no likelihood of their own. The code M, an annotator never seen, gets
    the mean skill; skills of 0 and 1 are kept off by half a percent.
    """
    n_classes = len(class_prior)
    coin = np.append(skill, skill.mean() if len(skill) else class_prior.max())
    coin = bounded(coin, np.full(len(coin), 99.0), n_classes)
    joint = log_joint(annotations, coin_confusions(coin, n_classes), class_prior, n_jobs=n_jobs)
    return np.asarray(np.logaddexp.reduce(joint, axis=1))


class OneCoinModel(ConfusionModel):
    """A model that learns one accuracy per annotator; the log odds of it weigh the votes.

    A subclass has the parameters ``class_prior`` and ``annotator_correlation`` besides those
    of the base, and says by ``_learn_accuracies`` how good each annotator is.
    """

    @abstractmethod
    def _learn_accuracies(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Coins:
        """Return the accuracy of each annotator."""

    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        check_number("annotator_correlation", self.annotator_correlation, low=0, high=1)
        n_classes = annotations.n_classes
        rule = ClassPrior(self.class_prior, annotations.classes, 1.0)
        given = annotations.labels_per_annotator.astype(np.float64)
        coins = self._learn_accuracies(annotations, gold)
        self._typical = typical(coins.accuracy, given, n_classes)
        accuracy = bounded(coins.accuracy, given, n_classes)
        accuracy[given == 0] = self._typical
        confusion = coin_confusions(accuracy, n_classes)
        prior = rule.fixed
        if rule.learned:
            prior = learned_prior(annotations, confusion, rule, gold, self.n_jobs)
        self._keep_confusions(confusion, prior)
        self.n_iter_, self.converged_ = coins.n_iter, coins.converged

    def _stranger(self) -> Float:
        return coin_confusions(np.array([self._typical]), len(self.classes_))[0]


def typical(accuracy: Float, given: Float, n_classes: int) -> float:
    """Return the accuracy of a label taken at random, short of certainty."""
    total = given.sum()
    mean = float((accuracy * given).sum() / total) if total > 0 else 1 / n_classes
    return float(np.clip(mean, min(1e-3, 1 / n_classes), max(1 - 1e-3, 1 / n_classes)))


def learned_prior(
    annotations: Annotations,
    confusion: Float,
    rule: ClassPrior,
    gold: NDArray[np.int32] | None,
    n_jobs: int | None,
) -> Float:
    """Return the class prior that the posteriors under equal classes imply."""
    uniform = np.full(annotations.n_classes, 1 / annotations.n_classes)
    soft = posterior(
        annotations, confusion, uniform, annotator_correlation=0.0, gold=gold, n_jobs=n_jobs
    )
    return rule.maximise(soft[annotations.labels_per_item > 0].sum(axis=0))
