"""Work side by side on the cores of a CPU: an item a core is done sooner than each on all. Knows nothing of models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier, Lock
from typing import Protocol, TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

_starting = Lock()


class Map(Protocol):
    """The built-in `map`, or one like it."""

    def __call__(self, compute: Callable[[Item], Result], items: Iterable[Item], /) -> Iterator[Result]:
        """Yield what is computed of each item, in their order."""


def side_by_side(jobs: int, device: torch.device) -> Map:
    """Return a `map` that computes one item on each of torch's threads; the built-in one where that is no gain.

    Sharing out the work of a small net among cores takes a third more of their time than the work itself.

    Args:
        jobs: How many items there are; fewer than half as many as threads are computed one by one, on all of them.
        device: Where the models run; on all but a CPU it is the built-in `map`.
    """
    threads = torch.get_num_threads()
    if device.type != "cpu" or min(jobs, threads) < 2 or jobs < threads / 2:
        return map
    with _starting:
        return _pool(threads).map


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Return threads that stay: memory that one has used is not at hand for its successors, and would add up.

    How many threads of its own each uses can only be told from within; told so, torch gives new threads no more either,
    until it is told again.
    """
    started = Barrier(threads + 1)

    def begin() -> None:
        torch.set_num_threads(1)
        torch.get_num_threads()  # at its first use in a thread, what was told last holds: let it be now
        started.wait()

    pool = ThreadPoolExecutor(threads, "vdr-encode", begin)
    for _ in range(threads):
        pool.submit(int)
    started.wait()
    torch.set_num_threads(threads)
    return pool
