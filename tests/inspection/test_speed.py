from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from aggregate import Annotations
from aggregate.inspection import labelling_speed


def full(n_items=20, n_annotators=8):
    table = np.random.default_rng(0).integers(0, 2, (n_items, n_annotators))
    return Annotations.from_matrix(table, items=[f"i{i}" for i in range(n_items)])


def test_median_and_score_by_hand():
    votes = full(7, 6)
    base = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 1e-3])
    found = labelling_speed(votes, base[votes.annotator])
    np.testing.assert_allclose(found.seconds, base)
    logs = np.log(base)
    away = logs - np.median(logs)
    np.testing.assert_allclose(found.score, away / (1.4826 * np.median(abs(away))))
    assert found.fast.tolist() == [False] * 5 + [True]


def test_few_of_normal_speed_are_called_fast():
    random, called, votes = np.random.default_rng(0), [], full(5, 30)
    for _ in range(300):
        usual = np.exp(random.normal(2, 0.5, 30))
        called.append(labelling_speed(votes, usual[votes.annotator]).fast.mean())
    assert np.mean(called) < 0.003  # 0.0002 of a normal distribution, more as the spread is guessed


def test_unknown_and_degenerate_times():
    votes = full()
    alike = labelling_speed(votes, np.full(votes.n_annotations, 3.0))
    assert (alike.score == 0).all()
    assert not alike.fast.any()
    none = labelling_speed(votes, np.full(votes.n_annotations, np.nan))
    assert np.isnan(none.seconds).all()
    assert not none.fast.any()
    few = labelling_speed(full(4), np.ones(32))
    assert np.isnan(few.score).all()
    zero = labelling_speed(votes, np.where(votes.annotator == 0, 0.0, 2.0))
    assert zero.fast.tolist() == [True] + [False] * 7


def test_times_in_every_form_are_the_same():
    votes = full()
    seconds = np.random.default_rng(1).random(votes.n_annotations)
    items, who = votes.items[votes.item], votes.annotators[votes.annotator]
    order = np.random.default_rng(2).permutation(len(seconds))
    by_pair = {(items[e], who[e]): seconds[e] for e in order}
    columns = (items[order], who[order].tolist(), seconds[order])
    spans = [datetime.timedelta(seconds=value) for value in seconds.tolist()]
    expected = labelling_speed(votes, seconds).seconds
    for times in (by_pair, columns, spans, np.array(spans, dtype="timedelta64[us]")):
        np.testing.assert_allclose(labelling_speed(votes, times).seconds, expected, atol=1e-6)


def test_every_mark_of_missing_is_unknown():
    votes = full(1, 6)
    marks = [1.0, None, float("nan"), pd.NA, pd.NaT, np.timedelta64("NaT")]
    found = labelling_speed(votes, np.array(marks, dtype=object))
    assert found.n_labels.tolist() == [1, 0, 0, 0, 0, 0]
    assert found.seconds[0] == 1
    series = pd.Series([1, None, 3, 4, 5, 6], dtype="Int64")
    assert labelling_speed(votes, series).n_labels.tolist() == [1, 0, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("times", "error", "message"),
    [
        (np.ones(3), ValueError, "times must hold one value per label, 160, in the order of the"),
        (-np.ones(160), ValueError, "times must be seconds from 0 up; got -1.0"),
        (["now"] * 160, TypeError, "times must hold numbers, dates or durations; got the text"),
        ({"i0": 1.0}, TypeError, "times as a mapping needs keys"),
        ({("i99", 0): 1.0}, ValueError, "no .item, annotator. of times is among the annotations"),
        ((["i0"], [0, 1], [1.0]), ValueError, "columns of times must be of one length"),
    ],
)
def test_wrong_times_are_refused(times, error, message):
    with pytest.raises(error, match=message):
        labelling_speed(full(), times)
