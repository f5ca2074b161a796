"""Which frames DrNet compares: several of one clip, and those of another one."""

from __future__ import annotations

import torch
from torch import Tensor

from stbench.devices import moved
from stbench.errors import StbenchError


def distinct_frames(clips: Tensor, number: int, span: int, generator: torch.Generator) -> tuple[Tensor, ...]:
    """`number` different frames of each clip (batch, time, *frame), in random order: (batch, *frame) each.

    Each clip draws its own, uniform among those of `span` consecutive frames that start anywhere in it; of all frames
    where it has no more. `StbenchError` for a clip with too few frames.
    """
    batch, time = clips.shape[:2]
    within = min(span, time)
    if within < number:
        raise StbenchError(f"drnet compares {number} frames of a clip, and this one has {time}: use longer windows")
    first = torch.randint(time - within + 1, (batch, 1), generator=generator)
    places = first + torch.rand(batch, within, generator=generator).argsort(1)[:, :number]
    rows = torch.arange(batch).unsqueeze(1)
    picked = clips[moved(rows, clips.device), moved(places, clips.device)]
    return picked.unbind(1)


def of_another_clip(codes: Tensor) -> Tensor:
    """Row k + 1 in place of row k, the first one in place of the last: no row stays where it was.

    `StbenchError` where there is one alone.
    """
    if len(codes) < 2:
        raise StbenchError(
            "drnet compares a clip with another one of its batch, and the batch has one: make batch_size at least 2"
        )
    return codes.roll(-1, 0)
