"""Models on a folder: the same answers as in memory, from chunks of the files."""

from __future__ import annotations

import pickle
import tracemalloc

import numpy as np
import pytest

from aggregate import (
    Annotations,
    DawidSkene,
    HierarchicalDawidSkene,
    MajorityVote,
    OneCoinDawidSkene,
    Wawa,
    _chunks,
    load_model,
    simulate_annotations,
)
from aggregate._tables import to_table
from aggregate.models import make_model, model_names
from aggregate.models._em import State
from aggregate.models._problem import passes_over
from aggregate.models._start import shares_to_start_from
from aggregate.models._stored_passes import StoredPasses


@pytest.fixture(params=[2, 3, 12])
def crowd(request, monkeypatch):
    monkeypatch.setattr(_chunks, "ANNOTATIONS_PER_CHUNK", 50)
    return simulate_annotations(
        300, 12, request.param, labels_per_item=(0, 6), random_state=request.param
    )


@pytest.fixture
def both(crowd, tmp_path):
    folder = crowd.annotations.save(tmp_path / "votes")
    return crowd.annotations, Annotations.open(folder)


@pytest.fixture
def gold(crowd):
    known = crowd.truth.astype(np.int32)
    known[::3] = -1
    return known


def test_chunks_cover_every_item_once(both):
    votes, _ = both
    bounds = list(_chunks.chunks(votes.item_ptr, 5, 250))
    assert len(bounds) > 5
    assert [first for first, _ in bounds] == [5, *(last for _, last in bounds[:-1])]
    assert bounds[-1][1] == 250
    pointers, code = _chunks.chunk_codes(votes, 5, 250, 12, votes.n_classes)
    start, stop = votes.item_ptr[5], votes.item_ptr[250]
    assert np.array_equal(pointers, votes.item_ptr[5:251] - start)
    expected = votes.annotator[start:stop] * votes.n_classes + votes.label[start:stop]
    assert np.array_equal(code, expected)


@pytest.mark.parametrize("known", [False, True])
def test_passes_count_the_same_to_the_last_bit(both, gold, known):
    inside, outside = both
    truth = gold if known else None
    passes = [passes_over(votes, truth, 2) for votes in (inside, outside)]
    assert isinstance(passes[1], StoredPasses)
    starts = [
        one.count(shares_to_start_from(votes, truth, None))
        for one, votes in zip(passes, (inside, outside), strict=True)
    ]
    assert np.array_equal(starts[0].table, starts[1].table)
    np.testing.assert_allclose(starts[0].mass, starts[1].mass, rtol=1e-12)
    fitted = DawidSkene(max_iter=3, tol=0).fit(inside)
    state = State(fitted.class_prior_, to_table(fitted.confusion_))
    found = [one.expect(state) for one in passes]
    assert np.array_equal(found[0].table, found[1].table)
    assert found[0].log_likelihood == pytest.approx(found[1].log_likelihood, rel=1e-12)
    soft = np.random.default_rng(0).dirichlet(np.ones(inside.n_classes), inside.n_items)
    assert np.array_equal(passes[0].count(soft).table, passes[1].count(soft).table)


@pytest.mark.parametrize(
    "model",
    [DawidSkene(), OneCoinDawidSkene(), HierarchicalDawidSkene(max_iter=20, tol=0), MajorityVote(),
     Wawa(), DawidSkene(abstention=0, max_iter=30, tol=0)],
    ids=["full", "one coin", "hierarchical", "vote", "wawa", "abstention"],
)  # fmt: skip
def test_models_answer_the_same(both, gold, model):
    inside, outside = both
    if getattr(model, "abstention", None) is not None and inside.n_classes == 2:
        pytest.skip("one class would be left")
    known = None if getattr(model, "abstention", None) is not None else gold
    expected = model.fit(inside, gold=known)
    probas, labels, skill = expected.probas_, expected.labels_, expected.annotator_skill_
    given = model.gold_given_, model.gold_correct_
    found = model.fit(outside, gold=known)
    np.testing.assert_allclose(found.probas_, probas, rtol=1e-6, atol=1e-9)
    assert np.array_equal(found.labels_, labels)
    np.testing.assert_allclose(found.annotator_skill_, skill, rtol=1e-6)
    assert np.array_equal(model.gold_given_, given[0])
    assert np.array_equal(model.gold_correct_, given[1])
    np.testing.assert_allclose(found.predict_proba(outside), found.predict_proba(inside))


