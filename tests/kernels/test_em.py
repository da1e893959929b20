from __future__ import annotations

import math

import numba
import numpy as np
import pytest

from aggregate.kernels.em import (
    FLOOR,
    class_tuple,
    em_pass,
    log_joint_pass,
)
from aggregate.kernels.em_wide import em_pass_wide
from tests import naive, problems
from tests.kernels.em_tables import (
    CLASSES,
    MANY,
    NO_GOLD,
    NO_WEIGHT,
    codes,
    kernel_for,
    to_confusion,
    to_table,
)


def run(votes, confusion, prior, gold=NO_GOLD, first=0, last=None, weight=NO_WEIGHT):
    counts = np.zeros((votes.n_annotators * votes.n_classes, votes.n_classes))
    mass = np.zeros(votes.n_classes)
    last = votes.n_items if last is None else last
    kernel, unit = kernel_for(votes.n_classes)
    value = kernel(
        votes.item_ptr, codes(votes), gold, weight, prior, to_table(confusion),
        first, last, counts, mass, np.empty((0, votes.n_classes)), unit,
    )  # fmt: skip
    return to_confusion(counts), mass, value


def expected(votes, confusion, prior, gold=None):
    entries = problems.triples(votes)
    posterior, value = naive.e_step(entries, confusion, prior, votes.n_items, gold)
    table, mass = naive.counts(entries, posterior, votes.n_annotators)
    return table, mass, value


def two_views(directions, n_classes=2):
    """One item; annotator j says 0 and finds that as likely under each truth as told."""
    n_annotators = len(directions)
    votes = problems.from_codes(
        np.zeros(n_annotators), np.arange(n_annotators), np.zeros(n_annotators),
        (1, n_annotators, n_classes),
    )  # fmt: skip
    confusion = np.full((n_annotators, n_classes, n_classes), 0.5)
    confusion[:, :, 0] = directions
    return votes, confusion


def posterior_of_one(votes, confusion, prior, gold=NO_GOLD):
    """Return the posterior of a single item, which is its mass."""
    _, mass, value = run(votes, confusion, prior, gold)
    return mass, value


