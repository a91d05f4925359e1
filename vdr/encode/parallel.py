"""One page encoder on several devices: a process for each, all with the same model. Knows nothing of models.

The first device belongs to this process, so that a search waits for no other and loads no second copy. The others
are started by the first pages, and end with this process, however it ends: their pipe breaks. They are not processes
of `multiprocessing`, which runs the user's script again in each and leaves them behind when it is killed.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection, Pipe
from typing import TypeAlias

from PIL import Image

from vdr.errors import EncoderError, VdrError, first_line
from vdr.types import MultiVector, PageEncoder, QueryVectors

logger = logging.getLogger(__name__)

Load: TypeAlias = Callable[[str], PageEncoder]
"""Loads the encoder on a device. It goes to the other processes, so it must be pickled by its name."""

_CHILD = "import sys; from vdr.encode.parallel import answer; answer(int(sys.argv[1]))"


class ParallelPageEncoder:
    """A page encoder on several devices, as `vdr.types.PageEncoder` describes it.

    Queries are encoded on the first device.

    Args:
        load: Loads it on a device; called here for the first, in a new process for each of the others.
        devices: Torch devices, at least one.

    Attributes:
        name: The encoder's.
        dim: Likewise.
        fingerprint: Likewise.
        pages_at_once: How many pages all devices together can use in a call.
    """

    def __init__(self, load: Load, devices: Sequence[str]) -> None:
        self._load = load
        self._devices = tuple(devices)
        self._here = load(self._devices[0])
        self._others: list[_Worker] = []
        self._lock = threading.Lock()
        self.name, self.dim, self.fingerprint = self._here.name, self._here.dim, self._here.fingerprint
        self.pages_at_once: int = getattr(self._here, "pages_at_once", 16) * len(self._devices)

    def encode_query(self, text: str) -> QueryVectors:
        """Return the vectors of a query."""
        return self._here.encode_query(text)

    def encode_pages(self, images: Sequence[Image.Image]) -> list[MultiVector]:
        """Return the vectors of each page in order; each device encodes a run of neighbouring pages.

        Raises:
            EncoderError: A page cannot be encoded, or a process cannot be started or has ended; it names the device.
        """
        if len(images) < 2:
            return self._here.encode_pages(images)
        with self._lock, ThreadPoolExecutor(len(self._devices), "vdr-device") as threads:
            if not all(worker.alive() for worker in self._others) or not self._others:
                self._others = [_Worker(self._load, device) for device in self._devices[1:]]
            runs = shares(images, len(self._devices))
            # The other processes first: here the model keeps the interpreter busy.
            elsewhere = [
                threads.submit(worker.encode_pages, run) for worker, run in zip(self._others, runs[1:], strict=True)
            ]
            try:
                pages = self._here.encode_pages(runs[0])
            except EncoderError as error:
                raise EncoderError(f"{self._devices[0]}: {error}") from error
            return pages + [page for future in elsewhere for page in future.result()]


def shares(images: Sequence[Image.Image], count: int) -> list[Sequence[Image.Image]]:
    """Cut pages into as many runs as there are devices, equal but for one page.

    >>> [len(run) for run in shares([Image.new("L", (1, 1))] * 7, 3)]
    [2, 2, 3]
    """
    return [images[len(images) * at // count : len(images) * (at + 1) // count] for at in range(count)]


class _Worker:
    """The encoder in a process of its own. One call at a time.

    Args:
        load: Loads it, in that process.
        device: Where.
    """

    def __init__(self, load: Load, device: str) -> None:
        self._device = device
        self._ready = False
        self._link, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _CHILD, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=2,  # what libraries print is for the terminal, not for who reads the output
                env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
            )
        weakref.finalize(self, _stop, self._process, self._link)
        self._send((load, device))
        logger.info("process %d loads the encoder on %s", self._process.pid, device)

    def alive(self) -> bool:
        """Tell whether it can be called."""
        return self._process.poll() is None

    def encode_pages(self, images: Sequence[Image.Image]) -> list[MultiVector]:
        """Return the vectors of each page.

        Raises:
            EncoderError: Whatever went wrong there, or the process ended.
        """
        if not self._ready:
            self._receive()
            self._ready = True
        self._send(len(images))
        for image in images:  # one by one, so that what is on the way takes the memory of a page
            self._send(image)
        return self._receive()

    def _send(self, message: object) -> None:
        try:
            self._link.send(message)
        except OSError as error:
            raise self._ended() from error

    def _receive(self) -> list[MultiVector]:
        """Return the answer to what was sent, or raise the error that it is."""
        try:
            pages, message, trace = self._link.recv()
        except (EOFError, OSError) as error:
            raise self._ended() from error
        if message:
            raise EncoderError(f"{self._device}: {message}") from RuntimeError(trace)
        answer: list[MultiVector] = pages
        return answer

    def _ended(self) -> EncoderError:
        return EncoderError(
            f"{self._device}: the process that encodes on it ended with status {self._process.wait()} (a negative one "
            "is a signal; -9 mostly means that main memory ran out). Try again, or leave that GPU out: "
            "CUDA_VISIBLE_DEVICES names those to use."
        )


def _stop(process: subprocess.Popen[bytes], link: Connection) -> None:
    link.close()
    process.kill()
    process.wait()


def answer(descriptor: int) -> None:
    """Load an encoder and encode pages for the process at the other end of a pipe, until that closes it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the other process, which ends this one
    with Connection(descriptor) as link:
        try:
            load, device = link.recv()
            try:
                encoder: PageEncoder = load(device)
            except Exception as error:
                link.send(_told(error))
                return
            link.send(([], "", ""))
            while True:
                images = [link.recv() for _ in range(link.recv())]
                try:
                    pages = encoder.encode_pages(images)
                except Exception as error:
                    link.send(_told(error))
                else:
                    link.send((pages, "", ""))
        except (EOFError, OSError):
            return


def _told(error: Exception) -> tuple[list[MultiVector], str, str]:
    """Return an error as it travels: its message, and where it came from."""
    own = isinstance(error, VdrError)
    return [], str(error) if own else f"{type(error).__name__}: {first_line(error)}", traceback.format_exc()
