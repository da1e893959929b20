"""Variational Bayes for annotators who belong to communities, each with its own Dirichlet."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from aggregate.annotations import Annotations
from aggregate.fusion import vote_shares
from aggregate.kernels.dirichlet import expect_log, fit_dirichlet
from aggregate.kernels.em import FLOOR
from aggregate.models._em import State
from aggregate.models.bayesian._crowd import LARGEST, ROUNDS, SMALLEST, CrowdVariational
from aggregate.models.bayesian._variational import geometric
from aggregate.models.voting._voting import agreement

Float = NDArray[np.float64]


class Communities(NamedTuple):
    """Class prior's parameters, expected counts, who belongs where, sizes, Dirichlets."""

    prior: Float  # (K,)
    table: Float  # (M·K, K): expected counts; with a community's Dirichlet, the posterior
    share: Float  # (M, C)
    size: Float  # (C,)
    crowds: Float  # (C, K, K), [y, k]
    evidence: Float  # (M, C): log evidence of an annotator's counts in a community


class CommunityVariational(CrowdVariational):
    """As `CrowdVariational`, with several crowds and annotators who belong to one of them.

    Given the community, an annotator's confusions have a Dirichlet posterior in closed form,
    so the state holds the expected counts, from which all of them follow.
    """

    def start(self, soft_labels: Float, share: Float) -> Communities:
        """Return the state that soft labels and first guesses of the memberships make."""
        counts = self.passes.count(soft_labels)
        crowds = np.repeat(self.pseudo[np.newaxis], share.shape[1], axis=0)
        prior = counts.mass + self.prior_pseudo
        size = (share.sum(axis=0) + 1) / (len(share) + share.shape[1])
        return self._regroup(prior, counts.table, share, size, crowds)

    def step(self, state: Communities) -> tuple[float, Communities]:  # type: ignore[override]
        """Return the lower bound at a state and the state after one round."""
        prior, divergence = geometric(state.prior[:, np.newaxis], self.prior_pseudo[:, np.newaxis])
        logs = self.expected_logs(state)
        expected = State(prior[:, 0], np.maximum(np.exp(logs), FLOOR))
        counts = self.passes.expect(expected)
        told = np.where(state.share > 0, np.log(np.maximum(state.share, 1e-300)), 0.0)
        bound = counts.log_likelihood - divergence - (state.table * logs).sum()
        bound += (state.share * (state.evidence + np.log(state.size) - told)).sum()
        bound += np.log(state.size).sum()
        bound += sum(self._log_hyper(crowd) for crowd in state.crowds)
        following = self._regroup(
            counts.mass + self.prior_pseudo, counts.table, state.share, state.size, state.crowds
        )
        return float(bound), following

    def expected_logs(self, state: Communities) -> Float:
        """Return the expected log confusions, averaged over the communities."""
        total = np.zeros_like(state.table)
        logs = np.empty_like(total)
        for share, crowd in zip(state.share.T, state.crowds, strict=True):
            weights = state.table + np.tile(crowd, (len(share), 1))
            expect_log(weights, crowd, self.n_classes, logs)
            total += np.repeat(share, self.n_classes)[:, np.newaxis] * logs
        return total

    def _evidence(self, table: Float, crowds: Float) -> Float:
        """Return the log evidence of every annotator's counts in every community, (M, C)."""
        blocks = table.reshape(-1, self.n_classes, self.n_classes)
        given = blocks.sum(axis=1)
        out = np.empty((len(blocks), len(crowds)))
        for c, crowd in enumerate(crowds):
            total = crowd.sum(axis=0)
            value = gammaln(total) - gammaln(total + given)
            out[:, c] = value.sum(axis=1) + (gammaln(crowd + blocks) - gammaln(crowd)).sum((1, 2))
        return out

    def _regroup(
        self, prior: Float, table: Float, share: Float, size: Float, crowds: Float
    ) -> Communities:
        """Return the state with Dirichlets improved, then memberships, then sizes."""
        n_annotators, n_communities = share.shape
        crowds = crowds.copy()
        for c in range(n_communities):
            belongs = np.ascontiguousarray(share[:, c])
            fit_dirichlet(table, belongs, self.imagined_logs, SMALLEST, LARGEST, ROUNDS, crowds[c])
        evidence = self._evidence(table, crowds)
        share = evidence + np.log(size)
        share = np.exp(share - share.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        size = (share.sum(axis=0) + 1) / (n_annotators + n_communities)
        return Communities(prior, table, share, size, crowds, evidence)


def by_agreement(annotations: Annotations, n_communities: int) -> Float:
    """Return memberships (M, C) that sort annotators by their agreement with the vote.

    Those who agree alike stay together, so that no order of theirs matters.
    """
    shares = vote_shares(annotations)
    given = annotations.labels_per_annotator
    rate = agreement(annotations, shares) / np.maximum(given, 1)
    levels = np.arange(1, n_communities) / n_communities
    edges = np.quantile(rate, levels) if len(rate) else levels
    place = np.searchsorted(edges, np.round(rate, 12), side="right")
    soft = np.full((len(rate), n_communities), 0.1 / n_communities)
    soft[np.arange(len(rate)), place] += 0.9
    return soft
