"""How likely the votes are under a linear classifier and a confusion matrix per annotator.

A *point* is a classifier f(x) = softmax(x·W + b) and a table of confusions in the kernels' layout,
``table[j·K + y, k]`` = P(annotator j says y | truth k). Its objective is

    sum_i log sum_k f_k(x_i) prod_e table[j_e·K + y_e, k]  +  sum pseudo · log table
    - κ/(2C) |W|²  +  s/K sum_k log softmax(b)_k

where s pseudo-labels per truth and annotator are shared out as in Dawid-Skene, the last term is s
pseudo-items at x = 0 (the mean, where features are centred) spread over the classes, and κ is 1,
or 2 for two classes, whose two columns of W say the same twice: C then means what it means in
scikit-learn's logistic regression. The objective's gradient is that of the expected complete log
likelihood (Fisher's identity), so one E-step yields it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._tables import row_codes
from aggregate.fusion import from_log_joint, log_joint
from aggregate.fusion.posterior import clamp
from aggregate.kernels.em import FLOOR
from aggregate.learning.raykar._crowd_rows import CrowdRows
from aggregate.models._class_prior import ClassPrior
from aggregate.models._confusions import Confusions
from aggregate.models._passes import Passes

Float = NDArray[np.float64]


class Point(NamedTuple):
    """Weights (D, K), intercept (K,), and the table of confusions (M·K, K) or its logits."""

    weights: Float
    intercept: Float
    table: Float


class View(NamedTuple):
    """What one pass over the rows tells of a point."""

    objective: float
    posterior: Float
    probas: Float
    counts: Float


class JointLikelihood:
    """The objective on some rows.

    Parameters
    ----------
    rows : CrowdRows
        Every row has a label or gold.
    stranger : ndarray of shape (K, K)
        Mean of the confusions' prior.
    strength : float
        Pseudo-labels per row of a confusion matrix, and pseudo-items.
    C : float
        Inverse strength of the penalty; infinity for none.
    """

    def __init__(self, rows: CrowdRows, stranger: Float, strength: float, C: float) -> None:
        self.rows = rows
        votes = rows.votes
        self.n_classes, self.n_annotators = votes.n_classes, votes.n_annotators
        self.structure = Confusions(stranger, strength)
        self.class_prior = ClassPrior("learned", votes.classes, strength)
        self.strength = strength
        self.ridge = (2.0 if self.n_classes == 2 else 1.0) / C
        code = row_codes(votes.annotator, votes.label, self.n_annotators, self.n_classes)
        self._passes = Passes(votes, code, rows.gold, None)

    def start(self) -> Point:
        """Return the point that votes and gold suggest, features unheard.

        Even without a prior, a pseudo-label per truth is in it: nobody starts as never wrong,
        which hardly anything would refute.
        """
        doubting = Confusions(self.structure.fallback.T, max(self.strength, 1.0))
        counts = self._passes.count(self.rows.first_guess())
        weights = np.zeros((self.rows.features.shape[1], self.n_classes))
        intercept = np.log(self.class_prior.maximise(counts.mass))
        return Point(weights, intercept, doubting.maximise(counts.table))

    def view(self, point: Point) -> View:
        """Return the objective at a point, and the posteriors and counts expected there."""
        log_probas, probas = self.classify(point)
        scores = log_joint(self.rows.votes, self.confusion(point), log_prior=log_probas)
        evidence, posterior = _sum_out(self.rows, scores)
        counts = self._passes.count(posterior).table
        return View(evidence.sum() + self.log_prior(point), posterior, probas, counts)

    def classify(self, point: Point) -> tuple[Float, Float]:
        """Return the classifier's log probabilities of the rows, and its probabilities."""
        return log_softmax(self.rows.features.scores(point.weights, point.intercept))

    def confusion(self, point: Point) -> Float:
        """Return the point's confusion matrices, truth in the rows, shape (M, K, K)."""
        shape = (self.n_annotators, self.n_classes, self.n_classes)
        return point.table.reshape(shape).transpose(0, 2, 1)

    def log_prior(self, point: Point) -> float:
        """Return what the objective holds besides the log likelihood."""
        log_centre, _ = log_softmax(point.intercept[np.newaxis].copy())
        penalty = self.ridge / 2 * float((point.weights**2).sum())
        pseudo_items = self.strength / self.n_classes * float(log_centre.sum())
        return self.structure.log_prior(point.table) + pseudo_items - penalty

    def gradient(self, point: Point, view: View) -> Point:
        """Return the gradient; the table's by the logits of its columns' softmax."""
        residual = view.posterior - view.probas
        weights = self.rows.features.back(residual) - self.ridge * point.weights
        _, centre = log_softmax(point.intercept[np.newaxis].copy())
        intercept = residual.sum(axis=0) + self.strength * (1 / self.n_classes - centre[0])
        said = self.said(view)
        mass = said.sum(axis=1, keepdims=True)
        table = said - mass * point.table.reshape(said.shape)
        return Point(weights, intercept, table.reshape(point.table.shape))

    def said(self, view: View) -> Float:
        """Return expected labels and pseudo-labels [annotator, label, truth]."""
        shape = (self.n_annotators, self.n_classes, self.n_classes)
        return view.counts.reshape(shape) + self.structure.pseudo.reshape(-1, *shape[1:])


def held_out(rows: CrowdRows, point: Point) -> float:
    """Return the log likelihood of the votes (and gold) on rows that a point has not seen."""
    n_annotators, n_classes = rows.votes.n_annotators, rows.votes.n_classes
    confusion = point.table.reshape(n_annotators, n_classes, n_classes).transpose(0, 2, 1)
    log_probas, _ = log_softmax(rows.features.scores(point.weights, point.intercept))
    evidence, _ = _sum_out(rows, log_joint(rows.votes, confusion, log_prior=log_probas))
    return float(evidence.sum())


def table_of(logits: Float) -> Float:
    """Return the table (M·K, K) of logits [annotator, label, truth]."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    return np.maximum(odds, FLOOR).reshape(-1, logits.shape[2])


def log_softmax(scores: Float) -> tuple[Float, Float]:
    """Return logarithms of the rows' softmax, and the softmax. **Overwrites** its argument."""
    scores -= scores.max(axis=1, keepdims=True)
    probas = np.exp(scores)
    total = probas.sum(axis=1, keepdims=True)
    probas /= total
    scores -= np.log(total)
    return scores, probas


def _sum_out(rows: CrowdRows, scores: Float) -> tuple[Float, Float]:
    """Return the rows' log evidence and posteriors; **overwrites** the log joints."""
    best = scores.max(axis=1)
    gold = rows.gold
    if gold is not None:
        known = np.flatnonzero(gold >= 0)
        of_gold = scores[known, gold[known]]
    posterior = from_log_joint(rows.votes, scores, annotator_correlation=0)
    evidence = best - np.log(posterior.max(axis=1))
    if gold is not None:
        evidence[known] = of_gold
    return evidence, clamp(posterior, gold)
