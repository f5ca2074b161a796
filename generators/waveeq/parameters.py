"""Every knob of the wave simulator, and the refusal of settings that cannot work, before any work is done."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from stbench.errors import StbenchError, nearest

BOUNDARIES = ("frozen_frame", "dirichlet", "neumann", "periodic", "absorbing")
COURANT_LIMIT = math.sqrt(3) / 2
"""Largest stable c·dt/dx. RK4 is stable on the imaginary axis up to 2·sqrt(2); the fastest mode of the stencil
oscillates with omega = c·sqrt(2·16/3)/dx (two axes, 16/3 each at the grid's shortest wave), so c·dt/dx <=
2·sqrt(2)/sqrt(32/3) = sqrt(3)/2."""
MOST_MEGABYTES = 4_000
"""Of one sequence while it is computed."""

Range = tuple[float, float]


@dataclass(frozen=True)
class WaveParameters:
    """Parameters of `waveeq`; the defaults are the published data. A range (low, high) is drawn uniformly per
    sequence."""

    sequences: int = field(default=300, metadata={"help": "number of sequences"})
    seed: int = field(default=42, metadata={"help": "seed of the random draws"})
    draws: str = field(
        default="auto",
        metadata={
            "help": "official: the published draws (NumPy legacy stream 42, at most 300 sequences, published "
            "ranges); seeded: one stream per sequence; auto: official where it applies"
        },
    )
    size: int = field(default=64, metadata={"help": "grid points along each side"})
    spacing: float = field(default=1.0, metadata={"help": "grid spacing dx, in m"})
    step: float = field(default=0.001, metadata={"help": "time step dt, in s"})
    points: int = field(default=300, metadata={"help": "time points of the simulation, the initial state included"})
    record_every: int = field(default=2, metadata={"help": "a frame is kept every so many time points"})
    boundary: str = field(default="frozen_frame", metadata={"help": f"one of {', '.join(BOUNDARIES)}"})
    normalisation: str = field(
        default="minmax",
        metadata={"help": "minmax: each sequence to [0, 1] over all its time points; none: the field as it is"},
    )
    wave_speed: Range = field(default=(300.0, 400.0), metadata={"help": "range of the wave speed c, in m/s"})
    speed_cells: int = field(
        default=0,
        metadata={
            "help": "0: one wave speed per sequence; k: a smooth random field on k x k cells, spanning the range"
        },
    )
    n_sources: tuple[int, int] = field(default=(1, 1), metadata={"help": "range of the number of sources"})
    source_amplitude: Range = field(
        default=(1.0, 30.0), metadata={"help": "range of the source amplitude f0, in m/s^2"}
    )
    source_scaling: str = field(
        default="amplitude",
        metadata={
            "help": "amplitude: f0 is the acceleration; impulse: f0 is scaled so that every source injects what the "
            "published one does at that f0"
        },
    )
    source_sign: str = field(
        default="positive", metadata={"help": "positive, or random: each source up or down with equal chance"}
    )
    source_x: Range = field(
        default=(0.5, 0.5), metadata={"help": "range of the source's x, as a fraction of size*spacing"}
    )
    source_y: Range = field(
        default=(0.5, 0.5), metadata={"help": "range of the source's y, as a fraction of size*spacing"}
    )
    source_radius: Range = field(default=(5.0, 5.0), metadata={"help": "range of the source's radius, in m"})
    source_decay: Range = field(
        default=(20.0, 20.0), metadata={"help": "range of the source's decay rate 1/T0, in 1/s"}
    )
    source_onset: Range = field(
        default=(0.0, 0.0),
        metadata={"help": "range of the time a source starts, in s (rounded to a whole number of steps)"},
    )
    first_onset: str = field(
        default="random",
        metadata={
            "help": "random, or earliest: the first source starts at the lower end, so that no sequence opens in "
            "silence"
        },
    )

    def __post_init__(self) -> None:
        check(self)

    @property
    def n_frames(self) -> int:
        return (self.points - 1) // self.record_every + 1

    @property
    def largest_step(self) -> float:
        """Largest stable time step at the highest wave speed."""
        return COURANT_LIMIT * self.spacing / self.wave_speed[1]

    @property
    def effective_draws(self) -> str:
        """What `draws="auto"` means here."""
        if self.draws != "auto":
            return self.draws
        return "official" if not _official_obstacle(self) else "seeded"


def _official_obstacle(p: WaveParameters) -> str:
    """Why the published draws cannot be used, or an empty string."""
    if p.sequences > 300:
        return f"there are 300 of them, not {p.sequences}"
    if p.seed != 42:
        return f"their seed is 42, not {p.seed}"
    fixed = (p.source_x, p.source_y, p.source_radius, p.source_decay, p.source_onset)
    if (*p.wave_speed, *p.source_amplitude, *p.n_sources) != (300, 400, 1, 30, 1, 1):
        return "they are for one source, wave_speed 300,400 and source_amplitude 1,30"
    if p.speed_cells or p.source_sign != "positive" or any(low != high for low, high in fixed):
        return "they hold an amplitude and a wave speed, and here more is random"
    return ""


def _choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise StbenchError(f"the parameter '{name}' cannot be {value!r}: {nearest(value, known)}")


def _within(name: str, value: float, low: float, high: float) -> None:
    # Written so that NaN fails too.
    if not low <= value <= high:
        raise StbenchError(f"the parameter '{name}' must lie between {low:g} and {high:g}, not {value:g}")


def _interval(name: str, values: tuple[float, float], low: float, high: float) -> None:
    for value in values:
        _within(name, value, low, high)
    if values[0] > values[1]:
        raise StbenchError(f"the range '{name}' must be given as low,high, not {values[0]:g},{values[1]:g}")


def check(p: WaveParameters) -> None:
    """Raise `StbenchError` with one sentence if the simulation cannot be stable, visible or held in memory."""
    _within("sequences", p.sequences, 1, 10**9)
    _within("seed", p.seed, 0, 2**63 - 1)
    _choice("draws", p.draws, ("auto", "official", "seeded"))
    _within("size", p.size, 8, 4096)
    _within("spacing", p.spacing, 1e-9, 1e9)
    _within("step", p.step, 1e-15, 1e9)
    _within("points", p.points, 2, 10**6)
    _within("record_every", p.record_every, 1, p.points - 1)
    _choice("boundary", p.boundary, BOUNDARIES)
    _choice("normalisation", p.normalisation, ("minmax", "none"))
    _interval("wave_speed", p.wave_speed, 1e-9, 1e12)
    if p.step > p.largest_step:
        raise StbenchError(
            f"a time step of {p.step:g} s is unstable at wave speed {p.wave_speed[1]:g} and spacing {p.spacing:g}: "
            f"the largest admissible step is {_rounded_down(p.largest_step)} s (c*dt/dx <= sqrt(3)/2); set step to "
            "that or less"
        )
    _within("speed_cells", p.speed_cells, 0, p.size // 4)
    _interval("n_sources", p.n_sources, 1, 64)
    _interval("source_amplitude", p.source_amplitude, 1e-9, 1e9)
    _choice("source_scaling", p.source_scaling, ("amplitude", "impulse"))
    # Grid points and not their area are counted: another factor would change values under the same fingerprint.
    if p.source_scaling == "impulse" and p.spacing != 1:
        raise StbenchError(
            f"source_scaling=impulse counts the grid points of a source, which is its area at spacing 1 only, not at "
            f"{p.spacing:g}: set spacing=1, or source_scaling=amplitude and in source_amplitude the accelerations"
        )
    _choice("source_sign", p.source_sign, ("positive", "random"))
    _choice("first_onset", p.first_onset, ("random", "earliest"))
    # The centre must be an unknown, not a pixel the boundary holds at zero; then a radius of one cell reaches at least
    # one.
    margin = {"frozen_frame": 2, "dirichlet": 1}.get(p.boundary, 0)
    for name, place in (("source_x", p.source_x), ("source_y", p.source_y)):
        _interval(name, place, margin / p.size, (p.size - 1 - margin) / p.size)
    _interval("source_radius", p.source_radius, p.spacing, p.size * p.spacing)
    _check_reach(p, margin)
    _interval("source_decay", p.source_decay, 1e-9 / p.step if p.source_scaling == "impulse" else 0.0, 1 / p.step)
    _interval("source_onset", p.source_onset, 0.0, (p.points - 2) * p.step)
    if (megabytes := p.n_frames * p.size**2 * 8 / 1e6) > MOST_MEGABYTES:
        raise StbenchError(
            f"one sequence of {p.n_frames} frames of {p.size} x {p.size} needs {megabytes:,.0f} MB while it is "
            f"computed, more than {MOST_MEGABYTES:,} MB: raise record_every or lower size or points"
        )
    if p.draws == "official" and (obstacle := _official_obstacle(p)):
        raise StbenchError(f"the official draws do not apply: {obstacle}; use draws=seeded")


def _check_reach(p: WaveParameters, margin: int) -> None:
    """Refuse discs that can hold grid points which do not move or are not there, `margin` of them at either wall.

    The solver leaves those out. Where all that is wanted is an acceleration, that is what a wall does; the impulse is
    shared among all of them, and a periodic box has no edge to cut a disc at.
    """
    walled, periodic = p.boundary in ("frozen_frame", "dirichlet"), p.boundary == "periodic"
    if not (periodic or (walled and p.source_scaling == "impulse")):
        return
    reach = p.source_radius[1] / p.spacing
    for name, (low, high) in (("source_x", p.source_x), ("source_y", p.source_y)):
        first, last = low * p.size - reach, high * p.size + reach
        if first >= margin - 1 and last <= p.size - margin:
            continue
        where = f"a source of radius {p.source_radius[1]:g} with {name} {low:g},{high:g} "
        # Of a disc that is too large for the box no place is right.
        mend = f"move {name} inwards, lower source_radius or raise size"
        if periodic:
            raise StbenchError(
                f"{where}can cross the edge, and boundary=periodic repeats the waves but cuts the source: {mend}"
            )
        raise StbenchError(
            f"{where}can reach the grid points that boundary={p.boundary} holds at zero, and source_scaling=impulse "
            f"counts them as if they moved: {mend}, or set source_scaling=amplitude"
        )


def _rounded_down(value: float, digits: int = 6) -> str:
    scale = 10.0 ** (digits - 1 - math.floor(math.log10(value)))
    return f"{math.floor(value * scale) / scale:.{digits}g}"
