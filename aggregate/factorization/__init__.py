"""Algebra that has never heard of annotators: tensors, nonnegative matrices, permutations.

Factor matrices are ``A[m, a, k]`` with **columns that sum to one** over ``a``, pairs are integer
arrays (P, 2) and blocks float64 arrays (P, K, K) with ``R[p][a, b]`` belonging to row a of the
first factor and row b of the second. Every solver returns a :class:`FactorizationResult`.
"""

from aggregate.factorization.block_completion import complete_blocks
from aggregate.factorization.block_factorization import robust_block_factorization
from aggregate.factorization.coupled_cpd import coupled_cpd
from aggregate.factorization.coupled_nmf import coupled_nmf
from aggregate.factorization.coupled_nmf_mirror import coupled_nmf_mirror
from aggregate.factorization.cpd_als import cpd_als
from aggregate.factorization.matching import (
    match_columns,
    match_to_diagonal,
    propagate_permutations,
)
from aggregate.factorization.reconciliation import reconcile_permutations
from aggregate.factorization.result import FactorizationResult, Restart
from aggregate.factorization.spectral_root import spectral_root
from aggregate.factorization.successive_projection import successive_projection
from aggregate.factorization.symmetric_nmf import symmetric_nmf
from aggregate.factorization.tensor_power import symmetrize_views, tensor_power

__all__ = [
    "FactorizationResult",
    "Restart",
    "complete_blocks",
    "coupled_cpd",
    "coupled_nmf",
    "coupled_nmf_mirror",
    "cpd_als",
    "match_columns",
    "match_to_diagonal",
    "propagate_permutations",
    "reconcile_permutations",
    "robust_block_factorization",
    "spectral_root",
    "successive_projection",
    "symmetric_nmf",
    "symmetrize_views",
    "tensor_power",
]
