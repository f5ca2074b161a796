"""`waveeq` and `waveeq-100`: the wave equation with one source, as published with the first paper.

    w_tt = c^2 (w_xx + w_yy) + f(x, y, t),    f = f0 exp(-t/T0) inside the disc |(x, y) - (32, 32)| < 5     (Eq. 31-33)

64 x 64 grid, dx = 1, dt = 0.001, 300 time points, c ~ U(300, 400), f0 ~ U(1, 30), T0 = 0.05, zero initial state; every
second point is kept after a min-max over all of them. `waveeq-100` observes 100 pixels of the same sequences.

Source: J. Dona et al., "PDE-Driven Spatiotemporal Disentanglement", ICLR 2021, and the code published with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from stbench.contract.datasets import Track
from stbench.errors import StbenchError

from .blueprint import WaveDataset
from .cards import WAVEEQ, WAVEEQ_100
from .parameters import MOST_MEGABYTES, WaveParameters

VECTOR_METRICS = ("mse", "rmse", "mae")
IMAGE_METRICS = (*VECTOR_METRICS, "psnr", "ssim_gauss11")


@dataclass(frozen=True)
class SensorParameters(WaveParameters):
    """Parameters of `waveeq-100`: those of `waveeq` and the number of observed pixels."""

    sensors: int = field(
        default=100, metadata={"help": "number of observed pixels, drawn with replacement from the published stream"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.sensors <= 100_000:
            raise StbenchError(f"the parameter 'sensors' must lie between 1 and 100000, not {self.sensors}")
        if (megabytes := self.n_frames * self.sensors * 8 / 1e6) > MOST_MEGABYTES:
            raise StbenchError(
                f"one sequence of {self.n_frames} frames of {self.sensors} pixels needs {megabytes:,.0f} MB while it "
                f"is computed, more than {MOST_MEGABYTES:,} MB: raise record_every or lower sensors or points"
            )


waveeq = WaveDataset(
    name="waveeq",
    version="1",
    card=WAVEEQ,
    parameters=WaveParameters,
    tracks=(Track("waveeq", "forecast", conditioning=5, horizon=40, train_horizon=20, metrics=IMAGE_METRICS),),
    presets={"quick": {"sequences": 30}},
)

waveeq_100 = WaveDataset(
    name="waveeq-100",
    version="1",
    card=WAVEEQ_100,
    parameters=SensorParameters,
    tracks=(Track("waveeq-100", "forecast", conditioning=5, horizon=40, train_horizon=20, metrics=VECTOR_METRICS),),
    presets={"quick": {"sequences": 60}},
)
