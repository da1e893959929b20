"""Every coefficient of agreement of the same votes, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from aggregate._validation import check_choice
from aggregate.metrics.agreement._error import Interval, summarise
from aggregate.metrics.agreement._patterns import find_patterns, read_votes
from aggregate.metrics.agreement._scales import SCALES
from aggregate.metrics.agreement._weights import agreement_weights
from aggregate.metrics.agreement.alpha import Alpha
from aggregate.metrics.agreement.chance import ChanceCorrected
from aggregate.metrics.agreement.result import Agreement

_RULES = ("percent", "fleiss", "gwet", "brennan-prediger")
_WEIGHTS = {"nominal": None, "ordinal": "linear", "interval": "quadratic", "ratio": "quadratic"}


@dataclass(frozen=True)
class AgreementReport:
    """What `agreement_report` returns; printing it gives a table.

    Attributes
    ----------
    coefficients : list of Agreement
        Krippendorff's alpha first.
    scale : str
    """

    coefficients: list[Agreement]
    scale: str

    def __str__(self) -> str:
        """Lay it out as a table, and the notes below."""
        first = self.coefficients[0]
        names = [each.name for each in self.coefficients]
        width = max(map(len, names))
        head = f"{'':{width}}   value   error  {first.level:.0%} interval    observed  by chance"
        lines = [
            f"{first.n_labels:,} labels of {first.n_items:,} items with two labels or more",
            head,
        ]
        for each in self.coefficients:
            ends = f"{each.low:6.3f} to {each.high:6.3f}"
            lines.append(
                f"{each.name:{width}}  {each.value:6.3f}  {each.standard_error:6.3f}  {ends}"
                f"    {each.observed:6.3f}     {each.expected:6.3f}"
            )
        notes = {each.note for each in self.coefficients if each.note}
        return "\n".join([*lines, *sorted(notes)])


def agreement_report(
    votes: Any,
    *,
    scale: str = "nominal",
    method: str = "analytic",
    level: float = 0.95,
    n_bootstrap: int = 1000,
    random_state: int | np.random.Generator | None = 0,
    n_jobs: int | None = None,
) -> AgreementReport:
    """Return all coefficients that take any number of annotators, with their intervals.

    Parameters
    ----------
    votes : Annotations or array-like of shape (N, M)
        As in `krippendorff_alpha`.
    scale : {"nominal", "ordinal", "interval", "ratio"}
        What labels mean. The coefficients other than alpha get no weights on the nominal
        scale, linear ones on the ordinal and quadratic ones on the last two.
    method, level, n_bootstrap, random_state, n_jobs
        As in `krippendorff_alpha`.

    Returns
    -------
    AgreementReport

    Raises
    ------
    ValueError
        If no item has two labels, or labels are not what the scale needs.

    Examples
    --------
    >>> from aggregate import load_dataset
    >>> from aggregate.metrics import agreement_report
    >>> print(agreement_report(load_dataset("anesthesia").annotations))
    315 labels of 45 items with two labels or more
                                    value   error  95% interval    observed  by chance
    Krippendorff's alpha, nominal   0.583   0.050   0.468 to  0.672     0.726      0.343
    percent agreement               0.726   0.035   0.646 to  0.788     0.726      0.000
    Fleiss' kappa                   0.581   0.050   0.467 to  0.671     0.726      0.346
    Gwet's AC1                      0.649   0.046   0.543 to  0.731     0.726      0.218
    Brennan-Prediger                0.635   0.046   0.528 to  0.717     0.726      0.250
    """
    check_choice("scale", scale, SCALES)
    how = Interval(method, level, n_bootstrap, random_state)
    how.check()
    annotations = read_votes(votes, numeric=scale in ("interval", "ratio"))
    patterns = find_patterns(annotations, n_jobs)
    weights = agreement_weights(_WEIGHTS[scale], annotations.classes)
    found = [summarise(Alpha(patterns, scale), how)]
    others = [ChanceCorrected(patterns, rule, weights) for rule in _RULES]
    found += [summarise(each, how, warn=False) for each in others]  # the first has said it
    return AgreementReport(found, scale)
