"""Pictures of a trained model that makes clips, as in the figures of Khan and Storkey 2021.

What it makes of real clips, of exchanged ones, of every action, and of nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stbench.contract.capabilities import HasImagine, HasReconstruct
from stbench.contract.datasets import Track

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


def draw_clips(
    model: TorchForecaster, store: Store, track: Track, begin: Path, head: str, makes: Collection[str]
) -> list[Path]:
    """What a model `makes`, as PNG and GIF in files and under titles that `begin` and `head` begin: sequences from
    their first frame (generation), motions of other clips (exchange), drawn motions (sample). One that makes the first
    and the last is told an action, and shows every one."""
    from stbench.pictures.clips import Row, clip_rows
    from stbench.protocols.clips import SEEN, clips_of
    from stbench.protocols.sampling import untold

    clips = clips_of(store, track, LENGTH)
    items = _several(clips)
    factors = clips.known(items)
    real = clips.frames(items, LENGTH)
    seen = np.ascontiguousarray(real[:, :SEEN])
    drawn: list[Path] = []

    def save(groups: Sequence[Sequence[Row]], name: str, title: str) -> None:
        drawn.extend(clip_rows(groups, Path(f"{begin}-{name}"), title=f"{head}: {title}", source=store.source))

    def name_of(item: int) -> str:
        return _name(store, clips.action, int(clips.factors[clips.action][item]))

    def every_action(shown: np.ndarray, make: Callable[[np.ndarray, int], np.ndarray]) -> list[list[Row]]:
        """Below each clip what is made of what is `shown` of it and of an action, for all actions."""
        names = [_name(store, clips.action, action) for action in range(clips.actions)]
        return [
            [
                Row("real", seen[k]),
                *(Row(name, make(shown[k : k + 1].copy(), action)[0]) for action, name in enumerate(names)),
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
        moved = model.transfer(seen, np.ascontiguousarray(seen[donor]), SEEN, untold(donor))
        groups = []
        for k, other in enumerate(donor):
            rows = [Row("content", seen[k]), Row(f"motion, {name_of(items[other])}", seen[other])]
            groups.append([*rows, Row("together", moved[k])])
        save(groups, "motion-swap", "motion of another clip")
    if "sample" not in makes:
        return drawn
    if "generation" in makes:
        first = np.repeat(seen[:, :1], SEEN, 1)
        groups = every_action(first, lambda clip, action: model.generate(clip, SEEN, told(action)))
        save(groups, "all-actions", "one first frame in the motion space of every action")
    groups = every_action(seen, lambda clip, action: model.sample(clip, SEEN, told(action), SEED + action))
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
