"""The container of votes that are spread over the workers of a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._building import DUPLICATE_POLICIES
from aggregate._validation import check_choice, check_number
from aggregate.annotations import Annotations, OnDuplicate
from aggregate.distributed import _build, _fit, _labels
from aggregate.distributed._cluster import require_dask
from aggregate.distributed._held import HeldVotes
from aggregate.distributed._parts import Parts
from aggregate.distributed._passes import DistributedPasses, VoteShares


class DaskAnnotations(HeldVotes):
    """Labels given by annotators to items, on the workers of a Dask cluster.

    Make one with `from_parquet` or `from_dask`. The votes are partitioned once, by item: all the
    labels of an item lie in one part, in the same arrays that `aggregate.Annotations` has. They
    stay with the workers, about four bytes per label and eight per item, besides the names of
    the items; a pass of EM sends every worker the confusions and adds up, in a tree of fixed
    order, what its parts return. A worker that dies takes parts with it, which are then made
    again from the source.

    Dask's current client runs it (``distributed.Client``); where there is none, threads of this
    process do.

    Attributes
    ----------
    annotators, classes : ndarray of shape (M,), (K,)
        What the codes stand for, the same in all parts.
    label_counts : ndarray of int64, shape (M, K)
        How often each annotator gave each label.
    sizes : list of Size
        Items and labels of each part.
    item_dtype : dtype
        Of the items' names.
    report : ImportReport
        What became of the rows that were read.

    See Also
    --------
    aggregate.Annotations : The same in memory, or in a folder larger than memory.

    Examples
    --------
    >>> import dask.dataframe, pandas
    >>> from aggregate import DawidSkene
    >>> from aggregate.distributed import DaskAnnotations
    >>> frame = pandas.DataFrame(
    ...     {"task": [1, 1, 2, 2, 2], "worker": list("uvuvw"), "label": [0, 0, 1, 1, 0]}
    ... )
    >>> votes = DaskAnnotations.from_dask(dask.dataframe.from_pandas(frame, npartitions=2))
    >>> votes
    DaskAnnotations(2 items, 3 annotators, 2 classes, 5 annotations in 2 parts)
    >>> DawidSkene().fit(votes).labels_.compute()
    array([0, 1])
    """

    @classmethod
    def from_parquet(
        cls,
        path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        item: str | None = None,
        annotator: str | None = None,
        label: str | None = None,
        classes: ArrayLike | None = None,
        on_duplicate: OnDuplicate = "keep",
        npartitions: int | None = None,
    ) -> DaskAnnotations:
        """Read Parquet files with one row per label, each worker its share of them.

        Parameters
        ----------
        path : str, path-like or list of them
            A file, a folder of files, a pattern (``"votes/annotations-*.parquet"``) or a list of
            files, which every worker can read.
        item, annotator, label : str, optional
            Column names. Left out, they are recognised among the usual ones (task, worker,
            question, answer, …) and ``report.columns`` tells the guess.
        classes : array-like, optional
            All classes in the order wanted, when nobody used some of them.
        on_duplicate : {"keep", "first", "last", "error"}
            What to do with several labels by one annotator on one item.
        npartitions : int, optional
            Parts to make. By default one per ten million labels, and at least one per thread of
            the cluster. While parts are made, each takes some sixty bytes per label.

        Returns
        -------
        DaskAnnotations

        Raises
        ------
        ValueError
            If the files cannot be read, a column is missing or ambiguous, a label has no item or
            annotator, or is not among the declared classes.
        ClusterError
            If workers die or run out of memory.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from aggregate import load_dataset
        >>> from aggregate.distributed import DaskAnnotations
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     votes = load_dataset("anesthesia").annotations.to_frame()
        ...     votes.to_parquet(pathlib.Path(folder, "votes.parquet"))
        ...     DaskAnnotations.from_parquet(folder, npartitions=3)
        DaskAnnotations(45 items, 5 annotators, 4 classes, 315 annotations in 3 parts)
        """
        _check(on_duplicate, npartitions)
        names = {"item": item, "annotator": annotator, "label": label}
        return cls(_build.from_parquet(path, names, classes, on_duplicate, npartitions))

    @classmethod
    def from_dask(
        cls,
        frame: Any,
        *,
        item: str | None = None,
        annotator: str | None = None,
        label: str | None = None,
        classes: ArrayLike | None = None,
        on_duplicate: OnDuplicate = "keep",
        npartitions: int | None = None,
    ) -> DaskAnnotations:
        """Take a Dask data frame with one row per label.

        Parameters
        ----------
        frame : dask.dataframe.DataFrame
            Columns of any dtype; nulls in the label column are missing labels.
        item, annotator, label, classes, on_duplicate
            As in `from_parquet`. An ordered categorical keeps the order of its categories.
        npartitions : int, optional
            Parts to make; by default as many as the frame has.

        Returns
        -------
        DaskAnnotations

        Raises
        ------
        TypeError
            If it is no Dask data frame.
        ValueError, ClusterError
            As in `from_parquet`.
        """
        _check(on_duplicate, npartitions)
        names = {"item": item, "annotator": annotator, "label": label}
        return cls(_build.from_dask(frame, names, classes, on_duplicate, npartitions))

    # What there is -------------------------------------------------------------------------

    @property
    def items(self) -> Any:
        """Names of the items as a Dask array, in the order of all that is computed per item."""
        return _labels.item_array(self)

    def __repr__(self) -> str:
        """Tell the sizes."""
        return (
            f"DaskAnnotations({self.n_items} items, {self.n_annotators} annotators, "
            f"{self.n_classes} classes, {self.n_annotations} annotations in "
            f"{self.npartitions} part{'s' if self.npartitions > 1 else ''})"
        )

    # Ways out ------------------------------------------------------------------------------

    def compute(self) -> Annotations:
        """Bring everything here, as `aggregate.Annotations`; the items in this order."""
        return _build.gather(self)

    def label_frame(self, model: Any) -> Any:
        """Return the soft labels under a fitted model as a Dask data frame, one row per item.

        Parameters
        ----------
        model : estimator
            Fitted to these votes or to others. Gold items keep their gold only where the model
            was fitted to these.

        Returns
        -------
        dask.dataframe.DataFrame
            Columns item, label, confidence (the label's probability), votes (how many labels
            the item has) and ``proba_`` with each class. Nothing is computed yet.

        Examples
        --------
        >>> import dask.dataframe, pandas
        >>> from aggregate import MajorityVote
        >>> from aggregate.distributed import DaskAnnotations
        >>> frame = pandas.DataFrame({"task": [7, 7], "worker": ["u", "v"], "label": ["a", "a"]})
        >>> votes = DaskAnnotations.from_dask(dask.dataframe.from_pandas(frame, npartitions=1))
        >>> votes.label_frame(MajorityVote().fit(votes)).compute()
           item label  confidence  votes  proba_a
        0     7     a         1.0      2      1.0
        """
        return _labels.label_frame(self, model)

    def write_labels(self, model: Any, folder: str | os.PathLike[str]) -> list[str]:
        """Write what `label_frame` shows to Parquet files, each worker those of its parts.

        Parameters
        ----------
        model : estimator
            As for `label_frame`.
        folder : str or path-like
            New or empty, and the same folder for all workers. A file takes its name only when
            it is complete, so that a worker's death leaves no half of one.

        Returns
        -------
        list of str
            The files.

        Raises
        ------
        ValueError
            If the folder holds something.
        ClusterError
            If workers die or run out of memory.
        """
        return _labels.write_labels(self, model, folder)

    # What models ask -----------------------------------------------------------------------

    def fit_model(self, model: Any, gold: Any, data: dict[str, Any]) -> None:
        """Fit a model; the models' own ``fit`` comes here."""
        truth = _fit.fit_model(self, model, gold, data)
        self._gold[model] = model.probas_.name, truth

    def passes(self, gold: Parts | None) -> DistributedPasses:
        """Return passes of EM over the items."""
        return DistributedPasses(self._parts, gold, (self.n_annotators, self.n_classes))

    def shares(self, gold: Parts | None, *, gold_alone: bool = False) -> VoteShares:
        """Return what stands for the shares of the votes when passes count them."""
        return VoteShares(gold_alone)

    def gold_gain(self, model: Any, gold: Parts) -> NDArray[np.float64]:
        """Return what `aggregate.models._gold_start.gold_gain` does, over all items."""
        return _labels.gain_on_gold(self, model, gold)

    def soft_labels(self, model: Any) -> Any:
        """Return the posterior of each item as a Dask array of shape (N, K)."""
        return _labels.soft_labels(self, model, None)

    def decisions(self, model: Any, **options: Any) -> Any:
        """Return one label per item as a Dask array of shape (N,)."""
        return _labels.decisions(self, model, None, **options)


def _check(on_duplicate: str, npartitions: int | None) -> None:
    require_dask()
    check_choice("on_duplicate", on_duplicate, DUPLICATE_POLICIES)
    if npartitions is not None:
        check_number("npartitions", npartitions, low=1, integer=True)
