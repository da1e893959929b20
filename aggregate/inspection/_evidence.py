"""What stands above sampling noise in co-occurrences: of each annotator with the rest, of pairs.

A table of co-occurrences C estimates A' diag(π) B with the confusions A and B (truth in the
rows) of the two sides, so it has rank K only if both sides tell all K classes apart. A singular
value with its vectors u, v is the mean, over the labels, of u[own label] · v[others' labels];
the standard error of that mean is what it is compared with. Equal singular values have no vectors
of their own: any turn of them will do, and the error is the mean over all turns.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import chi2

from aggregate.annotations import Annotations
from aggregate.fusion import vote_counts
from aggregate.moments import PairMoments

Float = NDArray[np.float64]
Codes = NDArray[np.int64]

_AT_ONCE: Final = 4_000_000  # numbers held at once, which bounds the memory
_TIED: Final = 1e-9  # singular values nearer than this are equal
_MOST_CLASSES: Final = 10  # beyond, the subsets of classes are too many to look at


class Block(NamedTuple):
    """The labels of some annotators that can be compared with labels of others.

    ``row`` and ``label`` say who (counted from ``first``) gave which label, ``item`` on what,
    and ``others`` how the labels of the other annotators on that item are shared out.
    """

    first: int
    last: int
    row: Codes
    item: NDArray[np.int32]
    label: NDArray[np.int32]
    others: Float


class RestEvidence(NamedTuple):
    """Which ranks are clear when labels are set against those of the other annotators.

    Attributes
    ----------
    shared_items : ndarray of int, shape (M,)
        Items of each annotator that somebody else labelled as well.
    ranks : ndarray of int, shape (M,)
        Clear rank of each annotator's table with the rest; 0 with too few shared items.
    guessing : ndarray of bool, shape (M,)
        Annotators with enough shared items whose labels may be independent of the others'.
    values, errors : ndarray of shape (K,)
        Singular values of the table of the whole crowd, and their standard errors.
    rank : int
        Clear rank of that table: how many classes the crowd tells apart.
    doubtful : ndarray of bool, shape (K,)
        Labels that lie in what is not clear.
    """

    shared_items: Codes
    ranks: Codes
    guessing: NDArray[np.bool_]
    values: Float
    errors: Float
    rank: int
    doubtful: NDArray[np.bool_]


def clear_rank(values: Float, errors: Float) -> Codes:
    """Count the leading singular values (..., K) that noise alone would hardly reach.

    Of d directions that are left, the largest of pure noise stands about 2 √d standard errors
    above zero; one more is asked for, which makes three for the last.
    """
    n_values = values.shape[-1]
    left = np.arange(n_values, 0, -1)
    clear = values > (1 + 2 * np.sqrt(left)) * errors + 1e-9
    return np.asarray(np.cumprod(clear, axis=-1).sum(axis=-1), dtype=np.int64)


def _independent(tables: Float, squares: Float, n_items: Codes) -> NDArray[np.bool_]:
    """Mark tables (m, K, K) whose two sides may know nothing of each other.

    A chi-square test at 5 %, which, unlike the standard errors of singular values, is sharp
    where one class is rare. ``squares`` (m, K) are the mean squares of the others' shares.
    """
    rows, columns = tables.sum(axis=2), tables.sum(axis=1)
    spread = np.maximum(squares - columns**2, 0)
    gap = tables - rows[:, :, np.newaxis] * columns[:, np.newaxis]
    scale = rows[:, :, np.newaxis] * spread[:, np.newaxis]
    terms = np.divide(gap**2, scale, out=np.zeros_like(gap), where=scale > 1e-12)
    freedom = ((rows > 0).sum(axis=1) - 1) * ((spread > 1e-12).sum(axis=1) - 1)
    expected = ((1 - rows) * (rows > 0)).sum(axis=1) * (spread > 1e-12).sum(axis=1)
    statistic = n_items * terms.sum(axis=(1, 2)) * freedom / np.maximum(expected, 1e-12)
    return np.asarray((freedom < 1) | (statistic <= chi2.ppf(0.95, np.maximum(freedom, 1))))


def evidence_against_rest(annotations: Annotations, min_items: int) -> RestEvidence:
    """Set each annotator, and the whole crowd, against the other labels on the same items."""
    n_annotators, n_classes = annotations.n_annotators, annotations.n_classes
    shared = np.zeros(n_annotators, dtype=np.int64)
    ranks = np.zeros(n_annotators, dtype=np.int64)
    guessing = np.zeros(n_annotators, dtype=bool)
    whole = np.zeros((n_classes, n_classes))
    n_labels = 0
    for block in _blocks(annotations):
        tables, given = _tables(block, n_classes)
        whole += tables.sum(axis=0)
        n_labels += len(block.row)
        shared[block.first : block.last] = _distinct(block)
        enough = shared[block.first : block.last] >= max(min_items, 1)
        tables = tables[enough] / given[enough, np.newaxis, np.newaxis]
        n_items = shared[block.first : block.last][enough]
        values, errors = _signals(block, tables, enough, n_items)
        ranks[block.first : block.last][enough] = clear_rank(values, errors)
        squares = _mean_squares(block, given)[enough]
        guessing[block.first : block.last][enough] = _independent(tables, squares, n_items)
    whole = (whole + whole.T) / 2 / max(n_labels, 1)
    left, values, right = np.linalg.svd(whole)
    errors = _crowd_errors(annotations, left, values, right, n_labels)
    rank = int(clear_rank(values, errors)) if n_labels else 0
    loading = np.square(right[rank:]).sum(axis=0)
    doubtful = loading > loading.max(initial=0.0) / 2
    return RestEvidence(shared, ranks, guessing, values, errors, rank, doubtful)


def _blocks(annotations: Annotations) -> Iterator[Block]:
    """Yield the labels of a few annotators at a time, with the others' shares beside them."""
    pointers, item, label = annotations.by_annotator
    n_classes = annotations.n_classes
    counts = vote_counts(annotations)
    room = max(_AT_ONCE // max(n_classes**2, 1), 1)
    first = 0
    while first < annotations.n_annotators:
        reach = int(np.searchsorted(pointers, pointers[first] + room, side="right")) - 1
        last = min(max(reach, first + 1), first + room, annotations.n_annotators)
        part = slice(pointers[first], pointers[last])
        row = np.repeat(np.arange(last - first), np.diff(pointers[first : last + 1]))
        others = counts[item[part]] - _own(row, item[part], label[part], n_classes)
        total = others.sum(axis=1)
        seen = total > 0
        shares = others[seen] / total[seen, np.newaxis]
        yield Block(first, last, row[seen], item[part][seen], label[part][seen], shares)
        first = last


def _own(row: Codes, item: NDArray[np.int32], label: NDArray[np.int32], n_classes: int) -> Float:
    """Return all the labels of the same annotator on the same item, one row per label."""
    again = (row[1:] == row[:-1]) & (item[1:] == item[:-1])
    group = np.cumsum(np.concatenate((np.zeros(min(len(row), 1), dtype=bool), ~again)))
    size = int(group[-1]) + 1 if len(group) else 0
    own = np.bincount(group * n_classes + label, minlength=size * n_classes)
    return np.asarray(own.reshape(size, n_classes)[group], dtype=np.float64)


def _distinct(block: Block) -> Codes:
    row, item = block.row, block.item
    new = np.ones(len(row), dtype=bool)
    new[1:] = (row[1:] != row[:-1]) | (item[1:] != item[:-1])
    return np.bincount(row[new], minlength=block.last - block.first)


def _tables(block: Block, n_classes: int) -> tuple[Float, Float]:
    """Return the summed tables (m, K, K), own label in the rows, and the labels in each."""
    size = block.last - block.first
    code = block.row * n_classes + block.label
    order = np.arange(len(code))
    sums = csr_array((np.ones(len(code)), (code, order)), (size * n_classes, len(code)))
    given = np.bincount(block.row, minlength=size).astype(np.float64)
    summed = np.asarray(sums @ block.others)
    return summed.reshape(size, n_classes, n_classes), given


def _mean_squares(block: Block, given: Float) -> Float:
    sums = [np.bincount(block.row, share**2, minlength=len(given)) for share in block.others.T]
    return np.stack(sums, axis=1) / np.maximum(given, 1)[:, np.newaxis]


def _signals(
    block: Block, tables: Float, chosen: NDArray[np.bool_], n_items: Codes
) -> tuple[Float, Float]:
    """Return the singular values of each chosen annotator's table, and their standard errors."""
    if not len(tables):
        return np.zeros(tables.shape[:2]), np.zeros(tables.shape[:2])
    left, values, right = np.linalg.svd(tables)
    place = np.cumsum(chosen) - 1
    kept = chosen[block.row]
    row = place[block.row[kept]]
    theirs = np.einsum("eb,erb->er", block.others[kept], right[row])
    ours = left[row, block.label[kept]]
    squares = np.square(ours * theirs)
    for table in np.flatnonzero(_has_ties(values)):
        of_it = row == table
        squares[of_it] = mean_square(ours[of_it], theirs[of_it], values[table])
    given = np.bincount(row, minlength=len(tables))
    mean = np.stack(
        [np.bincount(row, column, minlength=len(tables)) / given for column in squares.T], axis=1
    )
    errors = np.sqrt(np.maximum(mean - values**2, 0) / n_items[:, np.newaxis])
    return values, errors


def _has_ties(values: Float) -> NDArray[np.bool_]:
    return np.asarray((np.diff(values) >= -_TIED).any(axis=-1))


def mean_square(left: Float, right: Float, values: Float) -> Float:
    """Return the squared products of entries (..., K) of singular vectors, averaged over ties.

    The t vectors of equal ``values`` (K,), which fall, may be turned together by any q: with
    entries x and y, the mean of (x·q)² (y·q)² over unit q is (|x|² |y|² + 2 (x·y)²) / (t (t + 2)).
    """
    first = np.flatnonzero(np.diff(values, prepend=np.inf) < -_TIED)
    size = np.diff(first, append=len(values))
    lengths, others, products = (
        np.add.reduceat(entries, first, axis=-1) for entries in (left**2, right**2, left * right)
    )
    return np.repeat((lengths * others + 2 * products**2) / (size * (size + 2)), size, axis=-1)


def _crowd_errors(
    annotations: Annotations, left: Float, values: Float, right: Float, n_labels: int
) -> Float:
    """Return the standard errors of the crowd's singular values; items are what is sampled."""
    sums = np.zeros((annotations.n_items, len(values)))
    given = np.zeros(annotations.n_items)
    for block in _blocks(annotations):
        products = left[block.label] * (block.others @ right.T)
        for r in range(len(values)):
            sums[:, r] += np.bincount(block.item, products[:, r], minlength=len(sums))
        given += np.bincount(block.item, minlength=len(sums))
    deviations = sums - given[:, np.newaxis] * values
    return np.asarray(np.sqrt(np.square(deviations).sum(axis=0)) / max(n_labels, 1))


def pair_evidence(moments: PairMoments) -> tuple[Float, Float, Codes]:
    """Return each pair's smallest singular value, its standard error, and the clear rank."""
    if not len(moments.pairs):
        return np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64)
    left, values, right = np.linalg.svd(moments.blocks)
    squares = np.einsum("pab,par,prb->pr", moments.blocks, left**2, right**2)
    for pair in np.flatnonzero(_has_ties(values)):
        each = mean_square(left[pair][:, np.newaxis], right[pair].T, values[pair])
        squares[pair] = np.einsum("ab,abr->r", moments.blocks[pair], each)
    errors = np.sqrt(np.maximum(squares - values**2, 0) / moments.totals[:, np.newaxis])
    return values[:, -1], errors[:, -1], clear_rank(values, errors)


def clear_kruskal_rank(confusion: Float, n_seen: Float, most: int) -> int:
    """Return up to which size, at most ``most``, all sets of rows are clearly independent.

    Parameters
    ----------
    confusion : ndarray of shape (K, L)
        An estimate, truth in the rows.
    n_seen : ndarray of shape (K,)
        Items of each class that it rests on.
    most : int
    """
    n_classes = len(confusion)
    if most < 2 or n_classes > _MOST_CLASSES:
        return min(most, 1)
    for size in range(2, most + 1):
        chosen = np.array(list(combinations(range(n_classes), size)))
        left, values, right = np.linalg.svd(confusion[chosen], full_matrices=False)
        u, v = left[:, :, -1], right[:, -1]
        spread = np.einsum("skl,sl->sk", confusion[chosen], v**2)
        spread -= np.einsum("skl,sl->sk", confusion[chosen], v) ** 2
        errors = np.sqrt((u**2 * np.maximum(spread, 0) / np.maximum(n_seen[chosen], 1)).sum(axis=1))
        if (values[:, -1] <= 3 * errors + 1e-9).any():
            return size - 1
    return most
