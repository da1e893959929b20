"""From what the user names to votes and known labels, with the checks that only people need."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.cli.guard import InputError
from aggregate.datasets import dataset_names, load_dataset
from aggregate.io import ReadError, read_annotations, read_costs, read_gold

_MANY_NUMBERS: Final = 20


@dataclass(frozen=True)
class Votes:
    """Votes and what is known about them."""

    name: str
    annotations: Annotations
    truth: NDArray[Any] | None = None
    built_in: bool = False


def read_votes(votes: str, *, categories: bool = False, **options: Any) -> Votes:
    """Read a file, standard input or a built-in set; a file that exists goes first."""
    if votes in dataset_names() and not Path(votes).exists():
        given = [name for name, value in options.items() if value and value != "keep"]
        if given:
            raise InputError(
                f"{votes} is a built-in set: --{given[0].replace('_', '-')} does not apply to it."
            )
        dataset = load_dataset(votes)
        return Votes(votes, dataset.annotations, dataset.truth, built_in=True)
    if Path(votes).is_dir():
        return _open_folder(votes, options)
    if votes == "-" and sys.stdin.isatty():
        click.echo("reading votes from the terminal; end with Ctrl-D", err=True)
    annotations = _read(votes, **options)
    name = "standard input" if votes == "-" else votes
    if annotations.n_annotations == 0:
        raise InputError(f"{name} holds no label: every label is missing.")
    if not categories:
        _refuse_scale(name, annotations)
    return Votes(name, annotations)


def _open_folder(votes: str, options: dict[str, Any]) -> Votes:
    """Open a folder of annotations."""
    given = [name for name, value in options.items() if value and value != "keep"]
    if given:
        raise InputError(
            f"{votes} is a folder: --{given[0].replace('_', '-')} does not apply to it, but to "
            "'aggregate group', which makes such folders from files."
        )
    try:
        annotations = Annotations.open(votes)
    except ValueError as error:
        hint = "Files in a folder are to be grouped first: see 'aggregate group --help'."
        raise InputError(f"{error} {hint}") from error
    if annotations.n_annotations == 0:
        raise InputError(f"{votes} holds no label: every label is missing.")
    return Votes(votes, annotations)


def _read(votes: str, *, missing: tuple[str, ...], **options: Any) -> Annotations:
    if missing:
        options["missing"] = list(missing)
    try:
        return read_annotations(votes, **options)
    except ReadError as error:
        plain = votes != "-" and not Path(votes).exists() and not Path(votes).suffix
        hint = f" Built-in sets: {', '.join(dataset_names())}." if plain else ""
        raise InputError(f"{error}{hint}") from error


def _refuse_scale(name: str, annotations: Annotations) -> None:
    """Refuse labels that are measurements: many different numbers, each of them rare."""
    classes = annotations.classes
    if classes.dtype.kind not in "iuf" or len(classes) <= _MANY_NUMBERS:
        return
    if len(classes) > annotations.n_annotations / 100 or classes.dtype.kind == "f":
        raise InputError(
            f"the labels in {name} look like numbers on a scale ({len(classes):,} different values "
            f"from {classes.min():g} to {classes.max():g}), and these models are for categories: "
            "group the values into a few classes, or add --categories if each is a class."
        )


def read_known(path: str, votes: Votes, what: str) -> dict[Any, Any]:
    """Read known labels and return them by item, both as the votes have them.

    A file is matched by value where both sides are numbers or both text; otherwise by how the
    values are written, because the other file's text may hold numbers only.
    """
    if path == "-" and votes.name == "standard input":
        raise InputError(f"votes and {what} cannot both come from standard input.")
    annotations = votes.annotations
    items, labels = _read_gold(path, annotations)
    same_class = _matcher(annotations.classes, labels)
    classes = [same_class(label) for label in labels.tolist()]
    strange = sorted(
        {str(label) for label, found in zip(labels.tolist(), classes, strict=True) if found is None}
    )
    if strange:
        raise InputError(
            f"{path} holds classes that no annotator used: {_few(strange)} (the votes have "
            f"{_few(annotations.classes.tolist())}); correct them or leave those rows out."
        )
    same_item = _matcher(annotations.items, items)
    found = [same_item(item) for item in items.tolist()]
    if all(item is None for item in found):
        raise InputError(
            f"no item of {path} is among the votes: it names {_few(items.tolist())}, the votes "
            f"{_few(annotations.items.tolist())}."
        )
    lost = sum(item is None for item in found)
    if lost:
        words = f"{lost:,} items of {path} are not among the votes and are left out"
        click.echo(f"warning: {words}", err=True)
    return {item: label for item, label in zip(found, classes, strict=True) if item is not None}


def read_prices(path: str | None, votes: Votes, classes: NDArray[Any]) -> NDArray[Any] | None:
    """Read what mistakes cost, None if nothing is said of that."""
    if path is None:
        return None
    if path == "-" and votes.name == "standard input":
        raise InputError("votes and costs cannot both come from standard input.")
    try:
        return read_costs(path, classes)
    except ReadError as error:
        raise InputError(str(error)) from error


def _read_gold(path: str, annotations: Annotations) -> tuple[NDArray[Any], NDArray[Any]]:
    """Read known labels, from columns with the usual names or named as those of the votes."""
    columns = dict(annotations.report.columns) if annotations.report else {}
    columns.pop("annotator", None)
    attempts: list[dict[str, Any]] = [{}, {"item": columns.get("item")}, columns]
    problem: ReadError | None = None
    for names in attempts:
        try:
            items, labels = read_gold(path, **names)
        except ReadError as error:
            problem = problem or error
        else:
            return items, labels
        if path == "-" or not Path(path).exists():
            break
    words, advice, _ = str(problem).partition("; name them with")
    raise InputError(f"{words}; name two of them item and label." if advice else words)


def _matcher(known: NDArray[Any], given: NDArray[Any]) -> Callable[[Any], Any]:
    """Return the function from a given value to the known one, None where there is none."""
    alike = (known.dtype.kind in "iufb") == (given.dtype.kind in "iufb")
    if alike:
        by_value = {value: value for value in known.tolist()}
        return by_value.get
    by_text = {str(value): value for value in known.tolist()}
    return lambda value: by_text.get(str(value))


def _few(values: list[Any], most: int = 4) -> str:
    shown = ", ".join(map(str, values[:most]))
    return f"{shown}, …" if len(values) > most else shown
