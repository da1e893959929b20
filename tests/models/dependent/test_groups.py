from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from aggregate import Annotations, DawidSkene, DependentGroups


@parametrize_with_checks([DependentGroups()])
def test_sklearn(estimator, check):
    check(estimator)


def planted(sizes, n_classes=2, reading=0.75, member=0.9, n_items=1500, seed=0):
    """Draw votes of groups of these sizes; who is alone is right as often as a reading."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, n_classes, n_items)

    def look(seen, accuracy):
        other = (seen + random.integers(1, n_classes, n_items)) % n_classes
        return np.where(random.random(n_items) < accuracy, seen, other)

    columns, groups = [], []
    for g, size in enumerate(sizes):
        shared = look(truth, reading)
        columns += [shared] if size == 1 else [look(shared, member) for _ in range(size)]
        groups += [g] * size
    return np.array(columns).T, truth, np.array(groups)


def same_partition(found, groups):
    sizes = np.bincount(groups)
    alone = sizes[groups] == 1
    pairs = groups[:, None] == groups
    together = (found[:, None] == found) & (found >= 0)[:, None]
    return (found[alone] == -1).all() and (
        pairs[~alone][:, ~alone] == together[~alone][:, ~alone]
    ).all()


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("sizes", [(5, 4, 1, 1, 1, 1, 1, 1), (4, 4, 4, 4)])
def test_planted_groups_are_found(n_classes, sizes):
    votes, truth, groups = planted(sizes, n_classes)
    model = DependentGroups().fit(votes)
    assert same_partition(model.group_, groups)
    assert np.diff(model.objective_path_).min() >= -1e-9 * abs(model.objective_path_[-1])
    assert model.converged_
    if 1 in sizes:
        independent = (DawidSkene().fit(votes).labels_ == truth).mean()
        assert (model.labels_ == truth).mean() > independent + 0.05
    diagonal = np.einsum("gkk->g", model.group_confusion_) / n_classes
    np.testing.assert_allclose(diagonal, 0.75, atol=0.08)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_copies_no_longer_count_as_many(n_classes):
    votes, truth, groups = planted((6, 1, 1, 1, 1), n_classes, member=1.0)
    model = DependentGroups().fit(votes)
    assert same_partition(model.group_, groups)
    once = DawidSkene().fit(votes[:, 5:]).labels_
    assert (model.labels_ == once).mean() > 0.98
    assert (model.labels_ == truth).mean() > (DawidSkene().fit(votes).labels_ == truth).mean() + 0.1


@pytest.mark.parametrize("seed", range(5))
def test_independent_annotators_stay_alone_and_it_is_dawid_skene(seed):
    votes = planted((1,) * 9, 3, seed=seed, n_items=600)[0]
    model = DependentGroups(annotator_correlation=0).fit(votes)
    assert (model.group_ == -1).all()
    plain = DawidSkene(annotator_correlation=0).fit(votes)
    np.testing.assert_allclose(model.probas_, plain.probas_, atol=2e-3)
    np.testing.assert_allclose(model.confusion_, plain.confusion_, atol=2e-3)


def test_given_groups_by_array_and_by_mapping():
    votes, _, groups = planted((3, 1, 1, 1), n_items=300)
    names = np.where(groups == 0, "shared", None)
    array = DependentGroups(groups=names).fit(votes)
    mapping = DependentGroups(groups={0: 7, 1: 7, 2: 7, 3: "only one"}).fit(votes)
    assert array.group_.tolist() == mapping.group_.tolist() == [0, 0, 0, -1, -1, -1]
    assert (array.probas_ == mapping.probas_).all()
    with pytest.raises(ValueError, match="one name per annotator, 6; got 2"):
        DependentGroups(groups=["a", "b"]).fit(votes)
    with pytest.raises(ValueError, match="groups names annotators without a vote: 'x'"):
        DependentGroups(groups={"x": 1}).fit(votes)
    with pytest.raises(ValueError, match="groups must be one of 'learned'"):
        DependentGroups(groups="found").fit(votes)


def test_orders_and_names_do_not_matter():
    votes, _, groups = planted((4, 3, 1, 1, 1), 3, n_items=500)
    random = np.random.default_rng(1)
    rows, columns = random.permutation(500), random.permutation(10)
    one = DependentGroups().fit(votes)
    two = DependentGroups().fit(np.array(["a", "b", "c"])[votes][rows][:, columns])
    assert same_partition(two.group_, groups[columns])
    np.testing.assert_allclose(one.probas_[rows], two.probas_, atol=1e-4)


def test_gold_threads_new_items_and_strangers():
    votes, truth, _ = planted((3, 1, 1, 1), 3, n_items=400)
    model = DependentGroups()
    fitted = model.fit(votes, gold=dict(enumerate(truth[:50].tolist())))
    assert (fitted.labels_[:50] == truth[:50]).all()
    fitted = model.fit(votes)
    np.testing.assert_allclose(fitted.predict_proba(votes), fitted.probas_, atol=1e-12)
    assert fitted.score(votes) < 0
    assert (DependentGroups(n_jobs=2).fit(votes).probas_ == fitted.probas_).all()
    new = Annotations.from_columns(["p", "p", "q"], [0, "new", "newer"], [1, 1, 2])
    probas = fitted.predict_proba(new)
    np.testing.assert_allclose(probas.sum(1), 1)
    assert probas.argmax(1).tolist() == [1, 2]
    ignored = DependentGroups(unknown_annotators="ignore").fit(votes).predict_proba(new)
    np.testing.assert_allclose(ignored[1], fitted.class_prior_)


def test_only_the_busiest_are_compared():
    votes = planted((4, 1, 1, 1, 1), n_items=500)[0].astype(float)
    votes[100:, 0] = np.nan
    model = DependentGroups(max_annotators=7).fit(votes)
    assert 0 not in model.compared_
    assert model.group_[0] == -1
    assert model.score_.shape == (len(model.compared_),) * 2


DEGENERATE = {
    "one class": Annotations.from_matrix([["a", "a"], ["a", None]]),
    "one annotator": Annotations.from_matrix([[0], [1], [1]]),
    "no overlap": Annotations.from_matrix([[0, -1], [-1, 1], [1, -1]]),
    "an item without labels": Annotations.from_matrix([[0, 1, 1], [-1, -1, -1], [1, 1, 1]]),
    "unanimous": Annotations.from_matrix(np.repeat([[0] * 6, [1] * 6], 40, axis=0)),
    "always one label": Annotations.from_matrix(
        np.column_stack([np.zeros((80, 3), int), [0, 1] * 40])
    ),
    "600 labels on an item": Annotations.from_columns(
        np.repeat([0, 1], 600), np.tile(np.arange(600), 2), np.repeat([0, 1], 600)
    ),
}


@pytest.mark.parametrize("groups", ["learned", "all"])
@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_votes_give_probabilities(case, groups):
    votes = DEGENERATE[case]
    groups = groups if groups == "learned" else ["all"] * votes.n_annotators
    fitted = DependentGroups(groups=groups).fit(votes)
    assert np.isfinite(fitted.probas_).all()
    np.testing.assert_allclose(fitted.probas_.sum(1), 1)
    assert np.isfinite(fitted.annotator_skill_).all()
