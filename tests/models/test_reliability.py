"""Interrupts that really arrive, processes that start in every way, files that many use at once."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from aggregate import DawidSkene, HierarchicalDawidSkene, OneCoinDawidSkene, load_model
from tests import problems

ROOT = Path(__file__).resolve().parents[2]


def run_python(script, *arguments, **environment):
    """Run a script in a fresh interpreter whose warnings are errors; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to a process")
@problems.needs_jit
@pytest.mark.parametrize("n_jobs", ["1", "2"])
def test_ctrl_c(n_jobs, tmp_path):
    """A real SIGINT stops a fit within a pass; the model is what it was; a checkpoint goes on."""
    script = """
        import os, signal, sys, threading, time
        import numpy as np
        from aggregate import DawidSkene
        from aggregate.models._passes import Passes
        from tests import problems

        signal.signal(signal.SIGINT, signal.default_int_handler)
        votes = problems.planted(0, n_items=160_000, n_annotators=30, accuracy=(0.4, 0.7)).votes
        begun, expect = [0], Passes.expect

        def counted(self, state):
            begun[0] += 1
            return expect(self, state)

        def interrupt():
            while begun[0] < 10:
                time.sleep(0.001)
            at.append(begun[0])
            os.kill(os.getpid(), signal.SIGINT)

        file, n_jobs = sys.argv[1], int(sys.argv[2])
        options = {"tol": 0, "n_jobs": n_jobs, "max_iter": 30}
        whole = DawidSkene(**options).fit(votes)
        small = problems.planted(1).votes
        model = DawidSkene().fit(small)
        before, at = model.predict_proba(small), []
        model.set_params(**options, checkpoint=file, checkpoint_every=1)
        model.set_params(max_iter=100_000)
        Passes.expect = counted
        threading.Thread(target=interrupt).start()
        try:
            model.fit(votes)
        except KeyboardInterrupt:
            print("interrupted", begun[0] - at[0] <= 2)
        print((model.predict_proba(small) == before).all(), len(model.items_) == 200)
        model.set_params(max_iter=30).fit(votes)
        print((model.confusion_ == whole.confusion_).all(), model.n_iter_ == whole.n_iter_)
        print((model.objective_path_ == whole.objective_path_).all(), begun[0] < 60)
    """
    printed = run_python(script, str(tmp_path / "fit"), n_jobs).split()
    assert printed == ["interrupted", *["True"] * 7]


def test_spawned_processes():
    """What is sent to a fresh process and comes back is the same."""
    script = """
        import multiprocessing
        from tests import problems
        from tests.models.test_reliability import fit_elsewhere

        votes = problems.planted(2).votes
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            there = pool.map(fit_elsewhere, [(votes, 1), (votes, 2)])
        here = fit_elsewhere((votes, None))
        print([one == here for one in there])
    """
    assert run_python(script).strip() == "[True, True]"


def fit_elsewhere(work):
    """Fit in whatever process this is; return the soft labels as bytes."""
    votes, n_jobs = work
    return DawidSkene(n_jobs=n_jobs).fit(votes).probas_.tobytes()


def test_first_calls_of_several_threads():
    """Kernels are compiled or loaded while others wait for the same ones."""
    script = """
        from concurrent.futures import ThreadPoolExecutor
        from aggregate import DawidSkene
        from tests import problems

        votes = problems.planted(3).votes
        with ThreadPoolExecutor(4) as pool:
            fits = [pool.submit(DawidSkene(n_jobs=2).fit, votes) for _ in range(8)]
            soft = [fit.result().probas_.tobytes() for fit in fits]
        print(len(soft), len(set(soft)))
    """
    assert run_python(script).split() == ["8", "1"]


@pytest.mark.parametrize(
    "model", [DawidSkene, OneCoinDawidSkene, HierarchicalDawidSkene], ids=lambda m: m.__name__
)
def test_checkpointed_fits_at_once(model, tmp_path):
    crowds = [problems.planted(seed).votes for seed in range(4)]
    wanted = [model().fit(votes).confusion_ for votes in crowds]

    def fit(turn):
        file = tmp_path / str(turn % 4)
        fitted = model(checkpoint=file, checkpoint_every=1, n_jobs=2)
        return fitted.fit(crowds[turn % 4]).confusion_

    with ThreadPoolExecutor(4) as pool:
        for turns in (range(4), range(4)):  # the second time from the files
            for turn, got in zip(turns, pool.map(fit, turns), strict=True):
                np.testing.assert_array_equal(got, wanted[turn])


def test_a_saved_model_is_never_half_there(tmp_path):
    """Readers meet the old model or the new one, whole, however often it is replaced."""
    file = tmp_path / "model.npz"
    models = [DawidSkene().fit(problems.planted(seed).votes) for seed in range(2)]
    models[0].save(file)
    paths = {model.objective_path_.tobytes() for model in models}

    def work(turn):
        if turn % 3 == 0:
            models[turn % 2].save(file)
        return load_model(file).objective_path_.tobytes()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(work, range(200))) <= paths
    assert [path.name for path in tmp_path.iterdir()] == ["model.npz"]


def test_streams_of_several_threads(monkeypatch):
    monkeypatch.setattr("aggregate._blocks._ANNOTATIONS_PER_BLOCK", 50)
    crowds = [problems.planted(seed).votes for seed in range(4)]

    def stream(votes):
        model = DawidSkene(n_jobs=2)
        for first in range(0, 200, 50):
            chosen = (np.arange(200) >= first) & (np.arange(200) < first + 50)
            model.partial_fit(votes.select(items=chosen), classes=[0, 1, 2])
        return model.confusion_

    wanted = [stream(votes) for votes in crowds]
    with ThreadPoolExecutor(4) as pool:
        for got, confusion in zip(pool.map(stream, crowds), wanted, strict=True):
            np.testing.assert_array_equal(got, confusion)
