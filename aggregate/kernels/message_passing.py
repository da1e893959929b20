"""Messages between items and annotators along the labels, as Karger, Oh and Shah send them."""

from __future__ import annotations

from aggregate._jit import kernel


@kernel
def pass_messages(item_ptr, annotator, sign, message, trust):
    """Replace ``message`` and ``trust`` by those of the next round; return the sum of squares.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    annotator : ndarray of int32, shape (E,)
    sign : ndarray of shape (E,)
        The labels, +1 or -1.
    message : ndarray of shape (E,)
        From annotator to item along each label; becomes the next round's.
    trust : ndarray of shape (M,)
        Filled with what the items say of each annotator, nobody left out.

    Returns
    -------
    float
        Sum of the squares of the new messages.
    """
    for j in range(trust.shape[0]):
        trust[j] = 0.0
    for i in range(item_ptr.shape[0] - 1):
        belief = 0.0
        for e in range(item_ptr[i], item_ptr[i + 1]):
            belief += sign[e] * message[e]
        for e in range(item_ptr[i], item_ptr[i + 1]):
            # What the others say of the item, seen from this annotator's label.
            message[e] = sign[e] * (belief - sign[e] * message[e])
            trust[annotator[e]] += message[e]
    total = 0.0
    for e in range(annotator.shape[0]):
        message[e] = trust[annotator[e]] - message[e]
        total += message[e] * message[e]
    return total
