"""The simulated ocean: its conservation laws, its limits, and that it is the same ocean every time."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import netCDF4
import numpy as np
import pytest
from stbench.generators.sst.stand_in import files as ocean_files
from stbench.generators.sst.stand_in import kernels
from stbench.generators.sst.stand_in import ocean as ocean_module
from stbench.generators.sst.stand_in.ocean import SCREENING, Ocean, rounded_cosine, sverdrup
from stbench.generators.sst.stand_in.size import OceanSize, simulated_dates, simulated_files

from stbench.locks import locked

SMALL = OceanSize(65, 97, 3)


@pytest.fixture(scope="module")
def ocean() -> Ocean:
    """A small ocean on its first written day, after two years of spin-up."""
    simulated = Ocean(SMALL)
    next(simulated.days())
    return simulated


@pytest.fixture
def short_spin_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocean_module, "SPIN_UP_DAYS", 20)
    monkeypatch.setattr(ocean_module, "TEMPERATURE_SPIN_UP_DAYS", 10)


# Kernels


def test_advection_conserves_energy_and_enstrophy() -> None:
    """Arakawa: the sums of psi J(psi, q) and q J(psi, q) vanish for any two fields."""
    random = np.random.default_rng(0)
    water = Ocean(SMALL).ocean
    psi, q = (random.normal(size=water.shape) * water for _ in range(2))
    jacobian, nothing, scratch = np.zeros(water.shape), np.zeros(water.shape), np.zeros(water.shape)
    kernels.vorticity_tendency(psi, q, nothing, water, scratch, jacobian, 0.0, SCREENING, 0.0, 0.0)
    assert np.abs(jacobian).max() > 0.1
    for field in (psi, q):
        assert abs((field * jacobian).sum()) < 1e-14 * np.abs(field * jacobian).sum()


def test_jacobian_is_that_of_smooth_fields_to_second_order() -> None:
    errors = []
    for n in (33, 65):
        y, x = np.meshgrid(np.linspace(0, 1, n), np.linspace(0, 1, n), indexing="ij")
        h = 1 / (n - 1)
        psi, q = np.sin(3 * x) * np.cos(2 * y), np.cos(x + 2 * y)
        expected = 3 * np.cos(3 * x) * np.cos(2 * y) * -2 * np.sin(x + 2 * y)
        expected -= -2 * np.sin(3 * x) * np.sin(2 * y) * -np.sin(x + 2 * y)
        found = np.zeros((n, n))
        kernels.vorticity_tendency(
            psi, q, np.zeros((n, n)), np.ones((n, n)), np.zeros((n, n)), found, 0.0, 0.0, 0.0, 0.0
        )
        errors.append(np.abs(-found / h**2 - expected)[1:-1, 1:-1].max())
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)


def test_stream_function_solves_its_equation() -> None:
    water = Ocean(SMALL).ocean
    q = np.random.default_rng(1).normal(size=water.shape) * water
    psi = np.zeros(water.shape)
    kernels.solve_stream_function(psi, q, water, SCREENING, 1.57, 80)
    residual = water * (ocean_module._laplacian(psi) - SCREENING * psi - q)
    assert np.abs(residual).max() < 1e-12
    assert np.all(psi[water == 0] == 0)


def test_refining_is_exact_for_cubics_inside() -> None:
    y, x = np.arange(9.0)[:, None], np.arange(12.0)[None, :]
    fine = np.zeros((17, 23))
    kernels.refine(x**3 - 2 * x * y + y**3 - x, fine)
    y, x = np.arange(17)[:, None] / 2, np.arange(23)[None, :] / 2
    np.testing.assert_allclose(fine[3:-3, 3:-3], (x**3 - 2 * x * y + y**3 - x)[3:-3, 3:-3], atol=1e-10)


def test_temperature_goes_with_a_uniform_flow_and_nothing_is_invented() -> None:
    y, x = np.meshgrid(np.arange(40), np.arange(60), indexing="ij")
    blob = np.exp(-((x - 20) ** 2 + (y - 20) ** 2) / 50).astype(np.float32)
    u, v = np.full(blob.shape, 1.75, np.float32), np.full(blob.shape, -0.5, np.float32)
    moved, field = np.empty_like(blob), blob
    for _ in range(8):
        kernels.advect(field, u, v, moved)
        field = moved.copy()
    expected = np.exp(-((x - 34) ** 2 + (y - 16) ** 2) / 50)
    assert np.abs(field - expected)[5:-5, 20:-5].max() < 0.02
    assert field.min() >= blob.min()
    assert field.max() <= blob.max()


def test_a_uniform_sea_stays_uniform_in_any_flow() -> None:
    random = np.random.default_rng(3)
    u, v = (random.normal(0, 3, (30, 40)).astype(np.float32) for _ in range(2))
    field, moved = np.full((30, 40), 17.25, np.float32), np.empty((30, 40), np.float32)
    kernels.advect(field, u, v, moved)
    np.testing.assert_allclose(moved, field, rtol=1e-6)


# The ocean


def test_first_guess_is_in_sverdrup_balance_in_the_open_sea() -> None:
    simulated = Ocean(OceanSize(193, 257, 0))
    psi = sverdrup(simulated.wind, simulated.ocean)
    transport = ocean_module.BETA * (psi[:, 2:] - psi[:, :-2]) / 2
    # away from coasts and islands, which it is smoothed into
    np.testing.assert_allclose(transport[24:36, 50:75], simulated.wind[24:36, 51:76], rtol=0.05)


def test_the_sea_is_a_sea(ocean: Ocean) -> None:
    """Temperatures, speeds and the number of eddies are those of an ocean, after two years of simulation."""
    water = ocean.water > 0
    temperature = ocean.arrays["temperature"][water]
    assert 0 < temperature.min() < temperature.max() < 32
    psi = ocean.arrays["psi"]
    speed = np.hypot(*np.gradient(psi)) * 16_000 / 86_400  # cells a day to metres a second
    assert 0.4 < speed.max() < 2.5
    assert 0.02 < np.sqrt((speed**2).mean()) < 0.5
    vorticity = ocean_module._laplacian(psi) * ocean.ocean
    assert vorticity.max() > 0.3
    assert vorticity.min() < -0.3


def test_the_same_seed_is_the_same_ocean_to_the_last_bit(ocean: Ocean) -> None:
    """Pinned: after two chaotic years any other rounding, anywhere, would have grown into another ocean."""
    land = ~SMALL.mask()
    digest = hashlib.sha256(ocean_files.pack(ocean.arrays["temperature"], land).astype("<i2").tobytes())
    assert digest.hexdigest() == "e6f6dd478e2a9b65e44919e675d27002ca5a905cda65711dc162f2e6f5dc3d56"


@pytest.mark.usefixtures("short_spin_up")
def test_another_seed_is_another_ocean() -> None:
    one, other = (next(Ocean(OceanSize(65, 97, seed)).days()) for seed in (0, 1))
    assert np.abs(one - other).max() > 0.01


@pytest.mark.parametrize(
    ("grid", "digest"),
    [
        ((481, 781), "6c6b32f6f9e2fc62e2c38cd8196201eb809d160421bdfda3c1a3ad51033fce06"),
        ((193, 257), "f95891bba0df3e8ae9cce58e16d8d1396813f83b6831a5d9ef61595de8f0d8d4"),
    ],
)
def test_the_climate_is_computed_by_no_library_and_is_the_one_of_every_store_before(
    grid: tuple[int, int], digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pinned when `numpy.interp` computed it, whose last bit may be fused on another processor; the rounding to float32
    hides that."""
    monkeypatch.delattr(np, "interp")
    simulated = Ocean(OceanSize(*grid, 0))
    values = simulated.mean.astype("<f4").tobytes() + simulated.half_range.astype("<f4").tobytes()
    assert hashlib.sha256(values).hexdigest() == digest


