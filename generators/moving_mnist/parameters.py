"""Every knob of Moving MNIST, and the refusal of settings that cannot be drawn, before any work is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stbench.errors import StbenchError, nearest

MOTIONS, OVERLAYS, DRAWS = ("reflection", "angle"), ("sum", "maximum"), ("official", "seeded")
TEST_DIGITS, TRAIN_DIGITS = 10_000, 60_000
ANGLE_STEP = 0.1
LARGEST_SEQUENCE = 4_000_000_000
"""Bytes."""


def knob(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class MovingMnistParameters:
    """Parameters of `moving-mnist`; the defaults are the published test set, with training sequences beside it."""

    sequences: int = knob(5_000, "test sequences, drawn from the 10,000 test digits; the first of the store")
    train_sequences: int = knob(2_200, "stored training sequences; training on the fly needs none")
    val_sequences: int = knob(200, "stored validation sequences, drawn from the training digits kept back for them")
    frames: int = knob(100, "frames per sequence")
    digits: int = knob(2, "digits per sequence")
    digit_size: int = knob(28, "side of a digit, in pixels; other than 28 it is resampled")
    canvas: int = knob(64, "side of a frame, in pixels")
    motion: str = knob("reflection", "reflection: integer speeds, exact; angle: one speed, random direction, clamped")
    max_speed: int = knob(
        4, "motion reflection: speeds are whole pixels per frame, -max_speed to max_speed on each axis"
    )
    step: float = knob(
        ANGLE_STEP, "motion angle: displacement per frame, as a fraction of the free path canvas - digit_size"
    )
    overlay: str = knob("sum", "where digits overlap: sum, clipped at 255, or maximum")
    draws: str = knob(
        "official",
        "the test sequences; official: NumPy's legacy stream, every test digit once; seeded: one stream per sequence",
    )
    val_digits: int = knob(5_000, "the last so many of the 60,000 training digits are for validation only")
    seed: int = knob(42, "seed of the random draws; the published test set has 42")

    def __post_init__(self) -> None:
        check(self)

    @property
    def extent(self) -> int:
        """E, the last free position of a digit's upper left corner, in pixels."""
        return self.canvas - self.digit_size


@dataclass(frozen=True)
class AngleParameters(MovingMnistParameters):
    """Parameters of `moving-mnist-angle`: the same knobs, the other convention of the field as defaults."""

    sequences: int = knob(10_000, "test sequences, drawn from the 10,000 test digits; the first of the store")
    train_sequences: int = knob(11_000, "stored training sequences; training on the fly needs none")
    val_sequences: int = knob(1_000, "stored validation sequences, drawn from the training digits kept back for them")
    frames: int = knob(20, "frames per sequence")
    motion: str = knob("angle", "reflection: integer speeds, exact; angle: one speed, random direction, clamped")
    overlay: str = knob("maximum", "where digits overlap: sum, clipped at 255, or maximum")
    draws: str = knob(
        "seeded", "the test sequences; seeded: one stream per sequence; official: with motion reflection only"
    )


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # written so that NaN fails too
        raise StbenchError(f"the parameter '{name}' must lie between {low:g} and {high:g}, not {value:g}")


def _choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise StbenchError(f"the parameter '{name}' cannot be '{value}': {nearest(value, known)}")


def check(p: MovingMnistParameters) -> None:
    """Raise `StbenchError` with one sentence for settings that contradict each other or have no effect."""
    _within("sequences", p.sequences, 1, 10**9)
    _within("train_sequences", p.train_sequences, 0, 10**9)
    _within("val_sequences", p.val_sequences, 0, 10**9)
    _within("frames", p.frames, 2, 100_000)
    _within("digits", p.digits, 1, 20)
    _within("digit_size", p.digit_size, 4, 1_024)
    _within("canvas", p.canvas, p.digit_size + 1, 4_096)
    if (size := p.frames * p.canvas**2) > LARGEST_SEQUENCE:
        raise StbenchError(
            f"one sequence of {p.frames:,} frames of {p.canvas} x {p.canvas} needs {size / 1e6:,.0f} MB, more than "
            f"{LARGEST_SEQUENCE / 1e6:,.0f} MB: lower frames or canvas"
        )
    _within("max_speed", p.max_speed, 0, 1_000)
    _within("step", p.step, 0.0, 1.0)
    _within("val_digits", p.val_digits, 0, TRAIN_DIGITS - 1)
    _within("seed", p.seed, 0, 2**32 - 1)
    for name, known in (("motion", MOTIONS), ("overlay", OVERLAYS), ("draws", DRAWS)):
        _choice(name, getattr(p, name), known)
    if p.val_sequences and not p.val_digits:
        raise StbenchError(
            "validation sequences are drawn from digits kept back: give val_digits above 0, or val_sequences 0"
        )
    if p.motion == "reflection" and p.step != ANGLE_STEP:
        raise StbenchError(
            "the parameter 'step' has no effect on the motion 'reflection': leave it out or set motion=angle"
        )
    if p.motion == "angle" and p.max_speed != 4:
        raise StbenchError(
            "the parameter 'max_speed' has no effect on the motion 'angle': leave it out or set motion=reflection"
        )
    if p.draws == "official":
        if p.motion != "reflection":
            raise StbenchError("the official draws are of the motion 'reflection': set draws=seeded for motion=angle")
        if p.sequences * p.digits > TEST_DIGITS:
            most = TEST_DIGITS // p.digits
            raise StbenchError(
                f"the official draws use each of the {TEST_DIGITS:,} test digits once, so there are at most {most:,} "
                f"sequences of {p.digits} digits, not {p.sequences:,}: set draws=seeded for more"
            )
