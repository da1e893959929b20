"""``aggregate agreement``: how far annotators agree beyond chance, all coefficients."""

from __future__ import annotations

from typing import Any, Final

import click
import numpy as np

from aggregate.annotations import Annotations
from aggregate.cli.label import check_targets
from aggregate.cli.votes import read_votes
from aggregate.io import write_table
from aggregate.metrics import (
    agreement_report,
    intraclass_correlation,
    krippendorff_alpha,
    pair_agreement,
)

SCALES: Final = ("nominal", "ordinal", "interval", "ratio")
_NUMERIC: Final = ("interval", "ratio")


def run_agreement(
    *,
    votes: str,
    scale: str,
    level: float,
    bootstrap: int | None,
    pairs: str | None,
    n_jobs: int | None,
    categories: bool,
    **reading: Any,
) -> None:
    """Do what ``aggregate agreement`` says."""
    if pairs is not None:
        check_targets([pairs], [votes])
    data = read_votes(votes, categories=categories or scale in _NUMERIC, **reading)
    annotations = data.annotations
    how: dict[str, Any] = {} if bootstrap is None else {"method": "bootstrap"}
    how |= {} if bootstrap is None else {"n_bootstrap": bootstrap}
    report = agreement_report(annotations, scale=scale, level=level, n_jobs=n_jobs, **how)
    click.echo(f"{data.name}: {report}")
    if scale in _NUMERIC:
        _tell_correlations(annotations, level)
    if pairs is not None:
        found = pair_agreement(annotations, weights=_weights(scale), level=level)
        write_table(found.to_dict(), pairs)
        click.echo(f"\n{found}\nwrote {pairs}: {len(found.pairs)} pairs")


def tell_alpha(annotations: Annotations) -> str:
    """Return alpha in a line, or why there is none."""
    several = (annotations.labels_per_item > 1).any()
    if not several or np.ptp(annotations.label) == 0:
        return "Krippendorff's alpha: no items with several labels that vary"
    return str(krippendorff_alpha(annotations)).splitlines()[0]


def _tell_correlations(annotations: Annotations, level: float) -> None:
    """Tell the intraclass correlations that there are."""
    for form in ("1,1", "2,1", "3,1"):
        try:
            click.echo(str(intraclass_correlation(annotations, form, level=level)))
        except ValueError:
            need = "two items with two ratings" if form == "1,1" else "two items rated once by all"
            click.echo(f"ICC({form}): needs {need}")


def _weights(scale: str) -> str | None:
    return {"nominal": None, "ordinal": "linear"}.get(scale, "quadratic")
