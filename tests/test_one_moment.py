"""What a search sees of the documents while others write."""

from __future__ import annotations

import threading
from pathlib import Path

from vdr import Corpus
from vdr.store import Store


def test_within_one_moment_a_thread_sees_the_documents_of_its_beginning(tmp_path: Path) -> None:
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
    assert elsewhere == [{"b.txt"}]
    assert set(store.documents()) == {"b.txt"}
