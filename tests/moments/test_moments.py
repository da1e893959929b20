"""Moments against counting by hand, additivity, and the model they estimate."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from aggregate import Annotations
from aggregate.moments import (
    choose_triples,
    group_vote_counts,
    label_shares,
    lagged_pair_moments,
    pair_moments,
    triple_moments,
)
from tests.strategies import calm

Rows = list[tuple[int, int, int]]


def naive_pairs(rows: Rows, weight: list[float] | None = None) -> dict:
    """Count label pairs over all ordered pairs of rows on one item, j < l."""
    counts: dict = {}
    for i, j, y in rows:
        for other, m, z in rows:
            if i == other and j < m:
                key = (j, m, y, z)
                counts[key] = counts.get(key, 0.0) + (1.0 if weight is None else weight[i])
    return counts


def naive_triples(rows: Rows) -> dict:
    counts: dict = {}
    for i, j, y in rows:
        for i2, m, z in rows:
            for i3, n, x in rows:
                if i == i2 == i3 and j < m < n:
                    key = (j, m, n, y, z, x)
                    counts[key] = counts.get(key, 0.0) + 1.0
    return counts


def naive_lagged(rows: Rows, follower: list[int]) -> dict:
    counts: dict = {}
    for i, j, y in rows:
        for other, m, z in rows:
            if follower[i] == other:
                key = (j, m, y, z)
                counts[key] = counts.get(key, 0.0) + 1.0
    return counts


def as_dict(index: np.ndarray, counts: np.ndarray) -> dict:
    """Return the non-zero counts keyed by annotators and labels."""
    found = {}
    for names, block in zip(index.tolist(), counts, strict=True):
        for labels in zip(*np.nonzero(block), strict=True):
            found[(*names, *map(int, labels))] = float(block[labels])
    return found


@st.composite
def votes(draw: st.DrawFn) -> tuple[Annotations, Rows]:
    """Draw rows with repeats, items nobody labelled and annotators with nothing to say."""
    n_items, n_annotators, n_classes = draw(
        st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 3))
    )
    row = st.tuples(
        st.integers(0, n_items - 1), st.integers(0, n_annotators - 1), st.integers(0, n_classes - 1)
    )
    rows = draw(st.lists(row, max_size=16))
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    annotations = Annotations.from_columns(
        *columns,
        known_items=range(n_items),
        known_annotators=range(n_annotators),
        classes=range(n_classes),
    )
    return annotations, rows


def random_votes(seed: int, n_items: int, n_annotators: int, share: float) -> Annotations:
    random = np.random.default_rng(seed)
    table = random.integers(0, 3, (n_items, n_annotators))
    table[random.random(table.shape) > share] = -1
    return Annotations.from_matrix(table, classes=[0, 1, 2])


@calm
@given(votes())
def test_pairs_are_counted_as_by_hand(drawn: tuple[Annotations, Rows]) -> None:
    annotations, rows = drawn
    moments = pair_moments(annotations)
    assert as_dict(moments.pairs, moments.counts) == naive_pairs(rows)
    assert (moments.pairs[:, 0] < moments.pairs[:, 1]).all()
    assert (moments.totals > 0).all()


@calm
@given(votes(), st.data())
def test_weighted_pairs_are_counted_as_by_hand(
    drawn: tuple[Annotations, Rows], data: st.DataObject
) -> None:
    annotations, rows = drawn
    n_items = annotations.n_items
    weight = data.draw(
        st.lists(st.sampled_from([0.0, 0.5, 2.0]), min_size=n_items, max_size=n_items)
    )
    moments = pair_moments(annotations, item_weights=weight)
    expected = {key: value for key, value in naive_pairs(rows, weight).items() if value > 0}
    assert as_dict(moments.pairs, moments.counts) == expected


@calm
@given(votes())
def test_triples_are_counted_as_by_hand(drawn: tuple[Annotations, Rows]) -> None:
    annotations, rows = drawn
    triples = list(combinations(range(annotations.n_annotators), 3))
    moments = triple_moments(annotations, triples)
    assert as_dict(moments.triples, moments.counts) == naive_triples(rows)


@calm
@given(votes(), st.data())
def test_lagged_pairs_are_counted_as_by_hand(
    drawn: tuple[Annotations, Rows], data: st.DataObject
) -> None:
    annotations, rows = drawn
    n_items = annotations.n_items
    follower = data.draw(st.lists(st.integers(-1, n_items - 1), min_size=n_items, max_size=n_items))
    moments = lagged_pair_moments(annotations, follower)
    assert as_dict(moments.pairs, moments.counts) == naive_lagged(rows, follower)


@calm
@given(votes())
def test_first_moments_and_group_votes(drawn: tuple[Annotations, Rows]) -> None:
    annotations, rows = drawn
    counts = np.zeros((annotations.n_annotators, annotations.n_classes))
    group = np.arange(annotations.n_annotators) % 3 - 1
    votes = np.zeros((annotations.n_items, int(group.max()) + 1, annotations.n_classes))
    for i, j, y in rows:
        counts[j, y] += 1
        if group[j] >= 0:
            votes[i, group[j], y] += 1
    np.testing.assert_array_equal(label_shares(annotations).counts, counts)
    np.testing.assert_array_equal(group_vote_counts(annotations, group), votes)


def test_pairs_are_the_sparse_product_of_one_hot_labels() -> None:
    annotations = random_votes(0, 300, 12, 0.4)
    n_classes = annotations.n_classes
    columns = annotations.annotator * n_classes + annotations.label
    ones = np.ones(annotations.n_annotations)
    one_hot = csr_array((ones, (annotations.item, columns)), shape=(300, 12 * n_classes))
    product = (one_hot.T @ one_hot).toarray().reshape(12, n_classes, 12, n_classes)
    moments = pair_moments(annotations)
    for (j, m), counts in zip(moments.pairs, moments.counts, strict=True):
        np.testing.assert_array_equal(counts, product[j, :, m, :])
    assert len(moments.pairs) == 66


def test_counts_of_blocks_of_items_add_up() -> None:
    whole = random_votes(1, 60, 7, 0.5)
    parts = [whole.select(items=range(0, 25)), whole.select(items=range(25, 60))]
    triples = list(combinations(range(7), 3))
    pairs = [pair_moments(part) for part in (whole, *parts)]
    total = pairs[1] + pairs[2]
    np.testing.assert_array_equal(total.pairs, pairs[0].pairs)
    np.testing.assert_array_equal(total.counts, pairs[0].counts)
    cubes = [triple_moments(part, triples) for part in (whole, *parts)]
    np.testing.assert_array_equal((cubes[1] + cubes[2]).counts, cubes[0].counts)
    # A block of items may lack a triple that another has.
    slivers = [whole.select(items=range(i, i + 1)) for i in range(60)]
    total = sum((triple_moments(part, triples) for part in slivers[1:]),
                start=triple_moments(slivers[0], triples))  # fmt: skip
    np.testing.assert_array_equal(total.triples, cubes[0].triples)
    np.testing.assert_array_equal(total.counts, cubes[0].counts)
    shares = [label_shares(part) for part in (whole, *parts)]
    np.testing.assert_array_equal((shares[1] + shares[2]).counts, shares[0].counts)


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    annotations = random_votes(2, 200, 30, 0.3)
    triples = choose_triples(annotations, 200, random_state=0)
    for n_jobs in (2, 3):
        np.testing.assert_array_equal(
            pair_moments(annotations, n_jobs=n_jobs).counts, pair_moments(annotations).counts
        )
        np.testing.assert_array_equal(
            triple_moments(annotations, triples, n_jobs=n_jobs).counts,
            triple_moments(annotations, triples).counts,
        )


def test_blocks_and_files_change_nothing(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    annotations = random_votes(2, 200, 30, 0.3)
    weight = np.random.default_rng(0).random(200)
    follower = np.append(np.arange(1, 200), -1)
    triples = choose_triples(annotations, 200, random_state=0)
    groups = np.arange(30) % 3

    def moments(votes: Annotations) -> list[np.ndarray]:
        pairs = [
            pair_moments(votes),
            pair_moments(votes, item_weights=weight),
            lagged_pair_moments(votes, follower),
        ]
        tables = [table for moment in pairs for table in (moment.pairs, moment.counts)]
        cubes = triple_moments(votes, triples, item_weights=weight)
        drawn = choose_triples(votes, 200, random_state=0)
        shares = label_shares(votes).counts
        return [
            *tables,
            cubes.triples,
            cubes.counts,
            drawn,
            shares,
            group_vote_counts(votes, groups),
        ]

    whole = moments(annotations)
    annotations.save(tmp_path / "votes")
    mapped = Annotations.open(tmp_path / "votes")
    assert mapped.on_disk
    monkeypatch.setattr("aggregate._blocks._ANNOTATIONS_PER_BLOCK", 50)
    monkeypatch.setattr("aggregate.moments._pair_counts._COLABELS_AT_ONCE", 500)
    for votes in (annotations, mapped):
        for one, other in zip(whole, moments(votes), strict=True):
            np.testing.assert_array_equal(one, other)


def test_moments_approach_the_model_at_the_rate_of_the_stated_noise() -> None:
    random = np.random.default_rng(3)
    prior, n_items = np.array([0.5, 0.3, 0.2]), 40_000
    confusion = random.dirichlet(np.ones(3), (3, 3)) * 0.4 + 0.6 * np.eye(3)
    truth = random.choice(3, n_items, p=prior)
    table = np.column_stack(
        [(random.random((n_items, 1)) > a[truth].cumsum(axis=1)).sum(axis=1) for a in confusion]
    )
    annotations = Annotations.from_matrix(np.minimum(table, 2))
    moments = pair_moments(annotations)
    cube = triple_moments(annotations, [[0, 1, 2]])
    for (j, m), block, noise in zip(moments.pairs, moments.blocks, moments.noise, strict=True):
        model = np.einsum("k,ka,kb->ab", prior, confusion[j], confusion[m])
        assert np.linalg.norm(block - model) < 3 * noise
        assert np.linalg.norm(block - model) > noise / 20
    model = np.einsum("k,ka,kb,kc->abc", prior, *confusion)
    assert abs(cube.blocks[0] - model).max() < 4 / np.sqrt(n_items)


def test_ranks_and_conditions() -> None:
    identical = Annotations.from_matrix([[0, 0, 1], [1, 1, 1], [2, 2, 1], [0, 0, 1]])
    moments = pair_moments(identical)
    assert moments.ranks().tolist() == [3, 1, 1]
    assert moments.conditions()[0] == pytest.approx(2.0)
    assert moments.conditions()[1] > 1e15
    assert moments.ranks(tol=0.3).tolist() == [1, 1, 1]
    assert moments.select(moments.ranks() == 3).pairs.tolist() == [[0, 1]]


def test_ranks_conditions_and_noise_of_triples() -> None:
    table = np.array([[0, 0, 1], [1, 1, 0], [0, 0, 1], [0, 1, 0]])
    moments = triple_moments(Annotations.from_matrix(table), [[0, 1, 2]])
    block = np.zeros((2, 2, 2))
    for a, b, c in table:
        block[a, b, c] += 0.25
    unfolded = [np.moveaxis(block, mode, 0).reshape(2, 4) for mode in range(3)]
    values = [np.linalg.svd(rows)[1] for rows in unfolded]
    np.testing.assert_allclose(moments.singular_values[0], values)
    assert moments.conditions()[0] == pytest.approx(max(v[0] / v[1] for v in values))
    assert moments.ranks().tolist() == [2]
    assert moments.ranks(tol=0.3).tolist() == [1]
    assert moments.noise[0] == pytest.approx(np.sqrt((1 - 0.25 - 2 / 16) / 4))
    same = Annotations.from_matrix([[0, 0, 1], [0, 1, 0]])
    flat = triple_moments(same, [[0, 1, 2]])
    assert flat.ranks().tolist() == [1]
    assert np.isinf(flat.conditions()[0])
    nothing = triple_moments(same, np.empty((0, 3), dtype=int))
    assert nothing.ranks().shape == nothing.conditions().shape == nothing.noise.shape == (0,)


def test_nothing_shared_gives_no_pairs() -> None:
    apart = Annotations.from_matrix([[0, -1], [-1, 1]])
    moments = pair_moments(apart)
    assert moments.pairs.shape == (0, 2)
    assert moments.singular_values.shape == (0, 2)
    assert triple_moments(apart, np.empty((0, 3), dtype=int)).counts.shape == (0, 2, 2, 2)


def test_all_triples_where_few_and_every_annotator_in_a_sample() -> None:
    annotations = random_votes(4, 80, 25, 0.25)
    everything = choose_triples(annotations, 10_000)
    assert everything.tolist() == [list(triple) for triple in combinations(range(25), 3)]
    sample = choose_triples(annotations, 40, random_state=0)
    assert 40 <= len(sample) < 60
    assert set(sample.ravel().tolist()) == set(range(25))
    assert (triple_moments(annotations, sample).triples == sample).all()  # all share an item
    np.testing.assert_array_equal(sample, choose_triples(annotations, 40, random_state=0))


def test_a_sample_where_no_item_has_three_annotators_is_empty() -> None:
    table = np.full((40, 40), -1)
    for i, (j, m) in enumerate(list(permutations(range(9), 2))[:40]):
        table[i, [j, m]] = 0
    annotations = Annotations.from_matrix(table, classes=[0, 1])
    assert choose_triples(annotations, 5).shape == (0, 3)


@pytest.mark.parametrize("bad", [[[0, 0, 1]], [[0, 1, 9]], [[-1, 0, 1]]])
def test_wrong_triples_are_refused(bad: list) -> None:
    with pytest.raises(ValueError, match="three different annotators"):
        triple_moments(random_votes(5, 5, 4, 1.0), bad)


@pytest.mark.parametrize("bad", [[1.0], [np.nan] * 5, [-1.0] * 5])
def test_wrong_weights_are_refused(bad: list) -> None:
    with pytest.raises(ValueError, match="item_weights must be 5 finite numbers"):
        pair_moments(random_votes(6, 5, 4, 1.0), item_weights=bad)


@pytest.mark.parametrize("bad", [[0], [9, 0, 0, 0, 0], [0.5] * 5, [-2] * 5])
def test_a_wrong_follower_is_refused(bad: list) -> None:
    with pytest.raises(ValueError, match="follower must hold one item code"):
        lagged_pair_moments(random_votes(7, 5, 4, 1.0), bad)


def test_wrong_groups_and_unlike_moments_are_refused() -> None:
    five, four = random_votes(8, 5, 4, 1.0), random_votes(8, 5, 3, 1.0)
    with pytest.raises(ValueError, match="group must hold one whole number"):
        group_vote_counts(five, [0, 1])
    with pytest.raises(ValueError, match="same annotators and classes"):
        pair_moments(five) + pair_moments(four)
    two = Annotations.from_matrix([[0, 1, 1]])
    with pytest.raises(ValueError, match="triple moments add up only over the same classes"):
        triple_moments(five, [[0, 1, 2]]) + triple_moments(two, [[0, 1, 2]])
