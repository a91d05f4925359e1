"""What an encoder server and its client send each other. Knows bytes and arrays; no HTTP library and no model.

Everything that is not JSON is the safetensors format: named arrays, and nothing that could be executed.

| request | body | answer |
|---|---|---|
| `GET /health` | | `{"status": "ok"}`, to anyone |
| `GET /encoder` | | JSON: `protocol`, `channel`, `name`, `dim`, `fingerprint` |
| `POST /query` | JSON `{"text": ...}` | `tokens` (JSON as bytes), `token_of`, `vectors`; `floor` |
| `POST /texts` | JSON `{"texts": [...]}` | `counts`, `vectors`, `words` |
| `POST /pages` | `sizes` (width, height); RGB bytes as `0`, `1`, ...: zstd | as texts, with `boxes`; `read`, `places` |

Vectors travel as float32, so a server's are the very ones that the encoder makes. Answers carry the encoder's
fingerprint in a header; errors are JSON, `{"error": ..., "kind": ...}`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vdr.types import MultiVector, QueryVectors, Reading

PROTOCOL = 2
"""Raised by any change that an older client or server would misread."""
TOKEN_VARIABLE = "VDR_ENCODER_TOKEN"  # noqa: S105  the name of a variable, no secret
FINGERPRINT_HEADER = "vdr-encoder-fingerprint"
MAX_BYTES = 256 << 20
"""What one request may hold, in bytes: its body, and its images once decoded."""


def pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return named arrays as safetensors bytes."""
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def unpack(data: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of safetensors bytes.

    Raises:
        ValueError: They are none.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(data)
    except SafetensorError as error:
        raise ValueError(f"not safetensors: {error}") from error


def image_bytes(image: Image.Image) -> int:
    """Return the bytes of an image, decoded to RGB."""
    return image.width * image.height * 3


def pack_pages(images: Sequence[Image.Image]) -> bytes:
    """Return images as bytes, lossless: smaller than PNG of a page and six times as fast."""
    pages = [
        np.frombuffer(_zstd().compress(image.convert("RGB").tobytes(), asbytes=True), np.uint8) for image in images
    ]
    sizes = np.array([image.size for image in images], np.int32)
    return pack({"sizes": sizes, **{str(index): page for index, page in enumerate(pages)}})


def unpack_pages(data: bytes) -> list[Image.Image]:
    """Return the RGB images of `pack_pages`.

    Raises:
        ValueError: They are none, or hold more than `MAX_BYTES` once decoded.
    """
    arrays = unpack(data)
    try:
        sizes: list[tuple[int, int]] = [(width, height) for width, height in arrays["sizes"].tolist()]
        if any(width < 1 or height < 1 for width, height in sizes):
            raise ValueError("a page has no pixels")
        if sum(width * height * 3 for width, height in sizes) > MAX_BYTES:
            raise ValueError(f"the pages hold more than {MAX_BYTES >> 20} MiB once decoded")
        images = []
        for index, (width, height) in enumerate(sizes):
            pixels = _zstd().decompress(
                arrays[str(index)].tobytes(), decompressed_size=width * height * 3, asbytes=True
            )
            images.append(Image.frombytes("RGB", (width, height), pixels))
        return images
    except (KeyError, OSError, TypeError) as error:  # OSError: damaged, or not of the size it claims
        raise ValueError(f"not pages: {error}") from error


def pack_units(units: Sequence[MultiVector]) -> bytes:
    """Return the vectors of units, with their boxes or words, as bytes."""
    arrays: dict[str, NDArray[Any]] = {
        "counts": np.array([len(unit.vectors) for unit in units], np.int32),
        "vectors": np.concatenate([unit.vectors for unit in units]),
    }
    boxes = [unit.boxes for unit in units if unit.boxes is not None]
    words = [unit.words for unit in units if unit.words is not None]
    assert len(boxes) in (0, len(units)) and len(words) in (0, len(units)), "units of one encoder are alike"
    if boxes:
        arrays["boxes"] = np.concatenate(boxes)
    if words:
        arrays["words"] = np.concatenate(words)
    read = [unit.reading for unit in units if unit.reading is not None]
    if len(read) == len(units):
        arrays["read"] = np.frombuffer(json.dumps([reading.words for reading in read]).encode(), np.uint8)
        arrays["places"] = np.concatenate([reading.boxes for reading in read])
    return pack(arrays)


def unpack_units(data: bytes) -> list[MultiVector]:
    """Return the units of `pack_units`.

    Raises:
        ValueError: They are none.
    """
    arrays = unpack(data)
    try:
        cuts = np.cumsum(arrays["counts"])
        stacked = {name: arrays[name] for name in ("vectors", "boxes", "words") if name in arrays}
        if any(len(array) != cuts[-1] for array in stacked.values()):
            raise ValueError("the vectors do not add up")
        parts = {name: np.split(array, cuts[:-1]) for name, array in stacked.items()}
        readings = _readings(arrays) if "read" in arrays else [None] * len(cuts)
        return [
            MultiVector(**{name: part[index] for name, part in parts.items()}, reading=reading)
            for index, reading in zip(range(len(cuts)), readings, strict=True)
        ]
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError(f"not vectors of units: {error}") from error


def _readings(arrays: Mapping[str, NDArray[Any]]) -> list[Reading]:
    words = [tuple(map(str, own)) for own in json.loads(arrays["read"].tobytes())]
    ends = np.cumsum([len(own) for own in words])
    if len(arrays["places"]) != (ends[-1] if len(ends) else 0):
        raise ValueError("the words do not add up")
    places = np.split(arrays["places"], ends[:-1])
    return [Reading(own, boxes) for own, boxes in zip(words, places, strict=True)]


def pack_query(query: QueryVectors) -> bytes:
    """Return an encoded query as bytes."""
    tokens = np.frombuffer(json.dumps(query.tokens).encode(), np.uint8)
    floor = {} if query.floor is None else {"floor": np.array([query.floor])}
    return pack({"tokens": tokens, "token_of": query.token_of, "vectors": query.vectors, **floor})


def unpack_query(data: bytes) -> QueryVectors:
    """Return the query of `pack_query`.

    Raises:
        ValueError: It is none.
    """
    arrays = unpack(data)
    try:
        tokens = tuple(json.loads(arrays["tokens"].tobytes()))
        floor = float(arrays["floor"][0]) if "floor" in arrays else None
        return QueryVectors(tokens, arrays["token_of"], arrays["vectors"], floor)
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError(f"not an encoded query: {error}") from error


def _zstd() -> Any:
    from pyarrow import Codec

    return Codec("zstd", compression_level=3)
