"""The checks that concern what a model draws: a sentence where one holds, `StbenchError` where it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stbench.conformance.axes import asked, axes_of
from stbench.conformance.subject import BATCH, PromiseBroken, Subject
from stbench.contract.models import Drawer
from stbench.errors import StbenchError
from stbench.protocols.peeking import reacts_to_test_part

SAMPLES = 3
SEEDS = np.array([7, 2**62 + 11, 0, 7_000_000_019, 23], np.int64)
"""One a window of the batch."""
OTHER_SEEDS = SEEDS[::-1] + 1


def answers(subject: Subject) -> str:
    """Shape, type, finite, what was handed out as it was."""
    handed, seeds = subject.conditioning.copy(), SEEDS.copy()
    model: Any = subject.model
    asks = handed, subject.task.track.horizon, SAMPLES, seeds
    found = asked(Drawer.draw, model.draw, *asks, frame=axes_of(subject.task.frame_shape))
    if handed.tobytes() != subject.conditioning.tobytes() or seeds.tobytes() != SEEDS.tobytes():
        raise StbenchError("draw changes the conditioning frames or the seeds it is handed: work on a copy")
    wanted = (BATCH, SAMPLES, subject.task.track.horizon, *subject.task.frame_shape)
    if np.shape(found) != wanted or not isinstance(found, np.ndarray) or found.dtype != np.float32:
        kind = f"{getattr(found, 'dtype', type(found).__name__)} {np.shape(found)}"
        raise StbenchError(f"draw answers {kind}, not float32 {wanted}: (batch, samples, horizon, *frame)")
    if bad := int((~np.isfinite(found)).sum()):
        raise StbenchError(f"{bad} values of the draws are not finite")
    return f"{wanted}, every value is finite"


def seeds_decide(subject: Subject) -> str:
    first = _drawn(subject)
    other = _drawn(subject, seeds=OTHER_SEEDS)
    if _drawn(subject).tobytes() != first.tobytes():
        raise StbenchError(
            "the same windows and seeds give other draws the second time: draw from one generator a window, started by "
            "its seed alone, and keep no state"
        )
    if other.tobytes() == first.tobytes():
        raise StbenchError("other seeds give the same draws: start the generator of a window with its seed")
    if all((window == window[:1]).all() for window in (*first, *other)):
        raise StbenchError(f"the {SAMPLES} draws of a window are all the same: draw each of them anew")
    return "the same seeds give the same bits, whatever was drawn in between, and others give others"


def batch_independent(subject: Subject) -> str:
    """Bit for bit, unlike a forecast: a last bit that differs may make a draw of discrete things another one."""
    together = _drawn(subject)
    alone = np.concatenate([_drawn(subject, slice(i, i + 1), SEEDS[i : i + 1]) for i in range(BATCH)])
    order = slice(None, None, -1)
    turned = _drawn(subject, order, SEEDS[order])[order]
    for what, found in (("number", alone), ("order", turned)):
        if found.tobytes() != together.tobytes():
            raise PromiseBroken(
                "batch",
                f"the draws of a window change with the {what} of the windows in its batch: draw from one generator a "
                "window and use no statistics of the batch",
            )
    return "alone, among others and in another order the draws of a window are the same bits"


def learning_repeatable(subject: Subject) -> str:
    again = _ask(subject.ready(subject.store), subject.conditioning.copy(), subject.task.track.horizon, SEEDS.copy())
    if np.asarray(again).tobytes() != _drawn(subject).tobytes():
        raise StbenchError("two models that learnt from the same data with the same seed draw differently")
    return "learnt twice with one seed, the draws are the same bits"


def no_target_leak(subject: Subject) -> str:
    def ask(model: Any) -> bytes:
        found = _ask(model, subject.conditioning.copy(), subject.task.track.horizon, SEEDS.copy())
        return np.ascontiguousarray(found).tobytes()

    if reacts_to_test_part(subject.ready, subject.store, ask, subject.folder()):
        raise StbenchError(
            "the draws change when the test part of the store is replaced by garbage: the model reads the store, but "
            "conditioning frames are all it may see"
        )
    return "replacing the test part of the store by garbage changes no bit"


DRAWS: dict[str, Callable[[Subject], str]] = {
    "draw": answers,
    "draw-seeds": seeds_decide,
    "draw-batch": batch_independent,
    "draw-learning": learning_repeatable,
    "draw-truths": no_target_leak,
}


def _drawn(subject: Subject, rows: slice = slice(None), seeds: np.ndarray = SEEDS) -> np.ndarray:
    handed = np.ascontiguousarray(subject.conditioning[rows]).copy()
    return np.asarray(_ask(subject.model, handed, subject.task.track.horizon, np.ascontiguousarray(seeds).copy()))


def _ask(model: Any, conditioning: np.ndarray, horizon: int, seeds: np.ndarray) -> Any:
    return model.draw(conditioning, horizon, SAMPLES, seeds)
