"""A crowd too large for memory, drawn block by block into Parquet files.

Items are drawn in blocks of a fixed size, each from a generator of its own that is made of the
seed and the block's number. What is drawn therefore depends neither on how the blocks are shared
out over files and threads nor on where an earlier run was stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._blocks import run_blocks
from aggregate._validation import check_number
from aggregate.simulate.crowd import Crowd, check_sizes, draw_crowd, draw_items

ITEMS_PER_BLOCK: Final = 1 << 16
SETTINGS: Final = "simulation.json"


class Plan(NamedTuple):
    """How many items there are, and how they go into blocks and files."""

    n_items: int
    n_blocks: int
    blocks_per_file: int
    shuffle: bool
    seed: int
    hardness: tuple[float, float]

    @property
    def n_files(self) -> int:
        """Number of files."""
        return -(-self.n_blocks // self.blocks_per_file)

    def blocks(self, file: int) -> range:
        """Return the blocks of a file."""
        first = file * self.blocks_per_file
        return range(first, min(first + self.blocks_per_file, self.n_blocks))

    def items(self, block: int) -> NDArray[np.int64]:
        """Return the names of a block's items: a run of them, or spread over all."""
        if self.shuffle:
            return np.arange(block, self.n_items, self.n_blocks)
        first = block * ITEMS_PER_BLOCK
        return np.arange(first, min(first + ITEMS_PER_BLOCK, self.n_items))


