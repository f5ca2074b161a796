"""The checks that concern what a model forecasts: a sentence where one holds, `StbenchError` where it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stbench.conformance.axes import asked, axes_of, told
from stbench.conformance.subject import BATCH, PromiseBroken, Subject
from stbench.contract.models import Forecaster, Swapper
from stbench.errors import StbenchError
from stbench.protocols.peeking import reacts_to_targets, reacts_to_test_part

LINE = 64
"""Bytes of a cache line."""
ROUNDING = 1e-5
"""Forecasts of a window in different batches may differ by so much of the largest value, or by a thousandth of what
differs from window to window: the order of sums depends on the size of the batch."""


def shape(subject: Subject) -> str:
    horizon, frame = subject.task.track.horizon, axes_of(subject.task.frame_shape)
    found = np.shape(
        asked(Forecaster.forecast, subject.model.forecast, subject.conditioning.copy(), horizon, frame=frame)
    )
    wanted = (BATCH, horizon, *subject.task.frame_shape)
    if found != wanted:
        raise StbenchError(told("the answer of forecast", found, ("batch", "horizon", *frame), wanted))
    return f"{wanted}"


def dtype(subject: Subject) -> str:
    found = subject.forecast()
    if not isinstance(found, np.ndarray) or found.dtype != np.float32:
        raise StbenchError(
            f"the forecast is {getattr(found, 'dtype', type(found).__name__)}, not a float32 array: convert it before "
            "it is returned"
        )
    return "float32"


def finite(subject: Subject) -> str:
    bad = int((~np.isfinite(subject.forecast())).sum())
    if bad:
        raise StbenchError(f"{bad} values of the forecast are not finite")
    return "every value is finite"


def input_untouched(subject: Subject) -> str:
    handed = subject.conditioning.copy()
    subject.model.forecast(handed, subject.task.track.horizon)
    if handed.tobytes() != subject.conditioning.tobytes():
        raise StbenchError("forecast changes the conditioning frames it is handed: work on a copy")
    return "the conditioning frames stay as they were"


def repeatable(subject: Subject) -> str:
    first = subject.forecast()
    subject.model.forecast(subject.conditioning[::-1].copy() + np.float32(1), subject.task.track.horizon)
    if subject.forecast().tobytes() != first.tobytes():
        raise StbenchError(
            "the same windows are forecast differently after another batch: reset every state at the start of a "
            "forecast and draw nothing from a global random generator"
        )
    # An array of 4 byte numbers begins at any multiple of 4; a library may take other instructions where it is not 64.
    for offset in (4, 16, 32):
        moved = subject.model.forecast(_placed(subject.conditioning, offset), subject.task.track.horizon)
        if np.asarray(moved).tobytes() != first.tobytes():
            raise StbenchError(
                f"the same windows are forecast differently where they lie {offset} bytes behind a multiple of "
                f"{LINE}: work on a copy that begins at a multiple of {LINE}, as torch's own arrays do"
            )
    return "the same windows give the same bits, whatever was forecast in between and wherever they lie in memory"


def _placed(frames: np.ndarray, offset: int) -> np.ndarray:
    """A copy that begins `offset` bytes behind a multiple of `LINE`."""
    room = np.empty(frames.nbytes + 2 * LINE, np.uint8)
    start = -room.ctypes.data % LINE + offset
    copy = room[start : start + frames.nbytes].view(frames.dtype).reshape(frames.shape)
    copy[...] = frames
    return copy


def learning_repeatable(subject: Subject) -> str:
    again = subject.ready(subject.store).forecast(subject.conditioning.copy(), subject.task.track.horizon)
    if np.asarray(again).tobytes() != subject.forecast().tobytes():
        raise StbenchError("two models that learnt from the same data with the same seed forecast differently")
    return "learnt twice with one seed, the forecasts are the same bits"


def batch_independent(subject: Subject) -> str:
    together = subject.forecast()
    if not np.isfinite(together).all():
        raise StbenchError("forecasts that are not finite cannot be compared: see `finite`")
    alone = np.concatenate([subject.forecast(rows=slice(i, i + 1)) for i in range(BATCH)])
    difference, allowed = _difference(alone, together), _rounding(together)
    if not difference <= allowed:
        raise PromiseBroken(
            "batch",
            f"the forecast of a window changes by up to {difference:.2g} with the other windows of its batch "
            f"(rounding allows {allowed:.2g}): use no statistics of the batch in a forecast",
        )
    return f"alone or among others, up to {difference:.1g}"


def horizon_consistent(subject: Subject) -> str:
    horizon = subject.task.track.horizon
    shorter = max(1, horizon // 2)
    whole, part = subject.forecast(), subject.forecast(shorter)
    if part.shape[1] != shorter:
        raise StbenchError(f"a forecast over {shorter} frames has {part.shape[1]}")
    difference = _difference(whole[:, :shorter], part)
    begins = "begins with" if difference <= _rounding(whole) else f"differs by up to {difference:.2g} from"
    return f"a forecast over {horizon} frames {begins} the one over {shorter}"


def no_target_leak(subject: Subject) -> str:
    if reacts_to_targets(subject.ready, subject.store, subject.task.track, subject.folder()):
        raise StbenchError(
            "the forecast changes when the test targets in the store are replaced by garbage: the model reads the "
            "store, but conditioning frames are all it may see"
        )
    return "replacing all test targets in the store by garbage changes no bit"


def swap(subject: Subject) -> str:
    """For a model with this capability: content of one window, motion of another."""
    content, motion = subject.conditioning, subject.conditioning[::-1].copy()
    horizon = subject.task.track.horizon
    frame, model = axes_of(subject.task.frame_shape), subject.model
    assert isinstance(model, Swapper)
    answers = [asked(Swapper.swap, model.swap, content.copy(), motion.copy(), horizon, frame=frame) for _ in range(2)]
    wanted = (BATCH, horizon, *subject.task.frame_shape)
    if np.shape(answers[0]) != wanted or answers[0].dtype != np.float32:
        raise StbenchError(f"swap answers {answers[0].dtype} {np.shape(answers[0])}, not float32 {wanted}")
    if not np.isfinite(answers[0]).all():
        raise StbenchError(f"{int((~np.isfinite(answers[0])).sum())} values of the swap are not finite")
    if answers[0].tobytes() != answers[1].tobytes():
        raise StbenchError("the same windows are swapped differently the second time: draw nothing, keep no state")
    return f"{wanted}, the same bits twice"


def no_truth_leak(subject: Subject) -> str:
    """For a model that swaps."""
    content, motion, horizon = subject.conditioning, subject.conditioning[::-1].copy(), subject.task.track.horizon

    def ask(model: Any) -> bytes:
        return np.asarray(model.swap(content.copy(), motion.copy(), horizon)).tobytes()

    if reacts_to_test_part(subject.ready, subject.store, ask, subject.folder()):
        raise StbenchError(
            "the swap changes when the test part of the store is replaced by garbage: the model reads the store, but "
            "the content and the motion window are all it may see"
        )
    return "replacing the test part of the store by garbage changes no bit"


SWAPS: dict[str, Callable[[Subject], str]] = {"swap": swap, "truths": no_truth_leak}

FORECASTS: dict[str, Callable[[Subject], str]] = {
    "shape": shape,
    "dtype": dtype,
    "finite": finite,
    "input": input_untouched,
    "repeatable": repeatable,
    "learning": learning_repeatable,
    "batch": batch_independent,
    "horizon": horizon_consistent,
    "targets": no_target_leak,
}


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    """The largest one; not a number where a forecast is not finite."""
    with np.errstate(invalid="ignore"):
        return float(np.abs(one - other).max())


def _rounding(forecast: np.ndarray) -> float:
    with np.errstate(invalid="ignore"):
        return max(ROUNDING * float(np.abs(forecast).max()), 1e-3 * float(forecast.std(axis=0).max()))
