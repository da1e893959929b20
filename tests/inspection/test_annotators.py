from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy.stats import beta

from aggregate import (
    EBCC,
    Annotations,
    Auto,
    DawidSkene,
    HierarchicalDawidSkene,
    MajorityVote,
    OneCoinDawidSkene,
    PooledDawidSkene,
    annotator_report,
    dependence_report,
    simulate_annotations,
    uncertainty,
)
from aggregate.inspection import annotator_costs, label_worth, spammers
from aggregate.inspection.annotators import jeffreys_intervals

EXPERT, SPAMMER, ADVERSARY, DRIFTER, GUESSER, BIASED = range(6)
N_ANNOTATORS = 24


def coin(chance):
    return np.array([[chance, 1 - chance], [1 - chance, chance]])


def planted(seed, n_items=900):
    """Draw average annotators and six others; return votes, confusions, order, seconds, truth."""
    random = np.random.default_rng(seed)
    rows = np.stack([coin(0.8)] * N_ANNOTATORS)
    rows[[EXPERT, ADVERSARY, DRIFTER, GUESSER]] = [coin(p) for p in (0.97, 0.15, 0.9, 0.55)]
    rows[SPAMMER], rows[BIASED] = [0.6, 0.4], [[0.95, 0.05], [0.5, 0.5]]
    drawn = simulate_annotations(
        n_items, N_ANNOTATORS, 2, labels_per_item=6, confusion=rows, random_state=seed
    )
    votes, order = drawn.annotations, random.random(drawn.annotations.n_annotations)
    mine = np.flatnonzero(votes.annotator == DRIFTER)
    late = mine[order[mine] > np.median(order[mine])]
    label, truth = votes.label.copy(), drawn.truth[votes.item[late]]
    label[late] = np.where(random.random(len(late)) < 0.6, truth, 1 - truth)
    usual = np.exp(random.normal(2, 0.3, N_ANNOTATORS))
    usual[GUESSER] = np.exp(2 - 5 * 0.3)
    seconds = usual[votes.annotator] * np.exp(random.normal(0, 0.5, len(label)))
    arrays = (votes.item_ptr, votes.annotator, label, votes.items, votes.annotators, votes.classes)
    return Annotations(*arrays), rows, order, seconds, drawn.truth


@pytest.fixture
def no_pairs(monkeypatch):
    """Compare no pairs, which is slow, in tests of many crowds that do not look at them."""
    none = partial(dependence_report, min_shared=10**6)
    monkeypatch.setattr(spammers, "dependence_report", lambda *of, **given: none(*of))


@pytest.mark.usefixtures("no_pairs")
def test_planted_annotators_are_recognised():
    """About 225 labels each; rates over 40 crowds, as the page says."""
    right = {word: [] for word in ("expert", "spammer", "adversary", "drift", "fast", "biased")}
    false = {word: [] for word in ("typical", "accused", "drift", "fast", "biased")}
    for seed in range(40):
        votes, _, order, seconds, _ = planted(seed)
        found = annotator_report(votes, order=order, times=seconds)
        named = np.array([each is not None for each in found.over_reported])
        right["expert"].append(found.standing[EXPERT] == "better")
        right["spammer"].append(found.standing[SPAMMER] == "spammer")
        right["adversary"].append(found.standing[ADVERSARY] == "adversary")
        right["drift"].append(found.drifting[DRIFTER])
        right["fast"].append(found.speed.fast[GUESSER])
        right["biased"].append(found.over_reported[BIASED] == 0)
        usual = found.standing[6:]
        false["typical"].append((usual != "typical").mean())
        false["accused"].append(np.isin(usual, ["spammer", "adversary"]).any())
        false["drift"].append(np.delete(found.drifting, DRIFTER).any())
        false["fast"].append(np.delete(found.speed.fast, GUESSER).mean())
        false["biased"].append(named[6:].any())
    least = {"expert": 0.95, "spammer": 0.85, "adversary": 1, "drift": 0.8, "fast": 0.9,
             "biased": 0.95}  # fmt: skip
    most = {"typical": 0.08, "accused": 0.05, "drift": 0.15, "fast": 0.01, "biased": 0.15}
    assert all(np.mean(right[word]) >= least[word] for word in right), right
    assert all(np.mean(false[word]) <= most[word] for word in false), false


@pytest.mark.usefixtures("no_pairs")
def test_intervals_of_skill_and_bias_cover():
    inside, of_bias = [], []
    for seed in range(200):
        drawn = simulate_annotations(150, 8, 2, labels_per_item=5, random_state=seed)
        found = annotator_report(drawn.annotations)
        skill = np.einsum("jkk,k->j", drawn.confusion, drawn.class_prior)
        bias = np.einsum("jky,k->jy", drawn.confusion, drawn.class_prior) - drawn.class_prior
        inside.append((found.skill.low <= skill) & (skill <= found.skill.high))
        of_bias.append((found.bias.low <= bias) & (bias <= found.bias.high))
    assert 0.92 <= np.mean(inside) <= 0.98
    assert 0.92 <= np.mean(of_bias) <= 0.98


