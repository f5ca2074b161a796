"""Pictures of a trained model that disentangles: what it can be asked, its weights, then the pictures themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from stbench import paths, registry
from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.progress import Progress, Silent
from stbench.protocols.known import not_applicable
from stbench.running.clip_pictures import MADE, draw_clips
from stbench.running.plan import Choice, choose_trained, dataset_for, plan
from stbench.running.swap_pictures import draw_swaps


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

    Model, data and `simulated`, where they are, begin the name of a file, so that those of several models can lie
    side by side; another preset, seed or setting replaces them.

    Of a model that makes clips, what it can of `generated`, `motion-swap`, `all-actions`, `all-actions-drawn` and
    `unconditional` (`draw_clips`). Of one that swaps: `swap-grid`, of the dataset's swap cases. If none of those is
    drawn, of its test windows; then also, as PNG alone, how far another content moves a forecast: `content-change`,
    against lead time, and `content-change-frames`, of one window. Of frames of sensors there are these two only.

    Raises `StbenchError` for a model that can neither, and where no run was trained to its end.
    """
    choice = choose_trained(model, dataset, preset=preset)
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

    planned = plan(choice, store, seed)
    ready = load_trained(planned, runs or paths.runs_dir(), settings)
    head = f"{planned.model} on {store.dataset}, preset {choice.preset}"
    begin = out / paths.of_source(f"{paths.file_name(planned.model)}-{store.dataset}", store.source)
    drawn = draw_clips(ready, store, choice.track, begin, head, makes) if makes else []
    return drawn + ([] if swaps is None else draw_swaps(ready, store, swaps, begin, head))


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
