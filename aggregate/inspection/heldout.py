r"""Which soft labels predict labels that were set aside: models compared without a truth.

Some labels of each item are set aside and a model is fitted to the others. Its soft labels
:math:`q_i` are then read, in one way for every model: what annotator j says about items of
class k is counted with the soft labels as weights, and shrunk to what the whole crowd says of
them (`Reading`). A label y that j gave to item i, and that the model never saw, has the
probability

.. math:: P(y_{ij} = y) = \sum_k q_i(k) \, A_j[k, y]

Votes, weights and messages, which have no confusion matrices, are thus asked the same question as
models that have them, and a model whose matrices are too simple to predict labels does not lose
for that if its soft labels are good.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from aggregate._validation import check_number
from aggregate.annotations import Annotations

Float = NDArray[np.float64]
Places = NDArray[np.int64]
Codes = NDArray[np.int32]

SHRINKAGE: Final = 2.0
"""How many labels the crowd's habits count for in those of an annotator."""

_LEAST = 1e-6  # a label called impossible costs 13.8, as in `aggregate.metrics.log_loss`
_AT_ONCE = 1 << 22  # entries of the table label x class that is held at a time


@dataclass(frozen=True, eq=False)
class HeldOut:
    """How well labels set aside were predicted.

    Attributes
    ----------
    log_proba : ndarray of shape (H,)
        Log probability that was given to each label.
    item : ndarray of shape (H,)
        The item it is a label of.
    """

    log_proba: Float
    item: Codes

    @property
    def mean(self) -> float:
        """Mean log probability of a label, in nats."""
        return float(self.log_proba.mean())

    @property
    def error(self) -> float:
        """Standard error of the mean; labels of one item count together."""
        return _clustered_error(self.log_proba, self.item)

    def gain(self, other: HeldOut) -> tuple[float, float]:
        """Return by how much the mean is above another's, and the standard error of that.

        Both are about the same labels.
        """
        surplus = self.log_proba - other.log_proba
        return float(surplus.mean()), _clustered_error(surplus, self.item)


def _clustered_error(values: Float, item: Codes) -> float:
    by_item = np.bincount(item, values - values.mean())
    return float(np.sqrt(np.square(by_item).sum()) / len(values))


def folds(annotations: Annotations, n_folds: int = 5, seed: int = 0) -> Places:
    """Return the fold in which each label is set aside, shape (E,); -1 for never.

    The labels of an item are spread over the folds as evenly as they can be, so it keeps some
    in each; those of one annotator on one item stay together. An item labelled by one annotator
    only is in no fold. The choice hangs on the names of items and annotators, not on their
    order nor on what was said.

    Parameters
    ----------
    annotations : Annotations
    n_folds : int, default=5
        At least 2.
    seed : int, default=0
        Another seed is another choice.

    Returns
    -------
    ndarray of int64, shape (E,)

    Raises
    ------
    ValueError
        If there are fewer than two folds.

    Examples
    --------
    >>> from aggregate import Annotations
    >>> votes = Annotations.from_matrix([[0, 0, 1], [1, -1, -1]])
    >>> fold = folds(votes, 3)
    >>> sorted(fold[:3].tolist()), fold[3:].tolist()
    ([0, 1, 2], [-1])
    """
    check_number("n_folds", n_folds, low=2, integer=True)
    item_key, annotator_key = (
        _keys(names, seed) for names in (annotations.items, annotations.annotators)
    )
    key = _mix(item_key[annotations.item] ^ _mix(annotator_key)[annotations.annotator])
    order = np.lexsort((annotations.annotator, key, annotations.item))
    item, who = annotations.item[order], annotations.annotator[order]
    is_new = np.ones(len(order), dtype=bool)  # the first label by this annotator on this item
    is_new[1:] = (item[1:] != item[:-1]) | (who[1:] != who[:-1])
    n_pairs = np.bincount(item[is_new], minlength=annotations.n_items)
    place = np.cumsum(is_new) - 1 - (np.cumsum(n_pairs) - n_pairs)[item]
    turn = (item_key % np.uint64(n_folds)).astype(np.int64)
    fold = np.empty(len(order), dtype=np.int64)
    fold[order] = np.where(n_pairs[item] > 1, (place + turn[item]) % n_folds, -1)
    return fold


def _keys(names: NDArray[Any], seed: int) -> NDArray[np.uint64]:
    """Return a number per name that looks random, whatever the place of the name."""
    salt = (seed % (1 << 64)).to_bytes(8, "little")
    digests = (blake2b(str(name).encode(), digest_size=8, salt=salt) for name in names.tolist())
    return np.frombuffer(b"".join(each.digest() for each in digests), dtype=np.uint64)


