"""Keeping a channel's index up to date, by whoever writes. Knows no query.

Documents are coded when they come. Centroids are trained anew when a corpus has outgrown them: by the write itself
where it brought a good part of the corpus, else beside it (`vdr.retrain`), while the old ones serve.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from vdr import codes as coding
from vdr import index_files as files
from vdr import tables, vectors
from vdr.codes import Centroids
from vdr.index import Index
from vdr.index_files import Manifest
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


def update(kept: Vectors, live: Collection[str], *, fully: bool = False) -> bool:
    """Bring a channel's index up to date; the caller holds the corpus for writing.

    Args:
        kept: The channel.
        live: The documents there are.
        fully: Train centroids anew if they no longer fit, drop the codes of former documents. Otherwise that is
            done only where this write itself brought a good part of the corpus.

    Returns:
        Whether the index should be made anew, by `renew` or by `fully`.
    """
    folder, pin = kept.folder(), kept.pin()
    if folder is None or pin is None:
        return False
    if kept.size() <= vectors.EXHAUSTIVE:
        files.remove(folder)
        return False
    keeper = _Keeper(kept, folder, pin)
    index = kept.index() if files.read_manifest(folder, kept.identity()) else None
    if index is None:
        files.commit(folder, keeper.build(folder, live))
        return False
    new, outgrown = set(live) - index.doc_ids, _outgrown(index, live)
    if outgrown and (fully or len(new) * 4 > len(live)):
        files.commit(folder, keeper.build(folder, live))
        return False
    if new:
        files.commit(folder, keeper.code(folder, index.manifest, index.centroids, new))
    keeper.locate_if_gone()
    index = kept.index()
    return index is not None and _outgrown(index, live)


def renew(kept: Vectors, live: Callable[[], Collection[str]], lock: Callable[[], AbstractContextManager[None]]) -> bool:
    """Make a channel's index anew beside the one that serves, and put it in its place, if the corpus outgrew that.

    Args:
        kept: The channel.
        live: Tells the documents there are.
        lock: Holds the corpus for writing: at the end, to code what came meanwhile and to change places.

    Returns:
        Whether it was made anew: not where there is no need, or another process is at it.
    """
    folder, pin = kept.folder(), kept.pin()
    index = kept.index()
    if folder is None or pin is None or index is None or not _outgrown(index, live()):
        return False
    try:
        with FileLock(folder / "renewing.lock", timeout=0):
            keeper, beside = _Keeper(kept, folder, pin), folder / "next"
            files.remove(beside)  # what one that was interrupted left
            known = set(live())
            manifest = keeper.build(beside, known)
            with lock():
                if came := set(live()) - known:
                    manifest = keeper.code(beside, manifest, files.read_centroids(beside, manifest), came)
                files.move(beside, folder, manifest)
                keeper.locate_if_gone()
            files.remove(beside)
            return True
    except Timeout:
        logger.info("%s: another process is making it anew", folder)
        return False


def _outgrown(index: Index, live: Collection[str]) -> bool:
    """Whether centroids fit no longer, or most codes are of former documents."""
    dead = len(index.doc_ids - set(live)) > len(live)
    return dead or index.manifest.growth > REGROW or index.manifest.drift > DRIFT


class _Keeper:
    """Writes the index of one channel.

    Args:
        kept: The channel.
        folder: Of its index.
        pin: How its vectors are kept.
    """

    def __init__(self, kept: Vectors, folder: Path, pin: Pin) -> None:
        self._kept, self._folder, self._pin = kept, folder, pin

    def build(self, folder: Path, live: Collection[str]) -> Manifest:
        """Train centroids and code these documents in a folder; return the manifest that counts them, to commit."""
        n_vectors = max(1, self._kept.size() // (tables.bytes_a_vector(self._pin.choice) + 4))
        n = coding.how_many(n_vectors)
        sample = self._sample(n * SAMPLE)
        logger.info("%s: training %d centroids", self._folder, n)
        centroids, error = coding.train(sample, n)
        manifest = files.begin(folder, self._kept.identity(), self._pin.dim, centroids, n_vectors, error)
        return self.code(folder, manifest, centroids, set(live))

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

    def code(self, folder: Path, manifest: Manifest, centroids: Centroids, doc_ids: set[str]) -> Manifest:
        """Append documents to the files in a folder; return the manifest that counts them, to commit."""
        without = set(doc_ids)
        finder = Finder(files.data_folder(self._folder), manifest.files)
        manifest = replace(manifest, files=tuple(finder.files))
        for read in self._kept.read(doc_ids):
            if (chosen := vectors.of(*read, doc_ids)) is None:
                continue
            owners, batch = chosen
            numbers, scales = batch.quantized.numbers, batch.quantized.scales
            coded, error = coding.encode(numbers * scales[:, None], batch.offsets, centroids)
            units = list(zip(owners, _pages(batch), strict=True))
            manifest = files.append(folder, manifest, units, coded, scales, self._spots(finder, batch), error)
            without.difference_update(owners)
        if without:
            rows = [(doc_id, files.NO_PAGE) for doc_id in sorted(without)]
            manifest = files.append(folder, manifest, rows, None)
        return files.turn_round(folder, manifest)

    def locate_if_gone(self) -> None:
        """Look for all units again after a compaction."""
        index = self._kept.index()
        if index is None or not index.mapped.gone:
            return
        finder = Finder(files.data_folder(self._folder), (), again=True)
        names = index.doc_of(np.arange(len(index.pages)))
        number = {unit: at for at, unit in enumerate(zip(names, index.pages.tolist(), strict=True))}
        spots = np.full(len(index.pages), NOWHERE)
        for owners, batch in self._kept.read(None):
            for unit, spot in zip(zip(owners, _pages(batch), strict=True), self._spots(finder, batch), strict=True):
                if unit in number:
                    spots[number[unit]] = spot
        files.commit(self._folder, files.locate(self._folder, index.manifest, spots, finder.files))

    def _spots(self, finder: Finder, batch: Batch) -> NDArray[np.void]:
        """Return where each unit of a batch is."""
        packed = pack(batch.quantized, self._pin.bits)
        return np.array([finder.find(packed[first:last]) for first, last in pairwise(batch.offsets.tolist())])


def _pages(batch: Batch) -> list[int]:
    return [int(key.rpartition(":")[2]) for key in batch.keys]
