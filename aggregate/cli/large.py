"""``aggregate simulate`` and ``aggregate group``: what is larger than memory, made and sorted."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from tqdm import tqdm

from aggregate.cli.guard import InputError
from aggregate.grouping import group_annotations
from aggregate.simulate import simulate_files


def run_simulate(
    *,
    output: str,
    items: int,
    annotators: int,
    classes: int,
    labels_per_item: str,
    accuracy: tuple[float, float],
    hard_items: float,
    in_order: bool,
    rows_per_file: int,
    seed: int,
    n_jobs: int | None,
    no_progress: bool,
) -> None:
    """Do what ``aggregate simulate`` says."""
    fewest, most = _range(labels_per_item)
    with _bar("simulating", items * (fewest + most) // 2, no_progress) as bar:
        folder = simulate_files(
            output, items, annotators, classes, labels_per_item=(fewest, most),
            accuracy=accuracy, hard_items=hard_items, shuffle=not in_order,
            rows_per_file=rows_per_file, seed=seed, n_jobs=n_jobs, progress=bar.update,
        )  # fmt: skip
        n_rows = bar.n
    n_files = len(list(folder.glob("annotations-*.parquet")))
    click.echo(f"wrote {output}: {n_rows:,} labels in {_files(n_files)}, their truth, confusions")
    click.echo(f"next: aggregate group {output}/annotations-*.parquet -o votes")


def run_group(
    *,
    files: tuple[str, ...],
    output: str,
    missing: tuple[str, ...],
    memory: float,
    no_progress: bool,
    **options: Any,
) -> None:
    """Do what ``aggregate group`` says."""
    if missing:
        options["missing"] = list(missing)
    with _bar("reading", None, no_progress) as bar:

        def tell(stage: str, done: int, total: int) -> None:
            if bar.desc != f"{stage}: ":
                bar.set_description(stage, refresh=False)
                bar.reset(total)
            bar.update(done - bar.n)

        votes = group_annotations(files, output, memory=memory * 1e9, progress=tell, **options)
    click.echo(str(votes.report))
    click.echo(f"wrote {output}: {votes!r}")
    click.echo(f"next: aggregate label {output} -o labels.parquet")


def _range(text: str) -> tuple[int, int]:
    """Return the fewest and the most labels of an item, from "5" or "3-7"."""
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if found is None:
        raise InputError(f"--labels-per-item must be a number or a range like 3-7; got {text}.")
    return int(found[1]), int(found[2] or found[1])


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number:,} files"


@contextmanager
def _bar(name: str, total: int | None, hidden: bool) -> Iterator[Any]:
    """Show a bar on a terminal; keep count anywhere."""
    seen = sys.stderr.isatty() and not hidden
    stream: Any = sys.stderr if seen else _Nowhere()
    with tqdm(
        desc=name, total=total, unit="row", unit_scale=True, leave=False, file=stream
    ) as bar:  # fmt: skip
        yield bar


class _Nowhere:
    """A stream that nobody sees: unlike a disabled bar, the bar on it keeps count."""

    def write(self, text: str) -> None:
        """Forget the text."""

    def flush(self) -> None:
        """Do nothing."""
