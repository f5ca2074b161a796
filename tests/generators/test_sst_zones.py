"""The zone table is the rule applied to the coast, and a bad table is refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from stbench.generators.sst.netcdf import open_netcdf
from stbench.generators.sst.stand_in.size import OceanSize
from stbench.generators.sst.zones import load_table, proportional_test, tiling

from stbench.errors import StbenchError
from stbench.paths import raw_dir


def test_the_shipped_table_is_the_rule_applied_to_the_simulated_coast() -> None:
    table = load_table()
    ruled = tiling(OceanSize(481, 781, 0).mask(), first_row=128)
    assert table.corners == ruled.corners
    assert (len(table.corners), table.test, table.grid, table.size) == (29, (17, 18, 19, 20), (481, 781), 64)


def test_no_shipped_zone_has_land_in_a_real_observation() -> None:
    folder = raw_dir()
    path = None if folder is None else folder / "sst" / "oisst-avhrr-v02r01.20211025.nc"
    if path is None or not path.is_file():
        pytest.skip("STBENCH_RAW has no sst/oisst-avhrr-v02r01.20211025.nc")
    with open_netcdf(path) as file:
        water = file.variable("sst").read((0, 0)) != -999
        latitude, longitude = file.variable("lat").read(), file.variable("lon").read()
    size = OceanSize(481, 781, 0)
    for row, column in load_table().corners:
        south, north = size.latitude[row], size.latitude[row + 63]
        west, east = size.longitude[column] + 360, size.longitude[column + 63] + 360
        inside = np.ix_((latitude > south) & (latitude < north), (longitude > west) & (longitude < east))
        assert water[inside].all(), f"land in the box at {row}, {column}"


def test_tiles_have_no_land_and_do_not_overlap() -> None:
    water = np.random.default_rng(0).random((300, 500)) > 1e-4
    table = tiling(water, at_most=1000)
    assert 0 < len(table.corners) < 4 * 7
    for row, column in table.corners:
        assert row % 64 == column % 64 == 0
        assert water[row : row + 64, column : column + 64].all()
    assert len(set(table.corners)) == len(table.corners)


@pytest.mark.parametrize(("n_zones", "test"), [(29, (17, 18, 19, 20)), (4, (3,)), (1, (1,)), (14, (8,)), (15, (9, 10))])
def test_fewer_zones_have_a_like_share_of_test_zones(n_zones: int, test: tuple[int, ...]) -> None:
    assert proportional_test(n_zones) == test


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "missing required field `size`"),
        ("size = 64", "missing required field `corners`"),
        ("size = 64\ncorners = [[0, -1]]\ntest = [1]\nid = 'x'", r"'corners' is \[\[0, -1\]\]: expected `int` >= 0"),
        ("size = 64\ncorners = [[0, 0.5]]\ntest = [1]\nid = 'x'", "expected `int`, got `float`"),
        ("size = 64\ncorners = [[0]]\ntest = [1]\nid = 'x'", "expected `array` of length 2, got 1"),
        ("size = 64\ncorners = [[0, 0], [0, 0]]\ntest = [1]\nid = 'x'", "different ones"),
        ("size = 64\ncorners = [[0, 0]]\ntest = [2]\nid = 'x'", "between 1 and 1"),
        ("size = 4000000000\ncorners = [[0, 0]]\ntest = [1]\nid = 'x'", "between 8 and 1024"),
        ("size = [64", "not of the form"),
    ],
)
def test_a_bad_table_is_refused_by_name(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "zones.toml"
    path.write_text(text)
    with pytest.raises(StbenchError, match=reason) as caught:
        load_table(path)
    assert str(path) in str(caught.value)


def test_an_absent_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match=r"zones\.toml cannot be read: No such file"):
        load_table(tmp_path / "zones.toml")
