"""The swap protocol: content from one sequence, motion from another, several right answers.

A model sees two windows of conditioning frames and a horizon. The ground truths are drawn by the dataset; where more
than one is right (which digit takes which trajectory is nobody's knowledge), one of them counts:

    jointly    o*(n) = argmin_o mean_k mse(p_nk, t_onk): one order per sequence, for every metric and every lead time
    per metric o*(n) = the order with the best mean over lead times of that metric: metrics that say `own_truth`, as
               published

Pairing and orders: J. Donà et al., ICLR 2021, section 5 and its code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

import numpy as np

from stbench import registry
from stbench.contract.capabilities import HasSwapCases
from stbench.contract.datasets import SwapCases, Track
from stbench.contract.models import Swapper
from stbench.errors import StbenchError
from stbench.metrics import Metric
from stbench.protocols.asking import Asking, Question
from stbench.protocols.scoring import DECIDES, Scorer, Scores, best_order, track_metrics
from stbench.protocols.windows import Windows, automatic_batch_size, evenly_spaced
from stbench.store.reader import Store

__all__ = ["best_order", "cases_of", "chosen_values", "swap"]


def cases_of(store: Store, track: Track, split: str = "test") -> SwapCases:
    """The swap cases of a track; `StbenchError` where the dataset draws none."""
    plugin = registry.dataset(track.dataset)
    if not isinstance(plugin, HasSwapCases):
        raise StbenchError(
            f"the dataset '{track.dataset}' has no swap cases (a method swap_cases of its plug-in), so the track "
            f"{track.id} cannot be played"
        )
    return plugin.swap_cases(store, track, split)


def swap(
    model: Swapper,
    store: Store,
    track: Track,
    *,
    split: str = "test",
    batch_size: int | None = None,
    keep: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
    limit: int | None = None,
) -> Scores:
    """Score every swap case of a track, or `limit` evenly spaced ones, streaming.

    The model is given copies of the content and the motion window, (b, conditioning, *frame) float32, normalised, and
    the horizon; it never holds a truth. Values are those of the chosen truths; `sequence` is the one the motion comes
    from, `cluster` says which cases share what is right. Raises `StbenchError` for what `forecast` refuses, and where
    the dataset draws no swap cases.
    """
    cases = cases_of(store, track, split)
    items = np.arange(len(cases)) if limit is None else evenly_spaced(len(cases), limit)
    names = Windows(track, cases.sequence[items], cases.start[items])
    metrics = _with_the_deciding(track_metrics(track, store.frame_shape))
    size = batch_size or max(1, automatic_batch_size(store.frame_shape, track.horizon) // cases.orders)
    with ExitStack() as stack:
        scorers = [stack.enter_context(Scorer(metrics, len(items), track.horizon)) for _ in range(cases.orders)]
        asking = Asking(model, names, scorers, keep=keep, on_progress=on_progress)
        for first in range(0, len(items), size):
            content, motion, truths = cases.read(items[first : first + size])
            asking.put(Question(first, (content, motion), (track.horizon,), truths, motion, content), model.swap)
        values = chosen_values([each.values for each in scorers], metrics)
    scored = [registry.metric(name).name for name in track.scored]
    asked = {name: values[name] for name in scored if name in values}
    together = None if cases.cluster is None else cases.cluster[items]
    return Scores(names.sequence, names.start, asked, asking.seconds, asking.kept, cluster=together)


def _with_the_deciding(metrics: Sequence[Metric]) -> list[Metric]:
    missing = DECIDES not in {metric.name for metric in metrics}
    return [*metrics, *([registry.metric(DECIDES)] if missing else [])]


def chosen_values(values: Sequence[Mapping[str, np.ndarray]], metrics: Sequence[Metric]) -> dict[str, np.ndarray]:
    """Values of each order, name -> (n, horizon), become those of the order that counts."""
    stacked = {metric.name: np.stack([each[metric.name] for each in values]) for metric in metrics}
    joint = best_order(stacked[DECIDES], higher_is_better=False)
    found = {}
    for metric in metrics:
        every = stacked[metric.name]
        order = best_order(every, higher_is_better=metric.higher_is_better) if metric.own_truth else joint
        found[metric.name] = every[order, np.arange(every.shape[1])]
    return found
