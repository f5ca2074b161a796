"""What a prediction store claims about itself, checked against what is asked before anything of its size is read."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np

from stbench.errors import StbenchError

LARGEST_CHUNK = 2**28
"""Bytes of a decoded chunk that are always allowed; a larger one is where the whole array wanted is as large."""
FAR = 3.0
"""Widths of the frames' range that a forecast may lie outside it without a remark."""
FRAMES = ("1", "frame", "frames")
"""Units of lead times that count frames."""


def check_chunks(path: Path, array: Any, wanted: int) -> None:
    """`StbenchError` where one chunk of `array` would take far more memory than the `wanted` bytes of all of it."""
    shape = array.shards or array.chunks
    claimed = math.prod(shape) * array.dtype.itemsize
    if claimed > max(LARGEST_CHUNK, 2 * wanted):
        raise StbenchError(
            f"{path} has '{array.basename}' in chunks of {tuple(shape)}, {claimed / 1e9:.1f} GB each, where "
            f"{wanted / 1e9:.3f} GB are wanted in all: write smaller chunks"
        )


def check_order(path: Path, array: Any, dims: tuple[str, ...]) -> None:
    """`StbenchError` where the array names the same dimensions in another order."""
    named = tuple(getattr(array.metadata, "dimension_names", None) or ())
    if named != dims and sorted(map(str, named)) == sorted(dims):
        raise StbenchError(f"{path} has '{array.basename}' over {', '.join(named)}: wanted is {', '.join(dims)}")


def check_units(path: Path, attributes: dict[str, Any]) -> None:
    """`StbenchError` where a store says that its frames are in other units than those of models."""
    found = attributes.get("units", "normalised")
    if found != "normalised":
        raise StbenchError(
            f"{path} says that its frames have the units '{found}', and wanted are normalised ones, as "
            "`stbench.windows` gives them: convert them, then write units='normalised'"
        )


def check_lead_times(path: Path, values: np.ndarray, units: str, horizon: int) -> None:
    """`StbenchError` unless `values` (horizon,) are 1..horizon, or in another unit k, 2k, ..., horizon·k with k > 0."""
    wanted = np.arange(1, horizon + 1)
    if values.dtype.kind in "iuf" and np.isfinite(values).all():
        if np.array_equal(values, wanted):
            return
        step = float(values[0])
        in_frames = units.lower() in FRAMES or not units
        if not in_frames and step > 0 and np.allclose(values, step * wanted, rtol=1e-6, atol=0):
            return
    found = ", ".join(map(str, values[:3].tolist())) + (f", ..., {values[-1]}" if horizon > 3 else "")
    raise StbenchError(
        f"{path} has the lead times {found}{f' ({units})' if units else ''}, and wanted are 1 to {horizon}: 1 is the "
        "first frame after the last one seen, so predict these"
    )


def with_fill(array: Any, value: float) -> Any:
    """The array as it is, but with another value where no chunk was ever written."""
    import zarr

    metadata = dataclasses.replace(array.metadata, fill_value=np.asarray(value, array.dtype)[()])
    return zarr.Array(zarr.AsyncArray(metadata=metadata, store_path=array.store_path))


@dataclasses.dataclass
class Ranges:
    """Smallest and largest value of forecasts and of frames, gathered batch by batch."""

    forecasts: tuple[float, float] = (math.inf, -math.inf)
    frames: tuple[float, float] = (math.inf, -math.inf)

    def add(self, prediction: np.ndarray, *frames: np.ndarray) -> None:
        self.forecasts = _wider(self.forecasts, prediction)
        for each in frames:
            self.frames = _wider(self.frames, each)

    def remark(self, path: Path) -> str:
        """What a user should know where the forecasts leave the range of the frames by `FAR` widths; else empty."""
        low, high = self.frames
        width = (high - low) or abs(high) or 1.0
        if low - FAR * width <= self.forecasts[0] and self.forecasts[1] <= high + FAR * width:
            return ""
        return (
            f"the forecasts of {path} are between {self.forecasts[0]:.4g} and {self.forecasts[1]:.4g}, the frames "
            f"they are scored against between {low:.4g} and {high:.4g}: scored as they are, but wanted are the "
            "normalised units of `stbench.windows`"
        )


def _wider(range_: tuple[float, float], values: np.ndarray) -> tuple[float, float]:
    return min(range_[0], float(values.min())), max(range_[1], float(values.max()))