def simulate_files(
    folder: str | os.PathLike[str],
    n_items: int,
    n_annotators: int,
    n_classes: int,
    *,
    labels_per_item: int | tuple[int, int] = 5,
    class_prior: ArrayLike | None = None,
    confusion: ArrayLike | None = None,
    accuracy: float | tuple[float, float] = (0.55, 0.95),
    hard_items: float = 0.0,
    look_alike: float = 0.4,
    shuffle: bool = True,
    rows_per_file: int = 20_000_000,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Path:
    """Draw votes of a crowd into Parquet files, in memory for one block of items per thread.

    The model is that of `aggregate.simulate_annotations`; the numbers drawn are others. The
    folder then holds ``annotations-00000.parquet`` and so on with the columns item, annotator and
    label; ``truth-00000.parquet`` and so on with item, label and hard; ``confusions.parquet``
    with annotator, truth, label and probability; and ``simulation.json``, what was asked for.
    A run that was stopped goes on where it was when it is called again.

    Parameters
    ----------
    folder : str or path-like
        Made if it does not exist.
    n_items, n_annotators, n_classes
        As in `aggregate.simulate_annotations`, like all arguments that are not named here.
    shuffle : bool, default=True
        Rows as they come in a log: those of a block of 65,536 items in random order, and the
        items of a block spread over all names. Otherwise rows go by item.
    rows_per_file : int, default=20000000
        About how many annotations a file holds. It changes no row and no order.
    seed : int, default=0
        The same seed gives the same rows in the same order.
    n_jobs : int, optional
        Threads, each at a file of its own.
    progress : callable, optional
        Called with the number of annotations that were written since the last call.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ValueError
        If a number is out of its range, or the folder holds another simulation.

    Examples
    --------
    >>> import tempfile
    >>> import pyarrow.parquet
    >>> from aggregate.simulate import simulate_files
    >>> with tempfile.TemporaryDirectory() as place:
    ...     folder = simulate_files(place, 1000, 50, 3, labels_per_item=4)
    ...     pyarrow.parquet.read_table(folder / "annotations-00000.parquet").num_rows
    4000
    """
    check_sizes(n_items, n_annotators, n_classes, (hard_items, look_alike))
    check_number("rows_per_file", rows_per_file, low=1, integer=True)
    check_number("seed", seed, low=0, integer=True)
    sizes = (n_annotators, n_classes)
    crowd = draw_crowd(
        sizes, labels_per_item, class_prior, (confusion, accuracy), _generator(seed, 0)
    )
    rows_per_block = max(ITEMS_PER_BLOCK * crowd.labels_per_item[1], 1)
    plan = Plan(
        n_items=int(n_items),
        n_blocks=-(-int(n_items) // ITEMS_PER_BLOCK),
        blocks_per_file=max(int(rows_per_file) // rows_per_block, 1),
        shuffle=bool(shuffle),
        seed=int(seed),
        hardness=(float(hard_items), float(look_alike)),
    )
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    _settle_on(place, plan, crowd)
    _write(place / "confusions.parquet", iter([_confusion_columns(crowd)]))

    def make(file: int, _: int) -> int:
        return _make_file(place, plan, crowd, file)

    for n_rows in run_blocks(make, np.arange(plan.n_files + 1), n_jobs):
        if progress is not None:
            progress(n_rows)
    return place


def _generator(seed: int, *place: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=place)))


def _settle_on(folder: Path, plan: Plan, crowd: Crowd) -> None:
    """Write down what is simulated; refuse a folder in which it was something else."""
    asked = {
        **plan._asdict(),
        "n_annotators": len(crowd.confusion),
        "class_prior": crowd.class_prior.tolist(),
        "labels_per_item": list(crowd.labels_per_item),
        "mean_accuracy": float(np.einsum("jkk->", crowd.confusion)) / crowd.cumulative.shape[0],
    }
    text = json.dumps(asked, indent=1)
    place = folder / SETTINGS
    if place.exists():
        if place.read_text(encoding="utf-8") != text:
            raise ValueError(
                f"{folder} holds a simulation with other settings (see {SETTINGS} there): choose "
                "another folder, or remove it."
            )
        return
    if any(folder.glob("annotations-*.parquet")):
        raise ValueError(f"{folder} holds other files of annotations: choose another folder.")
    place.write_text(text, encoding="utf-8")


def _make_file(folder: Path, plan: Plan, crowd: Crowd, file: int) -> int:
    """Write the votes and the truth of some blocks, unless they are there; return the rows."""
    import pyarrow.parquet as arrow_parquet

    votes = folder / f"annotations-{file:05d}.parquet"
    truth = folder / f"truth-{file:05d}.parquet"
    if not votes.exists():  # it is the last of the two to be written
        truths: list[dict[str, NDArray[Any]]] = []
        hidden = _write(votes, _blocks(plan, crowd, file, truths), finish=False)
        together = {name: np.concatenate([part[name] for part in truths]) for name in truths[0]}
        _write(truth, iter([together]))
        hidden.replace(votes)
    return int(arrow_parquet.read_metadata(votes).num_rows)


def _blocks(
    plan: Plan, crowd: Crowd, file: int, truths: list[dict[str, NDArray[Any]]]
) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield the columns of each block's votes; put its truth on the list."""
    n_classes = len(crowd.class_prior)
    item_type = np.int32 if plan.n_items <= 2**31 else np.int64
    label_type = np.min_scalar_type(-n_classes)
    for block in plan.blocks(file):
        random = _generator(plan.seed, 1, block)
        names = plan.items(block).astype(item_type)
        drawn = draw_items(len(names), crowd, plan.hardness, random)
        item = np.repeat(names, np.diff(drawn.item_ptr))
        columns = [item, drawn.annotator, drawn.label.astype(label_type)]
        if plan.shuffle:
            order = random.permutation(len(item))
            columns = [column[order] for column in columns]
        truths.append({"item": names, "label": drawn.truth.astype(label_type), "hard": drawn.hard})
        yield dict(zip(("item", "annotator", "label"), columns, strict=True))


def _confusion_columns(crowd: Crowd) -> dict[str, NDArray[Any]]:
    annotator, truth, label = np.indices(crowd.confusion.shape, dtype=np.int32)
    codes = {"annotator": annotator.ravel(), "truth": truth.ravel(), "label": label.ravel()}
    return {**codes, "probability": crowd.confusion.ravel()}


def _write(path: Path, blocks: Iterator[dict[str, NDArray[Any]]], finish: bool = True) -> Path:
    """Write a row group per block beside the target; put it in its place unless told not to."""
    import pyarrow as pa
    import pyarrow.parquet as arrow_parquet

    hidden = path.with_name(f".{path.name}.tmp")
    writer = None
    for columns in blocks:
        table = pa.table(columns)
        if writer is None:  # codes drawn at random do not compress; labels take a few bits each
            writer = arrow_parquet.ParquetWriter(
                hidden, table.schema, compression="none", use_dictionary=["label", "truth"]
            )
        writer.write_table(table, row_group_size=max(table.num_rows, 1))
    assert writer is not None  # there is at least one block
    writer.close()
    return hidden.replace(path) if finish else hidden
