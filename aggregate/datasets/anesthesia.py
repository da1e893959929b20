"""The 1979 table on which Dawid and Skene introduced their model."""

from __future__ import annotations

from typing import Final

import numpy as np

from aggregate.annotations import Annotations

# One word per patient, from 1 to 45: the three ratings by observer 1, then one each by 2 to 5.
RATINGS: Final = """
    1111111 3334334 1122122 2223121 2223222 2223322 1222111 3333433 2222223
    2322223 4444444 2223343 1111111 2223212 1211111 1112111 1111111 1111111
    2222221 2221322 2222222 2222221 2223222 2212222 1111111 1111111 2322222
    1111111 1111111 1121121 1111111 3333233 1111111 2222222 2223232 4334343
    2212232 2323233 3333432 1111111 1111111 1212111 2322222 1211111 2222222
"""
OBSERVERS: Final = (1, 1, 1, 2, 3, 4, 5)


def load_anesthesia() -> Annotations:
    """Return 45 patients' fitness for anaesthesia, rated from 1 to 4 by five anaesthetists.

    The ratings rest on the same form filled in before an operation. Observer 1 rated every
    patient three times, some weeks apart; all three ratings are here. The truth is not known.

    Returns
    -------
    Annotations
        Items 1 to 45, annotators 1 to 5, classes 1 (fit) to 4, 315 annotations.

    References
    ----------
    A. P. Dawid and A. M. Skene, Maximum likelihood estimation of observer error-rates using
    the EM algorithm, Journal of the Royal Statistical Society C 28(1):20-28, 1979, table 1.

    Examples
    --------
    >>> from aggregate.datasets import load_anesthesia
    >>> load_anesthesia()
    Annotations(45 items, 5 annotators, 4 classes, 315 annotations)
    """
    table = np.array([list(word) for word in RATINGS.split()], dtype=np.int64)
    n_patients, n_ratings = table.shape
    return Annotations.from_columns(
        items=np.repeat(np.arange(1, n_patients + 1), n_ratings),
        annotators=np.tile(OBSERVERS, n_patients),
        labels=table.ravel(),
    )
