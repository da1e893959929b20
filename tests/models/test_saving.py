"""Fitted models go to files and come back the same; files that lie are refused."""

from __future__ import annotations

import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError

from aggregate import Annotations, Calibrated, DawidSkene, OneCoinDawidSkene, load_model
from aggregate.io import ReadError, WriteError
from aggregate.models import make_model, model_names
from aggregate.models._values import CannotSaveError
from tests import problems

every = pytest.mark.parametrize("name", model_names())


@pytest.fixture(scope="module")
def crowd():
    return problems.planted(0, n_items=60, n_classes=2)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.npz"


@pytest.fixture
def saved(crowd, file):
    DawidSkene().fit(crowd.votes).save(file)
    return file


def assert_equal(one, other):
    """Compare two values of any kind, types included."""
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, tuple | list):
        for part, other_part in zip(one, other, strict=True):
            assert_equal(part, other_part)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key, part in one.items():
            assert_equal(part, other[key])
    elif isinstance(one, BaseEstimator):
        assert_equal(dict(vars(one)), dict(vars(other)))
    else:
        assert one == other or (one != one and other != other)


class TestRoundTrip:
    @every
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_of_every_model(self, name, crowd, file):
        # "first" is no default and asks for no draws
        model = make_model(name, ties="first", random_state=3, n_jobs=2)
        model.fit(crowd.votes, gold={0: 1})
        model.save(file)
        again = load_model(file)
        assert type(again) is type(model)
        assert_equal(dict(vars(model)), dict(vars(again)))
        new = problems.planted(1, n_items=30, n_annotators=9, n_classes=2).votes
        np.testing.assert_array_equal(again.predict_proba(new), model.predict_proba(new))
        assert again.score(new) == model.score(new)
        model.save(file, items=False)
        lean = load_model(file)
        np.testing.assert_array_equal(lean.predict(new), model.predict(new))
        assert not {"items_", "probas_", "labels_"} & vars(lean).keys()
        assert not [key for key, value in vars(lean).items() if 60 in getattr(value, "shape", ())]

    @pytest.mark.parametrize(
        "options",
        [
            {"class_prior": {"no": 0.25, "yes": 0.75}},
            {"class_prior": [0.25, 0.75]},
            {"class_prior": (0.25, 0.75)},
            {"class_prior": np.array([0.25, 0.75])},
            {"init": {"ann": np.eye(2), "bob": [[0.5, 0.5], [0.1, 0.9]]}},
            {"prior_strength": np.float64(3.0), "max_iter": np.int64(7), "tol": 0.0},
        ],
        ids=str,
    )
    def test_of_odd_parameters(self, options, file):
        votes = Annotations.from_columns(
            ["a", "a", "b", "b"], ["ann", "bob", "ann", "bob"], ["yes", "no", "yes", "yes"]
        )
        model = DawidSkene(**options).fit(votes)
        model.save(file)
        assert_equal(model.get_params(), load_model(file).get_params())
        assert_equal(dict(vars(model)), dict(vars(load_model(file))))

    @pytest.mark.parametrize("method", ["correlation", "temperature", "isotonic"])
    def test_of_an_estimator_in_another(self, method, file):
        crowd = problems.planted(2, n_classes=2)
        gold = dict(enumerate(crowd.truth[:120].tolist()))
        model = Calibrated(OneCoinDawidSkene(tol=1e-5), method=method)
        model.fit(crowd.votes, gold=gold).save(file)
        again = load_model(file)
        assert again.estimator.get_params() == model.estimator.get_params()
        assert not hasattr(again.estimator, "classes_")
        np.testing.assert_array_equal(
            again.predict_proba(crowd.votes), model.predict_proba(crowd.votes)
        )
        model.estimator.set_params(random_state=np.random.default_rng(0))
        with pytest.raises(CannotSaveError, match=r"estimator\.random_state of OneCoinDawidSkene"):
            model.save(file)

    @pytest.mark.parametrize(
        "items",
        [
            ["é", "\ud800", "x\0", "a,b"],
            [3, 1, 2**62, -5],
            [0.5, -0.0, 1e300, 2.0],
            [True, False],
            np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[D]"),
            np.array([3, "three"], dtype=object),
        ],
        ids=repr,
    )
    def test_of_names(self, items, file):
        items = items if isinstance(items, np.ndarray) else np.array(items, dtype=object)
        ends = np.arange(len(items) + 1)
        zeros = np.zeros(len(items), dtype=np.int32)
        votes = Annotations(ends, zeros, zeros, items, np.array(["ann"]), np.array(["yes", "no"]))
        DawidSkene().fit(votes).save(file)
        assert_equal(load_model(file).items_, items)

    def test_of_feature_names(self, file):
        import pandas as pd

        table = pd.DataFrame({"ann": [0, 1, 0], "bob": [0, 1, 1]})
        model = DawidSkene().fit(table)
        model.save(file)
        np.testing.assert_array_equal(load_model(file).predict(table), model.labels_)

    def test_equal_models_make_equal_files(self, saved, crowd):
        before = saved.read_bytes()
        DawidSkene().fit(crowd.votes).save(saved)
        assert saved.read_bytes() == before

    def test_a_loaded_model_fits_again(self, saved, crowd):
        model = load_model(saved)
        path = model.objective_path_
        np.testing.assert_array_equal(model.fit(crowd.votes).objective_path_, path)
        assert clone(model).get_params() == model.get_params()

    def test_is_an_ordinary_npz(self, saved, crowd):
        with np.load(saved, allow_pickle=False) as arrays:
            assert arrays["confusion_"].shape == (8, 2, 2)
            header = json.loads(arrays["header.json"])
        assert header["format"] == "aggregate model"
        assert header["model"]["class"] == "DawidSkene"


