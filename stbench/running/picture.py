"""Pictures of a trained model that disentangles.

A generative one as in the figures of Khan and Storkey 2021: what it makes of real clips, of exchanged ones, of every
action, and of nothing at all. One that swaps as in Figures 2, 4 and 8 of Donà et al. 2021: every content in every
motion. A picture needs no truth, so a dataset that knows none for swaps has its grid, too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stbench import paths, registry
from stbench.contract.capabilities import HasImagine, HasReconstruct
from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.progress import Progress, Silent
from stbench.protocols.known import not_applicable
from stbench.running.plan import Choice, choose, dataset_for, plan, split_model_name

if TYPE_CHECKING:
    from stbench.protocols.clips import Clips
    from stbench.store.reader import Store
    from stbench.training.adapter import TorchForecaster

CLIPS = 3
LENGTH = 16
SEED = 5
SEEDS = (SEED, SEED + 1)
MADE = frozenset({"generation", "exchange", "sample"})
"""Protocols whose clips are drawn."""
FUSED = 5
"""Contents, and motions, of a swap grid."""


def picture(
    model: str,
    dataset: str,
    out: Path,
    *,
    preset: str = "quick",
    seed: int = 0,
    source: str = "auto",
    settings: Mapping[str, str] | None = None,
    raw: Path | None = None,
    runs: Path | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Draw each as .png and .gif in the folder `out`, from the weights `stbench run` left under `runs`.

    Of a model that makes clips, what it can of `generated`, `motion-swap`, `all-actions`, `all-actions-drawn` and
    `unconditional` (`draw`). Of one that swaps: `swap-grid`, of the dataset's swap cases. If none of those is drawn, of
    its test windows; then also, as PNG alone, how far another content moves a forecast: `content-change`, against lead
    time, and `content-change-frames`, of one window. Of frames of sensors there are these two only.

    Raises `StbenchError` for a model that can neither, and where no run was trained to its end.
    """
    choice = _choose(model, dataset, preset)
    makes = _clips_made(choice)
    swaps = _swap_track(choice, without_truth=not makes)
    if not makes and swaps is None:
        raise StbenchError(
            f"the model '{model}' has no pictures on {dataset}: it neither makes clips there, which needs 'generate', "
            f"'transfer' or 'sample', nor swaps (it has {', '.join(choice.plugin.capabilities)}); see `stbench models`"
        )
    store = dataset_for(
        dataset, choice.base, source=source, settings=settings or {}, raw=raw, progress=progress or Silent()
    )
    from stbench.running.fit import load_trained

    ready = load_trained(plan(choice, store, seed), runs or paths.runs_dir())
    drawn = draw(ready, store, choice, out, makes) if makes else []
    return drawn + ([] if swaps is None else draw_swaps(ready, store, choice, swaps, out))


def _choose(model: str, dataset: str, preset: str) -> Choice:
    """On the first track of the dataset that the model can be asked on: one that only draws clips has no forecast."""
    name, variant = split_model_name(model)
    plugin, tracks = registry.model(name), registry.dataset(dataset).tracks
    able = (each.id.partition("/")[2] for each in tracks if not not_applicable(plugin, each, variant))
    return choose(model, dataset, track=next(able, None), preset=preset)


def _swap_track(choice: Choice, without_truth: bool) -> Track | None:
    """The shortest swap track of the dataset, if the model can be asked for it; where there is none, and a picture
    `without_truth` is wanted, the windows of the main track."""
    tracks = [each for each in registry.dataset(choice.track.dataset).tracks if each.protocol == "swap"]
    asked = tracks or [replace(choice.track, protocol="swap")] * without_truth
    asked = [each for each in asked if not not_applicable(choice.plugin, each, choice.variant)]
    return min(asked, key=lambda each: each.horizon, default=None)


def _clips_made(choice: Choice) -> frozenset[str]:
    """Which of `MADE` the model can be asked on the dataset."""
    tracks = registry.dataset(choice.track.dataset).tracks
    can = (each.protocol for each in tracks if not not_applicable(choice.plugin, each, choice.variant))
    return frozenset(can) & MADE


def draw_swaps(model: TorchForecaster, store: Store, choice: Choice, track: Track, out: Path) -> list[Path]:
    """Every content in every motion, over the lead times of a track."""
    from stbench.pictures.clips import fusion_grid

    cases = _to_swap(store, track)
    content, motion = cases.content, cases.motion
    n, m = len(content), len(motion)
    pairs = np.repeat(content, m, axis=0), np.tile(motion, (n, *[1] * (motion.ndim - 1)))
    made = model.swap(*pairs, track.horizon)
    made = made.reshape(n, m, *made.shape[1:])
    head = f"{_full_name(choice)} on {store.dataset}, preset {choice.preset}"
    drawn = []
    if len(store.frame_shape) == 3:
        shown = _as_pictures(store, content[:, -1], cases.after, made)
        title = f"{head}: t+{track.horizon}"
        drawn = fusion_grid(shown[0], shown[1], shown[2], out / "swap-grid", title=title, source=store.source)
    if track in registry.dataset(track.dataset).tracks:
        return drawn
    return drawn + _content_change(cases, model.swap(motion, motion, track.horizon), made, out, head, store.source)


