"""EM with any classifier inside: annotators and labels by counts, the classifier out of fold.

Each round trains the classifier on the soft labels of most rows and asks it about the rest, so that
it never confirms the labels it was given; one power for all rows makes its probabilities as sure
as they proved right. Nothing is maximised by that: the rounds end when hardly any row changes
its likeliest class.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._tables import row_codes
from aggregate.annotations import Annotations
from aggregate.fusion import from_log_joint, log_joint
from aggregate.fusion.posterior import clamp
from aggregate.learning._first_guess import first_guess
from aggregate.learning.soft_labels._temperature import best_temperature, scale
from aggregate.learning.soft_labels.out_of_fold import OutOfFold
from aggregate.models._class_prior import ClassPrior
from aggregate.models._confusions import Confusions
from aggregate.models._passes import Passes

Float = NDArray[np.float64]

_DOUBT = 1e-3  # a classifier's certainty (a forest's zeros) is no proof

SETTLED = 0.01  # share of rows that may still change their likeliest class


class Rounds(NamedTuple):
    """Where the rounds ended."""

    posterior: Float
    log_probas: Float
    """What the classifiers of the other folds say of each row, softened."""
    temperature: float
    """How far that was softened."""
    table: Float
    objective_path: Float
    changed: float
    """Share of the rows whose likeliest class was another one before the last round."""

    @property
    def converged(self) -> bool:
        """Whether hardly any row changed."""
        return self.changed <= SETTLED


class AnnotatorCounts:
    """The M-step of annotators and classes from given soft labels.

    Parameters
    ----------
    votes : Annotations
    gold : ndarray of int32, shape (N,), or None
    stranger : ndarray of shape (K, K)
        Mean of the confusions' prior.
    strength : float
        Pseudo-labels, as in Dawid-Skene.
    """

    def __init__(
        self,
        votes: Annotations,
        gold: NDArray[np.int32] | None,
        stranger: Float,
        strength: float,
    ) -> None:
        self.votes, self.gold = votes, gold
        self._structure = Confusions(stranger, strength)
        self._class_prior = ClassPrior("learned", votes.classes, strength)
        code = row_codes(votes.annotator, votes.label, votes.n_annotators, votes.n_classes)
        self._passes = Passes(votes, code, gold, None)

    def maximise(self, soft: Float) -> tuple[Float, Float]:
        """Return the table of confusions and the class prior."""
        counts = self._passes.count(soft)
        return self._structure.maximise(counts.table), self._class_prior.maximise(counts.mass)

    def posterior(self, table: Float, log_prior: Float) -> tuple[Float, float]:
        """Return the rows' posteriors and the log likelihood of the votes."""
        shape = (self.votes.n_annotators, self.votes.n_classes, self.votes.n_classes)
        scores = log_joint(self.votes, table.reshape(shape).transpose(0, 2, 1), log_prior=log_prior)
        value = float(np.logaddexp.reduce(scores, axis=1).sum())
        return clamp(from_log_joint(self.votes, scores, annotator_correlation=0), self.gold), value


def doubted(probas: Float) -> Float:
    """Return logarithms of an estimator's probabilities, none of them quite zero."""
    return np.asarray(np.log((1 - _DOUBT) * probas + _DOUBT / probas.shape[1]))


def run_rounds(
    estimator: Any,
    X: Any,
    annotators: AnnotatorCounts,
    *,
    bootstrapped: bool,
    n_folds: int,
    n_rounds: int,
    random_state: int | np.random.Generator | None,
) -> Rounds:
    """Alternate between classifier, annotators and labels.

    Parameters
    ----------
    estimator : classifier
        Anything `OutOfFold` takes.
    X : array-like of shape (N, D)
    annotators : AnnotatorCounts
    bootstrapped : bool
        Judge annotators by the classifier's predictions, and soft labels by annotators alone
        (Khetan, Lipton and Anandkumar); else annotators by soft labels, and those by annotators
        and classifier (Raykar et al.).
    n_folds, n_rounds, random_state
        As of `RaykarClassifier`.

    Returns
    -------
    Rounds
    """
    soft = first_guess(annotators.votes, annotators.gold)
    folds = OutOfFold(X, soft, n_folds=n_folds, random_state=random_state)
    n_classes, path = soft.shape[1], []
    for _ in range(n_rounds):
        probas = folds.probas(estimator, soft)
        temperature = best_temperature(probas, soft)
        probas = scale(probas, temperature)
        log_probas = doubted(probas)
        judged, before = soft, soft.argmax(axis=1)
        if bootstrapped:
            judged = clamp(np.eye(n_classes)[probas.argmax(axis=1)], annotators.gold)
        table, class_prior = annotators.maximise(judged)
        alone = np.broadcast_to(np.log(class_prior), soft.shape)
        soft, value = annotators.posterior(table, alone if bootstrapped else log_probas)
        path.append(value)
        changed = float((soft.argmax(axis=1) != before).mean())
        if changed <= SETTLED:
            break
    return Rounds(soft, log_probas, temperature, table, np.array(path), changed)
