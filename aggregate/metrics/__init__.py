"""How good soft labels are, where the truth is known."""

from __future__ import annotations

from aggregate.metrics.accuracy import accuracy, confusion_error, credit
from aggregate.metrics.calibration import brier_score, expected_calibration_error, log_loss

__all__ = [
    "accuracy",
    "brier_score",
    "confusion_error",
    "credit",
    "expected_calibration_error",
    "log_loss",
]
