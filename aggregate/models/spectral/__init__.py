"""Eigenvectors, messages and moments of pairs and triples: the truth without a likelihood."""

from aggregate.models.spectral.eigen_ratio import EigenRatio
from aggregate.models.spectral.ghosh_svd import GhoshSVD
from aggregate.models.spectral.kos import KOS
from aggregate.models.spectral.mmsr import MMSR
from aggregate.models.spectral.triangular_estimation import TriangularEstimation

__all__ = ["KOS", "MMSR", "EigenRatio", "GhoshSVD", "TriangularEstimation"]
