"""Fingerprints of what the outcome of a fit depends on, to tell one fit from another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from aggregate.annotations import Annotations
from aggregate.storage import release

Fingerprints = dict[str, str]

_AT_ONCE: Final = 1 << 24  # bytes hashed at once, so that a file's arrays stay on the disk


def votes_fingerprint(annotations: Annotations) -> str:
    """Return a fingerprint of who gave which item which label, the items' names aside."""
    parts = (
        annotations.item_ptr,
        annotations.annotator,
        annotations.label,
        annotations.annotators,
        annotations.classes,
    )
    return fingerprint(parts)


def fingerprint(value: Any) -> str:
    """Return a fingerprint of a parameter: equal values, in this process or another, agree.

    Examples
    --------
    >>> fingerprint({"a": [1, 2.5]}) == fingerprint({"a": [1, 2.5]})
    True
    >>> fingerprint(1) == fingerprint("1")
    False
    """
    digest = hashlib.blake2b(digest_size=16)
    _add(digest, value)
    return digest.hexdigest()


def _add(digest: Any, value: Any) -> None:
    """Feed a value to a digest, unambiguously."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        digest.update(f"array {value.dtype.str} {value.shape};".encode())
        _add_bytes(digest, value)
    elif isinstance(value, np.ndarray | list | tuple):
        entries = value.tolist() if isinstance(value, np.ndarray) else value
        digest.update(f"{type(value).__name__} {len(entries)};".encode())
        for entry in entries:
            _add(digest, entry)
    elif isinstance(value, Mapping):
        digest.update(f"mapping {len(value)};".encode())
        for key, entry in value.items():
            _add(digest, key)
            _add(digest, entry)
    elif isinstance(value, np.random.Generator):
        _add(digest, value.bit_generator.state)
    elif isinstance(value, np.generic):
        _add(digest, value.item())
    else:
        text = repr(value)
        digest.update(f"{type(value).__name__} {len(text)} {text};".encode())


def _add_bytes(digest: Any, array: NDArray[Any]) -> None:
    flat = array.reshape(-1) if array.flags.c_contiguous else np.ascontiguousarray(array).ravel()
    step = max(_AT_ONCE // max(flat.itemsize, 1), 1)
    for first in range(0, len(flat), step):
        digest.update(flat[first : first + step].tobytes())
        release(flat[first : first + step])


_NO_MATTER: Final = frozenset(
    {
        "annotator_correlation",
        "checkpoint",
        "checkpoint_every",
        "forget",
        "max_iter",
        "n_jobs",
        "ties",
        "unknown_annotators",
        "verbose",
    }
)
"""Parameters that EM itself does not see, or that only say how long it runs."""


def parameters_that_matter(model: BaseEstimator) -> dict[str, Any]:
    """Return the parameters of an estimator on which its fitted parameters depend."""
    parameters = model.get_params(deep=False)
    return {name: value for name, value in parameters.items() if name not in _NO_MATTER}


class Dependence(NamedTuple):
    """What the outcome of a fit depends on, beside the votes."""

    gold: NDArray[np.int32] | None
    history: Any
    previous: Any
    parameters: Mapping[str, Any]
    model: str

    def fingerprints(self, annotations: Annotations) -> Fingerprints:
        """Return the fingerprint of each, by the name a user knows it by."""
        parts: dict[str, Any] = {
            "model": self.model,
            "gold": self.gold,
            "history": self.history,
            "warm_start": self.previous,
            **self.parameters,
        }
        prints = {name: fingerprint(value) for name, value in parts.items()}
        return {"votes": votes_fingerprint(annotations), **prints}
