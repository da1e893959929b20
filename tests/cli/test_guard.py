"""Exit codes and wording, whatever a command meets."""

from __future__ import annotations

import io
import sys
import warnings

import pytest

from aggregate.cli.guard import as_options


@pytest.fixture
def meets(run, monkeypatch):
    def meets(happening):
        monkeypatch.setattr("aggregate.cli.describe.run_datasets", happening)
        return run("datasets")

    return meets


def raising(error):
    def happening():
        raise error

    return happening


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "\ninterrupted\n"),
        (BrokenPipeError(), 0, ""),
        (MemoryError(), 2, "error: there is not enough memory for so many items, annotators and "
                           "classes.\n"),
        (ValueError("two\n  lines: name it with item=."), 2,
         "error: two lines: name it with --item.\n"),
        (PermissionError(13, "Not permitted", "x.csv"), 2, "error: x.csv: Not permitted.\n"),
        (OSError(28, "No space left on device"), 2, "error: No space left on device.\n"),
    ],
)  # fmt: skip
def test_exit_codes(meets, error, code, message):
    assert meets(raising(error)) == (code, "", message)


def test_a_mistake_of_the_program_is_not_hidden(meets):
    with pytest.raises(ZeroDivisionError):
        meets(raising(ZeroDivisionError()))


def test_warnings_of_the_library_are_one_line_and_others_are_silent(meets):
    def happening():
        warnings.warn("check the\n column label='x'.", UserWarning, stacklevel=2)
        warnings.warn("soon gone", DeprecationWarning, stacklevel=2)
        warnings.warn("sooner gone", FutureWarning, stacklevel=2)

    assert meets(happening).err == "warning: check the column --label 'x'.\n"


def test_streams_closed_by_the_shell_do_no_harm(run, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert run("datasets").code == 0
    sys.stdout.close()
    sys.stderr.close()


class Keyboard(io.TextIOWrapper):
    def isatty(self):
        return True


def test_reading_from_a_keyboard_is_announced(run, monkeypatch):
    typed = Keyboard(io.BytesIO(b"item,annotator,label\n1,a,x\n"))
    monkeypatch.setattr(sys, "stdin", typed)
    assert "end with Ctrl-D" in run("describe", "-").err


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("name them with item=, label=.", "name them with --item, --label."),
        ("but format='tsv' was asked for", "but --format 'tsv' was asked for"),
        ("use on_duplicate='first'", "use --on-duplicate 'first'"),
        ("an equation: subitem=3", "an equation: subitem=3"),
    ],
)
def test_the_words_of_the_library_become_options(message, expected):
    assert as_options(message) == expected


@pytest.mark.parametrize("command", [[], ["label"], ["group"], ["simulate"]])
def test_examples_in_the_help_stand_on_lines_of_their_own(run, command):
    code, out, _ = run(*command, "--help")
    assert code == 0
    assert "\\b" not in out
    lines = out.splitlines()
    example = lines[lines.index("  Examples:") + 1]
    assert example.startswith(f"    aggregate {' '.join(command)}")
