"""A fit that is killed goes on from its checkpoint and ends as if nothing had happened."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from sklearn.base import clone

from aggregate import (
    IBCC,
    Annotations,
    ClassConditionalDawidSkene,
    DawidSkene,
    FastDawidSkene,
    HierarchicalDawidSkene,
    HybridDawidSkene,
    LogitNormalDawidSkene,
    OneCoinDawidSkene,
    PooledDawidSkene,
    ZenCrowd,
)
from aggregate.io import ReadError, WriteError
from aggregate.models import _checkpoint
from aggregate.models._passes import Passes
from aggregate.models.structures import fast
from tests import problems

MODELS = [
    DawidSkene(),
    DawidSkene(accelerate=False),
    DawidSkene(n_init=3, random_state=0),
    DawidSkene(n_init=3, random_state=0, max_iter=13, tol=0),
    OneCoinDawidSkene(n_init=2, random_state=2),
    ClassConditionalDawidSkene(),
    PooledDawidSkene(),
    FastDawidSkene(n_init=2, random_state=3),
    HybridDawidSkene(n_init=2, random_state=4),
    HierarchicalDawidSkene(n_init=2, random_state=5),
    IBCC(n_init=2, random_state=6),
    LogitNormalDawidSkene(n_init=2, random_state=7, max_iter=40),
    DawidSkene(abstention=2),
    ZenCrowd(tol=1e-12),
]
every = pytest.mark.parametrize("model", MODELS, ids=str)


class KilledError(BaseException):
    """What stands for the end of the process."""


@pytest.fixture(scope="module")
def crowd():
    return problems.planted(0, accuracy=(0.4, 0.75))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "fit.checkpoint"


def assert_same(one, other):
    """Compare everything that two fits learned, to the last bit."""
    learned = {name: value for name, value in vars(one).items() if name.endswith("_")}
    assert learned.keys() == {name for name in vars(other) if name.endswith("_")}
    for name, value in learned.items():
        np.testing.assert_array_equal(getattr(other, name), value, err_msg=name)


def known(crowd):
    """Return the truth of one item of class 0 and one of class 1."""
    return {int(np.flatnonzero(crowd.truth == k)[0]): k for k in (0, 1)}


def kill_after(monkeypatch, n_passes):
    """Make the process 'die' when so many passes have gone by."""
    left = [n_passes]

    def mortal(function):
        def one_pass(*arguments):
            if left[0] == 0:
                raise KilledError
            left[0] -= 1
            return function(*arguments)

        return one_pass

    monkeypatch.setattr(Passes, "expect", mortal(Passes.expect))
    monkeypatch.setattr(fast, "expect_hard", mortal(fast.expect_hard))


def fit_in_pieces(model, crowd, piece, monkeypatch):
    """Fit, dying every ``piece`` passes, until a fit comes to its end."""
    gold = known(crowd)
    for deaths in range(1000):
        with monkeypatch.context() as patch:
            kill_after(patch, piece)
            try:
                return model.fit(crowd.votes, gold=gold), deaths
            except KilledError:
                pass
    raise AssertionError("the fit gets nowhere")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
class TestResuming:
    @every
    @pytest.mark.parametrize("checkpoint_every", [1, 4])
    def test_reaches_the_same_bits(self, model, crowd, file, checkpoint_every, monkeypatch):
        gold = known(crowd)
        whole = clone(model).fit(crowd.votes, gold=gold)
        checked = clone(model).set_params(checkpoint=file, checkpoint_every=checkpoint_every)
        pieces, deaths = fit_in_pieces(checked, crowd, checkpoint_every + 4, monkeypatch)
        assert_same(whole, pieces)
        assert deaths > 0

    @every
    def test_writing_changes_nothing(self, model, crowd, file):
        checked = clone(model).set_params(checkpoint=file, checkpoint_every=1)
        assert_same(clone(model).fit(crowd.votes), checked.fit(crowd.votes))
        assert [path.name for path in file.parent.iterdir()] == [file.name]

    def test_a_finished_fit_is_there_at_once(self, crowd, file, monkeypatch):
        whole = DawidSkene(checkpoint=file).fit(crowd.votes)
        assert whole.converged_
        kill_after(monkeypatch, 1)  # that of log_likelihood_
        assert_same(whole, DawidSkene(checkpoint=file).fit(crowd.votes))

    @pytest.mark.parametrize("shorter", range(4, 12))
    def test_more_passes_go_on_where_fewer_ended(self, crowd, file, shorter, monkeypatch):
        options = {"tol": 0, "n_init": 2, "random_state": 0}
        DawidSkene(max_iter=shorter, checkpoint=file, **options).fit(crowd.votes)
        kill_after(monkeypatch, 2 * (20 - shorter + 5))
        longer = DawidSkene(max_iter=20, checkpoint=file, **options).fit(crowd.votes)
        monkeypatch.undo()
        assert_same(DawidSkene(max_iter=20, **options).fit(crowd.votes), longer)

    def test_the_moment_start_is_not_made_again(self, crowd, file, monkeypatch):
        whole = DawidSkene(init="spectral", n_init=2, random_state=1).fit(crowd.votes)
        model = clone(whole).set_params(checkpoint=file).fit(crowd.votes)
        assert_same(whole, model)
        monkeypatch.setattr(
            "aggregate.models._start.Start._first", lambda *_: pytest.fail("made again")
        )
        assert_same(whole, clone(model).fit(crowd.votes))

    @pytest.mark.parametrize("bits", [np.random.PCG64, np.random.MT19937, np.random.Philox])
    def test_a_generator_stands_where_it_stood(self, crowd, file, bits, monkeypatch):
        def model(**options):
            seed = np.random.Generator(bits(8))
            return DawidSkene(n_init=3, random_state=seed, **options)

        whole = model().fit(crowd.votes)
        for _ in range(50):
            with monkeypatch.context() as patch:
                kill_after(patch, 9)
                try:
                    pieces = model(checkpoint=file, checkpoint_every=1).fit(crowd.votes)
                    break
                except KilledError:
                    continue
        assert_same(whole, pieces)
        assert whole.random_state.random() == pieces.random_state.random()

    def test_threads_and_names_do_not_matter(self, crowd, file, monkeypatch):
        model = DawidSkene(checkpoint=file, checkpoint_every=1)
        fit_in_pieces(model, crowd, 7, monkeypatch)
        kill_after(monkeypatch, 1)  # that of log_likelihood_
        gold = known(crowd)
        options = {"n_jobs": 2, "verbose": True, "ties": "first", "annotator_correlation": 0}
        DawidSkene(checkpoint=str(file), **options).fit(crowd.votes, gold=gold)

    def test_votes_on_disk_are_the_same_votes(self, crowd, file, monkeypatch):
        model = DawidSkene(checkpoint=file, checkpoint_every=1)
        gold = known(crowd)
        whole = DawidSkene().fit(crowd.votes, gold=gold)
        fit_in_pieces(model, crowd, 9, monkeypatch)
        crowd.votes.save(file.parent / "votes")
        stored = Annotations.open(file.parent / "votes")
        kill_after(monkeypatch, 1)  # that of log_likelihood_
        again = DawidSkene(checkpoint=file).fit(stored, gold=gold)
        np.testing.assert_array_equal(again.confusion_, whole.confusion_)
        np.testing.assert_array_equal(again.objective_path_, whole.objective_path_)


class TestRefusals:
    @pytest.fixture
    def written(self, crowd, file):
        DawidSkene(checkpoint=file).fit(crowd.votes)
        return file

    @pytest.mark.parametrize(
        ("options", "named"),
        [
            ({"prior_strength": 2.0}, "'prior_strength'"),
            ({"class_prior": "uniform"}, "'class_prior'"),
            ({"class_prior": [0.2, 0.3, 0.5], "tol": 0.1}, "'class_prior', 'tol'"),
            ({"random_state": 3}, "'random_state'"),
            ({"init": np.full((200, 3), 1 / 3)}, "'init'"),
        ],
    )
    def test_other_parameters(self, crowd, written, options, named):
        before = written.read_bytes()
        with pytest.raises(ValueError, match=f"another fit, which differs in {named}. Name"):
            DawidSkene(checkpoint=written, **options).fit(crowd.votes)
        assert written.read_bytes() == before

    def test_other_votes(self, written):
        with pytest.raises(ValueError, match="differs in 'votes'"):
            DawidSkene(checkpoint=written).fit(problems.planted(1).votes)

    def test_other_gold_and_history(self, crowd, written):
        with pytest.raises(ValueError, match="differs in 'gold', 'history'"):
            DawidSkene(checkpoint=written).fit(
                crowd.votes, gold={0: 1}, history={0: np.eye(3), 1: np.ones((3, 3))}
            )

    def test_another_model(self, crowd, written):
        with pytest.raises(ValueError, match="differs in 'model'"):
            OneCoinDawidSkene(checkpoint=written).fit(crowd.votes)

    def test_a_warm_start(self, crowd, written):
        model = DawidSkene(warm_start=True).fit(crowd.votes)
        with pytest.raises(ValueError, match="differs in 'warm_start'"):
            model.set_params(checkpoint=written).fit(crowd.votes)

    def test_fewer_passes_than_have_been(self, crowd, file):
        DawidSkene(checkpoint=file, tol=0, max_iter=30).fit(crowd.votes)
        with pytest.raises(ValueError, match=r"max_iter=10 allows no more. Raise max_iter"):
            DawidSkene(checkpoint=file, tol=0, max_iter=10).fit(crowd.votes)

    @pytest.mark.parametrize("content", [b"", b"item,annotator,label\n", b"PK\x03\x04" * 50])
    def test_a_file_that_is_no_checkpoint(self, crowd, file, content):
        file.write_bytes(content)
        with pytest.raises(ReadError, match="is no checkpoint written by this package"):
            DawidSkene(checkpoint=file).fit(crowd.votes)
        assert file.read_bytes() == content

    def test_a_file_that_was_cut_off(self, crowd, written):
        whole = written.read_bytes()
        for length in range(0, len(whole), 97):
            written.write_bytes(whole[:length])
            with pytest.raises(ReadError, match="cut off or damaged"):
                DawidSkene(checkpoint=written).fit(crowd.votes)

    def test_a_state_of_another_shape(self, crowd, written, monkeypatch):
        header, arrays = _checkpoint.read_archive(written, _checkpoint._KIND)
        arrays["0.table"] = arrays["0.table"][:-1]
        _checkpoint.write_archive(written, _checkpoint._KIND, header, arrays)
        with pytest.raises(ReadError, match="is damaged: its state is not one of this fit"):
            DawidSkene(checkpoint=written).fit(crowd.votes)

    def test_a_newer_format(self, crowd, written, monkeypatch):
        header, arrays = _checkpoint.read_archive(written, _checkpoint._KIND)
        newer = _checkpoint._KIND._replace(version=7)
        del header["format_version"]
        _checkpoint.write_archive(written, newer, header, arrays)
        with pytest.raises(ReadError, match=r"of format 7.*Upgrade crowd-aggregate"):
            DawidSkene(checkpoint=written).fit(crowd.votes)

    def test_places_where_nothing_can_be_written(self, crowd, tmp_path):
        with pytest.raises(WriteError, match="is a folder; name a file in it"):
            DawidSkene(checkpoint=tmp_path).fit(crowd.votes)
        with pytest.raises(WriteError, match=r"there is no folder .*nowhere; make it first"):
            DawidSkene(checkpoint=tmp_path / "nowhere" / "fit").fit(crowd.votes)
        with pytest.raises(TypeError, match="checkpoint must be the path of a file; got 3"):
            DawidSkene(checkpoint=3).fit(crowd.votes)
        with pytest.raises(ValueError, match="checkpoint_every must be an integer of at least 1"):
            DawidSkene(checkpoint_every=0).fit(crowd.votes)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@problems.needs_jit
def test_real_deaths(tmp_path):
    """SIGKILL at random moments to processes that do nothing but fit and write."""
    script = """
        import os, random, signal, sys, time
        from aggregate import DawidSkene
        from tests import problems

        votes = problems.planted(3, n_items=1000, n_annotators=40, accuracy=(0.4, 0.7)).votes
        options = {"tol": 0, "max_iter": 120, "n_init": 2, "random_state": 0}
        file = sys.argv[1]

        def outcome(model):
            arrays = model.confusion_, model.class_prior_, model.objective_path_, model.probas_
            return [array.tobytes() for array in arrays], model.n_iter_, model.log_likelihood_

        begun = time.perf_counter()
        wanted = outcome(DawidSkene(**options).fit(votes))
        lasts = max(time.perf_counter() - begun, 0.05)
        model, deaths, sizes = DawidSkene(checkpoint=file, checkpoint_every=1, **options), 0, set()
        for _ in range(60):
            child = os.fork()
            if child == 0:
                model.fit(votes)
                os._exit(0)
            time.sleep(random.uniform(0.1, 0.6) * lasts)
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            deaths += os.WIFSIGNALED(status)
            sizes.add(os.path.getsize(file) if os.path.exists(file) else 0)
            if not os.WIFSIGNALED(status):
                break
        same = outcome(model.fit(votes)) == wanted
        print(same, deaths, len(sizes), len(os.listdir(os.path.dirname(file))))
    """
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script), str(tmp_path / "fit")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    same, deaths, n_sizes, n_files = done.stdout.split()
    assert same == "True"
    assert int(deaths) > 0
    assert int(n_sizes) > 1
    assert n_files == "1"  # those who died while they wrote leave nothing behind
