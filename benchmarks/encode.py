"""How fast pages become vectors, with random weights of published sizes, and how much of that time is the model's.

    python benchmarks/encode.py [--family colqwen2|colpali|colsmol|small] [--pages N] [--device DEVICE] [--json]

The model's share is the time of its bare forward pass over the same batches, prepared and on the device beforehand,
divided by the time of the whole of `encode_pages`. Bytes a page are those of float16 vectors. Pages are noise of A4 at
150 dpi, drawn beforehand. One device is measured. Does not measure rendering, storage or retrieval; whether vectors are
any good it cannot tell. The two times are taken one after the other, so on a machine that others use as well their
ratio may even be above one; there the seconds that the cores worked, in all threads, tell more.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from random_models import BUILDERS, random_encoder

from vdr.encode.devices import best_device

if TYPE_CHECKING:
    from vdr.encode.visual import VisualEncoder

A4 = (1240, 1754)


def page(seed: int) -> Image.Image:
    """Draw a page of noise, which is as much work for a processor as any."""
    noise = np.random.default_rng(seed).integers(0, 256, (A4[1], A4[0], 3), np.uint8)
    return Image.fromarray(noise)


def forward_seconds(encoder: VisualEncoder, images: list[Image.Image], sizes: list[int]) -> float:
    """Return how long the model alone takes for the images, in batches of these sizes."""
    import torch

    device = encoder.model.device
    total, start = 0.0, 0
    for size in sizes:
        batch = encoder.on_device(encoder.prepare(images[start : start + size]).batch)
        start += size
        with torch.inference_mode():
            synchronize(device.type)
            begin = time.perf_counter()
            encoder.model(**batch)
            synchronize(device.type)
            total += time.perf_counter() - begin
    return total


def synchronize(kind: str) -> None:
    """Wait for the device, which works behind the program's back."""
    import torch

    if kind == "cuda":
        torch.cuda.synchronize()
    elif kind == "mps":
        torch.mps.synchronize()


def peak_memory(kind: str) -> int:
    """Return the most bytes in use so far: of the GPU's memory, else of the process."""
    import torch

    if kind == "cuda":
        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def measure(family: str, pages: int, device: str, warm_up: int) -> dict[str, str | int | float | list[int]]:
    """Encode and return the figures."""
    begin = time.perf_counter()
    encoder = random_encoder(family, device)
    model, kind = encoder.model, encoder.model.device.type
    built = time.perf_counter() - begin
    images = [page(seed) for seed in range(pages)]
    encoder.encode_pages([images[index % pages] for index in range(warm_up)])  # finds its batch size, too
    sizes: list[int] = []
    hook = model.register_forward_pre_hook(
        lambda _module, _args, inputs: sizes.append(len(inputs["input_ids"])), with_kwargs=True
    )
    begin, spent = time.perf_counter(), time.process_time()
    encoded = encoder.encode_pages(images)
    synchronize(kind)
    seconds, spent = time.perf_counter() - begin, time.process_time() - spent
    hook.remove()
    peak = peak_memory(kind)
    vectors = sum(len(one.vectors) for one in encoded) / pages
    return {
        "family": family,
        "weights": sum(weights.numel() for weights in model.parameters()),
        "device": str(model.device),
        "dtype": str(model.dtype).removeprefix("torch."),
        "attention": str(model.config._attn_implementation),
        "pages": pages,
        "batches": sizes,
        "build_seconds": round(built, 2),
        "seconds": round(seconds, 3),
        "cpu_seconds": round(spent, 3),
        "pages_per_second": round(pages / seconds, 4),
        "vectors_per_page": vectors,
        "bytes_per_page": vectors * encoder.dim * 2,
        "peak_bytes": peak,
        "forward_share": round(forward_seconds(encoder, images, sizes) / seconds, 3),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=list(BUILDERS), default="small", help="the model (small by default)")
    parser.add_argument("--pages", type=int, default=16, help="pages to encode (16 by default)")
    parser.add_argument("--device", default=None, help="cuda, mps or cpu (the best there is by default)")
    parser.add_argument("--warm-up", type=int, help="pages encoded before, not counted (as many by default)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    if args.pages < 1:
        parser.error("--pages must be at least 1")
    warm_up = args.pages if args.warm_up is None else args.warm_up
    figures = measure(args.family, args.pages, args.device or best_device(), warm_up)
    if args.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:<18} {value:,}" if isinstance(value, int | float) else f"{name:<18} {value}")


if __name__ == "__main__":
    main()
