"""Whether those found are few enough to be told from everybody else.

Where one set of annotators agrees with itself more than with the rest, the votes fit two tales
equally well: the set shares mistakes, and the rest know the truth; or the other way round. What
decides is a belief: the fewer are wrong. It takes at least three others who speak for themselves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.inspection._copying import Pairs
from aggregate.inspection._suspects import join

Float = NDArray[np.float64]
Groups = NDArray[np.int32]
Mask = NDArray[np.bool_]

_FEWEST_VOICES = 3
_CLEARLY = 3.0  # times as many others need no further sign


def told_apart(
    annotations: Annotations,
    pairs: Pairs,
    agreement: Float,
    found: Mask,
    suspects: Groups,
    min_shared: int,
) -> tuple[Mask, list[NDArray[np.intp]]]:
    """Return which pairs remain found, and the sets of which it cannot be told.

    Parameters
    ----------
    annotations : Annotations
    pairs : ndarray of int32, shape (P, 2)
    agreement : ndarray of shape (P,)
    found : ndarray of bool, shape (P,)
    suspects : ndarray of int32, shape (M,)
        Who counted as one voice.
    min_shared : int
        Common items that make somebody worth comparing.
    """
    alone = np.full_like(suspects, -1)
    linked = join(alone, pairs[found])
    voices = join(suspects, pairs[found])
    kept, undecided = found.copy(), []
    for g in np.unique(linked[linked >= 0]):
        members = linked == g
        touched = np.unique(suspects[members & (suspects >= 0)])
        members |= np.isin(suspects, touched)
        if not _few(annotations, pairs, agreement, members, voices, min_shared):
            kept &= ~members[pairs].all(axis=1)
            undecided.append(np.flatnonzero(linked == g))
    return kept, undecided


def _few(
    annotations: Annotations,
    pairs: Pairs,
    agreement: Float,
    members: Mask,
    voices: Groups,
    min_shared: int,
) -> bool:
    """Tell whether a set is clearly the smaller side, of those who label its items."""
    theirs = np.bincount(
        annotations.item[members[annotations.annotator]], minlength=annotations.n_items
    )
    met = (theirs > 0)[annotations.item] & ~members[annotations.annotator]
    shared = np.bincount(annotations.annotator[met], minlength=len(members))
    n_others = np.minimum(shared / min_shared, 1.0).sum()
    grouped = voices >= 0
    together = np.bincount(voices[grouped], shared[grouped])
    n_voices = np.minimum(np.append(shared[~grouped], together) / min_shared, 1.0).sum()
    size = members.sum()
    if n_voices < _FEWEST_VOICES or n_others <= size:
        return False
    if n_others >= _CLEARLY * size:
        return True
    inside = members[pairs].all(axis=1)
    outside = ~members[pairs].any(axis=1)
    return bool(
        agreement[inside].mean() > agreement[outside].mean() if outside.any() else inside.any()
    )
