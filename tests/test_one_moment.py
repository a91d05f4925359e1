"""What a search sees of the documents while others write."""

from __future__ import annotations

import threading
from contextvars import copy_context
from pathlib import Path

from vdr import Corpus
from vdr.store import Store


def test_within_one_moment_a_search_sees_the_documents_of_its_beginning_in_its_threads_too(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("otters")
    (tmp_path / "b.txt").write_text("badgers")
    corpus = Corpus(tmp_path / "c", encoder="none", text_encoder="none", dense_encoder="none")
    corpus.add([tmp_path / "a.txt", tmp_path / "b.txt"])
    store = Store(str(tmp_path / "c"))
    elsewhere: list[set[str]] = []
    with store.one_moment():
        corpus.delete("a.txt")
        assert set(store.documents()) == {"a.txt", "b.txt"}
        thread = threading.Thread(target=lambda: elsewhere.append(set(store.documents())))
        thread.start()
        thread.join()
        with_it: list[set[str]] = []
        thread = threading.Thread(target=copy_context().run, args=(lambda: with_it.append(set(store.documents())),))
        thread.start()
        thread.join()
        assert Store(str(tmp_path / "c")).documents().keys() == {"b.txt"}  # another corpus object: its own moments
    assert elsewhere == [{"b.txt"}]
    assert with_it == [{"a.txt", "b.txt"}]
    assert set(store.documents()) == {"b.txt"}
