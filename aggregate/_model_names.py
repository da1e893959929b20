"""The models by name, readable without importing them: a new model adds a line here."""

from __future__ import annotations

from typing import Final

MODEL_CLASSES: Final[dict[str, str]] = {
    "majority-vote": "MajorityVote",
    "wawa": "Wawa",
    "iterative-weighted-vote": "IterativeWeightedVote",
    "dawid-skene": "DawidSkene",
}
"""Name to class of `aggregate.models`, the simplest first."""

BASELINE: Final = "majority-vote"
DEFAULT: Final = "dawid-skene"
VOTING: Final = frozenset({"majority-vote", "wawa", "iterative-weighted-vote"})
"""Those with one weight per annotator, which suit any number of classes."""
