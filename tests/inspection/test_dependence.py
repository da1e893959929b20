"""Copiers, groups and effective numbers against planted crowds and plain arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from aggregate import (
    GLAD,
    Annotations,
    DawidSkene,
    DependentGroups,
    dependence_report,
    simulate_annotations,
)
from aggregate.inspection._copying import RATES, copying, log_odds, mean_rate, ordinary_rates
from aggregate.inspection._independent_count import crowd_worth, group_rates, item_worth, worth


def table_of(seed, n_classes, n_annotators, per_item, shared):
    """Return votes of independent annotators, pairs sharing about so many items, -1 missing."""
    n_items = int(np.ceil(shared * n_annotators * (n_annotators - 1) / (per_item * (per_item - 1))))
    crowd = simulate_annotations(
        n_items, n_annotators, n_classes, labels_per_item=per_item, random_state=seed
    )
    return crowd.annotations.to_matrix()


def plant(table, source, copier, rate, seed):
    """Let one annotator repeat a share of another's labels."""
    random = np.random.default_rng(seed)
    table = table.copy()
    both = (table[:, source] >= 0) & (table[:, copier] >= 0) & (random.random(len(table)) < rate)
    table[both, copier] = table[both, source]
    return table


def report_of(table, n_classes, **options):
    return dependence_report(
        Annotations.from_matrix(table, classes=range(n_classes)),
        DawidSkene(max_iter=300, tol=1e-5),
        **options,
    )


DESIGNS = [(2, 8, 8, 50), (2, 20, 3, 20), (3, 12, 6, 100), (4, 6, 6, 20), (4, 10, 2, 50)]


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("control", ["family-wise", "false discovery"])
def test_independent_crowds_are_accused_at_most_at_the_stated_rate(design, control):
    runs = 16 if control == "family-wise" else 8
    alarms = [
        len(report_of(table_of(seed, *design), design[0], level=0.2, control=control).copiers) > 0
        for seed in range(runs)
    ]
    assert np.mean(alarms) <= 0.2 + 2 * np.sqrt(0.2 * 0.8 / runs)


def test_the_mean_of_the_evidence_is_one_without_copying():
    """With the true confusions, E[likelihood ratio] = 1 for every rate, few items or many."""
    confusion = np.array([[[0.8, 0.2], [0.3, 0.7]], [[0.7, 0.3], [0.1, 0.9]], [[0.6, 0.4]] * 2])
    prior = np.array([0.6, 0.4])
    pairs = np.array([[0, 1]], dtype=np.int32)
    ratios, chances = [], []
    for labels in np.ndindex(2, 2, 2):
        votes = Annotations.from_matrix([labels], classes=[0, 1])
        found = copying(votes, confusion, prior, pairs, 0.7)
        ratios.append(np.exp(found.odds[0]))
        chances.append(sum(
            prior[k] * np.prod([confusion[j, k, labels[j]] for j in range(3)]) for k in range(2)
        ))  # fmt: skip
    assert sum(chances) == pytest.approx(1)
    np.testing.assert_allclose(np.array(chances) @ np.array(ratios), 1)
    higher = np.array(ratios)[:, RATES > 0.1] / np.array(ratios)[:, RATES == 0.1]
    assert (np.array(chances) @ higher <= 1).all()  # lower rates than the ordinary are covered


@pytest.mark.parametrize(("rate", "least"), [(1.0, 0.9), (0.7, 0.75)])
@pytest.mark.parametrize("design", [(2, 8, 8, 200), (3, 12, 5, 100), (2, 5, 5, 300)])
def test_planted_copiers_are_found_and_nobody_else(design, rate, least):
    found, others = 0, 0
    for seed in range(10):
        copied = plant(table_of(seed, *design), 0, 1, rate, seed)
        copiers = report_of(copied, design[0]).copiers
        found += (0, 1) in copiers
        others += len(copiers) > ((0, 1) in copiers)
    assert found >= least * 10
    assert others <= 2