def test_cosine_table_is_insensitive_to_the_last_bits_of_a_library() -> None:
    for day in range(1461):
        angle = 2 * np.pi * (day - 236) / 365.25
        assert (
            rounded_cosine(angle) == rounded_cosine(np.nextafter(angle, 10)) == rounded_cosine(np.nextafter(angle, -10))
        )


# Files


def test_packed_temperatures_come_back_within_half_a_step_and_land_is_fill() -> None:
    values = np.linspace(-2, 32, 1000, dtype=np.float32)
    land = np.arange(1000) % 7 == 0
    packed = ocean_files.pack(values, land)
    back = packed * ocean_files.SCALE_FACTOR + ocean_files.ADD_OFFSET
    assert np.abs(back - values)[~land].max() < 0.00037
    assert set(packed[land].tolist()) == {ocean_files.FILL_VALUE}


@pytest.mark.usefixtures("short_spin_up")
def test_files_have_the_layout_of_the_copernicus_service(tmp_path: Path) -> None:
    ocean_files.write_ocean(SMALL, 1, tmp_path / "raw")
    (path,) = simulated_files(tmp_path / "raw", 1)
    assert sorted(each.name for each in (tmp_path / "raw").iterdir()) == [path.name]
    with netCDF4.Dataset(path) as file:
        thetao = file["thetao"]
        assert thetao.dimensions == ("time", "depth", "latitude", "longitude")
        assert (thetao.dtype, thetao.units) == (np.int16, "degrees_C")
        dates = netCDF4.num2date(file["time"][:], file["time"].units, file["time"].calendar)
        assert [f"{date:%Y-%m-%d}" for date in dates] == [str(date) for date in simulated_dates(1)]
        np.testing.assert_array_equal(np.ma.getmaskarray(thetao[0, 0]), ~SMALL.mask())
        np.testing.assert_allclose(np.diff(file["latitude"][:]), 1 / 12, atol=1e-5)
        assert "not an observation" in file.title


