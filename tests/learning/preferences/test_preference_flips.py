"""From votes on pairs to preferences: rates against known ones, both ways round, tables."""

from __future__ import annotations

import json

import numpy as np
import pytest

from aggregate import Annotations, Auto, DawidSkene, MajorityVote, simulate_annotations
from aggregate.learning import (
    annotator_flip_rates,
    dpo_loss,
    preference_labels,
    preference_votes,
    rdpo_loss,
)


def crowd(rates, n_pairs=2000, n_votes=3, seed=0):
    """Return votes "A" or "B" by annotators of known flip rates, and which answer is better."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(2, size=n_pairs)
    pairs, who = (part.ravel() for part in (
        np.repeat(np.arange(n_pairs)[:, None], n_votes, axis=1),
        np.argsort(rng.random((n_pairs, len(rates))), axis=1)[:, :n_votes],
    ))  # fmt: skip
    said = np.where(rng.random(len(who)) < np.asarray(rates)[who], 1 - truth[pairs], truth[pairs])
    return Annotations.from_columns(pairs, who, np.array(["A", "B"])[said]), truth


RATES = [0.05, 0.1, 0.2, 0.3, 0.35]


def test_rates_are_those_of_the_annotators():
    votes, _ = crowd(RATES, n_pairs=6000)
    model = DawidSkene().fit(votes)
    np.testing.assert_allclose(annotator_flip_rates(model), RATES, atol=0.04)
    rows = preference_votes(model, votes)
    for j, rate in enumerate(RATES):
        own = rows.label_flip_rate[rows.annotator == j]
        assert np.ptp(own) == 0
        assert own[0] == pytest.approx(rate, abs=0.04)


def test_label_rates_are_how_often_labels_are_wrong():
    one, truth = crowd(RATES, n_votes=1)
    five, _ = crowd(RATES, n_votes=5)
    frame = [part.to_frame() for part in (one, five)]
    items = np.r_[frame[0]["item"], frame[1]["item"] + 2000]
    votes = Annotations.from_columns(items, np.r_[frame[0]["annotator"], frame[1]["annotator"]],
                                     np.r_[frame[0]["label"], frame[1]["label"]])  # fmt: skip
    truth = np.r_[truth, truth]
    found = preference_labels(DawidSkene(annotator_correlation=0.0).fit(votes), votes)
    wrong = found.chosen != truth
    for n in (1, 5):
        group = found.n_votes == n
        assert found.label_flip_rate[group].std() < 1e-12
        assert found.label_flip_rate[group][0] == pytest.approx(wrong[group].mean(), abs=0.02)
    np.testing.assert_allclose(found.flip_rate, 1 - found.probability)
    assert (found.probability >= 0.5).all()


def test_label_rates_of_few_pairs_lean_on_all_pairs():
    table = [[0, 0, 1]] * 30 + [[1, -1, -1]] * 2
    votes = Annotations.from_matrix(table)
    found = preference_labels(MajorityVote().fit(votes), votes)
    for size in (1, 3):
        alike = found.flip_rate[found.n_votes == size]
        wanted = (alike.sum() + 20 * found.flip_rate.mean()) / (len(alike) + 20)
        np.testing.assert_allclose(found.label_flip_rate[found.n_votes == size], wanted)


def test_rdpo_on_the_labels_is_the_clean_loss_on_average():
    votes, truth = crowd(RATES)
    found = preference_labels(DawidSkene(annotator_correlation=0.0).fit(votes), votes)
    signed = np.random.default_rng(1).normal(1.0, 1.0, size=2000)  # logits of the truly better
    seen = np.where(found.chosen == truth, signed, -signed)
    clean = dpo_loss(signed).mean()
    assert rdpo_loss(seen, found.label_flip_rate).mean() == pytest.approx(clean, abs=0.03)
    assert dpo_loss(seen).mean() > clean + 0.04


def test_rdpo_on_single_votes_is_the_clean_loss_on_average():
    votes, truth = crowd(RATES)
    rows = preference_votes(DawidSkene().fit(votes), votes)
    signed = np.random.default_rng(1).normal(1.0, 1.0, size=2000)[rows.pair]
    seen = np.where(rows.chosen == truth[rows.pair], signed, -signed)
    clean = dpo_loss(signed).mean()
    assert rdpo_loss(seen, rows.label_flip_rate).mean() == pytest.approx(clean, abs=0.05)


def test_votes_of_an_adversary_are_turned_round_and_noise_left_out():
    votes, truth = crowd([0.05, 0.1, 0.15, 0.9, 0.5], n_votes=4)
    rows = preference_votes(DawidSkene().fit(votes), votes)
    adversary = rows.annotator == 3
    assert (rows.chosen == truth[rows.pair])[adversary].mean() == pytest.approx(0.9, abs=0.04)
    assert rows.label_flip_rate[adversary][0] == pytest.approx(0.1, abs=0.04)
    assert not (rows.annotator == 4).any()
    assert rows.n_left_out == (votes.annotator == 4).sum()
    assert len(rows) + rows.n_left_out == votes.n_annotations


def test_answers_the_class_that_means_first_and_json():
    votes, truth = crowd(RATES, n_pairs=50)
    answers = ([f"a{i}" for i in range(50)], [f"b{i}" for i in range(50)])
    model = Auto().fit(votes)
    plain = preference_labels(model, votes, answers=answers)
    other = preference_labels(model, votes, first="B", answers=answers)
    np.testing.assert_array_equal(plain.chosen, other.rejected)
    np.testing.assert_allclose(plain.probability, other.probability)
    lines = [json.loads(json.dumps(row)) for row in plain.rows()]
    assert lines[7]["pair"] == 7
    assert {lines[7]["chosen"], lines[7]["rejected"]} == {"a7", "b7"}
    assert (np.array([row["chosen"][0] == "b" for row in lines]) == truth).mean() > 0.9
    assert set(lines[0]) == {"pair", "chosen", "rejected", "probability", "flip_rate",
                             "label_flip_rate", "n_votes"}  # fmt: skip
    single = next(preference_votes(model, votes, answers=answers).rows())
    assert "annotator" in single


def test_pairs_without_votes_and_clipping():
    votes = Annotations.from_columns([0, 1, 1], [0, 0, 1], ["A", "B", "A"], known_items=[0, 1, 2])
    found = preference_labels(MajorityVote().fit(votes), votes)
    assert found.pair.tolist() == [0, 1]
    assert found.n_left_out == 1
    noise = simulate_annotations(300, 5, 2, labels_per_item=2, random_state=0).annotations
    spread = preference_labels(DawidSkene().fit(noise), noise, max_flip_rate=0.01)
    assert (spread.label_flip_rate <= 0.01).all()
    assert spread.n_clipped == len(spread)
    np.testing.assert_allclose(
        annotator_flip_rates(MajorityVote().fit(noise)),
        1 - MajorityVote().fit(noise).annotator_skill_,
    )


def test_what_is_printed():
    votes, _ = crowd(RATES, n_pairs=20)
    model = DawidSkene().fit(votes)
    answers = ([f"a long answer, the first one of pair {i}" for i in range(20)], ["no"] * 20)
    lines = str(preference_labels(model, votes, answers=answers)).split("\n")
    assert lines[0].startswith("20 pairs, 0 left out; mean flip rate ")
    assert len(lines) == 11
    assert all("a long answer, the firs… > no" in x or "no > a long" in x for x in lines[1:])
    single = preference_votes(model, votes)
    assert str(single).startswith(f"{len(single)} votes, {single.n_left_out} left out")


def test_refusals():
    votes, _ = crowd(RATES, n_pairs=20)
    model = DawidSkene().fit(votes)
    with pytest.raises(ValueError, match="it is not fitted"):
        preference_labels(DawidSkene(), votes)
    three = Annotations.from_matrix([[0, 1, 2]])
    with pytest.raises(ValueError, match=r"its classes are 0, 1, 2\. Leave out ties"):
        preference_labels(MajorityVote().fit(three), three)
    agreed = Annotations.from_matrix([["A", "A"]])
    with pytest.raises(ValueError, match=r"its classes are 'A'\. Declare both"):
        preference_labels(MajorityVote().fit(agreed), agreed)
    for call in (preference_labels, preference_votes):
        with pytest.raises(TypeError, match=r"votes must be Annotations .*; got ndarray"):
            call(model, votes.to_matrix())
    with pytest.raises(ValueError, match="first must be one of 'A', 'B'"):
        preference_labels(model, votes, first="first")
    with pytest.raises(ValueError, match="each of the 20 items"):
        preference_labels(model, votes, answers=(["a"], ["b"]))
    with pytest.raises(ValueError, match="two arrays, the first answers and the second"):
        preference_labels(model, votes, answers={"pair 1": ("a", "b")})
    with pytest.raises(ValueError, match="max_flip_rate"):
        preference_labels(model, votes, max_flip_rate=0.5)
    strangers = Annotations.from_columns([0], ["nobody"], ["A"], classes=["A", "B"])
    with pytest.raises(ValueError, match="not fitted: 'nobody'"):
        preference_votes(model, strangers)