class TestRefusalsToSave:
    def test_before_fit(self, file):
        with pytest.raises(NotFittedError):
            DawidSkene().save(file)
        assert not file.exists()

    def test_a_generator(self, crowd, file):
        model = DawidSkene(random_state=np.random.default_rng(0)).fit(crowd.votes)
        with pytest.raises(CannotSaveError, match=r"random_state of DawidSkene is a Generator, .*"
                           r"a seed in place"):  # fmt: skip
            model.save(file)
        assert not file.exists()
        model.set_params(random_state=0).save(file)
        assert load_model(file).random_state == 0

    def test_names_that_are_objects(self, file):
        import datetime

        days = np.array([datetime.date(2026, 1, 1), datetime.date(2026, 1, 2)], dtype=object)
        zeros = np.zeros(2, dtype=np.int32)
        model = DawidSkene().fit(
            Annotations(np.arange(3), zeros, zeros, days, np.array(["ann"]), np.array(["yes"]))
        )
        with pytest.raises(CannotSaveError, match="items_ holds 'date', which a file without pi"):
            model.save(file)
        model.save(file, items=False)
        assert load_model(file).classes_.tolist() == ["yes"]

    def test_a_class_of_somebody_else(self, crowd, file):
        class DawidSkene2(DawidSkene):
            pass

        with pytest.raises(CannotSaveError, match="is a DawidSkene2, which is not among the"):
            DawidSkene2().fit(crowd.votes).save(file)

    def test_no_such_folder(self, crowd, tmp_path):
        with pytest.raises(WriteError, match="there is no folder"):
            DawidSkene().fit(crowd.votes).save(tmp_path / "nowhere" / "model.npz")


def rewritten(file, change):
    """Let ``change(header, members)`` alter a saved model; members are the bytes by name."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = json.loads(members.pop("header.json"))
    change(header, members)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("header.json", json.dumps(header))
        for name, content in members.items():
            archive.writestr(name, content)


def npy(array, **options):
    """Return the bytes of a .npy file."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), **options)
    return file.getvalue()


class Trap:
    """Unpickling it would set a mark."""

    sprung = False

    def __reduce__(self):
        return (setattr, (Trap, "sprung", True))


def npy_claiming(shape):
    """Return a .npy file whose header claims a shape that its eight bytes do not fill."""
    file = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + bytes(8)


def confusion(**parts):
    def change(header, members):
        members["confusion_.npy"] = parts["content"]

    return change


