"""A simulated ocean: wind-driven double gyre, western boundary jet, chaotic eddies, and the surface temperature they
stir.

What is solved. On half the resolution (1/6 degree, taken as 16 km) the quasi-geostrophic equation of one and a half
layers on a beta plane (`_ocean_kernels`), driven by a steady wind curl of two gyres and by eddies that are born at
random places: the latter stand for the baroclinic instability that a single moving layer lacks. On the full resolution
(1/12 degree) the temperature T of the mixed layer,

    dT/dt + u . grad T = (T*(latitude, longitude, date) - T) / 70 days + mixing,

by semi-Lagrangian steps; T* has the seasonal cycle and slow weather. Written is the mean of each day.

The same numbers on every machine: IEEE arithmetic in a fixed order (see `_ocean_kernels`), no transcendental function
but a cosine table rounded to 2**-20 (coarser than any disagreement between mathematical libraries), random numbers as
uniform draws of Philox keyed by (seed, day)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from .kernels import (
    adams_bashforth,
    advect,
    exchange_heat,
    refine,
    solve_stream_function,
    velocity,
    vorticity_tendency,
)
from .size import OceanSize

FLOW_STEPS = 16
"""Steps of the flow per day (90 minutes)."""
TEMPERATURE_STEPS = 4
"""Steps of the temperature per day (6 hours)."""
SPIN_UP_DAYS = 720
TEMPERATURE_SPIN_UP_DAYS = 180
"""Days before the first written one: of the flow, and the part of them in which the temperature runs along."""

BETA = 0.0276
"""Per half-resolution cell (16 km) and day: 2e-11 per metre and second."""
SCREENING = 0.16
"""1 / Ld**2 per cell squared: a deformation radius of 2.5 cells, 40 km."""
VISCOSITY = 0.07
"""Cells squared per day: about 200 m2/s."""
DRAG = 1 / 256
"""Per day."""
GYRE_STRENGTH = 20.0
"""Largest Sverdrup stream function, cells squared per day: a jet of 1 to 1.5 m/s."""
SWEEPS, OVER_RELAXATION = 5, 1.57

EDDY_BIRTHS = 2.4e-5
"""Per cell and day."""
EDDY_GROWTH_DAYS = 8
RELAXATION_DAYS = 70.0
MIXING = 0.03
"""Weight of the neighbours' mean in each temperature step."""

CLIMATE_LATITUDES = (10.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0, 60.0, 70.0)
CLIMATE_MEAN = (27.0, 25.5, 24.2, 22.4, 20.0, 16.4, 12.8, 10.2, 8.4, 6.6, 3.0)
"""Yearly mean of T*, degrees Celsius, at those latitudes."""
CLIMATE_SEASON = (1.6, 2.4, 3.2, 4.2, 5.2, 5.8, 5.4, 4.4, 3.6, 3.0, 2.5)
"""Half the range between the warmest day (about 24 August) and the coldest one."""


def rounded_cosine(angle: float) -> float:
    """cos(angle) rounded to a multiple of 2**-20: the same on every machine."""
    return round(math.cos(angle) * 2**20) / 2**20


