"""What the classifier and the other annotators believe of an item, one vote left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.fusion import vote_counts
from aggregate.models import CrowdLab

Float = NDArray[np.float64]


def beliefs_without(votes: Annotations, probas: Float) -> Float:
    """Return, for each vote, CROWDLAB's soft label of its item without that vote, shape (E, K).

    Of an item with one vote, that is what the classifier says.

    Parameters
    ----------
    votes : Annotations
    probas : ndarray of shape (N, K)
        Out-of-sample probabilities of a classifier.

    Examples
    --------
    >>> votes = Annotations.from_matrix([[0, 0, 1], [1, -1, -1]])
    >>> beliefs_without(votes, np.array([[0.8, 0.2], [0.4, 0.6]])).round(2)
    array([[0.62, 0.38],
           [0.62, 0.38],
           [0.73, 0.27],
           [0.4 , 0.6 ]])
    """
    model = CrowdLab().fit(votes, classifier_probas=probas)
    weight, right = model.annotator_weight_, model.agreement_
    wrong = (1 - right) / max(votes.n_classes - 1, 1)
    counts = vote_counts(votes, weight)
    whole = model.classifier_weight_ * probas + (right - wrong) * counts
    whole += wrong * counts.sum(axis=1, keepdims=True)
    own = weight[votes.annotator]
    belief = whole[votes.item] - wrong * own[:, np.newaxis]
    belief[np.arange(len(own)), votes.label] -= (right - wrong) * own
    belief = np.maximum(belief, 0.0)  # rounding
    alone = votes.labels_per_item[votes.item] == 1
    belief[alone] = probas[votes.item[alone]]
    return np.asarray(belief / belief.sum(axis=1, keepdims=True))
