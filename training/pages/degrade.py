"""What printing, copying and scanning do to a page. Labels follow; knows nothing of how the page was made."""

from __future__ import annotations

import io
import math
import random

import numpy as np
from PIL import Image, ImageFilter

from training.pages.shards import DEGRADED, Page

LEAST_LIKENESS = 0.5  # correlation of a word with itself before, below which it is lost
LEAST_EM = 11.0  # pixels of an em that small print keeps at the scanner's resolution


def degrade(page: Page, rng: random.Random, noise: np.random.Generator) -> Page:
    """The page as a scanner would have it: turned a little, blurred, noisy, unevenly lit, compressed, or of one bit."""
    sizes = page.chars["size"]
    small = float(np.percentile(sizes, 5)) if len(sizes) else 20.0
    bits = rng.random() < 0.15
    least = LEAST_EM * 1.5 if bits else LEAST_EM
    scale = max(rng.uniform(0.65, 1.3), min(least / small, 1.4))
    turn = rng.choice((0.0, 0.0, rng.gauss(0, 0.5), rng.uniform(-3, 3)))
    image = Image.fromarray(page.pixels)
    if rng.random() < 0.2:  # ink that spread or did not take
        spread = image.filter((ImageFilter.MinFilter if rng.random() < 0.7 else ImageFilter.MaxFilter)(3))
        image = Image.blend(image, spread, rng.uniform(0.15, 0.6 if small > 16 else 0.35))
    image, chars = rotate(image, page.chars, turn, scale, 255 if rng.random() < 0.8 else rng.randint(0, 200))
    before = image
    if rng.random() < 0.6:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.035 * small * scale + 0.25)))
    image = _light(image, rng, noise, bits, 7.0 if small < 18 else 14.0)
    if bits:
        cut = rng.randint(140, 205)
        image = image.point([255 * (value > cut) for value in range(256)])
    elif rng.random() < 0.7:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=rng.randint(20 if small * scale > 14 else 40, 80))
        image = Image.open(buffer).convert("L")
    chars = chars[legible(np.asarray(before), np.asarray(image), chars)]
    back = 1 / scale if rng.random() < 0.8 else 1.0
    if back != 1.0:
        size = (round(image.width * back), round(image.height * back))
        stretch = np.array((size[0] / image.width, size[1] / image.height))
        image = image.resize(size, rng.choice((Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)))
        chars = _moved(chars, np.diag(stretch), np.zeros(2))
    return Page(np.asarray(image), chars, DEGRADED)


def rotate(
    image: Image.Image, chars: np.ndarray, degrees: float, scale: float, fill: int
) -> tuple[Image.Image, np.ndarray]:
    """Turn counterclockwise and scale; the frame grows so that nothing is cut off, its corners are `fill`."""
    cos, sin = math.cos(math.radians(degrees)) * scale, math.sin(math.radians(degrees)) * scale
    matrix = np.array([[cos, sin], [-sin, cos]])  # y runs down
    corners = np.array([(0, 0), (image.width, 0), (0, image.height), (image.width, image.height)]) @ matrix.T
    shift = -corners.min(0)
    width, height = np.ceil(corners.max(0) + shift).astype(int).tolist()
    if degrees == 0.0:
        resized = image.resize((width, height), Image.Resampling.BILINEAR)
        stretch = np.diag([width / image.width, height / image.height])
        return resized, _moved(chars, stretch, np.zeros(2))
    inverse = np.linalg.inv(matrix)
    offset = -inverse @ shift
    turned = image.transform((width, height), Image.Transform.AFFINE, (*inverse[0], offset[0], *inverse[1], offset[1]),
                             Image.Resampling.BICUBIC, fillcolor=fill)  # fmt: skip
    return turned, _moved(chars, matrix, shift)


