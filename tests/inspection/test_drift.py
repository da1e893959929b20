from __future__ import annotations

import datetime

import numpy as np
import pytest

from aggregate import Annotations, DawidSkene, simulate_annotations
from aggregate.inspection import drift_test
from aggregate.inspection._consensus import agreement_with_others

COIN = np.array([[0.8, 0.2], [0.2, 0.8]])


def crowd(seed, n_items=300, n_annotators=15, per_item=6):
    confusion = np.full((n_annotators, 2, 2), COIN)
    return simulate_annotations(
        n_items, n_annotators, 2, labels_per_item=per_item, confusion=confusion, random_state=seed
    )


def with_drift(seed, before=0.9, after=0.6, n_items=900, n_annotators=24):
    """Draw a crowd whose first annotator falls from one accuracy to another half way."""
    drawn, random = crowd(seed, n_items, n_annotators), np.random.default_rng(seed)
    votes, order = drawn.annotations, random.random(drawn.annotations.n_annotations)
    mine = np.flatnonzero(votes.annotator == 0)
    chance = np.where(order[mine] < np.median(order[mine]), before, after)
    label, truth = votes.label.copy(), drawn.truth[votes.item[mine]]
    label[mine] = np.where(random.random(len(mine)) < chance, truth, 1 - truth)
    arrays = (votes.item_ptr, votes.annotator, label, votes.items, votes.annotators, votes.classes)
    return Annotations(*arrays), order


def slow_trend(rank, extra, group):
    """Return the trend standardised by the exact moments of reshuffling within groups."""
    trend, variance = 0.0, 0.0
    for each in set(group.tolist()):
        a, b = rank[group == each], extra[group == each]
        a, b = a - sum(a) / len(a), b - sum(b) / len(b)
        trend += sum(a * b)
        variance += sum(a * a) * sum(b * b) / max(len(a) - 1, 1)
    return trend / np.sqrt(variance)


def rejections(by_truth):
    """Return how often crowds without drift are below each level, and the standard errors."""
    p_values = []
    for seed in range(100):
        drawn = crowd(seed)
        votes = drawn.annotations
        order = np.random.default_rng(seed).random(votes.n_annotations)
        order += by_truth * drawn.truth[votes.item]
        p_values.append(drift_test(votes, DawidSkene().fit(votes), order).p_value)
    below = np.array(p_values)[..., np.newaxis] < [0.01, 0.05, 0.2, 0.5]
    by_crowd = below.mean(axis=1)  # annotators of one crowd judge each other
    return by_crowd.mean(axis=0), by_crowd.std(axis=0) / np.sqrt(len(by_crowd))


def test_the_level_holds():
    found, error = rejections(by_truth=False)
    assert (abs(found - [0.01, 0.05, 0.2, 0.5]) < 3 * error).all()


def test_an_order_sorted_by_class_makes_few_false_alarms():
    """Items that the others get wrong then lie together: 7 % in the place of 5 %."""
    found, _ = rejections(by_truth=True)
    assert (found < [0.03, 0.1, 0.3, 0.6]).all()


def test_a_fall_from_nine_to_six_in_ten_is_found():
    """225 labels and Bonferroni over 24 annotators: found in four of five crowds."""
    found, accused, change = [], [], []
    for seed in range(40):
        votes, order = with_drift(seed)
        test = drift_test(votes, DawidSkene().fit(votes), order)
        found.append(test.p_value[0] < 0.05 / 24)
        accused.append((test.p_value[1:] < 0.05 / 24).any())
        change.append(test.change[0])
    assert np.mean(found) >= 0.8
    assert np.mean(accused) <= 0.15  # 0.05 but for chance
    assert -0.3 < np.mean(change) < -0.15  # consensus is not the truth


def test_agreement_leaves_out_all_labels_by_the_annotator():
    votes = Annotations.from_columns(
        ["a", "a", "a", "a", "b", "b", "c"], [0, 0, 1, 2, 1, 2, 0], [0, 0, 1, 0, 1, 1, 1]
    )
    model = DawidSkene().fit(votes)
    found = agreement_with_others(votes, model)
    for e in range(votes.n_annotations):
        i, j = votes.item[e], votes.annotator[e]
        joint = np.log(model.class_prior_)
        others = [o for o in range(7) if votes.item[o] == i and votes.annotator[o] != j]
        for o in others:
            joint = joint + np.log(model.confusion_[votes.annotator[o], :, votes.label[o]])
        soft = np.exp(joint) / np.exp(joint).sum()
        assert found.agreement[e] == pytest.approx(soft[votes.label[e]])
        assert found.expected[e] == pytest.approx(soft @ model.confusion_[j] @ soft)
        assert found.consensus[e] == soft.argmax()
        assert found.has_others[e] == bool(others)


def test_ties_share_ranks_and_the_statistic_is_the_slow_one():
    votes = crowd(0).annotations
    order = np.random.default_rng(0).integers(0, 9, votes.n_annotations)
    model = DawidSkene().fit(votes)
    test, agreed = drift_test(votes, model, order), agreement_with_others(votes, model)
    mine = votes.annotator == 3
    place = order[mine]
    rank = np.array([(place < p).sum() + ((place == p).sum() + 1) / 2 for p in place])
    extra = (agreed.agreement - agreed.expected)[mine]
    assert test.statistic[3] == pytest.approx(slow_trend(rank, extra, agreed.consensus[mine]))
    assert drift_test(votes, model, -order).statistic[3] == pytest.approx(-test.statistic[3])
    np.testing.assert_allclose(drift_test(votes, model, order**3).p_value, test.p_value)


def test_dates_and_days_unknown():
    votes, order = with_drift(1)
    model = DawidSkene().fit(votes)
    whole = np.argsort(np.argsort(order))
    expected = drift_test(votes, model, whole)
    start = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
    dates = [start + datetime.timedelta(minutes=int(turn)) for turn in whole]
    np.testing.assert_allclose(drift_test(votes, model, dates).p_value, expected.p_value)
    plain = np.datetime64("2026-03-01") + whole.astype("timedelta64[m]")
    np.testing.assert_allclose(drift_test(votes, model, plain).p_value, expected.p_value)
    dates = np.where(votes.annotator == 5, np.datetime64("NaT"), plain)
    partly = drift_test(votes, model, dates)
    assert partly.n_labels[5] == 0
    assert np.isnan(partly.p_value[5])
    np.testing.assert_allclose(np.delete(partly.p_value, 5), np.delete(expected.p_value, 5))


@pytest.mark.parametrize(
    "table", [np.zeros((50, 3)), np.arange(50)[:, None] % 2, np.eye(2)[[0, 1, 1]]]
)
def test_nothing_to_tell_is_unknown(table):
    votes = Annotations.from_matrix(table.astype(int))
    test = drift_test(votes, DawidSkene().fit(votes), votes.item)
    assert np.isnan(test.p_value).all()
    same = drift_test(votes, DawidSkene().fit(votes), np.zeros(votes.n_annotations))
    assert np.isnan(same.p_value).all()


def test_gold_is_the_consensus_where_it_is_known():
    truth, turn = np.arange(100) % 2, np.arange(100)
    own = np.where((turn > 50) & (turn % 2 == 0), 1 - truth, truth)
    votes = Annotations.from_matrix(own[:, np.newaxis])
    model = DawidSkene().fit(votes, gold=truth)
    assert np.isnan(drift_test(votes, model, votes.item).p_value[0])
    known = drift_test(votes, model, votes.item, gold=truth)
    assert known.p_value[0] < 1e-4
    assert known.change[0] == pytest.approx(-0.5, abs=0.05)
