"""How far annotators agree, beyond chance: alpha, kappas, intraclass correlation."""

from __future__ import annotations

from aggregate.metrics.agreement.alpha import krippendorff_alpha
from aggregate.metrics.agreement.chance import (
    brennan_prediger,
    fleiss_kappa,
    gwet_ac,
    percent_agreement,
)
from aggregate.metrics.agreement.icc import IntraclassCorrelation, intraclass_correlation
from aggregate.metrics.agreement.pairs import PairAgreement, pair_agreement
from aggregate.metrics.agreement.report import AgreementReport, agreement_report
from aggregate.metrics.agreement.result import Agreement

__all__ = [
    "Agreement",
    "AgreementReport",
    "IntraclassCorrelation",
    "PairAgreement",
    "agreement_report",
    "brennan_prediger",
    "fleiss_kappa",
    "gwet_ac",
    "intraclass_correlation",
    "krippendorff_alpha",
    "pair_agreement",
    "percent_agreement",
]
