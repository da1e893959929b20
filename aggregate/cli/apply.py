"""``aggregate label --fitted``: labels of new votes by a model from a file."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import click
import numpy as np

from aggregate._encoding import match
from aggregate._validation import first_few
from aggregate.annotations import Annotations
from aggregate.cli.guard import InputError
from aggregate.cli.label_blocks import Blocks
from aggregate.cli.summary import count, tell_source
from aggregate.cli.tables import Table, item_table
from aggregate.cli.votes import Votes, read_prices
from aggregate.io import write_blocks
from aggregate.models import BaseAggregator, load_model


def refuse_what_fits(**options: Any) -> None:
    """Refuse the options that only a fit can follow."""
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise InputError(
            f"--fitted labels with a model as it is: --{given[0].replace('_', '-')} does not "
            "apply to it."
        )


def label_with(
    path: str, data: Votes, min_confidence: float, costs: str | None = None
) -> tuple[Table, str]:
    """Return one row per item, and what is told about it."""
    model = load_model(path)
    votes = _in_classes_of(model, data.annotations)
    probas = model.predict_proba(votes)
    labelled = SimpleNamespace(
        probas_=probas,
        classes_=model.classes_,
        class_prior_=model.class_prior_,
        ties=model.ties,
    )
    nobody = np.zeros(votes.n_items, dtype=np.bool_)
    prices = read_prices(costs, data, model.classes_)
    items = item_table(votes, labelled, min_confidence, nobody, prices)
    return items, _tell(data, model, path, int(items["uncertain"].sum()))


def write_with(
    path: str, data: Votes, output: str, min_confidence: float, costs: str | None = None
) -> tuple[int, str]:
    """Write one row per item, block by block; return how many, and what is told about it."""
    model = load_model(path)
    votes = data.annotations
    if not np.array_equal(votes.classes, model.classes_):
        raise InputError(
            f"so many votes must have the classes of the model, {first_few(model.classes_)}, in "
            f"that order; they have {first_few(votes.classes)}."
        )
    prices = read_prices(costs, data, model.classes_)
    blocks = Blocks(votes, model, None, min_confidence, bar=False, costs=prices)
    n_rows = write_blocks(blocks.tables(), output)
    return n_rows, _tell(data, model, path, blocks.tally.n_uncertain)


def _in_classes_of(model: BaseAggregator, votes: Annotations) -> Annotations:
    """Return the votes with the classes of the model, whether or not all are used."""
    place = match(votes.classes, model.classes_)
    if (place < 0).any():
        raise InputError(
            f"the votes hold classes that the model does not know: "
            f"{first_few(votes.classes[place < 0])}; it knows {first_few(model.classes_)}."
        )
    return Annotations(
        votes.item_ptr,
        votes.annotator,
        place[votes.label],
        votes.items,
        votes.annotators,
        model.classes_,
    )


def _tell(data: Votes, model: BaseAggregator, path: str, n_uncertain: int) -> str:
    first, *rest = tell_source(data)
    votes = data.annotations
    strangers = int((match(votes.annotators, model.annotators_) < 0).sum())
    lines = [
        *rest,
        f"{count(votes.n_items, 'item')}, {count(votes.n_annotations, 'label')} by "
        f"{count(votes.n_annotators, 'annotator')}, {strangers:,} of them not in the fit",
        f"labelled by the {type(model).__name__} in {click.format_filename(path)}, fitted to "
        f"{count(len(model.annotators_), 'annotator')}",
        f"{n_uncertain:,} of {count(votes.n_items, 'item')} uncertain",
    ]
    return "\n".join([first, *(f"  {line}" for line in lines)])
