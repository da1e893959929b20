from __future__ import annotations

import numpy as np
import pytest

from aggregate import GLAD, Annotations, DawidSkene, simulate_annotations, spammer_report
from aggregate.inspection import (
    expected_cost_quality,
    pair_residuals,
    pooled_test,
    spammer_scores,
)

HONEST = {2: [[0.85, 0.15], [0.25, 0.75]], 3: [[0.8, 0.1, 0.1], [0.1, 0.7, 0.2], [0.2, 0.1, 0.7]]}
NO_PAIRS = 10**6  # items in common: none is compared, which saves fits and changes nothing else


def crowd(seed, n_classes=3, n_items=600, n_annotators=30, per_item=8, spammers=4):
    """Draw a crowd whose first annotators label whatever the item."""
    random = np.random.default_rng(seed)
    confusion = np.full((n_annotators, n_classes, n_classes), HONEST[n_classes])
    for j in range(spammers):
        confusion[j] = random.dirichlet(np.full(n_classes, 2.0))
    return simulate_annotations(
        n_items, n_annotators, n_classes,
        labels_per_item=per_item, confusion=confusion, random_state=seed,
    ).annotations  # fmt: skip


def dense(votes):
    """Return the labels as a table of integers, -1 where missing."""
    table = np.full((votes.n_items, votes.n_annotators), -1)
    table[votes.item, votes.annotator] = votes.label
    return table


def test_raykar_yu_2012_two_classes():
    random = np.random.default_rng(0)
    sensitivity, specificity = random.random((2, 20))
    confusion = np.array([[specificity, 1 - specificity], [1 - sensitivity, sensitivity]])
    score = spammer_scores(confusion.transpose(2, 0, 1))
    np.testing.assert_allclose(score, (sensitivity + specificity - 1) ** 2)


def test_score_is_the_sum_over_pairs_of_rows():
    confusion = np.random.default_rng(0).dirichlet(np.ones(4), (7, 4))
    expected = np.zeros(7)
    for k in range(4):
        for other in range(k):
            expected += np.square(confusion[:, k] - confusion[:, other]).sum(axis=1) / 12
    np.testing.assert_allclose(spammer_scores(confusion), expected)
    assert spammer_scores(np.eye(4)[[[2, 0, 3, 1]]])[0] == pytest.approx(1)


def test_ipeirotis_2010_expected_cost_by_hand():
    confusion = np.array([[[0.9, 0.1], [0.3, 0.7]]])
    prior, costs = np.array([0.4, 0.6]), np.array([[0.0, 1.0], [5.0, 0.0]])
    total = 0.0
    for y in range(2):
        chance = prior @ confusion[0, :, y]
        soft = prior * confusion[0, :, y] / chance
        total += chance * soft @ costs @ soft
    expected = 1 - total / (prior @ costs @ prior)
    assert expected_cost_quality(confusion, prior, costs)[0] == pytest.approx(expected)
    with pytest.raises(ValueError, match="costs must be a finite table of shape"):
        expected_cost_quality(confusion, prior, np.ones(3))


def test_biases_that_can_be_undone_cost_nothing():
    permuted = np.eye(3)[[[1, 2, 0]]]
    prior = np.array([0.5, 0.3, 0.2])
    assert expected_cost_quality(permuted, prior)[0] == pytest.approx(1)
    spammer = np.tile([0.1, 0.2, 0.7], (1, 3, 1))
    assert expected_cost_quality(spammer, prior)[0] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_p_values_of_spammers_are_uniform(n_classes):
    """The other annotators depend on each other through the truth: the level holds anyway."""
    p_values = [pooled_test(crowd(seed, n_classes)).p_value[:4] for seed in range(100)]
    p_values = np.concatenate(p_values)
    for level in (0.05, 0.2, 0.5):
        error = np.sqrt(level * (1 - level) / len(p_values))
        assert abs((p_values < level).mean() - level) < 3 * error


def test_the_statistic_has_the_moments_of_reshuffled_labels():
    votes = crowd(0, n_items=60, n_annotators=8, per_item=5)
    table = dense(votes)
    random = np.random.default_rng(0)
    own = np.flatnonzero(table[:, 5] >= 0)
    drawn = []
    for _ in range(400):
        again = table.copy()
        again[own, 5] = random.permutation(again[own, 5])
        test = pooled_test(Annotations.from_matrix(again, classes=[0, 1, 2]))
        drawn.append((test.statistic[5], test.direction[5]))
    statistic, direction = np.array(drawn).T
    assert statistic.mean() == pytest.approx(4, rel=0.1)  # degrees of freedom, exactly
    assert direction.mean() == pytest.approx(0, abs=0.15)
    assert direction.std() == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_planted_spammers_are_found_at_the_stated_rate(n_classes):
    """Spammers escape with probability 0.05; the honest are accused with less than 0.05."""
    found, accused = [], []
    for seed in range(40):
        votes = crowd(seed, n_classes, n_items=1000)
        spammers = spammer_report(votes, min_shared=NO_PAIRS).spammers.tolist()
        found += [j in spammers for j in range(4)]
        accused += [j in spammers for j in range(4, 30)]
    assert np.mean(found) > 0.9
    assert np.mean(accused) < 0.005


