"""What the theory of GeoCrowdNet promises, on mixtures with one label per item."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from aggregate.learning import CCEMClassifier
from tests.learning.end_to_end.crowds import confusion_error, mixture

CASES = {
    "anchors": {"anchors": True, "specialists": False},
    "specialists": {"anchors": False, "specialists": True},
    "both": {"anchors": True, "specialists": True},
    "neither": {"anchors": False, "specialists": False},
}


@cache
def errors(case, regularizer, strength):
    """Return mean confusion error and test accuracy over five draws."""
    found = []
    for seed in range(5):
        X, votes, _, X_test, truth_test, confusion = mixture(**CASES[case], seed=seed)
        model = CCEMClassifier(
            regularizer=regularizer, regularization=strength, alpha=1, prior_strength=1, tol=1e-3
        )
        model.fit(X, votes)
        found.append((confusion_error(model, confusion), model.score(X_test, truth_test)))
    return np.mean(found, axis=0)


@pytest.mark.filterwarnings("ignore:nothing pins this fit down")
class TestGeoCrowdNet:
    def test_f_helps_with_anchors_only_and_w_harms(self):
        plain, plain_right = errors("anchors", None, 0.0)
        volume, volume_right = errors("anchors", "geocrowdnet-f", 0.1)
        assert volume < 0.95 * plain
        assert volume_right > plain_right + 0.005
        assert errors("anchors", "geocrowdnet-w", 0.01)[0] > 1.1 * plain

    def test_w_helps_with_specialists_only_and_f_harms(self):
        plain, plain_right = errors("specialists", None, 0.0)
        volume, volume_right = errors("specialists", "geocrowdnet-w", 0.01)
        assert volume < 0.95 * plain
        assert volume_right > plain_right - 0.005
        assert errors("specialists", "geocrowdnet-f", 0.03)[0] > 1.1 * plain

    def test_with_both_none_is_needed(self):
        plain, right = errors("both", None, 0.0)
        assert right > 0.95
        assert plain < 0.1
        for regularizer in ("geocrowdnet-f", "geocrowdnet-w"):
            assert errors("both", regularizer, 0.003)[0] == pytest.approx(plain, abs=0.01)

    def test_with_neither_the_confusions_are_the_worst(self):
        worst = errors("neither", None, 0.0)[0]
        assert all(worst > errors(case, None, 0.0)[0] for case in CASES if case != "neither")
