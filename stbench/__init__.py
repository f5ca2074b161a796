"""stbench: make spatiotemporal datasets, hold models to one protocol, keep the score.

Importing the package imports neither torch nor numba nor zarr; the functions below load what they need when called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os

    import pandas as pd  # type: ignore[import-untyped]
    import xarray as xr

    from stbench.running.tracks import TrackOfStore
    from stbench.splits.torch_windows import WindowDataset
    from stbench.training.adapter import TorchForecaster

__version__ = "0.2.0"
__all__ = ["__version__", "load_model", "open", "read_results", "track", "windows"]


def open(dataset: str | os.PathLike[str], source: str = "auto", **parameters: Any) -> xr.Dataset:
    """Open a store lazily as an `xarray.Dataset`.

    `dataset` is a dataset name ("waveeq": the store with these `parameters`, which default to the canonical ones, and
    this `source`) or the path of a store. Raises `StbenchError` when there is no such store, saying the command that
    makes it.
    """
    from stbench import arguments
    from stbench.store.named import open_dataset

    return open_dataset(dataset, parameters, arguments.text("source", source))


def track(name: str, preset: str = "paper", source: str = "auto", **parameters: Any) -> TrackOfStore:
    """A track with its data, without torch: `track("sst/forecast-6")`, or `track("sst")` for the main track.

    `windows("test")` gives batches of numpy arrays, `evaluate(forecast)` the table of any callable, `floors()` the
    tables of all floors. The data are the canonical ones, or those of another `preset`, with these `parameters` on
    top; nothing is generated. Raises `StbenchError` for unknown names, and with the command that makes the data where
    they are not there.
    """
    from stbench.running.tracks import open_track

    return open_track(name, preset=preset, source=source, parameters=parameters)


def windows(
    dataset: str | os.PathLike[str] | TrackOfStore,
    split: str | None = None,
    conditioning: int | None = None,
    horizon: int | None = None,
    stride: int | None = None,
    source: str = "auto",
    **parameters: Any,
) -> WindowDataset:
    """All windows of a split as a map-style torch Dataset.

    Item i is a dict: `conditioning` (conditioning, *frame), `target` (horizon, *frame), both float32 tensors, time
    first, and the integers `sequence` and `start`. `split` is "train", "val", "test" or "train+val". The object is
    picklable and opens the store inside the process that reads it.

    `dataset`: a dataset's name, with `parameters` and `source` as the commands have them, or the path of a store; what
    is left out is split "train", 5 conditioning frames, horizon 20 and stride 1. Or a track, `track(...)` or its id
    "sst/forecast-6": what is left out is the track's, its canonical data, too. Of "test" these are all test windows
    (on a forecast track those that are scored; `track(...).questions()` gives what other tracks ask, of draws the
    selection of a preset), of other splits those that models learn from.

    Needs `stbench[torch]`; `track(...).windows(...)` gives numpy batches without it. Raises `StbenchError` for lengths
    and strides below 1, a store that is not there, and where no window is that long.
    """
    try:
        from stbench.splits.torch_windows import WindowDataset
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "torch":
            raise
        from stbench.errors import StbenchError

        raise StbenchError(
            "`stbench.windows` needs torch, which is not installed: install the extra `torch` of stbench (in its "
            "checkout `pip install '.[torch]'`), or take numpy batches from `stbench.track(...).windows(...)`"
        ) from None
    from stbench.running.windows import asked_windows

    asked = asked_windows(
        dataset,
        split=split,
        conditioning=conditioning,
        horizon=horizon,
        stride=stride,
        source=source,
        parameters=parameters,
    )
    return WindowDataset.of(asked.store, asked.split, asked.conditioning, asked.horizon, asked.stride)


def load_model(
    model: str,
    dataset: str,
    preset: str = "quick",
    seed: int = 0,
    runs: str | os.PathLike[str] | None = None,
    source: str = "auto",
    **parameters: Any,
) -> TorchForecaster:
    """The model that `stbench run` trained, for arrays of your own.

    `load_model("sepvar:ode-rk4", "waveeq")` has `forecast(conditioning, horizon)`: (batch, conditioning, *frame) ->
    (batch, horizon, *frame), normalised float32 as `windows` gives them; `forecast_at(conditioning, [0.5, 1, 1.5])`
    for lead times of your choice; and what else the model can: `swap`, `sample`, ... `parameters` are those of the
    dataset, `runs` the folder of all runs. Raises `StbenchError` where no such run has left its weights, or its data
    are not there any more; nothing is generated.
    """
    from stbench import arguments, registry
    from stbench.paths import runs_dir
    from stbench.running.fit import load_trained
    from stbench.running.plan import choose_trained, plan
    from stbench.store.named import open_named

    for name, value in {"model": model, "dataset": dataset, "preset": preset, "source": source}.items():
        arguments.text(name, value)
    choice = choose_trained(model, dataset, preset=preset)
    store = open_named(dataset, {**registry.dataset(dataset).presets.get(choice.base, {}), **parameters}, source)
    return load_trained(
        plan(choice, store, arguments.seed(seed)),
        runs_dir() if runs is None else arguments.local_path(runs),
        parameters,
    )


def read_results(*folders: str | os.PathLike[str]) -> pd.DataFrame:
    """Scores of all runs in or below some folders (default: the folder of runs) as a long `pandas.DataFrame`.

    One row for each run, metric and lead time, with the 95 % interval; `lead_time` "1..h" is the mean over 1 to h.
    Raises `StbenchError` where there is no run.
    """
    from stbench.arguments import local_path
    from stbench.paths import runs_dir
    from stbench.results.frame import results_frame

    return results_frame([local_path(each) for each in folders] or [runs_dir()])