def test_soft_labels_block_by_block(both, gold):
    inside, outside = both
    for model in (DawidSkene(), MajorityVote()):
        expected = model.fit(inside, gold=gold).probas_
        model.fit(outside, gold=gold)
        blocks = list(model.soft_label_blocks(outside, gold=gold, n_annotations=40))
        assert len(blocks) > 5
        assert [block.first for block in blocks] == [0, *(block.last for block in blocks[:-1])]
        found = np.concatenate([block.probas for block in blocks])
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
        given = np.concatenate([block.annotations.labels_per_item for block in blocks])
        assert np.array_equal(given, inside.labels_per_item)


def test_blocks_in_the_classes_of_the_model(both, gold):
    inside, outside = both
    if inside.n_classes == 2:
        pytest.skip("one class would be left")
    model = DawidSkene(abstention=0, max_iter=20, tol=0).fit(outside)
    gold[gold == 0] = 1  # nobody's truth is an abstention
    blocks = list(model.soft_label_blocks(outside, gold=gold, n_annotations=40))
    found = np.concatenate([block.probas for block in blocks])
    known = gold >= 0
    expected = model.predict_proba(inside)
    np.testing.assert_allclose(found[~known], expected[~known])
    assert np.array_equal(model.classes_[found[known].argmax(axis=1)], gold[known])
    with pytest.raises(TypeError, match="needs Annotations; got list"):
        next(model.soft_label_blocks([[0, 1]]))


def test_blocks_by_other_annotators(both):
    inside, _ = both
    model = DawidSkene().fit(inside.select(annotators=range(6)))
    found = [block.probas for block in model.soft_label_blocks(inside, n_annotations=40)]
    np.testing.assert_allclose(np.concatenate(found), model.predict_proba(inside))


def test_a_fit_to_a_folder_leaves_soft_labels_for_later(both):
    inside, outside = both
    model = DawidSkene()
    with pytest.raises(AttributeError, match="no attribute 'probas_'"):
        _ = model.probas_
    model.fit(outside)
    assert "probas_" not in vars(model)
    assert "labels_" not in vars(model)
    copy = pickle.loads(pickle.dumps(model))
    labels = model.labels_
    assert model.probas_ is model.probas_
    assert np.array_equal(copy.labels_, labels)
    assert np.array_equal(copy.probas_, model.probas_)
    model.fit(inside)
    assert "_for_later" not in vars(model)
    assert np.array_equal(model.labels_, labels)
    model.fit(outside)
    assert "probas_" not in vars(model)  # nor those of the fit before
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = model.nonsense


@pytest.mark.parametrize("items", [False, True])
def test_a_model_of_a_folder_is_saved(both, tmp_path, items):
    _, outside = both
    model = DawidSkene().fit(outside)
    model.save(tmp_path / "model.npz", items=items)
    found = load_model(tmp_path / "model.npz")
    assert np.array_equal(found.predict_proba(outside), model.predict_proba(outside))
    assert hasattr(found, "probas_") == items
    assert ("probas_" in vars(model)) == items  # computed because they were to be written


def test_a_fit_to_a_folder_takes_memory_for_a_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr(_chunks, "ANNOTATIONS_PER_CHUNK", 1 << 14)
    crowd = simulate_annotations(100_000, 50, 4, labels_per_item=5, random_state=0)
    outside = Annotations.open(crowd.annotations.save(tmp_path / "votes"))
    model = DawidSkene(max_iter=3, tol=0)
    model.fit(outside)  # compiles
    tracemalloc.start()
    model.fit(outside)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 600_000  # soft labels alone would be 3.2 MB, codes 2 MB, items' names 0.8 MB


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", model_names())
def test_every_model_takes_a_folder(tmp_path_factory, name):
    votes = simulate_annotations(150, 9, 2, labels_per_item=5, random_state=0).annotations
    outside = Annotations.open(votes.save(tmp_path_factory.mktemp("all") / "votes"))
    expected = make_model(name, random_state=0).fit(votes).probas_
    found = make_model(name, random_state=0).fit(outside).probas_
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_rows_of_all_annotations_where_a_pass_asks_for_them(both):
    inside, outside = both
    codes = [passes_over(votes, None).code for votes in (inside, outside)]
    assert np.array_equal(*codes)
