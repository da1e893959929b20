"""Intervals where labels are few: the crowd judges the prior, and nothing is vacuous."""

from __future__ import annotations

import numpy as np
import pytest

from aggregate import (
    IBCC,
    Auto,
    DawidSkene,
    HierarchicalDawidSkene,
    OneCoinDawidSkene,
    simulate_annotations,
)
from aggregate.inspection import _information as information
from aggregate.inspection import uncertainty
from aggregate.inspection._beliefs import belief_of
from aggregate.inspection._likelihood import estimated
from aggregate.inspection._maximum import maximum
from aggregate.inspection._shrinkage import _judge, judged, narrowed
from aggregate.inspection._variances import prior_change
from aggregate.inspection.error_bars import has_error_bars

MODELS = (
    DawidSkene(),
    DawidSkene(prior_strength=0),
    OneCoinDawidSkene(prior_strength=0),
    HierarchicalDawidSkene(),
    IBCC(),
)


def effects(seed, n=4000, mean=0.8, deviation=0.08, belief=0.6, pulled=0.5):
    """Return truths, and estimates that are half labels and half a wrong belief."""
    random = np.random.default_rng(seed)
    truth = random.normal(mean, deviation, size=(n, 1))
    noise = random.uniform(0.03, 0.1, size=(n, 1))
    value = (1 - pulled) * random.normal(truth, noise) + pulled * belief
    # of which the posterior variance is the noise of the labels over their share
    return truth, value, (1 - pulled) * noise**2


@pytest.mark.parametrize("learned", [False, True])
def test_the_mean_and_spread_of_the_crowd_are_found(learned):
    belief = np.array([0.8 if learned else 0.6])
    truth, value, variance = effects(0, belief=belief[0])
    found = _judge(value, variance, belief, np.full_like(value, 0.5), np.array([0.2]), learned)
    np.testing.assert_allclose(np.sqrt(found.spread), 0.08, rtol=0.1)
    error = found.centre - truth
    assert abs(error.mean()) < 0.005
    np.testing.assert_allclose(np.mean(error**2), found.variance.mean(), rtol=0.1)
    assert 0.94 < (abs(error) < 1.96 * np.sqrt(found.variance)).mean() < 0.96


def test_a_lone_annotator_is_as_uncertain_as_believed():
    belief, believed = np.array([0.7]), np.array([0.04])
    value, pulled = np.array([[0.7]]), np.array([[0.5]])
    found = _judge(value, believed * pulled, belief, pulled, believed, False)
    np.testing.assert_allclose(found.centre, 0.7)
    # noise of the labels, and half of the belief's doubt with that of its unseen mean
    assert believed[0] * 0.5 < found.variance[0, 0] < believed[0]


def test_annotators_without_labels_have_the_interval_of_the_crowd():
    random = np.random.default_rng(0)
    truth = random.normal(0.85, 0.05, size=(200, 1))
    belief, believed = np.array([0.6]), np.array([0.04])
    value = np.vstack([0.9 * truth + 0.1 * belief, belief])
    pulled = np.vstack([np.full_like(truth, 0.1), [[1.0]]])
    found = _judge(value, np.full_like(value, 1e-6), belief, pulled, believed, False)
    np.testing.assert_allclose(found.centre[-1], 0.85, atol=0.02)
    np.testing.assert_allclose(np.sqrt(found.variance[-1]), 0.05, rtol=0.2)


def test_what_remains_of_the_variance_is_that_of_the_dense_matrices():
    crowd = simulate_annotations(150, 5, 3, labels_per_item=3, random_state=0)
    estimate = estimated(DawidSkene().fit(crowd.annotations), crowd.annotations, None)
    scale = np.array([0.2, 0.5, 1.5])
    for most in (4000, 0):
        found = information.covariance(estimate, most=most)
        change = found.slope if most else prior_change(estimate)
        remains = narrowed(estimate, found, change, scale)
        if most:
            pull = np.zeros_like(found.whole)
            rows = estimate.confusion
            for j, k in np.ndindex(5, 3):
                first = j * 6 + k * 2
                p = rows[j, k, :2]
                part = slice(first, first + 2)
                pull[part, part] = 4 * (1 - scale[k]) * (np.diag(p) - np.outer(p, p))
            cut = found.whole - found.whole @ pull @ found.whole
            expected = [c @ cut @ c / (c @ found.whole @ c) for c in change]
            np.testing.assert_allclose(remains, expected)
        assert (remains > 0).all()
        np.testing.assert_allclose(narrowed(estimate, found, change, np.ones(3)), 1)


