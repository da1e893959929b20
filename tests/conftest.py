"""Fixtures that several test files share: the real data sets, where they are at hand."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

# A worker per processor: BLAS with threads of its own would only wait for the others.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
from hypothesis import settings

from aggregate import Annotations

settings.register_profile("untimed", deadline=None)  # what a loaded machine takes is no failure
settings.load_profile("untimed")
pytest.register_assert_rewrite("tests.models.manners")

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


def data_folder() -> Path:
    """Return the folder of the real data sets: `AGGREGATE_TEST_DATA`, or beside the repository."""
    return Path(os.environ.get("AGGREGATE_TEST_DATA") or _BESIDE)


def require_data() -> Path:
    """Return the folder; skip without it, and fail where continuous integration lacks it."""
    folder = data_folder()
    if not folder.is_dir():
        message = f"no real data in {folder}; set AGGREGATE_TEST_DATA to their folder"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder


@cache
def load_real(name: str) -> tuple[Annotations, dict]:
    """Return the annotations and the truth {item: class} of a real data set."""
    import pandas as pd

    folder = require_data() / name
    votes = pd.read_csv(folder / "annotations.csv", keep_default_na=False)
    truth = {}
    if (folder / "truth.csv").exists():
        known = pd.read_csv(folder / "truth.csv", keep_default_na=False)
        truth = dict(zip(known["task"], known["label"], strict=True))
    columns = (votes["task"], votes["worker"], votes["label"])
    return Annotations.from_columns(*columns), truth


@pytest.fixture
def real():
    """Return `load_real`, which skips where the data are missing."""
    require_data()
    return load_real