def test_three_copies_of_one_annotator_count_about_once():
    table = table_of(1, 3, 20, 6, 100)
    for copier in (1, 2):
        table[:, copier] = table[:, 0]
    report = report_of(table, 3)
    assert set(report.copiers) == {(0, 1), (0, 2), (1, 2)}
    assert [group.tolist() for group in report.members] == [[0, 1, 2]]
    assert report.group_effective[0] == pytest.approx(1, abs=0.05)
    assert report.n_effective == pytest.approx(18, abs=0.1)
    only = (table[:, 0] >= 0) & (report.item_labels == 3)
    copies_alone = (table[:, 3:] < 0).all(axis=1) & only
    np.testing.assert_allclose(report.item_effective[copies_alone], 1, atol=0.05)
    assert report.group[:4].tolist() == [0, 0, 0, -1]
    assert "group of 3, worth 1.0: 0, 1, 2" in str(report)
    assert report.to_table("groups")["members"].tolist() == [3]


def test_hard_items_do_not_make_copiers():
    for seed in range(3):
        votes = simulate_annotations(
            1500, 25, 3, labels_per_item=5, hard_items=0.4, random_state=seed
        ).annotations
        assert dependence_report(votes).copiers == []


def test_order_and_names_do_not_matter():
    table = plant(table_of(3, 3, 10, 5, 80), 0, 1, 1.0, 3)
    random = np.random.default_rng(0)
    items, annotators = np.nonzero(table >= 0)
    labels = table[items, annotators]
    plain = dependence_report(Annotations.from_columns(items, annotators, labels))
    order = random.permutation(len(items))
    names = np.array([f"n{name:02d}" for name in random.permutation(10)])
    renamed = np.array(["c", "a", "b"])[labels]
    other = dependence_report(
        Annotations.from_columns(items[order], names[annotators[order]], renamed[order])
    )
    assert [{names[j] for j in pair} for pair in plain.copiers] == [
        set(pair) for pair in other.copiers
    ]
    assert other.n_effective == pytest.approx(plain.n_effective, rel=1e-3)
    p_values = {
        frozenset(pair): p
        for *pair, p in zip(*(other.to_table()[c] for c in ("annotator", "other", "p_value")),
                            strict=True)
    }  # fmt: skip
    for j, m, p in zip(*plain.pairs.codes.T, plain.pairs.p_value, strict=True):
        assert p_values[frozenset((names[j], names[m]))] == pytest.approx(p, rel=0.01, abs=1e-6)


def test_unknown_where_items_are_few_or_annotators_perfect():
    few = report_of(table_of(0, 2, 6, 6, 15), 2)
    assert len(few.pairs.codes) == 0
    assert "unknown, as pairs share too few items" in str(few)
    truth = np.random.default_rng(0).integers(0, 2, 30)
    perfect = report_of(np.repeat(truth[:, np.newaxis], 6, axis=1), 2)
    assert set(perfect.pairs.verdict) == {"unknown"}
    assert perfect.copiers == []


@pytest.mark.parametrize("votes", [
    [[0, -1], [1, -1]], [[0, 0, 0]] * 50, [[0, 1], [1, 0]], [[0] * 600, [1] * 600],
])  # fmt: skip
def test_degenerate_crowds_are_answered(votes):
    report = dependence_report(Annotations.from_matrix(votes))
    assert report.copiers == []
    assert np.isfinite(report.item_effective).all()
    assert np.isfinite(report.n_effective)
    assert "unknown" in str(report)


def test_no_labels_and_empty_items():
    nothing = dependence_report(Annotations.from_matrix([[-1, -1]], classes=[0, 1]))
    assert nothing.n_effective == 0
    assert nothing.item_effective.tolist() == [0]
    assert "no pairs" in str(nothing)


def test_repeats_by_one_annotator_count_once():
    random = np.random.default_rng(0)
    table = table_of(0, 2, 6, 6, 100)
    items, annotators = np.nonzero(table >= 0)
    labels = table[items, annotators]
    twice = [np.tile(column, 3) for column in (items, annotators, labels)]
    order = random.permutation(len(twice[0]))
    report = dependence_report(Annotations.from_columns(*(column[order] for column in twice)))
    np.testing.assert_allclose(report.pairs.shared, 100)
    np.testing.assert_allclose(report.item_effective, 6)
    assert report.copiers == []


