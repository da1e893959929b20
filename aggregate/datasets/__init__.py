"""Sets of votes that come with the package, to try things on."""

from __future__ import annotations

from aggregate.datasets.anesthesia import load_anesthesia
from aggregate.datasets.registry import Dataset, dataset_names, load_dataset

__all__ = ["Dataset", "dataset_names", "load_anesthesia", "load_dataset"]
