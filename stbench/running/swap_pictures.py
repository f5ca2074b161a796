"""Pictures of a trained model that swaps, as in Figures 2, 4 and 8 of Donà et al. 2021: every content in every motion.

A picture needs no truth, so a dataset that knows none for swaps has its grid, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stbench import registry
from stbench.contract.datasets import Track

if TYPE_CHECKING:
    from stbench.store.reader import Store
    from stbench.training.adapter import TorchForecaster

FUSED = 5
"""Contents, and motions, of a grid."""


def draw_swaps(model: TorchForecaster, store: Store, track: Track, begin: Path, head: str) -> list[Path]:
    """Every content in every motion, over the lead times of a track, as PNG and GIF in files and under titles that
    `begin` and `head` begin. Where that track is none of the dataset, so that nobody knows the truth, also what another
    content changes."""
    from stbench.pictures.clips import fusion_grid

    cases = _to_swap(store, track)
    content, motion = cases.content, cases.motion
    n, m = len(content), len(motion)
    pairs = np.repeat(content, m, axis=0), np.tile(motion, (n, *[1] * (motion.ndim - 1)))
    made = model.swap(*pairs, track.horizon)
    made = made.reshape(n, m, *made.shape[1:])
    drawn = []
    if len(store.frame_shape) == 3:
        shown = _as_pictures(store, content[:, -1], cases.after, made)
        title = f"{head}: t+{track.horizon}"
        drawn = fusion_grid(shown[0], shown[1], shown[2], Path(f"{begin}-swap-grid"), title=title, source=store.source)
    if track in registry.dataset(track.dataset).tracks:
        return drawn
    return drawn + _content_change(cases, model.swap(motion, motion, track.horizon), made, begin, head, store.source)


def _content_change(
    cases: ToSwap, own: np.ndarray, made: np.ndarray, begin: Path, head: str, source: str
) -> list[Path]:
    """How far the content of another sequence moves a forecast (Figure 7 of Donà et al. 2021), beside its error.

    `own` (m, horizon, *frame): content and motion of one window; `made` (n, m, horizon, *frame): contents of others.
    """
    from stbench.pictures.curves import Curve
    from stbench.pictures.forecasts import error_against_lead_time, forecast_strip

    def over_frames(difference: np.ndarray) -> np.ndarray:
        squares = np.square(difference, dtype=np.float64).reshape(*difference.shape[:2], -1)
        return np.asarray(np.sqrt(squares.mean((0, 2))))

    rows, columns = np.nonzero(cases.foreign)
    if not len(rows):
        return []
    changed = over_frames(made[rows, columns] - own[columns])
    without = np.full(len(changed), np.nan)
    curves = [
        Curve("with another content, from the forecast", changed, without, without, floor=False),
        Curve("forecast, from the truth", over_frames(own - cases.after), without, without, floor=False),
    ]
    title = f"{head}:\nwhat another content changes"
    drawn = error_against_lead_time(
        curves,
        Path(f"{begin}-content-change.png"),
        metric="root mean square distance",
        title=title,
        source=source,
    )
    row, column = rows[0], columns[0]
    frames = forecast_strip(
        cases.motion[column],
        own[column],
        {"another content": made[row, column]},
        Path(f"{begin}-content-change-frames.png"),
        title=title,
        source=source,
        names=("own content", "|difference|"),
    )
    return [drawn, frames]


@dataclass(frozen=True)
class ToSwap:
    """Windows (k, conditioning, *frame) to take contents and motions from."""

    content: np.ndarray
    motion: np.ndarray
    after: np.ndarray
    """What follows the motions, (k, horizon, *frame)."""
    foreign: np.ndarray
    """(n, m), whether the content comes from another sequence than the motion."""


def _to_swap(store: Store, track: Track) -> ToSwap:
    """Spread over the swap cases, or over the test windows where the dataset draws no cases."""
    from stbench.protocols.swap import cases_of
    from stbench.protocols.windows import evenly_spaced, track_windows

    # As many again for the motions, so that nobody meets its own.
    if track in registry.dataset(track.dataset).tracks:
        cases = cases_of(store, track)
        # Those whose motion the store shows to its end.
        lengths = np.full(store.n_sequences, store.n_frames) if store.row_size is None else store.row_size
        held = np.flatnonzero(cases.start + track.conditioning + track.horizon <= lengths[cases.sequence])
        items = held[evenly_spaced(len(held), 2 * FUSED)]
        sequence, start = cases.sequence[items], cases.start[items]
        content, _, _ = cases.read(items[::2])
        _, motion, _ = cases.read(items[1::2])
    else:
        windows = track_windows(store, track, limit=2 * FUSED)
        sequence, start = windows.sequence, windows.start
        both = np.stack([store.window(*each, track.conditioning) for each in zip(sequence, start, strict=True)])
        content, motion = both[::2], both[1::2]
    after = zip(sequence[1::2], start[1::2] + track.conditioning, strict=True)
    followed = np.stack([store.window(*each, track.horizon) for each in after])
    return ToSwap(content, motion, followed, sequence[::2, None] != sequence[1::2])


def _as_pictures(store: Store, *parts: np.ndarray) -> tuple[np.ndarray, ...]:
    """Normalised frames (..., channel, y, x) with values in [0, 1]: pictures as they are, a field in the colours of one
    scale for all `parts`, told from the real ones, which are all but the last."""
    from stbench.pictures.colours import colour_scale

    real = parts[:-1]
    if parts[0].shape[-3] in (1, 3) and all(each.min() >= 0 and each.max() <= 1 for each in real):
        return parts
    fields = [store.denormalise(each)[..., 0, :, :] for each in parts]
    scale = colour_scale(np.concatenate([each.ravel() for each in fields[:-1]]))
    return tuple(np.moveaxis(scale.rgb(each), -1, -3).astype(np.float32) / 255 for each in fields)
