"""What only a real process shows: signals, pipes, exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from aggregate import simulate_annotations

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals and pipes")

SLOW_FIT = """
import sys
from aggregate.models import DawidSkene
fit = DawidSkene.fit
def fit_for_ever(self, *args, **kwargs):
    print("fitting", file=sys.stderr, flush=True)
    while True:
        fit(self, *args, **kwargs)
DawidSkene.fit = fit_for_ever
from aggregate.cli import main
main()
"""


def start(*arguments, code=None, **pipes):
    command = ["-c", code] if code else ["-m", "aggregate"]
    return subprocess.Popen(
        [sys.executable, *command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **pipes,
    )


@pytest.fixture
def large(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    votes = simulate_annotations(40_000, 300, 3, random_state=0).annotations
    table = np.column_stack([votes.item, votes.annotator, votes.label])
    np.savetxt(
        "votes.csv", table, fmt="%d", delimiter=",", header="item,annotator,label", comments=""
    )
    return tmp_path


def test_ctrl_c_while_fitting_leaves_nothing(large):
    large.joinpath("labels.csv").write_text("what stood here before\n")
    process = start("label", "votes.csv", "-o", "labels.csv", code=SLOW_FIT)
    assert process.stderr.readline() == b"fitting\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.strip() == b"interrupted"
    assert out == b""
    assert large.joinpath("labels.csv").read_text() == "what stood here before\n"
    assert sorted(path.name for path in large.iterdir()) == ["labels.csv", "votes.csv"]


def test_ctrl_c_while_writing_leaves_no_half_file(large):
    process = start("label", "votes.csv", "-o", "labels.jsonl")
    assert process.stdout.readline()  # the summary, just before the file
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    names = sorted(path.name for path in large.iterdir())
    if process.returncode == 130:
        assert names == ["votes.csv"]
    else:  # it was quicker
        assert names == ["labels.jsonl", "votes.csv"]
        assert sum(1 for _ in large.joinpath("labels.jsonl").open()) == 40_000


def test_a_reader_that_has_seen_enough_is_no_error(large):
    process = start("label", "votes.csv", "--model", "majority-vote")
    assert process.stdout.readline().startswith(b"item,label,confidence")
    process.stdout.close()
    with process.stderr:
        err = process.stderr.read()
    assert process.wait(timeout=30) == 0
    assert b"Error" not in err
    assert b"Traceback" not in err


def test_a_pipe_in_and_a_pipe_out():
    process = start("label", "-", stdin=subprocess.PIPE)
    out, err = process.communicate(b"item,annotator,label\n1,a,x\n1,b,x\n", timeout=30)
    assert process.returncode == 0
    assert out.splitlines()[1].startswith(b"1,x,1.0,2,1.0,")
    assert err.startswith(b"standard input: csv, long\n")


def test_bad_input_ends_with_two_and_without_traceback():
    process = start("label", "nothing.csv")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, b"")
    assert err == b"error: nothing.csv does not exist.\n"


def test_the_version_is_quick_and_right():
    import aggregate

    process = start("--version")
    assert (
        process.communicate(timeout=30)[0].decode()
        == f"aggregate, version {aggregate.__version__}\n"
    )
    assert process.returncode == 0


def test_a_closed_standard_output_is_no_traceback(large):
    command = f"exec {sys.executable} -m aggregate datasets >&-"
    ended = subprocess.run(["sh", "-c", command], capture_output=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
