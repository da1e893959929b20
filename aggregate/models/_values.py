"""Values of parameters and attributes as JSON and plain arrays, and back, the types kept.

Scalars and strings stand in the JSON as they are; everything else is an object with one key
that says what it is. Only what is listed here can be written, and reading can make nothing
else: there is no name of a class or function in a file that would be looked up, but for the
package's own estimators (see `_saving`) and the few tuples below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from aggregate._validation import first_few
from aggregate.io.archive import Arrays
from aggregate.models._em import State
from aggregate.models._online import Known, Stream
from aggregate.models.bayesian._subtypes import Logs

_PLAIN: Final = (bool, int, float, str, type(None))
_TUPLES: Final[dict[str, Any]] = {made.__name__: made for made in (State, Logs, Stream, Known)}
_DATA_KINDS: Final = "biufUSMm"

Pack = Callable[[str, Any], Any]
Unpack = Callable[[Any], Any]


class CannotSaveError(TypeError):
    """A value has no form that a file without code could hold."""


def pack(name: str, value: Any, arrays: Arrays, other: Pack) -> Any:
    """Return a value as JSON; its arrays go to ``arrays`` under its name.

    Parameters
    ----------
    name : str
        What the value is called, in the file and in errors.
    value : object
    arrays : dict
        Filled.
    other : callable
        ``other(name, value)`` packs what is not known here, or raises `CannotSaveError`.
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, np.ndarray | np.generic):
        return _pack_array(name, value, arrays)
    if type(value).__name__ in _TUPLES and type(value) is _TUPLES[type(value).__name__]:
        fields = value._asdict().items()
        packed = {field: pack(f"{name}.{field}", part, arrays, other) for field, part in fields}
        return {"named": type(value).__name__, "fields": packed}
    if type(value) in (list, tuple):
        parts = [pack(f"{name}.{n}", part, arrays, other) for n, part in enumerate(value)]
        return {type(value).__name__: parts}
    if isinstance(value, Mapping):
        pairs = [
            [pack(f"{name}.{n}.key", key, arrays, other), pack(f"{name}.{n}", part, arrays, other)]
            for n, (key, part) in enumerate(value.items())
        ]
        return {"mapping": pairs}
    return other(name, value)


def _pack_array(name: str, value: Any, arrays: Arrays) -> Any:
    array = np.asarray(value)
    if array.dtype.kind in _DATA_KINDS:
        arrays[name] = array
        return {"array" if isinstance(value, np.ndarray) else "scalar": name}
    entries = array.ravel().tolist()
    strange = {type(entry).__name__ for entry in entries if type(entry) not in _PLAIN}
    if strange:
        raise CannotSaveError(
            f"{name} holds {first_few(sorted(strange))}, which a file without pickle cannot: use "
            "strings, numbers or NumPy dates for items, annotators and classes."
        )
    return {"objects": entries, "shape": list(array.shape)}


def unpack(packed: Any, arrays: Arrays, other: Unpack) -> Any:
    """Return the value that `pack` was given.

    Raises
    ------
    ValueError, KeyError, TypeError
        If the JSON says what `pack` never writes.
    """
    if type(packed) in _PLAIN:
        return packed
    if not isinstance(packed, dict):
        raise ValueError("a list stands where a value should")
    if "array" in packed:
        return arrays[packed["array"]]
    if "scalar" in packed:
        return arrays[packed["scalar"]][()]
    if "objects" in packed:
        flat = np.empty(len(packed["objects"]), dtype=object)
        flat[:] = [_plain(entry) for entry in packed["objects"]]
        return flat.reshape(packed["shape"])
    if "named" in packed:
        fields = packed["fields"].items()
        made = _TUPLES[packed["named"]]
        return made(**{name: unpack(part, arrays, other) for name, part in fields})
    if "list" in packed:
        return [unpack(part, arrays, other) for part in packed["list"]]
    if "tuple" in packed:
        return tuple(unpack(part, arrays, other) for part in packed["tuple"])
    if "mapping" in packed:
        pairs = packed["mapping"]
        return {unpack(k, arrays, other): unpack(part, arrays, other) for k, part in pairs}
    return other(packed)


def _plain(entry: Any) -> Any:
    if type(entry) not in _PLAIN:
        raise ValueError("an array of objects holds more than numbers and strings")
    return entry
