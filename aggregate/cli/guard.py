"""What a shell expects of a command: exit codes, one sentence per error, quiet pipes."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, NoReturn

import click

OK: Final = 0
BAD_INPUT: Final = 2
INTERRUPTED: Final = 130

_OPTIONS = ("item", "annotator", "label", "format", "layout", "missing", "on_duplicate", "max_iter")
_KEYWORD = re.compile(rf"\b({'|'.join(_OPTIONS)})=(?=(\S?))")


class InputError(ValueError):
    """Something is wrong with what the user gave; the message is all they need."""


class ReaderGoneError(Exception):
    """Whoever read our output has closed the pipe (`head` has seen enough)."""


class Commands(click.Group):
    """A group of commands that does not leave broken pipes to click, which calls them errors.

    Its help, like that of its commands, comes from raw docstrings, in which the mark of lines to
    be left as they are is spelled out.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.help = _with_marks(self.help)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command, its help with proper marks."""
        cmd.help = _with_marks(cmd.help)
        super().add_command(cmd, name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGoneError from error


def _with_marks(text: str | None) -> str | None:
    return None if text is None else text.replace("\\b\n", "\b\n")


def guarded(app: click.Group, arguments: Sequence[str] | None) -> NoReturn:
    """Run a command, tell warnings and errors in one line each, and exit."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the shell (>&-)
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (open to the end)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = partial(_tell_warning, set())
        code = _run(app, arguments)
    sys.exit(code)


def _run(app: click.Group, arguments: Sequence[str] | None) -> int:
    try:
        code = app.main(arguments, prog_name="aggregate", standalone_mode=False)
        sys.stdout.flush()
    except click.UsageError as error:
        return _refuse_usage(error)
    except click.ClickException as error:
        return _refuse(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except (BrokenPipeError, ReaderGoneError):
        return _be_quiet()
    except MemoryError:
        return _refuse("there is not enough memory for so many items, annotators and classes.")
    except ValueError as error:
        return _refuse(str(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _refuse(f"{where}{error.strerror or error}.")
    return code if isinstance(code, int) else OK


def _refuse_usage(error: click.UsageError) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message())
        return BAD_INPUT
    path = error.ctx.command_path if error.ctx else "aggregate"
    message = error.format_message().rstrip(".")
    return _refuse(f"{message}; see '{path} --help'.")


def _refuse(message: str) -> int:
    click.echo(f"error: {as_options(message)}", err=True)
    return BAD_INPUT


def _be_quiet() -> int:
    """End well when whoever read our output has seen enough; nothing more can be written."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (BrokenPipeError, ValueError):
            os.dup2(nowhere, stream.fileno())
    return OK


def as_options(message: str) -> str:
    """Write a message of the library on one line and in the command line's words.

    Examples
    --------
    >>> as_options("no column looks like the item; name it with item=, label=.")
    'no column looks like the item; name it with --item, --label.'
    >>> as_options("it had not converged after max_iter=500 passes")
    'it had not converged after --max-iter 500 passes'
    """

    def option(found: re.Match[str]) -> str:
        value_follows = found[2] and found[2] not in ",.;:)"
        return f"--{found[1].replace('_', '-')}{' ' if value_follows else ''}"

    words = " ".join(message.split()).replace("overwrite=True", "--overwrite")
    return _KEYWORD.sub(option, words)


def _tell_warning(
    told: set[str], message: Warning | str, category: type[Warning], *_: Any, **__: Any
) -> None:
    """Tell a warning on one line, once: several models may have the same to say."""
    text = as_options(str(message))
    if category.__name__ == "ConvergenceWarning":  # its remedies are those of a Python user
        text = (
            "the model had not converged, so labels and confidences might still change; "
            "'aggregate label' takes a larger --max-iter."
        )
    if text not in told:
        told.add(text)
        click.echo(f"warning: {text}", err=True)
