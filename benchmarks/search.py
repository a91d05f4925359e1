"""How well and how fast engines search the same pages: recall, latency, build time, disk and memory, side by side.

    python benchmarks/search.py --pages N [--engines A,B] [--queries N] [--pdfs SET] [--device cuda] [--json]
                                [--keep DIR] [--markdown] [--plot FILE] [--with ROWS.json]

SET is a folder of PDFs, or one with `pdfs/` and `queries.jsonl` (by default `mmlongbench-dev` in the folder that
VDR_EVAL_DATA names, else the sample documents); beyond its pages come distractors (see `search_vectors`). The truth is
exhaustive float32 MaxSim over the vectors before any quantization. `recall@10` is the share of the true ten that were
found; `score_recall@10` counts any page that scores at least as the true tenth, so that ties are no misses. Each
engine builds in one process and searches in another: `rss_bytes` is what that one holds at the end, `anon_bytes`
what of it is no mapped file. An engine that has settings is reported at the fastest with a recall of .95, else at
the best. Queries are encoded beforehand; three warm up, then each is timed once, alone.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import platformdirs
from search_engines import ENGINES as WHOLE
from search_engines import Engine, check_installed
from search_report import Row, markdown, plot, table
from search_sample import VdrSample
from search_vectors import PAGE_VECTORS, SAMPLE, SEED, BenchmarkPages, Pool, load_pool

from vdr.errors import VdrError
from vdr.types import Floats

K = 10
WARM_UP = 3
QUERIES = 50
ENOUGH = 0.95
ENGINES: dict[str, type[Engine]] = {**WHOLE, "vdr-sample": VdrSample}
"""By the names that `--engines` takes."""
VDR_UP_TO = 500_000
"""Pages up to which ours is measured with all vectors on disk, by default; beyond, see `search_sample`."""
ALL_UP_TO = 10_000
"""Beyond so many pages the peers need tens of gigabytes, or an hour; name them to measure them all the same."""

Setting: TypeAlias = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Trial:
    """An engine's answers with one setting: the pages for each query, and milliseconds."""

    setting: Setting
    found: list[list[int]]
    milliseconds: list[float]


@dataclass(frozen=True, slots=True)
class Searched:
    """What the searching process reports."""

    trials: list[Trial]
    open_s: float
    rss_bytes: int
    anon_bytes: int


def build(name: str, judged_set: Path, cache: Path, count: int, folder: Path) -> float:
    """Build an engine's index, in a process of its own; return the seconds."""
    pages = BenchmarkPages(load_pool(judged_set, cache), count)
    shutil.rmtree(folder, ignore_errors=True)  # a run that was interrupted
    folder.mkdir(parents=True)
    begin = time.perf_counter()
    ENGINES[name]().build(pages, folder)
    return time.perf_counter() - begin


def search(name: str, folder: Path, queries: Floats, device: str) -> Searched:
    """Open an engine's index and search it with every setting, in a process of its own."""
    engine = ENGINES[name]()
    begin = time.perf_counter()
    engine.open(folder, queries, device)
    open_s = time.perf_counter() - begin
    trials = []
    for setting in engine.settings:
        for number in range(min(WARM_UP, len(queries))):
            engine.search(number, K, setting)
        found, milliseconds = [], []
        for number in range(len(queries)):
            begin = time.perf_counter()
            pages = engine.search(number, K, setting)
            milliseconds.append(1000 * (time.perf_counter() - begin))
            found.append(list(pages))
        trials.append(Trial(setting, found, milliseconds))
    return Searched(trials, open_s, *resident())


def resident() -> tuple[int, int]:
    """Return the bytes this process holds in memory, and those of them that are no mapped file.

    Where there is no /proc, both are the most it ever held.
    """
    status = Path("/proc/self/status")
    if not status.is_file():
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return peak, peak
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    rss, anon = (1024 * int(fields[field].split()[0]) for field in ("VmRSS", "RssAnon"))
    return rss, anon


