"""What is random about a sequence, and the pure functions that make it the same on every machine.

Only raw 64-bit integers are taken from NumPy's generators (their streams are promised for ever; those of the
distributions are not), and only sums, products and quotients are formed from them, which IEEE 754 fixes to the last
bit.
"""

from __future__ import annotations

import decimal
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .parameters import WaveParameters

CANONICAL_PIXELS = 69
CANONICAL_DECAY = 20.0


@dataclass(frozen=True)
class Source:
    """s(x, y, t) = amplitude exp(-decay (t - onset)) where (x - x_s)^2 + (y - y_s)^2 < radius^2 and t >= onset (Eq.
    33)."""

    amplitude: float
    x: float
    """In grid points, as `y`."""
    y: float
    radius: float
    decay: float
    first_step: int

    def pixels(self, size: int, spacing: float) -> np.ndarray:
        """(n, 2) integer (y, x) of the grid points inside the disc."""
        along = np.arange(size)
        away_y, away_x = (along - self.y) * spacing, (along - self.x) * spacing
        squared = (away_y * away_y)[:, None] + (away_x * away_x)[None, :]
        return np.argwhere(squared < self.radius * self.radius)


@dataclass(frozen=True)
class Draw:
    """Everything random about one sequence. `speed` is a number or a (size, size) field."""

    speed: float | np.ndarray
    sources: tuple[Source, ...]


@lru_cache(maxsize=1)
def official_draws() -> tuple[tuple[float, float], ...]:
    """The published (f0, c) of the 300 sequences: NumPy's legacy stream 42, f0 ~ U(1, 30) then c ~ U(300, 400) for
    each."""
    stream = np.random.RandomState(42)
    return tuple((float(stream.uniform(1, 30)), float(stream.uniform(300, 400))) for _ in range(300))


def official_pixels(size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the published WaveEq-100 pixels: legacy stream 42, with replacement, all rows first."""
    stream = np.random.RandomState(42)
    return stream.randint(size, size=count), stream.randint(size, size=count)


def uniforms(seed: int, index: int, count: int) -> np.ndarray:
    """`count` numbers in [0, 1) of sequence `index`: the upper 53 bits of PCG64 raw output."""
    raw = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(index,))).random_raw(count)
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53


@lru_cache(maxsize=16)
def source_factor(decay: float, step: float, points: int) -> np.ndarray:
    """exp(-decay j step/3) for j = 0 .. 3 (points - 1), correctly rounded: (3 points - 2,) float64.

    Fixed-point powers of one 200-bit number: `numpy.exp` differs in the last bit between processors.
    """
    bits, count = 200, 3 * points - 2
    with decimal.localcontext() as context:
        context.prec = 90
        ratio = (-decimal.Decimal(decay) * decimal.Decimal(step) / 3).exp()
        fixed = int((ratio * 2**bits).to_integral_value())
    values, power = np.empty(count), 1 << bits
    for j in range(count):
        values[j] = math.ldexp(float(power), -bits)
        power = (power * fixed) >> bits
    return values


def _spline_weights(size: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """First control point (size,) and the four cubic B-spline weights (4, size) of every grid point."""
    position = np.arange(size) * cells / size
    first = position.astype(int)
    u = position - first
    weights = (
        (1 - u) * (1 - u) * (1 - u),
        3 * u * u * u - 6 * u * u + 4,
        -3 * u * u * u + 3 * u * u + 3 * u + 1,
        u * u * u,
    )
    return first, np.stack(weights) / 6


def smooth_field(values: np.ndarray, size: int) -> np.ndarray:
    """Bicubic B-spline surface over control values (cells + 3, cells + 3), stretched to [0, 1]: (size, size)."""
    cells = values.shape[0] - 3
    first, weights = _spline_weights(size, cells)
    # Written out instead of two matrix products: a product's order of summation depends on the linear algebra library.
    rows = sum(weights[k][:, None] * values[first + k] for k in range(4))
    field = sum(weights[k][None, :] * rows[:, first + k] for k in range(4))
    return np.asarray((field - field.min()) / (field.max() - field.min()))


def draw(p: WaveParameters, index: int) -> Draw:
    """The draw of sequence `index`: a pure function of the parameters, the seed and the index.

    Seeded draws take, in this order: the wave speed, the number of sources, seven numbers for each of the *possible*
    sources (amplitude, sign, x, y, radius, decay, onset), the control values of the wave-speed field row by row.
    """
    possible = p.n_sources[1]
    controls = (p.speed_cells + 3) ** 2 if p.speed_cells else 0
    if p.effective_draws == "official":
        amplitude, speed = official_draws()[index]
        return Draw(speed, (_source(p, 0, np.zeros(7), amplitude),))
    u = uniforms(p.seed, index, 2 + 7 * possible + controls)
    count = p.n_sources[0] + int(u[1] * (p.n_sources[1] - p.n_sources[0] + 1))
    each = u[2 : 2 + 7 * possible].reshape(possible, 7)
    sources = tuple(_source(p, k, each[k], _between(p.source_amplitude, each[k, 0])) for k in range(count))
    if not p.speed_cells:
        return Draw(_between(p.wave_speed, u[0]), sources)
    low, high = p.wave_speed
    surface = smooth_field(u[-controls:].reshape(p.speed_cells + 3, p.speed_cells + 3), p.size)
    return Draw(np.clip(low + (high - low) * surface, low, high), sources)


def _between(limits: tuple[float, float], u: float) -> float:
    return float(limits[0] + (limits[1] - limits[0]) * u)


def _source(p: WaveParameters, k: int, u: np.ndarray, amplitude: float) -> Source:
    onset = p.source_onset[0] if k == 0 and p.first_onset == "earliest" else _between(p.source_onset, u[6])
    sign = -1.0 if p.source_sign == "random" and u[1] < 0.5 else 1.0
    source = Source(
        amplitude=sign * amplitude,
        x=_between(p.source_x, u[2]) * p.size,
        y=_between(p.source_y, u[3]) * p.size,
        radius=_between(p.source_radius, u[4]),
        decay=_between(p.source_decay, u[5]),
        first_step=round(onset / p.step),
    )
    if p.source_scaling == "amplitude":
        return source
    # Total impulse = amplitude * (pixels inside) / decay, as of the published disc of 69 pixels decaying at 20 per
    # second.
    pixels = len(source.pixels(p.size, p.spacing))
    scale = (CANONICAL_PIXELS / pixels) * (source.decay / CANONICAL_DECAY)
    return Source(source.amplitude * scale, source.x, source.y, source.radius, source.decay, source.first_step)