def test_gold_is_counted_with_jeffreys_intervals():
    votes, _, _, _, truth = planted(0, 300)
    gold = {item: int(truth[i]) for i, item in enumerate(votes.items.tolist()) if i < 60}
    found = annotator_report(votes, gold=gold)
    on_gold = votes.item < 60
    correct = np.bincount(votes.annotator[on_gold], (votes.label == truth[votes.item])[on_gold])
    np.testing.assert_array_equal(found.gold_correct, correct)
    j = int(found.gold_given.argmax())
    wrong = found.gold_given[j] - correct[j]
    expected = beta.ppf([0.025, 0.975], correct[j] + 0.5, wrong + 0.5)
    np.testing.assert_allclose([found.gold_skill.low[j], found.gold_skill.high[j]], expected)
    assert "On gold" in found.about(j)
    table = found.to_table()
    assert {"gold_labels", "gold_correct", "gold_low", "gold_high"} <= set(table)
    known = annotator_report(votes, gold=truth)  # all truth is known: skills are counts but for
    counts = known.gold_correct / known.gold_given  # the prior's two pseudo-labels and the prior
    assert abs(known.skill.value - counts).max() < 0.06


def test_gold_of_strange_items_is_told_once():
    votes, _, order, _, truth = planted(0, 100)
    gold = {i: int(truth[i]) for i in range(50)}
    with pytest.warns(UserWarning, match="1 gold items are not among") as told:
        found = annotator_report(votes, gold=gold | {"lost": 1}, order=order)
    assert len(told) == 1
    expected = annotator_report(votes, gold=gold, order=order)
    for name, values in found.to_table().items():
        np.testing.assert_array_equal(values, expected.to_table()[name])


def test_jeffreys_intervals_cover_on_average():
    random, chance = np.random.default_rng(0), np.linspace(0.02, 0.98, 97)
    correct = random.binomial(25, np.repeat(chance, 200))
    found = jeffreys_intervals(correct, np.full(len(correct), 25), 0.95)
    inside = (found.low <= np.repeat(chance, 200)) & (np.repeat(chance, 200) <= found.high)
    assert inside.mean() == pytest.approx(0.95, abs=0.01)


@pytest.mark.usefixtures("no_pairs")
def test_effective_labels_are_near_the_planted():
    off = []
    for seed in range(10):
        votes, rows, *_ = planted(seed)
        found = annotator_report(votes)
        np.testing.assert_allclose(found.effective_labels, found.n_labels * found.worth)
        off.append(found.worth - label_worth(rows, np.array([0.5, 0.5])))
    off = np.mean(off, axis=0)
    assert abs(off[SPAMMER]) < 0.02
    assert abs(np.delete(off, DRIFTER)).max() < 0.12  # pseudo-labels pull the best to the middle
    assert abs(np.mean(off[6:])) < 0.02


