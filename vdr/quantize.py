"""Vectors as small whole numbers, and fewer of them. Pure functions over arrays; knows no storage and no page.

At 8 bits a number is an int8 times a scale of its vector: the ranking of float32 but for near ties, in a quarter of
the bytes. Vectors are first turned by a fixed rotation, after which their numbers are near to a normal distribution
whatever the encoder was. At 4, 2 and 1 bits each becomes the nearest of the 16, 4 or 2 levels that fit that
distribution best (Max, "Quantizing for minimum distortion", 1960). The scale makes a vector's product with itself
right (Gao & Long, RaBitQ, arXiv:2405.12497). Nothing is trained, so nothing grows stale as a corpus grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vdr.types import Floats

BITS = (8, 4, 2, 1)
POOLS = (1, 2, 3)
MANY = 64
"""Numbers of a vector from which it is rotated at 8 bits, too: one of them that is far larger than the rest, as some
encoders have, would leave few levels to the others."""
_HALF_LEVELS = {
    1: (0.7979,),
    2: (0.4528, 1.5104),
    4: (0.1284, 0.3881, 0.6568, 0.9424, 1.2562, 1.6181, 2.0690, 2.7326),
}
"""The positive reconstruction levels of the unit normal distribution; the negative ones mirror them."""


@dataclass(frozen=True, slots=True)
class Quantized:
    """Vectors as whole numbers: vector `i` is `numbers[i] * scales[i]`, maybe rotated (`to_space`).

    Attributes:
        numbers: `(n, dim)` int8.
        scales: `(n,)` float32.
    """

    numbers: NDArray[np.int8]
    scales: Floats

    def __len__(self) -> int:
        return len(self.numbers)


def bytes_a_vector(dim: int, bits: int) -> int:
    """Return how many bytes `pack` makes of a vector, its scale not counted."""
    return -(-dim * bits // 8)


def quantize(vectors: Floats, bits: int = 8) -> Quantized:
    """Quantize vectors `(n, dim)` of any length; a zero vector stays zero."""
    turned = to_space(vectors, bits)
    if bits == 8:
        return in_bytes(turned)
    spread = np.sqrt(np.maximum((turned * turned).mean(axis=1), np.float32(1e-30)))
    numbers = _levels(bits)[np.searchsorted(_borders(bits), turned / spread[:, None])]
    return Quantized(numbers, _scales(turned, numbers))


def in_bytes(vectors: Floats) -> Quantized:
    """Quantize vectors `(n, dim)` to 8 bits as they are, without turning them."""
    largest = np.abs(vectors).max(axis=1, initial=0)
    numbers = np.rint(vectors * (127 / np.maximum(largest, np.float32(1e-30)))[:, None]).astype(np.int8)
    return Quantized(numbers, _scales(vectors, numbers))


def pack(quantized: Quantized, bits: int) -> NDArray[np.uint8]:
    """Return the numbers as `(n, bytes_a_vector)`, several in a byte below 8 bits."""
    if bits == 8:
        return quantized.numbers.view(np.uint8)
    index = np.searchsorted(_levels(bits), quantized.numbers).astype(np.uint8)
    planes = (index[:, :, None] >> np.arange(bits, dtype=np.uint8)) & 1
    return np.packbits(planes.reshape(len(index), -1), axis=1)


def unpack(packed: NDArray[np.uint8], dim: int, bits: int) -> NDArray[np.int8]:
    """Undo `pack`: `(n, bytes_a_vector)` to `(n, dim)`."""
    if bits == 8:
        return packed.view(np.int8)
    planes = np.unpackbits(packed, axis=1, count=dim * bits).reshape(len(packed), dim, bits)
    index = (planes << np.arange(bits, dtype=np.uint8)).sum(axis=2, dtype=np.uint8)
    numbers: NDArray[np.int8] = _levels(bits)[index]
    return numbers


@lru_cache
def levels_of_bytes(bits: int) -> NDArray[np.int8]:
    """Return `(256, n)`: the numbers that a byte of `pack` holds, by its value."""
    several = 8 // bits
    return unpack(np.arange(256, dtype=np.uint8)[:, None], several, bits)


def to_space(vectors: Floats, bits: int, *, compiled: bool = False) -> Floats:
    """Return vectors, or a query, as they are compared at so many bits: rotated, but for 8 bits of few numbers.

    Args:
        vectors: `(n, dim)`.
        bits: That a number is kept in.
        compiled: By a kernel, which is sooner done with a few vectors, but takes some tenths of a second to load.
    """
    dim = vectors.shape[1]
    if not _is_rotated(dim, bits):
        return vectors
    if not compiled:
        turned: Floats = vectors @ _rotation(dim)
        return turned
    from vdr import kernels

    found = np.empty((len(vectors), dim), np.float32)
    kernels.product(np.ascontiguousarray(vectors, np.float32), _rotation(dim), found)
    return found


def dequantize(quantized: Quantized, bits: int) -> Floats:
    """Return vectors `(n, dim)` float32 as they were, but for what the quantization lost."""
    vectors: Floats = quantized.numbers * quantized.scales[:, None]
    if _is_rotated(vectors.shape[1], bits):
        vectors = vectors @ _rotation(vectors.shape[1]).T
    return vectors


def pool(vectors: Floats, factor: int) -> tuple[Floats, NDArray[np.intp]]:
    """Merge similar vectors of a unit until there are `factor` times fewer (Clavié et al., arXiv:2409.14683).

    Args:
        vectors: `(n, dim)`.
        factor: 1 leaves them as they are.

    Returns:
        `(ceil(n / factor), dim)` means of Ward's clusters, and for each the member nearest to it, whose place on the
        page it takes. They are in the order of these members.
    """
    wanted = -(-len(vectors) // factor)
    if factor == 1 or wanted >= len(vectors):
        return vectors, np.arange(len(vectors))
    from scipy.cluster.hierarchy import fcluster, linkage

    cluster = fcluster(linkage(vectors, "ward"), wanted, "maxclust") - 1
    sums = np.zeros((cluster.max() + 1, vectors.shape[1]), np.float32)
    np.add.at(sums, cluster, vectors)
    means = sums / np.bincount(cluster)[:, None].astype(np.float32)
    distance = ((vectors - means[cluster]) ** 2).sum(axis=1)
    order = np.lexsort((distance, cluster))
    nearest = order[np.unique(cluster[order], return_index=True)[1]]
    by_place = np.argsort(nearest)
    return means[by_place].astype(np.float32), nearest[by_place]


def _scales(vectors: Floats, numbers: NDArray[np.int8]) -> Floats:
    """Return the scales that make a vector's product with what is kept of it right."""
    along = np.einsum("nd,nd->n", vectors, numbers.astype(np.float32))
    return np.where(along > 0, (vectors * vectors).sum(axis=1) / np.maximum(along, 1e-30), 0).astype(np.float32)


@lru_cache
def _levels(bits: int) -> NDArray[np.int8]:
    half = np.array(_HALF_LEVELS[bits])
    levels = np.concatenate([-half[::-1], half])
    numbers: NDArray[np.int8] = np.rint(levels * (127 / half[-1])).astype(np.int8)
    return numbers


@lru_cache
def _borders(bits: int) -> Floats:
    half = np.array(_HALF_LEVELS[bits], np.float32)
    levels = np.concatenate([-half[::-1], half])
    borders: Floats = ((levels[1:] + levels[:-1]) / 2).astype(np.float32)
    return borders


def _is_rotated(dim: int, bits: int) -> bool:
    return bits != 8 or dim >= MANY


@lru_cache
def _rotation(dim: int) -> Floats:
    """Return a random rotation `(dim, dim)`, the same on every machine."""
    normal = np.random.default_rng(dim).normal(size=(dim, dim))
    turn, triangle = np.linalg.qr(normal)
    rotation: Floats = (turn * np.sign(np.diag(triangle))).astype(np.float32)
    return rotation
