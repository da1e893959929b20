"""What `Auto` did, in sentences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.fusion import CorrelationBelief, decide, vote_shares
from aggregate.models.ensembles._residuals import Residuals

Float = NDArray[np.float64]


def explain(
    weights: dict[str, float],
    left_out: list[str],
    residuals: Residuals,
    belief: CorrelationBelief,
    gold: NDArray[np.int32] | None,
) -> list[str]:
    """Return which models take part and why, and how sure they may be."""
    members = _listed([f"{name} ({weight:.0%})" for name, weight in weights.items()])
    sentences = [f"The soft labels are the mean of {members}."]
    if left_out:
        sentences.append(
            f"{_listed(left_out).capitalize()} left out: all but removes a class that many votes "
            "name."
        )
    return [*sentences, _who_gave_it(residuals), _how_sure(belief, residuals, gold)]


def tell_changes(annotations: Annotations, probas: Float, class_prior: Float) -> str:
    """Return how many labels differ from those of the majority."""
    vote = decide(vote_shares(annotations), class_prior=class_prior)
    own = decide(probas, class_prior=class_prior)
    labelled = annotations.labels_per_item > 0
    changed = int((vote != own)[labelled].sum())
    return (
        f"{changed} of {int(labelled.sum())} labels differ from the majority's "
        f"({changed / max(labelled.sum(), 1):.1%})."
    )


def _who_gave_it(residuals: Residuals) -> str:
    if not np.isfinite(residuals.gain_error):
        return "Too few items have two labels to tell annotators apart; they may be all alike."
    gain = f"{residuals.gain:+.3f} ± {residuals.gain_error:.3f} in log probability per label"
    if not residuals.annotators_differ:
        return f"Knowing who gave a label does not clearly help to foretell labels ({gain})."
    return f"Annotators differ: knowing who gave a label helps to foretell labels ({gain})."


def _how_sure(
    belief: CorrelationBelief, residuals: Residuals, gold: NDArray[np.int32] | None
) -> str:
    low, high = belief.interval()
    source = "what is plausible of any crowd"
    if np.isfinite(residuals.excess_error):
        source = (
            f"pairs of labels agree {residuals.excess:+.3f} ± {residuals.excess_error:.3f} beyond "
            "the model"
        )
    if gold is not None:
        source += f", and {int((gold >= 0).sum())} gold items"
    return (
        f"Annotators' errors are correlated by {belief.mean:.2f} "
        f"({low:.2f} to {high:.2f}): {source}."
    )


def _listed(names: list[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + " and " + names[-1]
