from __future__ import annotations

import numpy as np
import pytest

from aggregate import SpectralDawidSkene, simulate_annotations
from tests.published import PLAIN, busiest, percent_wrong


# Zhang, Chen, Zhou and Jordan (JMLR 2016), their split. Their EM takes a label that a class
# never got as no evidence at all, ours as almost impossible: one item of rte (0.125) and of dog
# (0.124) falls the other way, and on web 0.3 percent.
@pytest.mark.parametrize(
    ("data", "published", "margin"),
    [("bluebird", 10.19, 0.01), ("rte", 7.12, 0.14), ("dog", 16.11, 0.13), ("web", 16.89, 0.3)],
)
def test_published_errors(real, data, published, margin):
    votes, truth = busiest(real, data)
    model = SpectralDawidSkene(groups="mod", symmetric=False, refine=10, **PLAIN).fit(votes)
    assert abs(percent_wrong(model, votes, truth) - published) < margin


@pytest.mark.filterwarnings("ignore:SpectralDawidSkene fell back")
def test_averaging_the_tensor_steadies_random_splits(real):
    votes, truth = busiest(real, "web")
    errors = {}
    for symmetric in (True, False):
        models = [
            SpectralDawidSkene(
                n_splits=1, symmetric=symmetric, refine=10, random_state=seed, **PLAIN
            ).fit(votes)
            for seed in range(8)
        ]
        errors[symmetric] = [percent_wrong(model, votes, truth) for model in models]
    assert np.mean(errors[True]) < np.mean(errors[False])


def test_groups_may_be_given():
    crowd = simulate_annotations(3000, 12, 3, labels_per_item=8, random_state=0)
    mod = SpectralDawidSkene(groups="mod").fit(crowd.annotations)
    given = SpectralDawidSkene(groups=(np.arange(12) + 1) % 3).fit(crowd.annotations)
    assert np.array_equal(mod.confusion_, given.confusion_)
    renumbered = SpectralDawidSkene(groups=np.arange(12) % 3, refine=None, prior_strength=0)
    bare = SpectralDawidSkene(groups="mod", refine=None, prior_strength=0)
    found = [model.fit(crowd.annotations).confusion_ for model in (renumbered, bare)]
    assert np.allclose(*found, atol=1e-5)


def test_a_group_that_never_uses_a_class_leaves_the_vote():
    crowd = simulate_annotations(500, 6, 3, labels_per_item=6, random_state=0)
    table = crowd.annotations.to_matrix()
    table[:, :2][table[:, :2] == 2] = 0
    groups = [0, 0, 1, 1, 2, 2]
    with pytest.warns(UserWarning, match="fell back to the majority vote"):
        model = SpectralDawidSkene(groups=groups).fit(table)
    assert np.isfinite(model.probas_).all()
    assert np.mean(model.labels_ == crowd.truth) > 0.8


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"groups": "thirds"}, "groups must be 'random', 'mod' or the group"),
        ({"groups": [0, 1]}, "groups must hold one whole number for each of the 3 annotators"),
        ({"groups": [0, 1, 1]}, "annotators in all of the groups 0, 1 and 2"),
        ({"n_splits": 0}, "n_splits must be an integer of at least 1"),
        ({"ridge": -1}, "ridge must be a number of at least 0"),
        ({"n_starts": 0}, "n_starts must be an integer of at least 1"),
    ],
)
def test_wrong_parameters_are_named(options, match):
    with pytest.raises(ValueError, match=match):
        SpectralDawidSkene(**options).fit([[0, 1, 1], [1, 1, 0]])
