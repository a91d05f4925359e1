"""The shared nouns, frozen. Every other module speaks in these; this one imports none of them.

Boxes are `(n, 4)` float32 arrays of `left, top, right, bottom` as fractions of the page as it is shown (crop
box and rotation applied), so they fit a rendering of any size. The box `0, 0, 0, 0` means "no place".

A word is a run of non-space characters; word `i` of a unit is the `i`-th item of its `text.split()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats: TypeAlias = NDArray[np.float32]
Ints: TypeAlias = NDArray[np.int32]

Channel: TypeAlias = Literal["visual", "text", "dense"]
CHANNELS: tuple[Channel, ...] = ("visual", "text", "dense")
OPTIONS: Mapping[Channel, str] = {"visual": "--encoder", "text": "--text-encoder", "dense": "--dense-encoder"}
"""The option of the command line that names a channel's encoder."""
Mode: TypeAlias = Literal["auto", "visual", "text", "dense", "bm25", "hybrid"]

Qrels: TypeAlias = Mapping[str, Mapping[str, int]]
"""Judgements: query id -> unit id -> grade."""
Run: TypeAlias = Mapping[str, Mapping[str, float]]
"""A ranking: query id -> unit id -> score."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A page or a passage: what one hit points at.

    Attributes:
        page: Its number in the document, from 1.
        text: The page's text layer in reading order, then words that were read on its picture where that has none
            (see `vdr.seen`); or the passage. Empty where there is nothing to read.
        boxes: `(n_words, 4)` a box for each word of `text`; None for plain text.
        image: The rendered page, RGB; None for plain text and for a page that could not be rendered.
        preview: The page as a JPEG to show; empty where there is no image.
        record: For a record of a JSONL corpus, its `_id`; else empty.
        span: Which characters a passage is, from and to, of the file's text (decoded, without a byte-order mark, line
            ends as they are) or of the record's (see `vdr.passages.read_jsonl`); None for a page.
        read_from: The word of `text` from which on words were read on the picture, in lower case, without
            punctuation, some misread; None where there are none.
    """

    page: int
    text: str
    boxes: Floats | None = None
    image: Image.Image | None = None
    preview: bytes = b""
    record: str = ""
    span: tuple[int, int] | None = None
    read_from: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What an encoder read on a page's picture.

    Attributes:
        words: In reading order; none has a space in it.
        boxes: `(n_words, 4)` where each is.
    """

    words: tuple[str, ...]
    boxes: Floats


@dataclass(frozen=True, slots=True)
class MultiVector:
    """The vectors of one unit in one channel, each knowing what it stands for.

    Attributes:
        vectors: `(n, dim)` float32.
        boxes: `(n, 4)` where each vector lies on the page (visual channel).
        words: `(n,)` the word each vector belongs to, -1 for none (text channel).
        reading: The words of the page, from an encoder that reads (visual channel); not stored with the vectors.
    """

    vectors: Floats
    boxes: Floats | None = None
    words: Ints | None = None
    reading: Reading | None = None


@dataclass(frozen=True, slots=True)
class QueryVectors:
    """An encoded query.

    Attributes:
        tokens: The query's words, as shown to the user.
        token_of: `(n,)` the index in `tokens` each vector belongs to, -1 for a vector with no word of its own
            (instruction, augmentation and special tokens, which count for MaxSim but explain nothing).
        vectors: `(n, dim)` float32.
        floor: Cosine below which a page's nearest vector is not like one of the query's, but merely the least unlike:
            every page counts as having one so near. None where any likeness counts.
    """

    tokens: tuple[str, ...]
    token_of: Ints
    vectors: Floats
    floor: float | None = None

    @property
    def floors(self) -> Floats | None:
        """The products at the floor, `(n,)`."""
        return None if self.floor is None else np.linalg.norm(self.vectors, axis=1) * np.float32(self.floor)


class Encoder(Protocol):
    """Turns queries into vectors. `fingerprint` tells two checkpoints apart, whatever they are called."""

    name: str
    dim: int
    fingerprint: str

    def encode_query(self, text: str) -> QueryVectors:
        """Return the vectors of a query."""
        ...


class PageEncoder(Encoder, Protocol):
    """Turns page images into patch vectors."""

    def encode_pages(self, images: Sequence[Image.Image]) -> list[MultiVector]:
        """Return the vectors of each RGB page image, with a box for each vector."""
        ...


class TextEncoder(Encoder, Protocol):
    """Turns texts of any length into token vectors."""

    def encode_texts(self, texts: Sequence[str]) -> list[MultiVector]:
        """Return the vectors of each text, with the word of each vector."""
        ...


class PassageEncoder(Encoder, Protocol):
    """Turns texts into one vector for each passage: a bi-encoder."""

    def encode_texts(self, texts: Sequence[str], titles: Sequence[str] | None = None) -> list[MultiVector]:
        """Return one vector for each passage of each text, which belongs to no word.

        Args:
            texts: Of any length.
            titles: What each text is part of, read before each of its passages; empty for nothing.
        """
        ...


class Reranker(Protocol):
    """Reads the question together with a page and says how well they fit.

    Attributes:
        name: As the user called it.
        reads_images: Whether it looks at `Unit.preview`, which is fetched for nobody else.
    """

    name: str
    reads_images: bool

    def score(self, query: str, units: Sequence[Unit]) -> list[float | None]:
        """Return a score for each unit, the higher the better; None for one without anything that it can read."""
        ...


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document of a corpus, as `Corpus.documents` lists it.

    Attributes:
        name: Its key in the corpus.
        kind: `pdf`, `image`, `text` or `jsonl`.
        pages: How many pages or passages it has.
        image_only: How many of them have no text layer.
        unreadable: The pages that could not be rendered, from 1.
        collection: The collection it was added to; empty for none.
        channels: The encoded channels it has vectors in.
        sha256: Of its bytes.
        added_at: ISO 8601, UTC.
        source: The path it was read from.
    """

    name: str
    kind: str
    pages: int
    image_only: int
    unreadable: tuple[int, ...]
    collection: str
    channels: tuple[Channel, ...]
    sha256: str
    added_at: str
    source: str

    def __str__(self) -> str:
        where = f" [{self.collection}]" if self.collection else ""
        return f"{self.name}{where}: {self.pages} page{'s' * (self.pages != 1)}"


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer: a page (or passage) and how each channel scored it.

    Attributes:
        rank: From 1.
        key: `<document>:<page>`.
        doc: The document's name.
        page: The page's number, from 1.
        score: What the ranking is sorted by: the channel's own score, or the fused one. A reranker moves pages to
            other places, and the score stays with the place.
        channels: The score in each channel that found the page; `rerank` for the reranker's.
        snippet: The stretch of text that matches best; empty for a page on which nothing can be read.
        record: For a record of a JSONL corpus, its `_id`; else empty.
        span: Which characters a passage is, from and to, of the file's text (decoded, without a byte-order mark, line
            ends as they are) or of the record's (see `vdr.passages.read_jsonl`); None for a page.
        from_picture: Whether the snippet was read on the page's picture, where its text layer has nothing.
        query: The query that found it.
    """

    rank: int
    key: str
    doc: str
    page: int
    score: float
    channels: Mapping[str, float]
    snippet: str
    record: str = ""
    span: tuple[int, int] | None = None
    from_picture: bool = False
    query: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.rank}. {self.key}  {self.score:.3f}  {self.snippet}"


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a search that was done.

    Attributes:
        name: `encode visual`, `visual`, `bm25`, `fuse`, `read`, `rerank`, and so on.
        milliseconds: It took.
        pages: It looked at, or scored.
    """

    name: str
    milliseconds: float
    pages: int


