"""The one place where Numba's options are chosen.

Fast-math stays off: the kernels meet zeros, infinities and empty items. Division follows
NumPy, so that 1/0 is an infinity to test for instead of an exception. Every kernel releases
the interpreter lock, so that blocks of items run in ordinary Python threads (`_blocks.py`):
no Numba threading layer is ever started, hence none can abort the process or survive a fork.

A cached kernel may call only helpers of its own file: Numba's cache notices a change of the
file that holds the kernel, not of the files it inlines. ``tests/test_jit.py`` enforces it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])

_CACHE = os.environ.get("AGGREGATE_NUMBA_CACHE", "1") == "1"


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
    return cast(Function, dispatcher)


def helper(function: Function) -> Function:
    """Compile a function that only kernels of the same file call (never cached by itself)."""
    return cast(Function, njit(nogil=True, error_model="numpy")(function))
