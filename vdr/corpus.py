"""The Python API: a corpus of documents that can be added to, searched and explained."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import cast

import platformdirs
from PIL import Image

from vdr import encode, explain, pipeline, search
from vdr.documents import find
from vdr.errors import EncoderError, NotFound, QueryError
from vdr.ingest import ingest
from vdr.render import Renderer
from vdr.rerank import load_reranker
from vdr.search_log import VARIABLE, Latency, SearchLog
from vdr.store import Pin, Store
from vdr.tables import StoredUnit, Tuning
from vdr.types import (
    CHANNELS,
    OPTIONS,
    AddReport,
    Channel,
    DocumentInfo,
    Encoder,
    Explanation,
    Hit,
    Mode,
    PageEncoder,
    PassageEncoder,
    ProgressCallback,
    QueryVectors,
    Refusal,
    Reranker,
    SearchResult,
    TextEncoder,
)
from vdr.watch import Watch

logger = logging.getLogger(__name__)

RERANK = "VDR_RERANK"
"""The reranker of searches that name none."""
ARGUMENTS: Mapping[Channel, str] = {"visual": "encoder", "text": "text_encoder", "dense": "dense_encoder"}
"""The argument and the property of `Corpus` that is the encoder of a channel."""
MODES: tuple[Mode, ...] = ("auto", "visual", "text", "dense", "bm25", "hybrid")


def default_path() -> str:
    """Return where the corpus is if nobody says: `VDR_CORPUS`, else the user's data folder."""
    return os.environ.get("VDR_CORPUS") or str(Path(platformdirs.user_data_dir("vdr", appauthor=False)) / "corpus")


@dataclass(frozen=True, slots=True)
class CorpusInfo:
    """What a corpus holds.

    Attributes:
        path: Its folder or URI.
        documents: How many there are.
        pages: Pages and passages together.
        image_only: Pages without a text layer.
        encoders: The encoder each channel was made with.
        units: Units with vectors, by channel.
        bytes: Bytes of data on disk, by table.
        latency: How long searches took, as `total` and by stage, as the search log tells; empty without one.
        tuning: The weights for fusion that `vdr tune` learnt, None for the default ones.
    """

    path: str
    documents: int
    pages: int
    image_only: int
    encoders: dict[Channel, Pin]
    units: dict[str, int]
    bytes: dict[str, int]
    latency: dict[str, Latency] = field(default_factory=dict)
    tuning: Tuning | None = None


