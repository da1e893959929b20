"""Tables, codes and kernels as the tests of the passes of EM need them."""

from __future__ import annotations

import numpy as np

from aggregate.kernels.em import class_tuple, em_pass
from aggregate.kernels.em_wide import em_pass_wide

NO_GOLD = np.empty(0, dtype=np.int32)
NO_WEIGHT = np.empty(0)
CLASSES = (1, 2, 3, 12)
MANY = (17, 32, 50, 70)
IN_PARTS = {17: 8, 32: 16}  # classes tried with the wide kernel, though rows would do


def kernel_for(n_classes):
    """Return the kernel and the tuple that tells it how long vectors are."""
    unit = (0.0,) * IN_PARTS[n_classes] if n_classes in IN_PARTS else class_tuple(n_classes)
    return em_pass if len(unit) == n_classes else em_pass_wide, unit


def to_table(confusion):
    return np.ascontiguousarray(confusion.transpose(0, 2, 1).reshape(-1, confusion.shape[2]))


def to_confusion(table):
    n_classes = table.shape[1]
    return table.reshape(-1, n_classes, n_classes).transpose(0, 2, 1)


def codes(votes):
    return (votes.annotator.astype(np.int64) * votes.n_classes + votes.label).astype(np.uint32)
