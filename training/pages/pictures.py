"""Pictures without words, and stamps: what else is on a page."""

from __future__ import annotations

import numpy as np
from PIL import Image

from training.pages.block import Block, shade, tinted


def stamp(b: Block) -> None:
    """A word stamped at an angle where there is room."""
    rng, sheet = b.rng, b.sheet
    size, word = rng.uniform(14, 40), b.writer.word().upper()
    style = b.theme.text(rng, size, bold=True, colour=rng.choice(((0.8, 0.1, 0.1), (0.2, 0.2, 0.7), (0.6, 0.6, 0.6))))
    reach = style.width(word)
    for _ in range(6):
        x, y = rng.uniform(20, max(sheet.width - reach, 21)), rng.uniform(120, sheet.height - 60)
        if sheet.free(x - 10, y - reach * 0.7, reach + 20, reach * 0.75 + size):
            sheet.text(x, y, word, style, angle=rng.uniform(-35, 35))
            return


def distract(b: Block, count: int) -> None:
    """Pictures without words: noise, gradients, hatching, discs, bar codes, scribbles."""
    rng, sheet = b.rng, b.sheet
    noise = np.random.default_rng(rng.getrandbits(32))
    for _ in range(count):
        width, height = rng.uniform(30, sheet.width * 0.4), rng.uniform(30, sheet.height * 0.3)
        x, y = rng.uniform(0, sheet.width - width), rng.uniform(0, sheet.height - height)
        kind = rng.randrange(8)
        if kind == 0:
            low = rng.choice((0, 0, 170, 215))  # a pale one may be written on
            pixels = noise.integers(low, 255, (rng.randint(4, 60), rng.randint(4, 60), 3), np.uint8)
            sheet.picture(
                x, y, width, height, np.asarray(Image.fromarray(pixels).resize((160, 120), Image.Resampling.BICUBIC))
            )
        elif kind == 1:
            ramp = np.linspace(rng.randint(0, 255), rng.randint(0, 255), 64)[None, :].repeat(48, 0)
            sheet.picture(x, y, width, height, (ramp if rng.random() < 0.5 else ramp.T).astype(np.uint8))
        elif kind == 2:
            for at in np.arange(0, width, rng.uniform(3, 8)).tolist():
                sheet.rule(x + at, y, x + max(at - height, 0), y + min(at, height), 0.6, b.theme.accent)
        elif kind == 3:
            bars = noise.integers(0, 2, 50)[None, :].repeat(2, 0) * 255
            sheet.picture(x, y, 120, 30, bars.astype(np.uint8).repeat(3, 1))
        elif kind == 4:
            sheet.picture(
                x, y, 60, 60, (noise.integers(0, 2, (25, 25)) * 255).astype(np.uint8).repeat(8, 0).repeat(8, 1)
            )
        elif kind == 5:
            steps = np.cumsum(noise.normal(0, 6, (40, 2)), 0) * (1, 0.5) + (x, y)
            if steps.min() > 0 and sheet.free(
                steps[:, 0].min(), steps[:, 1].min(), float(np.ptp(steps[:, 0])), float(np.ptp(steps[:, 1]))
            ):
                sheet.path([(float(a), float(c)) for a, c in steps], rng.uniform(0.5, 1.8), shade(rng, 0, 0.5))
        else:
            radius, turns = min(width, height) / 2, np.linspace(0, 6.283, rng.choice((4, 5, 7, 40)))
            points = [(x + radius + radius * float(np.cos(t)), y + radius + radius * float(np.sin(t))) for t in turns]
            sheet.shape(points, tinted(rng, rng.random() < 0.5))
