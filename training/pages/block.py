"""What every block and layout is given to draw with."""

from __future__ import annotations

import random
from dataclasses import dataclass

from training.pages.sheet import Colour, Sheet
from training.pages.theme import Theme
from training.pages.words import Writer


@dataclass(frozen=True, slots=True)
class Block:
    """The means to draw a block."""

    sheet: Sheet
    writer: Writer
    theme: Theme

    @property
    def rng(self) -> random.Random:
        """The page's source of chance."""
        return self.sheet.rng


def shade(rng: random.Random, low: float = 0.05, high: float = 0.9) -> Colour:
    """A colour by chance."""
    return (rng.uniform(low, high), rng.uniform(low, high), rng.uniform(low, high))


def tinted(rng: random.Random, dark: bool) -> Colour:
    """A colour for a ground: `dark` for white text, otherwise for black."""
    return shade(rng, 0.0, 0.55) if dark else shade(rng, 0.6, 1.0)
