"""A page encoder whose queries are written out as numbers, and documents of given vectors, through the real store.

The query "1,0,2/0,1,0" has two vectors; "unit:1,0,2/0,1,0" has them at unit length. Numbers left out are zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from vdr.store import Store, new_doc_id
from vdr.tables import EncodedUnit
from vdr.types import DocumentInfo, Floats, MultiVector, QueryVectors, Unit

DIM = 16


class ToyEncoder:
    name = "toy"
    dim = DIM
    fingerprint = "toy-1"

    def encode_query(self, text: str) -> QueryVectors:
        rows = [[float(number) for number in row.split(",")] for row in text.removeprefix("unit:").split("/")]
        vectors = np.array([row + [0.0] * (DIM - len(row)) for row in rows], np.float32)
        if text.startswith("unit:"):
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return QueryVectors((text,), np.zeros(len(vectors), np.int32), vectors)

    def encode_pages(self, images: Sequence[Image.Image]) -> list[MultiVector]:
        raise NotImplementedError("the tests bring their pages' vectors along")


def query_text(vectors: np.ndarray, unit: bool = False) -> str:
    """Return the query that has these vectors `(n, 16)`."""
    return "unit:" * unit + "/".join(",".join(f"{number:g}" for number in row) for row in vectors)


def add(store: Store, name: str, pages: Sequence[Floats], collection: str = "", text: str = "") -> None:
    """Add or replace a document whose pages have these vectors `(n, 16)` and this text."""
    doc_id = new_doc_id()
    units = [
        EncodedUnit(
            doc_id,
            name,
            Unit(number, text),
            {"visual": MultiVector(np.asarray(vectors, np.float32), boxes=np.zeros((len(vectors), 4), np.float32))},
        )
        for number, vectors in enumerate(pages, start=1)
    ]
    with store.writing():
        store.append(units, {"visual": ToyEncoder()})
        info = DocumentInfo(
            name=name,
            kind="pdf",
            pages=len(pages),
            image_only=0 if text else len(pages),
            unreadable=(),
            collection=collection,
            channels=("visual",),
            sha256="ab12",
            added_at="2026-01-02T03:04:05+00:00",
            source=f"/in/{name}",
        )
        store.complete({doc_id: info})
