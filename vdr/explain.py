"""Why a page matched: similarity maps and matched words, from stored vectors. Knows no storage and no model."""

from __future__ import annotations

import re

import numpy as np
from PIL import Image, ImageDraw

from vdr.search import STOP_STEMS, stem
from vdr.types import Explanation, Floats, MultiVector, QueryVectors

STRONG = 0.55
"""A word vector this close to a query word's counts as a match of meaning."""
MATCHES_PER_TOKEN = 3
FAINT = 0.25
"""The share of a page's best match below which a place stays unlit."""
HEAT = (255, 80, 0)
OUTLINE = (200, 0, 60)

_LETTER = re.compile(r"\w")


def explain_visual(query: QueryVectors, page: MultiVector) -> Explanation:
    """Return how well each patch answers each word of the query.

    Raises:
        ValueError: The page's vectors have no boxes.
    """
    if page.boxes is None:
        raise ValueError("patch vectors without boxes cannot be explained")
    placed = page.boxes.any(axis=1)
    similarity = _per_token(query, page.vectors[placed] @ query.vectors.T)
    return Explanation("visual", query.tokens, similarity, page.boxes[placed], None, ())


def explain_text(query: QueryVectors, page: MultiVector, text: str, boxes: Floats | None) -> Explanation:
    """Return how well each word of the text answers each word of the query, by meaning in context.

    Args:
        query: The encoded query.
        page: The unit's token vectors.
        text: The unit's text.
        boxes: `(n_words, 4)`, or None for plain text.
    """
    assert page.words is not None
    words = tuple(text.split())
    placed = page.words >= 0
    by_vector = _per_token(query, page.vectors[placed] @ query.vectors.T)
    similarity = np.zeros((len(query.tokens), len(words)), np.float32)
    np.maximum.at(similarity.T, page.words[placed], by_vector.T)
    exact = _same_stem(query.tokens, words)
    matched: set[int] = set(np.flatnonzero(exact.any(axis=0)).tolist())
    for row in similarity[_telling(query.tokens)]:
        best = np.argsort(-row, kind="stable")[:MATCHES_PER_TOKEN]
        matched.update(int(index) for index in best if row[index] >= STRONG)
    return Explanation("text", query.tokens, similarity, boxes, words, tuple(sorted(matched)))


def explain_words(query: str, text: str, boxes: Floats | None) -> Explanation:
    """Return which words of the text have the stem of which word of the query, as BM25 counts them."""
    tokens, words = tuple(query.split()), tuple(text.split())
    same = _same_stem(tokens, words)
    matched = tuple(np.flatnonzero(same.any(axis=0)).tolist())
    return Explanation("bm25", tokens, same, boxes, words, matched)


def _per_token(query: QueryVectors, similarity: Floats) -> Floats:
    """Take the maximum over the vectors of each query word: `(n_places, n_vectors)` to `(n_tokens, n_places)`."""
    result = np.zeros((len(query.tokens), len(similarity)), np.float32)
    for token in range(len(query.tokens)):
        own = query.token_of == token
        if own.any():
            result[token] = similarity[:, own].max(axis=1)
    return result


def _telling(tokens: tuple[str, ...]) -> list[int]:
    """Return which query words are no stop words, or all of them if there is nothing else."""
    return [i for i, token in enumerate(tokens) if stem(token) not in STOP_STEMS] or list(range(len(tokens)))


def _same_stem(tokens: tuple[str, ...], words: tuple[str, ...]) -> Floats:
    """Return `(n_tokens, n_words)`: 1 where a word has the stem of a query word that is no stop word."""
    rows: dict[str, list[int]] = {}
    for index, token in enumerate(tokens):
        stemmed = stem(token)
        if stemmed and stemmed not in STOP_STEMS:
            rows.setdefault(stemmed, []).append(index)
    same = np.zeros((len(tokens), len(words)), np.float32)
    letters = {stemmed[0] for stemmed in rows}
    for place, word in enumerate(words):
        first = _LETTER.search(word)
        if first and first.group().casefold()[:1] in letters:  # a stem begins as its word does; stemming is slow
            for row in rows.get(stem(word), ()):
                same[row, place] = 1
    return same


# --- drawing ---------------------------------------------------------------------------------------------


def heat(explanation: Explanation, token: int | None = None) -> Floats:
    """Return the heat of each place, 0 to 1: for one query word, or the maximum over all but stop words.

    Each word's similarities are spread between what a typical place of this page has (its median) and the page's
    best, so a word that is nowhere on the page does not light up noise as brightly as one that is.
    """
    similarity = explanation.similarity
    if not similarity.size:
        return np.zeros(similarity.shape[1], np.float32)
    above = similarity - np.median(similarity, axis=1, keepdims=True)
    span = max(float(above.max()), 1e-6)
    rows = above[_telling(explanation.tokens) if token is None else [token]]
    lit: Floats = np.clip((rows / span - FAINT) / (1 - FAINT), 0, 1).max(axis=0).astype(np.float32)
    return lit


def spot(explanation: Explanation, token: int | None = None) -> float | None:
    """Return how far down the page, 0 to 1, the light is strongest; None where there is none or no place is known.

    It is the middle of the place that has most light within a tenth of the page's height above and below it.
    """
    if explanation.boxes is None or not len(explanation.boxes):
        return None
    light = heat(explanation, token) ** 2  # of what shines faintly there is much on any page
    middle = explanation.boxes[:, [1, 3]].mean(axis=1)
    order = np.argsort(middle, kind="stable")
    light, middle = light[order], middle[order]
    before = np.concatenate([[0.0], np.cumsum(light, dtype=np.float64)])  # light above each place, from the top
    first, last = np.searchsorted(middle, middle - 0.1), np.searchsorted(middle, middle + 0.1, "right")
    best = int(np.argmax(np.where(light > 0, before[last] - before[first], 0)))
    return float(middle[best]) if light[best] > 0 else None


def draw(page: Image.Image, explanation: Explanation, token: int | None = None) -> Image.Image:
    """Paint a page's heatmap, with the matched words outlined.

    Args:
        page: The page picture, any size.
        explanation: With boxes.
        token: The query word to show, by index; None for the whole query.
    """
    if explanation.boxes is None:
        return page.copy()
    width, height = page.size
    lit = heat(explanation, token)
    alpha = np.zeros((height, width), np.float32)
    corners = explanation.boxes * np.array([width, height, width, height], np.float32)
    edges = np.concatenate([np.floor(corners[:, :2]), np.ceil(corners[:, 2:])], axis=1).astype(int)
    for (left, top, right, bottom), value in zip(edges.tolist(), lit.tolist(), strict=True):
        if value > 0.05:
            area = alpha[top:bottom, left:right]
            np.maximum(area, value, out=area)
    mask = Image.fromarray((alpha * 150).astype(np.uint8))
    painted = page.convert("RGB")
    painted.paste(Image.new("RGB", page.size, HEAT), mask=mask)
    pen = ImageDraw.Draw(painted)
    for index in matched(explanation, token):
        left, top, right, bottom = edges[index].tolist()
        pen.rectangle((left - 2, top - 2, right + 1, bottom + 1), outline=OUTLINE, width=max(2, width // 600))
    return painted


def matched(explanation: Explanation, token: int | None = None) -> tuple[int, ...]:
    """Return the places that stand out: all of them, or those one query word matches as well as any other does."""
    if token is None:
        return explanation.matched
    best = explanation.similarity.max(axis=0) if explanation.similarity.size else np.zeros(0)
    row = explanation.similarity[token]
    return tuple(index for index in explanation.matched if row[index] > 0 and row[index] >= best[index])
