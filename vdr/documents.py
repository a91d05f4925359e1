"""Paths to named sources: which files to index, under which names, and what each file is.

Knows nothing of what is inside a page, of models or of storage.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal, TypeAlias

from vdr.errors import DocumentError

Kind: TypeAlias = Literal["pdf", "image", "text", "jsonl"]
PAGED: tuple[Kind, ...] = ("pdf", "image")
"""Those that have pages; the others have passages."""

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
TITLE = 16
"""Words of a document's title, at most."""
DIGEST = 24
"""Characters of what is no word of a name, but was drawn or computed."""
_WORD = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
READS = "PDF, PNG, JPEG, TIFF, WebP, .txt, .md, and JSONL with _id, title and text"


@dataclass(frozen=True, slots=True)
class Source:
    """A file to index and the name it will have in the corpus."""

    path: Path
    name: str
    kind: Kind

    @property
    def title(self) -> str:
        """What its pages and passages are part of, as one would say it: the words of its name.

        Empty for records, which have titles of their own, and for a name that only a machine or a counter made.

        >>> Source(Path(), "filings/3M_2018_10K.pdf", "pdf").title
        'filings 3M 2018 10K'
        >>> Source(Path(), "AnnualReport-final.md", "text").title
        'Annual Report final'
        >>> Source(Path(), "a5879805d70c854ea4361e43a84e3bb2.pdf", "pdf").title
        ''
        """
        if self.kind == "jsonl":
            return ""
        name = _HUMP.sub(" ", PurePath(self.name).with_suffix("").as_posix())
        words = [word for word in _WORD.findall(name) if len(word) < DIGEST]
        return " ".join(words[:TITLE]) if any(any(map(str.isalpha, word)) for word in words) else ""

    def sha256(self) -> str:
        """Return the hash of the file's bytes.

        Raises:
            DocumentError: The file cannot be read, or has no bytes.
        """
        try:
            with self.path.open("rb") as file:
                if not file.peek(1):
                    raise DocumentError(shown(self.path), "is empty", "It has no bytes: copy or export it again.")
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
    for path in (path for given in paths for path in _expand(os.fspath(given))):
        try:
            if path.is_dir():
                folder = path.resolve()
                for file in _walk(path):
                    if _kind(file) is None or _is_question_file(file):
                        ignored.append(shown(file))
                    else:
                        roots.setdefault(folder / file.relative_to(path), folder)
            else:
                _check(path)
                folder = path.parent.resolve()
                roots.setdefault(folder / path.name, folder)  # a link keeps its own name
        except DocumentError as error:
            errors.append(error)
        except OSError as error:
            errors.append(unreadable(path, error))
    names = _names(roots)
    sources = tuple(Source(path, names[path], kind) for path in roots if (kind := _kind(path)))
    return Found(sources, tuple(ignored), tuple(errors))


def shown(path: Path) -> str:
    r"""Return a path as valid UTF-8, to show and to store: bytes that are not become `\xe9`."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def unreadable(path: Path, error: OSError) -> DocumentError:
    """Return the error for a file that the operating system does not let us read."""
    return DocumentError(shown(path), f"cannot be read ({error.strerror or error})", "Check that the file is readable.")


def _expand(pattern: str) -> list[Path]:
    path = Path(pattern or "''")  # nothing is not the working folder
    with suppress(RuntimeError):  # the ~ of a user that is not there stays as it is
        path = path.expanduser()
    if not glob.has_magic(pattern) or os.path.lexists(path):
        return [path]
    return [Path(match) for match in sorted(glob.glob(str(path), recursive=True))] or [path]


def _check(path: Path) -> None:
    if not path.exists():
        raise DocumentError(shown(path), "does not exist", "Check the path.")
    if _kind(path) is None:
        raise DocumentError(shown(path), "is not a kind of file that vdr reads", f"It reads {READS}.")
    if not path.is_file():
        raise DocumentError(shown(path), "is a device or a pipe", "Save it to a file first.")


def _kind(path: Path) -> Kind | None:
    return SUFFIXES.get(Path("_" + path.name).suffix.lower())  # "..pdf" has a suffix too, in any Python


def _walk(folder: Path) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(file for file in files if not any(part.startswith(".") for part in file.relative_to(folder).parts))


def _is_question_file(file: Path) -> bool:
    return file.suffix.lower() == ".jsonl" and file.name != "corpus.jsonl"


def _names(roots: dict[Path, Path]) -> dict[Path, str]:
    """Name each file by its file name; those that share one by their paths below their folders, else below all."""
    namesakes: dict[str, list[Path]] = defaultdict(list)
    for path in roots:
        namesakes[path.name].append(path)
    names: dict[Path, str] = {}
    for group in namesakes.values():
        common = os.path.commonpath([path.parent for path in group])
        ways = (
            [path.name for path in group],
            [path.relative_to(roots[path]).as_posix() for path in group],
            [path.relative_to(common).as_posix() for path in group],
        )
        telling = next(way for way in ways if len(set(way)) == len(group))
        names.update({path: shown(Path(name)) for path, name in zip(group, telling, strict=True)})
    return names
