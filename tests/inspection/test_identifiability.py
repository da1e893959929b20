"""The report: verdicts on crowds about which the verdict is known."""

from __future__ import annotations

import numpy as np
import pytest

from aggregate import Annotations, DawidSkene, MajorityVote, identifiability_report
from aggregate import simulate_annotations as simulate


def crowd(confusion=None, n_items=600, n_annotators=8, n_classes=3, per_item=5, seed=0):
    """Draw votes; every annotator is right 8 times in 10 unless told otherwise."""
    return simulate(
        n_items,
        n_annotators,
        n_classes,
        labels_per_item=per_item,
        confusion=confusion,
        accuracy=0.8,
        random_state=seed,
    ).annotations


def report(votes, **options):
    return identifiability_report(votes, random_state=0, **options)


def causes(votes, **options):
    return [finding.cause for finding in report(votes, **options).findings]


def merged(*crowds):
    """Put crowds side by side: other items, other annotators."""
    return [
        (f"{n}-{i}", f"{n}-{j}", votes.classes[y].item())
        for n, votes in enumerate(crowds)
        for i, j, y in zip(votes.item, votes.annotator, votes.label, strict=True)
    ]


def from_rows(rows, **options):
    return Annotations.from_columns(*zip(*rows, strict=True), **options)


def test_a_good_crowd_is_told_so():
    found = report(crowd())
    assert found.level == "yes"
    assert found.triples.n_kruskal == found.triples.n_usable == 56
    assert found.pairs.n_full_rank == found.pairs.n_usable == 28
    assert (found.annotators.rank == 3).all()
    names = [finding.cause for finding in found.findings]
    assert names[:4] == ["headline", "classes told apart", "usable pairs", "usable triples"]
    assert not {"components", "too few labels", "guessing", "never differ"} & set(names)
    assert 4 <= len(str(found).splitlines()) <= 15
    assert str(found).startswith("Yes: if annotators err independently")


def test_disconnected_crowds_and_their_bridge():
    rows = merged(crowd(seed=1), crowd(seed=2))
    apart = report(from_rows(rows))
    assert apart.n_components == 2
    assert apart.level == "partly"
    assert "components" in [finding.cause for finding in apart.findings]
    joined = from_rows([*rows, ("0-1", "1-0", 0)])
    assert "components" not in causes(joined)
    assert report(joined).level == "yes"


def test_spammers_only():
    spam = report(crowd(np.full((3, 3), 1 / 3), n_items=400))
    assert spam.level == "no"
    assert spam.classes.rank == 1
    assert spam.annotators.guessing.mean() >= 0.75
    assert spam.triples.n_kruskal == 0
    names = [finding.cause for finding in spam.findings]
    assert "no agreement" in names
    assert "usable pairs" not in names
    assert "no agreement" not in causes(crowd())


def test_one_spammer_among_good_annotators():
    confusion = np.full((8, 3, 3), 0.1) + 0.7 * np.eye(3)
    confusion[2] = [0.2, 0.3, 0.5]
    found = report(crowd(confusion))
    assert found.annotator_names[found.annotators.guessing].tolist() == [2]
    assert found.annotators.rank[2] < 3
    # no triple with the spammer is unique: 3 + 3 + 1 is less than 2 x 3 + 2
    assert found.triples.n_kruskal == 35
    assert "guessing" in [finding.cause for finding in found.findings]
    assert "guessing" not in causes(crowd())


def test_a_crowd_that_takes_two_classes_for_one():
    blind = [[0.8, 0.1, 0.1], [0.1, 0.45, 0.45], [0.1, 0.45, 0.45]]
    found = report(crowd(blind, n_items=2000))
    assert found.classes.rank == 2
    assert found.classes.doubtful.tolist() == [1, 2]
    assert found.level == "partly"
    assert found.pairs.n_full_rank == 0
    assert "classes not told apart" in [finding.cause for finding in found.findings]
    assert "classes not told apart" not in causes(crowd())


def test_one_perfect_annotator_is_an_anchor_of_all_classes():
    confusion = np.full((8, 3, 3), 0.2) + 0.4 * np.eye(3)
    without = report(crowd(confusion, n_items=1500))
    confusion[5] = np.eye(3)
    found = report(crowd(confusion, n_items=1500))
    assert (found.classes.epsilon <= 0.1).all()
    assert (found.classes.anchors >= 1).all()
    assert found.classes.scattering.coverage > 0.8
    assert "anchors" in [finding.cause for finding in found.findings]
    assert "no anchors" in [finding.cause for finding in without.findings]
    assert (without.classes.epsilon > found.classes.epsilon).all()


def test_an_anchor_for_one_class_only():
    confusion = np.full((8, 3, 3), 0.2) + 0.4 * np.eye(3)
    confusion[0] = [[1, 0, 0], [0, 0.5, 0.5], [0, 0.5, 0.5]]  # an expert of class 0
    found = report(crowd(confusion, n_items=1500))
    assert found.classes.epsilon[0] < 0.1
    assert (found.classes.epsilon[1:] > 0.2).all()
    (text,) = [finding.text for finding in found.findings if finding.cause == "no anchors"]
    assert "classes 1, 2" in text


