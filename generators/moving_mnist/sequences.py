"""From a part and a range of its sequences to frames and factors; drawing digits on trajectories."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from .digits import DigitFiles, resize
from .motion import (
    TEST,
    TRAIN,
    VAL,
    Draws,
    angle_draws,
    official_draws,
    reflect,
    reflection_draws,
    step_by_angle,
)
from .parameters import TEST_DIGITS, MovingMnistParameters


def draw(digits: np.ndarray, trajectory: np.ndarray, canvas: int = 64, overlay: str = "sum") -> np.ndarray:
    """Frames of digits on their trajectories.

    `digits` (..., digit, h, w) uint8; `trajectory` (..., time, digit, >= 2) integers, row and column of each digit's
    upper left corner first (the store's `position`); the leading axes are the same. Gives (..., time, 1, canvas,
    canvas) uint8: the sum clipped at 255, or the maximum. Raises `ValueError` for other shapes or a digit that is not
    inside the canvas.
    """
    from .kernel import draw_maximum, draw_sum

    batch, (count, height, width) = digits.shape[:-3], digits.shape[-3:]
    if trajectory.shape[:-3] != batch or trajectory.shape[-2] != count or trajectory.shape[-1] < 2:
        raise ValueError(f"digits {digits.shape} and trajectory {trajectory.shape} do not fit together")
    n_frames = trajectory.shape[-3]
    place = np.ascontiguousarray(trajectory[..., :2], np.int64).reshape(-1, n_frames, count, 2)
    if place.size and (place.min() < 0 or (place.max(axis=(0, 1, 2)) > (canvas - height, canvas - width)).any()):
        raise ValueError(f"a digit of {height} x {width} leaves the canvas of {canvas} x {canvas}")
    out = np.zeros((len(place), n_frames, canvas, canvas), np.uint8)
    kernel = {"sum": draw_sum, "maximum": draw_maximum}[overlay]
    kernel(np.ascontiguousarray(digits, np.uint8).reshape(-1, count, height, width), place, out)
    return out.reshape(*batch, n_frames, 1, canvas, canvas)


def swap_truths(digits: np.ndarray, trajectory: np.ndarray, canvas: int = 64, overlay: str = "sum") -> np.ndarray:
    """Ground truths of a content swap: the content's digits on the motion's trajectory in every assignment.

    `digits` (..., digit, h, w), `trajectory` (..., time, digit, >= 2); gives (order, ..., time, 1, canvas, canvas), the
    orders as `itertools.permutations` lists them, so [0] keeps the order and, of two digits, [1] exchanges them.
    """
    orders = permutations(range(digits.shape[-3]))
    return np.stack([draw(digits[..., list(order), :, :], trajectory, canvas, overlay) for order in orders])


def published_swap(
    sequences: int = 5_000, digits: int = 2, seed: int = 1, n_digits: int = TEST_DIGITS
) -> tuple[np.ndarray, np.ndarray]:
    """Which content meets which motion in the published swap test.

    Item i takes its motion from test sequence i. Its content is the digits `digit_index[i]` (n, digit) of the test
    file, by a new permutation q of NumPy's legacy stream `seed`: q[i], q[i + 5000]; the model sees them on the
    trajectories of test sequence `content_sequence[i]` = n - 1 - i. Both orders of the digits are right, the better
    one counts (`swap_truths`). Gives `digit_index` and `content_sequence`. Of a file of `n_digits` the same rule.
    """
    order = np.random.RandomState(seed).permutation(n_digits)
    stride = n_digits // digits
    item = np.arange(sequences)
    return order[item[:, None] + stride * np.arange(digits)], sequences - 1 - item


@dataclass(frozen=True)
class Sequences:
    """Sequences of the parts "test", "train" and "val", each a pure function of (parameters, part, index)."""

    parameters: MovingMnistParameters
    files: DigitFiles

    def produce(self, part: str, start: int, stop: int, n_frames: int) -> dict[str, np.ndarray]:
        """Every variable of sequences start .. stop - 1 of a part; the first frames do not depend on `n_frames`."""
        p = self.parameters
        images, labels = self.files.load("test" if part == "test" else "train")
        first, count = self._digits_of(part, len(images))
        draws = self._draws(part, start, stop, count)
        if p.motion == "reflection":
            position, velocity = reflect(draws, n_frames, p.extent)
        else:
            position, velocity = step_by_angle(draws, n_frames, p.extent, p.step)
        index = first + draws.digit_index
        digits = resize(images[index], p.digit_size)
        return {
            "frames": draw(digits, position, p.canvas, p.overlay),
            "position": position,
            "velocity": velocity,
            "digit_index": index.astype(np.int32),
            "digit_label": labels[index],
            "digit_image": digits,
        }

    def _digits_of(self, part: str, available: int) -> tuple[int, int]:
        """First digit and number of digits a part draws from: never the same ones for two parts."""
        kept_back = min(self.parameters.val_digits, available - 1)
        return {"test": (0, available), "train": (0, available - kept_back), "val": (available - kept_back, kept_back)}[
            part
        ]

    def _draws(self, part: str, start: int, stop: int, n_images: int) -> Draws:
        p = self.parameters
        if part == "test" and p.draws == "official":
            whole = official_draws(p.seed, n_images, p.sequences, p.digits, p.extent, p.max_speed)
            return Draws(whole.digit_index[start:stop], whole.start[start:stop], whole.speed[start:stop])
        key = {"test": TEST, "train": TRAIN, "val": VAL}[part]
        if p.motion == "angle":
            return angle_draws(p.seed, key, start, stop, n_images=n_images, digits=p.digits)
        return reflection_draws(
            p.seed, key, start, stop, n_images=n_images, digits=p.digits, extent=p.extent, max_speed=p.max_speed
        )


@dataclass(frozen=True)
class TrainingStream:
    """Training sequences without end, drawn when they are asked for: sequence `index` is a function of (seed, index).

    The training sequences of a store are the first ones of this stream.
    """

    sequences: Sequences
    n_frames: int

    def draw(self, start: int, stop: int) -> np.ndarray:
        """Frames of sequences start .. stop - 1: (n, n_frames, 1, canvas, canvas) uint8."""
        return self.sequences.produce("train", start, stop, self.n_frames)["frames"]
