"""A narrower tower out of a trained one: the channels that its answers hang on most. Knows nothing of files.

What comes into a block is added to what comes out, so a channel is the same one all the way through the main stage and
leaves it as a whole. How much hangs on it is how much the loss would rise, to first order, were it zero: the sum
of what it says times the loss's slope there (Molchanov et al., ICLR 2017).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from training.losses import losses
from vdr.encode.mini.network import Tower, tower_of


def slimmer(tower: Tower, width: int, batches: Iterable[Sequence[Tensor]]) -> Tower:
    """Return a tower of `width` channels that are the most important ones of another, which is left as it is.

    Args:
        tower: A trained one.
        width: Channels of the main stage that are kept.
        batches: Pictures `(batch, 1, height, width)` uint8, then `Targets`, to find these channels with.
    """
    kept = importance(tower, batches).topk(width).indices.sort().values
    wide = tower.letters.in_features
    state = {}
    for name, value in tower.state_dict().items():
        for axis in [axis for axis, size in enumerate(value.shape) if size == wide]:
            value = value.index_select(axis, kept)
        state[name] = value.clone()
    return tower_of(state)


def importance(tower: Tower, batches: Iterable[Sequence[Tensor]]) -> Tensor:
    """Return how much the loss hangs on each channel of the main stage, `(width,)`."""
    met: list[Tensor] = []

    def keep(_: nn.Module, _inputs: object, output: Tensor) -> None:
        output.retain_grad()
        met.append(output)

    total = torch.zeros(tower.letters.in_features)
    hooks = [stage.register_forward_hook(keep) for stage in [tower.stem, *tower.body]]
    tower.eval()
    for pixels, *goal in batches:
        met.clear()
        reading = tower((1 - pixels.float() / 255).to(memory_format=torch.channels_last))
        losses(tower, reading, goal).total().backward()  # type: ignore[no-untyped-call]
        for output in met:
            assert output.grad is not None
            total += (output * output.grad).detach().sum((2, 3)).abs().sum(0)
        tower.zero_grad(set_to_none=True)
    for hook in hooks:
        hook.remove()
    return total