def test_labels_never_tell_less_than_nothing():
    believed = np.diag([2.0, 1.0, 0.5])
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    told = turn @ np.diag([5.0, 1.0, -3.0]) @ turn.T
    total = believed + told
    scale = np.sqrt(np.array([7.0, 5.0, 4.0]))
    bound = information._bound(believed)
    found = information._inverse(np.tril(total), scale, bound, lambda: believed)
    left = np.linalg.inv(found) - believed
    assert np.linalg.eigvalsh(found).min() > 0
    assert np.linalg.eigvalsh(left / scale / scale[:, np.newaxis]).min() > -1e-6
    assert (np.diag(found) <= np.diag(np.linalg.inv(believed)) + 1e-6).all()
    sound = believed + turn @ np.diag([5.0, 1.0, 0.5]) @ turn.T
    direct = information._inverse(np.tril(sound), scale, bound, lambda: believed)
    np.testing.assert_allclose(direct, np.linalg.inv(sound))


@pytest.mark.parametrize("model", MODELS)
def test_beliefs_are_what_the_models_add(model):
    crowd = simulate_annotations(60, 4, 3, labels_per_item=3, random_state=0)
    model.fit(crowd.annotations)
    belief = belief_of(model)
    np.testing.assert_allclose(belief.expected.sum(axis=1), 1)
    assert belief.own == (getattr(model, "prior_strength", 1) > 0)
    if isinstance(model, HierarchicalDawidSkene):
        np.testing.assert_allclose(belief.expected * belief.strength[:, None], model.crowd_)
    if isinstance(model, IBCC):
        np.testing.assert_allclose(belief.expected[0], np.array([4, 1, 1]) / 6)
    if isinstance(model, OneCoinDawidSkene):
        np.testing.assert_allclose(np.diag(belief.expected), 1 / 2)


@pytest.mark.parametrize("model", MODELS)
def test_skills_of_annotators_with_five_labels_a_class(model):
    """Rows that are pulled one by one move the skill the same way each, and annotators vary."""
    shares = []
    for seed in range(12):
        random = np.random.default_rng(seed)
        confusion = np.empty((40, 4, 4))
        right = random.uniform(0.6, 0.95, size=40)
        confusion[:] = ((1 - right) / 3)[:, np.newaxis, np.newaxis]
        confusion[:, range(4), range(4)] = right[:, np.newaxis]
        crowd = simulate_annotations(
            160, 40, 4, labels_per_item=5, confusion=confusion, random_state=random
        )
        model.fit(crowd.annotations)
        skill = uncertainty(model, crowd.annotations, n_draws=0).skill
        shares.append(((skill.low <= right) & (right <= skill.high)).mean())
    assert 0.91 < np.mean(shares) < 0.99


def test_three_annotators_without_a_prior():
    hits = []
    for seed in range(60):
        crowd = simulate_annotations(
            200, 3, 2, labels_per_item=3, accuracy=(0.6, 0.95), random_state=seed
        )
        model = DawidSkene(prior_strength=0, max_iter=20000).fit(crowd.annotations)
        cells = uncertainty(model, crowd.annotations, n_draws=0).confusion
        hits.append(((cells.low <= crowd.confusion) & (crowd.confusion <= cells.high)).mean())
    assert 0.9 < np.mean(hits) < 1.0


def test_many_classes_and_few_labels_are_wide_but_not_vacuous():
    crowd = simulate_annotations(
        150, 12, 10, labels_per_item=4, accuracy=(0.3, 0.9), random_state=0
    )
    for model in (HierarchicalDawidSkene(), DawidSkene(), DawidSkene(prior_strength=0)):
        found = uncertainty(model.fit(crowd.annotations), crowd.annotations, n_draws=0)
        width = found.skill.high - found.skill.low
        assert 0.1 < np.median(width) < 0.6
        assert (found.class_prior.high < 0.5).all()
        assert (found.prevalence.high < 0.5).all()


