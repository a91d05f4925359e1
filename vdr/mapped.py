"""Vectors where LanceDB wrote them, mapped into memory: found once, checked, scored without a copy.

LanceDB keeps a unit's numbers as one run of bytes in an immutable file, after their length. Asking LanceDB for a few
dozen units costs more than scoring them, so for each unit it is noted in which file and where its numbers begin.
That is derived: whatever is not found in the files as LanceDB returned it is left to LanceDB, and so is everything
once a compaction has written new files, until they have been looked through.
"""

from __future__ import annotations

import logging
import mmap
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vdr.cores import spread
from vdr.maxsim import Asked, Near
from vdr.types import Floats

logger = logging.getLogger(__name__)

SPOT = np.dtype([("file", "<i4"), ("at", "<i8")])
"""Which of the files, -1 for none, and the byte where a unit's numbers begin."""
NOWHERE = np.array((-1, 0), SPOT)
FROM_DISK = 2 << 30
"""Bytes of files from which memory may not hold them: then the system is told beforehand what will be read of them."""
NEXT, WINDOW = 4 << 10, 64 << 20
"""Bytes behind one unit's numbers in which the next unit's are looked for, at first and at last."""


class Finder:
    """Finds units in data files; best asked for in the order in which they were written.

    Args:
        folder: Of the data files.
        known: Names of files whose units are known already; new files get the numbers behind them.
        again: Look through the known files, too.
    """

    def __init__(self, folder: Path, known: Sequence[str], *, again: bool = False) -> None:
        paths = sorted(folder.glob("*.lance"), key=lambda path: (path.stat().st_mtime_ns, path.name))
        present = [path.name for path in paths]  # as old as the rows are, so as they are read
        self.files = list(known) + [name for name in present if name not in known]
        searched = present if again else [name for name in present if name not in known]
        self._open = {self.files.index(name): _Bytes(folder / name) for name in searched}
        self._last = next(iter(self._open), -1)

    def find(self, packed: NDArray[np.uint8]) -> NDArray[np.void]:
        """Return where the packed numbers of a unit `(n, width)` are, `NOWHERE` if they are not found."""
        wanted = packed.tobytes()
        order = sorted(self._open, key=lambda file: (file < self._last, file))
        for window in (NEXT, WINDOW):
            for file in order:
                at = self._open[file].find(wanted, window)
                if at >= 0:
                    self._last = file
                    return np.array((file, at), SPOT)
        return NOWHERE


class _Bytes:
    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._at = 0

    def find(self, wanted: bytes, window: int) -> int:
        head = len(wanted).to_bytes(8, "little") + wanted[:64]
        at = self._map.find(head, self._at, self._at + window + len(head))
        if at < 0 or self._map[at + 8 : at + 8 + len(wanted)] != wanted:
            return -1
        self._at = at + 8 + len(wanted)
        return at + 8


class Mapped:
    """The data files of a table, mapped.

    Args:
        folder: Of the data files.
        files: Their names, as `Finder` has them; one that is gone has no units here.
        before: What was mapped earlier.
    """

    def __init__(self, folder: Path, files: Sequence[str], before: Mapped | None = None) -> None:
        self._folder = folder
        self._maps: dict[str, mmap.mmap | None] = {}
        for name in files:
            kept = before._maps.get(name) if before else None
            self._maps[name] = kept if kept is not None else _map(folder / name)
        self._numbered = [None if kept is None else np.frombuffer(kept, np.int8) for kept in self._maps.values()]
        self._from_disk = sum(len(kept) for kept in self._maps.values() if kept is not None) > FROM_DISK

    @property
    def gone(self) -> bool:
        """Whether a file is gone from the disk by now, as after a compaction; what was mapped before stays so."""
        return not all((self._folder / name).is_file() for name in self._maps)

    def maxsim(
        self,
        asked: Asked,
        spots: NDArray[np.void],
        scales: Floats,
        firsts: NDArray[np.integer],
        counts: NDArray[np.integer],
        near: Near,
    ) -> Floats:
        """Score units as `vdr.maxsim.maxsim_at` does, whatever file each is in.

        Args:
            asked: The query.
            spots: `(n_units,)` of `SPOT`.
            scales: Of vectors.
            firsts: `(n_units,)` the place in `scales` of each unit's first vector.
            counts: `(n_units,)` how many vectors each has.
            near: Which of a unit's vectors are looked at.

        Returns:
            `(n_units,)`, not-a-number for units that are nowhere.
        """
        order = np.argsort(spots["file"], kind="stable")
        files = spots["file"][order]
        starts, firsts, counts = (np.asarray(each, np.int64)[order] for each in (spots["at"], firsts, counts))
        bounds = np.flatnonzero(np.diff(files, prepend=-2, append=-2)).tolist()
        scores = np.full(len(spots), np.nan, np.float32)

        if self._from_disk and hasattr(mmap, "MADV_WILLNEED"):
            self._ask_for(files.tolist(), starts.tolist(), (counts * asked.width).tolist())

        def part(first: int, last: int) -> None:
            for begin, end in pairwise(bounds):
                own = slice(max(begin, first), min(end, last))
                numbers = self._numbered[files[begin]] if files[begin] >= 0 else None
                if numbers is not None and own.start < own.stop:
                    where = starts[own], scales, firsts[own], counts[own]
                    asked.score(numbers, *where, near, scores[own])

        spread(part, len(scores), 4)
        by_place = np.empty_like(scores)
        by_place[order] = scores
        return by_place

    def _ask_for(self, files: Sequence[int], starts: Sequence[int], sizes: Sequence[int]) -> None:
        """Have the system read units from the disk, all at once instead of one small piece after the other."""
        maps = list(self._maps.values())
        for file, start, size in zip(files, starts, sizes, strict=True):
            kept = maps[file] if file >= 0 else None
            if kept is not None:
                begin = start - start % mmap.PAGESIZE
                kept.madvise(mmap.MADV_WILLNEED, begin, start + size - begin)


def _map(path: Path) -> mmap.mmap | None:
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        logger.info("%s is gone; its units are read through LanceDB until the next write or `vdr optimize`", path)
        return None
