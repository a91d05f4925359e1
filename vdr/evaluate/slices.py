"""Groups of queries that have something in common, by what the set says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from vdr.errors import JudgementError
from vdr.evaluate.judged import JudgedQuery
from vdr.types import Qrels

MOST_VALUES = 12
"""A key with more values than this tells queries apart rather than groups them."""
LONGEST_VALUE = 60
"""A value with more characters than this is a text, not a label."""
TEXT_LAYER = "text_layer"
"""The key of the slices by whether the judged pages have text; every set of pages has it."""


def slices(queries: Sequence[JudgedQuery], keys: Sequence[str] | None = None) -> dict[str, dict[str, tuple[str, ...]]]:
    """Group queries by their metadata: key -> value -> the ids of the queries that have it.

    Args:
        queries: All of them.
        keys: What to group by; None for every key with few, short values.

    Raises:
        JudgementError: No query has one of the keys.

    >>> queries = [JudgedQuery("a", "?", metadata={"type": ["table", "text"]}), JudgedQuery("b", "?")]
    >>> slices(queries)
    {'type': {'table': ('a',), 'text': ('a',), 'none': ('b',)}}
    """
    there = list(dict.fromkeys(key for query in queries for key in query.metadata))
    groups = {}
    for key in there if keys is None else keys:
        if key not in there:
            known = f"They have {', '.join(there)}." if there else "They have no metadata at all."
            raise JudgementError(f"No query has {key} in its metadata. {known}")
        group = _group(queries, key)
        if keys is not None or _tells(group):
            groups[key] = group
    return groups


def text_layer(queries: Sequence[JudgedQuery], qrels: Qrels, text: Callable[[str], str]) -> dict[str, tuple[str, ...]]:
    """Group queries by whether any page that answers them has text.

    Args:
        queries: All of them.
        qrels: Their judgements.
        text: Gives the text of a page, empty for one that has none.
    """
    groups: dict[str, list[str]] = {"with text": [], "image only": []}
    for query in queries:
        answers = [unit for unit, grade in qrels[query.id].items() if grade > 0]
        groups["with text" if any(text(unit) for unit in answers) else "image only"].append(query.id)
    return {name: tuple(ids) for name, ids in groups.items() if ids}


def _group(queries: Sequence[JudgedQuery], key: str) -> dict[str, tuple[str, ...]]:
    groups: dict[str, list[str]] = {}
    for query in queries:
        value = query.metadata.get(key)
        labels = value if isinstance(value, list | tuple) else [value]
        for label in dict.fromkeys(map(_label, labels or [None])):
            groups.setdefault(label, []).append(query.id)
    ordered = sorted(groups.items(), key=lambda item: (item[0] == "none", item[0]))
    return {label: tuple(ids) for label, ids in ordered}


def _tells(group: Mapping[str, Sequence[str]]) -> bool:
    return 1 < len(group) <= MOST_VALUES and all(len(label) <= LONGEST_VALUE for label in group)


def _label(value: object) -> str:
    if value is None or value == "":
        return "none"
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
