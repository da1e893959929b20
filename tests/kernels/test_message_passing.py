from __future__ import annotations

import numpy as np

from aggregate.kernels.message_passing import pass_messages
from tests import problems


def test_messages_leave_their_receiver_out():
    votes = problems.ragged(0, n_classes=2)
    sign = 2.0 * votes.label - 1
    random = np.random.default_rng(0)
    z = random.standard_normal(len(sign))
    e = np.arange(len(sign))
    x = np.array(
        [sum(sign[f] * z[f] for f in e if votes.item[f] == votes.item[g] and f != g) for g in e]
    )
    wanted = np.array(
        [
            sum(sign[f] * x[f] for f in e if votes.annotator[f] == votes.annotator[g] and f != g)
            for g in e
        ]
    )
    trust = np.full(votes.n_annotators, np.nan)
    squares = pass_messages(votes.item_ptr, votes.annotator, sign, z, trust)
    np.testing.assert_allclose(z, wanted, atol=1e-12)
    np.testing.assert_allclose(
        trust, np.bincount(votes.annotator, sign * x, minlength=votes.n_annotators), atol=1e-12
    )
    assert np.isclose(squares, (wanted**2).sum())
