"""Who reads and writes which corpus. Knows nothing of what the app shows.

`Together`: everybody has the one corpus. `Apart`: everybody reads the one corpus until they write; then they get a
copy of their own in a temporary folder, which goes away some time after they do.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

import gradio as gr

from vdr.corpus import Corpus
from vdr.errors import VdrError
from vdr.render import Renderer
from vdr.types import AddReport, Progress, ProgressCallback

logger = logging.getLogger(__name__)

FOLDER = "vdr-visitor-"
"""How the temporary folders' names begin."""
ELSEWHERE = "On a machine of your own vdr has no such limit."


class Corpora(Protocol):
    """Gives each visitor a corpus; they are told apart by gradio's session.

    Attributes:
        terms: What visitors should know before they upload; empty for nothing.
        cache_hours: How old gradio's copies of uploads and page pictures get before they are deleted.
    """

    terms: str
    cache_hours: int

    def reading(self, visitor: gr.Request) -> Corpus:
        """Return the corpus a visitor reads."""
        ...

    def writing(self, visitor: gr.Request) -> AbstractContextManager[Corpus]:
        """Hold the corpus a visitor writes to.

        Raises:
            VdrError: There is no room for another visitor's.
        """
        ...

    def left(self, visitor: gr.Request) -> None:
        """Take note that a visitor closed the page, or lost the connection."""
        ...


class Together:
    """One corpus for everybody."""

    terms = ""
    cache_hours = 6

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus

    def reading(self, visitor: gr.Request) -> Corpus:
        """Return the corpus."""
        return self._corpus

    def writing(self, visitor: gr.Request) -> AbstractContextManager[Corpus]:
        """Hold the corpus."""
        return nullcontext(self._corpus)

    def left(self, visitor: gr.Request) -> None:
        """Keep everything."""


class Apart:
    """One corpus to begin with for everybody, and a copy of their own for those who write.

    Copies of this process are gone when it ends; those of one that was killed stay in the temporary folder.

    Args:
        original: What all begin with; from now on nobody may write to it.
        pages: How many pages a visitor may add.
        visitors: How many copies there may be at a time.
        keep: Seconds a copy stays after its visitor left: connections break, and come back.
        idle: Seconds it stays after its visitor was last heard of, should nobody tell that they left.
    """

    cache_hours = 1

    def __init__(self, original: Corpus, *, pages: int, visitors: int, keep: float, idle: float) -> None:
        self.terms = (
            f"Only you see what you add. It is forgotten {keep / 60:g} minutes after you close this page, and off this "
            f"machine within two hours. There is room for {pages} pages. Add nothing confidential."
        )
        self._original = original
        self._pages = pages
        self._visitors = visitors
        self._keep, self._idle = keep, idle
        self._lock = threading.Lock()
        self._copies: dict[str, _Copy] = {}

    def reading(self, visitor: gr.Request) -> Corpus:
        """Return the visitor's copy, or the original while there is none."""
        with self._lock:
            copy = self._copies.get(_session(visitor))
            if copy is None:
                return self._original
            copy.left = False
            self._forget_later(copy)
            return copy.corpus

    @contextmanager
    def writing(self, visitor: gr.Request) -> Iterator[Corpus]:
        """Hold the visitor's copy, which is made if there is none; it stays at least until it is let go.

        Raises:
            VdrError: There is no room for another one.
        """
        session = _session(visitor)
        with self._lock:
            if session not in self._copies:
                if len(self._copies) >= self._visitors:
                    raise VdrError(f"{self._visitors} visitors have documents here, which is all it takes. {ELSEWHERE}")
                self._copies[session] = _Copy(session, self._original, self._pages)
            copy = self._copies[session]
            copy.left = False
            copy.writers += 1
        try:
            yield copy.corpus
        finally:
            with self._lock:
                copy.writers -= 1
                self._forget_later(copy)

    def left(self, visitor: gr.Request) -> None:
        """Delete the visitor's copy after a while, unless they are heard of again."""
        with self._lock:
            copy = self._copies.get(_session(visitor))
            if copy:
                copy.left = True
                self._forget_later(copy)

    def _forget_later(self, copy: _Copy) -> None:
        copy.timer.cancel()
        copy.timer = threading.Timer(self._keep if copy.left else self._idle, self._forget, [copy])
        copy.timer.daemon = True
        copy.timer.start()

    def _forget(self, copy: _Copy) -> None:
        with self._lock:
            if copy.writers or copy.timer is not threading.current_thread():  # heard of again meanwhile
                return
            del self._copies[copy.session]
        copy.folder.cleanup()
        logger.info("deleted a visitor's documents")


class _Copy:
    """A visitor's copy of the original."""

    def __init__(self, session: str, original: Corpus, pages: int) -> None:
        self.session = session
        self.folder = tempfile.TemporaryDirectory(prefix=FOLDER, ignore_cleanup_errors=True)
        self.corpus = _VisitorsCorpus(
            shutil.copytree(original.path, Path(self.folder.name) / "corpus"), original, pages
        )
        self.timer = threading.Timer(0, lambda: None)  # not started
        self.left = False
        self.writers = 0


class _VisitorsCorpus(Corpus):
    """A copy of a corpus that uses the original's encoders, and takes only so many more pages."""

    def __init__(self, path: Path, original: Corpus, pages: int) -> None:
        super().__init__(
            path,
            encoder=original.encoder or "none",
            text_encoder=original.text_encoder or "none",
            dense_encoder=original.dense_encoder or "none",
        )
        self._more = pages
        self._pages = pages + sum(document.pages for document in original.documents())

    def add(
        self,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        collection: str | None = None,
        renderer: Renderer = "pdfium",
        progress: ProgressCallback | None = None,
    ) -> AddReport:
        """Index as far as there is room.

        Raises:
            VdrError: A document does not fit; those before it are added.
        """
        pages = {document.name: document.pages for document in self.documents()}

        def told(at: Progress) -> None:
            pages[at.document] = max(at.page, at.pages)
            if sum(pages.values()) > self._pages:
                raise VdrError(
                    f"There is room here for {self._more} pages of yours, and {at.document} does not fit. "
                    f"What came before it is added, what comes after it is not. {ELSEWHERE}"
                )
            if progress:
                progress(at)

        return super().add(paths, collection=collection, renderer=renderer, progress=told)


def _session(visitor: gr.Request) -> str:
    if not visitor.session_hash:
        raise VdrError("This request belongs to no visitor. Open the page in a browser.")
    return visitor.session_hash
