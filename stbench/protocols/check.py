"""What comes back from a model, or from a file, is not trusted."""

from __future__ import annotations

import numpy as np

from stbench.errors import StbenchError
from stbench.protocols.windows import Windows


def checked(
    answer: object, shape: tuple[int, ...], windows: Windows, first: int, who: str, *, members: bool = False
) -> np.ndarray:
    """`answer` as a C-contiguous float32 array of `shape`, every value finite; else `StbenchError` about `who`.

    `first` is the item of `windows` the first row belongs to; `members`: the second dimension counts drawn forecasts.
    """
    if not isinstance(answer, np.ndarray):
        raise StbenchError(f"{who} returned a {type(answer).__name__}, not a numpy array of shape {shape}")
    if answer.shape != shape:
        dims = "window, member, lead time, *frame" if members else "window, lead time, *frame"
        raise StbenchError(f"{who} returned frames of shape {answer.shape} where {shape} ({dims}) was asked for")
    if answer.dtype != np.float32:
        raise StbenchError(f"{who} returned {answer.dtype} frames: convert them to float32")
    prediction = np.ascontiguousarray(answer)
    # A sum is finite when every term is (float64 cannot overflow on float32 terms), so most batches need one pass only.
    with np.errstate(invalid="ignore"):  # infinities of both signs have no sum
        total = np.sum(prediction, dtype=np.float64)
    if not np.isfinite(total):
        row, *place = np.argwhere(~np.isfinite(prediction.reshape(*shape[: 2 + members], -1)).all(axis=-1))[0]
        member = f", member {place[0] + 1}" if members else ""
        raise StbenchError(
            f"{who} predicted a value that is not finite for {windows.name(first + int(row))}{member}, lead time "
            f"{place[-1] + 1}"
        )
    return prediction