def renamed(name):
    return lambda header, members: header["model"].__setitem__("class", name)


def attribute(name, value=1):
    return lambda header, members: header["model"]["attributes"].__setitem__(name, value)


HOSTILE = {
    "an unknown class": (renamed("Evil"), "'Evil', which is no estimator"),
    "a path as a class": (renamed("../../os.system"), "which is no estimator"),
    "the base class": (renamed("BaseAggregator"), "which is no estimator"),
    "a function": (renamed("make_model"), "which is no estimator"),
    "a class that is a list": (renamed(["DawidSkene"]), "unhashable"),
    "an unknown parameter": (
        lambda header, _: header["model"]["parameters"].__setitem__("shell", "rm"),
        "has no parameters 'shell'",
    ),
    "a method": (attribute("_soft_labels"), "'_soft_labels' is no attribute"),
    "the class of the instance": (attribute("__class__"), "is no attribute"),
    "a name without mark": (attribute("predict"), "is no attribute"),
    "a missing array": (attribute("x_", {"array": "nowhere"}), "nowhere"),
    "an unknown tuple": (attribute("x_", {"named": "Popen", "fields": {}}), "Popen"),
    "no value": (attribute("x_", [1]), "a list stands where a value should"),
    "an unknown form": (attribute("x_", {"call": "os.system"}), "model"),
    "objects in objects": (
        attribute("x_", {"objects": [{"a": 1}], "shape": [1]}),
        "more than numbers and strings",
    ),
    "a huge shape of objects": (
        attribute("x_", {"objects": [], "shape": [10**9, 10**9]}),
        "reshape",
    ),
    "pickled objects": (
        confusion(content=npy(np.array([Trap()], dtype=object), allow_pickle=True)),
        "an array holds object, not plain data",
    ),
    "fields of objects": (
        confusion(content=npy(np.zeros(2, dtype=[("a", float)]))),
        "not plain data",
    ),
    "a claimed terabyte": (
        confusion(content=npy_claiming((1 << 37,))),
        r"claims the shape \(137438953472,\), which is not what the file holds",
    ),
    "a shape past all integers": (confusion(content=npy_claiming((1 << 70, 1 << 70))), "claims"),
    "a negative shape": (confusion(content=npy_claiming((-1, -1))), "claims the shape"),
    "annotators that are fewer": (
        confusion(content=npy(np.ones((3, 2, 2)))),
        "confusion_ has the shape",
    ),
    "classes that are more": (confusion(content=npy(np.ones((8, 3, 3)))), "confusion_ has the"),
    "no array at all": (confusion(content=b"import os"), "damaged"),
    "no model": (lambda header, _: header.pop("model"), "its header describes no model"),
    "no attributes": (lambda header, _: header["model"].pop("attributes"), "attributes"),
    "a deep header": (
        lambda header, _: header["model"].__setitem__("parameters", deep(5000)),
        "is no saved model",
    ),
    "another kind": (
        lambda header, _: header.__setitem__("format", "aggregate checkpoint"),
        "is no saved model; its header says 'aggregate checkpoint'",
    ),
    "a version that is no number": (
        lambda header, _: header.__setitem__("format_version", "1; import os"),
        "its version is '1; import os'",
    ),
    "a newer version": (
        lambda header, _: header.update(format_version=2, package_version="9.1"),
        r"of format 2, written by crowd-aggregate 9\.1; .* Upgrade crowd-aggregate\.",
    ),
    "an older version": (
        lambda header, _: header.__setitem__("format_version", 0),
        "Make it anew",
    ),
}


def deep(levels):
    value = 1
    for _ in range(levels):
        value = {"list": [value]}
    return {"prior_strength": value}


