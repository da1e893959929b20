"""Passes over items: patterns in place of items, tables used again, row numbers beyond 2^31."""

from __future__ import annotations

import itertools
import mmap
import sys

import numpy as np
import pytest

from aggregate import DawidSkene, _blocks
from aggregate._tables import row_codes, to_table
from aggregate.models import _one_table, _passes, _patterns
from aggregate.models._em import Counts, State
from aggregate.models._passes import Passes, block_counts
from tests import naive, problems

NO_RESERVE = 0x4000  # the flag of Linux; Python names it from 3.12 on


def passes_over(votes, gold=None, n_jobs=None):
    code = row_codes(votes.annotator, votes.label, votes.n_annotators, votes.n_classes)
    return Passes(votes, code, gold, n_jobs)


def state_of(votes, seed=0):
    confusion, prior = problems.random_parameters(seed, votes.n_annotators, votes.n_classes)
    return State(prior, to_table(confusion))


def few_patterns(n_classes=3, n_items=400):
    """Three annotators on every item but the first, which has none."""
    votes = problems.planted(0, n_items=n_items, n_annotators=3, n_classes=n_classes, per_item=3)
    entries = np.array(problems.triples(votes.votes)).T
    kept = entries[:, entries[0] > 0]
    return problems.from_codes(*kept, (n_items, 3, n_classes))


def assert_close(one, other):
    np.testing.assert_allclose(one.table, other.table, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(one.mass, other.mass, rtol=1e-11)
    assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-12)