def _content_change(cases: ToSwap, own: np.ndarray, made: np.ndarray, out: Path, head: str, source: str) -> list[Path]:
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
        curves, out / "content-change.png", metric="root mean square distance", title=title, source=source
    )
    row, column = rows[0], columns[0]
    frames = forecast_strip(
        cases.motion[column],
        own[column],
        {"another content": made[row, column]},
        out / "content-change-frames.png",
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


def _full_name(choice: Choice) -> str:
    return f"{choice.plugin.name}:{choice.variant}" if choice.variant else choice.plugin.name


def draw(model: TorchForecaster, store: Store, choice: Choice, out: Path, makes: Collection[str] = MADE) -> list[Path]:
    """The pictures of a trained model, of what it `makes`: sequences from their first frame (generation), motions of
    other clips (exchange), drawn motions (sample). One that makes the first and the last is told an action, and shows
    every one."""
    from stbench.pictures.clips import Row, clip_rows
    from stbench.protocols.clips import SEEN, clips_of

    clips = clips_of(store, choice.track, LENGTH)
    items = _several(clips)
    head = f"{_full_name(choice)} on {store.dataset}, preset {choice.preset}"
    factors = clips.known(items)
    real = clips.frames(items, LENGTH)
    seen = np.ascontiguousarray(real[:, :SEEN])
    drawn: list[Path] = []

    def save(groups: Sequence[Sequence[Row]], name: str, title: str) -> None:
        drawn.extend(clip_rows(groups, out / name, title=f"{head}: {title}", source=store.source))

    def name_of(item: int) -> str:
        return _name(store, clips.action, int(clips.factors[clips.action][item]))

    def every_action(make: Callable[[np.ndarray, int], np.ndarray]) -> list[list[Row]]:
        """Below each clip what is made of it and of an action, for all actions."""
        names = [_name(store, clips.action, action) for action in range(clips.actions)]
        return [
            [
                Row("real", seen[k]),
                *(Row(name, make(seen[k : k + 1].copy(), action)[0]) for action, name in enumerate(names)),
            ]
            for k in range(len(items))
        ]

    def told(action: int) -> dict[str, np.ndarray]:
        return {clips.action: np.array([action])}

    if "generation" in makes:
        made = model.generate(seen, LENGTH, factors)
        again = model.reconstruct(seen, factors) if isinstance(model.module, HasReconstruct) else None
        groups = []
        for k, item in enumerate(items):
            rows = [Row(f"real, {name_of(item)}", real[k])]
            rows += [Row("reconstruction", again[k])] if again is not None else []
            groups.append([*rows, Row("from frame 0", made[k])])
        save(groups, "generated", "sequences from their first frame")
    if "exchange" in makes:
        donor = np.roll(np.arange(len(items)), 1)
        given = {key: values[donor] for key, values in factors.items()}
        moved = model.transfer(seen, np.ascontiguousarray(seen[donor]), SEEN, given)
        groups = []
        for k, other in enumerate(donor):
            rows = [Row("content", seen[k]), Row(f"motion, {name_of(items[other])}", seen[other])]
            groups.append([*rows, Row("together", moved[k])])
        save(groups, "motion-swap", "motion of another clip")
    if "sample" not in makes:
        return drawn
    if "generation" in makes:
        groups = every_action(lambda clip, action: model.generate(clip, SEEN, told(action)))
        save(groups, "all-actions", "one first frame in the motion space of every action")
    groups = every_action(lambda clip, action: model.sample(clip, SEEN, told(action), SEED + action))
    save(groups, "all-actions-drawn", "one clip, every action drawn from the prior")
    if isinstance(model.module, HasImagine):
        groups = [
            [Row(_name(store, clips.action, action), model.imagine(SEEN, told(action), seed)[0]) for seed in SEEDS]
            for action in range(clips.actions)
        ]
        save(groups, "unconditional", "all drawn from the prior")
    return drawn


def _several(clips: Clips) -> np.ndarray:
    """Test clips of different actions, far apart in the store."""
    actions = clips.factors[clips.action]
    places = np.linspace(0, len(clips) - 1, CLIPS).astype(int)
    chosen = []
    for k, place in enumerate(places):
        wanted = k % clips.actions
        same = np.flatnonzero(actions == wanted)
        chosen.append(int(same[np.abs(same - place).argmin()]) if len(same) else int(place))
    return np.array(chosen, np.int64)


def _name(store: Store, factor: str, value: int) -> str:
    names = str(store.to_xarray()[factor].attrs.get("flag_meanings", "")).split()
    return names[value] if value < len(names) else f"{factor} {value}"