def _mix(key: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble numbers, so that those of items and of annotators can be combined."""
    key = (key ^ (key >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
    return key ^ (key >> np.uint64(29))


def without(annotations: Annotations, aside: NDArray[np.bool_]) -> Annotations:
    """Return the votes but for some labels; items, annotators and classes stay.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate import Annotations
    >>> votes = Annotations.from_matrix([[0, 0, 1], [1, -1, -1]])
    >>> without(votes, np.array([True, False, False, False]))
    Annotations(2 items, 3 annotators, 2 classes, 3 annotations)
    """
    kept = np.bincount(annotations.item[~aside], minlength=annotations.n_items)
    return Annotations(
        np.concatenate(([0], np.cumsum(kept))),
        annotations.annotator[~aside],
        annotations.label[~aside],
        annotations.items,
        annotations.annotators,
        annotations.classes,
    )


def log_probabilities(
    probas: Float, kept: Annotations, annotations: Annotations, aside: NDArray[np.bool_]
) -> Float:
    """Return the log probability of labels set aside, given soft labels that never saw them.

    Parameters
    ----------
    probas : ndarray of shape (N, K)
        Soft labels by a model that was fitted to ``kept``.
    kept, annotations : Annotations
        Votes without and with the labels set aside.
    aside : ndarray of bool, shape (E,)
        The labels of ``annotations`` that were set aside, H of them.

    Returns
    -------
    ndarray of shape (H,)

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate import Annotations, MajorityVote
    >>> votes = Annotations.from_matrix([[0, 0, 0], [1, 1, 1]] * 50)
    >>> aside = np.arange(300) == 0
    >>> kept = without(votes, aside)
    >>> found = log_probabilities(MajorityVote().fit(kept).probas_, kept, votes, aside)
    >>> bool(np.exp(found[0]) > 0.99)
    True
    """
    item, who, said = (
        part[aside] for part in (annotations.item, annotations.annotator, annotations.label)
    )
    reading = Reading(kept, probas)
    found = np.empty(len(item))
    for part in _parts(len(item), annotations.n_classes):
        habits = reading.column(who[part], said[part])
        found[part] = np.einsum("hk,hk->h", probas[item[part]], habits)
    return np.log(np.maximum(found, _LEAST))


def _parts(length: int, n_classes: int) -> Iterator[slice]:
    step = max(_AT_ONCE // n_classes, 1)
    return (slice(first, first + step) for first in range(0, length, step))


class Reading:
    r"""What annotators say of items of each class, read off soft labels.

    .. math:: A_j[k, y] = \frac{C_j[k, y] + s \, \bar A[k, y]}{\sum_{y'} C_j[k, y'] + s}, \quad
        C_j[k, y] = \sum_{e: j_e = j, y_e = y} q_{i_e}(k)

    with :math:`\bar A` the same of all annotators together, after one label per class spread
    evenly, and s `SHRINKAGE`. Only the columns (j, y) that occur are kept: the memory is that of
    the labels, whatever the number of classes.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate import Annotations, MajorityVote
    >>> votes = Annotations.from_matrix([[0, 0, 0], [1, 1, 1]] * 50)
    >>> reading = Reading(votes, MajorityVote().fit(votes).probas_)
    >>> reading.column(np.array([0]), np.array([1])).round(2)
    array([[0., 1.]])
    """

    def __init__(self, kept: Annotations, probas: Float) -> None:
        self._n_classes = kept.n_classes
        self._pairs, place = np.unique(self._code(kept.annotator, kept.label), return_inverse=True)
        self._counts = _add_up(place, kept.item, len(self._pairs), probas)
        self._totals = _add_up(kept.annotator, kept.item, kept.n_annotators, probas)
        crowd = _add_up(kept.label, kept.item, kept.n_classes, probas) + 1 / kept.n_classes
        self._crowd = crowd / crowd.sum(axis=0)

    def column(self, who: Codes, said: Codes) -> Float:
        """Return the probability that annotators say labels, by true class, shape (H, K)."""
        code = self._code(who, said)
        place = np.minimum(np.searchsorted(self._pairs, code), len(self._pairs) - 1)
        counts = np.where((self._pairs[place] == code)[:, np.newaxis], self._counts[place], 0.0)
        return np.asarray(
            (counts + SHRINKAGE * self._crowd[said]) / (self._totals[who] + SHRINKAGE)
        )

    def _code(self, who: Codes, said: Codes) -> Places:
        return np.asarray(who.astype(np.int64) * self._n_classes + said)


def _add_up(group: NDArray[Any], item: Codes, size: int, probas: Float) -> Float:
    """Add up the soft labels of the items in each group, shape (size, K)."""
    table = csr_array((np.ones(len(group)), (group, item)), shape=(size, len(probas)))
    return np.asarray(table @ probas)
