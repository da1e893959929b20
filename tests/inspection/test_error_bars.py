from __future__ import annotations

import numpy as np
import pytest
from scipy.special import betaincinv

from aggregate import (
    EBCC,
    IBCC,
    Annotations,
    Auto,
    ClassConditionalDawidSkene,
    DawidSkene,
    FastDawidSkene,
    HierarchicalDawidSkene,
    MajorityVote,
    OneCoinDawidSkene,
    PooledDawidSkene,
    simulate_annotations,
)
from aggregate.inspection import uncertainty
from aggregate.inspection._information import covariance
from aggregate.inspection._likelihood import estimated
from tests import naive, problems

FAMILY = (DawidSkene, OneCoinDawidSkene, ClassConditionalDawidSkene, PooledDawidSkene)


def objective(model, votes, gold=None):
    """Return the naive log posterior as a function of coordinates, and their number.

    The coordinates are added to the logarithms of the fit's confusions and class prior, which
    are then normalised; those of the last label and class stay.
    """
    n_classes = votes.n_classes
    rows, log_prior = np.log(model.confusion_), np.log(model.class_prior_)
    window = n_classes - 1
    places = {
        DawidSkene: lambda j, k, y: (j * n_classes + k) * window + y if y < window else None,
        PooledDawidSkene: lambda j, k, y: k * window + y if y < window else None,
        OneCoinDawidSkene: lambda j, k, y: j if y == k else None,
        ClassConditionalDawidSkene: lambda j, k, y: j * n_classes + k if y == k else None,
    }[type(model)]
    cells = {(j, k, y): places(j, k, y) for j, k, y in np.ndindex(rows.shape)}
    size = 1 + max(place for place in cells.values() if place is not None)
    triples = problems.triples(votes)
    strength, believed = model.prior_strength, naive.expected_confusion(n_classes, 0.7)

    def value(shift):
        moved = rows.copy()
        for cell, place in cells.items():
            moved[cell] += 0 if place is None else shift[place]
        confusion = np.exp(moved - np.logaddexp.reduce(moved, axis=2)[..., np.newaxis])
        prior = np.exp(log_prior + np.append(shift[size:], 0))
        prior /= prior.sum()
        _, found = naive.e_step(triples, confusion, prior, votes.n_items, gold)
        believers = np.log(confusion)
        if isinstance(model, PooledDawidSkene):
            believers = believers[:1]
        share = 1 / n_classes if isinstance(model, OneCoinDawidSkene) else 1.0
        found += share * strength * (believed * believers).sum()
        return found + strength / n_classes * np.log(prior).sum()

    return value, size + window


def hessian(function, size, step=1e-3):
    """Return second differences at zero."""
    unit = step * np.eye(size)
    table = np.empty((size, size))
    for a in range(size):
        for b in range(a + 1):
            corners = [function(s * unit[a] + t * unit[b]) for s in (1, -1) for t in (1, -1)]
            table[a, b] = table[b, a] = np.dot(corners, [1, -1, -1, 1]) / (4 * step**2)
    return table


@pytest.mark.parametrize("family", FAMILY)
@pytest.mark.parametrize("known", [False, True])
def test_covariance_is_the_inverse_of_the_naive_hessian(family, known):
    planted = problems.planted(1, n_items=12, n_annotators=3, n_classes=3, per_item=3)
    votes = planted.votes
    gold = np.where(np.arange(12) < 3, planted.truth, -1) if known else None
    model = family(tol=1e-13, max_iter=5000).fit(votes, gold=gold)
    found = covariance(estimated(model, votes, gold)).whole
    function, size = objective(model, votes, gold)
    information = -hessian(function, size)
    np.testing.assert_allclose(np.linalg.inv(found), information, atol=2e-4 * information.max())


def test_with_known_truth_and_no_prior_the_interval_is_that_of_jeffreys():
    planted = problems.planted(2, n_items=60, n_annotators=3, n_classes=2, per_item=3)
    model = DawidSkene(prior_strength=0).fit(planted.votes, gold=planted.truth)
    found = uncertainty(model, planted.votes, gold=planted.truth)
    counts, _ = naive.counts(problems.triples(planted.votes), np.eye(2)[planted.truth], 3)
    weight = counts + 1 / 2
    total = weight.sum(axis=2, keepdims=True)
    low, high = (betaincinv(weight, total - weight, tail) for tail in (0.025, 0.975))
    low, high = np.where(counts == 0, 0, low), np.where(counts == total - 1, 1, high)
    np.testing.assert_allclose(found.confusion.low, low)
    np.testing.assert_allclose(found.confusion.high, high)
    np.testing.assert_allclose(found.effective_labels, total[..., 0])
    share = np.bincount(planted.truth) / 60
    np.testing.assert_allclose(found.prevalence.low, share)
    np.testing.assert_allclose(found.prevalence.high, share)


