from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array, csr_array, random_array

from aggregate import Annotations
from tests.strategies import Votes, calm, names, votes

ROWS = (["b", "a", "b", "c"], ["x", "x", "y", "y"], [1, 0, 0, 1])


def build(drawn: Votes, **options) -> Annotations:
    """Build from drawn votes with all items, annotators and classes known."""
    return Annotations.from_columns(
        *drawn.columns,
        known_items=range(drawn.n_items),
        known_annotators=range(drawn.n_annotators),
        classes=range(drawn.n_classes),
        **options,
    )


def dense(drawn: Votes) -> np.ndarray:
    table = np.full((drawn.n_items, drawn.n_annotators), -1)
    for item, annotator, label in drawn.rows:
        table[item, annotator] = label
    return table


# The order within: what the arrays hold -----------------------------------------------------


@calm
@given(votes())
def test_arrays_hold_the_sorted_rows(drawn):
    built = build(drawn)
    entries = list(
        zip(built.item.tolist(), built.annotator.tolist(), built.label.tolist(), strict=True)
    )
    assert entries == sorted(drawn.rows)
    counts = [sum(row[0] == item for row in drawn.rows) for item in range(drawn.n_items)]
    assert built.labels_per_item.tolist() == counts
    assert built.item_ptr.tolist() == [sum(counts[:i]) for i in range(drawn.n_items + 1)]
    by_whom = [sum(row[1] == j for row in drawn.rows) for j in range(drawn.n_annotators)]
    assert built.labels_per_annotator.tolist() == by_whom


@calm
@given(votes())
def test_the_annotators_view_holds_the_same_entries(drawn):
    view = build(drawn).by_annotator
    assert len(view.pointers) == drawn.n_annotators + 1
    who = np.repeat(np.arange(drawn.n_annotators), np.diff(view.pointers))
    entries = list(zip(who.tolist(), view.item.tolist(), view.label.tolist(), strict=True))
    assert entries == sorted((j, i, y) for i, j, y in drawn.rows)


