"""Times the parts of a search and keeps its deadline. Knows nothing of what the parts do."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import Generic, TypeVar

from vdr.errors import first_line
from vdr.types import Move, Skip, Stage, Trace

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Watch:
    """The clock of one search.

    What is `run` is finished, however long it takes. What is merely `attempt`ed is left out when the deadline has
    passed, and left behind when it passes meanwhile: it goes on in a thread of its own, and nobody waits for it.

    Args:
        deadline: Seconds from now; None for no deadline.
        clock: Gives seconds.
    """

    def __init__(self, deadline: float | None = None, clock: Callable[[], float] = time.perf_counter) -> None:
        self.deadline = deadline
        self._clock = clock
        self._began = clock()
        self._stages: list[Stage] = []
        self._skipped: list[Skip] = []

    @property
    def left(self) -> float:
        """Seconds until the deadline, 0 behind it; infinite without one."""
        if self.deadline is None:
            return math.inf
        return max(0.0, self._began + self.deadline - self._clock())

    def run(self, name: str, work: Callable[[], T], pages: Callable[[T], int]) -> T:
        """Do a stage.

        Args:
            name: Of the stage.
            work: What it does.
            pages: How many pages a result stands for.
        """
        began = self._clock()
        result = work()
        self._stages.append(Stage(name, (self._clock() - began) * 1000, pages(result)))
        return result

    def attempt(self, name: str, work: Callable[[], T], pages: Callable[[T], int], of: str = "") -> T | None:
        """Do a stage if it can be done before the deadline, else return None and remember why.

        Args:
            name: Of the stage.
            work: What it does; nobody may rely on its side effects.
            pages: How many pages a result stands for.
            of: What is left out with it, where that is more than the stage.
        """
        if self.deadline is None:
            return self.run(name, work, pages)
        left = self.left
        if not left:
            self.skip(of or name, f"the deadline of {self.deadline:g} s had passed")
            return None
        began = self._clock()
        task = _Task(name, work)
        if not task.done(left):
            self.skip(of or name, f"it was not done within the deadline of {self.deadline:g} s")
            return None
        result = task.result()
        self._stages.append(Stage(name, (self._clock() - began) * 1000, pages(result)))
        return result

    def skip(self, name: str, reason: str) -> None:
        """Remember that something was left out, and why."""
        self._skipped.append(Skip(name, reason))

    def trace(self, moves: tuple[Move, ...] = ()) -> Trace:
        """Return what happened so far."""
        milliseconds = (self._clock() - self._began) * 1000
        return Trace(tuple(self._stages), tuple(self._skipped), moves, milliseconds, self.deadline)


class _Task(Generic[T]):
    """Work in a thread that does not keep the process alive."""

    def __init__(self, name: str, work: Callable[[], T]) -> None:
        self._name, self._work = name, work
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._awaited = True
        self._thread = threading.Thread(target=copy_context().run, args=(self._run,), name=f"vdr {name}", daemon=True)
        self._thread.start()

    def done(self, seconds: float) -> bool:
        self._thread.join(seconds)
        self._awaited = not self._thread.is_alive()
        return self._awaited

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._result[0]

    def _run(self) -> None:
        try:
            self._result.append(self._work())
        except BaseException as error:
            self._error = error
            if not self._awaited:
                logger.info("%s failed after it was left behind: %s", self._name, first_line(error))
