"""What `Auto` did, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.fusion import decide, vote_shares
from aggregate.models.ensembles._residuals import Residuals

if TYPE_CHECKING:
    from aggregate.models.ensembles.auto import Auto


def explain(
    annotations: Annotations,
    auto: Auto,
    residuals: Residuals,
    left_out: list[str],
    gold: NDArray[np.int32] | None,
) -> list[str]:
    """Return which models take part and why, how sure they may be, and what it changes."""
    weights = zip(auto.members_, auto.member_weights_.tolist(), strict=True)
    members = _listed([f"{name} ({weight:.0%})" for name, weight in weights])
    sentences = [f"The soft labels are the mean of {members}."]
    if left_out:
        sentences.append(
            f"{_listed(left_out).capitalize()} left out: all but removes a class that many votes "
            "name."
        )
    sentences.append(_who_gave_it(residuals))
    sentences.append(_how_sure(auto, residuals, gold))
    shares = vote_shares(annotations)
    vote = decide(shares, class_prior=auto.class_prior_)
    own = decide(auto._soft_labels(annotations, None), class_prior=auto.class_prior_)
    labelled = annotations.labels_per_item > 0
    changed = int((vote != own)[labelled].sum())
    sentences.append(
        f"{changed} of {int(labelled.sum())} labels differ from the majority's "
        f"({changed / max(labelled.sum(), 1):.1%})."
    )
    return sentences


def _who_gave_it(residuals: Residuals) -> str:
    if not np.isfinite(residuals.gain_error):
        return "Too few items have two labels to tell annotators apart; they may be all alike."
    gain = f"{residuals.gain:+.3f} ± {residuals.gain_error:.3f} in log probability per label"
    if not residuals.annotators_differ:
        return f"Knowing who gave a label does not clearly help to foretell labels ({gain})."
    return f"Annotators differ: knowing who gave a label helps to foretell labels ({gain})."


def _how_sure(auto: Auto, residuals: Residuals, gold: NDArray[np.int32] | None) -> str:
    low, high = auto.belief_.interval()
    source = "what is plausible of any crowd"
    if np.isfinite(residuals.excess_error):
        source = (
            f"pairs of labels agree {residuals.excess:+.3f} ± {residuals.excess_error:.3f} beyond "
            "the model"
        )
    if gold is not None:
        source += f", and {int((gold >= 0).sum())} gold items"
    return (
        f"Annotators' errors are correlated by {auto.annotator_correlation_:.2f} "
        f"({low:.2f} to {high:.2f}): {source}."
    )


def _listed(names: list[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + " and " + names[-1]
