"""What the pages of one document have in common: families, sizes, colours, margins."""

from __future__ import annotations

import random
from dataclasses import dataclass

from training.pages.fonts import Faces, Family
from training.pages.sheet import BLACK, Colour, Style

FORMATS = ((595.28, 841.89), (612.0, 792.0))
SLIDES = ((720.0, 405.0), (720.0, 540.0), (842.0, 474.0), (960.0, 540.0))


@dataclass(frozen=True, slots=True)
class Theme:
    """The look of one document. Sizes are points."""

    body: Family
    heading: Family
    mono: Family
    size: float
    leading: float  # of the size
    margin: float
    accent: Colour
    tint: Colour
    page: tuple[float, float]
    slide: tuple[float, float]
    tracking: float
    stretch: float
    ligatures: bool
    kerned: bool

    @classmethod
    def draw(cls, rng: random.Random, faces: Faces, letters: str) -> Theme:
        """A theme by chance whose families have `letters`."""
        body = faces.family(rng, letters)
        hue, depth = [rng.random() for _ in range(3)], rng.choice((0.25, 0.5, 0.8))
        tinted = rng.uniform(0.0, 0.25)
        return cls(
            body=body,
            heading=body if rng.random() < 0.5 else faces.family(rng, letters, even=True),
            mono=faces.family(rng, letters, mono=True),
            size=min(max(rng.gauss(9.6, 1.3), 6.5), 14.0),
            leading=rng.uniform(1.08, 1.5),
            margin=rng.uniform(28, 90),
            accent=(hue[0] * depth, hue[1] * depth, hue[2] * depth),
            tint=(1 - hue[1] * tinted, 1 - hue[0] * tinted, 1 - hue[2] * tinted),
            page=rng.choice(FORMATS),
            slide=rng.choice(SLIDES),
            tracking=rng.choice((0.0,) * 6 + (rng.uniform(-0.03, 0.0), rng.uniform(0.0, 0.06))),
            stretch=rng.choice((1.0,) * 5 + (rng.uniform(0.85, 1.1),)),
            ligatures=rng.random() < 0.4,
            kerned=rng.random() < 0.6,
        )

    def text(self, rng: random.Random, size: float | None = None, bold: bool = False, italic: bool = False,
             colour: Colour = BLACK) -> Style:  # fmt: skip
        """A style of the body family."""
        face = self.body.pick(rng, bold, italic)
        return Style(face, size or self.size, colour, self.tracking, self.stretch, ligatures=self.ligatures,
                     kerned=self.kerned)  # fmt: skip

    def title(self, rng: random.Random, size: float, bold: bool | None = None) -> Style:
        """A style of the heading family: mostly bold or more; some condensed, spaced, coloured, small capitals."""
        slanted = rng.random() < 0.1
        face = self.heading.pick(rng, rng.random() < 0.7 if bold is None else bold, slanted)
        if bold is not False and rng.random() < 0.25:
            face = max((one for one in self.heading.faces if one.italic == face.italic), key=lambda one: one.weight)
        colour = self.accent if rng.random() < 0.4 else BLACK
        stretch = self.stretch * (rng.uniform(0.7, 0.92) if rng.random() < 0.25 else 1)
        tracking = rng.choice((0.0, 0.0, 0.0, 0.0, -0.03, 0.06, rng.uniform(0.06, 0.25)))
        return Style(face, size, colour, tracking, stretch, rng.random() < 0.05,
                     rng.random() < 0.12, self.ligatures, self.kerned)  # fmt: skip
