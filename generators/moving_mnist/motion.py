"""How digits move, and what is random about a sequence.

Two motions, both in a box whose walls a digit of size h touches at 0 and at E = canvas - h:

- `reflection`: start and speed are integers, and a digit that would pass a wall uses up its displacement on the way
  back. Each axis by itself is then a triangle wave of period 2E,

      u = (s + v t) mod 2E,    position = u if u <= E else 2E - u;

- `angle`: start x in [0, 1)^2, unit direction d; each step x <- x + step·d, a coordinate that leaves [0, 1] is set on
  the wall and its direction turned; position = integer part of E x. The first frame is drawn after the first step.

Random numbers are raw 64-bit words of PCG64, whose stream NumPy promises for ever (those of its distributions it does
not); from them only sums, products, quotients and square roots are formed, which IEEE 754 fixes to the last bit. The
one exception is the published test set, which is drawn from NumPy's legacy stream, as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

TEST, TRAIN, VAL = 0, 1, 2
"""Spawn keys of the parts: their streams never meet."""


@dataclass(frozen=True)
class Draws:
    """What was drawn for n sequences of k digits."""

    digit_index: np.ndarray
    """(n, k) int64: which digit of the file."""
    start: np.ndarray
    """(n, k, 2) row and column: int64 pixels (`reflection`) or float64 fractions of E (`angle`)."""
    speed: np.ndarray
    """(n, k, 2): int64 pixels per frame, or float64 unit direction."""


@lru_cache(maxsize=4)
def official_draws(seed: int, n_images: int, sequences: int, digits: int, extent: int, max_speed: int) -> Draws:
    """The published test set: legacy stream `seed`, one permutation of the digits, then row, column and the two speeds
    of each digit of each sequence, one number at a time. Sequence i shows digits permutation[k i] ... [k i + k - 1].

    The first sequences of a larger set are the smaller set.
    """
    stream = np.random.RandomState(seed)
    order = stream.permutation(n_images)[: sequences * digits].reshape(sequences, digits)
    table = np.empty((sequences * digits, 4), np.int64)
    for row in table:
        row[0], row[1] = stream.randint(0, extent + 1), stream.randint(0, extent + 1)
        row[2], row[3] = stream.randint(-max_speed, max_speed + 1), stream.randint(-max_speed, max_speed + 1)
    state = table.reshape(sequences, digits, 4)
    return Draws(order, state[..., :2], state[..., 2:])


def _below(words: np.ndarray, bound: int) -> np.ndarray:
    """Integers 0 .. bound - 1 from the upper halves of random words (bias below bound / 2^32)."""
    return ((words >> np.uint64(32)) * np.uint64(bound) >> np.uint64(32)).astype(np.int64)


def _stream(seed: int, part: int, index: int) -> np.random.PCG64:
    return np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(part, index)))


def reflection_draws(
    seed: int, part: int, start: int, stop: int, *, n_images: int, digits: int, extent: int, max_speed: int
) -> Draws:
    """Sequences start .. stop - 1 of a part; for each digit an image with replacement, row and column 0 .. E, speeds
    -max_speed .. max_speed. A pure function of (seed, part, index)."""
    words = np.empty((stop - start, digits, 5), np.uint64)
    for row, index in enumerate(range(start, stop)):
        words[row] = _stream(seed, part, index).random_raw(5 * digits).reshape(digits, 5)
    return Draws(
        _below(words[..., 0], n_images),
        _below(words[..., 1:3], extent + 1),
        _below(words[..., 3:5], 2 * max_speed + 1) - max_speed,
    )


def angle_draws(seed: int, part: int, start: int, stop: int, *, n_images: int, digits: int) -> Draws:
    """As `reflection_draws`, but the start is uniform in [0, 1)^2 and the direction uniform on the circle."""
    index_of = np.empty((stop - start, digits), np.int64)
    place = np.empty((stop - start, digits, 2))
    direction = np.empty((stop - start, digits, 2))
    for row, index in enumerate(range(start, stop)):
        bits = _stream(seed, part, index)
        for k in range(digits):
            words = bits.random_raw(3)
            index_of[row, k] = _below(words[0], n_images)
            place[row, k] = (words[1:] >> np.uint64(11)) * 2.0**-53
            direction[row, k] = _direction(bits)
    return Draws(index_of, place, direction)


def _direction(bits: np.random.PCG64) -> np.ndarray:
    """A uniform point of the disc, by rejection, scaled to the circle: a sine would not be the same bits everywhere."""
    while True:
        point = (bits.random_raw(2) >> np.uint64(11)) * 2.0**-52 - 1.0
        squared = point[0] * point[0] + point[1] * point[1]
        if 1e-6 < squared <= 1.0:
            return np.asarray(point / np.sqrt(squared))


def reflect(draws: Draws, n_frames: int, extent: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions int16 and velocities float32 (pixels per frame, as the digit arrives), both (n, time, k, 2).

    A digit that stands exactly on a wall has not been reflected yet: its velocity still points outwards, as published.
    """
    time = np.arange(n_frames)[None, :, None, None]
    unfolded = draws.start[:, None] + draws.speed[:, None] * time
    phase = unfolded % (2 * extent)
    position = np.where(phase <= extent, phase, 2 * extent - phase)
    # Walls passed so far: upwards those at E, 2E, ... below the unfolded place, downwards those at 0, -E, ... above it.
    passed = np.where(unfolded > 0, -(-unfolded // extent) - 1, -(unfolded // extent))
    velocity = draws.speed[:, None] * np.where(passed % 2 == 0, 1, -1)
    return position.astype(np.int16), velocity.astype(np.float32)


def step_by_angle(draws: Draws, n_frames: int, extent: int, step: float) -> tuple[np.ndarray, np.ndarray]:
    """As `reflect`, for the motion `angle`; the velocity is the one that leads to the next frame."""
    place, direction = draws.start.copy(), draws.speed.copy()
    position = np.empty((len(place), n_frames, *place.shape[1:]), np.int16)
    velocity = np.empty(position.shape, np.float32)
    for t in range(n_frames):
        place += direction * step
        outside = (place <= 0.0) | (place >= 1.0)
        direction[outside] *= -1.0
        np.clip(place, 0.0, 1.0, out=place)
        position[:, t] = extent * place
        velocity[:, t] = direction * (step * extent)
    return position, velocity