@pytest.mark.parametrize("model", [*(each() for each in FAMILY), HierarchicalDawidSkene(), IBCC()])
def test_the_two_roads_agree(model):
    crowd = simulate_annotations(800, 5, 2, labels_per_item=4, random_state=3)
    model.fit(crowd.annotations)
    one = uncertainty(model, crowd.annotations)
    other = uncertainty(model, crowd.annotations, "bootstrap", n_bootstrap=120)
    for name in ("confusion", "skill", "class_prior", "prevalence"):
        direct, drawn = getattr(one, name), getattr(other, name)
        ratio = drawn.standard_error / direct.standard_error
        assert 0.75 < ratio.mean() < 1.3, name
        assert (direct.low <= direct.value).all()
        assert (drawn.value <= drawn.high).all()


def test_coverage_also_of_annotators_with_few_labels():
    hits = {"confusion": [], "skill": [], "class_prior": [], "prevalence": []}
    for seed in range(40):
        crowd = simulate_annotations(300, 30, 2, labels_per_item=4, random_state=seed)
        votes = crowd.annotations
        found = uncertainty(DawidSkene().fit(votes), votes)
        truths = {
            "confusion": crowd.confusion,
            "skill": np.einsum("jkk,k->j", crowd.confusion, crowd.class_prior),
            "class_prior": crowd.class_prior,
            "prevalence": np.bincount(crowd.truth, minlength=2) / 300,
        }
        for name, truth in truths.items():
            part = getattr(found, name)
            hits[name].append(((part.low <= truth) & (truth <= part.high)).mean())
    for name, shares in hits.items():
        assert 0.91 <= np.mean(shares) <= 1.0, name


def test_annotators_taken_by_themselves_are_nearly_as_uncertain():
    crowd = simulate_annotations(2000, 60, 3, labels_per_item=5, random_state=0)
    model = DawidSkene().fit(crowd.annotations)
    estimate = estimated(model, crowd.annotations, None)
    whole, arrow = covariance(estimate), covariance(estimate, most=0)
    assert arrow.whole is None
    ratio = np.sqrt(np.einsum("bcc->bc", arrow.blocks) / np.einsum("bcc->bc", whole.blocks))
    assert 0.9 < ratio.mean() < 1.01
    np.testing.assert_allclose(arrow.slope, whole.slope, atol=1e-12)


def test_draws_have_the_covariance_either_way():
    crowd = simulate_annotations(500, 6, 2, labels_per_item=4, random_state=1)
    model = DawidSkene().fit(crowd.annotations)
    found = uncertainty(model, crowd.annotations)
    drawn = found.sample_parameters(2000, random_state=0)
    assert drawn.confusion.shape == (2000, 6, 2, 2)
    np.testing.assert_allclose(drawn.confusion.sum(axis=3), 1)
    np.testing.assert_allclose(drawn.class_prior.sum(axis=1), 1)
    np.testing.assert_allclose(
        drawn.confusion.std(axis=0), found.confusion.standard_error, rtol=0.15
    )
    from aggregate.inspection._draws import Laplace

    estimate = estimated(model, crowd.annotations, None)
    arrow = covariance(estimate, most=0)
    random = np.random.default_rng(0)
    blocks = np.stack([Laplace(estimate, arrow)._coordinates(random)[0] for _ in range(3000)])
    spread = np.einsum("sbc,sbd->bcd", blocks, blocks) / 3000
    np.testing.assert_allclose(spread, arrow.blocks, atol=0.12 * arrow.blocks.max())


def test_a_fit_without_prior_at_the_boundary():
    votes = Annotations.from_matrix([[0, 0, 0], [1, 1, 1]] * 10)
    for family in FAMILY:
        found = uncertainty(family(prior_strength=0).fit(votes), votes)
        for part in (found.confusion, found.skill, found.class_prior, found.prevalence):
            assert np.isfinite([part.value, part.standard_error, part.low, part.high]).all()
            assert (part.low <= part.value).all()
            assert (part.high >= part.value).all()
        right = np.einsum("jkk->jk", found.confusion.low)
        assert (right < 0.99).all()
        assert (right > 0.5).all()


@pytest.mark.parametrize("n_classes", [1, 2, 3])
@pytest.mark.parametrize("method", ["information", "bootstrap"])
def test_silent_items_and_annotators_repeats_and_one_class(n_classes, method):
    votes = problems.ragged(3, n_classes=n_classes)
    families = (*FAMILY, HierarchicalDawidSkene, IBCC)
    for family in (*families, Auto) if method == "information" else families:
        model = family().fit(votes)
        found = uncertainty(model, votes, method, n_bootstrap=5)
        for part in (found.confusion, found.skill, found.class_prior, found.prevalence):
            assert np.isfinite([part.value, part.standard_error, part.low, part.high]).all()
            assert (part.low >= 0).all()
            assert (part.high <= 1).all()


