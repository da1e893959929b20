"""What every confusion model owes its users: tests for a class of tests to inherit."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tests import problems


class Manners:
    """Gold, order and names, new items, votes at the edge.

    ``model`` is a parameter or fixture of the class that inherits: it makes an estimator, with
    the parameters that it is given.
    """

    settled: ClassVar = {}
    """Parameters that bring a fit to where the order of its sums does not show."""
    atol = 1e-6

    def test_gold_is_kept(self, model):
        crowd = problems.planted(6, n_items=60)
        gold = {0: (int(crowd.truth[0]) + 1) % 3}
        fit = model().fit(crowd.votes, gold=gold)
        assert fit.labels_[0] == gold[0]
        assert fit.probas_[0].max() == 1.0

    def test_order_and_names_do_not_matter(self, model):
        votes = problems.planted(7, n_items=80).votes
        order = np.random.default_rng(0).permutation(len(votes.item))
        swap = np.array([2, 0, 1])
        other = problems.from_codes(
            votes.item[order], 7 - votes.annotator[order], swap[votes.label[order]], (80, 8, 3)
        )
        one, two = model(**self.settled).fit(votes), model(**self.settled).fit(other)
        np.testing.assert_allclose(two.probas_[:, swap], one.probas_, atol=self.atol)

    def test_new_items_and_strangers(self, model):
        crowd = problems.planted(8, n_items=100)
        fit = model().fit(crowd.votes)
        np.testing.assert_array_equal(fit.transform(crowd.votes), fit.probas_)
        new = problems.from_codes([0, 0, 1], [0, 1, 99], [1, 1, 2], (2, 100, 3))
        assert fit.predict_proba(new).argmax(axis=1).tolist() == [1, 2]
        assert np.isfinite(fit.score(new))

    def test_degenerate_votes(self, model):
        one_class = problems.from_codes([0, 1], [0, 1], [0, 0], (2, 2, 1))
        assert model().fit(one_class).probas_.tolist() == [[1.0], [1.0]]
        one_annotator = problems.from_codes([0, 1, 2], [0, 0, 0], [0, 1, 1], (3, 1, 2))
        assert model().fit(one_annotator).labels_.tolist() == [0, 1, 1]
        apart = problems.from_codes([0, 1], [0, 1], [0, 1], (3, 3, 2))
        assert np.isfinite(model().fit(apart).probas_).all()
        many = problems.from_codes(
            np.repeat([0, 1], 600), np.tile(np.arange(600), 2), np.repeat([0, 1], 600), (2, 600, 2)
        )
        assert model().fit(many).labels_.tolist() == [0, 1]
