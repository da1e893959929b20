"""``aggregate label`` for a folder of very many labels: what is written goes by blocks of items."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Final

import click
import numpy as np
from tqdm import tqdm

from aggregate.annotations import Annotations
from aggregate.cli.intervals import TOO_MUCH
from aggregate.cli.summary import Tally, count, tell_annotators, tell_model, tell_votes
from aggregate.cli.tables import (
    Table,
    agreed_labels,
    annotator_table,
    confusion_table,
    item_table,
)
from aggregate.cli.votes import Votes
from aggregate.io import write_blocks, write_table

LARGE: Final = 20_000_000
"""Annotations on disk from which nothing that grows with them is held in memory."""


def is_large(annotations: Annotations) -> bool:
    """Return whether annotations go through memory block by block only."""
    return annotations.on_disk and annotations.n_annotations > LARGE


def label_by_blocks(
    data: Votes,
    fitted: Any,
    model: str,
    known: dict[Any, Any] | None,
    targets: tuple[str | None, str | None, str | None],
    min_confidence: float,
    costs: Any = None,
) -> None:
    """Write the tables of a fitted model, and tell what they hold."""
    output, annotators, confusions = targets
    assert output is not None  # refused before the fit
    blocks = Blocks(data.annotations, fitted, known, min_confidence, fitted_bar(fitted), costs)
    n_rows = write_blocks(blocks.tables(), output)
    people = annotator_table(data.annotations, fitted, None, blocks.agreed)
    parts = [
        tell_votes(data, None),
        tell_model(model, fitted, blocks.tally, min_confidence, known),
        tell_annotators(people),
    ]
    click.echo("\n\n".join(parts))
    click.echo(f"\nwrote {output}: {count(n_rows, 'row')}")
    if annotators is not None:
        write_table(people, annotators)
        click.echo(f"wrote {annotators}: {count(len(people['annotator']), 'row')}, {TOO_MUCH}")
    if confusions is not None:
        table = confusion_table(fitted)
        write_table(table, confusions)
        click.echo(f"wrote {confusions}: {count(len(table['annotator']), 'row')}")


def fitted_bar(fitted: Any) -> bool:
    """Return whether there is to be a progress bar: whether the fit had one."""
    return bool(getattr(fitted, "verbose", False))


class Blocks:
    """The table of items of a fitted model, block by block, and what is counted on the way."""

    def __init__(
        self,
        annotations: Annotations,
        fitted: Any,
        known: dict[Any, Any] | None,
        min_confidence: float,
        bar: bool,
        costs: Any = None,
    ) -> None:
        self.annotations, self.fitted, self.known = annotations, fitted, known
        self.min_confidence, self._bar, self.costs = min_confidence, bar, costs
        self.agreed = np.zeros(annotations.n_annotators, dtype=np.int64)
        self.tally = Tally.of({name: np.empty(0) for name in ("label", "confidence", "uncertain")})

    def tables(self) -> Iterator[Table]:
        """Yield the columns of ``aggregate label`` for each block."""
        n_items = self.annotations.n_items
        with tqdm(disable=not self._bar, total=n_items, unit="item", unit_scale=True,
                  desc="labels", leave=False) as bar:  # fmt: skip
            for block in self.fitted.soft_label_blocks(self.annotations, gold=self.known):
                part = block.annotations
                view = SimpleNamespace(
                    probas_=block.probas,
                    class_prior_=self.fitted.class_prior_,
                    classes_=self.fitted.classes_,
                    ties=self.fitted.ties,
                )
                in_gold = self._in_gold(part)
                table = item_table(part, view, self.min_confidence, in_gold, self.costs)
                self.agreed += agreed_labels(part, view, self.costs)
                self.tally = self.tally.plus(Tally.of(table))
                yield {**table, "label": self._typed(table["label"])}
                bar.update(block.last - block.first)

    def _in_gold(self, part: Annotations) -> Any:
        if self.known is None:
            return np.zeros(part.n_items, dtype=bool)
        return np.array([item in self.known for item in part.items.tolist()], dtype=bool)

    def _typed(self, labels: Any) -> Any:
        """Return labels as Arrow has the classes, even where a block has none."""
        import pyarrow as pa

        try:
            return pa.array(labels, pa.array(self.fitted.classes_).type, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError):  # classes of several kinds become text
            return labels
