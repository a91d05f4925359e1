"""Work shared out among the cores, for loops that let go of Python's lock. Knows nothing of what they compute."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

PARTS = 4
"""Parts of the work for each core."""


def spread(part: Callable[[int, int], None], count: int, least: int) -> None:
    """Call `part(first, last)` for parts of `count`, each at least so large, on all cores at once.

    The calling thread works, too, and takes what is left: another may need longer to wake up than all of it takes.
    """
    cores = _cores()
    parts = max(1, min(PARTS * cores, count // least))
    if parts == 1 or cores == 1:
        part(0, count)
        return
    bounds = [count * number // parts for number in range(parts + 1)]
    left = iter(range(parts))  # threads take numbers from it in turns

    def work() -> None:
        for number in left:
            part(bounds[number], bounds[number + 1])

    others = [_pool().submit(work) for _ in range(min(cores, parts) - 1)]
    work()
    for other in others:
        if not other.cancel():
            other.result()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@lru_cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_cores(), thread_name_prefix="vdr-score")