def test_a_variational_fit_goes_on_to_a_maximum_of_the_likelihood():
    crowd = simulate_annotations(80, 6, 3, labels_per_item=3, random_state=0)
    votes = crowd.annotations
    model = HierarchicalDawidSkene().fit(votes)
    gold = {0: int(crowd.truth[0])}
    confusion, prior = maximum(model, belief_of(model), votes, gold)
    counts, mass = np.tile(model.crowd_, (6, 1, 1)), np.full(3, model.prior_class)
    for i in range(votes.n_items):
        mine = slice(votes.item_ptr[i], votes.item_ptr[i + 1])
        who, said = votes.annotator[mine], votes.label[mine]
        soft = prior * np.prod(confusion[who, :, said], axis=0)
        soft = np.eye(3)[gold[i]] if i in gold else soft / soft.sum()
        mass += soft
        for j, y in zip(who, said, strict=True):
            counts[j, :, y] += soft
    np.testing.assert_allclose(prior, mass / mass.sum(), atol=1e-4)
    np.testing.assert_allclose(confusion, counts / counts.sum(axis=2, keepdims=True), atol=1e-4)


def test_annotators_who_hardly_err_on_the_usual_class_are_known():
    """With one class in nine, rows end at the edge; many labels on them tell much all the same."""
    rows = np.full((60, 2, 2), [[0.999, 0.001], [0.25, 0.75]])
    rows[::4, 0] = [0.7, 0.3]
    votes = simulate_annotations(
        4000, 60, 2, labels_per_item=3, confusion=rows, class_prior=[0.88, 0.12], random_state=0
    ).annotations
    skill = uncertainty(HierarchicalDawidSkene().fit(votes), votes, n_draws=0).skill
    assert (skill.standard_error < 0.05).all()
    right = rows[:, [0, 1], [0, 1]] @ [0.88, 0.12]
    assert ((skill.low <= right) & (right <= skill.high)).mean() > 0.9


def test_blocks_that_are_no_maximum_are_mended_too():
    crowd = simulate_annotations(60, 12, 6, labels_per_item=3, random_state=2)
    estimate = estimated(HierarchicalDawidSkene().fit(crowd.annotations), crowd.annotations, None)
    for most in (4000, 0):
        found = information.covariance(estimate, most=most)
        crowd_view = judged(estimate, found)
        assert np.isfinite(crowd_view.skill_variance).all()
        assert (crowd_view.skill_variance < 0.25).all()
        assert (np.diag(found.corner) > 0).all()


def test_an_average_of_models_has_their_errors_and_their_differences():
    crowd = simulate_annotations(150, 8, 3, labels_per_item=4, random_state=0)
    votes = crowd.annotations
    model = Auto().fit(votes)
    assert has_error_bars(model)
    found = uncertainty(model, votes, n_draws=0)
    weights = dict(zip(model.members_, model.member_weights_, strict=True))
    for name, of_fit in (("skill", "annotator_skill_"), ("class_prior", "class_prior_")):
        value = getattr(model, of_fit)
        known = {
            member: getattr(uncertainty(fitted, votes, n_draws=0), name).standard_error ** 2
            for member, fitted in model.members_.items()
            if member in ("hierarchical", "one-coin")
        }
        apart = {
            member: (getattr(fitted, of_fit) - value) ** 2
            for member, fitted in model.members_.items()
            if member != "pooled"
        }
        expected = sum(
            sum(weights[member] * part for member, part in parts.items())
            / sum(weights[member] for member in parts)
            for parts in (known, apart)
        )
        part = getattr(found, name)
        np.testing.assert_allclose(part.standard_error**2, expected, rtol=1e-6)
        assert ((part.low <= value) & (value <= part.high)).all()
    assert (found.effective_labels > 0).all()
    with pytest.raises(ValueError, match="draws need method='information'"):
        found.sample_parameters(2)