def test_order_of_annotators_and_names_of_labels_do_not_matter():
    votes = problems.planted(4, n_items=100, n_annotators=4, per_item=3).votes
    turned = Annotations.from_columns(
        votes.item, 3 - votes.annotator, np.array(["a", "b", "c"])[votes.label]
    )
    one = uncertainty(DawidSkene().fit(votes), votes, n_draws=0)
    other = uncertainty(DawidSkene().fit(turned), turned, n_draws=0)
    np.testing.assert_allclose(one.skill.low, other.skill.low[::-1], rtol=1e-6)
    np.testing.assert_allclose(one.prevalence.high, other.prevalence.high, rtol=1e-6)


def test_seeds_and_threads():
    votes = problems.planted(5, n_items=80).votes
    model = DawidSkene().fit(votes)
    runs = [
        uncertainty(model, votes, "bootstrap", n_bootstrap=8, random_state=1, n_jobs=n_jobs)
        for n_jobs in (None, 2)
    ]
    np.testing.assert_array_equal(runs[0].confusion.low, runs[1].confusion.low)
    np.testing.assert_array_equal(runs[0].prevalence.high, runs[1].prevalence.high)


def test_the_bootstrap_keeps_gold_and_leaves_the_model_alone():
    planted = problems.planted(6, n_items=60)
    gold = np.where(np.arange(60) < 30, planted.truth, -1)
    model = DawidSkene(warm_start=False).fit(planted.votes, gold=gold)
    before = model.confusion_.copy()
    found = uncertainty(model, planted.votes, "bootstrap", gold=gold, n_bootstrap=5)
    assert (model.confusion_ == before).all()
    assert model.get_params()["prior_strength"] == 4.0
    assert np.isfinite(found.skill.standard_error).all()


def test_bootstrap_takes_any_model_with_confusions():
    votes = problems.planted(7, n_items=60).votes
    model = FastDawidSkene().fit(votes)
    assert uncertainty(model, votes, "bootstrap", n_bootstrap=4).method == "bootstrap"


def test_known_class_priors_do_not_vary():
    votes = problems.planted(8, n_items=60).votes
    found = uncertainty(DawidSkene(class_prior="uniform").fit(votes), votes)
    np.testing.assert_array_equal(found.class_prior.standard_error, 0)
    np.testing.assert_allclose(found.class_prior.low, 1 / 3)
    assert (found.prevalence.standard_error > 0).all()


@pytest.mark.parametrize("model", [FastDawidSkene(), EBCC(n_init=1), MajorityVote()])
def test_models_without_a_known_likelihood_are_refused(model):
    votes = problems.planted(0, n_items=30).votes
    with pytest.raises(TypeError, match=f"{type(model).__name__} maximises no likelihood"):
        uncertainty(model.fit(votes), votes)


def test_other_refusals():
    votes = problems.planted(0, n_items=30).votes
    model = DawidSkene().fit(votes)
    with pytest.raises(ValueError, match="fitted to other annotators"):
        uncertainty(model, votes.select(annotators=[0, 1, 2]))
    with pytest.raises(ValueError, match="method must be one of 'information', 'bootstrap'"):
        uncertainty(model, votes, "magic")
    with pytest.raises(TypeError, match="has no confusion_"):
        uncertainty(MajorityVote().fit(votes), votes, "bootstrap")
    fixed = DawidSkene(init=model.confusion_, fix_confusion=True).fit(votes)
    for method in ("information", "bootstrap"):
        with pytest.raises(ValueError, match="confusions are fixed"):
            uncertainty(fixed, votes, method)
    with pytest.raises(ValueError, match="draws need method='information'"):
        uncertainty(model, votes, "bootstrap", n_bootstrap=2).sample_parameters(3)
    silent = DawidSkene(abstention=2).fit(votes)
    with pytest.raises(TypeError, match="does not know abstentions"):
        uncertainty(silent, votes)


def test_a_table_is_read_as_the_model_read_it():
    votes = problems.planted(9, n_items=60).votes
    table = votes.to_matrix()
    one, other = (
        uncertainty(DawidSkene().fit(table), table),
        uncertainty(DawidSkene().fit(votes), votes),
    )
    np.testing.assert_allclose(one.skill.low, other.skill.low, rtol=1e-6)


def test_too_many_parameters_are_refused_before_they_fill_the_memory(monkeypatch):
    votes = problems.planted(0, n_items=30).votes
    model = DawidSkene().fit(votes)
    monkeypatch.setattr("aggregate.inspection._information._LARGE", 100)
    monkeypatch.setattr("aggregate.inspection._information._SLOW", 100)
    with pytest.raises(ValueError, match=r"needs \d+ GB. Use method='bootstrap'"):
        uncertainty(model, votes)


def test_tables_and_words():
    crowd = simulate_annotations(100, 9, 2, labels_per_item=4, random_state=0)
    found = uncertainty(DawidSkene().fit(crowd.annotations), crowd.annotations)
    for what, rows in (("skill", 9), ("confusion", 36), ("classes", 2)):
        table = found.to_table(what)
        assert set(map(len, table.values())) == {rows}
        assert {"value", "standard_error", "low", "high"} <= set(table)
    text = str(found)
    assert "95% intervals by information" in text
    assert "3 annotators between the best and least known" in text