class Corpus:
    """Documents indexed for search, in a folder or at an object-store URI.

    A corpus has one encoder per channel, fixed by the first document that is added; opening it again needs no names.

    Args:
        path: Folder or URI; None for the default (`VDR_CORPUS` or the user's data folder). It is made by the first
            `add`.
        encoder: For page images: an embedded encoder's name, a folder, a hub id or an encoder server's URL, or an
            object that `PageEncoder` describes; `none` to do without; None for the corpus's own, or the default of a
            new one.
        text_encoder: For the tokens of page text and plain text; likewise, an object as `TextEncoder` describes it.
        dense_encoder: For its passages, a vector each; likewise.
        bits: Bits a number of a vector is kept in: 8, 4, 2 or 1; None for the corpus's own, 8 in a new one.
        pool: Similar vectors of a page merged into one: 1, 2 or 3; None for the corpus's own, 1 in a new one.
        rerank: The reranker of searches that name none: a cross-encoder's folder or hub id, `cohere:MODEL`,
            `voyage:MODEL`, `jina:MODEL`, or an object that `Reranker` describes; `none` for none, None for what
            `VDR_RERANK` says.
        log: The file that searches are logged to; empty for none, None for what `VDR_SEARCH_LOG` says.

    Raises:
        CorpusError: There is something else at that place, or a corpus of other bits or pooling.
        QueryError: `VDR_SEARCH_LOG_QUERIES` says neither `plain` nor `redacted`.
        EncoderError: An encoder that was named cannot be loaded, or one that was given is for the other channel.
        EncoderMismatch: The corpus was made with another one.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        encoder: str | PageEncoder | None = None,
        text_encoder: str | TextEncoder | None = None,
        dense_encoder: str | PassageEncoder | None = None,
        bits: int | None = None,
        pool: int | None = None,
        rerank: str | Reranker | None = None,
        log: str | os.PathLike[str] | None = None,
    ) -> None:
        self.path = os.fspath(path) if path is not None else default_path()
        if self.path and "://" not in self.path:
            self.path = str(Path(self.path).expanduser())
        self._store = Store(self.path, bits=bits, pool=pool)
        self._given: dict[Channel, str | Encoder | None] = {
            "visual": encoder,
            "text": text_encoder,
            "dense": dense_encoder,
        }
        self._loaded: dict[Channel, Encoder] = {}
        self._rerank = os.environ.get(RERANK) or None if rerank is None else rerank
        log = os.environ.get(VARIABLE, "") if log is None else log
        self._log = SearchLog(log) if os.fspath(log) else None
        for channel, given in self._given.items():
            if not isinstance(given, str | None):
                _check_channel(given, channel)
            if given not in (None, "none") and self._store.pin(channel):
                self._encoder(channel)  # refuse another encoder now, not after an hour of work

    def __repr__(self) -> str:
        return f"Corpus({self.path!r})"

    # --- documents ---------------------------------------------------------------------------------------

    def add(
        self,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        collection: str | None = None,
        renderer: Renderer = "pdfium",
        progress: ProgressCallback | None = None,
    ) -> AddReport:
        """Index files, folders and globs; the same bytes under the same name are skipped, others replace.

        Args:
            paths: What to index: PDF, PNG, JPEG, TIFF, WebP, `.txt`, `.md`, and BEIR's `corpus.jsonl`.
            collection: A name to group documents by, empty for none; None leaves a document where it is.
            renderer: `pdfium`, or `poppler` (which must be installed).
            progress: Called after each page.

        Returns:
            What was added, skipped and refused, and why. A refused file leaves nothing behind.

        Raises:
            CorpusError: The corpus cannot be written.
            EncoderError: An encoder cannot be loaded.
        """
        found = find([paths] if isinstance(paths, str | os.PathLike) else paths)
        refused = tuple(Refusal(error.path, error.reason, error.advice) for error in found.errors)
        if not found.sources:
            return AddReport(refused=refused, ignored=found.ignored)
        with self._store.writing():
            before = set(self._store.documents())
            outcome = ingest(
                found.sources,
                self._store,
                encoders={channel: encoder for channel in CHANNELS if (encoder := self._encoder(channel))},
                collection=collection,
                renderer=renderer,
                progress=progress,
            )
        return AddReport(
            added=outcome.added,
            replaced=tuple(info.name for info in outcome.added if info.name in before),
            skipped=outcome.skipped,
            refused=refused + outcome.refused,
            ignored=found.ignored,
        )

    def delete(self, *names: str) -> None:
        """Remove documents.

        Raises:
            NotFound: One of them is not in the corpus; then none is removed.
            CorpusError: The corpus cannot be written.
        """
        self._store.delete(names)

    def optimize(self) -> None:
        """Compact the tables, bring indexes up to date, remove what was deleted from the disk.

        Writes do this in part, as far as it is cheap.

        Raises:
            CorpusError: Another process is writing.
        """
        self._store.optimize()

    def documents(self, collection: str | None = None) -> list[DocumentInfo]:
        """Return the documents by name, of one collection if it is given."""
        infos = [stored.info for stored in self._store.documents().values()]
        return sorted((i for i in infos if collection in (None, i.collection)), key=lambda info: info.name)

    def info(self) -> CorpusInfo:
        """Return counts, encoders and sizes."""
        infos = self.documents()
        sizes, index = self._store.sizes(), self._store.index_bytes()
        return CorpusInfo(
            path=self.path,
            documents=len(infos),
            pages=sum(info.pages for info in infos),
            image_only=sum(info.image_only for info in infos),
            encoders={channel: pin for channel in CHANNELS if (pin := self._store.pin(channel))},
            units={channel: sizes[channel][0] for channel in CHANNELS if channel in sizes},
            bytes={name: size for name, (_, size) in sizes.items()} | ({"index": index} if index else {}),
            latency=self._log.latencies(self.path) if self._log else {},
            tuning=self._store.tuning(),
        )

    def page_image(self, key: str) -> Image.Image:
        """Return the picture of a page.

        Raises:
            NotFound: There is no such page, or it has no picture (plain text, or a page that could not be rendered).
        """
        jpeg = self._store.preview(key)
        if not jpeg:
            raise NotFound(f"{key} has no picture: it is plain text or could not be rendered.")
        return Image.open(io.BytesIO(jpeg))

    def text(self, key: str, *, from_picture: bool = True) -> str:
        """Return the text of a page or passage, empty for a page that has none.

        Args:
            key: Of the page.
            from_picture: Whether words count that were read on the page's picture, where its text layer has nothing.

        Raises:
            NotFound: There is no such page.
        """
        unit = self._unit(key)
        return unit.text if from_picture else unit.own_text

    # --- search ------------------------------------------------------------------------------------------

    def search(
        self,
        query: str,
        k: int = 5,
        *,
        mode: Mode = "auto",
        docs: Sequence[str] | str | None = None,
        collection: str | None = None,
        exact: bool = False,
        candidates: str | None = None,
        candidates_top: int = pipeline.CANDIDATES_TOP,
        rerank: str | Reranker | None = None,
        rerank_top: int = pipeline.RERANK_TOP,
        deadline: float | None = None,
    ) -> SearchResult:
        """Return the `k` best pages, best first; fewer only if fewer match at all.

        Args:
            query: A question or words.
            k: How many hits.
            mode: `visual`, `text` or `dense` rank by exact MaxSim, `bm25` by words, `hybrid` fuses all the corpus has
                (see `vdr.fusion`), `auto` does the best the corpus can.
            docs: Only in these documents; a single name may stand alone.
            collection: Only in this collection.
            exact: Score every page by MaxSim. Otherwise, in a large corpus, those that compact codes find promising.
            candidates: `bm25`, `dense`, `text` or `visual`: only this channel's best pages are ranked, by exact MaxSim.
            candidates_top: How many of them.
            rerank: The reranker, as the corpus takes it; `none` for none, None for the corpus's own.
            rerank_top: How many of the best pages it reads. One with nothing that it can read keeps its rank.
            deadline: Seconds the search may take. When they are used up, it does without the reranker, then without
                the text channel if another has found something; the result's `trace` says so. Other parts that have
                begun are finished.

        Returns:
            A list of hits, whose `trace` tells what was done, how long it took, and what was left out.

        Raises:
            QueryError: The query is empty or far too long, a number is not positive, the mode is unknown, or the
                corpus has no such channel.
            NotFound: There is no such document or collection.
            EncoderError: The corpus's encoder or the reranker cannot be loaded.
            ServiceError: A hosted reranker gives no scores.
        """
        watch = Watch(deadline)
        query = search.check_query(query)
        channels, first = tuple(self._channels(mode)), self._channel(candidates) if candidates else None
        chosen = self._rerank if rerank is None else rerank
        reranker = None if chosen is None or chosen == "none" else partial(load_reranker, chosen)
        with self._store.one_moment():
            doc_ids = self._doc_ids([docs] if isinstance(docs, str) else docs, collection)
            asked = pipeline.Request(query, k, channels, doc_ids, exact, first, candidates_top, rerank_top, deadline)
            result = pipeline.run(self._store, asked, self._query, reranker, watch)
        if self._log:
            pins = {channel: self._store.pin(channel) for channel in self._present()}
            encoders = {channel: f"{pin.name} {pin.fingerprint}" for channel, pin in pins.items() if pin}
            settings = {"corpus": self.path, "mode": mode, "encoders": encoders, **asked.settings()}
            if reranker:
                settings |= {"rerank": getattr(chosen, "name", chosen), "rerank_top": rerank_top}
            self._log.write(query, settings, result)
        return result

    def explain(self, hit: Hit | str, query: str | None = None, channel: str | None = None) -> Explanation:
        """Return what on the page answers which word of the query.

        Args:
            hit: A hit of `search`, or a key.
            query: The query; a hit brings its own.
            channel: `visual`, `text`, `dense` or `bm25`; None for the first of these that the page has.

        Raises:
            NotFound: There is no such page, or it has nothing in that channel.
            QueryError: No query was given with a key.
        """
        key = hit if isinstance(hit, str) else hit.key
        asked = query or (hit.query if isinstance(hit, Hit) else "")
        asked = search.check_query(asked)
        unit = self._unit(key)
        for candidate in [*self._present(), "bm25"] if channel is None else [channel]:
            explanation = self._explain(candidate, asked, unit)
            if explanation is not None:
                return explanation
        raise NotFound(f"{key} has nothing to explain{f' in the channel {channel}' if channel else ''}.")

    def _explain(self, channel: str, query: str, unit: StoredUnit) -> Explanation | None:
        if channel == "bm25":
            return explain.explain_words(query, unit.text, unit.boxes) if unit.text else None
        if channel not in self._present():
            raise QueryError(f"The corpus {self.path} has no {channel} channel to explain.")
        if channel == "visual":
            page = self._store.multivector("visual", unit.key)
            if page is None or page.boxes is None or not page.boxes.any():
                return None  # never encoded, or by a model whose patches have no known place
            return explain.explain_visual(self._query("visual", query, "encode_query_to_explain"), page)
        page = self._store.multivector(cast(Channel, channel), unit.key)
        asked = self._query(cast(Channel, channel), query, "encode_query_to_explain")
        return replace(explain.explain_text(asked, page, unit.text, unit.boxes), channel=channel) if page else None

    def _channels(self, mode: str) -> list[str]:
        if mode not in MODES:
            raise QueryError(f"There is no mode {mode!r}. There are {', '.join(MODES)}.")
        return [*self._present(), "bm25"] if mode in ("auto", "hybrid") else [self._channel(mode)]

    def _channel(self, mode: str) -> str:
        present = self._present()
        if mode not in (*CHANNELS, "bm25"):
            raise QueryError(f"There is no channel {mode!r}. There are {', '.join([*present, 'bm25'])}.")
        if mode != "bm25" and mode not in present and self._store.documents():
            raise QueryError(
                f"The corpus {self.path} has no {mode} channel. It has {', '.join([*present, 'bm25'])}; "
                f"index it with {OPTIONS[cast(Channel, mode)]} to add one."
            )
        return mode

    def _present(self) -> list[Channel]:
        """Return the encoded channels the corpus has, less those the caller does without."""
        return [channel for channel in CHANNELS if self._given[channel] != "none" and self._store.pin(channel)]

    def _doc_ids(self, docs: Sequence[str] | None, collection: str | None) -> list[str] | None:
        if docs is None and collection is None:
            return None
        stored = self._store.documents()
        for name in docs or ():
            if name not in stored:
                raise NotFound(f"There is no document {name!r} in {self.path}. `vdr list` shows what there is.")
        chosen = list(stored.values()) if docs is None else [stored[name] for name in dict.fromkeys(docs)]
        if collection is not None:
            if all(document.info.collection != collection for document in stored.values()):
                raise NotFound(f"There is no collection {collection!r} in {self.path}.")
            chosen = [document for document in chosen if document.info.collection == collection]
        return [document.doc_id for document in chosen]

    def _query(self, channel: Channel, query: str, method: str = "encode_query") -> QueryVectors:
        """Encode a query, by a method that not every encoder has, or as for a search."""
        encoder = self._encoder(channel)
        if encoder is None:
            raise QueryError(f"The corpus {self.path} is empty, and was given no encoder for the {channel} channel.")
        encoded: QueryVectors = getattr(encoder, method, encoder.encode_query)(query)
        return encoded

    def _unit(self, key: str) -> StoredUnit:
        units = self._store.units([key])
        if key not in units:
            raise NotFound(f"There is no page {key!r} in {self.path}. Keys are <document>:<page>.")
        return units[key]

    # --- encoders ----------------------------------------------------------------------------------------

    @property
    def encoder(self) -> PageEncoder | None:
        """The encoder for page images, loaded when it is first asked for; None for none."""
        return cast("PageEncoder | None", self._encoder("visual"))

    @property
    def text_encoder(self) -> TextEncoder | None:
        """The encoder for texts, likewise."""
        return cast("TextEncoder | None", self._encoder("text"))

    @property
    def dense_encoder(self) -> PassageEncoder | None:
        """The bi-encoder for texts, likewise."""
        return cast("PassageEncoder | None", self._encoder("dense"))

    def _encoder(self, channel: Channel) -> Encoder | None:
        """Return the channel's encoder: the one given, else the pinned one, else the default; None for none."""
        given, pin, encoder = self._given[channel], self._store.pin(channel), self._loaded.get(channel)
        made_anew = given is None and pin is not None and encoder is not None and pin.name != encoder.name
        if encoder is None or made_anew:
            chosen = given or (pin.name if pin else encode.DEFAULT[channel])
            if chosen is None or chosen == "none":
                return None
            encoder = encode.load_encoder(channel, chosen) if isinstance(chosen, str) else chosen
        self._store.check_encoder(channel, encoder)
        self._loaded[channel] = encoder
        return encoder


def _check_channel(encoder: Encoder, channel: Channel) -> None:
    """Refuse an object that does not encode what the channel holds."""
    method = "encode_pages" if channel == "visual" else "encode_texts"
    if not hasattr(encoder, method):
        what = getattr(encoder, "name", type(encoder).__name__)
        raise EncoderError(f"{what} has no {method}, so it cannot be the {ARGUMENTS[channel]} of a corpus.")
