"""A Dirichlet distribution from which all annotators' confusion rows come, learned from them.

The crowd's parameters stand below the annotators' in the table, as those of one annotator
more: rows ``M·R + y`` for R responses (as many as classes, K, and one more where some abstain),
column k. A distribution that is learned from M rows with a likelihood
alone may grow without bound (rows that look equal) or collapse (rows that look certain). One
further, imaginary row with known expected logarithms, those of the prior's Dirichlet, is the
conjugate hyper-prior: it is proper and log-concave, and weighs as much as one annotator.

The distribution is fitted to the rows' expected logarithms as in T. P. Minka, Estimating a
Dirichlet distribution, technical report, MIT, 2000, equation 9 (fixed point) and appendix C
(inverse of the digamma function).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, psi

from aggregate.annotations import Annotations
from aggregate.kernels.dirichlet import fit_dirichlet
from aggregate.models._em import State
from aggregate.models.bayesian._variational import Variational, geometric

Float = NDArray[np.float64]

ROUNDS = 5  # of EM on the crowd's parameters per pass over the votes
SMALLEST, LARGEST = 0.05, 1e4  # keep expected logarithms within the kernels' range


class CrowdVariational(Variational):
    """As `Variational`, with the confusions' Dirichlet parameters learned.

    Parameters
    ----------
    annotations : Annotations
    gold : ndarray of int32, shape (N,), or None
    prior_pseudo : ndarray of shape (K,)
    imagined : ndarray of shape (R, K)
        Parameters ``[y, k]`` of the imaginary annotator, also where the crowd starts.
    n_jobs : int or None
    """

    def __init__(
        self,
        annotations: Annotations,
        gold: NDArray[np.int32] | None,
        prior_pseudo: Float,
        imagined: Float,
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(annotations, gold, prior_pseudo, imagined, n_jobs)
        self.imagined_logs = psi(imagined) - psi(imagined.sum(axis=0))

    def learn(self, mass: Float, counts: Float) -> State:
        """Return the posteriors that expected counts make, the crowd at its prior's mode."""
        return self.learn_from(self.pseudo, mass, counts)

    def expected(self, state: State) -> tuple[State, float]:
        """Return exp E log of the annotators' parameters, and the divergence less log h."""
        crowd = state.table[-self.n_responses :]
        prior, divergence = geometric(state.prior[:, np.newaxis], self.prior_pseudo[:, np.newaxis])
        table, more = geometric(state.table[: -self.n_responses], crowd)
        return State(prior[:, 0], table), divergence + more - self._log_hyper(crowd)

    def learn_from(self, crowd: Float, mass: Float, counts: Float) -> State:
        """Return the posteriors and the crowd, improved from where it stands."""
        blocks = counts.reshape(-1, *crowd.shape)
        crowd = crowd.copy()
        fit_dirichlet(
            counts, np.ones(len(blocks)), self.imagined_logs, SMALLEST, LARGEST, ROUNDS, crowd
        )
        table = np.concatenate([blocks + crowd, crowd[np.newaxis]])
        return State(mass + self.prior_pseudo, table.reshape(-1, self.n_classes))

    def step(self, state: State) -> tuple[float, State]:
        """Return the lower bound at a state and the state after one round."""
        expected, divergence = self.expected(state)
        counts = self.passes.expect(expected)
        crowd = state.table[-self.n_responses :]
        bound = counts.log_likelihood - divergence
        return bound, self.learn_from(crowd, counts.mass, counts.table)

    def _log_hyper(self, crowd: Float) -> float:
        """Return the log density of the crowd's parameters, up to a constant."""
        value = gammaln(crowd.sum(axis=0)).sum() - gammaln(crowd).sum()
        return float(value + (crowd * self.imagined_logs).sum())
