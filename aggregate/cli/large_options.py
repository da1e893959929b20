"""The commands for what is larger than memory, and their options."""

from __future__ import annotations

from typing import Any, Final

import click

FORMATS: Final = ("csv", "tsv", "semicolon", "parquet", "jsonl")


@click.command(short_help="Group files larger than memory by item, into a folder.")
@click.argument("files", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FOLDER", required=True, help="The folder to be made.")
@click.option("--item", metavar="COLUMN", help="Column of the items.")
@click.option("--annotator", metavar="COLUMN", help="Column of the annotators.")
@click.option("--label", metavar="COLUMN", help="Column of the labels.")
@click.option("--format", type=click.Choice(FORMATS), help="Format, if not recognised.")
@click.option(
    "--missing",
    multiple=True,
    metavar="VALUE",
    help="How a missing label is written, besides an empty cell (may be repeated).",
)
@click.option(
    "--on-duplicate",
    type=click.Choice(("keep", "first", "last", "error")),
    default="keep",
    show_default=True,
    help="Several labels by one annotator on one item: count all, the first, the last.",
)
@click.option(
    "--memory",
    type=click.FloatRange(0.001),
    default=2.0,
    show_default=True,
    metavar="GB",
    help="Memory for the rows being worked on.",
)
@click.option("--overwrite", is_flag=True, help="Replace a folder made earlier.")
@click.option("--n-jobs", type=int, metavar="N", help="Threads; -1 for all processors.")
@click.option("--no-progress", is_flag=True, help="No progress bar.")
def group(**options: Any) -> None:
    r"""Group votes from many files by item, into a folder that the other commands take as VOTES.

    The files have one row per label and the same columns. Together they may be larger than
    memory, and so may the folder.

    \b
    Examples:
      aggregate group log-*.parquet -o votes
      aggregate label votes -o labels.parquet
    """
    from aggregate.cli.large import run_group

    run_group(**options)


@click.command(short_help="Make up a crowd, of any size, into Parquet files.")
@click.option("-o", "--output", metavar="FOLDER", required=True, help="Where the files go.")
@click.option("--items", type=click.IntRange(min=1), default=1000, show_default=True, metavar="N")
@click.option(
    "--annotators", type=click.IntRange(min=1), default=50, show_default=True, metavar="N"
)
@click.option("--classes", type=click.IntRange(min=1), default=3, show_default=True, metavar="N")
@click.option(
    "--labels-per-item",
    default="5",
    show_default=True,
    metavar="N or N-N",
    help="Labels of each item; of a range, all numbers equally likely.",
)
@click.option(
    "--accuracy",
    type=click.FloatRange(0, 1),
    nargs=2,
    default=(0.55, 0.95),
    show_default=True,
    metavar="LOW HIGH",
    help="How often annotators are right.",
)
@click.option(
    "--hard-items",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    metavar="P",
    help="Share of items that annotators mistake for the same class.",
)
@click.option("--in-order", is_flag=True, help="Rows by item, not mixed up as in a log.")
@click.option(
    "--rows-per-file",
    type=click.IntRange(min=1),
    default=20_000_000,
    show_default=True,
    metavar="N",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N")
@click.option("--n-jobs", type=int, metavar="N", help="Threads; -1 for all processors.")
@click.option("--no-progress", is_flag=True, help="No progress bar.")
def simulate(**options: Any) -> None:
    r"""Make up a crowd and write its labels, the truth and the annotators' confusions.

    The same seed gives the same rows, however many files and threads there are. A run that was
    stopped goes on when it is started again.

    \b
    Examples:
      aggregate simulate -o crowd
      aggregate simulate -o crowd --items 1000000 --annotators 10000 --classes 5
    """
    from aggregate.cli.large import run_simulate

    run_simulate(**options)
