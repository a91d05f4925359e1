"""What a user waits for: `vdr --help`, a cold `vdr search`, and indexing, each as a whole process.

    python benchmarks/start.py [--pdfs FOLDER] [--runs N]

Prints seconds (minimum and median over the runs) and pages a second.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAMPLE = Path(__file__).parent.parent / "sample_pdfs" / "pdfs"


def seconds(*arguments: str) -> float:
    """Run `vdr` once and return how long it took."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "vdr.cli", *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pdfs", type=Path, default=SAMPLE, help="folder to index (the samples by default)")
    parser.add_argument("--runs", type=int, default=5, help="runs of each command")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        corpus = ("--corpus", f"{folder}/corpus")
        indexing = seconds("index", str(args.pdfs), *corpus)
        from vdr import Corpus

        pages = Corpus(corpus[1]).info().pages
        print(f"index {pages} pages, cold   {indexing:6.2f} s  {pages / indexing:.1f} pages/s")
        for name, command in (
            ("--help", ("--help",)),
            ("search --mode auto", ("search", "total revenue", *corpus)),
            ("search --mode bm25", ("search", "total revenue", "--mode", "bm25", *corpus)),
        ):
            times = [seconds(*command) for _ in range(args.runs)]
            print(f"{name:<24}  min {min(times):.2f} s  median {statistics.median(times):.2f} s")


if __name__ == "__main__":
    main()
