"""A table row in a vector register: the arithmetic that Numba would not vectorise by itself.

A row of K numbers, K known at compile time, is one value of the LLVM type ``<K x double>``: the
compiler splits it over whatever registers the machine has. Loops over so few numbers are
otherwise unrolled into single loads and stores before the vectoriser sees them, which costs two
to five times the time of a pass. Every operation is the IEEE one, lane by lane, in a fixed
order: results do not depend on the machine's vector length.

Arrays are two-dimensional, C-contiguous and float64; nothing is checked. With the JIT off, rows
are small NumPy arrays.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.core.extending import intrinsic
from numba.extending import models, register_model


class Row(types.Type):
    """Numba's name for a vector of ``length`` doubles."""

    def __init__(self, length: int) -> None:
        self.length = length
        super().__init__(name=f"Row({length})")


@register_model(Row)
class RowModel(models.PrimitiveModel):
    """Its representation: an LLVM vector, which lives in registers."""

    def __init__(self, manager: Any, row: Row) -> None:
        super().__init__(manager, row, ir.VectorType(ir.DoubleType(), row.length))


_INT32 = ir.IntType(32)
_LONG = 16  # doubles, beyond which a row is summed by vectors


def _address(context: Any, builder: Any, signature: Any, arguments: Any, vector: Any) -> Any:
    """Return the pointer to ``array[row, column]`` as one to a vector."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    row = context.cast(builder, arguments[1], signature.args[1], types.uint64)
    column = context.cast(builder, arguments[2], signature.args[2], types.uint64)
    width = builder.extract_value(array.shape, 1)
    place = builder.gep(array.data, [builder.add(builder.mul(row, width), column)])
    return builder.bitcast(place, vector.as_pointer())


def _check(array: Any) -> None:
    if not (isinstance(array, types.Array) and (array.ndim, array.layout) == (2, "C")):
        raise TypingError(f"rows are taken from C-contiguous tables, not from {array}")


def _aligned(access: Any) -> Any:
    access.align = 8  # rows begin at any double
    return access


def _load(typing: Any, array: Any, row: Any, column: Any, unit: Any) -> Any:
    """Return ``array[row, column : column + len(unit)]``."""
    _check(array)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.DoubleType(), signature.return_type.length)
        return _aligned(builder.load(_address(context, builder, signature, arguments, vector)))

    return Row(len(unit))(array, row, column, unit), generate


def _store(typing: Any, array: Any, row: Any, column: Any, value: Any) -> Any:
    """Write a row to ``array[row, column:]``."""
    _check(array)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _address(context, builder, signature, arguments, arguments[3].type)
        _aligned(builder.store(arguments[3], place))
        return context.get_dummy_value()

    return types.void(array, row, column, value), generate


def _add_to(typing: Any, array: Any, row: Any, column: Any, value: Any) -> Any:
    """Add a row to ``array[row, column:]``."""
    _check(array)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _address(context, builder, signature, arguments, arguments[3].type)
        old = _aligned(builder.load(place))
        _aligned(builder.store(builder.fadd(old, arguments[3]), place))
        return context.get_dummy_value()

    return types.void(array, row, column, value), generate


def _prefetch(typing: Any, array: Any, row: Any, column: Any, unit: Any) -> Any:
    """Have the cache lines of ``array[row, column : column + len(unit)]`` fetched early.

    They go to the second cache, which has room for them until they are used.
    """
    _check(array)
    byte, width = ir.IntType(8).as_pointer(), len(unit)
    last = [width - 1] if 8 % width else []  # rows of 1, 2, 4 or 8 lie in a single line
    offsets = [*range(0, max(1, width - 2), 8), *last]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [byte, _INT32, _INT32, _INT32])
        ask = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        first = _address(context, builder, signature, arguments, ir.DoubleType())
        for offset in offsets:
            place = builder.bitcast(builder.gep(first, [_INT32(offset)]), byte)
            builder.call(ask, [place, _INT32(0), _INT32(2), _INT32(1)])
        return context.get_dummy_value()

    return types.void(array, row, column, unit), generate


def _multiply(typing: Any, one: Any, other: Any) -> Any:
    """Return the products of two rows' entries."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fmul(*arguments)

    return one(one, other), generate


def _add(typing: Any, one: Any, other: Any) -> Any:
    """Return the sums of two rows' entries."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments)

    return one(one, other), generate


def _scale(typing: Any, row: Any, factor: Any) -> Any:
    """Return a row times a number."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        nothing = ir.Constant(arguments[0].type, ir.Undefined)
        one = builder.insert_element(nothing, arguments[1], ir.Constant(_INT32, 0))
        all_first = ir.Constant(ir.VectorType(_INT32, row.length), [0] * row.length)
        return builder.fmul(arguments[0], builder.shuffle_vector(one, nothing, all_first))

    return row(row, types.float64), generate


def _eights(builder: Any, row: Any) -> Any:
    """Return a row's vectors of eight added up, the last one filled with zeros."""
    zero = ir.Constant(row.type, [0.0] * row.type.count)
    parts = []
    for first in range(0, row.type.count, 8):
        lanes = ir.Constant(ir.VectorType(_INT32, 8), list(range(first, first + 8)))
        parts.append(builder.shuffle_vector(row, zero, lanes))
    while len(parts) > 1:
        parts = [builder.fadd(parts[0], parts[1]), *parts[2:]]
    return parts[0]


def _total(typing: Any, row: Any) -> Any:
    """Return the sum of a row, neighbours first, then pairs, and so on; eights of long rows."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = arguments[0]
        if row.length > _LONG:
            value = _eights(builder, value)
        n_parts = value.type.count
        parts = [builder.extract_element(value, ir.Constant(_INT32, k)) for k in range(n_parts)]
        while len(parts) > 1:
            odd = parts[-1:] if len(parts) % 2 else []
            pairs = zip(parts[::2], parts[1::2], strict=False)
            parts = [builder.fadd(one, other) for one, other in pairs] + odd
        return parts[0]

    return types.float64(row), generate


def _plain_load(array: Any, row: Any, column: Any, unit: Any) -> Any:
    return array[row, column : column + len(unit)].copy()


def _plain_store(array: Any, row: Any, column: Any, value: Any) -> None:
    array[row, column : column + len(value)] = value


def _plain_prefetch(array: Any, row: Any, column: Any, unit: Any) -> None:
    pass


def _plain_add_to(array: Any, row: Any, column: Any, value: Any) -> None:
    array[row, column : column + len(value)] += value


def _plain_total(row: Any) -> float:
    return float(row.sum())


_OFF = bool(vars(numba.config)["DISABLE_JIT"])

load = _plain_load if _OFF else intrinsic(_load)
store = _plain_store if _OFF else intrinsic(_store)
add_to = _plain_add_to if _OFF else intrinsic(_add_to)
prefetch = _plain_prefetch if _OFF else intrinsic(_prefetch)
multiply = np.multiply if _OFF else intrinsic(_multiply)
add = np.add if _OFF else intrinsic(_add)
scale = np.multiply if _OFF else intrinsic(_scale)
total = _plain_total if _OFF else intrinsic(_total)
