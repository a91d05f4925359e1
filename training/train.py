"""Train the image tower of vdr-mini.

    python -m training.train --data DIR [DIR ...] --out RUN --steps N [--decay M] [--init WEIGHTS]

Reads shards that `training.make_pages` wrote. The learning rate is constant after a warm-up and falls to zero over
the last `--decay` steps, so a run can be prolonged: start it again with more steps and it goes on from its last
checkpoint. `RUN/log.jsonl` has a line every 50 steps, `RUN/tower.safetensors` the weights as the package reads them.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from training.crops import Crops
from training.labels import IGNORE
from training.released import save
from vdr.encode.mini.alphabet import BLANK, CLASSES, SPACE
from vdr.encode.mini.cells import FRAMES
from vdr.encode.mini.network import Reading, Tower

logger = logging.getLogger("training")

LOG_EVERY, SAVE_EVERY = 50, 200
WARM_UP = 200


@dataclass(frozen=True, slots=True)
class Losses:
    """What a batch costs, and the share of characters named right."""

    axis: Tensor
    place: Tensor
    characters: Tensor
    spelling: Tensor
    right: Tensor

    def total(self) -> Tensor:
        """Return what is minimised."""
        return self.axis + 0.5 * self.place + 0.4 * self.characters + self.spelling


def losses(tower: Tower, reading: Reading, goal: Sequence[Tensor]) -> Losses:
    """Compare what the tower says of a batch with what it should say.

    Where a character's centre lies is learnt frame by frame; that each is named once, wherever that is easiest, by
    connectionist temporal classification along the pieces of lines (Graves et al., ICML 2006).

    Args:
        tower: The tower, which names the characters.
        reading: Its output.
        goal: `Targets`, each with a first axis for the batch.
    """
    axis, place, characters, paths, spans, spelled = goal
    asked = ~axis.isnan()
    on_axis = nn.functional.binary_cross_entropy_with_logits(reading.axis.float()[asked], axis[asked])
    there = ~place.isnan()
    on_place = nn.functional.smooth_l1_loss(reading.place.float()[there], place[there])
    batch, rows, columns = axis.shape
    names = characters.view(batch, rows, columns, FRAMES)
    cells = (names != IGNORE).any(-1)
    features = reading.features.permute(0, 2, 3, 1)
    logits = tower.name(features[cells]).float().flatten(0, 1)
    wanted = names[cells].flatten()
    on_characters = nn.functional.cross_entropy(logits, wanted, ignore_index=IGNORE)
    letters = wanted > max(BLANK, SPACE)
    right = (logits.argmax(1)[letters] == wanted[letters]).float().mean()

    picture, piece = (spans[..., 1] > spans[..., 0]).nonzero(as_tuple=True)
    path = paths[picture, piece].long()
    along = features[picture[:, None], path.clamp(min=0), torch.arange(columns, device=path.device)]
    chances = tower.name(along).float().flatten(1, 2).log_softmax(-1)
    frame = torch.arange(columns * FRAMES, device=path.device)
    span = spans[picture, piece].long()
    outside = (frame < span[:, :1]) | (frame >= span[:, 1:])
    nothing = torch.full((CLASSES,), -30.0, device=path.device)
    nothing[BLANK] = 0
    chances = torch.where(outside[..., None], nothing, chances)
    target = spelled[picture, piece].long()
    length = (target != BLANK).sum(1)
    every = torch.full_like(length, columns * FRAMES)
    on_spelling = nn.functional.ctc_loss(
        chances.transpose(0, 1), target, every, length, blank=BLANK, reduction="sum", zero_infinity=True
    ) / length.sum().clamp(min=1)
    return Losses(on_axis, on_place, on_characters, on_spelling, right)


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
    tower = Tower()
    if arguments.init:
        from safetensors.torch import load_file

        tower.load_state_dict({name: value.float() for name, value in load_file(arguments.init).items()}, strict=False)
    tower = tower.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in tower.parameters() if p.ndim > 1], "weight_decay": 0.02},
            {"params": [p for p in tower.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=arguments.rate,
        betas=(0.9, 0.98),
    )
    step, seconds, seen = 0, 0.0, 0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        tower.load_state_dict(state["tower"])
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
        with torch.autocast(device.type, torch.bfloat16):
            reading = tower(ink.to(memory_format=torch.channels_last))
            cost = losses(tower, reading, [part.to(device, non_blocking=True) for part in goal])
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


if __name__ == "__main__":
    main()
