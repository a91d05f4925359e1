"""The files of an index in a folder beside the tables: what they are, how they grow, how a write becomes valid.

Knows arrays and files, no database. `manifest.json` says what the folder is of and how far its files count; it is
replaced in one step, last, so a reader sees the state before a write or after it, and what an interrupted writer
appended is cut off by the next.

| file | an item is |
|---|---|
| `units` | a unit: document, page, how many vectors |
| `ids` | the centroid of a vector |
| `scales` | the scale of a vector |
| `spots` | a unit: where its numbers are in the data files of the table; see `vdr.mapped` |
| `lists` | a unit that a centroid has: `ids` turned round, for each whole block of units |
| `starts` | where each centroid's begin in `lists` |
| `centroids.npz` | |

Files carry the name of a generation; training centroids anew begins another, and the old one serves until it is done.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdr import codes as coding
from vdr.codes import Centroids, Codes, Lists
from vdr.mapped import NOWHERE
from vdr.types import Floats

LAYOUT = 5
UNIT = np.dtype([("doc_id", "S26"), ("page", "<i4"), ("vectors", "<i4")])
ID, SCALE, START = np.dtype("<u2"), np.dtype("<f4"), np.dtype("<i4")
NO_PAGE = 0
"""The page in the row of a document that has no vectors in this channel."""
_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index is of, and how far its files count.

    Attributes:
        of: What it was made of: the corpus's identity, the encoder's fingerprint, the way vectors are kept.
        generation: Which centroids.
        dim: Numbers a vector has.
        units: Rows of `units`.
        vectors: Items of `ids` and of `scales`.
        centroids: How many there are.
        blocks: Blocks of units that have lists.
        listed: Items of `lists`.
        error: Sum over the vectors of the squares of what the centroids leave.
        trained_vectors: Vectors there were when the centroids were trained.
        trained_error: What they left of a vector then, on average.
        files: Data files of the table that `spots` number.
        spots: Which file of spots; looking for units anew makes another.
        layout: Version of this description.
    """

    of: str
    generation: str
    dim: int
    units: int = 0
    vectors: int = 0
    centroids: int = 0
    blocks: int = 0
    listed: int = 0
    error: float = 0.0
    trained_vectors: int = 0
    trained_error: float = 0.0
    files: tuple[str, ...] = ()
    spots: str = "0"
    layout: int = LAYOUT

    @property
    def growth(self) -> float:
        """How many times the vectors there were at the training there are now."""
        return self.vectors / max(self.trained_vectors, 1)

    @property
    def drift(self) -> float:
        """How many times the error of the training the error is now."""
        return self.error / max(self.vectors, 1) / self.trained_error if self.trained_error > 0 else 1.0


def read_manifest(folder: Path, of: str) -> Manifest | None:
    """Return the manifest in a folder if it is of this and of this layout."""
    try:
        fields = json.loads((folder / _MANIFEST).read_text("utf-8"))
        manifest = Manifest(**{**fields, "files": tuple(fields.get("files", ()))})
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return manifest if (manifest.of, manifest.layout) == (of, LAYOUT) else None


def data_folder(folder: Path) -> Path:
    """Return where the data files are of the table that an index is of."""
    return folder.parent.parent / f"{folder.name}.lance" / "data"


def spots_name(manifest: Manifest) -> str:
    """Return the name of the file of spots that counts."""
    return f"spots-{manifest.spots}"


def mapped(folder: Path, manifest: Manifest, name: str, kind: np.dtype[Any], count: int) -> NDArray[Any]:
    """Return the first `count` items of a file, mapped into memory.

    Raises:
        OSError, ValueError: The file is not there, or shorter.
    """
    if count == 0:
        return np.zeros(0, kind)
    return np.memmap(folder / f"{manifest.generation}.{name}", kind, "r", shape=(count,))


def read_centroids(folder: Path, manifest: Manifest) -> Centroids:
    """Return the centroids of a generation."""
    with np.load(folder / f"{manifest.generation}.centroids.npz") as file:
        return Centroids(file["coarse"], file["fine"], file["starts"], file["reach"])


def read_lists(folder: Path, manifest: Manifest) -> list[Lists]:
    """Return the lists of all whole blocks, mapped into memory."""
    units = mapped(folder, manifest, "lists", ID, manifest.listed)
    width = manifest.centroids + 1
    starts = mapped(folder, manifest, "starts", START, manifest.blocks * width).reshape(-1, width)
    bounds = np.concatenate([[0], np.cumsum(starts[:, -1], dtype=np.int64)])
    return [
        Lists(own, units[first:last], coding.BLOCK)
        for own, first, last in zip(starts, bounds[:-1], bounds[1:], strict=True)
    ]


