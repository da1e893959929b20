"""The one place where Numba's options are chosen.

Fast-math stays off: the kernels meet zeros, infinities and empty items. Division follows
NumPy, so that 1/0 is an infinity to test for instead of an exception. Every kernel releases
the interpreter lock, so that blocks of items run in ordinary Python threads (`_blocks.py`):
no Numba threading layer is ever started, hence none can abort the process or survive a fork.

A cached kernel may call only helpers of its own file and the rows of ``_simd.py``: Numba's cache
notices a change of the file that holds the kernel, not of the files it inlines, and is told here
of the two that all kernels share. ``tests/test_jit.py`` enforces it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])

_CACHE = os.environ.get("AGGREGATE_NUMBA_CACHE", "1") == "1"
_SHARED = ("_jit.py", "_simd.py")


def kernel(function: Function) -> Function:
    """Compile an entry point on its first call and keep the machine code on disk.

    Where no cache folder can be written (a read-only installation without
    ``NUMBA_CACHE_DIR``), the kernel is compiled once per process instead.
    """
    dispatcher: Any = njit(nogil=True, error_model="numpy")(function)
    if _CACHE and hasattr(dispatcher, "enable_caching"):  # with the JIT off: a plain function
        try:
            dispatcher.enable_caching()
        except RuntimeError as error:
            if "no locator" not in str(error):
                raise
        _stamp_shared_files(dispatcher)
    return cast(Function, dispatcher)


def _stamp_shared_files(dispatcher: Any) -> None:
    """Make the cached code stale when a file that every kernel rests on has changed."""
    cache_file = getattr(dispatcher._cache, "_cache_file", None)
    if cache_file is not None:
        stats = [Path(__file__).with_name(name).stat() for name in _SHARED]
        shared = tuple((stat.st_mtime, stat.st_size) for stat in stats)
        cache_file._source_stamp = (cache_file._source_stamp, shared)


def helper(function: Function) -> Function:
    """Compile a function that only kernels of the same file call (never cached by itself)."""
    return cast(Function, njit(nogil=True, error_model="numpy")(function))
