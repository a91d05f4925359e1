"""A data set of the Hugging Face hub in a local folder, as parquet files; what ViDoRe comes as. Downloads nothing.

    corpus, queries, qrels   ViDoRe v2 and v3, and BEIR sets: a folder of each name, or `data/corpus-*.parquet`
    one table                ViDoRe v1: rows of query, image and image_filename

The corpus is indexed from files, so its images (or records of text) are written once to the user's cache folder, under
`vdr/sets`. They can be deleted at any time. Of several splits only `test` is read.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs
import pyarrow as pa
from PIL import Image
from pyarrow import parquet

from vdr.errors import JudgementError
from vdr.evaluate.judged import JudgedQuery, JudgedSet, assemble

logger = logging.getLogger(__name__)

PARTS = ("corpus", "queries", "qrels")
QUERY_ID = ("query-id", "query_id", "_id", "id")
CORPUS_ID = ("corpus-id", "corpus_id", "_id", "id")
_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "TIFF": ".tiff"}


def found(folder: Path) -> bool:
    """Tell whether a folder has this layout, or is a subset of one that has (`folder/english`)."""
    return any(_home(folder)[0].rglob("*.parquet"))


def load(folder: Path) -> JudgedSet:
    """Read a set and write its pages to the cache.

    Raises:
        JudgementError: A table or a column is missing, or an image cannot be read.
    """
    home, prefix = _home(folder)
    files = sorted(path.relative_to(home) for path in home.rglob("*.parquet"))
    parts = {part: _test_split([file for file in files if _belongs(file, prefix + part)]) for part in PARTS}
    if all(parts.values()):
        return _load_three(folder, {part: [home / file for file in its_files] for part, its_files in parts.items()})
    if prefix or any(parts.values()):
        missing = ", ".join(prefix + part for part, its_files in parts.items() if not its_files)
        raise JudgementError(f"{home} has no parquet file of {missing}. It needs all of {', '.join(PARTS)}.")
    subsets = sorted({name.removesuffix("-corpus") for file in files for name in file.parts if "-corpus" in name})
    if subsets:
        raise JudgementError(f"{home} has the subsets {', '.join(subsets)}. Name one of them: {home / subsets[0]}")
    return _load_one(folder, [home / file for file in _test_split(files)])


def _home(folder: Path) -> tuple[Path, str]:
    """Return the folder with the files, and what the names of the parts begin with."""
    if not folder.is_dir() and any(folder.parent.glob(f"{folder.name}-corpus*")):
        return folder.parent, f"{folder.name}-"
    return folder, ""


def _belongs(file: Path, part: str) -> bool:
    return part in file.parts[:-1] or re.match(rf"{re.escape(part)}\b", file.name) is not None


def _test_split(files: list[Path]) -> list[Path]:
    return [file for file in files if re.search(r"(^|[-_.])test([-_.]|$)", file.stem)] or files


def _load_three(folder: Path, parts: dict[str, list[Path]]) -> JudgedSet:
    ids, queries = _column(parts["queries"], QUERY_ID), _column(parts["queries"], ("query", "text"))
    asked = [
        JudgedQuery.of(str(row[ids]), str(row[queries]), {k: v for k, v in row.items() if k not in (ids, queries)})
        for row in _rows(parts["queries"])
    ]
    documents, keys = _write_corpus(folder, parts["corpus"], _column(parts["corpus"], CORPUS_ID))
    query, unit = _column(parts["qrels"], QUERY_ID), _column(parts["qrels"], CORPUS_ID)
    qrels: dict[str, dict[str, int]] = {}
    for row in _rows(parts["qrels"]):
        judged = qrels.setdefault(str(row[query]), {})
        key = keys.get(str(row[unit]), str(row[unit]))
        judged[key] = max(judged.get(key, 0), int(row.get("score", 1)))
    return assemble([documents], asked, qrels, folder)


def _load_one(folder: Path, files: list[Path]) -> JudgedSet:
    """Read rows of a question (or none) and its page; the same question may have several pages."""
    text, file_name = _column(files, ("query",)), _column(files, ("image_filename", "image_path"))
    documents, keys = _write_corpus(folder, files, file_name)
    queries: dict[str, JudgedQuery] = {}
    qrels: dict[str, dict[str, int]] = {}
    columns = [name for name in _schema(files).names if name != "image"]
    for row in _rows(files, columns):
        if row[text]:
            rest = {name: value for name, value in row.items() if name not in (text, file_name)}
            query = queries.setdefault(row[text], JudgedQuery.of(f"q{len(queries) + 1}", row[text], rest))
            qrels.setdefault(query.id, {})[keys[str(row[file_name])]] = 1
    return assemble([documents], queries.values(), qrels, folder)


# --- tables ----------------------------------------------------------------------------------------------


def _schema(files: Sequence[Path]) -> pa.Schema:
    try:
        return parquet.read_schema(files[0])
    except (pa.ArrowException, OSError) as error:
        raise JudgementError(f"{files[0]} is not a parquet file. Download it again.") from error


def _column(files: Sequence[Path], names: Sequence[str]) -> str:
    there = _schema(files).names
    chosen = next((name for name in names if name in there), None)
    if chosen is None:
        raise JudgementError(f"{files[0]} has no column {' or '.join(names)}. It has {', '.join(there)}.")
    return chosen


def _rows(files: Sequence[Path], columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of tables, a few at a time, as images are large."""
    for file in files:
        try:
            with parquet.ParquetFile(file) as table:
                for batch in table.iter_batches(batch_size=16, columns=columns):
                    yield from batch.to_pylist()
        except (pa.ArrowException, OSError) as error:
            raise JudgementError(f"{file} cannot be read ({error}). Download it again.") from error


