"""What the tower's answers cost, measured by a page's own characters and by what another tower says. Trains nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.labels import IGNORE
from vdr.encode.mini.alphabet import BLANK, CLASSES, SPACE
from vdr.encode.mini.cells import FRAMES
from vdr.encode.mini.network import Reading, Tower


@dataclass(frozen=True, slots=True)
class Losses:
    """What a batch costs, and the share of characters named right.

    Attributes:
        axis: Where the middles of lines are.
        place: Where exactly, and how large the print is.
        characters: Which character stands in which frame.
        spelling: What pieces of lines spell.
        teacher: How far what the tower says is from what a teacher says; 0 without one.
        right: Share of the frames with a character that name it.
    """

    axis: Tensor
    place: Tensor
    characters: Tensor
    spelling: Tensor
    teacher: Tensor
    right: Tensor

    def total(self) -> Tensor:
        """Return what is minimised."""
        return self.axis + 0.5 * self.place + 0.4 * self.characters + self.spelling + self.teacher


def losses(tower: Tower, reading: Reading, goal: Sequence[Tensor], taught: Reading | None = None,
           teacher: Tower | None = None) -> Losses:  # fmt: skip
    """Compare what the tower says of a batch with what it should say.

    Where a character's centre lies is learnt frame by frame; that each is named once, wherever that is easiest, by
    connectionist temporal classification along the pieces of lines (Graves et al., ICML 2006).

    Args:
        tower: The tower, which names the characters.
        reading: Its output.
        goal: `Targets`, each with a first axis for the batch.
        taught: What a teacher says of the same pictures.
        teacher: The teacher, which names the characters of that.
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
    on_teacher = torch.zeros((), device=axis.device)
    if taught is not None and teacher is not None:
        theirs = teacher.name(taught.features.permute(0, 2, 3, 1)[cells]).float().flatten(0, 1)
        named = nn.functional.kl_div(
            logits.log_softmax(-1), theirs.log_softmax(-1), reduction="batchmean", log_target=True
        )
        on_teacher = named + nn.functional.binary_cross_entropy_with_logits(
            reading.axis.float(), taught.axis.float().sigmoid()
        )

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
    return Losses(on_axis, on_place, on_characters, on_spelling, on_teacher, right)
