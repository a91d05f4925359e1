"""Weights as the package carries them: half precision, batch norm and all, in safetensors.

A blank is made a little less likely than it was learnt to be, since a thin character may be split over two frames, in
each of which a blank is likelier. On held-out made pages (2,406 words of 8 to 11.5 pt, clean) 78.2, 79.3, 79.9
and 79.6 % of the words were spelled right with 0, 0.5, 1 and 1.5 taken from its logit.

With them go the ranges of what the layers compute, for processors on which the tower computes in 8 bits.
`training.train` takes them from its last crops; from more of them, for any such file:

    python -m training.released WEIGHTS --data DIR [DIR ...] [--crops N]
"""

from __future__ import annotations

import argparse
import copy
from itertools import islice
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from training.crops import Crops
from vdr.encode.mini.alphabet import BLANK, CLASSES
from vdr.encode.mini.eight_bits import ranges
from vdr.encode.mini.network import Tower, fused, tower_of

RELUCTANCE = 1.0
"""Taken from the logit of a blank."""


def save(tower: Tower, path: Path, ink: Tensor) -> None:
    """Write a tower's weights as float16, blanks made less likely.

    Args:
        tower: As it is trained.
        path: Where to.
        ink: `(batch, 1, height, width)` pictures to take the ranges from.
    """
    state = {
        name: value.detach().to("cpu", torch.float16).contiguous()
        for name, value in tower.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    state["letters.bias"] = _blanker(state["letters.bias"], -RELUCTANCE)
    still = fused(copy.deepcopy(tower).eval())
    save_file({**state, "ranges": ranges(still, ink).cpu()}, path)


def load(path: Path) -> Tower:
    """Return the tower of released weights as it was trained, in float32."""
    state = {name: value.float() for name, value in load_file(path).items() if name != "ranges"}
    return tower_of({**state, "letters.bias": _blanker(state["letters.bias"], RELUCTANCE)})


def _blanker(bias: Tensor, more: float) -> Tensor:
    """Return the biases of the letters with that of a blank raised."""
    bias = bias.view(-1, CLASSES).clone()
    bias[:, BLANK] += more
    return bias.flatten()


def main() -> None:
    """Take the ranges of released weights anew, and write them into their file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="released weights")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of shards")
    parser.add_argument("--crops", type=int, default=200, help="crops that are looked at (200 by default)")
    parser.add_argument("--crop", type=int, nargs=2, default=(384, 512), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    state = load_file(arguments.weights)
    state.pop("ranges", None)
    tower = fused(tower_of({name: value.float() for name, value in state.items()}).eval())
    crops = islice(Crops(arguments.data, tuple(arguments.crop), arguments.seed), arguments.crops)
    largest = torch.stack([ranges(tower, (1 - pixels.float() / 255)[None]) for pixels, *_ in crops]).amax(0)
    save_file({**state, "ranges": largest}, arguments.weights)


if __name__ == "__main__":
    main()
