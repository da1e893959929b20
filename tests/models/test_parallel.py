"""Threads, processes and the compiler change nothing, not even the last bit."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from aggregate import Annotations, DawidSkene, IterativeWeightedVote, MajorityVote, Wawa, _blocks
from tests import problems

MODELS = [MajorityVote(), Wawa(), IterativeWeightedVote(), DawidSkene()]
every = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)


def outcome(fitted):
    """Return every array that a fit learns."""
    learned = {name: value for name, value in vars(fitted).items() if name.endswith("_")}
    return {name: value for name, value in learned.items() if isinstance(value, np.ndarray)}


def assert_same(one, other):
    assert outcome(one).keys() == outcome(other).keys()
    for name, value in outcome(one).items():
        np.testing.assert_array_equal(outcome(other)[name], value, err_msg=name)


@every
@pytest.mark.parametrize("n_jobs", [1, 2, 3, -1])
def test_small_blocks(model, n_jobs, monkeypatch):
    monkeypatch.setattr(_blocks, "_ANNOTATIONS_PER_BLOCK", 50)
    planted = problems.planted(0, n_classes=3)
    assert len(_blocks.item_blocks(planted.votes.item_ptr, table_size=24)) > 10
    gold = np.where(np.arange(200) % 5 == 0, planted.truth, -1)
    serial = clone(model).fit(planted.votes, gold=gold)
    assert_same(serial, clone(model).set_params(n_jobs=n_jobs).fit(planted.votes, gold=gold))


@problems.needs_jit
@pytest.mark.parametrize("n_jobs", [2, 3])
def test_real_blocks(n_jobs):
    votes = problems.planted(1, n_items=160_000, n_annotators=30).votes
    assert len(_blocks.item_blocks(votes.item_ptr, table_size=90)) == 5
    options = {"max_iter": 10, "tol": 0}
    assert_same(DawidSkene(**options).fit(votes), DawidSkene(**options, n_jobs=n_jobs).fit(votes))


def test_blocks_change_only_the_rounding(monkeypatch):
    votes = problems.planted(2).votes
    whole = DawidSkene(max_iter=10, tol=0).fit(votes)
    monkeypatch.setattr(_blocks, "_ANNOTATIONS_PER_BLOCK", 50)
    parts = DawidSkene(max_iter=10, tol=0).fit(votes)
    np.testing.assert_allclose(parts.confusion_, whole.confusion_, rtol=1e-9)
    np.testing.assert_allclose(parts.objective_path_, whole.objective_path_, rtol=1e-12)


@every
def test_several_fits_at_once(model, monkeypatch):
    monkeypatch.setattr(_blocks, "_ANNOTATIONS_PER_BLOCK", 50)
    crowds = [problems.planted(seed).votes for seed in range(4)]
    wanted = [clone(model).fit(votes) for votes in crowds]
    threaded = clone(model).set_params(n_jobs=2)
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda votes: clone(threaded).fit(votes), crowds * 3))
    for one, other in zip(wanted * 3, got, strict=True):
        assert_same(one, other)


def test_one_container_shared_by_threads():
    """The views that the container makes on first use are made by many at once."""
    frame = problems.planted(3).votes.to_frame()
    columns = [frame[name] for name in ("item", "annotator", "label")]
    wanted = DawidSkene().fit(Annotations.from_columns(*columns))
    shared = Annotations.from_columns(*columns)
    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(lambda _: DawidSkene().fit(shared), range(8)):
            assert_same(wanted, got)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_joblib(backend):
    votes = problems.planted(4).votes
    with joblib.parallel_config(backend, n_jobs=2):
        soft = joblib.Parallel()(
            joblib.delayed(_fit_in_worker)(DawidSkene(n_jobs=2), votes) for _ in range(3)
        )
    if backend == "loky":
        joblib.externals.loky.get_reusable_executor().shutdown(wait=True)
    for probas in soft:
        np.testing.assert_array_equal(probas, DawidSkene().fit(votes).probas_)


def _fit_in_worker(model, votes):
    return model.fit(votes).probas_


def run_python(script, **environment):
    """Run a script in a fresh interpreter; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        cwd=os.path.dirname(os.path.dirname(os.path.dirname(__file__))),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_after_a_threaded_fit():
    printed = run_python(
        """
        import multiprocessing
        from aggregate import DawidSkene, _blocks
        from tests import problems

        _blocks._ANNOTATIONS_PER_BLOCK = 50
        votes = problems.planted(5).votes

        def fit(n_jobs):
            return DawidSkene(n_jobs=n_jobs).fit(votes).probas_.tobytes()

        here = fit(2)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            print([there == here for there in pool.map(fit, [1, 2, 3])])
        """
    )
    assert printed.strip() == "[True, True, True]"


def test_without_the_compiler():
    """The kernels as plain Python give what the compiled ones give."""
    script = """
        import numpy as np
        from aggregate import DawidSkene, IterativeWeightedVote
        from tests import problems

        planted = problems.planted(6, n_items=60)
        gold = np.where(np.arange(60) < 9, planted.truth, -1)
        for model in (DawidSkene(max_iter=12, tol=0), IterativeWeightedVote()):
            print(*model.fit(planted.votes, gold=gold).probas_.ravel().tolist())
        long = problems.from_codes(np.zeros(200), np.arange(200), np.arange(200) % 2, (1, 200, 2))
        print(*DawidSkene(max_iter=3, tol=0).fit(long).objective_path_.tolist())
    """
    compiled = run_python(script, NUMBA_DISABLE_JIT="0").split()
    plain = run_python(script, NUMBA_DISABLE_JIT="1").split()
    np.testing.assert_allclose(
        np.array(plain, dtype=float), np.array(compiled, dtype=float), rtol=1e-9, atol=1e-12
    )