def test_the_rate_holds_for_the_half_informative():
    """Somebody who guesses half of the information away is accused with at most the level."""
    accused, judged = 0, 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        confusion = np.full((30, 2, 2), [[0.85, 0.15], [0.15, 0.85]])
        weak = 0.5 + 0.35 * np.sqrt(0.5)  # correlation with the truth down by the root of half
        confusion[:6] = [[weak, 1 - weak], [1 - weak, weak]]
        votes = simulate_annotations(
            int(random.integers(100, 900)), 30, 2,
            labels_per_item=6, confusion=confusion, random_state=seed,
        ).annotations  # fmt: skip
        spammers = spammer_report(votes, min_shared=NO_PAIRS).spammers.tolist()
        accused += sum(j in spammers for j in range(6))
        judged += 6
    assert accused / judged <= 0.05


def test_few_labels_are_no_evidence():
    report = spammer_report(crowd(0, n_items=20))
    assert len(report.spammers) == 0
    assert len(report.adversaries) == 0


def test_adversaries_are_found_and_are_no_spammers():
    confusion = np.full((20, 2, 2), HONEST[2])
    confusion[:3] = confusion[:3, ::-1]
    for seed in range(10):
        votes = simulate_annotations(
            500, 20, 2, labels_per_item=8, confusion=confusion, random_state=seed
        ).annotations
        report = spammer_report(votes, min_shared=NO_PAIRS)
        assert report.adversaries.tolist() == [0, 1, 2]
        assert not set(report.spammers.tolist()) & {0, 1, 2}
        assert (report.score[:3] > 0.2).all()


def test_colluders_are_found_and_nobody_else_is_accused():
    innocent = 0
    for seed in range(20):
        table = crowd(seed, n_items=400, n_annotators=10, per_item=10, spammers=0).to_matrix()
        copy = np.random.default_rng(seed).random(400) < 0.8
        table[copy, 1] = table[copy, 0]
        report = spammer_report(Annotations.from_matrix(table))
        assert (0, 1) in report.colluders
        innocent += len(report.colluders) > 1
    assert innocent <= 3  # 20 crowds at a level of 0.05


def test_hard_items_accuse_nobody_of_collusion():
    for seed in range(5):
        votes = simulate_annotations(
            500, 20, 2, labels_per_item=10, hard_items=0.3, random_state=seed
        ).annotations
        assert len(spammer_report(votes).colluders) <= 1


def test_residuals_against_the_planted_model_are_noise():
    confusion = np.full((12, 3, 3), HONEST[3])
    prior = np.full(3, 1 / 3)
    votes = simulate_annotations(
        2000, 12, 3, labels_per_item=12, confusion=confusion, random_state=0
    ).annotations
    found = pair_residuals(votes, confusion, prior)
    assert len(found.pairs) == 66
    assert (found.shared == 2000).all()
    assert found.residual.max() < 3 / np.sqrt(2000)
    assert found.p_value.min() > 0.01 / 66


def test_a_constant_label_is_a_spammer_only_with_enough_of_them():
    for n_items, expected in ((300, [0]), (6, [])):
        confusion = np.full((10, 2, 2), HONEST[2])
        confusion[0] = [[1, 0], [1, 0]]
        votes = simulate_annotations(
            n_items, 10, 2, labels_per_item=10, confusion=confusion, random_state=0
        ).annotations
        assert spammer_report(votes).spammers.tolist() == expected


def test_the_report_reads_and_takes_models():
    votes = crowd(0, n_items=1000)
    fitted = DawidSkene().fit(votes)
    report = spammer_report(votes, fitted)
    text = str(report)
    assert "spammers, whose labels do not depend on the item: " in text
    assert "adversaries, who contradict the others: none" in text
    again = spammer_report(votes, DawidSkene())
    np.testing.assert_allclose(report.quality, again.quality)
    with pytest.raises(TypeError, match="GLAD has no confusion_"):
        spammer_report(votes, GLAD())
    with pytest.raises(ValueError, match="fitted to other annotators"):
        spammer_report(crowd(0, n_annotators=20), fitted)


@pytest.mark.parametrize(
    "table",
    [[[0], [1]], [[0, -1], [-1, 1]], [["a", "a"], ["a", None]], [[0, 1, 1], [-1, -1, -1]]],
)
def test_degenerate_votes_accuse_nobody(table):
    report = spammer_report(Annotations.from_matrix(table))
    assert len(report.spammers) == len(report.adversaries) == len(report.colluders) == 0
    assert np.isfinite(report.quality).all()
    assert str(report)


def test_order_of_annotators_does_not_matter():
    table = dense(crowd(3, n_annotators=12, per_item=6))
    order = np.random.default_rng(0).permutation(12)
    one = pooled_test(Annotations.from_matrix(table))
    two = pooled_test(Annotations.from_matrix(table[::-1, order]))
    np.testing.assert_allclose(one.p_value[order], two.p_value, rtol=1e-8)
