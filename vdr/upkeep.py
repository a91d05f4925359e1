"""Keeping a channel's index up to date, by whoever writes. Knows no query.

Documents are coded when they come. Centroids are trained anew when a corpus has outgrown them, which a write does only
where it brought a good part of the corpus itself, and `vdr optimize` else.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vdr import codes as coding
from vdr import index as indexing
from vdr import tables, vectors
from vdr.codes import Centroids
from vdr.index import Index, Manifest
from vdr.mapped import NOWHERE, Finder
from vdr.quantize import pack
from vdr.types import Floats
from vdr.vectors import Batch, Pin, Vectors

logger = logging.getLogger(__name__)

SAMPLE = 30
"""Vectors a centroid is trained on."""
REGROW = 4.0
"""Centroids are trained anew when there are so many times the vectors there were."""
DRIFT = 1.25
"""Or when they leave so many times the error they left at first."""
OF_A_UNIT = 50
"""Of them so many are of one unit."""


def update(kept: Vectors, live: Collection[str], *, fully: bool = False) -> None:
    """Bring a channel's index up to date; the caller holds the corpus for writing.

    Args:
        kept: The channel.
        live: The documents there are.
        fully: Train centroids anew if they no longer fit, drop the codes of former documents. Otherwise that is
            done only where this write itself brought a good part of the corpus.
    """
    folder, pin = kept.folder(), kept.pin()
    if folder is None or pin is None:
        return
    if kept.size() <= vectors.EXHAUSTIVE:
        indexing.remove(folder)
        return
    keeper = _Keeper(kept, folder, pin)
    index = kept.index() if indexing.read_manifest(folder, kept.identity()) else None
    if index is None:
        keeper.build(live)
        return
    new = set(live) - index.doc_ids
    dead = len(index.doc_ids - set(live)) > len(live)
    grown = index.manifest.growth > REGROW or index.manifest.drift > DRIFT
    if (grown or dead) and (fully or len(new) * 4 > len(live)):
        keeper.build(live)
    elif new:
        indexing.commit(folder, keeper.code(index.manifest, index.centroids, new))
        if grown:
            logger.info("%s: `vdr optimize` would make search faster", folder)
    if (index := kept.index()) is not None and index.mapped.gone:
        keeper.locate(index)


class _Keeper:
    """Writes the index of one channel.

    Args:
        kept: The channel.
        folder: Of its index.
        pin: How its vectors are kept.
    """

    def __init__(self, kept: Vectors, folder: Path, pin: Pin) -> None:
        self._kept, self._folder, self._pin = kept, folder, pin

    def build(self, live: Collection[str]) -> None:
        """Train centroids and code these documents."""
        n_vectors = max(1, self._kept.size() // (tables.bytes_a_vector(self._pin.choice) + 4))
        n = coding.how_many(n_vectors)
        sample = self._sample(n * SAMPLE)
        logger.info("%s: training %d centroids", self._folder, n)
        centroids, error = coding.train(sample, n)
        manifest = indexing.begin(self._folder, self._kept.identity(), self._pin.dim, centroids, n_vectors, error)
        indexing.commit(self._folder, self.code(manifest, centroids, set(live)))

    def _sample(self, count: int) -> Floats:
        """Return about `count` vectors of units from all over the table."""
        random = np.random.default_rng(0)
        parts = []
        units = min(max(count // OF_A_UNIT, 1), self._kept.rows())
        each = -(-count // units)
        for batch in self._kept.sample(units):
            for begin, end in pairwise(batch.offsets.tolist()):
                chosen = begin + random.permutation(end - begin)[:each]
                parts.append(batch.quantized.numbers[chosen] * batch.quantized.scales[chosen, None])
        return np.concatenate(parts)[:count]

    def code(self, manifest: Manifest, centroids: Centroids, doc_ids: set[str]) -> Manifest:
        """Append documents; return the manifest that counts them, to commit."""
        without = set(doc_ids)
        finder = Finder(indexing.data_folder(self._folder), manifest.files)
        manifest = replace(manifest, files=tuple(finder.files))
        for read in self._kept.read(doc_ids):
            if (chosen := vectors.of(*read, doc_ids)) is None:
                continue
            owners, batch = chosen
            numbers, scales = batch.quantized.numbers, batch.quantized.scales
            coded, error = coding.encode(numbers * scales[:, None], batch.offsets, centroids)
            units = list(zip(owners, _pages(batch), strict=True))
            spots, counts = self._spots(finder, batch), np.diff(batch.offsets)
            manifest = indexing.append(self._folder, manifest, units, coded, scales, counts, spots, error)
            without.difference_update(owners)
        if without:
            rows = [(doc_id, indexing.NO_PAGE) for doc_id in sorted(without)]
            manifest = indexing.append(self._folder, manifest, rows, None)
        return manifest

    def locate(self, index: Index) -> None:
        """Look for all units again, after a compaction."""
        finder = Finder(indexing.data_folder(self._folder), (), again=True)
        names = index.doc_of(np.arange(len(index.pages)))
        number = {unit: at for at, unit in enumerate(zip(names, index.pages.tolist(), strict=True))}
        spots = np.full(len(index.pages), NOWHERE)
        for owners, batch in self._kept.read(None):
            for unit, spot in zip(zip(owners, _pages(batch), strict=True), self._spots(finder, batch), strict=True):
                if unit in number:
                    spots[number[unit]] = spot
        indexing.commit(self._folder, indexing.locate(self._folder, index.manifest, spots, finder.files))

    def _spots(self, finder: Finder, batch: Batch) -> NDArray[np.void]:
        """Return where each unit of a batch is."""
        packed = pack(batch.quantized, self._pin.bits)
        return np.array([finder.find(packed[first:last]) for first, last in pairwise(batch.offsets.tolist())])


def _pages(batch: Batch) -> list[int]:
    return [int(key.rpartition(":")[2]) for key in batch.keys]
