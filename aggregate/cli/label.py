"""``aggregate label``: read, check the outputs, fit, tell, write."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TextIO

import click
import numpy as np

from aggregate._model_names import BASELINE, DEFAULT, PLAIN, VOTING
from aggregate.annotations import Annotations
from aggregate.cli.apply import label_with, refuse_what_fits, write_with
from aggregate.cli.guard import InputError
from aggregate.cli.intervals import Intervals, skill_intervals
from aggregate.cli.label_blocks import is_large, label_by_blocks
from aggregate.cli.summary import Tally, count, tell_annotators, tell_model, tell_votes
from aggregate.cli.tables import (
    Table,
    agreed_labels,
    annotator_table,
    confusion_table,
    item_table,
    on_screen,
    print_csv,
)
from aggregate.cli.votes import Votes, read_known, read_prices, read_votes
from aggregate.inspection import check_health
from aggregate.io import write_table
from aggregate.models import make_model

ENDINGS: Final = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson")
_SHOWN: Final = 10
_LARGEST_TABLE: Final = 1 << 28  # entries of all confusion matrices: 2 GB, several times over
_WORTH_A_BAR: Final = 200_000
_MANY_VOTES: Final = 5_000_000
_MANY_ENTRIES: Final = 1 << 22  # of confusion matrices


def run_label(
    *,
    votes: str,
    output: str | None,
    model: str | None,
    gold: str | None,
    annotators: str | None,
    confusions: str | None,
    costs: str | None,
    min_confidence: float,
    max_iter: int | None,
    n_jobs: int | None,
    checkpoint: str | None,
    save_model: str | None,
    fitted: str | None,
    no_progress: bool,
    **reading: Any,
) -> None:
    """Do what ``aggregate label`` says."""
    targets = [path for path in (output, annotators, confusions) if path is not None]
    check_targets(targets, [path for path in (votes, gold, costs) if path is not None])
    if fitted is not None:
        refuse_what_fits(
            gold=gold, annotators=annotators, confusions=confusions, max_iter=max_iter,
            checkpoint=checkpoint, save_model=save_model,
        )  # fmt: skip
        _apply(fitted, read_votes(votes, **reading), output, min_confidence, costs)
        return
    if save_model is not None:
        check_targets([save_model], [votes], (".npz",))
    if n_jobs == 0:
        raise InputError("--n-jobs must be a number of threads, or -1 for all processors.")
    data = read_votes(votes, **reading)
    known = None if gold is None else read_known(gold, data, "gold")
    prices = read_prices(costs, data, data.annotations.classes)
    model = model or _usual_model(data.annotations, checkpoint)
    _check_size(data, model)
    bar = _is_terminal(sys.stderr) and not no_progress
    if is_large(data.annotations):
        _named(data, output)
    given = {"n_jobs": n_jobs, "max_iter": max_iter, "checkpoint": checkpoint}
    options = {name: value for name, value in given.items() if value is not None}
    estimator: Any = make_model(
        model, verbose=bar and data.annotations.n_annotations >= _WORTH_A_BAR, **options
    )
    if checkpoint is not None and "checkpoint" not in estimator.get_params(deep=False):
        raise InputError(f"{model} takes no --checkpoint: {PLAIN} does.")
    estimator.fit(data.annotations, gold=known)
    if save_model is not None:
        estimator.save(save_model, items=False)
    if confusions is not None and not hasattr(estimator, "confusion_"):
        raise InputError(
            f"{model} knows no confusion matrices: leave out --confusions, or choose --model "
            f"{DEFAULT}."
        )
    targets_given = (output, annotators, confusions)
    work = label_by_blocks if is_large(data.annotations) else _tell_and_write
    work(data, estimator, model, known, targets_given, min_confidence, prices)


def _usual_model(annotations: Annotations, checkpoint: str | None) -> str:
    """Return the model taken where none is named: several averaged, one for very many votes."""
    tables = annotations.n_annotators * annotations.n_classes**2
    many = annotations.n_annotations > _MANY_VOTES or tables > _MANY_ENTRIES
    return PLAIN if many or checkpoint is not None or is_large(annotations) else DEFAULT


def _named(data: Votes, output: str | None) -> str:
    """Return the file to be written, without which very many items have nowhere to go."""
    if output is None:
        raise InputError(
            f"{data.annotations.n_items:,} items are too many to be shown: name a file with -o."
        )
    return output


def _apply(
    fitted: str, data: Votes, output: str | None, min_confidence: float, costs: str | None
) -> None:
    """Label votes by a model from a file."""
    if is_large(data.annotations):
        n_rows, told = write_with(fitted, data, _named(data, output), min_confidence, costs)
        click.echo(f"{told}\n\nwrote {output}: {count(n_rows, 'row')}")
        return
    items, told = label_with(fitted, data, min_confidence, costs)
    piped = output is None and not _is_terminal(sys.stdout)
    click.echo(told, err=piped)
    if piped:
        print_csv(items)
    elif output is None:
        click.echo(f"\n{_first_rows(data.name, items, f' --fitted {shlex.quote(fitted)}')}")
    else:
        write_table(items, output)
        click.echo(f"\nwrote {output}: {count(len(items['item']), 'row')}", err=piped)


def _tell_and_write(
    data: Votes,
    fitted: Any,
    model: str,
    known: dict[Any, Any] | None,
    targets: tuple[str | None, str | None, str | None],
    min_confidence: float,
    costs: Any = None,
) -> None:
    annotations = data.annotations
    in_gold = np.array([item in (known or ()) for item in annotations.items.tolist()], dtype=bool)
    items = item_table(annotations, fitted, min_confidence, in_gold, costs)
    health = check_health(annotations)
    agreed = agreed_labels(annotations, fitted, costs)
    output, annotators, confusions = targets
    intervals = Intervals(None, "")
    if annotators is not None:
        intervals = skill_intervals(annotations, fitted, model, known)
    people = annotator_table(annotations, fitted, health, agreed, intervals.ends)
    piped = output is None and not _is_terminal(sys.stdout)
    parts = [
        tell_votes(data, health),
        tell_model(model, fitted, Tally.of(items), min_confidence, known),
        tell_annotators(people),
    ]
    click.echo("\n\n".join(parts), err=piped)
    if piped:
        print_csv(items)
    elif output is None:
        click.echo(f"\n{_first_rows(data.name, items)}")
    tables: list[tuple[str | None, Callable[[], Table]]] = [
        (output, lambda: items),
        (annotators, lambda: people),
        (confusions, lambda: confusion_table(fitted)),
    ]
    for position, (path, make) in enumerate(tables):
        if path is not None:
            table = make()
            write_table(table, path)
            n_rows = len(next(iter(table.values())))
            start = "\n" if position == 0 else ""
            more = f", {intervals.words}" if path == annotators else ""
            click.echo(f"{start}wrote {path}: {count(n_rows, 'row')}{more}", err=piped)


def _first_rows(name: str, items: Table, options: str = "") -> str:
    n_items = len(items["item"])
    shown = on_screen({column: values[:_SHOWN] for column, values in items.items()}, "  ")
    rest = f"  … and {n_items - _SHOWN:,} more\n" if n_items > _SHOWN else ""
    source = "-" if name == "standard input" else shlex.quote(name)
    return f"items\n{shown}\n{rest}\nTo save all: aggregate label {source}{options} -o labels.csv"


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty()


def check_targets(
    targets: list[str], sources: list[str], endings: tuple[str, ...] = ENDINGS
) -> None:
    """Refuse outputs that cannot be written before any time is spent."""
    for path in targets:
        target = Path(path)
        last = [ending.lower() for ending in target.suffixes[-2:]]
        ending = last[0] if last[1:] == [".gz"] else (last or [""])[-1]
        if target.is_dir():
            raise InputError(f"{path} is a folder: name a file in it.")
        if ending not in endings:
            zipped = ", and .gz after it to compress" if endings is ENDINGS else ""
            raise InputError(f"{path}: the name must end in {', '.join(endings)}{zipped}.")
        folder = target.resolve().parent
        if not folder.is_dir():
            raise InputError(f"{path} cannot be written: there is no folder {target.parent}.")
        if not os.access(folder, os.W_OK):
            raise InputError(f"{path} cannot be written: no permission in {target.parent}.")
        if any(Path(source).exists() and Path(source).samefile(target) for source in sources
               if target.exists()):  # fmt: skip
            raise InputError(f"{path} is also read: write to another file.")
    places = [Path(path).resolve() for path in targets]
    if len(set(places)) < len(places):
        raise InputError(f"two outputs cannot go to one file: {', '.join(targets)}.")


def _check_size(data: Votes, model: str) -> None:
    """Refuse what would fill the memory: a confusion matrix per annotator of very many classes."""
    votes = data.annotations
    entries = votes.n_annotators * votes.n_classes**2
    if model not in VOTING and entries > _LARGEST_TABLE:
        raise InputError(
            f"{votes.n_annotators:,} annotators with {votes.n_classes:,} classes need confusion "
            f"matrices of {entries * 8 / 1e9:,.0f} GB: is the label column right? If it is, use "
            f"--model {BASELINE}."
        )
