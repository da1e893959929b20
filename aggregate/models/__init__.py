"""Aggregators: scikit-learn estimators that turn votes into soft labels."""

from aggregate.models._base import BaseAggregator
from aggregate.models._loading import load_model
from aggregate.models.bayesian import BWA, CBCC, EBCC, IBCC, MACE
from aggregate.models.dawid_skene import DawidSkene
from aggregate.models.dependent import DependentGroups
from aggregate.models.difficulty import GLAD, MinimaxEntropy
from aggregate.models.ensembles import Auto, Calibrated, estimate_correlation
from aggregate.models.moments import (
    CoupledNMF,
    MultiSPA,
    SpectralDawidSkene,
    SymmetricNMF,
    TensorMoments,
)
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
from aggregate.models.structures import (
    ClassConditionalDawidSkene,
    FastDawidSkene,
    HierarchicalDawidSkene,
    HybridDawidSkene,
    LogitNormalDawidSkene,
    OneCoinDawidSkene,
    PooledDawidSkene,
)
from aggregate.models.voting import (
    CATD,
    CRH,
    IterativeWeightedVote,
    LogOddsVote,
    MajorityVote,
    Wawa,
    ZenCrowd,
    ZeroBasedSkill,
)

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
    "Auto",
    "BaseAggregator",
    "Calibrated",
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
    "LogitNormalDawidSkene",
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
    "estimate_correlation",
    "load_model",
    "make_model",
    "model_names",
]
