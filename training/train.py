"""Train the image tower of vdr-mini.

    python -m training.train --data DIR [DIR ...] --out RUN --steps N [--decay M]
    python -m training.train ... --init WEIGHTS [--width W] [--teacher WEIGHTS]

Reads shards that `training.make_pages` wrote. The learning rate is constant after a warm-up and falls to zero over
the last `--decay` steps, so a run can be prolonged: start it again with more steps and it goes on from its last
checkpoint. It starts from random numbers or from released weights, of which the `--width` most important channels are
kept, and may learn from a `--teacher`, another tower that sees the same crops. `RUN/log.jsonl` has a line every 50
steps, `RUN/tower.safetensors` the weights as the package reads them.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from dataclasses import fields
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from training.crops import Crops
from training.losses import Losses, losses
from training.released import load, save
from training.slimmer import slimmer
from vdr.encode.devices import best_dtype
from vdr.encode.mini.alphabet import SPACE
from vdr.encode.mini.network import WIDTH, Tower, fused, tower_of

logger = logging.getLogger("training")

LOG_EVERY, SAVE_EVERY = 50, 100
WARM_UP = 200
WEIGHED = 20
"""Batches in which the channels are weighed that a narrower tower keeps."""


def main() -> None:
    """Train, resuming where an earlier run of the same folder stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of shards")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--steps", type=int, required=True, help="steps in all")
    parser.add_argument("--decay", type=int, default=0, help="over how many last steps the learning rate falls to 0")
    parser.add_argument("--batch", type=int, default=8, help="crops a step")
    parser.add_argument("--crop", type=int, nargs=2, default=(384, 512), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--rate", type=float, default=2e-3, help="learning rate")
    parser.add_argument("--workers", type=int, default=0, help="loader processes")
    parser.add_argument("--threads", type=int, default=0, help="threads of the CPU; 0 leaves it to torch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--init", type=Path, help="released weights to start from")
    parser.add_argument("--width", type=int, help=f"channels of the main stage ({WIDTH}, or as --init has)")
    parser.add_argument("--teacher", type=Path, help="released weights of a tower to learn from as well")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    train(arguments)


def train(arguments: argparse.Namespace) -> None:
    """Run the training that the arguments describe."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "checkpoint.pt"
    state = torch.load(checkpoint, map_location=device, weights_only=True) if checkpoint.exists() else None
    tower = tower_of(state["tower"]) if state else _beginning(arguments)
    tower = tower.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    dtype = best_dtype(device.type)
    teacher = fused(load(arguments.teacher).eval()).to(device, dtype) if arguments.teacher else None
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in tower.parameters() if p.ndim > 1], "weight_decay": 0.02},
            {"params": [p for p in tower.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=arguments.rate,
        betas=(0.9, 0.98),
    )
    step, seconds, seen = 0, 0.0, 0
    if state:
        optimizer.load_state_dict(state["optimizer"])
        step, seconds, seen = state["step"], state["seconds"], state["characters"]
        logger.info("going on from step %d", step)
    loader = DataLoader(
        Crops(arguments.data, tuple(arguments.crop), arguments.seed + step),
        batch_size=arguments.batch,
        num_workers=arguments.workers,
        multiprocessing_context="spawn" if arguments.workers else None,
        pin_memory=device.type == "cuda",
    )
    tower.train()
    names = [field.name for field in fields(Losses)]
    sums = np.zeros(len(names))
    began = time.monotonic() - seconds
    for pixels, *goal in loader:
        if step >= arguments.steps:
            break
        rate = arguments.rate * min(1.0, (step + 1) / WARM_UP)
        if arguments.decay:
            rate *= min(1.0, max((arguments.steps - step) / arguments.decay, 0.002))
        for group in optimizer.param_groups:
            group["lr"] = rate
        ink = 1 - pixels.to(device, non_blocking=True).float() / 255
        ink = ink.to(memory_format=torch.channels_last)
        with torch.no_grad():
            taught = teacher(ink.to(dtype)) if teacher else None
        with torch.autocast(device.type, dtype, enabled=dtype == torch.bfloat16):
            reading = tower(ink)
            cost = losses(tower, reading, [part.to(device, non_blocking=True) for part in goal], taught, teacher)
        loss = cost.total()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(tower.parameters(), 5.0)
        optimizer.step()
        step += 1
        seen += int((goal[-1] > SPACE).sum())
        sums += [getattr(cost, name).item() for name in names]
        if step % LOG_EVERY == 0 or step == arguments.steps:
            means = sums / (LOG_EVERY if step % LOG_EVERY == 0 else max(step % LOG_EVERY, 1))
            line = dict(zip(names, means.round(4).tolist(), strict=True))
            line = {"step": step, "rate": rate, **line, "seen": seen, "seconds": round(time.monotonic() - began)}
            with (out / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            logger.info("%s", line)
            sums[:] = 0
        if step % SAVE_EVERY == 0 or step == arguments.steps:
            state = {
                "tower": tower.state_dict(),
                "optimizer": optimizer.state_dict(),
                "step": step,
                "seconds": time.monotonic() - began,
                "characters": seen,
            }
            torch.save(state, checkpoint.with_suffix(".new"))
            checkpoint.with_suffix(".new").replace(checkpoint)
            save(tower, out / "tower.safetensors", ink)


def _beginning(arguments: argparse.Namespace) -> Tower:
    """Return the tower that training starts with."""
    if not arguments.init:
        return Tower(arguments.width or WIDTH)
    tower = load(arguments.init)
    if arguments.width in (None, tower.letters.in_features):
        return tower
    crops = Crops(arguments.data, tuple(arguments.crop), arguments.seed)
    return slimmer(tower, arguments.width, islice(DataLoader(crops, batch_size=arguments.batch), WEIGHED))


if __name__ == "__main__":
    main()
