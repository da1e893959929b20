"""Turn noisy labels from many annotators into soft labels that can be trusted."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aggregate.annotations import Annotations
    from aggregate.datasets import load_dataset
    from aggregate.grouping import group_annotations
    from aggregate.inspection import (
        compare,
        identifiability_report,
        sample_labels,
        spammer_report,
        uncertainty,
    )
    from aggregate.io import read_annotations, read_gold
    from aggregate.models import (
        BWA,
        CATD,
        CBCC,
        CRH,
        EBCC,
        GLAD,
        IBCC,
        KOS,
        MACE,
        MMSR,
        Auto,
        Calibrated,
        ClassConditionalDawidSkene,
        CoupledNMF,
        CrowdLab,
        DawidSkene,
        DependentGroups,
        EigenRatio,
        FastDawidSkene,
        FlyingSquid,
        GhoshSVD,
        HierarchicalDawidSkene,
        HybridDawidSkene,
        IterativeWeightedVote,
        LabelModel,
        LogitNormalDawidSkene,
        LogOddsVote,
        MajorityVote,
        MinimaxEntropy,
        MultiSPA,
        OneCoinDawidSkene,
        PooledDawidSkene,
        SpectralDawidSkene,
        SpectralMetaLearner,
        SymmetricNMF,
        TensorMoments,
        TriangularEstimation,
        Wawa,
        ZenCrowd,
        ZeroBasedSkill,
        estimate_correlation,
        load_model,
    )
    from aggregate.simulate import simulate_annotations, simulate_files

__version__ = "0.1.0.dev0"

# Names resolve on first use (PEP 562), so that importing the package does no work.
_HOME = {
    "Annotations": "aggregate.annotations",
    "Auto": "aggregate.models",
    "BWA": "aggregate.models",
    "CATD": "aggregate.models",
    "CBCC": "aggregate.models",
    "CRH": "aggregate.models",
    "Calibrated": "aggregate.models",
    "ClassConditionalDawidSkene": "aggregate.models",
    "CoupledNMF": "aggregate.models",
    "CrowdLab": "aggregate.models",
    "DawidSkene": "aggregate.models",
    "DependentGroups": "aggregate.models",
    "EBCC": "aggregate.models",
    "EigenRatio": "aggregate.models",
    "FastDawidSkene": "aggregate.models",
    "FlyingSquid": "aggregate.models",
    "GLAD": "aggregate.models",
    "GhoshSVD": "aggregate.models",
    "HierarchicalDawidSkene": "aggregate.models",
    "HybridDawidSkene": "aggregate.models",
    "IBCC": "aggregate.models",
    "IterativeWeightedVote": "aggregate.models",
    "KOS": "aggregate.models",
    "LabelModel": "aggregate.models",
    "LogOddsVote": "aggregate.models",
    "LogitNormalDawidSkene": "aggregate.models",
    "MACE": "aggregate.models",
    "MMSR": "aggregate.models",
    "MajorityVote": "aggregate.models",
    "MinimaxEntropy": "aggregate.models",
    "MultiSPA": "aggregate.models",
    "OneCoinDawidSkene": "aggregate.models",
    "PooledDawidSkene": "aggregate.models",
    "SpectralDawidSkene": "aggregate.models",
    "SpectralMetaLearner": "aggregate.models",
    "SymmetricNMF": "aggregate.models",
    "TensorMoments": "aggregate.models",
    "TriangularEstimation": "aggregate.models",
    "Wawa": "aggregate.models",
    "ZenCrowd": "aggregate.models",
    "ZeroBasedSkill": "aggregate.models",
    "compare": "aggregate.inspection",
    "estimate_correlation": "aggregate.models",
    "group_annotations": "aggregate.grouping",
    "identifiability_report": "aggregate.inspection",
    "load_dataset": "aggregate.datasets",
    "load_model": "aggregate.models",
    "read_annotations": "aggregate.io",
    "read_gold": "aggregate.io",
    "sample_labels": "aggregate.inspection",
    "simulate_annotations": "aggregate.simulate",
    "simulate_files": "aggregate.simulate",
    "spammer_report": "aggregate.inspection",
    "uncertainty": "aggregate.inspection",
}

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
    "Annotations",
    "Auto",
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
    "compare",
    "estimate_correlation",
    "group_annotations",
    "identifiability_report",
    "load_dataset",
    "load_model",
    "read_annotations",
    "read_gold",
    "sample_labels",
    "simulate_annotations",
    "simulate_files",
    "spammer_report",
    "uncertainty",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'aggregate' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
