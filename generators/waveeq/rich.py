"""`waveeq-rich`: the wave equation with several sources in an uneven medium, so that forecasting cannot be a look-up.

    w_tt = c(x, y)^2 (w_xx + w_yy) + sum_k f_k(x, y, t)

Same grid, step, walls and shapes as `waveeq`. Per sequence: two to four discs of random place, radius, decay, onset and
sign; a smooth random wave-speed field; the amplitude is kept, and windows are standardised with the statistics of the
train split.

Choices that make it hard but fair:

- the first source starts at t = 0 and the others within the first 0.06 s (frame 30), so no window is silent and in most
  test windows every source has fired before the last conditioning frame: the continuation then follows from the state
  and the medium;
- sources are scaled to equal impulse (amplitude x area / decay), with f0 between 15 and 30, so that no few sequences
  dominate the mean squared error;
- the wave speed spans 200 to 400 m/s within every sequence, so fronts bend, and the medium must be read off the moving
  field.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from stbench.contract.datasets import Track

from .blueprint import WaveDataset
from .cards import WAVEEQ_RICH
from .dataset import VECTOR_METRICS
from .parameters import Range, WaveParameters


@dataclass(frozen=True)
class RichParameters(WaveParameters):
    """Parameters of `waveeq-rich`: those of `waveeq` with other defaults."""

    sequences: int = field(default=1200, metadata={"help": "number of sequences"})
    normalisation: str = field(
        default="none",
        metadata={"help": "none: the field as it is; minmax: each sequence to [0, 1] over all its time points"},
    )
    wave_speed: Range = field(default=(200.0, 400.0), metadata={"help": "range of the wave speed c, in m/s"})
    speed_cells: int = field(
        default=4,
        metadata={
            "help": "0: one wave speed per sequence; k: a smooth random field on k x k cells, spanning the range"
        },
    )
    n_sources: tuple[int, int] = field(default=(2, 4), metadata={"help": "range of the number of sources"})
    source_amplitude: Range = field(
        default=(15.0, 30.0), metadata={"help": "range of the source amplitude f0, in m/s^2"}
    )
    source_scaling: str = field(
        default="impulse",
        metadata={
            "help": "impulse: every source injects what the published one does at that f0; amplitude: f0 is the "
            "acceleration"
        },
    )
    source_sign: str = field(
        default="random", metadata={"help": "random: each source up or down with equal chance; positive"}
    )
    source_x: Range = field(
        default=(0.2, 0.8), metadata={"help": "range of the sources' x, as a fraction of size*spacing"}
    )
    source_y: Range = field(
        default=(0.2, 0.8), metadata={"help": "range of the sources' y, as a fraction of size*spacing"}
    )
    source_radius: Range = field(default=(3.0, 6.0), metadata={"help": "range of the sources' radii, in m"})
    source_decay: Range = field(default=(20.0, 60.0), metadata={"help": "range of the sources' decay rates, in 1/s"})
    source_onset: Range = field(
        default=(0.0, 0.06),
        metadata={"help": "range of the time a source starts, in s (rounded to a whole number of steps)"},
    )
    first_onset: str = field(
        default="earliest", metadata={"help": "earliest: the first source starts at the lower end; random"}
    )


waveeq_rich = WaveDataset(
    name="waveeq-rich",
    version="1",
    card=WAVEEQ_RICH,
    parameters=RichParameters,
    tracks=(Track("waveeq-rich", "forecast", conditioning=5, horizon=40, train_horizon=20, metrics=VECTOR_METRICS),),
    presets={"quick": {"sequences": 40}},
)
