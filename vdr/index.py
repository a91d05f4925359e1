"""The codes of a channel in a folder beside its tables: derived data, appended to, mapped into memory, checked.

Knows arrays and files, no database. `manifest.json` says what the folder is of and how far its files count; it is
replaced in one step, last, so a reader sees the state before a write or after it, and what an interrupted writer
appended is cut off by the next. A folder that does not fit what is asked for, or whose files are too short, is not an
index. The codes of a unit never change: a replaced document has another `doc_id`. Which documents there are is said
by the corpus alone, at every search.

| file | an item is |
|---|---|
| `units` | a unit: document, page, counts of the two below |
| `ids` | a centroid that a unit has |
| `scales` | a vector |
| `spots` | a unit: where its numbers are in the data files of the table; see `vdr.mapped` |
| `centroids.npz` | |

Files carry the name of a generation; training centroids anew begins another, and the old one serves until it is done.
"""

from __future__ import annotations

import json
import logging
import shutil
import uuid
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vdr import codes as coding
from vdr.codes import Centroids, Codes, Lists
from vdr.mapped import NOWHERE, SPOT, Mapped
from vdr.types import Floats

logger = logging.getLogger(__name__)

LAYOUT = 4
_UNIT = np.dtype([("doc_id", "S26"), ("page", "<i4"), ("ids", "<i4"), ("vectors", "<i4")])
_MANIFEST = "manifest.json"
NO_PAGE = 0
"""The page in the row of a document that has no vectors in this channel."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index is of, and how far its files count.

    Attributes:
        of: What it was made of: the corpus's identity, the encoder's fingerprint, the way vectors are kept.
        generation: Which centroids.
        dim: Numbers a vector has.
        units: Rows of `units`.
        ids: Items of `ids`.
        vectors: Items of `scales`.
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
    ids: int = 0
    vectors: int = 0
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


class Index:
    """An index as it is read.

    Attributes:
        manifest: What it is of.
        centroids: Of its generation.
        codes: Of all its units, mapped from disk.
        lists: The same units by centroid, in memory.
        pages: `(n_units,)` the page of each unit.
        spots: `(n_units,)` where their numbers are in `mapped`.
        begins: `(n_units + 1,)` where each unit's vectors begin in `scales`.
        scales: Of all their vectors.
        mapped: The table's data files.
        runs: The document of each run of units, and where runs begin: `(n_runs + 1,)`.
    """

    def __init__(self, folder: Path, manifest: Manifest, before: Index | None = None) -> None:
        self.manifest = manifest
        same = before is not None and before.manifest.generation == manifest.generation
        self.centroids: Centroids = (
            before.centroids if before is not None and same else _read_centroids(folder, manifest)
        )
        units = _map(folder, manifest, "units", _UNIT, manifest.units)
        ids = _map(folder, manifest, "ids", np.dtype("<u2"), manifest.ids)
        self.codes = Codes(ids, np.concatenate([[0], np.cumsum(units["ids"], dtype=np.int64)]))
        self.begins = np.concatenate([[0], np.cumsum(units["vectors"], dtype=np.int64)])
        self.spots = _map(folder, manifest, _spots(manifest), SPOT, manifest.units)
        self.scales = _map(folder, manifest, "scales", np.dtype("<f4"), manifest.vectors)
        self.mapped: Mapped = Mapped(data_folder(folder), manifest.files, before.mapped if before is not None else None)
        self.pages = np.array(units["page"])
        names = np.array(units["doc_id"])
        begins = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]])) if len(names) else np.zeros(0, int)
        self.runs: tuple[list[str], NDArray[np.int64]] = (
            [name.decode() for name in names[begins].tolist()],
            np.concatenate([begins, [len(names)]]).astype(np.int64),
        )
        self.doc_ids = frozenset(self.runs[0])
        self._last: tuple[Collection[str], NDArray[np.int64]] | None = None
        whole = before.manifest.units // coding.BLOCK if before is not None and same else 0
        kept = before.lists[:whole] if before is not None else []
        self.lists: list[Lists] = [*kept, *self._make_lists(whole * coding.BLOCK)]

    def _make_lists(self, begin: int) -> list[Lists]:
        firsts = range(begin, len(self.codes), coding.BLOCK)
        lasts = [min(first + coding.BLOCK, len(self.codes)) for first in firsts]
        n = len(self.centroids)
        return [coding.make_lists(self.codes, first, last, n) for first, last in zip(firsts, lasts, strict=True)]

    def of(self, doc_ids: Collection[str]) -> NDArray[np.int64]:
        """Return the units of these documents, rising."""
        if self._last is None or self._last[0] is not doc_ids:
            names, begins = self.runs
            chosen = np.fromiter((name in doc_ids for name in names), bool, len(names))
            units = np.flatnonzero(np.repeat(chosen, np.diff(begins)) & (self.pages != NO_PAGE))
            self._last = (doc_ids, units)
        return self._last[1]

    def at(self, pages: Mapping[str, Collection[int]]) -> NDArray[np.int64]:
        """Return the units that are these pages of documents, rising."""
        names, begins = self.runs
        runs = [(name, *begins[run : run + 2].tolist()) for run, name in enumerate(names) if name in pages]
        found = [first + np.flatnonzero(np.isin(self.pages[first:last], [*pages[name]])) for name, first, last in runs]
        return np.concatenate(found).astype(np.int64) if found else np.zeros(0, np.int64)

    def doc_of(self, units: NDArray[np.int64]) -> list[str]:
        """Return the document of each unit."""
        names, begins = self.runs
        return [names[run] for run in np.searchsorted(begins, units, side="right") - 1]


# --- reading ---------------------------------------------------------------------------------------------


def read(folder: Path, of: str, before: Index | None = None) -> Index | None:
    """Return the index in a folder, or None if there is none of this.

    Args:
        folder: Where.
        of: What it must be of.
        before: What an earlier call returned; of it is kept what still holds.
    """
    for last in (False, True):
        manifest = read_manifest(folder, of)
        if manifest is None or (before is not None and manifest == before.manifest):
            return before if manifest is not None else None
        try:
            return Index(folder, manifest, before)
        except (OSError, ValueError, KeyError) as error:
            if not last and manifest != read_manifest(folder, of):
                continue  # another generation has just taken its place
            told = f"{folder} is no usable index ({error}); every page is scored instead. Run `vdr optimize`."
            logger.warning("%s", told)
            return None
    return None


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


def _spots(manifest: Manifest) -> str:
    return f"spots-{manifest.spots}"


def _map(folder: Path, manifest: Manifest, name: str, kind: np.dtype, count: int) -> NDArray:  # type: ignore[type-arg]
    if count == 0:
        return np.zeros(0, kind)
    return np.memmap(folder / f"{manifest.generation}.{name}", kind, "r", shape=(count,))


def _read_centroids(folder: Path, manifest: Manifest) -> Centroids:
    with np.load(folder / f"{manifest.generation}.centroids.npz") as file:
        return Centroids(file["coarse"], file["fine"], file["starts"], file["reach"])


# --- writing ---------------------------------------------------------------------------------------------


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
    manifest = Manifest(of, uuid.uuid4().hex[:8], dim, trained_vectors=n_vectors, trained_error=error)
    with (folder / f"{manifest.generation}.centroids.npz").open("wb") as file:
        np.savez(file, coarse=centroids.coarse, fine=centroids.fine, starts=centroids.starts, reach=centroids.reach)
    return manifest


def append(
    folder: Path,
    manifest: Manifest,
    units: Sequence[tuple[str, int]],
    codes: Codes | None,
    scales: Floats | None = None,
    counts: NDArray[np.integer] | None = None,
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
        counts: `(n_units,)` how many vectors each has.
        spots: Where their numbers are; None for nowhere.
        error: Sum of squares of what the centroids leave of their vectors.
    """
    rows = np.zeros(len(units), _UNIT)
    rows["doc_id"] = [doc_id.encode() for doc_id, _ in units]
    rows["page"] = [page for _, page in units]
    known = np.full(len(units), NOWHERE) if spots is None else spots
    parts: Mapping[str, tuple[int, NDArray]] = {  # type: ignore[type-arg]
        "units": (manifest.units, rows),
        _spots(manifest): (manifest.units, known),
    }
    if codes is not None and scales is not None and counts is not None:
        rows["ids"], rows["vectors"] = np.diff(codes.offsets), counts
        parts = {
            **parts,
            "ids": (manifest.ids, codes.ids.astype("<u2")),
            "scales": (manifest.vectors, scales.astype("<f4")),
        }
    for name, (count, items) in parts.items():
        path = folder / f"{manifest.generation}.{name}"
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.seek(count * items.nbytes // max(len(items), 1) if len(items) else 0)
            if len(items):
                file.truncate()
                file.write(items.tobytes())
    return replace(
        manifest,
        units=manifest.units + len(rows),
        ids=manifest.ids + int(rows["ids"].sum()),
        vectors=manifest.vectors + int(rows["vectors"].sum()),
        error=manifest.error + error,
    )


def locate(folder: Path, manifest: Manifest, spots: NDArray[np.void], files: Sequence[str]) -> Manifest:
    """Write where all units are now; return the manifest that says so, to `commit`."""
    manifest = replace(manifest, files=tuple(files), spots=uuid.uuid4().hex[:8])
    (folder / f"{manifest.generation}.{_spots(manifest)}").write_bytes(spots.tobytes())
    return manifest


def commit(folder: Path, manifest: Manifest) -> None:
    """Make all that a manifest counts the index, in one step, and remove other generations."""
    partial = folder / f"{_MANIFEST}.partial"
    partial.write_text(json.dumps(asdict(manifest)), "utf-8")
    partial.replace(folder / _MANIFEST)
    for path in folder.iterdir():
        former = path.suffix.startswith(".spots-") and path.suffix != f".{_spots(manifest)}"
        if path.name != _MANIFEST and (former or not path.name.startswith(manifest.generation)):
            with suppress(OSError):  # where a reader has it open and that keeps it; the next commit tries again
                path.unlink()


def size(folder: Path) -> int:
    """Return the bytes of an index on disk; files that a writer is just replacing may be missing from it."""
    total = 0
    for file in folder.glob("*"):
        with suppress(FileNotFoundError):
            total += file.stat().st_size
    return total


def remove(folder: Path) -> None:
    """Remove an index; it can always be made again."""
    shutil.rmtree(folder, ignore_errors=True)
