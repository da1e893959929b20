"""How much a class counts: weights from the soft labels, before any row is copied.

An estimator's own ``class_weight="balanced"`` is no help with copies. Some count the copies, of
which every class may have as many as there are rows, so nothing is balanced; others sum their
weights. Here the classes' masses are the sums of the soft labels, whatever the estimator.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_number, first_few

Float = NDArray[np.float64]


def class_weights(class_weight: Any, soft: Float, classes: NDArray[Any]) -> Float:
    r"""Return the factor of each class.

    Parameters
    ----------
    class_weight : None, "balanced" or mapping class -> weight
        "balanced" gives class k :math:`\sum_{ik} w_{ik} / (K' \sum_i w_{ik})`, with K' classes of
        positive mass, so that their masses become equal and the total stays. Classes that a
        mapping leaves out have weight 1.
    soft : ndarray of shape (N, K)
        Soft labels times the rows' weights.
    classes : ndarray of shape (K,)

    Returns
    -------
    ndarray of shape (K,)

    Raises
    ------
    ValueError
        If the mapping names an unknown class, or a weight is negative.
    """
    factors = np.ones(len(classes))
    if class_weight is None:
        return factors
    if isinstance(class_weight, str) and class_weight == "balanced":
        mass = soft.sum(axis=0)
        present = mass > 0
        factors[present] = mass.sum() / (present.sum() * mass[present])
        return factors
    if not isinstance(class_weight, Mapping):
        raise ValueError(
            "class_weight must be None, 'balanced' or a mapping of class to weight; got "
            f"{class_weight!r}."
        )
    place = {name: code for code, name in enumerate(classes.tolist())}
    unknown = [name for name in class_weight if name not in place]
    if unknown:
        raise ValueError(
            f"class_weight names {first_few(unknown)}, which nobody's label is; the classes are "
            f"{first_few(classes)}."
        )
    for name, weight in class_weight.items():
        check_number(f"class_weight[{name!r}]", weight, low=0)
        factors[place[name]] = weight
    return factors
