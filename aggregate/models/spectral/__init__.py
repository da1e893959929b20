"""Eigenvectors, messages and moments of pairs and triples: the truth without a likelihood."""

from aggregate.models.spectral.crowdlab import CrowdLab
from aggregate.models.spectral.eigen_ratio import EigenRatio
from aggregate.models.spectral.flying_squid import FlyingSquid
from aggregate.models.spectral.ghosh_svd import GhoshSVD
from aggregate.models.spectral.kos import KOS
from aggregate.models.spectral.label_model import LabelModel
from aggregate.models.spectral.mmsr import MMSR
from aggregate.models.spectral.spectral_meta_learner import SpectralMetaLearner
from aggregate.models.spectral.triangular_estimation import TriangularEstimation

__all__ = [
    "KOS",
    "MMSR",
    "CrowdLab",
    "EigenRatio",
    "FlyingSquid",
    "GhoshSVD",
    "LabelModel",
    "SpectralMetaLearner",
    "TriangularEstimation",
]