def begin(folder: Path, of: str, dim: int, centroids: Centroids, n_vectors: int, error: float) -> Manifest:
    """Write the centroids of a new generation, which is none until `commit`.

    Args:
        folder: Where; it is made.
        of: What the index will be of.
        dim: Numbers a vector has.
        centroids: Trained.
        n_vectors: Vectors there are now.
        error: What the centroids leave of a vector, on average.
    """
    folder.mkdir(parents=True, exist_ok=True)
    generation, n = uuid.uuid4().hex[:8], len(centroids)
    manifest = Manifest(of, generation, dim, centroids=n, trained_vectors=n_vectors, trained_error=error)
    with (folder / f"{manifest.generation}.centroids.npz").open("wb") as file:
        np.savez(file, coarse=centroids.coarse, fine=centroids.fine, starts=centroids.starts, reach=centroids.reach)
    return manifest


def append(
    folder: Path,
    manifest: Manifest,
    units: Sequence[tuple[str, int]],
    codes: Codes | None,
    scales: Floats | None = None,
    spots: NDArray[np.void] | None = None,
    error: float = 0.0,
) -> Manifest:
    """Write units behind those there are; return the manifest that counts them, to `commit`.

    Args:
        folder: Where.
        manifest: The last one.
        units: Document and page of each.
        codes: Theirs; None for documents without vectors, whose page is `NO_PAGE`.
        scales: Of their vectors.
        spots: Where their numbers are; None for nowhere.
        error: Sum of squares of what the centroids leave of their vectors.
    """
    rows = np.zeros(len(units), UNIT)
    rows["doc_id"] = [doc_id.encode() for doc_id, _ in units]
    rows["page"] = [page for _, page in units]
    known = np.full(len(units), NOWHERE) if spots is None else spots
    parts: Mapping[str, tuple[int, NDArray[Any]]] = {
        "units": (manifest.units, rows),
        spots_name(manifest): (manifest.units, known),
    }
    if codes is not None and scales is not None:
        rows["vectors"] = np.diff(codes.offsets)
        parts = {
            **parts,
            "ids": (manifest.vectors, codes.ids.astype(ID)),
            "scales": (manifest.vectors, scales.astype(SCALE)),
        }
    for name, (count, items) in parts.items():
        _write(folder, manifest, name, count, items)
    return replace(
        manifest,
        units=manifest.units + len(rows),
        vectors=manifest.vectors + int(rows["vectors"].sum()),
        error=manifest.error + error,
    )


def _write(folder: Path, manifest: Manifest, name: str, count: int, items: NDArray[Any]) -> None:
    """Write items behind the first `count` of a file, over what an interrupted writer left there."""
    if not len(items):
        return
    path = folder / f"{manifest.generation}.{name}"
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.seek(count * items.itemsize)
        file.truncate()
        file.write(items.tobytes())


def turn_round(folder: Path, manifest: Manifest) -> Manifest:
    """Write the lists of blocks that have become whole; return the manifest that counts them, to `commit`."""
    whole = manifest.units // coding.BLOCK
    if whole == manifest.blocks:
        return manifest
    counts = mapped(folder, manifest, "units", UNIT, manifest.units)["vectors"]
    offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    codes = Codes(mapped(folder, manifest, "ids", ID, manifest.vectors), offsets)
    for block in range(manifest.blocks, whole):
        first = block * coding.BLOCK
        lists = coding.make_lists(codes, first, first + coding.BLOCK, manifest.centroids)
        _write(folder, manifest, "lists", manifest.listed, lists.units.astype(ID))
        _write(folder, manifest, "starts", block * (manifest.centroids + 1), lists.starts.astype(START))
        manifest = replace(manifest, blocks=block + 1, listed=manifest.listed + len(lists.units))
    return manifest


def move(source: Path, folder: Path, manifest: Manifest) -> None:
    """Make a generation that was written in another folder the index of this one, in one step at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in source.glob(f"{manifest.generation}.*"):
        path.replace(folder / path.name)
    commit(folder, manifest)


def locate(folder: Path, manifest: Manifest, spots: NDArray[np.void], files: Sequence[str]) -> Manifest:
    """Write where all units are now; return the manifest that says so, to `commit`."""
    manifest = replace(manifest, files=tuple(files), spots=uuid.uuid4().hex[:8])
    (folder / f"{manifest.generation}.{spots_name(manifest)}").write_bytes(spots.tobytes())
    return manifest


def commit(folder: Path, manifest: Manifest) -> None:
    """Make all that a manifest counts the index, in one step, and remove other generations."""
    partial = folder / f"{_MANIFEST}.partial"
    partial.write_text(json.dumps(asdict(manifest)), "utf-8")
    partial.replace(folder / _MANIFEST)
    for path in folder.glob("*.*"):  # not what is being made beside it
        former = path.suffix.startswith(".spots-") and path.suffix != f".{spots_name(manifest)}"
        kept = path.name == _MANIFEST or path.suffix == ".lock"
        if not kept and (former or not path.name.startswith(manifest.generation)):
            with suppress(OSError):  # where a reader has it open and that keeps it; the next commit tries again
                path.unlink()


def size(folder: Path) -> int:
    """Return the bytes of an index on disk; files that a writer is just replacing may be missing from it."""
    total = 0
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += file.stat().st_size
    return total


def remove(folder: Path) -> None:
    """Remove an index; it can always be made again."""
    shutil.rmtree(folder, ignore_errors=True)
