"""An encoder named for the wrong channel is refused in one line that says where it belongs."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_text_models
from tiny_models import tiny_adapter, tiny_colqwen2

from vdr.encode import load_page_encoder, load_text_encoder
from vdr.errors import EncoderError

AS_TEXT = r"\. Give it as the text encoder"
AS_PAGES = r" reads page images, not texts\. Give it as the page encoder \(--encoder\)\.$"


def test_an_embedded_text_encoder_is_not_for_pages() -> None:
    with pytest.raises(EncoderError, match=rf"^minilm reads texts, not page images{AS_TEXT} \(--text-encoder\)\.$"):
        load_page_encoder("minilm")


@pytest.mark.parametrize("save", [tiny_text_models.stanford, tiny_text_models.pylate], ids=["stanford", "pylate"])
def test_a_text_checkpoint_is_not_for_pages(save: object, tmp_path: Path) -> None:
    assert callable(save)
    folder = save(tmp_path / "colbert")
    with pytest.raises(EncoderError, match=rf"colbert (reads texts, not page images|takes no images){AS_TEXT}"):
        load_page_encoder(str(folder))


def test_a_page_checkpoint_is_not_for_texts(tmp_path: Path) -> None:
    base = tiny_colqwen2(tmp_path / "base")
    with pytest.raises(EncoderError, match=f"base{AS_PAGES}"):
        load_text_encoder(str(base))
    for file in ("preprocessor_config.json", "processor_config.json"):
        (base / file).unlink(missing_ok=True)
    with pytest.raises(EncoderError, match=f"base{AS_PAGES}"):
        load_text_encoder(str(base))
    adapter = tiny_adapter(tmp_path / "adapter", base)
    (adapter / "preprocessor_config.json").write_text("{}")  # published adapters bring it along
    with pytest.raises(EncoderError, match=f"adapter{AS_PAGES}"):
        load_text_encoder(str(adapter))