def test_clusters_find_what_pairs_cannot():
    table = table_of(0, 2, 9, 9, 500)
    for copier in (1, 2, 3):
        table = plant(table, 0, copier, 0.9, copier)
    report = report_of(table, 2, groups="clusters")
    model = DependentGroups().fit(Annotations.from_matrix(table))
    np.testing.assert_array_equal(report.group, model.group_)
    again = dependence_report(Annotations.from_matrix(table), model, groups="clusters")
    np.testing.assert_array_equal(again.group, model.group_)


def naive_worth(groups, rates, background):
    """Return 1' R⁻¹ 1 of the annotators with these groups."""
    size = len(groups)
    matrix = np.full((size, size), background)
    for a in range(size):
        for b in range(size):
            if groups[a] == groups[b] >= 0:
                matrix[a, b] = max(rates[groups[a]], background)
            if a == b:
                matrix[a, b] = 1.0
    return np.linalg.inv(matrix).sum()


@pytest.mark.parametrize("background", [0.0, 0.15, 0.4])
def test_effective_numbers_invert_the_correlation_matrix(background):
    random = np.random.default_rng(0)
    groups = np.array([0, 0, -1, 1, 1, 1, -1, -1, 0], dtype=np.int32)
    rates = np.array([0.6, 0.9])
    table = np.where(random.random((40, 9)) < 0.5, random.integers(0, 2, (40, 9)), -1)
    votes = Annotations.from_matrix(table, annotators=range(9))
    expected = [
        naive_worth(groups[row >= 0], rates, background) if (row >= 0).any() else 0 for row in table
    ]
    np.testing.assert_allclose(item_worth(votes, groups, rates, background), expected)
    assert crowd_worth(np.ones(9, dtype=bool), groups, rates, background) == pytest.approx(
        naive_worth(groups, rates, background)
    )
    assert worth(np.array([3]), np.array([0.5]))[0] == pytest.approx(
        naive_worth([0, 0, 0], [0.5], 0.0)
    )


def test_group_rates_are_means_over_pairs():
    groups = np.array([0, 0, 0, 1, 1, -1], dtype=np.int32)
    pairs = np.array([[0, 1], [0, 2], [0, 3], [1, 5]], dtype=np.int32)
    rate = np.array([0.9, 0.5, 0.1, 0.1])
    assert group_rates(groups, pairs, rate, 0.2).tolist() == pytest.approx([0.7, 0.2])


def test_rates_follow_the_evidence():
    flat = np.zeros((1, len(RATES)))
    assert mean_rate(flat)[0] == pytest.approx(0.5, abs=0.05)
    sharp = np.where(RATES == 0.3, 50.0, 0.0)[np.newaxis]
    assert mean_rate(sharp)[0] == pytest.approx(0.3)
    assert log_odds(sharp, 0.3)[0] < -40
    assert log_odds(flat, RATES[-1])[0] == -np.inf


def test_what_most_pairs_show_is_ordinary():
    towards = np.log1p(-np.square(RATES - 0.1)) * 4000  # the likeliest rate is 0.1
    odds = np.tile(towards - towards[0], (40, 1))
    usual, most = ordinary_rates(odds)
    assert 0.05 <= usual <= 0.1
    assert most >= usual
    assert ordinary_rates(odds[:10]) == (0.0, 0.0)
    few = np.vstack([np.tile(-RATES, (32, 1)), odds[:8]])
    assert ordinary_rates(few) == (0.0, 0.0)


def test_refusals():
    votes = Annotations.from_matrix(table_of(0, 3, 5, 5, 60))
    with pytest.raises(TypeError, match="dependence_report needs a model with confusion"):
        dependence_report(votes, GLAD())
    with pytest.raises(ValueError, match="control"):
        dependence_report(votes, control="none")
    with pytest.raises(ValueError, match="level"):
        dependence_report(votes, level=0)
    with pytest.raises(ValueError, match="annotator_correlation"):
        dependence_report(votes, annotator_correlation=2)
    half = dependence_report(votes, annotator_correlation=0.4)
    np.testing.assert_allclose(half.item_effective, 5 / (1 + 4 * 0.4))
    with pytest.raises(ValueError, match="what"):
        half.to_table("classes")


def test_tables_have_a_row_for_each():
    report = report_of(table_of(0, 2, 6, 6, 60), 2)
    sizes = {"pairs": 15, "annotators": 6, "groups": 0, "items": 60}
    for what, size in sizes.items():
        assert {len(column) for column in report.to_table(what).values()} == {size}
