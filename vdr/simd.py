"""Eight numbers side by side for numba code: dot products of floats, and of bytes where the processor is made for it.

`vpdpbusd` (AVX-512 VNNI or AVX-VNNI, in x86 processors since 2019) adds, in each of eight lanes of 32 bits, the four
products of unsigned with signed bytes; compilers do not find it by themselves. Where a processor lacks it, `available`
says so, and `add_products` may not be compiled. The rest is for any processor.
"""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import platform
from functools import cache

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic, models, register_model

LANES = 8
"""Numbers of 32 bits side by side."""

_INT, _FLOAT = ir.IntType(32), ir.FloatType()
_INTS, _FLOATS = ir.VectorType(_INT, LANES), ir.VectorType(_FLOAT, LANES)
_SIGN_BITS = ir.Constant(_INTS, [-0x7F7F7F80] * LANES)


@cache
def available() -> bool:
    """Say whether this processor has the instruction, and numba compiles, and for this processor."""
    elsewhere = config.CPU_NAME or config.CPU_FEATURES or config.DISABLE_JIT
    if elsewhere or platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    has = llvm.get_host_cpu_features()
    return bool(has.get("avxvnni") or (has.get("avx512vnni") and has.get("avx512vl")))


class _Lanes(types.Type):
    def __init__(self) -> None:
        super().__init__("Lanes")


class _FloatLanes(types.Type):
    def __init__(self) -> None:
        super().__init__("FloatLanes")


lanes, float_lanes = _Lanes(), _FloatLanes()
"""Numba's types of eight whole numbers of 32 bits, each also four bytes, and of eight float32."""


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind) -> None:
        super().__init__(manager, kind, _INTS)


@register_model(_FloatLanes)
class _FloatLanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind) -> None:
        super().__init__(manager, kind, _FLOATS)


@intrinsic
def prefetch(_context, array, index):
    """Ask for the line of memory that holds an item of an array, which will be needed soon."""

    def generate(context, builder, signature, arguments):
        place = _at(context, builder, signature, arguments, 0, ir.IntType(8))
        kind = ir.FunctionType(ir.VoidType(), [place.type, _INT, _INT, _INT])
        asked = builder.module.declare_intrinsic("llvm.prefetch", (place.type,), kind)
        builder.call(asked, [place, *(ir.Constant(_INT, number) for number in (0, 3, 1))])  # to read, closest, data
        return context.get_dummy_value()

    return types.void(array, index), generate


@intrinsic
def add_multiples(_context, sums, values, factor):
    """Add to each of eight sums a value times the one float32 factor."""

    def generate(_context, builder, _signature, arguments):
        sums, values, factor = arguments
        products = builder.fmul(values, _splat(builder, factor, _FLOATS), flags=("fast",))
        return builder.fadd(sums, products, flags=("fast",))

    return float_lanes(sums, values, factor), generate


@intrinsic
def load(_context, array, index):
    """Read lanes from an array, from an index on: of floats if it is one of float32, else of whole numbers."""
    found, kind = (float_lanes, _FLOATS) if array.dtype == types.float32 else (lanes, _INTS)

    def generate(context, builder, signature, arguments):
        return _read(builder, _at(context, builder, signature, arguments, 0, kind), 1)

    return found(array, index), generate


@intrinsic
def repeat(_context, array, index):
    """Read four bytes into every lane."""

    def generate(context, builder, signature, arguments):
        return _splat(builder, _read(builder, _at(context, builder, signature, arguments, 0, _INT), 1), _INTS)

    return lanes(array, index), generate


@intrinsic
def unsigned(_context, array, index, target, target_index):
    """Write 32 signed bytes of an array with 128 added, which makes them unsigned, into another or the same."""

    def generate(context, builder, signature, arguments):
        signed = _read(builder, _at(context, builder, signature, arguments, 0, _INTS), 1)
        place = _at(context, builder, signature, arguments, 2, _INTS)
        builder.store(builder.xor(signed, _SIGN_BITS), place, align=1)
        return context.get_dummy_value()

    return types.void(array, index, target, target_index), generate


@intrinsic
def add_products(_context, sums, unsigned_bytes, signed_bytes):
    """Add to each lane the products of its four unsigned with its four signed bytes."""

    def generate(_context, builder, _signature, arguments):
        kind = ir.FunctionType(_INTS, [_INTS] * 3)
        return builder.call(builder.module.declare_intrinsic("llvm.x86.avx512.vpdpbusd.256", (), kind), arguments)

    return lanes(sums, unsigned_bytes, signed_bytes), generate


@intrinsic
def keep_largest(_context, best, index, sums, factor):
    """Write the larger of what a float32 array has there and lanes, of either type, times a float32 factor."""

    def generate(context, builder, signature, arguments):
        place = _at(context, builder, signature, arguments, 0, _FLOATS)
        before = _read(builder, place, 4)
        numbers = builder.sitofp(arguments[2], _FLOATS) if signature.args[2] == lanes else arguments[2]
        values = builder.fmul(numbers, _splat(builder, arguments[3], _FLOATS))
        larger = builder.select(builder.fcmp_ordered(">", values, before), values, before)
        builder.store(larger, place, align=4)
        return context.get_dummy_value()

    return types.void(best, index, sums, factor), generate


def _at(context, builder, signature, arguments, which, kind):
    array = context.make_array(signature.args[which])(context, builder, arguments[which])
    return builder.bitcast(builder.gep(array.data, [arguments[which + 1]]), kind.as_pointer())


def _read(builder, place, align):
    return builder.load(place, align=align)


def _splat(builder, value, kind):
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(_INT, 0))
    return builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), ir.Constant(_INTS, [0] * LANES))
