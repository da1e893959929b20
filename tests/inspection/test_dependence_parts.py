"""The parts of the search for copiers, each against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from aggregate import Annotations, DawidSkene, DependentGroups, simulate_annotations
from aggregate.inspection._gain import SHARES, explained, gains, log_likelihood
from aggregate.inspection._minority import told_apart
from aggregate.inspection._search import Asked, n_voices, passing
from aggregate.inspection._suspects import join, suspect
from aggregate.inspection._voices import Reference, confusion_given, reference, speakers
from aggregate.moments import pair_moments


def some_votes(seed=0, n_items=12, n_annotators=6, n_classes=3):
    random = np.random.default_rng(seed)
    table = random.integers(0, n_classes, (n_items, n_annotators))
    table[random.random(table.shape) < 0.3] = -1
    table[0] = -1
    return Annotations.from_matrix(table, classes=range(n_classes), annotators=range(n_annotators))


GROUP = np.array([0, -1, 0, 1, 1, -1], dtype=np.int32)


@pytest.mark.parametrize("seed", range(4))
def test_one_member_of_a_group_speaks_on_each_item(seed):
    votes = some_votes(seed)
    silent = GROUP == 1
    found = speakers(votes, GROUP, silent)
    counts = votes.labels_per_annotator
    for e, (item, j) in enumerate(zip(votes.item, votes.annotator, strict=True)):
        if silent[j]:
            assert found[e] == -1
            continue
        same = [
            f
            for f in range(votes.n_annotations)
            if votes.item[f] == item
            and (f == e or (GROUP[j] >= 0 and GROUP[votes.annotator[f]] == GROUP[j]))
        ]
        assert found[e] == min(same, key=lambda f: (-counts[votes.annotator[f]], f))


def test_voices_are_counted_and_joined():
    votes = some_votes()
    assert n_voices(votes, GROUP) == 4
    assert n_voices(votes, np.full(6, -1, dtype=np.int32)) == 6
    joined = join(GROUP, np.array([[2, 5], [3, 4]]))
    assert joined.tolist() == [0, -1, 0, 1, 1, 0]
    assert join(np.zeros(0, dtype=np.int32), np.zeros((0, 2), dtype=int)).tolist() == []


def test_silent_annotators_and_copies_do_not_reach_the_fit():
    crowd = simulate_annotations(300, 7, 2, labels_per_item=7, random_state=0)
    table = crowd.annotations.to_matrix()
    table[:, 1] = table[:, 0]
    votes = Annotations.from_matrix(table)
    group = np.array([0, 0, -1, -1, -1, -1, -1], dtype=np.int32)
    silent = np.arange(7) == 6
    told = reference(votes, DawidSkene(), group, silent, np.ones(7, dtype=bool))
    alone = DawidSkene().fit(np.delete(table, [1, 6], axis=1))
    np.testing.assert_allclose(told.confusion[[0, 2, 3, 4, 5]], alone.confusion_, atol=1e-3)
    np.testing.assert_allclose(told.class_prior, alone.class_prior_, atol=1e-3)


def test_confusion_given_certain_truth_is_the_shares():
    random = np.random.default_rng(0)
    truth, label = random.integers(0, 3, (2, 5000))
    found = confusion_given(np.eye(3)[truth], label.astype(np.int32), np.full((3, 3), 1 / 3))
    counts = np.zeros((3, 3))
    np.add.at(counts, (truth, label), 1)
    np.testing.assert_allclose(found, counts / counts.sum(axis=1, keepdims=True), atol=2e-3)


def naive_likelihood(votes, told, rates):
    """``rates[g]`` is how group g copies: a rate and whether together; others are left out."""
    total = 0.0
    for i in range(votes.n_items):
        chance = told.class_prior.copy()
        repeats = {g: [] for g in rates}
        for e in range(votes.item_ptr[i], votes.item_ptr[i + 1]):
            own = told.confusion[votes.annotator[e], :, votes.label[e]]
            s, g = told.speaker[e], GROUP[votes.annotator[e]]
            if s == e:
                chance = chance * own
            elif g in rates:
                repeats[g].append((own, votes.label[e] == votes.label[s]))
        for g, labels in repeats.items():
            rate, together = rates[g]
            if together and labels:
                alone = np.prod([own for own, _ in labels], axis=0)
                chance = chance * (rate * all(same for _, same in labels) + (1 - rate) * alone)
            else:
                for own, same in labels:
                    chance = chance * (rate * same + (1 - rate) * own)
        total += np.log(chance.sum())
    return total


@pytest.mark.parametrize("seed", range(3))
def test_likelihood_of_copies_is_that_of_the_loops(seed):
    votes = some_votes(seed)
    random = np.random.default_rng(seed)
    confusion, prior = random.dirichlet(np.ones(3), (6, 3)), random.dirichlet(np.ones(3))
    told = Reference(confusion, prior, speakers(votes, GROUP, np.zeros(6, dtype=bool)))
    ways, rates = [(rate, together) for rate in SHARES for together in (False, True)], {}
    for g in (0, 1):  # one group after another
        values = [naive_likelihood(votes, told, rates | {g: way}) for way in ways]
        rates[g] = ways[int(np.argmax(values))]
    assert log_likelihood(votes, told, GROUP) == pytest.approx(max(values))


def test_copies_make_the_votes_likelier_and_experts_do_not():
    accuracy = np.array([0.97, 0.97, 0.97, 0.6, 0.6, 0.6, 0.6, 0.6])
    confusion = np.stack([[[a, 1 - a], [1 - a, a]] for a in accuracy])
    votes = simulate_annotations(
        400, 8, 2, labels_per_item=8, confusion=confusion, random_state=0
    ).annotations
    group = np.array([0, 0, 0] + [-1] * 5, dtype=np.int32)
    assert gains(votes, DawidSkene(), group)[0] < 3
    table = simulate_annotations(
        400, 8, 2, labels_per_item=8, accuracy=0.75, random_state=0
    ).annotations.to_matrix()
    table[:, 1] = table[:, 2] = table[:, 0]
    copies = Annotations.from_matrix(table)
    assert gains(copies, DawidSkene(), group)[0] > 10
    pairs = np.array([[0, 1], [0, 2], [3, 4]], dtype=np.int32)
    kept = explained(copies, DawidSkene(), pairs, np.ones(3, dtype=bool), 5.0)
    assert kept.tolist() == [True, True, False]
    assert len(gains(votes, DawidSkene(), np.full(8, -1, dtype=np.int32))) == 0


def naive_steps(p_values, level, control):
    order, n = np.argsort(p_values), len(p_values)
    if control == "family-wise":
        found = set()
        for rank, p in enumerate(order):
            if p_values[p] > level / (n - rank):
                break
            found.add(int(p))
        return found
    last = max((r + 1 for r in range(n) if p_values[order[r]] <= level * (r + 1) / n), default=0)
    return {int(p) for p in order[:last]}


@pytest.mark.parametrize("control", ["family-wise", "false discovery"])
def test_steps_are_those_of_holm_and_of_benjamini_and_hochberg(control):
    random = np.random.default_rng(0)
    for _ in range(50):
        p_values = random.random(8) ** random.integers(1, 6)
        tested = random.random(8) < 0.8
        asked = Asked(0.2, control, 20, True, 0.7)
        found = passing(-np.log(p_values), tested, asked)
        places = np.flatnonzero(tested)
        wanted = {int(places[p]) for p in naive_steps(p_values[tested], 0.2, control)}
        assert set(np.flatnonzero(found).tolist()) == wanted


def all_pairs(size):
    return np.array([(j, m) for j in range(size) for m in range(j + 1, size)], dtype=np.int32)


@pytest.mark.parametrize(
    ("size", "members", "kept"), [(4, 2, False), (5, 2, True), (5, 3, False), (6, 3, False),
                                  (7, 3, True), (20, 12, False), (20, 5, True)],
)  # fmt: skip
def test_a_set_must_be_outnumbered(size, members, kept):
    votes = Annotations.from_matrix(np.zeros((30, size), dtype=int), classes=[0, 1])
    pairs = all_pairs(size)
    found = (pairs < members).all(axis=1)
    alone = np.full(size, -1, dtype=np.int32)
    decided, undecided = told_apart(votes, pairs, found + 0.0, found, alone, 20)
    assert decided.tolist() == (found if kept else ~found & found).tolist()
    assert [each.tolist() for each in undecided] == ([] if kept else [list(range(members))])


def test_who_never_meets_them_does_not_outnumber_them():
    """Cohorts of five: three of one cohort have two others beside them, not ninety-seven."""
    table = np.full((20 * 30, 100), -1)
    for cohort in range(20):
        table[30 * cohort : 30 * cohort + 30, 5 * cohort : 5 * cohort + 5] = 0
    votes = Annotations.from_matrix(table, classes=[0, 1])
    pairs = all_pairs(5)
    found, alone = (pairs < 3).all(axis=1), np.full(100, -1, dtype=np.int32)
    decided, undecided = told_apart(votes, pairs, found + 0.0, found, alone, 20)
    assert not decided.any()
    assert [each.tolist() for each in undecided] == [[0, 1, 2]]


def test_suspects_are_clusters_and_those_who_hardly_differ():
    table = simulate_annotations(
        400, 10, 2, labels_per_item=10, accuracy=0.75, random_state=0
    ).annotations.to_matrix()
    few = table[:30].copy()
    few[:, 4] = few[:, 7]
    votes = Annotations.from_matrix(few, classes=[0, 1])
    model = DawidSkene().fit(votes)
    found = suspect(votes, pair_moments(votes), model, 20, None)
    assert set(np.flatnonzero(found.group >= 0).tolist()) >= {4, 7}
    given = DependentGroups(groups=[0, 0, 0] + [None] * 7).fit(table)
    votes = Annotations.from_matrix(table)
    found = suspect(votes, pair_moments(votes), given, 20, None)
    assert found.group.tolist() == [0, 0, 0] + [-1] * 7
    assert found.doubts == []
    tiny = Annotations.from_matrix(table[:, :4])
    found = suspect(tiny, pair_moments(tiny), DawidSkene().fit(tiny), 20, None)
    assert found.group.tolist() == [-1] * 4
