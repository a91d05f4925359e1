"""Making the indexes of a corpus anew in a process of its own, beside the reader and the writer that go on.

A write that finds that the corpus has outgrown its centroids starts it and does not wait. It runs with low priority on
one core, ends by itself, and changes the index in one step at the end. What it says lies in `index/renewing.log` in the
corpus. If it fails, the old index goes on serving, and the next write starts another.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

LOG = "renewing.log"
_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
_started: dict[Path, subprocess.Popen[bytes]] = {}


def start(folder: Path) -> None:
    """Start it for the corpus in a folder, if this process has none running for it."""
    if (running := _started.get(folder)) is not None and running.poll() is None:
        return
    log = folder / "index" / LOG
    command = [sys.executable, "-P", "-m", "vdr.retrain", str(folder.resolve())]
    try:
        with log.open("w", encoding="utf-8") as output:
            _started[folder] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **_ONE_THREAD, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
                start_new_session=os.name == "posix",  # it goes on when this process ends
            )
    except OSError as error:
        logger.warning("%s has outgrown its index, which cannot be made anew (%s). Run `vdr optimize`.", folder, error)
    else:
        logger.info("%s has outgrown its index; it is made anew in the background, see %s", folder, log)


def main(uri: str) -> None:
    """Make the indexes of a corpus anew, and say so."""
    from vdr.store import Store

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with suppress(OSError, AttributeError):
        os.nice(10)
    logger.info("%s: %d indexes were made anew", uri, Store(uri).renew_indexes())


if __name__ == "__main__":
    main(sys.argv[1])