class Ocean:
    """The running simulation. `arrays` is its whole state, so that it may be saved after any day and continued."""

    def __init__(self, size: OceanSize) -> None:
        self.size = size
        self.day = -SPIN_UP_DAYS
        water = size.mask()
        self.water = water.astype(np.float32)
        self.ocean = _coarsened(water).astype(np.float64)
        self.wind = wind_curl(self.ocean)
        self.season = [rounded_cosine(2 * math.pi * (day - 236) / 365.25) for day in range(1461)]
        self._climate()
        shape = self.ocean.shape
        self.arrays = {name: np.zeros(shape) for name in ("psi", "psi_before", "q", "before", "earlier")}
        self.arrays["psi"][:] = self.arrays["psi_before"][:] = sverdrup(self.wind, self.ocean)
        self.arrays["q"][:] = self.ocean * (_laplacian(self.arrays["psi"]) - SCREENING * self.arrays["psi"])
        self.arrays["weather"] = np.zeros((size.rows // 96 + 2, size.columns // 96 + 2))
        self.arrays["temperature"] = self._target()
        self._tendency, self._zeta = np.zeros(shape), np.zeros(shape)
        self._stream = np.zeros(water.shape)
        self._u, self._v = np.zeros(water.shape, np.float32), np.zeros(water.shape, np.float32)

    def days(self) -> Iterator[np.ndarray]:
        """Mean temperature of day 0, 1, 2, ... (rows, columns) float32, degrees Celsius, from wherever the state
        stands."""
        while True:
            mean = self.advance()
            if self.day > 0:
                yield mean

    def advance(self) -> np.ndarray:
        """One day on. Returns the day's mean temperature."""
        forcing = self.wind + self._births()
        self._weather()
        state = self.arrays
        with_temperature = self.day >= -TEMPERATURE_SPIN_UP_DAYS
        target = self._target() if with_temperature else state["temperature"]
        if self.day == -TEMPERATURE_SPIN_UP_DAYS:
            state["temperature"] = target.copy()
        total = np.zeros(target.shape, np.float32)
        for step in range(FLOW_STEPS):
            self._flow_step(forcing)
            if with_temperature and (step + 1) % (FLOW_STEPS // TEMPERATURE_STEPS) == 0:
                self._temperature_step(target)
                total += state["temperature"]
        self.day += 1
        total /= np.float32(TEMPERATURE_STEPS)
        return total

    def _flow_step(self, forcing: np.ndarray) -> None:
        state = self.arrays
        vorticity_tendency(
            state["psi"], state["q"], forcing, self.ocean, self._zeta, self._tendency, BETA, SCREENING, VISCOSITY, DRAG
        )
        adams_bashforth(state["q"], self._tendency, state["before"], state["earlier"], 1 / FLOW_STEPS)
        self._tendency, state["before"], state["earlier"] = state["earlier"], self._tendency, state["before"]
        guess = 2 * state["psi"] - state["psi_before"]
        state["psi_before"], state["psi"] = state["psi"], guess
        solve_stream_function(guess, state["q"], self.ocean, SCREENING, OVER_RELAXATION, SWEEPS)

    def _temperature_step(self, target: np.ndarray) -> None:
        state = self.arrays
        refine(state["psi"], self._stream)
        # fine cells per step: derivative over two fine cells is one coarse cell, two fine cells to a coarse one
        velocity(self._stream, self.water, self._u, self._v, 2 / TEMPERATURE_STEPS)
        moved = np.empty_like(state["temperature"])
        advect(state["temperature"], self._u, self._v, moved)
        exchange_heat(moved, state["temperature"], self.water, target, self.rate, np.float32(MIXING))

    def _climate(self) -> None:
        """T* = mean + season table * half range; colder and more seasonal in the north-west, under the winds off the
        continent."""
        latitude = self.size.latitude
        eastward = np.linspace(0.0, 1.0, self.size.columns)[None, :]
        continental = (1 - eastward) ** 2
        northward = np.clip((latitude[:, None] - 30) / 20, 0, 1)
        mean = _between(latitude, CLIMATE_MEAN)[:, None] - 4.0 * northward * continental
        half_range = _between(latitude, CLIMATE_SEASON)[:, None] * (1 + 0.35 * northward * continental)
        self.mean, self.half_range = mean.astype(np.float32), half_range.astype(np.float32)
        self.rate = np.full(mean.shape, 1 / (RELAXATION_DAYS * TEMPERATURE_STEPS), np.float32)

    def _target(self) -> np.ndarray:
        season = np.float32(self.season[self.day % 1461])
        target: np.ndarray = self.mean + season * self.half_range + _enlarged(self.arrays["weather"], self.size)
        return target

    def _random(self, purpose: int, day: int) -> np.random.Generator:
        key = (purpose, day + SPIN_UP_DAYS)
        return np.random.Generator(np.random.Philox(np.random.SeedSequence(self.size.seed, spawn_key=key)))

    def _weather(self) -> None:
        """Atmosphere over boxes of 8 degrees: an autoregression with a memory of 16 days, standard deviation about 2.4
        K in T*."""
        weather = self.arrays["weather"]
        weather *= 15 / 16
        weather += 1.5 * (self._random(1, self.day).random(weather.shape) - 0.5) * 2

    def _births(self) -> np.ndarray:
        """Vorticity per day added by the eddies born in the last days: bumps (1 - r**2)**2, radius 3 to 7 cells, either
        sign."""
        forcing = np.zeros(self.ocean.shape)
        rows, columns = self.ocean.shape
        for day in range(max(self.day - EDDY_GROWTH_DAYS + 1, -SPIN_UP_DAYS), self.day + 1):
            random = self._random(2, day)
            expected = EDDY_BIRTHS * rows * columns
            for _ in range(int(expected + random.random())):
                y, x, size, sign, strength = random.random(5).tolist()
                radius = 3 + 4 * size
                amplitude = (-1 if sign < 0.5 else 1) * (1.3 + 1.3 * strength) / EDDY_GROWTH_DAYS
                self._add_bump(forcing, y * (rows - 1), x * (columns - 1), radius, amplitude)
        return forcing * self.ocean

    @staticmethod
    def _add_bump(field: np.ndarray, y: float, x: float, radius: float, amplitude: float) -> None:
        rows, columns = field.shape
        i0, i1 = max(int(y - radius), 0), min(int(y + radius) + 2, rows)
        j0, j1 = max(int(x - radius), 0), min(int(x + radius) + 2, columns)
        squared = ((np.arange(i0, i1)[:, None] - y) ** 2 + (np.arange(j0, j1)[None, :] - x) ** 2) / (radius * radius)
        inside = np.maximum(1 - squared, 0)
        field[i0:i1, j0:j1] += amplitude * inside * inside


def _between(latitude: np.ndarray, table: tuple[float, ...]) -> np.ndarray:
    """Linear interpolation in a table at `CLIMATE_LATITUDES`, array operation by array operation (see the module's
    promise)."""
    nodes, values = np.array(CLIMATE_LATITUDES), np.array(table)
    k = np.clip(np.searchsorted(nodes, latitude, side="right") - 1, 0, len(nodes) - 2)
    part = np.clip((latitude - nodes[k]) / (nodes[k + 1] - nodes[k]), 0, 1)
    between: np.ndarray = values[k] + part * (values[k + 1] - values[k])
    return between


def wind_curl(ocean: np.ndarray) -> np.ndarray:
    """Steady wind forcing (rows, columns), per day squared: a subtropical and a subpolar gyre, the line between them
    rising eastwards.

    Scaled so that the largest Sverdrup stream function is `GYRE_STRENGTH`.
    """
    rows, columns = ocean.shape
    north = np.linspace(0.0, 1.0, rows)[:, None]
    east = np.linspace(0.0, 1.0, columns)[None, :]
    boundary = 0.42 + 0.18 * east
    south_part = np.clip(north / boundary, 0, 1)
    north_part = np.clip((north - boundary) / (1 - boundary), 0, 1)
    curl = -4 * south_part * (1 - south_part) + 3.2 * north_part * (1 - north_part)
    strongest = np.abs(_sverdrup_integral(curl, ocean)).max()
    scaled: np.ndarray = curl * (GYRE_STRENGTH / strongest) * ocean
    return scaled


def _sverdrup_integral(curl: np.ndarray, ocean: np.ndarray) -> np.ndarray:
    """psi from beta dpsi/dx = curl, integrated column by column westwards from the eastern coast; starts again behind
    land."""
    psi = np.zeros(curl.shape)
    for j in range(curl.shape[1] - 2, -1, -1):
        psi[:, j] = ocean[:, j] * (psi[:, j + 1] - curl[:, j] / BETA)
    return psi


def sverdrup(curl: np.ndarray, ocean: np.ndarray) -> np.ndarray:
    """First guess of the circulation: Sverdrup balance, smoothed into the coasts."""
    psi = _sverdrup_integral(curl, ocean)
    for _ in range(24):
        padded = np.pad(psi, 1)
        psi = ocean * (padded[2:, 1:-1] + padded[:-2, 1:-1] + padded[1:-1, 2:] + padded[1:-1, :-2]) / 4
    return psi


def _laplacian(field: np.ndarray) -> np.ndarray:
    padded = np.pad(field, 1)
    laplacian: np.ndarray = padded[2:, 1:-1] + padded[:-2, 1:-1] + padded[1:-1, 2:] + padded[1:-1, :-2] - 4 * field
    return laplacian


def _coarsened(water: np.ndarray) -> np.ndarray:
    """Every second point; water only where it and its neighbours are, and never on the outermost cells (walls)."""
    padded = np.pad(water, 1, mode="edge")
    open_water = np.ones_like(water)
    for i in range(3):
        for j in range(3):
            open_water &= padded[i : i + water.shape[0], j : j + water.shape[1]]
    coarse = open_water[::2, ::2].copy()
    coarse[0] = coarse[-1] = False
    coarse[:, 0] = coarse[:, -1] = False
    return coarse


def _enlarged(coarse: np.ndarray, size: OceanSize) -> np.ndarray:
    """Linear interpolation of one value per 96 cells to (rows, columns) float32."""
    i, a = np.divmod(np.arange(size.rows), 96)
    j, b = np.divmod(np.arange(size.columns), 96)
    lines = coarse[:, j] * (1 - b / 96) + coarse[:, j + 1] * (b / 96)
    enlarged: np.ndarray = lines[i] * (1 - a / 96)[:, None] + lines[i + 1] * (a / 96)[:, None]
    return enlarged.astype(np.float32)
