"""Exact MaxSim over a given list of pages: the second stage behind a cheaper one. Knows no encoder and no fusion."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from vdr import tables
from vdr.database import RESTORE, any_of
from vdr.errors import CorpusError, first_line
from vdr.maxsim import maxsim_int8
from vdr.quantize import to_space
from vdr.retrieve import COMPILE, Scores
from vdr.store import Store
from vdr.types import Channel, Floats
from vdr.vectors import SCAN_ROWS


def score(store: Store, channel: Channel, query: Floats, keys: Collection[str]) -> Scores:
    """Score some units of a channel.

    Args:
        store: The corpus.
        channel: `visual` or `text`.
        query: `(n_query, dim)`.
        keys: Of the units; those without vectors in this channel get no score.

    Raises:
        CorpusError: The vectors cannot be read.
    """
    vectors, pin = store.vectors(channel), store.pin(channel)
    table = vectors.table
    if table is None or pin is None or not len(query) or not keys:
        return Scores({}, {})
    query = np.ascontiguousarray(to_space(query, pin.bits), np.float32)
    live, compiled = store.live(), vectors.size() > COMPILE
    scores: dict[str, float] = {}
    try:
        rows = table.search().where(any_of("key", sorted(keys))).select(["key", "doc_id", "numbers", "scales"])
        for batch in rows.to_batches(batch_size=SCAN_ROWS):
            if batch.num_rows:
                quantized, offsets = tables.read_quantized(batch, pin.choice)
                found = maxsim_int8(query, quantized.numbers, quantized.scales, offsets, compiled=compiled)
                owned = zip(batch["key"].to_pylist(), batch["doc_id"].to_pylist(), found.tolist(), strict=True)
                scores.update({key: value for key, doc_id, value in owned if doc_id in live})
    except (OSError, RuntimeError) as error:
        raise CorpusError(f"The corpus {store.uri} cannot be read: {first_line(error)}. {RESTORE}") from error
    return Scores(scores, {})