class TestContradictions:
    """Kernels walk arrays unchecked, so arrays must go with each other before any kernel runs."""

    @pytest.mark.parametrize(
        ("name", "array", "message"),
        [
            ("ibcc", "_expected.table", "_expected.table has the shape"),
            ("ebcc", "_logs.table", "_logs.table has the shape"),
            ("ebcc", "subtype_share_", "subtype_share_ has the shape"),
            ("mace", "competence_", "competence_ has the shape"),
            ("cbcc", "community_proba_", "community_proba_ has the shape"),
            ("glad", "annotator_ability_", "annotator_ability_ has the shape"),
            ("dawid-skene", "annotators_", "has the shape"),
            ("auto", "members_.0.annotators_", "has the shape"),
        ],
    )
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_a_row_too_few(self, name, array, message, crowd, file):
        make_model(name).fit(crowd.votes).save(file)

        def shorten(header, members):
            whole = np.lib.format.read_array(io.BytesIO(members[f"{array}.npy"]))
            members[f"{array}.npy"] = npy(whole[:-1])

        rewritten(file, shorten)
        with pytest.raises(ReadError, match=message):
            load_model(file)

    def test_a_model_of_others_in_a_model(self, crowd, file, tmp_path):
        gold = dict(enumerate(crowd.truth[:30].tolist()))
        model = Calibrated(OneCoinDawidSkene()).fit(crowd.votes, gold=gold)
        other = problems.planted(4, n_annotators=5, n_classes=2).votes
        model.estimator_ = OneCoinDawidSkene().fit(other)
        model.save(file)
        with pytest.raises(ReadError, match="knows other annotators or classes"):
            load_model(file)

    @pytest.mark.parametrize("code", [5, -2])
    def test_groups_that_are_not_there(self, code, crowd, file):
        model = make_model("dependent-groups", groups=["x"] * 3 + [None] * 5).fit(crowd.votes)
        model.group_[0] = code
        model.save(file)
        with pytest.raises(ReadError, match="group_ names groups other than the 1 that there are"):
            load_model(file)


class TestHostileFiles:
    @pytest.mark.parametrize("kind", HOSTILE)
    def test_is_refused(self, saved, kind):
        import sys

        change, message = HOSTILE[kind]
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(100_000)  # to write the deep one
        try:
            rewritten(saved, change)
        finally:
            sys.setrecursionlimit(limit)
        with pytest.raises(ReadError, match=message):
            load_model(saved)
        assert not Trap.sprung

    def test_bytes_that_unpack_to_more(self, saved):
        """A member may not be compressed, so it cannot be larger than the file."""
        with zipfile.ZipFile(saved) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        members["confusion_.npy"] = npy(np.zeros(10**7))
        with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        assert saved.stat().st_size < 10**6
        with pytest.raises(ReadError, match="is compressed"):
            load_model(saved)

    def test_two_members_of_one_name(self, saved):
        with zipfile.ZipFile(saved, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("header.json", "{}")
        with pytest.raises(ReadError, match="two members have one name"):
            load_model(saved)

    def test_members_outside_are_never_unpacked(self, saved, tmp_path):
        rewritten(saved, lambda _, members: members.__setitem__("../../evil.npy", npy([1.0])))
        load_model(saved)
        assert not list(tmp_path.parent.glob("**/evil*"))

    @pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps({"a": 1}), b"PK\x05\x06" * 9])
    def test_a_foreign_file(self, file, content):
        file.write_bytes(content)
        with pytest.raises(ReadError, match=r"model\.npz is no saved model written by this pack"):
            load_model(file)

    def test_an_npz_of_somebody_else(self, file):
        np.savez(file, confusion_=np.eye(2))
        with pytest.raises(ReadError, match=r"no saved model .*header\.json"):
            load_model(file)

    def test_cut_off_anywhere(self, saved):
        whole = saved.read_bytes()
        for length in range(0, len(whole), 61):
            saved.write_bytes(whole[:length])
            with pytest.raises(ReadError, match="cut off or damaged"):
                load_model(saved)

    def test_one_byte_changed(self, saved, crowd):
        """Either the damage is told, or it lies where nothing is read and nothing changes."""
        whole, wanted = saved.read_bytes(), DawidSkene().fit(crowd.votes)
        told = 0
        for place in range(0, len(whole), 53):
            saved.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
            try:
                again = load_model(saved)
            except ReadError:
                told += 1
            else:
                assert_equal(dict(vars(wanted)), dict(vars(again)))
        assert told > 50

    def test_no_file(self, file):
        with pytest.raises(FileNotFoundError):
            load_model(file)
