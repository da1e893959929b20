"""How far a crowd errs together, judged from its votes alone."""

from __future__ import annotations

import numpy as np

from aggregate.annotations import Annotations
from aggregate.fusion import CorrelationBelief
from aggregate.models.ensembles._residuals import Residuals, measure_residuals
from aggregate.models.structures import HierarchicalDawidSkene, PooledDawidSkene


def estimate_correlation(
    annotations: Annotations, *, random_state: int | np.random.Generator | None = 0
) -> CorrelationBelief:
    r"""Return what the votes tell of the annotators' correlation ρ.

    Annotators who share their mistakes agree more often than their confusion matrices and the
    item's other labels say. With :math:`a` the share of pairs of labels of one item that agree
    and :math:`x` the share that agree according to `HierarchicalDawidSkene`, learned from
    other items, the excess is :math:`e = (a - x) / (1 - x)`. Where all annotators err alike,
    their common error looks like the truth, so the excess shows a small part of ρ only; how
    small was measured on real sets (see `CorrelationBelief.observe_excess`).

    It fails where the model is wrong in other ways (drifting annotators look correlated) and
    where an item has two labels or fewer: then it returns what is plausible of any crowd.

    Parameters
    ----------
    annotations : Annotations
        Of very many items, a random part is used.
    random_state : int or Generator, default=0
        Seed of the split into items to learn from and items to judge.

    Returns
    -------
    CorrelationBelief
        ``mean`` and ``interval()`` say what to think of ρ.

    References
    ----------
    L. Kish, Survey Sampling, Wiley, 1965, section 8.2 (design effect).

    Examples
    --------
    >>> from aggregate import estimate_correlation
    >>> from aggregate import load_dataset
    >>> belief = estimate_correlation(load_dataset("anesthesia").annotations)
    >>> 0 < belief.mean < 1
    True
    """
    return belief_of(cross_examine(annotations, random_state))


def cross_examine(
    annotations: Annotations, random_state: int | np.random.Generator | None
) -> Residuals:
    """Measure what the hierarchical model leaves, and its gain over annotators all alike."""
    model = HierarchicalDawidSkene(tol=1e-6)
    baseline = PooledDawidSkene(tol=1e-6)
    return measure_residuals(annotations, model, baseline, np.random.default_rng(random_state))


def belief_of(residuals: Residuals) -> CorrelationBelief:
    """Return the belief that residuals leave."""
    return CorrelationBelief.plausible().observe_excess(residuals.excess, residuals.excess_error)