@dataclass(frozen=True, slots=True)
class Skip:
    """A part of a search that was left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Move:
    """What a reranker did with a page.

    Attributes:
        key: Of the page.
        before: Its rank before, from 1.
        after: Its rank after.
        score: The reranker's; None for a page with nothing that it can read, which keeps its rank.
    """

    key: str
    before: int
    after: int
    score: float | None


@dataclass(frozen=True, slots=True)
class Trace:
    """How a search went.

    Attributes:
        stages: What was done, in order.
        skipped: What was left out, and why.
        moves: Of the pages that were reranked, by their rank before.
        milliseconds: The whole took.
        deadline: Seconds it was given; None for as long as it takes.
    """

    stages: tuple[Stage, ...] = ()
    skipped: tuple[Skip, ...] = ()
    moves: tuple[Move, ...] = ()
    milliseconds: float = 0.0
    deadline: float | None = None

    def __str__(self) -> str:
        parts = [f"{stage.name} {stage.milliseconds:.0f} ms ({stage.pages:,} pages)" for stage in self.stages]
        parts += [f"{skip.name} left out: {skip.reason}" for skip in self.skipped]
        return "; ".join([f"{self.milliseconds:.0f} ms", *parts])


class SearchResult(list[Hit]):
    """The hits of a search, best first, and how it went. Otherwise a list.

    Attributes:
        trace: How the search went.
    """

    def __init__(self, hits: Iterable[Hit] = (), trace: Trace | None = None) -> None:
        super().__init__(hits)
        self.trace = trace or Trace()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a page matched: how well each place on it answers each word of the query.

    Attributes:
        channel: `visual` (places are patches), `text`, `dense` or `bm25` (places are words).
        tokens: The query's words.
        similarity: `(n_tokens, n_places)` between -1 and 1; for `bm25` 1 where the stems agree, else 0.
        boxes: `(n_places, 4)` page fractions; None for plain text, which has no page to draw on.
        words: The word at each place; None for `visual`.
        matched: The places that stand out, by index, for outlining.
    """

    channel: str
    tokens: tuple[str, ...]
    similarity: Floats
    boxes: Floats | None
    words: tuple[str, ...] | None
    matched: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a long `add` stands, told after each page.

    Attributes:
        document: The document being read.
        page: How many of its pages are done.
        pages: How many it has; 0 while that is not known.
        documents_done: How many documents are finished, one way or another.
        documents: How many there are in all.
    """

    document: str
    page: int
    pages: int
    documents_done: int
    documents: int


ProgressCallback: TypeAlias = Callable[[Progress], Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that was not indexed, why, and what to do about it."""

    path: str
    reason: str
    advice: str

    def __str__(self) -> str:
        return f"{self.path} {self.reason}. {self.advice}"


@dataclass(frozen=True, slots=True)
class AddReport:
    """What `Corpus.add` did with each file.

    Attributes:
        added: Documents now in the corpus, new or replaced.
        replaced: Names among `added` that took the place of other bytes.
        skipped: Names that were there already with the same bytes.
        refused: Files that cannot be indexed; nothing of them is stored.
        ignored: Files met while walking a folder whose kind vdr does not read.
    """

    added: tuple[DocumentInfo, ...] = ()
    replaced: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    ignored: tuple[str, ...] = ()

    def __str__(self) -> str:
        pages = sum(document.pages for document in self.added)
        parts = [f"{len(self.added)} added ({pages} pages)", f"{len(self.skipped)} skipped"]
        if self.replaced:
            parts[0] += f", {len(self.replaced)} of them replaced"
        parts.append(f"{len(self.refused)} refused")
        return ", ".join(parts)
