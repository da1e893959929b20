"""Learning batch by batch: how far from a fit to all votes, what drifts, who comes late."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from aggregate import (
    Annotations,
    ClassConditionalDawidSkene,
    DawidSkene,
    FastDawidSkene,
    HybridDawidSkene,
    OneCoinDawidSkene,
    PooledDawidSkene,
    load_model,
)
from aggregate.models import _streaming
from tests import problems


def batches(votes, size, seed=0):
    """Yield the items in random order, so many at once."""
    order = np.random.default_rng(seed).permutation(votes.n_items)
    for first in range(0, votes.n_items, size):
        chosen = np.isin(np.arange(votes.n_items), order[first : first + size])
        yield votes.select(items=chosen)


def stream(model, votes, size, **options):
    for batch in batches(votes, size):
        model.partial_fit(batch, **options)
    return model


def naive_weight(n):
    """Return the sum of the weights of n labels, the u-th of which weighs about u + 200."""
    return n * (n + 400)


def naive_step(averages, labels_so_far, confusion, prior, item_labels, strength, expected):
    """Do one round on a batch by the definition; averages are of counts per label and item."""
    n_annotators, n_classes = confusion.shape[:2]
    new_counts, new_mass = np.zeros_like(confusion), np.zeros(n_classes)
    for labels in item_labels:
        joint = prior.copy()
        for j, y in labels:
            joint = joint * confusion[j, :, y]
        q = joint / joint.sum()
        new_mass += q
        for j, y in labels:
            new_counts[j, :, y] += q
    counts, mass = averages
    given, items = labels_so_far
    new = new_counts.sum(axis=(1, 2))
    counts = counts.copy()
    for j in range(n_annotators):
        if new[j]:
            gamma = 1 - naive_weight(given[j]) / naive_weight(given[j] + new[j])
            counts[j] = (1 - gamma) * counts[j] + gamma * new_counts[j] / new[j]
    n_items = len(item_labels)
    gamma = 1 - naive_weight(items) / naive_weight(items + n_items)
    mass = (1 - gamma) * mass + gamma * new_mass / n_items
    given, items = given + new, items + n_items
    table = given[:, None, None] * counts + strength * expected
    weights = items * mass + strength / n_classes
    after = table / table.sum(axis=2, keepdims=True), weights / weights.sum()
    return (counts, mass), (given, items), *after


def naive_start(item_labels, pseudo):
    """Return confusions and class prior from the shares of the votes (4 annotators)."""
    confusion, prior = np.zeros((4, 3, 3)), np.full(3, 4 / 3)
    for one in item_labels:
        share = np.bincount([y for _, y in one], minlength=3) / len(one)
        prior += share
        for j, y in one:
            confusion[j, :, y] += share
    confusion = confusion + pseudo
    return confusion / confusion.sum(axis=2, keepdims=True), prior / prior.sum()


class TestAgainstTheDefinition:
    def test_two_batches(self):
        """Rounds on the second batch start from the counts that the first left behind."""
        crowd = problems.planted(0, n_items=30, n_annotators=4, per_item=3, n_classes=3)
        first, second = batches(crowd.votes, 20)
        model = DawidSkene()
        averages = np.zeros((4, 3, 3)), np.zeros(3)
        so_far = np.zeros(4), 0
        expected = np.full((3, 3), 0.15) + 0.55 * np.eye(3)
        for batch, n_rounds in ((first, 30), (second, 3)):
            labels = [[] for _ in range(batch.n_items)]
            for i, j, y in problems.triples(batch):
                labels[i].append((j, y))
            if n_rounds == 30:
                confusion, prior = naive_start(labels, 4 * expected)
            for _ in range(n_rounds):
                after = naive_step(averages, so_far, confusion, prior, labels, 4, expected)
                confusion, prior = after[2:]
            averages, so_far = after[:2]
            model.partial_fit(batch)
            np.testing.assert_allclose(model.confusion_, confusion, rtol=1e-9)
            np.testing.assert_allclose(model.class_prior_, prior, rtol=1e-9)

    def test_one_batch_of_all_votes_is_em(self, monkeypatch):
        votes = problems.planted(1).votes
        monkeypatch.setattr(_streaming, "FIRST_ROUNDS", 400)
        got = DawidSkene().partial_fit(votes)
        wanted = DawidSkene(accelerate=False, tol=0, max_iter=400).fit(votes)
        np.testing.assert_allclose(got.confusion_, wanted.confusion_, atol=1e-6)
        np.testing.assert_array_equal(got.labels_, wanted.labels_)


@problems.needs_jit
class TestDistance:
    """From the optimum of all votes, on planted crowds with known confusions.

    A label is counted with the soft label of its day, which is off by what was not known
    then. Steps of about 2/n let that error fade faster than the sampling error falls, and cost
    a third of the sampling variance: whatever the crowd, the stream must stay nearer to the
    optimum than the optimum is to the truth.
    """

    @pytest.mark.parametrize("n_classes", [2, 4])
    @pytest.mark.parametrize("size", [20, 200])
    def test_is_less_than_the_error_of_the_optimum(self, n_classes, size):
        crowd = problems.planted(2, n_items=2000, n_annotators=20, n_classes=n_classes)
        whole = DawidSkene().fit(crowd.votes)
        model = stream(DawidSkene(), crowd.votes, size, classes=crowd.votes.classes)
        assert model.annotators_.tolist() == whole.annotators_.tolist()
        distance = np.abs(model.confusion_ - whole.confusion_).mean()
        error = np.abs(crowd.confusion - whole.confusion_).mean()
        assert distance < 0.6 * error
        assert (model.predict(crowd.votes) != whole.labels_).mean() < 0.02
        np.testing.assert_allclose(model.class_prior_, whole.class_prior_, atol=0.03)

    def test_falls_with_the_length_of_the_stream(self):
        distances = []
        for n_items in (500, 8000):
            squares = []
            for seed in range(3):
                votes = problems.planted(seed, n_items=n_items, n_classes=2).votes
                model = stream(DawidSkene(), votes, 50, classes=votes.classes)
                squares.append(
                    ((model.confusion_ - DawidSkene().fit(votes).confusion_) ** 2).mean()
                )
            distances.append(np.sqrt(np.mean(squares)))
        assert distances[1] < 0.7 * distances[0]

    def test_again_comes_closer(self):
        crowd = problems.planted(3, n_items=800, n_annotators=150, n_classes=2)
        whole, far = DawidSkene().fit(crowd.votes), []
        once = stream(DawidSkene(), crowd.votes, 100, classes=crowd.votes.classes)
        twice = stream(clone(once), crowd.votes, 100, classes=crowd.votes.classes)
        for repeated, options in ((once, {"again": True}), (twice, {})):
            for turn in range(3):
                for batch in batches(crowd.votes, 100, seed=turn):
                    repeated.partial_fit(batch, **options)
            far.append(np.abs(repeated.confusion_ - whole.confusion_).mean())
        assert far[0] < 0.7 * far[1]
        assert once._stream.given.sum() == crowd.votes.n_annotations

    @pytest.mark.parametrize(
        "model", [OneCoinDawidSkene(), ClassConditionalDawidSkene(), PooledDawidSkene()], ids=str
    )
    def test_of_other_structures(self, model):
        crowd = problems.planted(4, n_items=2000, n_annotators=20, n_classes=3)
        whole = clone(model).fit(crowd.votes)
        got = stream(clone(model), crowd.votes, 100, classes=crowd.votes.classes)
        assert np.abs(got.confusion_ - whole.confusion_).mean() < 0.01
        assert (got.predict(crowd.votes) != whole.labels_).mean() < 0.02

    def test_the_size_of_the_batches_hardly_matters(self):
        crowd = problems.planted(5, n_items=1500, n_annotators=15, n_classes=2)
        for forget in (None, 200):
            small, large = (
                stream(DawidSkene(forget=forget), crowd.votes, size, classes=[0, 1])
                for size in (10, 100)
            )
            assert np.abs(small.confusion_ - large.confusion_).mean() < 0.01


def drifting(seed, n_items=3000):
    """Return two crowds; the first annotator is good in the first and guesses in the second."""
    random = np.random.default_rng(seed)
    halves = []
    for accuracy in (0.9, 0.5):
        truth = random.integers(2, size=n_items)
        right = random.random((n_items, 5)) < np.array([accuracy, 0.75, 0.75, 0.75, 0.75])
        halves.append(Annotations.from_matrix(np.where(right, truth[:, None], 1 - truth[:, None])))
    return halves


class TestForgetting:
    def test_follows_an_annotator_who_changes(self):
        skills = {}
        for forget in (None, 300):
            model = DawidSkene(forget=forget)
            for half in drifting(0):
                stream(model, half, 50, classes=[0, 1])
            skills[forget] = model.annotator_skill_
        # Of all labels, more than half are good; of the last few hundred, a guesser's half.
        # A window of W labels with fading weights samples like 2 W of them; four deviations.
        assert skills[None][0] > 0.6
        assert skills[300][0] == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(2 * 300))
        np.testing.assert_allclose(skills[300][1:], 0.75, atol=4 * 0.43 / np.sqrt(2 * 300))

    def test_remembers_so_many_labels(self):
        model = DawidSkene(forget=100)
        stream(model, drifting(1)[0], 10, classes=[0, 1])
        np.testing.assert_allclose(model._stream.table.sum() / 5, 100, rtol=0.01)
        assert model._stream.given.tolist() == [3000] * 5

    def test_a_window_without_end_forgets_nothing(self):
        votes = problems.planted(6).votes
        never, hardly = (
            stream(DawidSkene(forget=forget), votes, 40, classes=votes.classes)
            for forget in (None, 1e12)
        )
        np.testing.assert_allclose(hardly.confusion_, never.confusion_, atol=1e-8)

    def test_cannot_go_over_votes_again(self):
        with pytest.raises(ValueError, match="leave out one of forget and again=True"):
            DawidSkene(forget=9).partial_fit([[0, 1]], again=True)
        with pytest.raises(ValueError, match="forget must be a number of at least 1"):
            DawidSkene(forget=0).partial_fit([[0, 1]])


class TestNewcomers:
    def test_who_come_later(self):
        votes = problems.planted(7, n_items=1000, n_annotators=10).votes
        halves = list(batches(votes, 500))
        model = DawidSkene()
        for half, present in zip(halves, (range(5), range(10)), strict=True):
            part = half.select(annotators=np.isin(np.arange(10), present))
            kept = Annotations.from_frame(part.to_frame(), classes=[0, 1, 2])
            model.partial_fit(kept)
        assert model.annotators_.tolist() == list(range(10))
        assert model.confusion_.shape == (10, 3, 3)
        assert model.n_features_in_ == 10
        counts = votes.select(items=halves and np.ones(1000, dtype=bool)).labels_per_annotator
        assert model._stream.given[5:].sum() < counts[5:].sum()
        planted = problems.planted(7, n_items=1000, n_annotators=10).confusion
        assert np.abs(model.confusion_ - planted).mean() < 0.06

    def test_names_keep_their_kind(self):
        model = DawidSkene().partial_fit(Annotations.from_columns([1, 2], [7, 8], ["a", "b"]))
        model.partial_fit(Annotations.from_columns([3, 4], ["x", "y"], ["a", "b"]))
        assert model.annotators_.tolist() == [7, 8, "x", "y"]
        model.partial_fit(Annotations.from_columns([3, 4], [8, 9], ["a", "b"]))
        assert model.annotators_.tolist() == [7, 8, "x", "y", 9]

    def test_a_class_that_was_declared(self):
        model = DawidSkene().partial_fit([[0, 0], [1, 1]], classes=[0, 1, 2])
        model.partial_fit([[2, 2], [0, 0]])
        assert model.labels_.tolist() == [2, 0]

    def test_a_class_that_was_not(self):
        model = DawidSkene().partial_fit([[0, 0], [1, 1]])
        before = model.confusion_.copy()
        with pytest.raises(ValueError, match=r"not declared: 2; the stream has 0, 1\. Declare"):
            model.partial_fit([[2, 2], [0, 0]])
        np.testing.assert_array_equal(model.confusion_, before)
        with pytest.raises(ValueError, match="classes must stay those of the first batch, 0, 1"):
            model.partial_fit([[0, 0]], classes=[0, 1, 2])

    def test_a_table_of_other_columns(self):
        model = DawidSkene().partial_fit([[0, 0, 1], [1, 1, 1]])
        with pytest.raises(ValueError, match="X has 2 features, but DawidSkene is expecting 3"):
            model.partial_fit([[0, 0]])


class TestContract:
    def test_attributes_are_those_of_the_batch(self):
        votes = problems.planted(8).votes
        model = DawidSkene()
        for n, batch in enumerate(batches(votes, 50)):
            gold = {batch.items[0]: 2}
            assert model.partial_fit(batch, gold=gold, classes=[0, 1, 2]) is model
            assert model.items_.tolist() == batch.items.tolist()
            assert model.labels_[0] == 2
            assert model.probas_.shape == (batch.n_items, 3)
            assert model.n_batches_ == n + 1
        assert model.gold_given_.sum() == 4 * 5
        np.testing.assert_array_equal(model.probas_[1:], model.predict_proba(batch)[1:])
        assert not hasattr(model, "objective_path_")

    def test_gold_teaches_the_annotators(self):
        table = np.array([[0, 1], [1, 0]] * 20)  # one is always right, one always wrong
        model = DawidSkene(prior_strength=1)
        for first in range(0, 40, 8):
            model.partial_fit(table[first : first + 8], gold=table[first : first + 8, 1])
        assert model.annotator_skill_[1] > 0.95 > 0.05 > model.annotator_skill_[0]
        assert model.predict([[0, 1]]).tolist() == [1]

    def test_goes_on_from_a_fit(self):
        crowd = problems.planted(9, n_items=1200, n_annotators=10)
        first, second = batches(crowd.votes, 600)
        whole = DawidSkene().fit(crowd.votes)
        model = DawidSkene().fit(first).partial_fit(second)
        assert np.abs(model.confusion_ - whole.confusion_).mean() < 0.004
        assert (model.predict(crowd.votes) != whole.labels_).mean() < 0.01
        assert model._stream.given.sum() == pytest.approx(crowd.votes.n_annotations)

    def test_a_batch_without_votes_changes_nothing(self):
        model = DawidSkene().fit(problems.planted(10).votes)
        nothing = Annotations.from_columns([], [], [], classes=[0, 1, 2], known_items=["x"])
        before = model.confusion_
        model.partial_fit(nothing)
        np.testing.assert_allclose(model.confusion_, before, atol=1e-6)  # that of a converged fit
        np.testing.assert_allclose(model.probas_[0], model.class_prior_)

    def test_a_fit_forgets_the_stream(self):
        votes, other = problems.planted(11).votes, problems.planted(12).votes
        model = DawidSkene().partial_fit(other).fit(votes)
        np.testing.assert_array_equal(model.confusion_, DawidSkene().fit(votes).confusion_)
        assert not hasattr(model, "n_batches_")

    def test_a_saved_stream_goes_on(self, tmp_path):
        parts = list(batches(problems.planted(13).votes, 50))
        model = DawidSkene(forget=50)
        for part in parts[:3]:
            model.partial_fit(part, classes=[0, 1, 2])
        model.save(tmp_path / "stream.npz", items=False)
        again = load_model(tmp_path / "stream.npz").partial_fit(parts[3])
        np.testing.assert_array_equal(again.confusion_, model.partial_fit(parts[3]).confusion_)

    def test_an_interrupted_batch_does_not_count(self, monkeypatch):
        parts = list(batches(problems.planted(14).votes, 100))
        model = DawidSkene().partial_fit(parts[0], classes=[0, 1, 2])
        before = dict(vars(model))

        def interrupted(*arguments):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(_streaming.Batch, "learn", interrupted)
            with pytest.raises(KeyboardInterrupt):
                model.partial_fit(parts[1])
        assert vars(model) == before

    @pytest.mark.parametrize("n_jobs", [2, 3])
    def test_threads_change_nothing(self, n_jobs, monkeypatch):
        monkeypatch.setattr("aggregate._blocks._ANNOTATIONS_PER_BLOCK", 50)
        votes = problems.planted(15).votes
        one = stream(DawidSkene(), votes, 100, classes=[0, 1, 2])
        other = stream(DawidSkene(n_jobs=n_jobs), votes, 100, classes=[0, 1, 2])
        np.testing.assert_array_equal(one.confusion_, other.confusion_)

    def test_row_order_does_not_matter(self):
        frame = problems.planted(16).votes.to_frame()
        shuffled = frame.sample(frac=1, random_state=0)
        one, other = (
            DawidSkene().partial_fit(Annotations.from_frame(f)) for f in (frame, shuffled)
        )
        np.testing.assert_array_equal(one.probas_, other.probas_)

    @pytest.mark.parametrize("model", [FastDawidSkene(), HybridDawidSkene()], ids=str)
    def test_hard_labels_do_not_stream(self, model):
        assert not hasattr(model, "partial_fit")

    @pytest.mark.parametrize(
        "options",
        [{"init": np.full((2, 2), 0.5)}, {"init": "spectral"}, {"abstention": 1},
         {"init": {0: np.eye(2)}, "fix_confusion": True}],
        ids=str,
    )  # fmt: skip
    def test_what_has_no_meaning_here(self, options):
        with pytest.raises(ValueError, match="partial_fit has no use for"):
            DawidSkene(**options).partial_fit([[0, 1], [1, 1]])

    @pytest.mark.parametrize("strength", [0, 4])
    def test_degenerate_batches_give_probabilities(self, strength):
        model = DawidSkene(prior_strength=strength)
        for table in ([[0, 0, 0]], [[1, 1, 0]], [[0, 1, 1]] * 30, [[0, 0, 0]] * 600):
            model.partial_fit(table, classes=[0, 1, 2])
            assert np.isfinite(model.confusion_).all()
            np.testing.assert_allclose(model.confusion_.sum(axis=2), 1, rtol=1e-12)
            np.testing.assert_allclose(model.probas_.sum(axis=1), 1, rtol=1e-12)
