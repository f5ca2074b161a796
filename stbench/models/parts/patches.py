"""Frames cut into patches that become channels (space to depth)."""

from __future__ import annotations

from stbench.errors import StbenchError


def patches(model: str, frame_shape: tuple[int, ...], patch: int) -> tuple[int, tuple[int, int]]:
    """Channels and (y, x) of frames cut into `patch` x `patch` patches, as `pixel_unshuffle` does it: channel
    (c, row in the patch, column in the patch).

    The release of PredRNN has the same numbers in the order (row, column, c), which renames weights and nothing else.
    Raises `StbenchError` for vectors, and for sizes that cannot be cut so.
    """
    if len(frame_shape) != 3:
        raise StbenchError(f"{model} needs images (channel, y, x), not frames of shape {frame_shape}: use sepvar")
    channels, height, width = frame_shape
    if height % patch or width % patch:
        raise StbenchError(f"frames of {height} x {width} pixels cannot be cut into patches of {patch} x {patch}")
    return channels * patch * patch, (height // patch, width // patch)
