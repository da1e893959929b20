"""Running the command line inside the test process, which is quick, with its exit code."""

from __future__ import annotations

import io
import sys
from typing import NamedTuple

import pytest

from aggregate.cli import main

VOTES = "task,worker,label\n" + "".join(
    f"{item},{worker},{'yes' if (item + (worker == 'cyd')) % 2 else 'no'}\n"
    for item in range(1, 13)
    for worker in ("ann", "bob", "cyd")
)


class Ended(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Work in a folder that holds nothing but a file of votes."""
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("votes.csv").write_text(VOTES)
    return tmp_path


@pytest.fixture
def run(capfd, monkeypatch):
    def run(*arguments: str, stdin: bytes | None = None) -> Ended:
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as exit_:
            main(arguments)
        return Ended(exit_.value.code, *capfd.readouterr())

    return run


@pytest.fixture
def refused(run):
    def refused(*arguments: str, stdin: bytes | None = None) -> str:
        """Return the one sentence with which bad input is refused."""
        code, out, err = run(*arguments, stdin=stdin)
        assert code == 2
        assert out == ""
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert err.endswith((".\n", "?\n"))
        return err

    return refused


@pytest.fixture
def terminal(monkeypatch):
    """Let standard output look like a terminal."""
    monkeypatch.setattr("aggregate.cli.label._is_terminal", lambda stream: True)