@calm
@given(votes(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(drawn, random):
    shuffled = list(drawn.rows)
    random.shuffle(shuffled)
    assert build(drawn) == build(drawn._replace(rows=shuffled))


@calm
@given(votes(min_rows=1), st.data())
def test_names_do_not_matter(drawn, data):
    """New names for everything give the same votes once the names are put back."""
    sizes = (drawn.n_items, drawn.n_annotators, drawn.n_classes)
    tables = [data.draw(names(size)) for size in sizes]
    renamed = [
        [table[code] for code in column]
        for table, column in zip(tables, drawn.columns, strict=True)
    ]
    built = Annotations.from_columns(
        *renamed, known_items=tables[0], known_annotators=tables[1], classes=tables[2]
    )
    original = build(drawn)
    for name in ("item_ptr", "annotator", "label"):
        np.testing.assert_array_equal(getattr(built, name), getattr(original, name))
    undeclared = Annotations.from_columns(*renamed)
    frame = undeclared.to_frame()
    assert sorted(frame.itertuples(index=False, name=None)) == sorted(zip(*renamed, strict=True))


def test_tables_are_sorted_and_keep_their_kind():
    built = Annotations.from_columns(*ROWS)
    assert built.items.tolist() == ["a", "b", "c"]
    assert built.annotators.tolist() == ["x", "y"]
    assert built.classes.dtype == np.int64
    assert repr(built) == "Annotations(3 items, 2 annotators, 2 classes, 4 annotations)"


# All roads lead to the same votes -----------------------------------------------------------


@calm
@given(votes(repeats=False))
def test_long_dense_sparse_and_dict_agree(drawn):
    long, table = build(drawn), dense(drawn)
    classes = range(drawn.n_classes)
    floats = np.where(table < 0, np.nan, table)
    objects = np.where(table < 0, None, table.astype(object))
    given_rows = {item: {} for item in range(drawn.n_items)}
    for item, annotator, label in drawn.rows:
        given_rows[item][annotator] = label
    columns = tuple(np.array(column, dtype=int) for column in drawn.columns)
    sparse = coo_array((columns[2], columns[:2]), shape=table.shape)
    for other in (
        Annotations.from_matrix(table, classes=classes),
        Annotations.from_matrix(table.astype(np.int8), classes=classes),
        Annotations.from_matrix(floats, classes=classes),
        Annotations.from_matrix(objects, classes=classes),
        Annotations.from_matrix(objects.tolist(), classes=classes),
        Annotations.from_matrix(np.ma.masked_equal(table, -1), classes=classes),
        Annotations.from_sparse(sparse, classes=classes),
        Annotations.from_sparse(sparse.tocsc(), classes=classes),
    ):
        assert other == long
    from_dict = Annotations.from_dict(given_rows, classes=classes)
    assert from_dict == long.select(annotators=long.labels_per_annotator > 0)


@calm
@given(votes())
def test_every_data_frame_agrees(drawn):
    frame = pd.DataFrame(dict(zip(("task", "worker", "label"), drawn.columns, strict=True)))
    frame = frame.astype("int64")
    expected = Annotations.from_columns(*drawn.columns)
    polars = pl.from_pandas(frame)
    for other in (
        frame,
        frame.astype("Int64"),
        frame.astype("category"),
        frame.astype({"label": "float64"}),
        frame.sample(frac=1, random_state=0).set_index("task", drop=False),
        polars,
        polars.cast(pl.UInt8),
        pa.Table.from_pandas(frame),
    ):
        assert Annotations.from_frame(other) == expected


@pytest.mark.parametrize(
    "dtype", ["str", "object", "string", "string[pyarrow]", "category", pl.String, pl.Categorical]
)
def test_text_columns_of_every_dtype_agree(dtype):
    frame = pd.DataFrame({"task": ROWS[0], "worker": ROWS[1], "label": ["u", "v", None, "u"]})
    expected = Annotations.from_columns(*ROWS[:2], ["u", "v", None, "u"])
    assert (expected.n_items, expected.n_annotations) == (3, 3)
    frame = frame.astype(dtype) if isinstance(dtype, str) else pl.from_pandas(frame).cast(dtype)
    assert Annotations.from_frame(frame) == expected


def test_boolean_labels_stay_boolean():
    for labels in (
        [True, False],
        pd.array([True, False], dtype="boolean"),
        np.array([True, False]),
    ):
        built = Annotations.from_columns([1, 2], [1, 1], labels)
        assert built.classes.dtype == bool
        assert built.label.tolist() == [1, 0]


def test_frames_of_one_column_per_annotator():
    expected = Annotations.from_matrix([[1, -1], [0, 1]], annotators=["ann", "bob"])
    for frame in (
        pd.DataFrame({"ann": [1, 0], "bob": [None, 1]}),
        pd.DataFrame({"ann": [1, 0], "bob": [None, 1]}, dtype="Int64"),
        pl.DataFrame({"ann": [1, 0], "bob": [None, 1]}),
        pa.table({"ann": [1, 0], "bob": [None, 1]}),
    ):
        assert Annotations.from_matrix(frame) == expected
    assert Annotations.from_matrix(pl.DataFrame({"a": [1, None]})).classes.dtype == np.int64


def test_a_frame_whose_columns_have_numbers_for_names():
    frame = pd.DataFrame({0: ["q"], 1: ["ann"], 2: ["yes"]})
    built = Annotations.from_frame(frame, item="0", annotator="1", label="2")
    assert built.classes.tolist() == ["yes"]
    assert not built.report.guessed


def test_a_large_column_count_sorts_in_two_steps():
    """Many annotators and classes at once: one key for both would need too large a table."""
    n = 400
    rng = np.random.default_rng(0)
    rows = rng.integers(0, n, size=(3, n))
    built = Annotations.from_columns(*rows, classes=range(n), known_annotators=range(n))
    entries = zip(built.items[built.item], built.annotator, built.label, strict=True)
    assert [tuple(map(int, entry)) for entry in entries] == sorted(map(tuple, rows.T.tolist()))


# Missing labels, silent items and annotators ------------------------------------------------


def test_a_row_without_a_label_makes_its_item_and_annotator_known():
    built = Annotations.from_columns(["a", "b", "b"], ["x", "x", "y"], [1, None, None])
    assert built.items.tolist() == ["a", "b"]
    assert built.labels_per_item.tolist() == [1, 0]
    assert built.labels_per_annotator.tolist() == [1, 0]
    report = built.report
    assert (report.rows, report.annotations, report.missing_labels) == (3, 1, 2)
    assert (report.empty_items, report.empty_annotators) == (1, 1)


def test_a_row_of_nothing_but_missing_values_is_counted():
    built = Annotations.from_columns([1, None], [1, None], [0, None])
    assert (built.n_items, built.report.missing_labels) == (1, 1)


def test_nothing_at_all_is_legal():
    built = Annotations.from_columns([], [], [])
    assert (built.n_items, built.n_annotators, built.n_classes, built.n_annotations) == (0, 0, 0, 0)
    assert built.by_annotator.pointers.tolist() == [0]
    assert built.describe().labels_per_item.largest == 0
    assert Annotations.from_dict({}) == built


def test_declared_tables_keep_order_and_hold_the_unseen():
    built = Annotations.from_columns(
        ["b"], ["x"], ["no"], classes=["yes", "no", "maybe"], known_items=["c", "b"]
    )
    assert built.classes.tolist() == ["yes", "no", "maybe"]
    assert built.label.tolist() == [1]
    assert built.item_ptr.tolist() == [0, 0, 1]
    assert built.report.empty_items == 1


def test_minus_one_is_missing_in_a_table_of_numbers():
    built = Annotations.from_matrix([[0, -1], [-1, 2]])
    assert built.classes.tolist() == [0, 2]
    assert (built.report.rows, built.report.missing_labels) == (4, 2)
    assert Annotations.from_matrix([["a", "-1"]]).n_classes == 2
    assert Annotations.from_matrix([[-1, 1]], missing=-1).classes.tolist() == [1]
    assert Annotations.from_matrix([[-1, 1]], missing=None).classes.tolist() == [-1, 1]
    assert Annotations.from_matrix([[-1, 1]], classes=[1, 2]).n_annotations == 1
    with pytest.raises(
        ValueError, match=r"only -1 and 1: is -1 a label or a missing one\? Say miss"
    ):
        Annotations.from_matrix([[-1, 1]])


def test_other_marks_of_missing_labels():
    assert Annotations.from_matrix([[0, 9, 7]], missing=[9, 7]).n_annotations == 1
    table = np.array([["cat", "skip", None]], dtype=object)
    assert Annotations.from_matrix(table, missing="skip").classes.tolist() == ["cat"]
    assert Annotations.from_matrix([[0.5, np.nan]], missing=0.5).n_annotations == 0


# Repeats -------------------------------------------------------------------------------------

REPEATED = (["q", "q", "q", "r"], ["x", "x", "x", "x"], ["b", "a", "c", "a"])


@pytest.mark.parametrize(
    ("policy", "kept", "dropped"),
    [("keep", ["a", "b", "c", "a"], 0), ("first", ["b", "a"], 2), ("last", ["c", "a"], 2)],
)
def test_repeats_follow_the_policy(policy, kept, dropped):
    built = Annotations.from_columns(*REPEATED, on_duplicate=policy)
    assert built.classes[built.label].tolist() == kept
    assert built.item_ptr.tolist() == [0, len(kept) - 1, len(kept)]
    assert (built.report.repeats, built.report.dropped_repeats) == (2, dropped)
    assert built.describe().repeats == 2 - dropped


def test_repeats_can_be_an_error():
    message = "2 annotations repeat a pair of item and annotator: item 'q' by annotator 'x'"
    with pytest.raises(ValueError, match=message):
        Annotations.from_columns(*REPEATED, on_duplicate="error")
    assert Annotations.from_columns(["q"], ["x"], ["a"], on_duplicate="error").n_annotations == 1
    with pytest.raises(ValueError, match="on_duplicate must be one of 'keep', 'first', 'last'"):
        Annotations.from_columns(*REPEATED, on_duplicate="drop")


def test_repeats_of_dictionaries_and_sparse_tables():
    built = Annotations.from_dict({"q": {"x": ["a", "b", "a"]}, "r": {"y": None}})
    assert built.label.tolist() == [0, 0, 1]
    assert built.annotators.tolist() == ["x", "y"]
    twice = coo_array(([1, 0], ([0, 0], [1, 1])), shape=(1, 2))
    assert Annotations.from_sparse(twice).label.tolist() == [0, 1]
    assert Annotations.from_sparse(twice, on_duplicate="first").n_annotations == 1


# Ways out -------------------------------------------------------------------------------------


@calm
@given(votes())
def test_frames_come_back_unchanged(drawn):
    built = Annotations.from_columns(*drawn.columns)
    for backend in ("pandas", "polars", "pyarrow"):
        frame = built.to_frame(backend)
        assert type(frame).__module__.split(".")[0] == backend
        assert Annotations.from_frame(frame) == built


@calm
@given(votes(repeats=False))
def test_tables_come_back_unchanged(drawn):
    built = build(drawn)
    table = built.to_matrix()
    assert (table == dense(drawn)).all()
    assert Annotations.from_matrix(table, classes=built.classes) == built


@pytest.mark.parametrize(
    "labels", [["u", "v"], [0.5, -1.0], [True, False], np.array(["2020", "2021"], "datetime64[D]")]
)
def test_tables_of_other_kinds_come_back_unchanged(labels):
    built = Annotations.from_columns(["a", "b"], ["x", "y"], labels)
    table = built.to_matrix()
    again = Annotations.from_matrix(
        table, missing=None, items=built.items, annotators=built.annotators
    )
    assert again.n_annotations == 2
    assert again == built


def test_what_a_table_cannot_hold_is_refused():
    with pytest.raises(
        ValueError, match=r"2 labels repeat an item and annotator \(items 'q', 'q'\)"
    ):
        Annotations.from_columns(*REPEATED).to_matrix()
    with pytest.raises(ValueError, match="-1 is a class here and would read as missing; use to_fr"):
        Annotations.from_columns([1], [1], [-1]).to_matrix()
    with pytest.raises(ValueError, match="backend must be one of 'pandas', 'polars', 'pyarrow'"):
        Annotations.from_columns(*ROWS).to_frame("dask")


def test_identifiers_of_several_kinds_leave_for_arrow_as_text():
    built = Annotations.from_columns([1, "a"], [1, 1], [0, 1])
    assert built.to_frame("pyarrow")["item"].to_pylist() == ["1", "a"]
    assert built.to_frame()["item"].tolist() == [1, "a"]


@calm
@given(votes(), st.data())
def test_selections_hold_what_was_asked_for(drawn, data):
    built = build(drawn)
    keep = data.draw(st.sets(st.integers(0, drawn.n_items - 1)))
    who = data.draw(st.sets(st.integers(0, drawn.n_annotators - 1)))
    part = built.select(items=list(keep), annotators=list(who))
    left = [row for row in drawn.rows if row[0] in keep and row[1] in who]
    expected = Annotations.from_columns(
        *drawn._replace(rows=left).columns,
        known_items=sorted(keep),
        known_annotators=sorted(who),
        classes=range(drawn.n_classes),
    )
    assert part == expected
    items = np.isin(built.items, sorted(keep))
    assert built.select(items=items, annotators=np.isin(built.annotators, sorted(who))) == part
    assert built.select() == built


def test_selections_of_the_unknown_are_refused():
    built = Annotations.from_columns(*ROWS)
    with pytest.raises(KeyError, match="unknown items: 'd'"):
        built.select(items=["a", "d"])
    with pytest.raises(
        ValueError, match=r"mask over the annotators needs 2 entries; got shape \(3,"
    ):
        built.select(annotators=[True, False, True])
    with pytest.raises(ValueError, match="items must be distinct; repeated: 'a'"):
        built.select(items=["a", "a"])


def test_the_description_counts():
    described = Annotations.from_columns(
        ["a", "a", "b", "c"], ["x", "y", "x", "x"], ["u", "u", "v", None], classes=["u", "v", "w"]
    ).describe()
    assert described.class_counts == {"u": 2, "v": 1, "w": 0}
    assert described.labels_per_item == (0, 1.0, 1.0, 2)
    assert (described.empty_items, described.empty_annotators, described.repeats) == (1, 0, 0)
    assert str(described).splitlines() == [
        "3 items, 2 annotators, 3 classes, 3 annotations",
        "labels per item: 0 to 2 (median 1, mean 1.00)",
        "labels per annotator: 1 to 2 (median 1.5, mean 1.50)",
        "items without a label: 1; annotators without a label: 0; repeated item and annotator: 0",
        "share of labels: u 66.7%, v 33.3%, w 0.0%",
    ]
    many = Annotations.from_columns(range(15), [0] * 15, range(15)).describe()
    assert str(many).endswith("11 6.7% and 3 more classes")


# Manners --------------------------------------------------------------------------------------


def arrays(built):
    return {
        name: getattr(built, name)
        for name in (
            "item_ptr", "annotator", "label", "items", "annotators", "classes", "item",
            "labels_per_item", "labels_per_annotator",
        )
    } | built.by_annotator._asdict()  # fmt: skip


def test_nothing_in_it_can_be_changed():
    built = Annotations.from_columns(*ROWS)
    for again in (built, pickle.loads(pickle.dumps(built)), copy.deepcopy(built)):
        assert again == built
        assert again.report == built.report
        for name, array in arrays(again).items():
            with pytest.raises(ValueError, match="read-only"):
                array[...] = array
            assert array.flags.c_contiguous, name
    with pytest.raises(AttributeError, match="cannot assign to field 'label'"):
        built.label = built.label
    with pytest.raises(TypeError, match="unhashable"):
        hash(built)


def test_equality_is_about_the_votes():
    built = Annotations.from_columns(*ROWS)
    assert built == Annotations.from_columns(*ROWS)
    assert built != Annotations.from_columns(*ROWS[:2], [1, 0, 0, 0])
    assert built != "votes"


def test_read_only_and_memory_mapped_input(tmp_path):
    columns = []
    for place, column in enumerate(ROWS[2:] * 3):
        np.save(tmp_path / f"{place}.npy", np.array(column))
        columns.append(np.load(tmp_path / f"{place}.npy", mmap_mode="r"))
    assert Annotations.from_columns(*columns) == Annotations.from_columns(*ROWS[2:] * 3)
    table = np.array([[0, 1], [-1, 1]])
    table.flags.writeable = False
    assert Annotations.from_matrix(table).n_annotations == 3
    np.save(tmp_path / "table.npy", table)
    mapped = np.load(tmp_path / "table.npy", mmap_mode="r")
    assert Annotations.from_matrix(mapped) == Annotations.from_matrix(table)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"item_ptr": [0, 1]}, "item_ptr must hold 3 positions from 0 to 2"),
        ({"item_ptr": [0, 1, 3]}, "item_ptr must hold 3 positions from 0 to 2"),
        ({"item_ptr": [1, 1, 2]}, "item_ptr must hold 3 positions from 0 to 2"),
        ({"item_ptr": [0, 3, 2]}, "item_ptr must never decrease"),
        ({"label": [0]}, "annotator and label must be of one length; got 2 and 1"),
        ({"label": [0, 2]}, "label codes must lie between 0 and 1; got values from 0 to 2"),
        ({"annotator": [-1, 0]}, "annotator codes must lie between 0 and 0; got values from -1"),
    ],
)
def test_contradictory_arrays_are_refused(change, message):
    parts = {
        "item_ptr": [0, 1, 2],
        "annotator": [0, 0],
        "label": [0, 1],
        "items": np.array(["a", "b"]),
        "annotators": np.array(["x"]),
        "classes": np.array([0, 1]),
    }
    assert Annotations(**parts).n_annotations == 2
    with pytest.raises(ValueError, match=message):
        Annotations(**parts | change)


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        (([1, 2], [1], [0, 1]), {}, "must have one entry per row each; got 2, 1 and 2"),
        (([1, None], [1, 1], [0, 1]), {}, r"1 labels have no item \(rows 1, counted from 0\)"),
        (([1, 1], [None, None], [0, 1]), {}, r"2 labels have no annotator \(rows 0, 1,"),
        (
            ([1], [1], [5]),
            {"classes": [0, 1]},
            "1 values that are not among the declared classes: 5",
        ),
        (([1], [1], [5]), {"known_items": [7]}, "the item column holds 1 values .* items: 1"),
        (([1], [1], [5]), {"classes": [0, 0]}, "classes must be distinct"),
    ],
)
def test_impossible_columns_are_refused(columns, options, message):
    with pytest.raises(ValueError, match=message):
        Annotations.from_columns(*columns, **options)


