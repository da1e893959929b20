"""Votes as tensors: those of a batch of items, gathered without a loop."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from aggregate.annotations import Annotations


class VoteBatch(NamedTuple):
    """The labels given to a batch of B items, one entry per label, grouped by item.

    Attributes
    ----------
    item : Tensor of int64, shape (E,)
        Row of the batch, from 0 to B - 1.
    annotator : Tensor of int64, shape (E,)
    label : Tensor of int64, shape (E,)
    entry : Tensor of int64, shape (E,), optional
        Place of each label among those of all items.
    """

    item: torch.Tensor
    annotator: torch.Tensor
    label: torch.Tensor
    entry: torch.Tensor | None = None


class VoteTensors:
    """The votes of all items, from which those of any batch are gathered by index arithmetic.

    Parameters
    ----------
    votes : Annotations
        N items.
    annotator_code : array-like of int of shape (M,), optional
        The code that each annotator shall have in the batches; their own by default.
    device : str or torch.device
        Where the tensors live.

    Examples
    --------
    >>> import torch
    >>> from aggregate import Annotations
    >>> from aggregate.learning.torch import VoteTensors
    >>> votes = VoteTensors(Annotations.from_matrix([[0, 1], [-1, 1], [1, -1]]))
    >>> batch = votes.gather(torch.tensor([2, 0]))
    >>> batch.item.tolist(), batch.annotator.tolist(), batch.label.tolist()
    ([0, 1, 1], [0, 0, 1], [1, 0, 1])
    """

    def __init__(
        self, votes: Annotations, *, annotator_code: Any = None, device: Any = "cpu"
    ) -> None:
        if not isinstance(votes, Annotations):
            raise TypeError(
                "votes must be Annotations (Annotations.from_matrix(table) of a table); got "
                f"{type(votes).__name__}."
            )
        annotator, label = votes.annotator, votes.label
        if annotator_code is not None:
            annotator = annotator_code[annotator]
            order = _within_items(votes, annotator)
            annotator, label = annotator[order], label[order]
        self.pointers = torch.tensor(votes.item_ptr, device=device)
        self.annotator = torch.tensor(annotator, dtype=torch.int64, device=device)
        self.label = torch.tensor(label, dtype=torch.int64, device=device)

    def gather(self, rows: torch.Tensor) -> VoteBatch:
        """Return the labels of these items, in their order; ``item`` counts within ``rows``."""
        start = self.pointers[rows]
        length = self.pointers[rows + 1] - start
        item = torch.repeat_interleave(length)
        first = torch.cumsum(length, 0) - length
        entry = torch.arange(len(item), device=item.device) + (start - first)[item]
        return VoteBatch(item, self.annotator[entry], self.label[entry], entry)

    def item_of_entry(self) -> tuple[torch.Tensor, int]:
        """Return the item of each label, shape (E,), and the number of items."""
        return torch.repeat_interleave(self.pointers.diff()), len(self.pointers) - 1


def _within_items(votes: Annotations, annotator: Any) -> Any:
    """Return the order of the entries by item, then new annotator code, then label."""
    return np.lexsort((votes.label, annotator, votes.item))


def response_rows(table: torch.Tensor, votes: VoteBatch) -> torch.Tensor:
    """Return ``table[j, :, y]`` for each label y by annotator j, shape (E, K).

    By way of rows of a table laid out as (M, K reported, K true), because the gradient of
    ``index_select`` is summed in one order on a processor, whatever the number of threads.
    """
    n_annotators, n_true, n_reported = table.shape
    rows = table.transpose(1, 2).reshape(n_annotators * n_reported, n_true)
    return rows.index_select(0, votes.annotator * n_reported + votes.label)
