"""Whether classifier and annotators can be told apart: pure items, pure labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import first_few

Float = NDArray[np.float64]
Codes = NDArray[np.int64]

NEAR: Final = 0.1
"""How far from certain an item or a label may be to count as an anchor or a speciality."""
_USES: Final = 5.0  # of a label by an annotator, below which its purity is the anchor's


@dataclass(frozen=True, eq=False)
class IdentifiabilityConditions:
    r"""How near a fit comes to the conditions under which its two halves are determined.

    The labels determine the products :math:`f(x_i)^\top A_j`. They determine the factors, up to
    the names of the classes, where both are spread out far enough: near anchor points (for each
    class an item that the classifier is all but sure of) *and* near class specialists (for each
    class an annotator with a label that is used for no other class). Where only the first
    holds, ``regularizer="geocrowdnet-f"`` helps; where only the second, ``"geocrowdnet-w"``.

    Both are read off the fitted model, which may be wrong itself: a classifier that learned its
    rows by heart is sure of all of them. What is absent here is more telling than what is there.

    Attributes
    ----------
    classes : ndarray of shape (K,)
    anchor : ndarray of shape (K,)
        Largest probability of each class that the classifier gives to a training row.
    anchor_row : ndarray of int, shape (K,)
        The row.
    specialist : ndarray of shape (K,)
        Largest share of the class among the classes behind one label of one annotator, were all
        classes equally frequent: :math:`\max_{j,y} A_j[k, y] / \sum_l A_j[l, y]`, over labels
        used at least five times; 0 if there is none.
    specialist_annotator : ndarray of shape (K,)
        Who that is; None if there is none.
    near : float
        How far from 1 still counts.

    References
    ----------
    S. Ibrahim, T. Nguyen and X. Fu, Deep learning from crowdsourced labels: coupled cross-entropy
    minimization, identifiability, and regularization, ICLR 2023.
    """

    classes: NDArray[Any]
    anchor: Float
    anchor_row: Codes
    specialist: Float
    specialist_annotator: NDArray[Any]
    near: float = NEAR

    @property
    def has_anchors(self) -> bool:
        """Whether every class has a near anchor point."""
        return bool((self.anchor >= 1 - self.near).all())

    @property
    def has_specialists(self) -> bool:
        """Whether every class has a near specialist."""
        return bool((self.specialist >= 1 - self.near).all())

    def __str__(self) -> str:
        """Write which condition holds, what lacks, and which regulariser that suggests."""
        lines = [
            self._sentence(self.anchor, "near anchor point", "an item the classifier is sure of"),
            self._sentence(self.specialist, "near specialist", "a label used for it alone"),
            _ADVICE[self.has_anchors, self.has_specialists],
        ]
        return "\n".join(lines)

    def _sentence(self, strength: Float, name: str, meaning: str) -> str:
        lacking = self.classes[strength < 1 - self.near]
        if not len(lacking):
            return f"Every class has a {name} ({meaning}); the weakest: {strength.min():.2f}."
        return (
            f"{len(lacking)} of {len(self.classes)} classes have no {name} ({meaning}): "
            f"{first_few(lacking)}; the weakest: {strength.min():.2f}."
        )


_ADVICE: Final = {
    (True, True): "Classifier and annotators are determined by enough labels.",
    (True, False): "With anchor points only, regularizer='geocrowdnet-f' is the one that fits.",
    (False, True): "With specialists only, regularizer='geocrowdnet-w' is the one that fits.",
    (False, False): (
        "Other classifiers and annotators may explain the labels as well as these. Gold for some "
        "items (gold=), or several labels per item, tell them apart."
    ),
}


def find_conditions(
    soft: Float, confusion: Float, uses: Float, classes: NDArray[Any], annotators: NDArray[Any]
) -> IdentifiabilityConditions:
    """Return how near a fit comes to the conditions.

    Parameters
    ----------
    soft : ndarray of shape (N, K)
        The classifier's probabilities of the training rows.
    confusion : ndarray of shape (M, K, K)
        Truth in the middle axis.
    uses : ndarray of shape (M, K)
        How often each annotator gave each label.
    classes, annotators : ndarray of shape (K,), (M,)
    """
    share = confusion / confusion.sum(axis=1, keepdims=True)
    share = np.where((uses >= _USES)[:, np.newaxis, :], share, 0.0)
    best = share.max(axis=2, initial=0.0)  # (M, K): purest label of each annotator
    specialist = best.max(axis=0, initial=0.0)
    who = np.empty(len(classes), dtype=object)
    for k in np.flatnonzero(specialist > 0):
        who[k] = annotators[best[:, k].argmax()]
    return IdentifiabilityConditions(
        classes, soft.max(axis=0), soft.argmax(axis=0), specialist, who
    )