@pytest.mark.usefixtures("short_spin_up")
def test_a_killed_simulation_goes_on_to_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ocean_files.write_ocean(SMALL, 2, tmp_path / "whole")
    write_year = ocean_files._write_year

    def killed_in_2007(size: OceanSize, dates: np.ndarray, days: Iterator[np.ndarray], path: Path) -> None:
        if "thetao_2007" in path.name:
            write_year(size, dates[:40], days, path)
            raise KeyboardInterrupt
        write_year(size, dates, days, path)

    with monkeypatch.context() as patch:
        patch.setattr(ocean_files, "_write_year", killed_in_2007)
        with pytest.raises(KeyboardInterrupt):
            ocean_files.write_ocean(SMALL, 2, tmp_path / "resumed")
    assert not (tmp_path / "resumed").exists()
    written: list[str] = []
    monkeypatch.setattr(ocean_files, "_write_year", lambda *a: (written.append(a[3].name), write_year(*a)))
    ocean_files.write_ocean(SMALL, 2, tmp_path / "resumed")
    assert [name.rpartition(".partial.")[2] for name in written] == ["thetao_2007.nc"]
    for one, other in zip(
        simulated_files(tmp_path / "whole", 2), simulated_files(tmp_path / "resumed", 2), strict=True
    ):
        with netCDF4.Dataset(one) as expected, netCDF4.Dataset(other) as found:
            np.testing.assert_array_equal(found["thetao"][:], expected["thetao"][:])


def test_what_is_written_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "raw").mkdir()
    monkeypatch.setattr(ocean_files, "Ocean", None)
    ocean_files.write_ocean(SMALL, 2, tmp_path / "raw")


def test_who_needs_the_same_ocean_waits_until_it_is_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    held, over = threading.Event(), threading.Event()

    def write() -> None:
        with locked(tmp_path / "raw.part", "generating it"):
            held.set()
            over.wait(60)

    other = threading.Thread(target=write)
    other.start()
    held.wait(60)
    threading.Timer(0.5, over.set).start()
    ocean_files.write_ocean(SMALL, 1, tmp_path / "raw")
    other.join()
    assert "right now: waiting for it" in caplog.text
    assert list((tmp_path / "raw").iterdir())
