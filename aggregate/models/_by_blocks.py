"""Soft labels of more items than memory holds: block by block, or when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from aggregate.annotations import Annotations
from aggregate.models._gold import gold_codes

Float = NDArray[np.float64]
Gold = NDArray[np.int32] | None


class SoftBlock(NamedTuple):
    """Soft labels of consecutive items."""

    first: int
    last: int
    """The items ``first`` to ``last - 1``."""
    annotations: Annotations
    """Of those items, in memory."""
    probas: Float
    """Of shape (last - first, K)."""


class ByBlocks:
    """What a model does about items that are on disk.

    After a fit to a folder, ``probas_`` and ``labels_`` of all items are computed when they are
    first asked for, not before: they may need more memory than everything else.
    """

    if TYPE_CHECKING:
        probas_: Float
        labels_: NDArray[Any]
        classes_: NDArray[Any]

        def _known(self, X: Any) -> Annotations: ...

        def _soft_labels(self, annotations: Annotations, gold: Gold) -> Float: ...

        def _decide(self, probas: Float) -> NDArray[Any]: ...

    else:

        def __getattr__(self, name: str) -> Any:
            """Compute what a fit to a folder has left for later."""
            if name not in ("probas_", "labels_") or "_for_later" not in vars(self):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            self._keep_soft_labels(*vars(self).pop("_for_later"), now=True)
            return vars(self)[name]

    def _keep_soft_labels(self, annotations: Annotations, gold: Gold, *, now: bool = False) -> None:
        """Set the attributes of the fitted items, or remember what they follow from."""
        for name in ("probas_", "labels_", "_for_later"):
            vars(self).pop(name, None)
        if annotations.on_disk and not now:
            self._for_later = annotations, gold
            return
        self.probas_ = self._soft_labels(annotations, gold)
        self.labels_ = self._decide(self.probas_)

    def soft_label_blocks(
        self, X: Annotations, *, gold: Any = None, n_annotations: int = 1 << 22
    ) -> Iterator[SoftBlock]:
        """Yield the soft labels of the items block by block, in memory for one block.

        Parameters
        ----------
        X : Annotations
            As for `predict_proba`; typically opened from a folder.
        gold : mapping item -> class or array-like of shape (N,), optional
            Known truth; those items get probability one, as in a fit.
        n_annotations : int, default=4194304
            About how many annotations a block has.

        Raises
        ------
        TypeError
            If ``X`` is a table; those are in memory anyhow.

        Yields
        ------
        first, last : int
            The block has the items ``first`` to ``last - 1``.
        annotations : Annotations
            Of those items, in memory.
        probas : ndarray of shape (last - first, K)
            Rows of what `predict_proba` returns (but for gold).

        Examples
        --------
        >>> from aggregate import Annotations, MajorityVote
        >>> votes = Annotations.from_matrix([[0, 1, 1], [0, 0, -1]])
        >>> model = MajorityVote().fit(votes)
        >>> for block in model.soft_label_blocks(votes, n_annotations=3):
        ...     print(block.first, block.last, block.probas.round(2))
        0 1 [[0.33 0.67]]
        1 2 [[1. 0.]]
        """
        check_is_fitted(self)
        if not isinstance(X, Annotations):
            raise TypeError(f"soft_label_blocks needs Annotations; got {type(X).__name__}.")
        whose: Any = SimpleNamespace(items=X.items, n_items=X.n_items, classes=self.classes_)
        known = gold_codes(gold, whose)
        for first, last, part in X.blocks(n_annotations):
            truth = None if known is None else known[first:last]
            yield SoftBlock(first, last, part, self._soft_labels(self._known(part), truth))
