"""Aggregators: scikit-learn estimators that turn votes into soft labels."""

from aggregate.models.bayesian import (
    BWA,
    CBCC,
    EBCC,
    IBCC,
    MACE,
)
from aggregate.models.coupled_nmf import CoupledNMF
from aggregate.models.dawid_skene import DawidSkene
from aggregate.models.dependent import DependentGroups
from aggregate.models.difficulty import GLAD, MinimaxEntropy
from aggregate.models.iterative_weighted_vote import IterativeWeightedVote
from aggregate.models.majority_vote import MajorityVote
from aggregate.models.multi_spa import MultiSPA
from aggregate.models.registry import make_model, model_names
from aggregate.models.spectral import (
    KOS,
    MMSR,
    CrowdLab,
    EigenRatio,
    FlyingSquid,
    GhoshSVD,
    LabelModel,
    SpectralMetaLearner,
    TriangularEstimation,
)
from aggregate.models.spectral_dawid_skene import SpectralDawidSkene
from aggregate.models.structures import (
    ClassConditionalDawidSkene,
    FastDawidSkene,
    HierarchicalDawidSkene,
    HybridDawidSkene,
    OneCoinDawidSkene,
    PooledDawidSkene,
)
from aggregate.models.symmetric_nmf import SymmetricNMF
from aggregate.models.tensor_moments import TensorMoments
from aggregate.models.wawa import Wawa
from aggregate.models.weighting import CATD, CRH, LogOddsVote, ZenCrowd, ZeroBasedSkill

__all__ = [
    "BWA",
    "CATD",
    "CBCC",
    "CRH",
    "EBCC",
    "GLAD",
    "IBCC",
    "KOS",
    "MACE",
    "MMSR",
    "ClassConditionalDawidSkene",
    "CoupledNMF",
    "CrowdLab",
    "DawidSkene",
    "DependentGroups",
    "EigenRatio",
    "FastDawidSkene",
    "FlyingSquid",
    "GhoshSVD",
    "HierarchicalDawidSkene",
    "HybridDawidSkene",
    "IterativeWeightedVote",
    "LabelModel",
    "LogOddsVote",
    "MajorityVote",
    "MinimaxEntropy",
    "MultiSPA",
    "OneCoinDawidSkene",
    "PooledDawidSkene",
    "SpectralDawidSkene",
    "SpectralMetaLearner",
    "SymmetricNMF",
    "TensorMoments",
    "TriangularEstimation",
    "Wawa",
    "ZenCrowd",
    "ZeroBasedSkill",
    "make_model",
    "model_names",
]
