"""Pictures of a trained model that disentangles.

A generative one as in the figures of Khan and Storkey 2021: what it makes of real clips, of exchanged ones, of every
action, and of nothing at all. One that swaps as in Figure 4 of Donà et al. 2021: every content in every motion.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stbench import paths, registry
from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.progress import Reporter, Silent
from stbench.protocols.known import not_applicable
from stbench.running.plan import Choice, choose, dataset_for, plan

if TYPE_CHECKING:
    from stbench.protocols.clips import Clips
    from stbench.store.reader import Store
    from stbench.training.adapter import TorchForecaster

CLIPS = 3
LENGTH = 16
SEED = 5
NEEDED = ("generate", "transfer", "sample")
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
    report: Reporter | None = None,
) -> list[Path]:
    """Draw each as .png and .gif in the folder `out`, from the weights `stbench run` left under `runs`.

    Of a model that generates: `generated`, `motion-swap`, `all-actions` and, where the model can, `all-actions-drawn`
    and `unconditional`. Of one that swaps, on a dataset with a swap track: `swap-grid`. Raises `StbenchError` for a
    model that can neither, and where no run was trained to its end.
    """
    choice = choose(model, dataset, preset=preset)
    missing = [each for each in NEEDED if each not in choice.plugin.capabilities]
    swaps = _swap_track(choice)
    if missing and swaps is None:
        raise StbenchError(
            f"the model '{model}' has no pictures of generation, because it lacks the capability '{missing[0]}' (it "
            f"has {', '.join(choice.plugin.capabilities)} only), and none of swaps on '{dataset}': see `stbench models`"
        )
    store = dataset_for(dataset, preset, source=source, settings=settings or {}, raw=raw, report=report or Silent())
    from stbench.running.fit import load_trained

    ready = load_trained(plan(choice, store, seed), runs or paths.runs_dir())
    drawn = [] if missing or not _has_clips(dataset) else draw(ready, store, choice, out)
    return drawn + ([] if swaps is None else draw_swaps(ready, store, choice, swaps, out))


def _swap_track(choice: Choice) -> Track | None:
    """The shortest swap track of the dataset, where the model can be asked for it."""
    tracks = [each for each in registry.dataset(choice.track.dataset).tracks if each.protocol == "swap"]
    tracks = [each for each in tracks if not not_applicable(choice.plugin, each, choice.variant)]
    return min(tracks, key=lambda each: each.horizon, default=None)


def _has_clips(dataset: str) -> bool:
    return any(each.protocol == "generation" for each in registry.dataset(dataset).tracks)


def draw_swaps(model: TorchForecaster, store: Store, choice: Choice, track: Track, out: Path) -> list[Path]:
    """Every content in every motion, over the lead times of a swap track; the cases are spread over those it scores."""
    from stbench.pictures.clips import fusion_grid
    from stbench.protocols.swap import cases_of
    from stbench.protocols.windows import evenly_spaced

    cases = cases_of(store, track)
    # Those whose motion the store shows to its end; as many again for the motions, so that nobody meets its own.
    lengths = np.full(store.n_sequences, store.n_frames) if store.row_size is None else store.row_size
    held = np.flatnonzero(cases.start + track.conditioning + track.horizon <= lengths[cases.sequence])
    items = held[evenly_spaced(len(held), 2 * FUSED)]
    content, _, _ = cases.read(items[::2])
    _, motion, _ = cases.read(items[1::2])
    n, m, first = len(content), len(motion), track.conditioning
    pairs = np.repeat(content, m, axis=0), np.tile(motion, (n, *[1] * (motion.ndim - 1)))
    made = model.swap(*pairs, track.horizon)
    made = made.reshape(n, m, *made.shape[1:])
    true = []
    for item in items[1::2]:
        begin = int(cases.start[item]) + first
        true.append(store.normalise(store.read(int(cases.sequence[item]), slice(begin, begin + track.horizon))))
    title = f"{_full_name(choice)} on {store.dataset}, preset {choice.preset}: t+{track.horizon}"
    return fusion_grid(content[:, -1], np.stack(true), made, out / "swap-grid", title=title, source=store.source)


def _full_name(choice: Choice) -> str:
    return f"{choice.plugin.name}:{choice.variant}" if choice.variant else choice.plugin.name


def draw(model: TorchForecaster, store: Store, choice: Choice, out: Path) -> list[Path]:
    """The pictures of a trained model."""
    from stbench.pictures.clips import Row, clip_rows
    from stbench.protocols.clips import SEEN, clips_of

    clips = clips_of(store, choice.track, LENGTH)
    items = _several(clips)
    head = f"{_full_name(choice)} on {store.dataset}, preset {choice.preset}"
    factors = clips.known(items)
    real = clips.frames(items, LENGTH)
    seen = np.ascontiguousarray(real[:, :SEEN])
    made = model.generate(seen, LENGTH, factors)
    again = model.reconstruct(seen, factors) if hasattr(model.module, "reconstruct") else None

    def name_of(item: int) -> str:
        return _name(store, clips.action, int(clips.factors[clips.action][item]))

    groups = []
    for k, item in enumerate(items):
        rows = [Row(f"real, {name_of(item)}", real[k])]
        rows += [Row("reconstruction", again[k])] if again is not None else []
        groups.append([*rows, Row("from frame 0", made[k])])
    drawn = clip_rows(groups, out / "generated", title=f"{head}: sequences from their first frame", source=store.source)

    donor = np.roll(np.arange(len(items)), 1)
    given = {key: values[donor] for key, values in factors.items()}
    moved = model.transfer(seen, np.ascontiguousarray(seen[donor]), SEEN, given)
    groups = [
        [Row("content", seen[k]), Row(f"motion, {name_of(items[donor[k]])}", seen[donor[k]]), Row("together", moved[k])]
        for k in range(len(items))
    ]
    drawn += clip_rows(groups, out / "motion-swap", title=f"{head}: motion of another clip", source=store.source)

    groups = []
    for k in range(len(items)):
        rows = [Row("real", seen[k])]
        for action in range(clips.actions):
            asked = {clips.action: np.array([action])}
            rows.append(Row(_name(store, clips.action, action), model.generate(seen[k : k + 1].copy(), SEEN, asked)[0]))
        groups.append(rows)
    title = f"{head}: one first frame in the motion space of every action"
    drawn += clip_rows(groups, out / "all-actions", title=title, source=store.source)
    sampling = [each for each in registry.dataset(store.dataset).tracks if each.protocol == "sample"]
    if any(not_applicable(choice.plugin, each, choice.variant) for each in sampling):
        return drawn

    groups = []
    for k in range(len(items)):
        rows = [Row("real", seen[k])]
        for action in range(clips.actions):
            asked = {clips.action: np.array([action])}
            one = model.sample(seen[k : k + 1].copy(), SEEN, asked, SEED + action)
            rows.append(Row(_name(store, clips.action, action), one[0]))
        groups.append(rows)
    title = f"{head}: one clip, every action drawn from the prior"
    drawn += clip_rows(groups, out / "all-actions-drawn", title=title, source=store.source)
    if hasattr(model.module, "imagine"):
        rows = [
            Row(_name(store, clips.action, action), model.imagine({clips.action: np.array([action])}, SEEN, seed)[0])
            for action in range(clips.actions)
            for seed in (SEED, SEED + 1)
        ]
        pairs = [rows[k : k + 2] for k in range(0, len(rows), 2)]
        drawn += clip_rows(pairs, out / "unconditional", title=f"{head}: all drawn from the prior", source=store.source)
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
