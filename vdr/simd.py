"""Eight numbers side by side for numba code: dot products of floats, and of whole numbers where that is faster.

In each of eight lanes of 32 bits `vpdpbusd` (AVX-512 VNNI or AVX-VNNI, in x86 processors since 2019) adds the four
products of unsigned with signed bytes, and `vpmaddwd` (AVX2, since 2013) the two of numbers of 16 bits; compilers do
not find them by themselves. `number_size` says which of them a processor has. Compiled without
them, the same is computed slowly. The rest is for any processor.
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
def number_size() -> int:
    """Return how many bytes a number takes whose products are added fastest here: 1, 2, or 4, which are a float's."""
    return 1 if _multiplies_bytes() else 2 if _has("avx2") else 4


def _multiplies_bytes() -> bool:
    return _has("avxvnni") or _has("avx512vnni", "avx512vl")


def _has(*features: str) -> bool:
    """Say whether this processor has instructions, and numba compiles, and for this processor."""
    if config.CPU_NAME or config.CPU_FEATURES or config.DISABLE_JIT:
        return False
    known = llvm.get_host_cpu_features() if platform.machine().lower() in ("x86_64", "amd64") else {}
    return all(known.get(feature) for feature in features)


class _Lanes(types.Type):
    def __init__(self, bits: int) -> None:
        super().__init__(f"Lanes{bits}")
        self.bits = bits


class _FloatLanes(types.Type):
    def __init__(self) -> None:
        super().__init__("FloatLanes")


lanes, float_lanes = _Lanes(32), _FloatLanes()
"""Numba's types of eight whole numbers of 32 bits, and of eight float32."""
_SMALL = {types.int8: _Lanes(8), types.int16: _Lanes(16)}
"""Eight times four bytes, or two numbers of 16 bits."""


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
    """Read lanes from an array, from an index on; they are of its type."""
    found, kind = (float_lanes, _FLOATS) if array.dtype == types.float32 else (_SMALL.get(array.dtype, lanes), _INTS)

    def generate(context, builder, signature, arguments):
        return _read(builder, _at(context, builder, signature, arguments, 0, kind), 1)

    return found(array, index), generate


@intrinsic
def repeat(_context, array, index):
    """Read four bytes, or two numbers of 16 bits, into every lane."""

    def generate(context, builder, signature, arguments):
        return _splat(builder, _read(builder, _at(context, builder, signature, arguments, 0, _INT), 1), _INTS)

    return _SMALL[array.dtype](array, index), generate


@intrinsic
def make_ready(_context, array, index, target, target_index):
    """Write 32 signed bytes as `add_products` takes them on its left, into an array of bytes or of 16 bits.

    Bytes have 128 added, which makes them unsigned.
    """

    def generate(context, builder, signature, arguments):
        if signature.args[2].dtype == types.int8:
            signed = _read(builder, _at(context, builder, signature, arguments, 0, _INTS), 1)
            numbers, kind = builder.xor(signed, _SIGN_BITS), _INTS
        else:
            bytes_, kind = ir.VectorType(ir.IntType(8), 4 * LANES), ir.VectorType(ir.IntType(16), 4 * LANES)
            numbers = builder.sext(_read(builder, _at(context, builder, signature, arguments, 0, bytes_), 1), kind)
        builder.store(numbers, _at(context, builder, signature, arguments, 2, kind), align=1)
        return context.get_dummy_value()

    return types.void(array, index, target, target_index), generate


@intrinsic
def add_products(_context, sums, left, right):
    """Add to each lane the products of its four unsigned with its four signed bytes, or of its two pairs of 16 bits."""

    def generate(_context, builder, signature, arguments):
        total, left, right = arguments
        bits = signature.args[1].bits
        if bits == 8 and _multiplies_bytes():
            kind = ir.FunctionType(_INTS, [_INTS] * 3)
            return builder.call(builder.module.declare_intrinsic("llvm.x86.avx512.vpdpbusd.256", (), kind), arguments)
        small = ir.VectorType(ir.IntType(bits), LANES * 32 // bits)
        left, right = builder.bitcast(left, small), builder.bitcast(right, small)
        if bits == 16 and _has("avx2"):
            kind = ir.FunctionType(_INTS, [small] * 2)
            multiply = builder.module.declare_intrinsic("llvm.x86.avx2.pmadd.wd", (), kind)
            return builder.add(total, builder.call(multiply, [left, right]))
        several, wide = 32 // bits, ir.VectorType(_INT, LANES * 32 // bits)
        widen = builder.zext if bits == 8 else builder.sext
        products = builder.mul(widen(left, wide), builder.sext(right, wide))
        for first in range(several):
            which = ir.Constant(_INTS, list(range(first, several * LANES, several)))
            total = builder.add(total, builder.shuffle_vector(products, ir.Constant(wide, ir.Undefined), which))
        return total

    return lanes(sums, left, right), generate


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
