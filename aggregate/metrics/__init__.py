"""How good soft labels are where the truth is known, and how far annotators agree."""

from __future__ import annotations

from aggregate.metrics.accuracy import accuracy, confusion_error, credit
from aggregate.metrics.agreement import (
    Agreement,
    AgreementReport,
    IntraclassCorrelation,
    PairAgreement,
    agreement_report,
    brennan_prediger,
    fleiss_kappa,
    gwet_ac,
    intraclass_correlation,
    krippendorff_alpha,
    pair_agreement,
    percent_agreement,
)
from aggregate.metrics.calibration import brier_score, expected_calibration_error, log_loss
from aggregate.metrics.reliability import (
    Interval,
    ReliabilityCurve,
    bootstrap_interval,
    reliability_curve,
)

__all__ = [
    "Agreement",
    "AgreementReport",
    "Interval",
    "IntraclassCorrelation",
    "PairAgreement",
    "ReliabilityCurve",
    "accuracy",
    "agreement_report",
    "bootstrap_interval",
    "brennan_prediger",
    "brier_score",
    "confusion_error",
    "credit",
    "expected_calibration_error",
    "fleiss_kappa",
    "gwet_ac",
    "intraclass_correlation",
    "krippendorff_alpha",
    "log_loss",
    "pair_agreement",
    "percent_agreement",
    "reliability_curve",
]
