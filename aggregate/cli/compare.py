"""``aggregate compare``: models side by side, on the screen, in a table and in a picture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final, TextIO

import click

from aggregate.cli.guard import InputError
from aggregate.cli.label import check_targets
from aggregate.cli.votes import read_known, read_votes
from aggregate.inspection import compare
from aggregate.io import write_table

PICTURES: Final = (".png", ".svg", ".pdf")


def run_compare(
    *,
    votes: str,
    truth: str | None,
    models: tuple[str, ...],
    folds: int | None,
    output: str | None,
    plot: str | None,
    n_jobs: int | None,
    no_progress: bool,
    **reading: Any,
) -> None:
    """Do what ``aggregate compare`` says."""
    sources = [path for path in (votes, truth) if path is not None]
    if output is not None:
        check_targets([output], sources)
    if plot is not None:
        check_targets([plot], sources, endings=PICTURES)
        _need_matplotlib()
    if folds == 1:
        raise InputError("--folds must be 0, for none, or at least 2.")
    data = read_votes(votes, **reading)
    known = data.truth if truth is None else read_known(truth, data, "truth")
    found = compare(
        data.annotations,
        models or None,
        known,
        n_folds=folds,
        n_jobs=n_jobs,
        verbose=not no_progress and _is_terminal(sys.stderr),
    )
    sizes = f"{found.n_items:,} items"
    if found.n_known:
        sizes += f", {found.n_known:,} with known truth"
    click.echo(f"{data.name}: {sizes}\n\n{found}")
    if output is not None:
        write_table(found.to_table(), output)
        click.echo(f"\nwrote {output}: {len(found.rows)} models")
    if plot is not None:
        _draw(found, plot)
        click.echo(f"\nwrote {plot}")


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty()


def _need_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401 (asked for before any time is spent)
    except ImportError as error:
        raise InputError(
            "--plot needs matplotlib: python -m pip install 'crowd-aggregate[plot]'."
        ) from error


def _draw(found: Any, path: str) -> None:
    from matplotlib.figure import Figure

    from aggregate.plotting import plot_comparison

    figure = Figure(layout="constrained")
    plot_comparison(found, figure=figure)
    figure.savefig(Path(path), dpi=150)
