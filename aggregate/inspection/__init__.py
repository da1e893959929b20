"""Looking at votes and models: health of the data, what they can teach, models side by side."""

from __future__ import annotations

from aggregate.inspection._annotator_report import AnnotatorReport
from aggregate.inspection._comparison_report import Comparison
from aggregate.inspection._comparison_runs import ComparisonRow
from aggregate.inspection._dependence_facts import DependenceReport, DependentPairs
from aggregate.inspection._estimates import Estimates, Uncertainty
from aggregate.inspection._identifiability_report import IdentifiabilityReport
from aggregate.inspection.allocation import NextLabels, next_labels
from aggregate.inspection.annotators import annotator_report
from aggregate.inspection.chernoff import (
    LabelsNeeded,
    chernoff_information,
    labels_needed,
)
from aggregate.inspection.comparison import compare
from aggregate.inspection.conditions import (
    Separability,
    kruskal_holds,
    kruskal_rank,
    separability,
)
from aggregate.inspection.costs import annotator_costs, label_worth
from aggregate.inspection.dependence import dependence_report
from aggregate.inspection.drift import DriftTest, drift_test
from aggregate.inspection.error_bars import uncertainty
from aggregate.inspection.graph import Overlap, overlap
from aggregate.inspection.health import Health, check_health
from aggregate.inspection.identifiability import identifiability_report
from aggregate.inspection.optima import LabelSwap, Optima, explore_optima, label_swaps
from aggregate.inspection.pair_residuals import PairResiduals, pair_residuals
from aggregate.inspection.plausible import sample_labels
from aggregate.inspection.pooled_test import PooledTest, pooled_test
from aggregate.inspection.scatter import Scattering, sufficiently_scattered
from aggregate.inspection.spammers import (
    SpammerReport,
    expected_cost_quality,
    spammer_report,
    spammer_scores,
)
from aggregate.inspection.speed import Speed, labelling_speed

__all__ = [
    "AnnotatorReport",
    "Comparison",
    "ComparisonRow",
    "DependenceReport",
    "DependentPairs",
    "DriftTest",
    "Estimates",
    "Health",
    "IdentifiabilityReport",
    "LabelSwap",
    "LabelsNeeded",
    "NextLabels",
    "Optima",
    "Overlap",
    "PairResiduals",
    "PooledTest",
    "Scattering",
    "Separability",
    "SpammerReport",
    "Speed",
    "Uncertainty",
    "annotator_costs",
    "annotator_report",
    "check_health",
    "chernoff_information",
    "compare",
    "dependence_report",
    "drift_test",
    "expected_cost_quality",
    "explore_optima",
    "identifiability_report",
    "kruskal_holds",
    "kruskal_rank",
    "label_swaps",
    "label_worth",
    "labelling_speed",
    "labels_needed",
    "next_labels",
    "overlap",
    "pair_residuals",
    "pooled_test",
    "sample_labels",
    "separability",
    "spammer_report",
    "spammer_scores",
    "sufficiently_scattered",
    "uncertainty",
]
