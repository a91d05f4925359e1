"""Write the sample documents: `python sample_pdfs/generate.py [--out DIR]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from generator import DOCUMENTS


def main() -> None:
    """Generate every document, or only those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "pdfs", help="folder to write to")
    parser.add_argument("names", nargs="*", metavar="NAME", help="file names to write (all by default)")
    args = parser.parse_args()
    unknown = set(args.names) - set(DOCUMENTS)
    if unknown:
        parser.error(f"no such document: {', '.join(sorted(unknown))}; there are: {', '.join(DOCUMENTS)}")
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.names or DOCUMENTS:
        path = args.out / name
        DOCUMENTS[name](path)
        print(f"{path}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