def legible(before: np.ndarray, after: np.ndarray, chars: np.ndarray) -> np.ndarray:
    """Of each character whether its word is still to be seen: how it looks correlates with how it looked."""
    seen = np.zeros(len(chars), bool)
    if not len(chars):
        return seen
    firsts = np.flatnonzero(np.diff(chars["word"], prepend=-1))
    middle, half, size = (chars["x0"] + chars["x1"]) / 2, (chars["x1"] - chars["x0"]) / 2, chars["size"]
    turn = np.radians(chars["angle"])
    cos, sin = np.cos(turn), np.sin(turn)
    reach_x, reach_y = np.abs(half * cos), np.abs(half * sin)
    tall_x, tall_y = -0.75 * size * sin, -0.75 * size * cos
    x0 = np.minimum.reduceat(np.minimum(middle, middle + tall_x) - reach_x, firsts)
    x1 = np.maximum.reduceat(np.maximum(middle, middle + tall_x) + reach_x, firsts)
    y0 = np.minimum.reduceat(np.minimum(chars["y"], chars["y"] + tall_y) - reach_y, firsts)
    y1 = np.maximum.reduceat(np.maximum(chars["y"], chars["y"] + tall_y) + reach_y + 0.2 * size, firsts)
    boxes = np.stack([x0, x1 + 1, y0, y1 + 1], 1).clip(0).astype(int).tolist()
    for first, last, (left, right, top, bottom) in zip(firsts, [*firsts[1:], len(chars)], boxes, strict=True):
        old = before[top:bottom, left:right].astype(np.float32).ravel()
        new = after[top:bottom, left:right].astype(np.float32).ravel()
        if not old.size:
            continue
        old, new = old - old.mean(), new - new.mean()
        spread = float(np.sqrt((old @ old) * (new @ new)))
        seen[first:last] = spread > 0 and float(old @ new) / spread > LEAST_LIKENESS
    return seen


def _moved(chars: np.ndarray, matrix: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """The labels after the map `matrix @ (x, y) + shift`, a turn and a nearly even scale."""
    chars = chars.copy()
    scale = math.sqrt(abs(float(np.linalg.det(matrix))))
    middle = np.stack([(chars["x0"] + chars["x1"]) / 2, chars["y"]], 1) @ matrix.T + shift
    half = (chars["x1"] - chars["x0"]) * scale / 2
    chars["x0"], chars["x1"], chars["y"] = middle[:, 0] - half, middle[:, 0] + half, middle[:, 1]
    chars["size"] *= scale
    chars["angle"] += math.degrees(math.atan2(-matrix[1, 0], matrix[0, 0]))
    return chars


def _light(image: Image.Image, rng: random.Random, noise: np.random.Generator, bits: bool, grain: float) -> Image.Image:
    """Paper, lamp and sensor: contrast, shadow, grain, specks, the back of the sheet shining through."""
    values: np.ndarray = np.asarray(image, np.float32)
    if rng.random() < 0.12:
        values = values - (255 - values[:, ::-1]) * rng.uniform(0.03, 0.1)
    if not bits and rng.random() < 0.6:
        dark, bright = rng.uniform(0, 70), rng.uniform(185, 255)
        values = dark + values * ((bright - dark) / 255)
    if rng.random() < (0.1 if bits else 0.4):
        field = Image.fromarray(noise.uniform(0.75, 1.0, (rng.randint(2, 5), rng.randint(2, 5))).astype(np.float32))
        field = field.resize(image.size, Image.Resampling.BICUBIC)
        values = values * (1 - (1 - np.asarray(field)) * rng.uniform(0.2, 1.0))
    if rng.random() < 0.6:
        values = values + noise.standard_normal(values.shape, np.float32) * rng.uniform(1, grain)
    if rng.random() < 0.25:
        count = int(values.size * 10 ** rng.uniform(-5, -3))
        where = noise.integers(0, values.size, count)
        flat = np.ascontiguousarray(values).reshape(-1)
        flat[where] = noise.choice([0.0, 255.0], count)
        values = flat.reshape(values.shape)
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
