"""The documents tab: upload, see what became of it, list and delete. Knows nothing of search."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import gradio as gr
from gradio.data_classes import FileData, ListFiles

from vdr.errors import VdrError
from vdr.types import DocumentInfo, Progress
from vdr.ui import fragments
from vdr.ui.scripts import PICK, TICK
from vdr.ui.visitors import Corpora

Updates: TypeAlias = dict[Any, Any]
Upload: TypeAlias = tuple[str, str]
"""Where an uploaded file is, and what it was called on the user's machine."""

LONGEST_NAME = 255
"""Bytes of a file name that file systems take."""


class DocumentsTab:
    """Builds the tab's components where it is made, and answers their events.

    Args:
        corpora: What visitors add to.
    """

    def __init__(self, corpora: Corpora) -> None:
        self._corpora = corpora
        with gr.Row(elem_classes="add"):
            self.files = gr.File(
                file_count="multiple",
                label="Drop PDFs, images or text files here",
                height=170,
                scale=3,
                elem_id="files",
            )
            self.files.preprocess = uploads  # type: ignore[method-assign, assignment]  # gradio's own forgets the names
            self.collection = gr.Textbox(
                label="Collection",
                info="A name to group what you add by, if you like.",
                placeholder="none",
                max_lines=1,
                scale=1,
                min_width=220,
            )
        gr.HTML(fragments.notice(corpora.terms), apply_default_css=False, elem_id="terms")
        self.report = gr.HTML(js_on_load=PICK, apply_default_css=False, elem_id="report")
        self.selected = gr.State([])
        with gr.Row(elem_classes="manage"):
            self.wanted = gr.Textbox(
                placeholder="Find a document", label="Find", show_label=False, container=False, elem_id="wanted"
            )
            self.delete = gr.Button("Delete", visible=False, scale=0, min_width=240, elem_id="delete")
        with gr.Row(visible=False, elem_classes="manage") as self.sure:
            self.question = gr.HTML(apply_default_css=False)
            self.confirm = gr.Button("Delete", variant="stop", scale=0, min_width=110, elem_id="confirm")
            self.keep = gr.Button("Keep", scale=0, min_width=110, elem_id="keep")
        self.table = gr.HTML(
            fragments.document_table([]), js_on_load=TICK, apply_default_css=False, elem_id="documents"
        )
        self._wire()

    def _wire(self) -> None:
        self.wanted.change(
            self.find,
            self.wanted,
            [self.table, *self._selection],
            show_progress="hidden",
            trigger_mode="always_last",
            api_visibility="private",
        )
        self.table.select(
            self.select, None, self._selection, show_progress="hidden", queue=False, api_visibility="private"
        )
        self.delete.click(
            self.ask, self.selected, [self.sure, self.question], show_progress="hidden", api_visibility="private"
        )
        self.keep.click(lambda: gr.update(visible=False), None, self.sure, queue=False, api_visibility="private")

    @property
    def _selection(self) -> list[Any]:
        return [self.selected, self.delete, self.sure]

    # --- events ------------------------------------------------------------------------------------------

    def refresh(self, documents: Sequence[DocumentInfo]) -> Updates:
        """Return the tab's list, now that the corpus holds these documents."""
        table = fragments.document_table(documents)
        return {self.table: table, self.wanted: gr.update(value="", visible=bool(documents)), **self._select([])}

    @property
    def refreshed(self) -> list[Any]:
        """The components that `refresh` updates."""
        return [self.table, self.wanted, *self._selection]

    def add(
        self,
        files: list[Upload] | None,
        collection: str,
        visitor: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  # how gradio knows that a handler tells its progress
    ) -> Updates:
        """Index uploaded files."""
        if not files:
            return {self.files: gr.skip()}
        progress(0, f"Reading {fragments.counted(len(files), 'file')}; the first time takes some seconds longer")
        try:
            with staged(files) as paths, self._corpora.writing(visitor) as corpus:
                outcome = corpus.add(
                    paths, collection=collection.strip() or None, progress=lambda at: progress(fraction(at), stage(at))
                )
        except VdrError as error:
            return {self.report: fragments.notice(str(error), "problem"), self.files: None}
        return {self.report: fragments.report(outcome, doubles=len(files) - len(paths)), self.files: None}

    def find(self, wanted: str, visitor: gr.Request) -> Updates:
        """List the documents that have this in their name or collection."""
        documents = self._corpora.reading(visitor).documents()
        return {self.table: fragments.document_table(documents, wanted), **self._select([])}

    def select(self, ticked: gr.EventData) -> Updates:
        """Remember which documents are ticked."""
        return self._select([str(name) for name in ticked.names])

    def ask(self, names: list[str]) -> Updates:
        """Ask before deleting."""
        return {self.sure: gr.update(visible=bool(names)), self.question: fragments.question(names) if names else ""}

    def remove(self, names: list[str], visitor: gr.Request) -> Updates:
        """Delete the ticked documents."""
        try:
            with self._corpora.writing(visitor) as corpus:
                corpus.delete(*names)
        except VdrError as error:
            return {self.report: fragments.notice(str(error), "problem")}
        return {self.report: fragments.notice(f"Deleted {fragments.counted(len(names), 'document')}.")}

    def _select(self, names: list[str]) -> Updates:
        label = f"Delete {fragments.counted(len(names), 'document')} …"
        return {
            self.selected: names,
            self.delete: gr.update(value=label, visible=bool(names)),
            self.sure: gr.update(visible=False),
        }


def fraction(at: Progress) -> float:
    """Return how much of an upload is done, 0 to 1, counting every document the same.

    >>> fraction(Progress("b.pdf", page=5, pages=10, documents_done=1, documents=2))
    0.75
    """
    part = at.page / at.pages if at.pages and at.page < at.pages else 0.0  # its end is in documents_done
    return min(1.0, (at.documents_done + part) / at.documents)


def stage(at: Progress) -> str:
    """Return in words where an upload stands.

    >>> stage(Progress("b.pdf", page=5, pages=10, documents_done=1, documents=2))
    'b.pdf · page 5 of 10 · 1 of 2 documents done'
    """
    page = f"page {at.page:,} of {at.pages:,}" if at.pages else f"passage {at.page:,}"
    return f"{at.document} · {page} · {at.documents_done:,} of {at.documents:,} documents done"


# --- uploads ---------------------------------------------------------------------------------------------


def uploads(payload: ListFiles | FileData | None) -> list[Upload]:
    """Return the uploaded files with their names; gradio has checked that they lie in its upload folder."""
    files = [payload] if isinstance(payload, FileData) else list(payload or ())
    return [(file.path, original_name(file.orig_name or "", file.path)) for file in files]


def original_name(name: str, path: str) -> str:
    """Return the name a file had on the user's machine, or the one gradio gave it if that one cannot be used."""
    bare = name.rpartition("/")[2]
    encodable = bare.encode("utf-8", "replace").decode() == bare
    usable = encodable and bare not in ("", ".", "..") and "\0" not in bare and len(os.fsencode(bare)) <= LONGEST_NAME
    return bare if usable else Path(path).name


@contextmanager
def staged(files: Sequence[Upload]) -> Iterator[list[Path]]:
    """Give each file its own name again for a while; of two with the same name the later one counts."""
    with tempfile.TemporaryDirectory(prefix="vdr-upload-") as folder:
        links = {Path(folder) / name: path for path, name in files}
        for link, path in links.items():
            link.symlink_to(path)
        yield list(links)
