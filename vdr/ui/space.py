"""The app as a public Hugging Face Space: the samples for everybody, a corpus apart for what a visitor adds."""

from __future__ import annotations

import os
from pathlib import Path

import gradio as gr

from vdr import ui
from vdr.corpus import Corpus
from vdr.evaluate import load_set
from vdr.ui.visitors import Apart

FILE_SIZE = "20mb"
"""The largest file a visitor may upload."""
PAGES = 100
"""How many pages a visitor may add."""
VISITORS = 50
"""How many visitors may have documents of their own at a time."""
KEEP_MINUTES = "10"
"""How long those stay after their visitor left, unless `VDR_KEEP_MINUTES` says otherwise."""
IDLE_MINUTES = 60
"""How long they stay while their visitor does nothing."""


def build(corpus: Corpus, sample: Path) -> gr.Blocks:
    """Return the app for many visitors who do not know each other.

    Args:
        corpus: What all of them begin with; a folder, not an object store.
        sample: A judged set to put into it first; its example questions are offered.
    """
    chosen = load_set(sample)
    corpus.add(chosen.documents)
    keep = 60 * float(os.environ.get("VDR_KEEP_MINUTES", KEEP_MINUTES))
    apart = Apart(corpus, pages=PAGES, visitors=VISITORS, keep=keep, idle=60 * IDLE_MINUTES)
    return ui.build(corpus, [query.text for query in chosen.queries if query.example], apart)
