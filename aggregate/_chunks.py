"""Table rows of annotations chunk by chunk, for arrays that are mapped from files.

A chunk is small enough to stay in the processor's cache between the making of its codes and their
use, and what it read of a mapped file is given back, so a pass over a folder takes no memory.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aggregate._arrays import AnnotationArrays
from aggregate._tables import row_codes
from aggregate.storage import release

ANNOTATIONS_PER_CHUNK = 1 << 18


def chunks(item_ptr: NDArray[np.int64], first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield the bounds of consecutive chunks of the items ``first`` to ``last``.

    Examples
    --------
    >>> list(chunks(np.array([0, 2, 4]), 0, 2))
    [(0, 2)]
    """
    while first < last:
        target = item_ptr[first] + ANNOTATIONS_PER_CHUNK
        end = int(np.searchsorted(item_ptr[first : last + 1], target, side="right")) - 1 + first
        end = max(end, first + 1)
        yield first, end
        first = end


def chunk_codes(
    annotations: AnnotationArrays, first: int, last: int, n_annotators: int, n_responses: int
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Return pointers from 0 and table rows (see `row_codes`) of the items ``first`` to ``last``.

    Examples
    --------
    >>> from aggregate import Annotations
    >>> votes = Annotations.from_matrix([[0, 1], [1, 1]])
    >>> chunk_codes(votes, 1, 2, 2, 2)
    (array([0, 2]), array([1, 3], dtype=uint32))
    """
    start, stop = int(annotations.item_ptr[first]), int(annotations.item_ptr[last])
    annotator, label = annotations.annotator[start:stop], annotations.label[start:stop]
    pointers = annotations.item_ptr[first : last + 1]
    code = row_codes(annotator, label, n_annotators, n_responses)
    own = pointers - start
    for view in (annotator, label, pointers):
        release(view)
    return own, code
