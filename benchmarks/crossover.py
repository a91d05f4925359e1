"""From which size on compact codes are worth it: a warm search with them, and over all vectors in memory.

    python benchmarks/crossover.py [--pages 64,128,256,512,1024] [--pdfs SET]

Pages and queries are those of `search.py`. What it prints is behind `vdr.vectors.EXHAUSTIVE`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import platformdirs
from search import default_set
from search_encoder import KnownQueries
from search_engines import Vdr
from search_vectors import BenchmarkPages, load_pool

from vdr import Corpus, vectors

QUERIES = 50
K = 10


def milliseconds(corpus: Corpus, count: int, *, exact: bool) -> float:
    """Return the median time of a search, each query once after all were asked once."""
    found = []
    for number in [*range(count), *range(count)]:
        begin = time.perf_counter()
        corpus.search(str(number), K, mode="visual", exact=exact)
        found.append(1000 * (time.perf_counter() - begin))
    return float(np.median(found[count:]))


def main() -> None:
    """Measure and print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", default="64,128,256,512,1024", help="sizes, with commas between")
    parser.add_argument("--pdfs", type=Path, default=default_set(), metavar="SET", help="the real pages and queries")
    given = parser.parse_args()
    cache = Path(platformdirs.user_cache_dir("vdr", appauthor=False)) / "benchmark"
    cache.mkdir(parents=True, exist_ok=True)
    pool = load_pool(given.pdfs, cache)
    queries = pool.queries[:QUERIES]
    print("pages  MB of vectors  all ms  staged ms")
    for count in map(int, given.pages.split(",")):
        with tempfile.TemporaryDirectory() as temporary:
            vectors.EXHAUSTIVE = -1  # codes are made whatever the size
            Vdr().build(BenchmarkPages(pool, count), Path(temporary))
            made = {"encoder": KnownQueries(queries), "text_encoder": "none", "dense_encoder": "none"}
            corpus = Corpus(Path(temporary) / "corpus", **made)  # type: ignore[arg-type]
            staged = milliseconds(corpus, len(queries), exact=False)
            vectors.EXHAUSTIVE = 1 << 40  # and all is kept in memory
            every = milliseconds(corpus, len(queries), exact=True)
            size = corpus._store.vectors("visual").size() / 1e6
        print(f"{count:5,}  {size:13.1f}  {every:6.1f}  {staged:9.1f}", flush=True)


if __name__ == "__main__":
    main()
