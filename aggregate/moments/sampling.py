"""Which triples of annotators to count, where there are too many for all of them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.moments.content import ContentRanks, content_ranks

Triples = NDArray[np.int64]

_MOST_BATCHES = 20


def choose_triples(
    annotations: Annotations,
    n_triples: int,
    *,
    random_state: int | np.random.Generator | None = None,
) -> Triples:
    """Return all triples of annotators if few enough, else a sample of those that share items.

    The sample takes an item at random among those with three annotators or more and three of
    its annotators, so triples that share many items come first; every annotator who has such
    an item is then given at least one triple. Draws go by `content_ranks`, so the same
    annotators are chosen in whatever order they stand.

    Parameters
    ----------
    annotations : Annotations
    n_triples : int
        How many at most (a few more where annotators would be left out).
    random_state : int or Generator, optional
        Seed.

    Returns
    -------
    ndarray of int64, shape (T, 3)
        Sorted, distinct.

    Examples
    --------
    >>> from aggregate import Annotations
    >>> from aggregate.moments import choose_triples
    >>> choose_triples(Annotations.from_matrix([[0, 1, 1, 0]]), 10).tolist()
    [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]
    """
    check_number("n_triples", n_triples, low=1, integer=True)
    m = annotations.n_annotators
    if m * (m - 1) * (m - 2) // 6 <= n_triples:
        return np.array(list(combinations(range(m), 3)), dtype=np.int64).reshape(-1, 3)
    random = np.random.default_rng(random_state)
    ranks = content_ranks(annotations)
    rich = np.flatnonzero(annotations.labels_per_item >= 3)
    rich = rich[np.argsort(ranks.items[rich])]
    found = _draw(annotations, rich, ranks, n_triples, random)
    for _ in range(_MOST_BATCHES):  # repeats and items with fewer distinct annotators cost draws
        if len(found) >= n_triples or not len(found):
            break
        before = len(found)
        more = _draw(annotations, rich, ranks, n_triples, random)
        found = _distinct(np.concatenate([found, more]))
        if len(found) == before:  # all there are, or nearly
            break
    extra = _for_the_others(annotations, found[:n_triples], ranks, random)
    return np.unique(np.concatenate([found[:n_triples], extra]), axis=0)


def _draw(
    annotations: Annotations,
    items: NDArray[np.int64],
    ranks: ContentRanks,
    n: int,
    random: np.random.Generator,
) -> Triples:
    """Draw ``n`` items and three labels of each; keep those by three different annotators."""
    if not len(items):
        return np.empty((0, 3), dtype=np.int64)
    drawn, which = np.unique(random.choice(items, size=n), return_inverse=True)
    n_labels = annotations.labels_per_item[drawn]
    start = np.cumsum(n_labels) - n_labels
    entries = np.repeat(annotations.item_ptr[drawn] - start, n_labels) + np.arange(n_labels.sum())
    who = annotations.annotator[entries].astype(np.int64)
    who = who[np.lexsort((ranks.annotators[who], np.repeat(np.arange(len(drawn)), n_labels)))]
    place = (random.random((n, 3)) * n_labels[which, np.newaxis]).astype(np.int64)
    chosen = np.sort(who[start[which, np.newaxis] + place], axis=1)
    different = (np.diff(chosen, axis=1) > 0).all(axis=1)
    return _distinct(chosen[different])


def _distinct(triples: Triples) -> Triples:
    """Return the distinct triples in the order of their first draw."""
    _, first = np.unique(triples, axis=0, return_index=True)
    return triples[np.sort(first)]


def _for_the_others(
    annotations: Annotations, found: Triples, ranks: ContentRanks, random: np.random.Generator
) -> Triples:
    """Return a triple for each annotator who is in none and shares an item with two others."""
    missing = np.setdiff1d(np.arange(annotations.n_annotators), found)
    missing = missing[np.argsort(ranks.annotators[missing])]
    triples = []
    for j, own in zip(missing.tolist(), _items_of(annotations, missing), strict=True):
        for i in random.permutation(own[np.argsort(ranks.items[own])]).tolist():
            start, stop = annotations.item_ptr[i], annotations.item_ptr[i + 1]
            others = np.setdiff1d(annotations.annotator[start:stop], [j])
            others = others[np.argsort(ranks.annotators[others])]
            if len(others) >= 2:
                triples.append(np.sort([j, *random.choice(others, size=2, replace=False)]))
                break
    return np.array(triples, dtype=np.int64).reshape(-1, 3)


def _items_of(annotations: Annotations, who: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the items of some annotators, without a sorted copy of all votes."""
    wanted = np.zeros(annotations.n_annotators, dtype=np.bool_)
    wanted[who] = True
    names, items = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for first, _, part in annotations.blocks():
        theirs = wanted[part.annotator]
        names.append(part.annotator[theirs].astype(np.int64))
        items.append(part.item[theirs].astype(np.int64) + first)
    both = np.unique(np.column_stack([np.concatenate(names), np.concatenate(items)]), axis=0)
    start = np.searchsorted(both[:, 0], who)
    stop = np.searchsorted(both[:, 0], who, side="right")
    return [both[a:b, 1] for a, b in zip(start, stop, strict=True)]