# --- the corpus as files -----------------------------------------------------------------------------------


def _write_corpus(folder: Path, files: Sequence[Path], id_column: str) -> tuple[Path, dict[str, str]]:
    """Write pages or records to the cache unless they are there.

    Returns:
        What to index, and the key of each corpus id.
    """
    there = _schema(files).names
    cache = _cache(folder, files)
    if "image" in there:
        if not cache.exists():
            _write(cache, lambda into: _write_images(folder, into, _rows(files, [id_column, "image"]), id_column))
        names = {path.stem: path.name for path in cache.iterdir()}
        ids = {str(row[id_column]) for row in _rows(files, [id_column])}
        return cache, {id: f"{names[_stem(id)]}:1" for id in ids}
    text = _column(files, ("text",))
    if not cache.exists():
        columns = [id_column, text, *(["title"] if "title" in there else [])]
        _write(cache, lambda into: _write_records(into, _rows(files, columns), id_column))
    return cache / "corpus.jsonl", {}


def _cache(folder: Path, files: Sequence[Path]) -> Path:
    """Return the folder for a corpus; other files, or the same ones changed, have another."""
    states = [(str(file.resolve()), (stat := file.stat()).st_size, stat.st_mtime_ns) for file in files]
    name = f"{folder.resolve().name}-{hashlib.sha256(json.dumps(states).encode()).hexdigest()[:12]}"
    return Path(platformdirs.user_cache_dir("vdr", appauthor=False)) / "sets" / name


def _write(cache: Path, write: Callable[[Path], None]) -> None:
    """Fill a folder aside and give it its name when it is complete."""
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=cache.parent, prefix=".writing-"))
    except OSError as error:
        raise JudgementError(f"{cache.parent} cannot be written ({error.strerror}). The pages go there.") from error
    try:
        logger.info("writing the pages of the set to %s", cache)
        write(aside)
        with suppress(FileExistsError):  # somebody else was as quick
            aside.rename(cache)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _write_images(folder: Path, into: Path, rows: Iterator[dict[str, Any]], id_column: str) -> None:
    """Write each page once, its bytes as they are if vdr reads such files."""
    written: set[str] = set()
    for row in rows:
        stem = _stem(str(row[id_column]))
        if stem in written:
            continue
        written.add(stem)
        data = _image_bytes(folder, row["image"], row[id_column])
        try:
            with Image.open(io.BytesIO(data)) as image:
                suffix = _SUFFIXES.get(image.format or "")
                if suffix:
                    (into / f"{stem}{suffix}").write_bytes(data)
                else:
                    image.convert("RGB").save(into / f"{stem}.png")
        except (OSError, ValueError) as error:
            raise JudgementError(f"{folder}: the image of {row[id_column]} cannot be read ({error}).") from error


def _image_bytes(folder: Path, image: Any, id: object) -> bytes:
    """Return the bytes of an image column, which holds them or the path of a file beside the tables."""
    if isinstance(image, bytes):
        return image
    if isinstance(image, dict):
        if image.get("bytes"):
            return bytes(image["bytes"])
        path = folder / str(image.get("path") or "")
        if path.is_file():
            return path.read_bytes()
    raise JudgementError(f"{folder} has no image of {id}: the column holds neither bytes nor the path of a file.")


def _write_records(into: Path, rows: Iterator[dict[str, Any]], id_column: str) -> None:
    with (into / "corpus.jsonl").open("w", encoding="utf-8") as file:
        for row in rows:
            record = {"_id": str(row[id_column]), "title": row.get("title") or "", "text": row["text"] or ""}
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _stem(id: str) -> str:
    """Return a file name for an id, the id itself where it can be one.

    >>> _stem("17"), _stem("images/a 1.jpg")
    ('17', 'images_a_1.jpg-053a6f01')
    """
    safe = re.sub(r"[^\w.-]+", "_", id).strip(".")[-80:]
    return safe if safe == id else f"{safe}-{hashlib.sha256(id.encode()).hexdigest()[:8]}"
