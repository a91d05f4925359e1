"""Pages side by side on the cores of a CPU: a page a core is done sooner than a page on all. Knows nothing of pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import Protocol, TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


class Map(Protocol):
    """The built-in `map`, or one like it."""

    def __call__(self, compute: Callable[[Item], Result], items: Iterable[Item], /) -> Iterator[Result]:
        """Yield what is computed of each item, in their order."""


@contextmanager
def side_by_side(jobs: int, device: torch.device) -> Iterator[Map]:
    """Lend a `map` that computes several items at once, each on its share of torch's threads.

    Sharing out the work of a small net among cores takes a third more of their time than the work itself.

    Args:
        jobs: How many items there are at most.
        device: Where the models run; on all but a CPU it is the built-in `map`.
    """
    threads = torch.get_num_threads()
    workers = min(threads, jobs) if device.type == "cpu" else 1
    if workers < 2:
        yield map
        return
    try:
        yield _pool(workers, threads // workers).map
    finally:
        torch.set_num_threads(threads)  # what a thread sets, later threads begin with


@lru_cache(maxsize=2)
def _pool(workers: int, threads: int) -> ThreadPoolExecutor:
    """Return threads that stay: memory that one has used is not at hand for its successors, and would add up."""
    return ThreadPoolExecutor(workers, "vdr-mini", torch.set_num_threads, (threads,))
