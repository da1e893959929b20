"""What the tests of the room share: votes as Dask frames, and results in the memory's order."""

from __future__ import annotations

import dask.dataframe as dd
import numpy as np

from aggregate.distributed import DaskAnnotations


def spread(votes, n_pieces=3, n_parts=4, seed=0):
    """Return annotations in memory as a Dask frame in random order, and from there in parts."""
    frame = votes.to_frame().sample(frac=1, random_state=seed)
    pieces = dd.from_pandas(frame.reset_index(drop=True), npartitions=n_pieces)
    return DaskAnnotations.from_dask(pieces, classes=votes.classes, npartitions=n_parts)


def in_order(votes, remote, values):
    """Return values per item of the parts in the order of the items in memory."""
    place = {item: position for position, item in enumerate(remote.items.compute().tolist())}
    return np.asarray(values)[[place[item] for item in votes.items.tolist()]]


def assert_same_fit(one, other, votes, remote, tol=1e-10):
    """Check a fit on a cluster against the one in memory."""
    names = {name for name, value in vars(one).items() if name.endswith("_")}
    assert names == {name for name, value in vars(other).items() if name.endswith("_")}
    for name in sorted(names - {"probas_", "labels_", "items_"}):
        mine, theirs = getattr(one, name), getattr(other, name)
        if np.asarray(mine).dtype.kind == "f":
            np.testing.assert_allclose(theirs, mine, rtol=tol, atol=tol, err_msg=name)
        else:
            np.testing.assert_array_equal(theirs, mine, err_msg=name)
    probas = in_order(votes, remote, other.probas_.compute())
    np.testing.assert_allclose(probas, one.probas_, atol=tol)
    labels = in_order(votes, remote, other.labels_.compute())
    np.testing.assert_array_equal(labels, one.labels_)
