from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

from aggregate import _blocks
from aggregate._blocks import count_threads, fill_blocks, item_blocks, run_blocks


def pointers(n_labels):
    return np.concatenate(([0], np.cumsum(n_labels))).astype(np.int64)


class TestItemBlocks:
    @pytest.mark.parametrize(
        "n_labels",
        [
            np.full(100_000, 5),
            np.random.default_rng(0).integers(0, 9, size=100_000),
            np.append(np.zeros(1000, dtype=int), np.full(50_000, 6)),
            np.append(np.full(50_000, 6), np.zeros(1000, dtype=int)),
            np.array([10, 5_000_000, 10]),
        ],
        ids=["even", "ragged", "empty first", "empty last", "one giant"],
    )
    def test_every_item_is_in_one_block(self, n_labels):
        bounds = item_blocks(pointers(n_labels))
        assert bounds[0] == 0
        assert bounds[-1] == len(n_labels)
        assert (np.diff(bounds) > 0).all()
        assert len(bounds) <= 17

    def test_blocks_hold_about_equally_many_annotations(self):
        ptr = pointers(np.random.default_rng(1).integers(0, 9, size=600_000))
        bounds = item_blocks(ptr)
        held = np.diff(ptr[bounds])
        assert len(held) == 16
        assert held.max() - held.min() < 20

    def test_never_more_than_16(self):
        assert len(item_blocks(pointers(np.full(10, 10**8)))) == 11
        assert len(item_blocks(pointers(np.full(10**5, 1000)))) == 17

    @pytest.mark.parametrize("n_items", [1, 10**5, 2 * 10**5, 4 * 10**5, 10**6])
    def test_two_threads_share_them_evenly(self, n_items):
        n_blocks = len(item_blocks(pointers(np.full(n_items, 4)))) - 1
        assert n_blocks in (1, 2, 4, 8, 16)

    def test_large_tables_make_fewer_blocks(self):
        ptr = pointers(np.full(400_000, 5))
        assert len(item_blocks(ptr)) == 9
        assert len(item_blocks(ptr, table_size=800_000)) == 3
        assert len(item_blocks(ptr, table_size=10**9)) == 2

    @pytest.mark.parametrize("n_items", [0, 1, 3])
    def test_without_annotations(self, n_items):
        bounds = item_blocks(np.zeros(n_items + 1, dtype=np.int64))
        assert bounds.tolist() == sorted({0, n_items})


class TestCountThreads:
    def test_counts(self, monkeypatch):
        if hasattr(os, "sched_getaffinity"):
            monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
        else:
            monkeypatch.setattr(os, "cpu_count", lambda: 8)
        counted = [count_threads(n) for n in (None, 1, 5, np.int64(2), -1, -2, -8, -20)]
        assert counted == [1, 1, 5, 2, 8, 7, 1, 1]

    @pytest.mark.parametrize("has_count", [4, None])
    def test_without_affinity(self, monkeypatch, has_count):
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
        monkeypatch.setattr(os, "cpu_count", lambda: has_count)
        assert count_threads(-1) == (has_count or 1)

    @pytest.mark.parametrize("n_jobs", [0, True, 1.5, "2"])
    def test_refuses_what_is_no_number_of_threads(self, n_jobs):
        with pytest.raises(ValueError, match=r"n_jobs must be None or a whole number other than 0"):
            count_threads(n_jobs)


class TestRunBlocks:
    @pytest.mark.parametrize("n_jobs", [None, 1, 2, 3, 16])
    def test_yields_in_the_order_of_the_blocks(self, n_jobs):
        def slow_first(first, last):
            time.sleep(0.02 if first == 0 else 0)
            return first, last

        bounds = np.array([0, 3, 5, 6, 10])
        assert list(run_blocks(slow_first, bounds, n_jobs)) == [(0, 3), (3, 5), (5, 6), (6, 10)]

    def test_without_blocks(self):
        assert list(run_blocks(lambda first, last: 1, np.array([0]), 4)) == []

    def test_results_do_not_pile_up(self):
        """A consumer that falls behind holds the workers back."""
        started = []

        def task(first, last):
            started.append(first)

        results = run_blocks(task, np.arange(50), 2)
        next(results)
        time.sleep(0.05)
        assert len(started) <= 3
        list(results)
        assert len(started) == 49

    def test_uses_threads_when_asked(self):
        here = threading.get_ident()
        bounds = np.arange(5)
        alone = set(run_blocks(lambda *_: threading.get_ident(), bounds, None))
        assert alone == {here}
        assert here not in set(run_blocks(lambda *_: threading.get_ident(), bounds, 2))

    @pytest.mark.parametrize("n_jobs", [None, 2])
    @pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
    def test_passes_errors_on_and_leaves_no_thread(self, n_jobs, error):
        def task(first, last):
            if first == 3:
                raise error("third")

        before = threading.active_count()
        with pytest.raises(error, match="third"):
            list(run_blocks(task, np.arange(8), n_jobs))
        assert threading.active_count() == before


def test_fill_blocks_runs_every_block():
    out = np.zeros(10)

    def task(first, last):
        out[first:last] += 1

    fill_blocks(task, np.array([0, 4, 10]), 2)
    assert (out == 1).all()


def test_the_number_of_blocks_does_not_depend_on_the_threads():
    """It is what makes results equal to the last bit: `item_blocks` never hears of n_jobs."""
    assert "n_jobs" not in _blocks.item_blocks.__code__.co_varnames
