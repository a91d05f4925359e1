"""The codes of a channel as a search reads them: derived data, mapped into memory, checked. Knows no database.

A folder that does not fit what is asked for, or whose files are too short, is not an index. The codes of a unit never
change: a replaced document has another `doc_id`. Which documents there are is said by the corpus alone, at every
search. What the files are is told in `vdr.index_files`.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vdr import codes as coding
from vdr import index_files as files
from vdr.codes import Centroids, Codes, Lists
from vdr.index_files import NO_PAGE, Manifest
from vdr.mapped import SPOT, Mapped

logger = logging.getLogger(__name__)


class Index:
    """An index as it is read.

    Attributes:
        manifest: What it is of.
        centroids: Of its generation.
        codes: Of all its units, mapped from disk; their offsets are those of `scales`, too.
        lists: The same units by centroid: whole blocks mapped from disk, the rest in memory.
        pages: `(n_units,)` the page of each unit.
        spots: `(n_units,)` where their numbers are in `mapped`.
        scales: Of all their vectors.
        mapped: The table's data files.
        runs: The document of each run of units, and where runs begin: `(n_runs + 1,)`.
    """

    def __init__(self, folder: Path, manifest: Manifest, before: Index | None = None) -> None:
        self.manifest = manifest
        same = before is not None and before.manifest.generation == manifest.generation
        self.centroids: Centroids = (
            before.centroids if before is not None and same else files.read_centroids(folder, manifest)
        )
        units = files.mapped(folder, manifest, "units", files.UNIT, manifest.units)
        ids = files.mapped(folder, manifest, "ids", files.ID, manifest.vectors)
        self.codes = Codes(ids, np.concatenate([[0], np.cumsum(units["vectors"], dtype=np.int64)]))
        self.spots = files.mapped(folder, manifest, files.spots_name(manifest), SPOT, manifest.units)
        self.scales = files.mapped(folder, manifest, "scales", files.SCALE, manifest.vectors)
        known = before.mapped if before is not None else None
        self.mapped: Mapped = Mapped(files.data_folder(folder), manifest.files, known)
        self.pages = np.array(units["page"])
        names = np.array(units["doc_id"])
        begins = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]])) if len(names) else np.zeros(0, int)
        self.runs: tuple[list[str], NDArray[np.int64]] = (
            [name.decode() for name in names[begins].tolist()],
            np.concatenate([begins, [len(names)]]).astype(np.int64),
        )
        self.doc_ids = frozenset(self.runs[0])
        self._last: tuple[Collection[str], NDArray[np.int64]] | None = None
        self.lists: list[Lists] = files.read_lists(folder, manifest)
        if (begin := manifest.blocks * coding.BLOCK) < len(self.codes):
            self.lists.append(coding.make_lists(self.codes, begin, len(self.codes), manifest.centroids))

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


def read(folder: Path, of: str, before: Index | None = None) -> Index | None:
    """Return the index in a folder, or None if there is none of this.

    Args:
        folder: Where.
        of: What it must be of.
        before: What an earlier call returned; of it is kept what still holds.
    """
    for last in (False, True):
        manifest = files.read_manifest(folder, of)
        if manifest is None or (before is not None and manifest == before.manifest):
            return before if manifest is not None else None
        try:
            return Index(folder, manifest, before)
        except (OSError, ValueError, KeyError) as error:
            if not last and manifest != files.read_manifest(folder, of):
                continue  # another generation has just taken its place
            told = f"{folder} is no usable index ({error}); every page is scored instead. Run `vdr optimize`."
            logger.warning("%s", told)
            return None
    return None
