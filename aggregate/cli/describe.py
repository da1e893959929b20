"""``aggregate describe`` and ``datasets``: looking without fitting."""

from __future__ import annotations

import warnings
from typing import Any

import click
from sklearn.exceptions import ConvergenceWarning

from aggregate.cli.agreement import tell_alpha
from aggregate.cli.label_blocks import is_large
from aggregate.cli.summary import tell_source
from aggregate.cli.tables import on_screen
from aggregate.cli.votes import read_votes
from aggregate.datasets import dataset_names, load_dataset
from aggregate.inspection import check_health, dependence_report, identifiability_report

_QUICK = 20_000_000  # labels times squared classes, looked through in seconds


def run_describe(*, votes: str, **reading: Any) -> None:
    """Do what ``aggregate describe`` says."""
    data = read_votes(votes, **reading)
    first, *rest = tell_source(data)
    _say([first, *_indented(rest)])
    _say(["", "votes", *_indented(str(data.annotations.describe()).splitlines())])
    if is_large(data.annotations):
        _say(["", "health and what can be learned: not looked for in so many labels; select some"])
        return
    health = check_health(data.annotations)
    lines = [*str(health).splitlines(), tell_alpha(data.annotations)]
    _say(["", "health", *_indented(lines)])
    verdict = identifiability_report(data.annotations, random_state=0)
    _say(["", "what can be learned", *_indented(str(verdict).splitlines())])
    if data.annotations.n_annotations * data.annotations.n_classes**2 <= _QUICK:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # near enough for a look
            dependence = dependence_report(data.annotations)
        _say(["", "who copies", *_indented(str(dependence).splitlines())])


def run_datasets() -> None:
    """Do what ``aggregate datasets`` says."""
    sets = [load_dataset(name) for name in dataset_names()]
    table: dict[str, list[Any]] = {
        "name": [each.name for each in sets],
        "items": [each.annotations.n_items for each in sets],
        "annotators": [each.annotations.n_annotators for each in sets],
        "classes": [each.annotations.n_classes for each in sets],
        "labels": [each.annotations.n_annotations for each in sets],
        "what": [each.description for each in sets],
    }
    _say([on_screen(table)])


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _say(lines: list[str]) -> None:
    click.echo("\n".join(lines))
