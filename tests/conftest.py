"""What the tests share: the sample documents, indexed once with the embedded encoder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from vdr import Corpus

SAMPLE = Path(__file__).parent.parent / "sample_pdfs"


@pytest.fixture(scope="session")
def sample() -> Path:
    """The sample set, in BEIR layout."""
    return SAMPLE


@pytest.fixture(scope="session")
def sample_corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of the sample documents. Read it only; `own_corpus` gives a copy to write to."""
    folder = tmp_path_factory.mktemp("sample") / "corpus"
    report = Corpus(folder).add(SAMPLE / "pdfs")
    assert not report.refused
    return folder


@pytest.fixture
def sample_corpus(sample_corpus_folder: Path) -> Corpus:
    """The indexed sample documents, to read."""
    return Corpus(sample_corpus_folder)


@pytest.fixture
def own_corpus_folder(sample_corpus_folder: Path, tmp_path: Path) -> Path:
    """A copy of the corpus of the sample documents, to change."""
    return shutil.copytree(sample_corpus_folder, tmp_path / "corpus")


@pytest.fixture
def own_corpus(own_corpus_folder: Path) -> Corpus:
    """The indexed sample documents, to change."""
    return Corpus(own_corpus_folder)


@pytest.fixture(scope="session")
def eval_data() -> Path:
    """The measuring data, which is no part of the project."""
    folder = os.environ.get("VDR_EVAL_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs the measuring data: set VDR_EVAL_DATA to its folder")
    return Path(folder)