class TestPatterns:
    @pytest.fixture(autouse=True)
    def even_when_small(self, monkeypatch):
        monkeypatch.setattr(_patterns, "_FEWEST_ANNOTATIONS", 0)

    @pytest.mark.parametrize("n_classes", [2, 3])
    @pytest.mark.parametrize("known", [False, True])
    @pytest.mark.parametrize("sample", [20, 1000])
    def test_give_the_counts_of_the_items(self, n_classes, known, sample, monkeypatch):
        monkeypatch.setattr(_patterns, "_SAMPLE", sample)
        monkeypatch.setattr(_patterns, "_SAMPLE_SHARE", 1.0)
        votes = few_patterns(n_classes)
        gold = np.where(np.arange(votes.n_items) % 3 == 0, 1, -1).astype(np.int32)
        gold = gold if known else None
        passes = passes_over(votes, gold)
        assert len(passes.visits.weight) <= votes.n_items / 4
        whole = block_counts(votes.item_ptr, passes.code, gold, state_of(votes))
        assert_close(passes.expect(state_of(votes)), whole)

    def test_are_left_alone_where_they_are_many(self):
        votes = problems.planted(1, n_annotators=40).votes
        assert len(passes_over(votes).visits.weight) == 0

    def test_are_left_alone_where_the_sample_says_so(self, monkeypatch):
        """Of every third item each has a pattern of its own; the others are all alike."""
        monkeypatch.setattr(_patterns, "_SAMPLE", 20)
        item = np.arange(60)
        annotator = np.where(item % 3 == 0, item, 0)
        votes = problems.from_codes(item, annotator, np.zeros(60), (60, 60, 2))
        assert len(passes_over(votes).visits.weight) == 0
        monkeypatch.setattr(_patterns, "_SAMPLE", 60)
        monkeypatch.setattr(_patterns, "_SHARE", 0.5)
        assert len(passes_over(votes).visits.weight) == 20

    def test_change_no_fit(self, monkeypatch):
        votes = few_patterns()
        options = {"max_iter": 30, "tol": 0}
        merged = DawidSkene(**options).fit(votes)
        monkeypatch.setattr(_patterns, "_FEWEST_ANNOTATIONS", 10**9)
        apart = DawidSkene(**options).fit(votes)
        np.testing.assert_allclose(merged.confusion_, apart.confusion_, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(merged.probas_, apart.probas_, rtol=1e-8, atol=1e-10)

    @pytest.mark.parametrize("n_jobs", [2, 3])
    def test_are_the_same_for_any_number_of_threads(self, n_jobs, monkeypatch):
        monkeypatch.setattr(_blocks, "_ANNOTATIONS_PER_BLOCK", 10)
        votes = few_patterns()
        one, other = (passes_over(votes, None, n).expect(state_of(votes)) for n in (1, n_jobs))
        for got, wanted in zip(one, other, strict=True):
            np.testing.assert_array_equal(got, wanted)


def test_without_annotations():
    votes = problems.from_codes([], [], [], (3, 2, 2))
    counts = passes_over(votes).expect(state_of(votes))
    assert counts.log_likelihood == counts.table.sum() == counts.mass.sum() == 0


@pytest.mark.parametrize("n_jobs", [None, 3])
def test_tables_used_again_hold_nothing_of_the_block_before(n_jobs, monkeypatch):
    monkeypatch.setattr(_blocks, "_ANNOTATIONS_PER_BLOCK", 50)
    votes = problems.planted(3).votes
    state = state_of(votes)
    posterior, value = naive.e_step(
        problems.triples(votes), to_confusion(state.table), state.prior, votes.n_items
    )
    table, mass = naive.counts(problems.triples(votes), posterior, votes.n_annotators)
    passes = passes_over(votes, None, n_jobs)
    for counts in (passes.expect(state), passes.expect(state), passes.count(posterior)):
        np.testing.assert_allclose(to_confusion(counts.table), table, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(counts.mass, mass, rtol=1e-10)
    assert passes.expect(state).log_likelihood == pytest.approx(value)


class TestOneTable:
    @pytest.fixture(autouse=True)
    def even_when_small(self, monkeypatch):
        monkeypatch.setattr(_one_table, "_LARGE", 0)
        monkeypatch.setattr(_one_table, "_FEWEST", 0)
        monkeypatch.setattr(_one_table, "_ITEMS", 7)

    @pytest.mark.parametrize("n_jobs", [None, 2, 5])
    @pytest.mark.parametrize("n_classes", [2, 3, 70])
    @pytest.mark.parametrize("in_round", [20, 100, 10**6])
    def test_gives_what_tables_of_blocks_give(self, n_classes, in_round, n_jobs, monkeypatch):
        monkeypatch.setattr(_one_table, "_ROUND", 8 * n_classes * in_round)
        votes = problems.ragged(3, 500, 90, n_classes, n_labels=2000)
        gold = np.where(np.arange(votes.n_items) % 5 == 0, 1, -1).astype(np.int32)
        passes, state = passes_over(votes, gold, n_jobs), state_of(votes)
        assert _one_table.takes_one_table(len(votes.label), passes.shape)
        found = passes.expect(state)
        again = passes.expect(state)
        serial = passes_over(votes, gold).expect(state)
        monkeypatch.setattr(_one_table, "_LARGE", 10**9)
        monkeypatch.setattr(_blocks, "_ANNOTATIONS_PER_BLOCK", 50)
        by_blocks = passes_over(votes, gold).expect(state)
        for got, other, wanted in zip(found, again, serial, strict=True):
            np.testing.assert_array_equal(got, wanted)
            np.testing.assert_array_equal(other, wanted)
        for got, wanted in zip(found, by_blocks, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-13)

    def test_rounds_hold_every_item_once(self, monkeypatch):
        votes = problems.ragged(3, n_items=500, n_labels=2000)
        monkeypatch.setattr(_one_table, "_ROUND", 8 * votes.n_classes * 15)
        passes = passes_over(votes)
        table = _one_table.OneTable(passes.visits, passes.shape, 2)
        bounds = list(table.rounds())
        assert len(bounds) == -(-500 // 15)
        assert bounds[0][0] == 0
        assert bounds[-1][-1] == 500
        assert all(one[-1] == other[0] for one, other in itertools.pairwise(bounds))
        assert all((np.diff(inner) > 0).all() for inner in bounds)

    def test_is_left_where_annotators_have_many_labels(self):
        assert _one_table.takes_one_table(31, (1, 2))
        assert not _one_table.takes_one_table(32, (1, 2))

    @pytest.mark.parametrize("n_jobs", [None, 2])
    def test_without_annotations(self, n_jobs):
        votes = problems.from_codes([], [], [], (3, 2, 2))
        counts = passes_over(votes, None, n_jobs).expect(state_of(votes))
        assert counts.log_likelihood == counts.table.sum() == counts.mass.sum() == 0

    def test_a_fit_is_the_same_for_any_number_of_threads(self, monkeypatch):
        monkeypatch.setattr(_one_table, "LABELS_PER_ROW", 10**6)
        votes = problems.planted(2).votes
        one, other = (DawidSkene(n_jobs=n).fit(votes) for n in (None, 3))
        np.testing.assert_array_equal(one.confusion_, other.confusion_)
        np.testing.assert_array_equal(one.objective_path_, other.objective_path_)


def test_tables_on_cache_lines_are_not_copied():
    votes = problems.ragged(3, n_classes=4, n_items=500, n_labels=2000)
    passes, state = passes_over(votes), state_of(votes)
    table = _passes.aligned_zeros(state.table.shape)
    assert passes._on_cache_lines(table) is table
    off = np.zeros(table.size + 9)
    start = 1 + (-(off.ctypes.data // 8) % 8)
    shifted = off[start : start + table.size].reshape(table.shape)
    moved = passes._on_cache_lines(shifted)
    assert moved is not shifted
    assert moved.ctypes.data % 64 == 0


def to_confusion(table):
    n_classes = table.shape[1]
    return table.reshape(-1, n_classes, n_classes).transpose(0, 2, 1)


def sparse_zeros(shape, dtype):
    """Return zeros of which only those looked at take memory."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NO_RESERVE
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer(mmap.mmap(-1, n_bytes, flags=flags), dtype=dtype).reshape(shape)


@pytest.mark.skipif(sys.platform != "linux", reason="needs memory on demand")
class TestBeyond32Bits:
    """Tables and lists of labels with more entries than a 32-bit integer can count."""

    @pytest.mark.parametrize("n_classes", [2, 20])
    def test_of_a_table(self, n_classes):
        n_rows = (2**31 + 2**20) // n_classes
        near, far = n_rows % 2**19, n_rows - 1
        table, counts = (sparse_zeros((n_rows, n_classes), np.float64) for _ in range(2))
        random = np.random.default_rng(0)
        table[[near, far]] = random.dirichlet(np.ones(n_classes), size=2)
        prior = random.dirichlet(np.ones(n_classes))
        code = np.array([near, far], dtype=np.uint32)
        state, into = State(prior, table), np.zeros(n_classes)
        item_ptr = np.array([0, 2])
        found = block_counts(item_ptr, code, None, state, into=Counts(into, counts, 0.0))
        joint = prior * table[near] * table[far]
        assert found.log_likelihood == pytest.approx(np.log(joint.sum()))
        np.testing.assert_allclose(counts[[near, far]], [joint / joint.sum()] * 2, rtol=1e-12)

    def test_of_the_labels(self):
        code = sparse_zeros(2**31 + 10, np.uint32)
        code[2**31 + 4 : 2**31 + 7] = 0, 3, 1
        item_ptr = np.array([2**31 + 4, 2**31 + 6, 2**31 + 7])
        table = np.array([[0.9, 0.2], [0.1, 0.8], [0.7, 0.4], [0.3, 0.6]])
        prior = np.array([0.3, 0.7])
        far = block_counts(item_ptr, code, None, State(prior, table))
        near = block_counts(
            np.array([0, 2, 3]), code[2**31 + 4 :].copy(), None, State(prior, table)
        )
        for got, wanted in zip(far, near, strict=True):
            np.testing.assert_array_equal(got, wanted)