class TestEmPass:
    @pytest.mark.parametrize("n_classes", CLASSES + MANY)
    @pytest.mark.parametrize("n_labels", [1, 40, 300])
    def test_equals_the_formulas(self, n_classes, n_labels):
        votes = problems.ragged(n_classes, n_classes=n_classes, n_labels=n_labels)
        confusion, prior = problems.random_parameters(1, votes.n_annotators, n_classes)
        for got, wanted in zip(
            run(votes, confusion, prior), expected(votes, confusion, prior), strict=True
        ):
            np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-13)

    @pytest.mark.parametrize("n_classes", CLASSES + MANY)
    @pytest.mark.parametrize("n_labels", [40, 300])
    def test_holds_gold_items_to_their_class(self, n_classes, n_labels):
        votes = problems.ragged(n_classes, n_classes=n_classes, n_labels=n_labels)
        confusion, prior = problems.random_parameters(2, votes.n_annotators, n_classes)
        gold = np.full(votes.n_items, -1, dtype=np.int32)
        gold[[0, 3, 5]] = n_classes - 1, 0, n_classes // 2  # item 0 has no label
        for got, wanted in zip(
            run(votes, confusion, prior, gold),
            expected(votes, confusion, prior, gold),
            strict=True,
        ):
            np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-13)

    @pytest.mark.parametrize("n_classes", [2, 3, 17])
    @pytest.mark.parametrize("n_labels", [8, 15, 16, 17, 24, 25, 32, 33])
    def test_survives_every_probability_at_the_floor(self, n_classes, n_labels):
        """Sixteen labels are the most that are multiplied without rescaling."""
        votes, confusion = two_views(np.full((n_labels, n_classes), FLOOR), n_classes)
        prior = np.full(n_classes, FLOOR)
        posterior, value = posterior_of_one(votes, confusion, prior)
        np.testing.assert_allclose(posterior, 1 / n_classes, rtol=1e-14)
        wanted = (n_labels + 1) * math.log(FLOOR) + math.log(n_classes)
        assert value == pytest.approx(wanted, rel=1e-14)

    @pytest.mark.parametrize("n_classes", [2, 3, 17])
    @pytest.mark.parametrize("order", ["one side first", "mixed"])
    @pytest.mark.parametrize("weak", [FLOOR, 1e-12, 1e-3])
    def test_is_exact_with_600_labels_in_conflict(self, n_classes, order, weak):
        """Half for one class, half for the other: the products leave the range of a double."""
        directions = np.ones((601, n_classes))
        directions[:300, 1] = weak
        directions[300:600, 0] = weak
        directions[:600, 2:] = math.sqrt(weak)
        directions[600, :2] = 0.3, 0.6
        if order == "mixed":
            directions = np.random.default_rng(0).permutation(directions)
        votes, confusion = two_views(directions, n_classes)
        prior = np.full(n_classes, 1 / n_classes)
        posterior, value = posterior_of_one(votes, confusion, prior)
        wanted, log_likelihood = naive.e_step(problems.triples(votes), confusion, prior, 1)
        assert 0.15 / n_classes < wanted[0].min() < wanted[0].max() < 0.95
        np.testing.assert_allclose(posterior, wanted[0], rtol=1e-10)
        assert value == pytest.approx(log_likelihood, rel=1e-12)

    @pytest.mark.parametrize("n_classes", [2, 3, 12, 50])
    @pytest.mark.parametrize("seed", range(5))
    def test_is_exact_with_600_labels_at_random(self, n_classes, seed):
        random = np.random.default_rng(seed)
        directions = 10.0 ** random.uniform(-15, 0, size=(600, n_classes))
        directions *= np.exp(np.log(directions).mean() - np.log(directions).mean(axis=0))
        directions = np.clip(directions, FLOOR, 1)
        votes, confusion = two_views(directions, n_classes)
        prior = random.dirichlet(np.ones(n_classes))
        posterior, value = posterior_of_one(votes, confusion, prior)
        wanted, log_likelihood = naive.e_step(problems.triples(votes), confusion, prior, 1)
        np.testing.assert_allclose(posterior, wanted[0], rtol=1e-10, atol=1e-150)
        assert value == pytest.approx(log_likelihood, rel=1e-12)

    @pytest.mark.parametrize("n_classes", [2, 3, 17])
    @pytest.mark.parametrize("n_labels", [3, 16, 17, 100, 600])
    @pytest.mark.parametrize("truth", [0, 1])
    def test_believes_gold_against_any_number_of_labels(self, n_classes, n_labels, truth):
        directions = np.full((n_labels, n_classes), 1.0)
        directions[:, truth] = FLOOR
        votes, confusion = two_views(directions, n_classes)
        prior = np.full(n_classes, 1 / n_classes)
        gold = np.array([truth], dtype=np.int32)
        posterior, value = posterior_of_one(votes, confusion, prior, gold)
        np.testing.assert_array_equal(posterior, np.eye(n_classes)[truth])
        assert value == pytest.approx(n_labels * math.log(FLOOR) - math.log(n_classes))

    @pytest.mark.parametrize("n_classes", [2, 3, 17])
    def test_keeps_the_logarithm_of_many_tiny_evidences(self, n_classes):
        """The items' evidences are multiplied before the logarithm; none may be lost."""
        n_items = 400
        confusion = np.full((3, n_classes, n_classes), 1.0)
        confusion[:, :, 0] = np.array([[1e-15], [1e-6], [0.4]])
        item = np.repeat(np.arange(n_items), 3)
        votes = problems.from_codes(
            item, np.tile([0, 1, 2], n_items), np.zeros(len(item)), (n_items, 3, n_classes)
        )
        prior = np.full(n_classes, 1 / n_classes)
        value = run(votes, confusion, prior)[2]
        assert value == pytest.approx(n_items * math.log(1e-15 * 1e-6 * 0.4), rel=1e-12)

    @pytest.mark.parametrize("n_classes", [2, 3, 17])
    def test_adds_blocks_up_to_the_whole(self, n_classes):
        votes = problems.ragged(3, n_classes=n_classes, n_labels=100)
        confusion, prior = problems.random_parameters(3, votes.n_annotators, n_classes)
        whole = run(votes, confusion, prior)
        parts = [run(votes, confusion, prior, first=a, last=b) for a, b in ((0, 5), (5, 12))]
        for total, *pieces in zip(whole, *parts, strict=True):
            np.testing.assert_allclose(sum(pieces), total, rtol=1e-13, atol=1e-15)

    @pytest.mark.parametrize("n_classes", [2, 3])
    def test_adds_to_what_the_counts_hold(self, n_classes):
        votes = problems.ragged(4, n_classes=n_classes)
        confusion, prior = problems.random_parameters(4, votes.n_annotators, n_classes)
        counts = np.ones((votes.n_annotators * n_classes, n_classes))
        mass = np.ones(n_classes)
        em_pass(
            votes.item_ptr, codes(votes), NO_GOLD, NO_WEIGHT, prior, to_table(confusion),
            0, votes.n_items, counts, mass, np.empty((0, n_classes)), class_tuple(n_classes),
        )  # fmt: skip
        fresh_counts, fresh_mass, _ = run(votes, confusion, prior)
        np.testing.assert_allclose(to_confusion(counts), fresh_counts + 1, rtol=1e-14)
        np.testing.assert_allclose(mass, fresh_mass + 1, rtol=1e-14)

    @pytest.mark.parametrize("n_classes", [2, 5, 20])
    @pytest.mark.parametrize("n_labels", [30, 300])
    def test_weights_repeat_items(self, n_classes, n_labels):
        votes = problems.ragged(12, n_classes=n_classes, n_labels=n_labels)
        confusion, prior = problems.random_parameters(12, votes.n_annotators, n_classes)
        times = np.arange(votes.n_items) % 4 + 1
        gold = np.where(times == 2, 0, -1).astype(np.int32)
        copies = np.split(np.arange(times.sum()), np.cumsum(times)[:-1])
        entries = [(c, j, y) for i, j, y in problems.triples(votes) for c in copies[i]]
        repeated = problems.from_codes(
            *np.transpose(entries), (times.sum(), votes.n_annotators, n_classes)
        )
        found = run(votes, confusion, prior, gold, weight=times.astype(float))
        wanted = run(repeated, confusion, prior, np.repeat(gold, times))
        for got, expected_ in zip(found, wanted, strict=True):
            np.testing.assert_allclose(got, expected_, rtol=1e-12, atol=1e-14)

    @pytest.mark.parametrize("n_classes", [8, 12, 16])
    def test_is_the_same_by_whole_rows_or_parts_of_rows(self, n_classes):
        votes = problems.ragged(6, n_classes=n_classes, n_labels=90)
        confusion, prior = problems.random_parameters(6, votes.n_annotators, n_classes)
        counts = np.zeros((votes.n_annotators * n_classes, n_classes))
        mass = np.zeros(n_classes)
        value = em_pass_wide(
            votes.item_ptr, codes(votes), NO_GOLD, NO_WEIGHT, prior, to_table(confusion),
            0, votes.n_items, counts, mass, np.empty((0, n_classes)), (0.0,) * 8,
        )  # fmt: skip
        known_counts, known_mass, known_value = run(votes, confusion, prior)
        np.testing.assert_allclose(to_confusion(counts), known_counts, rtol=1e-13)
        np.testing.assert_allclose(mass, known_mass, rtol=1e-13)
        assert value == pytest.approx(known_value, rel=1e-13)

    @pytest.mark.parametrize(("n_classes", "length"), [(2, 2), (17, 17), (64, 64), (65, 16)])
    def test_rows_are_vectors_up_to_64_classes(self, n_classes, length):
        assert class_tuple(n_classes) == (0.0,) * length

    @pytest.mark.parametrize("n_classes", [2, 17])
    def test_sums_over_millions_of_items_are_exact_to_the_last_digits(self, n_classes):
        """Posteriors are summed in batches, evidences multiplied: errors do not pile up."""
        n_items = 2_000 if numba.config.DISABLE_JIT else 1_500_000
        item_ptr = np.arange(n_items + 1)
        code = np.zeros(n_items, dtype=np.uint32)
        confusion, prior = problems.random_parameters(11, 1, n_classes, floor=1e-3)
        joint = prior * confusion[0, :, 0]
        counts, mass = np.zeros((n_classes, n_classes)), np.zeros(n_classes)
        kernel, unit = kernel_for(n_classes)
        value = kernel(
            item_ptr, code, NO_GOLD, NO_WEIGHT, prior, to_table(confusion), 0, n_items,
            counts, mass, np.empty((0, n_classes)), unit,
        )  # fmt: skip
        np.testing.assert_allclose(mass, n_items * joint / joint.sum(), rtol=5e-13)
        assert value == pytest.approx(n_items * math.log(joint.sum()), rel=5e-13)
        np.testing.assert_array_equal(counts[1:], 0)

    @pytest.mark.parametrize(("n_annotators", "n_classes"), [(140_000, 2), (1_100, 10)])
    def test_is_the_same_where_rows_are_fetched_ahead(self, n_annotators, n_classes):
        """The entries times classes of these tables are more than 2^20."""
        random = np.random.default_rng(8)
        n_labels = 400
        given = random.integers(0, 40, n_labels), random.integers(0, n_annotators, n_labels)
        label = random.integers(0, n_classes, n_labels)
        votes = problems.from_codes(*given, label, (40, n_annotators, n_classes))
        confusion, prior = problems.random_parameters(8, n_annotators, n_classes)
        seen, compact = np.unique(votes.annotator, return_inverse=True)
        few = problems.from_codes(votes.item, compact, votes.label, (40, len(seen), n_classes))
        found, mass, value = run(votes, confusion, prior)
        known, known_mass, known_value = expected(few, confusion[seen], prior)
        np.testing.assert_allclose(found[seen], known, rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(mass, known_mass, rtol=1e-10)
        assert value == pytest.approx(known_value, rel=1e-12)
        assert found.sum() == pytest.approx(n_labels)

    def test_counts_every_label_once(self):
        votes = problems.ragged(5, n_classes=3, n_labels=70)
        confusion, prior = problems.random_parameters(5, votes.n_annotators, 3)
        counts, mass, _ = run(votes, confusion, prior)
        given = np.zeros((votes.n_annotators, 3))
        np.add.at(given, (votes.annotator, votes.label), 1)
        np.testing.assert_allclose(counts.sum(axis=1), given, rtol=1e-12, atol=1e-14)
        assert mass.sum() == pytest.approx((votes.labels_per_item > 0).sum())


class TestLogJointPass:
    @pytest.mark.parametrize("n_classes", CLASSES + MANY)
    @pytest.mark.parametrize("n_labels", [1, 40, 900])
    def test_equals_the_formula(self, n_classes, n_labels):
        votes = problems.ragged(n_classes, n_classes=n_classes, n_labels=n_labels)
        confusion, prior = problems.random_parameters(6, votes.n_annotators, n_classes)
        out = np.full((votes.n_items, n_classes), np.nan)
        log_joint_pass(
            votes.item_ptr, codes(votes), prior, to_table(confusion), 0, votes.n_items, out
        )
        wanted = naive.log_joint(problems.triples(votes), confusion, prior, votes.n_items)
        np.testing.assert_allclose(out, wanted, rtol=1e-12, atol=1e-12)

    def test_keeps_every_class_however_unlikely(self):
        directions = np.ones((600, 2))
        directions[:, 1] = FLOOR
        votes, confusion = two_views(directions)
        out = np.empty((1, 2))
        log_joint_pass(
            votes.item_ptr, codes(votes), np.array([0.5, 0.5]), to_table(confusion), 0, 1, out
        )
        np.testing.assert_allclose(out[0] - math.log(0.5), [0, 600 * math.log(FLOOR)])

    def test_fills_its_own_block_alone(self):
        votes = problems.ragged(7)
        confusion, prior = problems.random_parameters(7, votes.n_annotators, 3)
        out = np.full((votes.n_items, 3), 7.0)
        log_joint_pass(votes.item_ptr, codes(votes), prior, to_table(confusion), 4, 6, out)
        assert (out[:4] == 7).all()
        assert (out[6:] == 7).all()
        assert (out[4:6] < 0).all()
