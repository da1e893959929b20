"""The commands and their options; the work is done in the other files, imported on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

import aggregate
from aggregate._model_names import DEFAULT, MODEL_CLASSES, PLAIN
from aggregate.cli.guard import Commands, guarded
from aggregate.cli.large_options import FORMATS, group, simulate

MODELS = tuple(MODEL_CLASSES)

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 96}
Command = Callable[..., None]


def reading_options(command: Command) -> Command:
    """Add the argument and the options that say what is read and how."""
    options = [
        click.argument("votes"),
        click.option("--item", metavar="COLUMN", help="Column of the items."),
        click.option("--annotator", metavar="COLUMN", help="Column of the annotators."),
        click.option("--label", metavar="COLUMN", help="Column of the labels."),
        click.option("--format", type=click.Choice(FORMATS), help="Format, if not recognised."),
        click.option(
            "--layout",
            type=click.Choice(("long", "wide")),
            help="long: a row per label; wide: a column per annotator.",
        ),
        click.option(
            "--missing",
            multiple=True,
            metavar="VALUE",
            help="How a missing label is written, besides an empty cell (may be repeated).",
        ),
        click.option(
            "--on-duplicate",
            type=click.Choice(("keep", "first", "last", "error")),
            default="keep",
            show_default=True,
            help="Several labels by one annotator on one item: count all, the first, the last.",
        ),
        click.option(
            "--categories", is_flag=True, help="Labels that look like a scale are categories."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.group(cls=Commands, context_settings=_CONTEXT)
@click.version_option(aggregate.__version__, prog_name="aggregate")
def app() -> None:
    r"""Turn many people's labels into one trustworthy label per item.

    VOTES is a file (CSV, TSV, Parquet, JSON lines; plain or gzip), "-" for standard input, the
    name of a built-in set, or a folder that "aggregate group" has made. Columns are recognised
    by name.

    \b
    Examples:
      aggregate label anesthesia                  a built-in set
      aggregate label votes.csv -o labels.csv     one label per item, into a file
      aggregate describe votes.csv                is the file read as it was meant?
      aggregate compare votes.csv --truth gold.csv
    """


@app.command()
@reading_options
@click.option("-o", "--output", metavar="FILE", help="Where to write, one row per item.")
@click.option("--model", type=click.Choice(MODELS), metavar="NAME",
              help=f"{DEFAULT} by default, {PLAIN} for very many votes; one of "
              f"{', '.join(MODELS)}.")  # fmt: skip
@click.option("--gold", metavar="FILE", help="Known labels of some items (columns item, label).")
@click.option("--annotators", metavar="FILE",
              help="Write one row per annotator (skill, with its interval if known).")  # fmt: skip
@click.option("--confusions", metavar="FILE", help="Write who confuses which classes, how often.")
@click.option("--costs", metavar="FILE", help="Costs of mistakes (columns truth, label, cost).")
@click.option("--min-confidence", type=click.FloatRange(0, 1), default=0.7, show_default=True,
              metavar="P", help="Items below it are flagged as uncertain.")  # fmt: skip
@click.option("--max-iter", type=click.IntRange(min=1), metavar="N", help="Most passes of a model.")
@click.option("--n-jobs", type=int, metavar="N", help="Threads; -1 for all processors.")
@click.option(
    "--checkpoint",
    metavar="FILE",
    help="Write the state of a long fit there every few passes, and go on from it.",
)
@click.option("--save-model", metavar="FILE", help="Write the fitted model (.npz), for --fitted.")
@click.option("--fitted", metavar="FILE", help="Label with a saved model instead of fitting one.")
@click.option("--no-progress", is_flag=True, help="No progress bar.")
def label(**options: Any) -> None:
    r"""Give every item one label, with a confidence.

    \b
    The columns written, one row per item:
      item, label
      confidence   probability of the label, allowing for annotators who err together
      votes        how many labels the item has
      agreement    share of them that are the label
      entropy      doubt left, in bits (0: none)
      uncertain    whether the confidence is below --min-confidence
      cost         with --costs, what the label is expected to cost; it is the least
    Without --output, a terminal shows the first rows and a pipe gets all of them as CSV.
    Output files may be .csv, .tsv, .jsonl (each also .gz) or .parquet.

    \b
    Examples:
      aggregate label votes.csv -o labels.csv
      aggregate label votes.csv --item question --annotator who --label answer
      zcat votes.csv.gz | aggregate label - --gold known.csv > labels.csv
      aggregate label anesthesia --annotators people.csv --confusions confusions.csv
      aggregate label votes.csv --save-model crowd.npz -o labels.csv
      aggregate label more.csv --fitted crowd.npz -o more-labels.csv
      aggregate label folder -o labels.parquet --checkpoint fit.npz --n-jobs -1
    """
    from aggregate.cli.label import run_label

    run_label(**options)


@app.command(short_help="Tell how a file is read and what is in it.")
@reading_options
def describe(**options: Any) -> None:
    r"""Tell how a file is read and what is in it, without fitting anything.

    \b
    Examples:
      aggregate describe votes.csv
      aggregate describe ratings.tsv --layout wide --missing unsure
    """
    from aggregate.cli.describe import run_describe

    run_describe(**options)


@app.command(short_help="Fit all models, side by side with majority vote.")
@reading_options
@click.option("--truth", metavar="FILE", help="Known labels, to score the models with.")
@click.option("--model", "models", type=click.Choice(MODELS), multiple=True, metavar="NAME",
              help="Compare only this model (may be repeated).")  # fmt: skip
@click.option("--folds", type=click.IntRange(min=0), metavar="N",
              help="Set labels aside in N parts; 0: none.  [default: 5 without truth]")  # fmt: skip
@click.option("-o", "--output", metavar="FILE", help="Write one row per model.")
@click.option("--plot", metavar="FILE", help="Draw the comparison (.png, .svg or .pdf).")
@click.option("--n-jobs", type=int, metavar="N", help="Threads; -1 for all processors.")
@click.option("--no-progress", is_flag=True, help="No progress bar.")
def compare(**options: Any) -> None:
    r"""Fit all models to the same votes, side by side with majority vote.

    Built-in sets with a known truth are scored with it. Without a truth, labels are set aside
    and predicted: held-out is the mean log probability of such a label. "± vote" and "gain" are
    ahead of majority vote, with a standard error; "differs" is the share of items whose label is
    not that of majority vote; ECE, the calibration error, is how far confidence and accuracy are
    apart.

    \b
    Examples:
      aggregate compare demo
      aggregate compare votes.csv --truth gold.csv --plot comparison.png
      aggregate compare votes.csv --model dawid-skene --model glad -o comparison.csv
    """
    from aggregate.cli.compare import run_compare

    run_compare(**options)


@app.command(short_help="Tell how far annotators agree beyond chance.")
@reading_options
@click.option("--scale", type=click.Choice(("nominal", "ordinal", "interval", "ratio")),
              default="nominal", show_default=True, help="What labels mean.")  # fmt: skip
@click.option("--level", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.95,
              show_default=True, metavar="P", help="Coverage of the intervals.")  # fmt: skip
@click.option("--bootstrap", type=click.IntRange(min=2), metavar="N",
              help="Intervals by drawing items N times.")  # fmt: skip
@click.option("--pairs", metavar="FILE", help="Write Cohen's kappa of every pair of annotators.")
@click.option("--n-jobs", type=int, metavar="N", help="Threads; -1 for all processors.")
def agreement(**options: Any) -> None:
    r"""Tell how far annotators agree beyond chance: all coefficients, with intervals.

    \b
    Examples:
      aggregate agreement votes.csv
      aggregate agreement grades.csv --scale ordinal --pairs pairs.csv
    """
    from aggregate.cli.agreement import run_agreement

    run_agreement(**options)


app.add_command(group)
app.add_command(simulate)


@app.command()
def datasets() -> None:
    """List the built-in sets."""
    from aggregate.cli.describe import run_datasets

    run_datasets()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 bad input or usage, 130 interrupted."""
    guarded(app, arguments)
