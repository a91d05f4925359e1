"""A report as Markdown or as one HTML file. Knows headings, paragraphs, tables and plots, not what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TypeAlias

from vdr.errors import JudgementError

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1, h2, h3 { line-height: 1.2; margin: 2rem 0 .6rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid #d5d9de; text-align: left; vertical-align: top;
  overflow-wrap: anywhere; }
th { border-bottom-width: 2px; white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
svg { max-width: 100%; height: auto; }
summary { cursor: pointer; margin: 1rem 0; }
"""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1 to 3."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A few sentences."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under a head.

    Attributes:
        head: The columns' names.
        rows: As many cells each.
        words: How many columns, from the left, are words; the others are numbers.
        summary: What a long table is folded under; empty to show it.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Plot:
    """An SVG.

    Attributes:
        name: Part of a file name.
        caption: What it shows.
        svg: The drawing.
    """

    name: str
    caption: str
    svg: str


Block: TypeAlias = Heading | Paragraph | Table | Plot


def check(file: Path) -> None:
    """Refuse a report that could not be written, before any work is done.

    Raises:
        JudgementError: The name ends neither in .md nor .html, or there is no such folder.
    """
    if file.suffix.lower() not in (".md", ".html"):
        raise JudgementError(f"{file} is no name for a report. Let it end in .html or .md.")
    if not file.absolute().parent.is_dir():
        raise JudgementError(f"{file} cannot be written: there is no such folder. Make it first.")


def write(file: Path, blocks: Sequence[Block]) -> list[Path]:
    """Write a report, as HTML with its plots inside, or as Markdown with its plots as files beside it.

    Returns:
        The files written.

    Raises:
        JudgementError: One cannot be written, or has another ending than .md or .html.
    """
    check(file)
    files = {file: html(blocks)}
    if file.suffix.lower() == ".md":
        plots = {f"{file.stem}-{block.name}.svg": block.svg for block in blocks if isinstance(block, Plot)}
        files = {file: markdown(blocks, file.stem)} | {file.with_name(name): svg for name, svg in plots.items()}
    for path, text in files.items():
        try:
            path.write_text(text, "utf-8")
        except OSError as error:
            raise JudgementError(f"{path} cannot be written ({error.strerror}).") from error
    return list(files)


def markdown(blocks: Sequence[Block], stem: str) -> str:
    r"""Return blocks as Markdown; plots are links to `<stem>-<name>.svg`.

    >>> markdown([Heading("Title", 1), Table(["a", "b"], [["x|y", "1"]])], "r")
    '# Title\n\n| a | b |\n|---|---:|\n| x\\|y | 1 |\n'
    """
    return "\n\n".join(_markdown(block, stem) for block in blocks) + "\n"


def html(blocks: Sequence[Block]) -> str:
    """Return blocks as one HTML file that loads nothing."""
    title = next((block.text for block in blocks if isinstance(block, Heading)), "")
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{STYLE}</style>\n'
        + "\n".join(map(_html, blocks))
        + "\n</html>\n"
    )


def _markdown(block: Block, stem: str) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {_marked(block.text)}"
        case Paragraph():
            return _marked(block.text)
        case Plot():
            return f"![{_marked(block.caption)}]({stem.replace(' ', '%20')}-{block.name}.svg)"
        case Table():
            rule = ["---" if number < block.words else "---:" for number in range(len(block.head))]
            rows = [block.head, *block.rows]
            lines = ["| " + " | ".join(_marked(cell).replace("|", r"\|") for cell in row) + " |" for row in rows]
            table = "\n".join([lines[0], "|" + "|".join(rule) + "|", *lines[1:]])
            folded = f"<details><summary>{escape(block.summary)}</summary>\n\n{table}\n\n</details>"
            return folded if block.summary else table


def _marked(text: str) -> str:
    """Return text that Markdown shows as it is."""
    text = " ".join(escape(text, quote=False).split())
    for sign in "\\`*_[]":
        text = text.replace(sign, "\\" + sign)
    return text


def _html(block: Block) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
        case Paragraph():
            return f"<p>{escape(block.text)}</p>"
        case Plot():
            return (
                f"<figure style='margin: 1rem 0'>{block.svg}<figcaption>{escape(block.caption)}</figcaption></figure>"
            )
        case Table():
            lines = [_row("th", block.head, block.words), *(_row("td", row, block.words) for row in block.rows)]
            table = '<div class="wide"><table>\n' + "\n".join(lines) + "\n</table></div>"
            folded = f"<details><summary>{escape(block.summary)}</summary>\n{table}\n</details>"
            return folded if block.summary else table


def _row(tag: str, cells: Sequence[str], words: int) -> str:
    kinds = ("" if number < words else ' class="number"' for number in range(len(cells)))
    return (
        "<tr>"
        + "".join(f"<{tag}{kind}>{escape(cell)}</{tag}>" for kind, cell in zip(kinds, cells, strict=True))
        + "</tr>"
    )