def test_copies_are_named():
    votes = crowd(n_items=300, n_annotators=6, per_item=6)
    table = votes.to_matrix()
    copied = Annotations.from_matrix(np.column_stack([table, table[:, 0]]))
    found = report(copied)
    assert found.pairs.never_differ.tolist() == [[0, 6]]
    assert "never differ" in [finding.cause for finding in found.findings]
    assert "never differ" not in causes(votes)


def test_a_crowd_that_always_agrees_is_no_crowd_of_copies():
    truth = np.arange(60) % 3
    assert "never differ" not in causes(Annotations.from_matrix(np.tile(truth, (4, 1)).T))


def test_pairs_without_a_third():
    weak = np.full((8, 3, 3), 0.2) + 0.4 * np.eye(3)
    two = report(crowd(weak, n_items=2000, per_item=2))
    assert two.triples.n_items == 0
    assert two.level == "partly"
    assert "no triples" in [finding.cause for finding in two.findings]
    assert "no triples" not in causes(crowd(weak, n_items=2000, per_item=3))


def test_too_little_overlap_for_single_pairs():
    wide = report(crowd(n_items=2000, n_annotators=200))
    names = [finding.cause for finding in wide.findings]
    assert {"no usable pairs", "no usable triples"} <= set(names)
    assert wide.level == "yes"
    assert not {"no usable pairs", "no usable triples"} & set(causes(crowd()))


def test_annotators_with_too_few_labels():
    rows = [*merged(crowd()), ("0-0", "new", 1), ("0-1", "new", 0)]
    found = report(from_rows(rows))
    assert found.annotator_names[found.annotators.too_few].tolist() == ["new"]
    (text,) = [finding.text for finding in found.findings if finding.cause == "too few labels"]
    assert "1 of 9 annotators ('new')" in text
    assert "too few labels" not in causes(crowd())


def test_a_crowd_of_passers_by():
    found = report(crowd(n_items=1000, n_annotators=900))
    assert found.level == "partly"
    assert found.annotators.too_few.all()


def test_unused_classes():
    votes = crowd()
    declared = from_rows(merged(votes), classes=[0, 1, 2, 7])
    found = report(declared)
    assert found.classes.unused.tolist() == [7]
    assert found.level == "yes"
    assert "unused classes" in [finding.cause for finding in found.findings]
    assert "unused classes" not in causes(votes)


def test_more_classes_than_labels_can_fill():
    random = np.random.default_rng(0)
    numbers = Annotations.from_matrix(random.integers(0, 100, size=(50, 6)))
    assert "many classes" in causes(numbers)
    assert "many classes" not in causes(crowd())


def test_two_schools_have_rival_optima():
    random = np.random.default_rng(0)
    first, second = random.integers(0, 2, size=(2, 400))
    seen = np.stack([first] * 4 + [second] * 4, axis=1)
    votes = Annotations.from_matrix(np.where(random.random(seen.shape) < 0.15, 1 - seen, seen))
    found = report(votes, n_starts=8)
    assert found.level == "partly"
    assert "rival optima" in [finding.cause for finding in found.findings]


def test_optima_are_spoken_of_only_when_looked_for():
    votes = crowd()
    spoken = {"one optimum", "swapped optima", "rival optima"}
    assert len(spoken & set(causes(votes))) == 1
    assert not spoken & set(causes(votes, n_starts=0))
    assert report(votes, n_starts=0).optima is None


def test_names_are_doubtful_where_a_fit_is_renamed():
    votes = crowd()
    swapped = DawidSkene(prior_strength=0.01, init=DawidSkene().fit(votes).probas_[:, [1, 0, 2]])
    assert "names doubtful" in causes(votes, model=swapped, n_starts=0)
    assert "names doubtful" not in causes(votes, n_starts=0)


def test_nothing_to_compare():
    empty = report(Annotations.from_columns([], [], []))
    assert (empty.level, str(empty)) == ("no", "There are no labels: nothing can be learned.")
    assert causes(Annotations.from_matrix([[0], [1]])) == ["nothing shared"]
    assert causes(Annotations.from_matrix([[0, -1], [-1, 1]])) == ["nothing shared"]
    alone = Annotations.from_columns([1, 1, 1], ["a", "a", "a"], [0, 1, 1])
    assert causes(alone) == ["nothing shared"]
    one = report(Annotations.from_matrix([[0, 0], [0, 0]], classes=[0, 1]))
    assert [finding.cause for finding in one.findings] == ["one class", "unused classes"]


def test_a_fitted_model_is_used_and_a_stranger_refused():
    votes = crowd()
    model = DawidSkene().fit(votes)
    assert report(votes, model=model).level == "yes"
    assert report(votes, model=DawidSkene(prior_strength=1.0)).level == "yes"
    with pytest.raises(ValueError, match="no"):
        report(votes, model=MajorityVote())
    with pytest.raises(ValueError, match="other annotators or classes"):
        report(from_rows(merged(votes)), model=model)
    with pytest.raises(ValueError, match="n_starts"):
        report(votes, n_starts=-1)
