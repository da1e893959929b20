"""How many independent annotators a crowd, a group or an item's annotators are worth.

The correlation matrix R of the annotators has ρ within a group and a background between all; what
they are worth together is 1' R⁻¹ 1, the information of their best mean (Kish's r / (1 + (r - 1) ρ)
for one group), which has a closed form for such R.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations

Float = NDArray[np.float64]
Groups = NDArray[np.int32]


def group_rates(groups: Groups, pairs: NDArray[np.int32], rate: Float, least: float) -> Float:
    """Return the correlation within each group: the mean over its pairs, ``least`` without one."""
    n_groups = int(groups.max(initial=-1)) + 1
    first, second = groups[pairs[:, 0]], groups[pairs[:, 1]]
    within = (first == second) & (first >= 0)
    n_pairs = np.bincount(first[within], minlength=n_groups)
    total = np.bincount(first[within], rate[within], minlength=n_groups)
    mean = np.divide(total, n_pairs, out=np.full(n_groups, least), where=n_pairs > 0)
    return np.maximum(mean, least)


def worth(members: NDArray[np.int64], rate: Float) -> Float:
    """Return r / (1 + (r - 1) ρ), what groups are worth by themselves.

    Examples
    --------
    >>> worth(np.array([3, 3]), np.array([1.0, 0.0]))
    array([1., 3.])
    """
    return np.asarray(members / (1 + np.maximum(members - 1, 0) * rate))


def crowd_worth(
    labelled: NDArray[np.bool_], groups: Groups, rate: Float, background: float
) -> float:
    """Return the worth of all annotators who labelled anything."""
    members = np.bincount(groups[labelled & (groups >= 0)], minlength=len(rate))
    alone = int((labelled & (groups < 0)).sum())
    units = alone + worth(members, _beyond(rate, background)).sum()
    return float(_together(units, background))


def item_worth(annotations: Annotations, groups: Groups, rate: Float, background: float) -> Float:
    """Return the worth of each item's annotators, each counted once however often they labelled."""
    n_items, n_annotators, n_groups = annotations.n_items, annotations.n_annotators, len(rate)
    size = max(n_annotators, 1)
    key = annotations.item.astype(np.int64) * size + annotations.annotator
    item, annotator = np.divmod(np.unique(key), size)
    group = groups[annotator]
    total = np.bincount(item[group < 0], minlength=n_items).astype(np.float64)
    if n_groups:
        grouped = group >= 0
        units, members = np.unique(item[grouped] * n_groups + group[grouped], return_counts=True)
        place, which = np.divmod(units, n_groups)
        shares = worth(members, _beyond(rate, background)[which])
        total += np.bincount(place, shares, minlength=n_items)
    return _together(total, background)


def _beyond(rate: Float, background: float) -> Float:
    """Return the correlation that is left within groups once the background is taken out."""
    return np.clip((rate - background) / max(1 - background, 1e-12), 0, 1)


def _together(units: Float, background: float) -> Float:
    """Return what so many units are worth that share a background."""
    return np.asarray(units / np.maximum(1 - background + background * units, 1e-12))
