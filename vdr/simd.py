"""Dot products of bytes, eight vectors at a time, by the instruction that x86 processors since 2019 have for it.

Types and functions for numba code. `vpdpbusd` (AVX-512 VNNI or AVX-VNNI) adds, in each of eight lanes of 32 bits, the
four products of unsigned with signed bytes; compilers do not find it by themselves. Where a processor lacks it,
`available` says so, and nothing else of this may be compiled.
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


lanes = _Lanes()
"""Numba's type of eight whole numbers of 32 bits, each also four bytes."""


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind) -> None:
        super().__init__(manager, kind, _INTS)


@intrinsic
def load(_context, array, index):
    """Read lanes from an array, from an index on."""

    def generate(context, builder, signature, arguments):
        return _read(builder, _at(context, builder, signature, arguments, 0, _INTS), 1)

    return lanes(array, index), generate


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
    """Write the larger of what a float32 array has there and lanes times a float32 factor."""

    def generate(context, builder, signature, arguments):
        place = _at(context, builder, signature, arguments, 0, _FLOATS)
        before = _read(builder, place, 4)
        values = builder.fmul(builder.sitofp(arguments[2], _FLOATS), _splat(builder, arguments[3], _FLOATS))
        larger = builder.select(builder.fcmp_ordered(">", values, before), values, before)
        builder.store(larger, place, align=4)
        return context.get_dummy_value()

    return types.void(best, index, lanes, factor), generate


def _at(context, builder, signature, arguments, which, kind):
    array = context.make_array(signature.args[which])(context, builder, arguments[which])
    return builder.bitcast(builder.gep(array.data, [arguments[which + 1]]), kind.as_pointer())


def _read(builder, place, align):
    return builder.load(place, align=align)


def _splat(builder, value, kind):
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(_INT, 0))
    return builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), ir.Constant(_INTS, [0] * LANES))
