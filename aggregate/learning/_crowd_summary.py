"""What soft labels tell of the annotators and the classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.inspection.heldout import Reading

Float = NDArray[np.float64]


def confusions_of(votes: Annotations, soft: Float) -> Float:
    """Return P(annotator j says y | truth k), read off soft labels, shape (M, K, K).

    Labels are counted with the soft labels as weights and shrunk to what the whole crowd says of
    each class (`aggregate.inspection.heldout.Reading`).

    Examples
    --------
    >>> from aggregate import Annotations
    >>> votes = Annotations.from_matrix([[0, 0], [1, 0]] * 50)
    >>> confusions_of(votes, np.eye(2)[[0, 1] * 50]).round(1)
    array([[[1., 0.],
            [0., 1.]],
    <BLANKLINE>
           [[1., 0.],
            [1., 0.]]])
    """
    n_annotators, n_classes = votes.n_annotators, votes.n_classes
    labelled = np.where((votes.labels_per_item > 0)[:, np.newaxis], soft, 0.0)
    who = np.repeat(np.arange(n_annotators, dtype=np.int32), n_classes)
    said = np.tile(np.arange(n_classes, dtype=np.int32), n_annotators)
    table = Reading(votes, labelled).column(who, said)
    return np.ascontiguousarray(
        table.reshape(n_annotators, n_classes, n_classes).transpose(0, 2, 1)
    )


def class_shares(soft: Float, counted: NDArray[np.bool_]) -> Float:
    """Return the mean soft label of the rows that count, shape (K,)."""
    mass = soft[counted].sum(axis=0)
    return np.asarray(mass / mass.sum())
