"""What others say, when copies count as one voice and nobody testifies for themselves.

Of a group of suspects, one member speaks on each item, the one with most labels. Where the group
itself is tested, it is silent. If the annotators are independent after all, what is left is a
smaller crowd of independent annotators: the test stays valid, and loses a little power.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from aggregate.annotations import Annotations
from aggregate.fusion import posterior
from aggregate.inspection.heldout import without

Float = NDArray[np.float64]
Groups = NDArray[np.int32]
Mask = NDArray[np.bool_]

_PASSES = 50
_PSEUDO_LABELS = 2.0  # per row, as the others answer on average


class Reference(NamedTuple):
    """Confusions (M, K, K), class prior (K,), and which label speaks for each label (E,)."""

    confusion: Float
    class_prior: Float
    speaker: NDArray[np.int64]


def speakers(annotations: Annotations, group: Groups, silent: Mask) -> NDArray[np.int64]:
    """Return which label of the item speaks for each label: itself, another, or none (-1).

    Examples
    --------
    >>> votes = Annotations.from_matrix([[0, 0, 1, 1], [-1, 1, 1, 0]])
    >>> nobody = np.zeros(4, dtype=bool)
    >>> speakers(votes, np.array([0, 0, -1, -1], dtype=np.int32), nobody).tolist()
    [1, 1, 2, 3, 4, 5, 6]
    """
    speaker = np.arange(annotations.n_annotations)
    grouped = np.flatnonzero(group[annotations.annotator] >= 0)
    if len(grouped):
        annotator, item = annotations.annotator[grouped], annotations.item[grouped]
        rank = np.empty(annotations.n_annotators, dtype=np.int64)
        rank[np.argsort(-annotations.labels_per_annotator, kind="stable")] = np.arange(len(rank))
        order = np.lexsort((grouped, rank[annotator], group[annotator], item))
        item, number = item[order], group[annotator][order]
        new = np.ones(len(order), dtype=bool)
        new[1:] = (item[1:] != item[:-1]) | (number[1:] != number[:-1])
        speaker[grouped[order]] = grouped[order][new][np.cumsum(new) - 1]
    speaker[silent[annotations.annotator]] = -1
    return speaker


def reference(
    annotations: Annotations, model: Any, group: Groups, silent: Mask, needed: Mask
) -> Reference:
    """Fit a model to the voices, and the confusions of the needed who are none to what they say.

    Parameters
    ----------
    annotations : Annotations
    model : unfitted aggregator with confusions
    group : ndarray of int32, shape (M,)
        Who has one voice together; -1 for those who speak for themselves.
    silent : ndarray of bool, shape (M,)
        Annotators who say nothing; with a member, all of the group.
    needed : ndarray of bool, shape (M,)
        Whose confusions are of use.
    """
    speaker = speakers(annotations, group, silent)
    votes = without(annotations, speaker != np.arange(len(speaker)))
    fitted = fit_quietly(model, votes)
    confusion, class_prior = np.array(fitted.confusion_), fitted.class_prior_
    speaking = votes.labels_per_annotator
    usual = confusion[speaking > 0 if speaking.any() else slice(None)].mean(axis=0)
    estranged = needed & (2 * speaking < annotations.labels_per_annotator)
    pointers, item, label = annotations.by_annotator
    told = np.array(fitted.confusion_)
    for g in np.unique(group[estranged]):
        ours = group == g if g >= 0 else np.zeros(len(group), dtype=bool)
        others = without(votes, ours[votes.annotator])
        soft = posterior(others, told, class_prior, annotator_correlation=0.0)
        for j in np.flatnonzero(estranged & (group == g)):
            mine = slice(pointers[j], pointers[j + 1])
            confusion[j] = confusion_given(soft[item[mine]], label[mine], usual)
    return Reference(confusion, class_prior, speaker)


def fit_quietly(model: Any, annotations: Annotations) -> Any:
    """Return the model fitted again, without a word on convergence: the first fit has told."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clone(model).fit(annotations)


def confusion_given(soft: Float, label: NDArray[np.int32], usual: Float) -> Float:
    """Return the likeliest confusion of an annotator, given what others say of the items."""
    said = np.eye(len(usual))[label]
    confusion = usual
    for _ in range(_PASSES):
        weight = soft * confusion[:, label].T
        weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-300)
        counts = _PSEUDO_LABELS * usual + weight.T @ said
        confusion = counts / counts.sum(axis=1, keepdims=True)
    return np.asarray(confusion)
