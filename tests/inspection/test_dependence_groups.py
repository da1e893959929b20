"""Sets of copiers that could pass for the truth: found or refused, and nobody else is accused."""

from __future__ import annotations

import numpy as np
import pytest

from aggregate import Annotations, dependence_report, simulate_annotations, spammer_report
from aggregate.inspection import pooled_test


def crowd(seed, n_classes, accuracy, per_item, n_items):
    """Return votes of independent annotators, -1 where missing."""
    accuracy = np.asarray(accuracy, dtype=float)
    confusion = np.empty((len(accuracy), n_classes, n_classes))
    for j, right in enumerate(accuracy):
        confusion[j] = (1 - right) / (n_classes - 1)
        np.fill_diagonal(confusion[j], right)
    return simulate_annotations(
        n_items, len(accuracy), n_classes,
        labels_per_item=per_item, confusion=confusion, random_state=seed,
    ).annotations.to_matrix()  # fmt: skip


def mixed(seed, n_annotators):
    """Return accuracies between 55 and 95 %, those of the first few 75 %."""
    accuracy = np.random.default_rng(seed).uniform(0.55, 0.95, n_annotators)
    accuracy[:5] = 0.75
    return accuracy


def copied(table, copiers, rate, seed):
    """Let some copy a share of the labels of annotator 0, on the same items."""
    table = table.copy()
    where = np.random.default_rng(seed).random(len(table)) < rate
    for copier in copiers:
        table[where, copier] = table[where, 0]
    return table


def report_of(table, n_classes, **options):
    return dependence_report(Annotations.from_matrix(table, classes=range(n_classes)), **options)


def inside(report, most):
    return [max(pair) <= most for pair in report.copiers]


@pytest.mark.parametrize("n_items", [60, 300])
def test_three_of_five_are_refused_and_the_other_two_not_accused(n_items):
    for seed in range(6):
        table = copied(crowd(seed, 2, mixed(seed, 5), 5, n_items), (1, 2), 1.0, seed)
        report = report_of(table, 2)
        assert report.copiers == []
        if report.undecided:
            assert [group.tolist() for group in report.undecided] == [[0, 1, 2]]
            assert "cannot be told: whether 0, 1, 2 copy, or those beside them" in str(report)
            assert report.n_effective == pytest.approx(5)
        else:
            assert n_items == 60


def test_four_annotators_are_never_told_apart():
    for seed in range(4):
        table = copied(crowd(seed, 3, mixed(seed, 4), 4, 400), (1,), 1.0, seed)
        assert report_of(table, 3).copiers == []


@pytest.mark.parametrize(
    ("n_classes", "n_annotators", "per_item", "n_items", "copiers", "rate"),
    [
        (2, 10, 10, 250, (1, 2, 3), 0.7),
        (3, 10, 5, 600, (1, 2, 3), 0.7),
        (2, 20, 3, 4000, (1, 2), 1.0),
        (3, 20, 2, 5000, (1, 2), 1.0),
        (2, 20, 5, 1000, (1, 2, 3, 4), 1.0),
        (2, 60, 5, 7000, (1, 2), 1.0),
        (2, 60, 5, 7000, (1, 2, 3), 0.7),
    ],
)
def test_sets_of_copiers_are_found_and_nobody_else(
    n_classes, n_annotators, per_item, n_items, copiers, rate
):
    """What the majority of an item's labels say may all be one annotator's."""
    found = 0
    for seed in range(2):
        table = crowd(seed, n_classes, mixed(seed, n_annotators), per_item, n_items)
        report = report_of(copied(table, copiers, rate, seed), n_classes)
        assert all(inside(report, max(copiers)))
        found += bool(report.copiers)
    assert found >= 1


def test_copies_are_found_without_leaving_everybody_out():
    table = copied(crowd(1, 3, [0.75] * 20, 6, 800), (1, 2), 1.0, 1)
    quick = report_of(table, 3, leave_out=False)
    assert set(quick.copiers) == {(0, 1), (0, 2), (1, 2)}
    assert not quick.left_out


@pytest.mark.parametrize(
    ("n_annotators", "n_experts", "per_item", "n_items"),
    [(6, 2, 6, 400), (8, 3, 8, 400), (10, 4, 10, 600), (20, 5, 5, 1000)],
)
def test_experts_among_guessers_are_not_accused(n_annotators, n_experts, per_item, n_items):
    accuracy = [0.98] * n_experts + [0.6] * (n_annotators - n_experts)
    for seed in range(3):
        report = report_of(crowd(seed, 2, accuracy, per_item, n_items), 2)
        assert report.copiers == []
        assert report.undecided == []
        experts = (report.pairs.codes < n_experts).all(axis=1)
        assert (report.pairs.p_value[experts] > 1e-4).all()


def test_the_two_reports_agree():
    seen = []
    for seed in range(3):
        table = copied(crowd(seed, 2, mixed(seed, 12), 12, 200), (1,), 0.8 if seed else 0.0, seed)
        votes = Annotations.from_matrix(table)
        report = spammer_report(votes, level=0.1)
        assert report.colluders == dependence_report(votes, level=0.1).copiers
        np.testing.assert_array_equal(report.group, report.dependence.group)
        assert report.pairs is report.dependence.pairs
        np.testing.assert_allclose(report.p_value, pooled_test(votes).p_value)
        seen.append(report.colluders)
    assert seen == [[], [(0, 1)], [(0, 1)]]


def test_spammer_report_accuses_pairs_at_most_at_the_stated_rate():
    alarms = []
    for seed in range(12):
        table = crowd(seed, 2, mixed(seed, 10), 5, 200)
        alarms.append(len(spammer_report(Annotations.from_matrix(table), level=0.2).colluders) > 0)
    assert np.mean(alarms) <= 0.2 + 2 * np.sqrt(0.2 * 0.8 / 12)
