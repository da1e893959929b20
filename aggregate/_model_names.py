"""The models by name, readable without importing them: a new model adds a line here."""

from __future__ import annotations

from typing import Final

MODEL_CLASSES: Final[dict[str, str]] = {
    "majority-vote": "MajorityVote",
    "wawa": "Wawa",
    "iterative-weighted-vote": "IterativeWeightedVote",
    "dawid-skene": "DawidSkene",
    "glad": "GLAD",
    "one-coin": "OneCoinDawidSkene",
    "class-conditional": "ClassConditionalDawidSkene",
    "pooled": "PooledDawidSkene",
    "fast-dawid-skene": "FastDawidSkene",
    "hybrid-dawid-skene": "HybridDawidSkene",
    "zero-based-skill": "ZeroBasedSkill",
    "crh": "CRH",
    "catd": "CATD",
    "log-odds-vote": "LogOddsVote",
    "zencrowd": "ZenCrowd",
    "spectral": "SpectralDawidSkene",
    "tensor": "TensorMoments",
    "multispa": "MultiSPA",
    "coupled-nmf": "CoupledNMF",
    "symmetric-nmf": "SymmetricNMF",
    "minimax-entropy": "MinimaxEntropy",
    "kos": "KOS",
    "ghosh-svd": "GhoshSVD",
    "eigen-ratio": "EigenRatio",
    "hierarchical": "HierarchicalDawidSkene",
    "logit-normal": "LogitNormalDawidSkene",
    "ibcc": "IBCC",
    "mmsr": "MMSR",
    "triangular-estimation": "TriangularEstimation",
    "spectral-meta-learner": "SpectralMetaLearner",
    "flying-squid": "FlyingSquid",
    "dependent-groups": "DependentGroups",
    "label-model": "LabelModel",
    "ebcc": "EBCC",
    "crowdlab": "CrowdLab",
    "bwa": "BWA",
    "mace": "MACE",
    "cbcc": "CBCC",
    "calibrated": "Calibrated",
    "auto": "Auto",
}
"""Name to class of `aggregate.models`, the simplest first."""

BASELINE: Final = "majority-vote"
DEFAULT: Final = "auto"
PLAIN: Final = "dawid-skene"
"""One fit in place of several, for very many votes."""
VOTING: Final = frozenset(
    {
        "majority-vote",
        "wawa",
        "iterative-weighted-vote",
        "zero-based-skill",
        "crh",
        "catd",
    }
)
"""Those with one weight per annotator, which suit any number of classes."""