def alone(function: Callable[..., Any], *arguments: object) -> Any:
    """Run a function in a fresh process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def recall(found: Sequence[Sequence[int]], scores: Floats) -> tuple[float, float]:
    """Return recall and score recall at 10 against the exact scores `(n_queries, n_pages)`."""
    by_page, by_score = [], []
    for pages, exact in zip(found, scores, strict=True):
        best = np.argsort(-exact, kind="stable")[:K]
        by_page.append(len(set(pages) & set(best.tolist())) / len(best))
        tenth = exact[best[-1]]
        reached = exact[list(pages)] >= tenth - 1e-5 * abs(tenth)  # summed in another order, a tie differs by so much
        by_score.append(float(reached.sum()) / len(best))
    return float(np.mean(by_page)), float(np.mean(by_score))


def best_trial(trials: Sequence[Trial], scores: Floats) -> Trial:
    """Return the fastest trial that finds enough, else the one that finds most."""

    def worth(trial: Trial) -> tuple[bool, float]:
        found = recall(trial.found, scores)[0]
        return found >= ENOUGH, -float(np.median(trial.milliseconds)) if found >= ENOUGH else found

    return max(trials, key=worth)


def measure(
    name: str,
    judged_set: Path,
    cache: Path,
    pages: BenchmarkPages,
    queries: Floats,
    scores: Floats,
    device: str,
    keep: Path | None,
) -> Row:
    """Measure one engine; its files are deleted afterwards, unless they are kept."""
    with kept_or_temporary(keep, f"{name}-{pages.count}-{pages.pool.fingerprint}", cache) as folder:
        took = folder.with_name(f"{folder.name}.seconds")
        if not took.is_file():
            took.write_text(str(alone(build, name, judged_set, cache, pages.count, folder)))
        build_s = float(took.read_text())
        disk = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        searched: Searched = alone(search, name, folder, queries, device)
    trial = best_trial(searched.trials, scores)
    by_page, by_score = recall(trial.found, scores)
    p50, p95 = np.percentile(trial.milliseconds, [50, 95])
    return {
        "engine": name,
        "pages": pages.count,
        "recall@10": round(by_page, 4),
        "score_recall@10": round(by_score, 4),
        "p50_ms": round(float(p50), 2),
        "p95_ms": round(float(p95), 2),
        "build_s": round(build_s, 2),
        "open_s": round(searched.open_s, 2),
        "disk_bytes": disk,
        "rss_bytes": searched.rss_bytes,
        "anon_bytes": searched.anon_bytes,
        "queries": len(queries),
        "setting": ", ".join(f"{key} {value}" for key, value in trial.setting.items()),
        "device": device,
    }


@contextmanager
def kept_or_temporary(keep: Path | None, name: str, cache: Path) -> Iterator[Path]:
    """Give an engine a folder: one that stays, or one that is gone afterwards."""
    if keep is None:
        with tempfile.TemporaryDirectory(dir=cache, prefix=f"{name}-") as temporary:
            yield Path(temporary, "built")
    else:
        yield keep / name


def exact_scores(pages: BenchmarkPages, queries: Floats, cache: Path) -> Floats:
    """Return the true scores `(n_queries, n_pages)`, computed once for a pool, a number of pages and of queries."""
    file = cache / f"{pages.pool.fingerprint}-scores-{SEED}-{PAGE_VECTORS}-{pages.count}-{len(queries)}.npy"
    if not file.is_file():
        np.save(file, pages.exact_scores(queries))
    scores: Floats = np.load(file)
    return scores


def default_set() -> Path:
    """Return the measuring data if `VDR_EVAL_DATA` names them, else the sample documents."""
    data = os.environ.get("VDR_EVAL_DATA")
    return Path(data) / "mmlongbench-dev" if data else SAMPLE


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, required=True, help="how many pages to search")
    default = f"all, beyond {ALL_UP_TO:,} pages only vdr, beyond {VDR_UP_TO:,} vdr-sample"
    engines = f"of {', '.join(ENGINES)} (by default {default})"
    parser.add_argument("--engines", help=engines)
    parser.add_argument(
        "--queries", type=int, help=f"how many queries (by default {QUERIES}, or all where there are fewer)"
    )
    parser.add_argument("--pdfs", type=Path, default=default_set(), metavar="SET", help="the real pages and queries")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="where to score, if an engine can")
    parser.add_argument("--with", dest="others", type=Path, action="append", default=[], metavar="ROWS.json",
                        help="rows of an earlier --json run, for the table and the plot")  # fmt: skip
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep indexes here, and use those of an earlier run")
    parser.add_argument("--json", action="store_true", help="print rows as JSON")
    parser.add_argument("--markdown", action="store_true", help="print the table for docs/performance.md")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw recall over latency")
    given = parser.parse_args()
    if given.engines is None:
        few, ours = given.pages <= ALL_UP_TO, "vdr" if given.pages <= VDR_UP_TO else "vdr-sample"
        given.engines = ",".join(WHOLE) if few else ours
    given.engines = [name for name in given.engines.split(",") if name]
    unknown = [name for name in given.engines if name not in ENGINES]
    if unknown:
        parser.error(f"there is no engine {unknown[0]}; there are {', '.join(ENGINES)}")
    if given.pages < 1 or (given.queries is not None and given.queries < 1):
        parser.error("--pages and --queries must be at least 1")
    return given


def rows_of(given: argparse.Namespace) -> tuple[list[Row], list[str]]:
    """Measure what was asked for; return the rows and the names of engines that failed."""
    check_installed({name: ENGINES[name] for name in given.engines})
    cache = Path(platformdirs.user_cache_dir("vdr", appauthor=False)) / "benchmark"
    cache.mkdir(parents=True, exist_ok=True)
    pool: Pool = load_pool(given.pdfs, cache)
    count = min(QUERIES, len(pool.queries)) if given.queries is None else given.queries
    if count > len(pool.queries):
        raise VdrError(f"{given.pdfs} has {len(pool.queries)} queries. Ask for at most as many with --queries.")
    pages, queries = BenchmarkPages(pool, given.pages), pool.queries[:count]
    print(f"{len(pool)} real pages by {pool.encoder}; exact scores of {given.pages:,} pages", file=sys.stderr)
    scores = exact_scores(pages, queries, cache)
    rows, failed = [], []
    for name in given.engines:
        print(f"{name} ...", file=sys.stderr)
        try:
            rows.append(measure(name, given.pdfs, cache, pages, queries, scores, given.device, given.keep))
            print(json.dumps(rows[-1]), file=sys.stderr)
        except Exception as error:  # of any kind: the other engines are still to be measured
            print(f"{name} failed: {type(error).__name__}: {error}", file=sys.stderr)
            failed.append(name)
    return rows, failed


def main() -> None:
    """Measure and print."""
    given = arguments()
    try:
        rows, failed = rows_of(given)
    except VdrError as error:
        sys.exit(f"search.py: {error}")
    for file in given.others:
        rows = [*json.loads(file.read_text()), *rows]
    if given.json:
        print(json.dumps(rows, indent=2))
    else:
        print(markdown(rows) if given.markdown else table(rows))
    if given.plot:
        plot(rows, given.plot)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
