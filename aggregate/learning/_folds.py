"""Which rows are left out together, told by what the rows hold and not by where they stand.

Cross-validation by position gives other folds when a table is sorted. Here every row gets a key
from its features; rows are put in the order of their keys, class by class, and dealt to the folds
in turn. Rows with equal features share a key and stay in one fold: an item that stands in a table
twice does not vouch for itself.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from aggregate._encoding import encode
from aggregate.fusion import decide

Float = NDArray[np.float64]
Keys = NDArray[np.uint64]

_AT_ONCE = 1 << 20  # numbers hashed at a time
_STEP, _ONE, _TWO = (
    np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


def row_keys(X: Any, random: np.random.Generator) -> Keys:
    """Return a number for each row that depends on the row's values and the seed alone.

    Parameters
    ----------
    X : array-like, data frame or sparse table of shape (N, D)
        Numbers, or anything whose ``repr`` tells its values apart.
    random : Generator
        Another seed gives other keys.

    Returns
    -------
    ndarray of uint64, shape (N,)
        Equal for equal rows.
    """
    if issparse(X):
        table = csr_array(X, dtype=np.float64)
        table.sum_duplicates()
        salt = _salt(random, table.shape[1])
        blank = _mixed(np.zeros(len(salt)), salt)  # what a zero adds, stored or not
        terms = _mixed(table.data, salt[table.indices]) - blank[table.indices]
        return _sums(terms, table.indptr) + blank.sum(dtype=np.uint64)
    values = np.asarray(X)
    values = values.reshape(len(values), -1)
    if values.dtype.kind not in "buif":
        salt_bytes = random.bytes(16)
        return np.array([_key_of_objects(row, salt_bytes) for row in values.tolist()], np.uint64)
    salt = _salt(random, values.shape[1])
    keys = np.empty(len(values), dtype=np.uint64)
    step = max(_AT_ONCE // max(values.shape[1], 1), 1)
    for first in range(0, len(values), step):
        part = values[first : first + step].astype(np.float64)
        keys[first : first + step] = _mixed(part, salt).sum(axis=1, dtype=np.uint64)
    return keys


def group_codes(groups: Any) -> NDArray[np.int64]:
    """Return a number for each row that says which rows stay together; refuse missing ones."""
    code, _ = encode(groups, "groups")
    if (code < 0).any():
        raise ValueError(f"groups must not be missing (row {int(np.argmin(code))}).")
    return code.astype(np.int64)


def deal(groups: NDArray[np.int64], soft: Float, order: NDArray[np.int64], n_folds: int) -> Any:
    """Return the fold of each row: whole groups, every class spread over the folds.

    Parameters
    ----------
    groups : ndarray of int64, shape (N,)
        Rows of one group stay together.
    soft : ndarray of shape (N, K)
        Soft labels; a group counts as its likeliest class. Zero rows are dealt, too.
    order : ndarray of int64, shape (N,)
        The rows in an order that does not depend on where they stand.
    n_folds : int

    Returns
    -------
    ndarray of int64, shape (N,)
        From 0 to ``n_folds - 1``; numbers of groups per fold differ by one at most.
    """
    _, first, code = np.unique(groups[order], return_index=True, return_inverse=True)
    mass = np.zeros((len(first), soft.shape[1]))
    np.add.at(mass, code, soft[order])
    likeliest = decide(mass, class_prior=mass.sum(axis=0))
    likeliest[~mass.any(axis=1)] = soft.shape[1]
    met = np.full(soft.shape[1] + 1, len(order))  # classes by where they are first met, not by name
    np.minimum.at(met, likeliest, first)
    met[-1] = len(order)
    turn = np.lexsort((first, met[likeliest]))
    fold_of_group = np.empty(len(first), dtype=np.int64)
    fold_of_group[turn] = np.arange(len(first)) % n_folds
    folds = np.empty(len(order), dtype=np.int64)
    folds[order] = fold_of_group[code]
    return folds


def _salt(random: np.random.Generator, n_columns: int) -> Keys:
    return random.integers(0, 2**64, size=n_columns, dtype=np.uint64)


def _mixed(values: Float, salt: Keys) -> Keys:
    """Scramble each number with its column's salt (the finaliser of splitmix64)."""
    plain = np.where(np.isnan(values), np.nan, values + 0.0)  # one NaN, no negative zero
    bits = np.ascontiguousarray(plain).view(np.uint64) * _STEP + salt
    bits = (bits ^ (bits >> np.uint64(30))) * _ONE
    bits = (bits ^ (bits >> np.uint64(27))) * _TWO
    return np.asarray(bits ^ (bits >> np.uint64(31)))


def _sums(terms: Keys, pointers: NDArray[Any]) -> Keys:
    """Return the sums of consecutive runs; integers wrap, so differences of totals are exact."""
    totals = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
    return np.asarray(totals[pointers[1:]] - totals[pointers[:-1]])


def _key_of_objects(row: list[Any], salt: bytes) -> int:
    digest = blake2b(repr(row).encode(), digest_size=8, key=salt).digest()
    return int.from_bytes(digest, "little")