def test_costs_reach_the_report():
    votes = simulate_annotations(300, 8, 3, random_state=0).annotations
    costs = np.array([[0.0, 1.0, 9.0], [5.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    model = DawidSkene().fit(votes)
    found = annotator_report(votes, model, costs=costs)
    cost, without = annotator_costs(model.confusion_, model.class_prior_, costs)
    np.testing.assert_array_equal(found.cost, cost)
    assert found.cost_without == without
    assert not np.allclose(found.quality, annotator_report(votes, model).quality)


def test_order_and_names_do_not_matter():
    votes, _, order, seconds, truth = planted(3, 300)
    shuffle = np.random.default_rng(0).permutation(votes.n_annotations)
    names = np.array([f"p{(7 * j) % N_ANNOTATORS:02}" for j in range(N_ANNOTATORS)])
    who, items = names[votes.annotator][shuffle], votes.item[shuffle]
    renamed = Annotations.from_columns(items, who, np.array(["no", "yes"])[votes.label][shuffle])
    gold = {i: int(truth[i]) for i in range(40)}
    one = annotator_report(votes, gold=gold, order=order, times=seconds)
    two = annotator_report(
        renamed,
        gold={i: ["no", "yes"][k] for i, k in gold.items()},
        order=(items, who, order[shuffle]),
        times=(items, who, seconds[shuffle]),
    )
    place = np.argsort(names)
    for name, values in one.to_table().items():
        if name not in ("annotator", "over_reported"):
            other = two.to_table()[name.replace("bias_0", "bias_no").replace("bias_1", "bias_yes")]
            if values.dtype.kind == "f":
                np.testing.assert_allclose(other, values[place], rtol=1e-5, atol=1e-6)
            else:
                np.testing.assert_array_equal(other, values[place])


def test_few_labels_are_unknown():
    votes, *_ = planted(0, 40)
    found = annotator_report(votes, order=votes.item, times=np.ones(votes.n_annotations))
    assert (found.standing == "unknown").mean() > 0.8
    assert np.isnan(found.drift.p_value).all()
    assert "Drift: unknown" in found.about(4)
    assert "drifting: none; of 24 it is unknown" in str(found)
    assert "too uncertain to judge" in found.about(GUESSER)


def test_models_without_error_bars_say_so_and_the_bootstrap_has_some():
    votes, *_ = planted(0, 200)
    model = EBCC().fit(votes)
    found = annotator_report(votes, model)
    assert found.intervals == "unknown"
    assert "intervals unknown for this model" in str(found)
    assert (found.skill.low == 0).all()
    assert (found.skill.high == 1).all()
    assert set(found.standing) <= {"unknown", "spammer", "adversary"}
    assert all(each is None for each in found.over_reported)
    errors = uncertainty(model, votes, method="bootstrap", n_bootstrap=20)
    found = annotator_report(votes, model, errors=errors)
    assert found.intervals == "bootstrap"
    assert (found.skill.high - found.skill.low < 1).all()
    assert (found.bias.standard_error > 0).all()
    with pytest.raises(ValueError, match=r"errors= have the level 0\.95, not 0\.9"):
        annotator_report(votes, model, errors=errors, level=0.9)
    other = uncertainty(DawidSkene().fit(planted(1, 50)[0].select(annotators=[0, 1, 2])),
                        planted(1, 50)[0].select(annotators=[0, 1, 2]))  # fmt: skip
    with pytest.raises(ValueError, match="errors= are those of other annotators"):
        annotator_report(votes, model, errors=other)
    with pytest.raises(TypeError, match="MajorityVote has no confusion_"):
        annotator_report(votes, MajorityVote())
    with pytest.raises(ValueError, match="there is no annotator 'zoe'"):
        found.about("zoe")


def test_nobody_is_judged_whom_nobody_checks():
    """Three annotators of a third of the items each: a likelihood there is, but no evidence."""
    table = np.full((900, 4), -1)
    table[np.arange(900), np.arange(900) // 300] = np.random.default_rng(0).integers(0, 2, 900)
    table[600:, 2] = 0
    votes = Annotations.from_matrix(table)
    found = annotator_report(votes, order=votes.item)
    assert found.standing.tolist() == ["unknown"] * votes.n_annotators
    assert (found.skill.high - found.skill.low == 1).all()
    assert all(each is None for each in found.over_reported)
    known = annotator_report(votes, gold={i: int(table[i].max()) for i in range(0, 900, 3)})
    assert "unknown" not in known.standing[:3]


@pytest.mark.parametrize("model", [OneCoinDawidSkene(), PooledDawidSkene(),
                                   HierarchicalDawidSkene()])  # fmt: skip
def test_other_structures_have_intervals(model):
    found = annotator_report(planted(0, 200)[0], model)
    assert found.intervals == "information"
    assert np.isfinite(found.bias.standard_error).all()
    assert ((found.bias.low <= found.bias.value) & (found.bias.value <= found.bias.high)).all()


def test_an_average_of_models_has_intervals_and_is_not_refitted():
    votes = planted(0)[0]
    model = Auto().fit(votes)
    found = annotator_report(votes, model)
    assert found.standing[:3].tolist() == ["better", "spammer", "adversary"]
    assert (found.standing == "typical").sum() > N_ANNOTATORS / 2
    np.testing.assert_array_equal(found.skill.low, uncertainty(model, votes, n_draws=0).skill.low)
    pairs = dependence_report(votes).pairs  # by one model: an average gives no likelihood
    np.testing.assert_array_equal(found.suspects.pairs.p_value, pairs.p_value)


def test_abstentions_are_no_labels_but_take_time():
    votes, _, order, seconds, _ = planted(0, 200)
    said = votes.label.astype(object)
    said[::10] = "unsure"
    items, who = votes.items[votes.item], votes.annotators[votes.annotator]
    votes = Annotations.from_columns(items, who, [str(each) for each in said])
    found = annotator_report(
        votes, DawidSkene(abstention="unsure"), order=(items, who, order),
        times=(items, who, seconds),
    )  # fmt: skip
    assert found.intervals == "unknown"
    assert found.n_labels.sum() == (said != "unsure").sum()
    assert found.speed.n_labels.sum() == len(said)
    assert found.drift.n_labels.sum() == found.n_labels.sum()


@pytest.mark.parametrize(
    "table",
    [
        [[0], [1]],
        [["a", "a"], ["a", None]],
        [[0, 1, 1], [-1, -1, -1]],
        [[0, -1], [-1, 1]],
        [[1] * 600, [0] * 600],
    ],
)
def test_degenerate_votes_are_answered(table):
    votes = Annotations.from_matrix(table)
    place = np.arange(votes.n_annotations)
    found = annotator_report(votes, order=place, times=place)
    assert str(found)
    assert found.about(found.annotators.tolist()[0])
    for name in ("worth", "effective_labels", "cost", "quality"):
        assert np.isfinite(getattr(found, name)).all()
    assert np.isfinite(found.skill.low).all()
    assert np.isfinite(found.bias.value).all()
    assert not found.drifting.any()
    assert set(found.standing) == {"unknown"} or len(table[0]) == 600
