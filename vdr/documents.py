"""Paths to named sources: which files to index, under which names, and what each file is.

Knows nothing of what is inside a page, of models or of storage.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from vdr.errors import DocumentError

Kind: TypeAlias = Literal["pdf", "image", "text", "jsonl"]

SUFFIXES: dict[str, Kind] = {
    ".pdf": "pdf",
    ".png": "image",
    ".jpg": "image",
    ".jpeg": "image",
    ".tif": "image",
    ".tiff": "image",
    ".webp": "image",
    ".txt": "text",
    ".md": "text",
    ".jsonl": "jsonl",
}
READS = "PDF, PNG, JPEG, TIFF, WebP, .txt, .md, and JSONL with _id, title and text"


@dataclass(frozen=True, slots=True)
class Source:
    """A file to index and the name it will have in the corpus."""

    path: Path
    name: str
    kind: Kind

    def sha256(self) -> str:
        """Return the hash of the file's bytes.

        Raises:
            DocumentError: The file cannot be read, or has no bytes.
        """
        try:
            with self.path.open("rb") as file:
                if not file.peek(1):
                    raise DocumentError(str(self.path), "is empty", "It has no bytes: copy or export it again.")
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise unreadable(self.path, error) from error


@dataclass(frozen=True, slots=True)
class Found:
    """What a list of paths holds: sources, files of other kinds met in folders, and paths that are no use."""

    sources: tuple[Source, ...]
    ignored: tuple[str, ...]
    errors: tuple[DocumentError, ...]


def find(paths: Iterable[str | os.PathLike[str]]) -> Found:
    """Expand files, folders and globs into named sources, each file once, in a stable order.

    Inside a folder, hidden files are passed over, and of JSONL files only `corpus.jsonl` is taken (its neighbours
    hold questions); a JSONL file named outright is taken whatever it is called.
    """
    roots: dict[Path, Path] = {}  # file -> the folder its name is relative to
    ignored: list[str] = []
    errors: list[DocumentError] = []
    for given in paths:
        for path in map(_normal, _expand(os.fspath(given))):
            if path.is_dir():
                for file in _walk(path):
                    if SUFFIXES.get(file.suffix.lower()) is None or _is_question_file(file):
                        ignored.append(str(file))
                    else:
                        roots.setdefault(file.absolute(), path.absolute())
            elif not path.exists():
                errors.append(DocumentError(str(path), "does not exist", "Check the path."))
            elif SUFFIXES.get(path.suffix.lower()) is None:
                errors.append(DocumentError(str(path), "is not a kind of file that vdr reads", f"It reads {READS}."))
            else:
                roots.setdefault(path.absolute(), path.absolute().parent)
    names = _names(roots)
    sources = tuple(Source(path, names[path], SUFFIXES[path.suffix.lower()]) for path in roots)
    return Found(sources, tuple(ignored), tuple(errors))


def unreadable(path: Path, error: OSError) -> DocumentError:
    """Return the error for a file that the operating system does not let us read."""
    return DocumentError(str(path), f"cannot be read ({error.strerror or error})", "Check that the file is readable.")


def _expand(pattern: str) -> list[Path]:
    path = Path(pattern).expanduser()
    if path.exists() or not glob.has_magic(pattern):
        return [path]
    return [Path(match) for match in sorted(glob.glob(str(path), recursive=True))] or [path]


def _normal(path: Path) -> Path:
    """Take `.` and `..` out of a path, so that one file has one path; a link keeps its own name."""
    return Path(os.path.normpath(path))


def _walk(folder: Path) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(file for file in files if not any(part.startswith(".") for part in file.relative_to(folder).parts))


def _is_question_file(file: Path) -> bool:
    return file.suffix.lower() == ".jsonl" and file.name != "corpus.jsonl"


def _names(roots: dict[Path, Path]) -> dict[Path, str]:
    """Name each file by its file name; where names clash, by its path below its folder, then below all of them."""

    def common(group: list[Path]) -> Path:
        return Path(os.path.commonpath([file.parent for file in group]))

    levels: tuple[Callable[[Path, list[Path]], str], ...] = (
        lambda path, group: path.name,
        lambda path, group: path.relative_to(roots[path]).as_posix(),
        lambda path, group: path.relative_to(common(group)).as_posix(),
    )
    names: dict[Path, str] = {}
    clashing: list[list[Path]] = [list(roots)]
    for level in levels:
        groups: dict[str, list[Path]] = defaultdict(list)
        for group in clashing:
            for path in group:
                groups[level(path, group)].append(path)
        for name, group in groups.items():
            names.update({path: _printable(name) for path in group})
        clashing = [group for group in groups.values() if len(group) > 1]
    return names


def _printable(name: str) -> str:
    """Make a file name valid UTF-8: bytes that are not become U+FFFD."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
