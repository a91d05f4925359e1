"""How many pages to encode at a time. Knows no model."""

from __future__ import annotations

import logging

from vdr.errors import EncoderError

logger = logging.getLogger(__name__)

LIMIT = 64
"""Pages: far beyond where models of billions of weights gain anything."""
GAIN = 1.1
"""A batch must be this much faster than one of half its size to be worth its memory."""


class BatchSize:
    """A number of pages that doubles while that is faster and halves, for good, where memory runs out.

    Attributes:
        pages: How many to encode at a time.

    >>> size = BatchSize()
    >>> for speed in [1, 5, 9, 9]:
    ...     size.encoded(size.pages, speed)
    ...     print(size.pages)
    2
    4
    8
    4
    """

    def __init__(self, pages: int = 1) -> None:
        self.pages = pages
        self._growing = True
        self._fastest = 0.0

    def encoded(self, pages: int, speed: float) -> None:
        """Take note that a batch went through at so many vectors a second."""
        if not self._growing or pages != self.pages:
            return
        if speed <= GAIN * self._fastest:
            self._growing = False
            self.pages = max(1, pages // 2)
        elif pages < LIMIT:
            self._fastest = speed
            self.pages = 2 * pages

    def out_of_memory(self, pages: int, model: str, device: object) -> None:
        """Take note that a batch of so many pages did not fit.

        Raises:
            EncoderError: It was a single page.
        """
        if pages == 1:
            raise EncoderError(
                f"A page does not fit into the memory of {device} with {model}. "
                "Free some, take a smaller model, or use the cpu."
            )
        self._growing = False
        self.pages = pages // 2
        logger.info("out of memory: %d pages at a time from now on", self.pages)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Tell whether torch ran out of memory, which it says in other words on each kind of device."""
    text = str(error).lower()
    return type(error).__name__ == "OutOfMemoryError" or any(
        words in text for words in ("out of memory", "can't allocate memory", "not enough memory")
    )