@pytest.mark.parametrize(
    ("build_it", "error", "message"),
    [
        (
            lambda: Annotations.from_frame([1]),
            TypeError,
            "needs a pandas, polars or pyarrow data fr",
        ),
        (lambda: Annotations.from_frame(pl.LazyFrame({"task": [1]})), TypeError, "got LazyFrame"),
        (
            lambda: Annotations.from_frame(pd.DataFrame({"a": [1]})),
            ValueError,
            "no column looks like",
        ),
        (
            lambda: Annotations.from_matrix([1, 2]),
            ValueError,
            r"two dimensions.*got 1 \(shape \(2,\)",
        ),
        (lambda: Annotations.from_matrix([[1], [1, 2]]), ValueError, "one length|two dimensions"),
        (lambda: Annotations.from_matrix(csr_array((1, 1))), TypeError, "goes to from_sparse"),
        (lambda: Annotations.from_matrix([[[1], "a"]]), ValueError, r"row 0 holds \[1\]"),
        (
            lambda: Annotations.from_matrix([[1]], items=["a", "b"]),
            ValueError,
            "items must name 1 ",
        ),
        (
            lambda: Annotations.from_sparse([[1]]),
            TypeError,
            "two-dimensional scipy sparse table; got",
        ),
        (lambda: Annotations.from_sparse(random_array((3,))), TypeError, "two-dimensional scipy"),
        (lambda: Annotations.from_dict([1]), TypeError, "from_dict needs a mapping; got list"),
        (lambda: Annotations.from_dict({"q": "yes"}), TypeError, "item 'q' maps to 'yes'"),
    ],
)
def test_other_input_is_refused(build_it, error, message):
    with pytest.raises(error, match=message):
        build_it()


def test_the_report_tells_the_guess():
    frame = pd.DataFrame(
        {"task": ["q", "q", "r"], "worker": ["x", "x", "x"], "label": [1, 1, None]}
    )
    report = Annotations.from_frame(frame).report
    assert report.columns == {"item": "task", "annotator": "worker", "label": "label"}
    assert str(report).splitlines() == [
        "columns (recognised): item = 'task', annotator = 'worker', label = 'label'",
        "3 rows read, 2 annotations kept",
        "1 without a label",
        "1 repeat an item and annotator",
        "1 items without a label",
    ]
    named = Annotations.from_frame(frame, item="task", annotator="worker", label="label").report
    assert str(named).startswith("columns (as named): item = 'task'")
