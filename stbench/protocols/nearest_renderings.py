"""What the nearest renderings of clips say, as scores: no weights, no training (`stbench.judges.renderer`).

They answer the questions of the judge's heads. Of every frame they say what the clip shows there, so that attributes
can be asked whether they stay what they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from stbench.metrics.interventions import global_consistency, local_consistency, shuffled, swap_consistency
from stbench.protocols.clips import Clips

if TYPE_CHECKING:
    from stbench.judges.network import Head
    from stbench.judges.renderer import Nearest

ACTION = "action"
SEED = 20_211_218
"""Any fixed number; which frames stand together by chance follows from it."""


def class_of(head: Head, factors: Mapping[str, np.ndarray]) -> np.ndarray:
    """The class of a head: the product of its factors, the last one running fastest; -1 for a value that the store,
    of few sequences, does not have."""
    values = [factors[name] for name in head.factors]
    known = np.all([each < size for each, size in zip(values, head.sizes, strict=True)], axis=0)
    combined = np.ravel_multi_index(tuple(np.where(known, each, 0) for each in values), head.sizes)
    return np.where(known, combined, -1)


def rendered_values(
    heads: Sequence[Head],
    nearest: Nearest,
    clips: Clips,
    asked: np.ndarray,
    classes: Mapping[str, np.ndarray],
    content: np.ndarray,
    motion: np.ndarray | None,
    said: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Metric -> (n,) of the nearest renderings of n clips.

    `asked` (n,): the action each clip was to show; `classes`: head -> class of every sequence; `content`, `motion`
    (n,): the sequences content and motion come from; `said`: head -> class (n,) that the trained judge names.
    """
    told = {head.name: class_of(head, nearest.factors) for head in heads}
    static = [head for head in heads if head.name != ACTION]
    values = {
        "renderer_action_accuracy": nearest.factors[clips.action] == asked,
        "renderer_margin": nearest.margin,
        "renderer_distance": nearest.distance / clips.store.normaliser.std**2,
        "judge_agreement": np.mean([told[name] == each for name, each in said.items()], axis=0),
    }
    if motion is not None:
        values["renderer_motion_accuracy"] = told[ACTION] == classes[ACTION][motion]
    if static:
        values["renderer_attributes_accuracy"] = _mean([told[h.name] == classes[h.name][content] for h in static])
        values |= _consistencies(static, nearest, {head.name: classes[head.name][content] for head in static})
    return values


def _consistencies(static: Sequence[Head], nearest: Nearest, wanted: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The three consistencies (n,), means over heads, and the same of frames that belong to other clips."""
    frames = {head.name: class_of(head, nearest.by_frame) for head in static}
    found = {}
    for end, shown in (("", frames), ("_chance", {name: shuffled(each, SEED) for name, each in frames.items()})):
        swaps = [swap_consistency(each, wanted[name]) for name, each in shown.items()]
        found[f"renderer_swap_consistency{end}"] = _mean(swaps)
        found[f"renderer_global_consistency{end}"] = _mean([global_consistency(each) for each in shown.values()])
        found[f"renderer_local_consistency{end}"] = _mean([local_consistency(each) for each in shown.values()])
    return found


def _mean(values: Sequence[np.ndarray]) -> np.ndarray:
    return np.asarray(np.mean(values, axis=0))
