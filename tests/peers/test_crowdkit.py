"""Beside crowd-kit: its data frame runs unchanged, and equal settings give equal answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aggregate import Annotations, DawidSkene, MajorityVote
from tests import problems
from tests.conftest import require_data

crowdkit = pytest.importorskip("crowdkit.aggregation", exc_type=ImportError)

# crowd-kit triggers warnings of pandas and NumPy that are none of ours.
pytestmark = pytest.mark.filterwarnings("ignore")

DATA = ("planted", "bluebird", "rte", "dog", "web")


@pytest.fixture
def frame(request):
    """Return the annotations as crowd-kit takes them: task, worker, label in any order."""
    if request.param != "planted":
        return pd.read_csv(require_data() / request.param / "annotations.csv")
    votes = problems.planted(0).votes
    table = {
        "task": [f"t{i}" for i in votes.item],
        "worker": [f"w{j}" for j in votes.annotator],
        "label": [f"class {y}" for y in votes.label],
    }
    return pd.DataFrame(table).sample(frac=1, random_state=0)


def both(frame, n_iter):
    """Return our soft labels and crowd-kit's after the same number of rounds.

    Each starts with an M-step on the vote shares. crowd-kit's objective may fall, which ends
    its loop early unless the tolerance forbids that.
    """
    theirs = crowdkit.DawidSkene(n_iter=n_iter, tol=-np.inf).fit(frame)
    ours = DawidSkene(
        prior_strength=0, max_iter=n_iter, tol=0, accelerate=False, annotator_correlation=0
    ).fit(Annotations.from_frame(frame))
    return ours.probas_, theirs.probas_.loc[ours.items_, ours.classes_].to_numpy()


@pytest.mark.parametrize("frame", DATA, indirect=True)
def test_majority_vote(frame):
    theirs = crowdkit.MajorityVote().fit(frame)
    ours = MajorityVote().fit(Annotations.from_frame(frame))
    probas = theirs.probas_.loc[ours.items_, ours.classes_].to_numpy()
    np.testing.assert_allclose(ours.probas_, probas, rtol=1e-12)


@pytest.mark.parametrize("frame", ["planted", "bluebird", "rte"], indirect=True)
@pytest.mark.parametrize("n_iter", [1, 2, 10])
def test_dawid_skene(frame, n_iter):
    ours, theirs = both(frame, n_iter)
    np.testing.assert_allclose(ours, theirs, atol=1e-8)


@pytest.mark.parametrize("frame", ["dog", "web"], indirect=True)
@pytest.mark.parametrize("n_iter", [1, 2, 10])
def test_dawid_skene_where_counts_are_zero(frame, n_iter):
    """Here annotators never gave some labels: crowd-kit floors those counts, we the shares.

    An item for which every class is impossible in that sense may then differ.
    """
    ours, theirs = both(frame, n_iter)
    assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean() > 0.997
    assert np.median(abs(ours - theirs).max(axis=1)) < 1e-4
