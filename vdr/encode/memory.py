"""How much memory a model needs, how much this machine has. Imports no model library, so asking is cheap."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vdr.encode.catalogue import Model

logger = logging.getLogger(__name__)

WORKING = 1.25
"""What a model takes while it works, as a multiple of its weights: a rule of thumb, not a measurement."""
_CGROUP = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True, slots=True)
class Machine:
    """What models may use here.

    Attributes:
        memory: Bytes of main memory, or of the container's share of it.
        gpu: The NVIDIA GPU with the most memory; empty for none.
        gpu_memory: Its bytes.
    """

    memory: int
    gpu: str = ""
    gpu_memory: int = 0


def this_machine() -> Machine:
    """Return what this machine has. GPUs are found by `nvidia-smi`; others are not seen."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # no container, or one without a limit ("max")
        memory = min(memory, int(_CGROUP.read_text()))
    found = [line.rsplit(", ", 1) for line in _nvidia_smi().splitlines() if ", " in line]
    gpus = [(int(mebibytes) << 20, name) for name, mebibytes in found if mebibytes.isdecimal()]
    gpu_memory, gpu = max(gpus, default=(0, ""))
    return Machine(memory, gpu, gpu_memory)


def bytes_needed(model: Model, *, gpu: bool) -> int | None:
    """Estimate the memory a model needs: its parameters times the bytes of a weight, and a quarter more.

    A weight takes 2 bytes on a GPU (bfloat16) and 4 elsewhere (float32; processors that are faster with bfloat16 get
    along with half).
    """
    return None if model.parameters is None else int(model.parameters * (2 if gpu else 4) * WORKING)


def place(model: Model, machine: Machine) -> Literal["gpu", "cpu", "none", "?"]:
    """Return where on a machine a model fits, the GPU if it can."""
    on_gpu, on_cpu = bytes_needed(model, gpu=True), bytes_needed(model, gpu=False)
    if on_gpu is None or on_cpu is None:
        return "?"
    if on_gpu <= machine.gpu_memory:
        return "gpu"
    return "cpu" if on_cpu <= machine.memory else "none"


def _nvidia_smi() -> str:
    """Return a line `name, MiB` for each NVIDIA GPU; empty where there is none."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    command = [program, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        logger.info("nvidia-smi fails, so no GPU is counted: %s", error)
        return ""
