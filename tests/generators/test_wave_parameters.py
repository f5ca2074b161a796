"""Settings that cannot work are refused before any work, in one sentence."""

from __future__ import annotations

import dataclasses
import math
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stbench.generators.waveeq.dataset import SensorParameters, waveeq
from stbench.generators.waveeq.draws import Source
from stbench.generators.waveeq.parameters import WaveParameters
from stbench.generators.waveeq.rich import RichParameters
from stbench.generators.waveeq.solver import solve

from stbench.contract.datasets import parse_parameters
from stbench.errors import StbenchError

NUMBERS = ("sequences", "seed", "size", "spacing", "step", "points", "record_every", "speed_cells")
RANGES = ("wave_speed", "n_sources", *(f"source_{k}" for k in ("amplitude", "x", "y", "radius", "decay", "onset")))
CHOICES = ("draws", "boundary", "normalisation", "source_scaling", "source_sign", "first_onset")


def refusal(**settings: object) -> str:
    with pytest.raises(StbenchError) as caught:
        WaveParameters(**settings)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_every_parameter_is_known_here_and_has_a_help_text() -> None:
    fields = dataclasses.fields(WaveParameters)
    assert {f.name for f in fields} == {*NUMBERS, *RANGES, *CHOICES}
    for kind in (WaveParameters, SensorParameters, RichParameters):
        assert all(f.metadata["help"] for f in dataclasses.fields(kind))


def test_unstable_step_is_refused_with_the_largest_admissible_one() -> None:
    message = refusal(step=0.003)
    assert "0.003" in message
    assert "0.00216506 s" in message
    limit = math.sqrt(3) / 2 / 400
    assert WaveParameters(step=0.00216506).largest_step == pytest.approx(limit)
    assert "0.00216506" in refusal(step=0.0021651)


@pytest.mark.parametrize(("spacing", "speed"), [(0.5, 400.0), (1.0, 800.0), (2.0, 3000.0)])
def test_the_refusal_names_a_step_that_is_then_accepted(spacing: float, speed: float) -> None:
    settings = {"spacing": spacing, "wave_speed": (speed, speed), "source_radius": (5.0, 5.0), "source_decay": (20, 20)}
    message = refusal(step=0.01, **settings)
    named = float(message.split("admissible step is ")[1].split(" s")[0])
    accepted = WaveParameters(step=named, **settings)  # type: ignore[arg-type]
    assert named <= accepted.largest_step < named * 1.00001


@given(st.sampled_from(NUMBERS), st.sampled_from([-1, -1e-300, math.nan, math.inf, -math.inf, 1e300, 10**30]))
def test_senseless_numbers_are_refused(name: str, value: float) -> None:
    assert name in refusal(**{name: value}) or name == "step"


@given(
    st.sampled_from(RANGES),
    st.tuples(st.floats(), st.floats()).filter(lambda r: not (0 <= r[0] <= r[1] <= 1e13)),
)
def test_senseless_ranges_are_refused(name: str, value: tuple[float, float]) -> None:
    refusal(**{name: value})


@given(st.sampled_from(CHOICES), st.text())
def test_unknown_choices_are_refused(name: str, value: str) -> None:
    assert name in refusal(**{name: value + "?"})


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"size": 0}, "size"),
        ({"points": 1}, "points"),
        ({"record_every": 300}, "record_every"),
        ({"boundary": "neuman"}, "did you mean 'neumann'?"),
        ({"wave_speed": (400.0, 300.0)}, "low,high"),
        ({"source_x": (0.0, 0.5)}, "source_x"),
        ({"source_radius": (0.5, 0.5)}, "source_radius"),
        ({"source_onset": (0.0, 1.0)}, "source_onset"),
        ({"source_decay": (0.0, 0.0), "source_scaling": "impulse"}, "source_decay"),
        ({"spacing": 2.0, "source_scaling": "impulse"}, "at spacing 1 only, not at 2: set spacing=1"),
        ({"size": 4096, "points": 3000, "wave_speed": (300.0, 400.0)}, "MB"),
        ({"draws": "official", "sequences": 301}, "draws=seeded"),
        ({"draws": "official", "seed": 1}, "their seed is 42"),
        ({"draws": "official", "wave_speed": (300.0, 500.0)}, "wave_speed 300,400"),
        ({"draws": "official", "source_x": (0.4, 0.5)}, "more is random"),
    ],
)
def test_refusals_name_what_is_wrong(settings: dict[str, object], part: str) -> None:
    assert part in refusal(**settings)


def test_sensors_are_bounded() -> None:
    with pytest.raises(StbenchError, match="sensors"):
        SensorParameters(sensors=0)
    most: dict[str, Any] = {"size": 8, "source_radius": (1, 1), "points": 10**6, "record_every": 1}
    with pytest.raises(StbenchError, match=r"1000000 frames of 501 pixels needs 4,008 MB .* more than 4,000 MB"):
        SensorParameters(sensors=501, **most)
    assert SensorParameters(sensors=500, **most).n_frames == 10**6


WALLED = ("frozen_frame", "dirichlet")
DISC = 69
"""Grid points closer than 5 to one of them."""


def driven(boundary: str, x: int, y: int) -> int:
    """Grid points that the solver drives for a disc of radius 5, in a medium where nothing moves on its own."""
    p = WaveParameters(boundary=boundary, points=2, record_every=1)
    return int(np.count_nonzero(solve(p, 0.0, [Source(1.0, x, y, 5.0, 20.0, 0)]).velocity))


def accepted(**settings: Any) -> bool:
    try:
        WaveParameters(**settings)
    except StbenchError:
        return False
    return True


@pytest.mark.parametrize("boundary", [*WALLED, "periodic"])
def test_sources_are_refused_where_a_wall_or_an_edge_takes_grid_points_from_them(boundary: str) -> None:
    """`impulse` shares the impulse among 69 points, and a periodic box has 69 of them everywhere."""
    scaling = "amplitude" if boundary == "periodic" else "impulse"
    for place in range(2, 62):
        whole = driven(boundary, place, 32) == driven(boundary, 32, place) == DISC
        for axis in ("source_x", "source_y"):
            for ends in ((place, place), (min(place, 32), max(place, 32))):
                place_range = (ends[0] / 64, ends[1] / 64)
                assert accepted(boundary=boundary, source_scaling=scaling, **{axis: place_range}) == whole, place


def test_the_refusal_of_a_source_at_a_wall_says_what_to_do() -> None:
    near: dict[str, Any] = {"source_x": (0.1, 0.9), "source_radius": (2.0, 6.0)}
    for boundary in WALLED:
        message = refusal(boundary=boundary, source_scaling="impulse", **near)
        assert f"radius 6 with source_x 0.1,0.9 can reach the grid points that boundary={boundary} holds" in message
        assert message.endswith("or raise size, or set source_scaling=amplitude")
    message = refusal(boundary="periodic", **{**near, "source_x": (0.0, 0.5)})
    assert "source_x 0,0.5 can cross the edge, and boundary=periodic repeats the waves but cuts the source" in message


def test_where_a_wall_only_cuts_an_acceleration_discs_may_lie_at_it() -> None:
    near: dict[str, Any] = {"source_x": (0.1, 0.9), "source_y": (0.1, 0.9), "draws": "seeded"}
    for boundary in WALLED:
        assert WaveParameters(boundary=boundary, **near).source_scaling == "amplitude"
    for scaling in ("amplitude", "impulse"):
        for boundary in ("neumann", "absorbing"):
            assert WaveParameters(boundary=boundary, source_scaling=scaling, **near).boundary == boundary


def test_a_foreign_source_is_refused() -> None:
    with pytest.raises(StbenchError, match="procedural"):
        waveeq.blueprint(WaveParameters(), "official", None)


def test_settings_parse_from_the_command_line_form() -> None:
    parsed = parse_parameters(WaveParameters, {"wave-speed": "300,350", "n_sources": "1,3", "boundary": "periodic"})
    assert (parsed.wave_speed, parsed.n_sources, parsed.boundary) == ((300.0, 350.0), (1, 3), "periodic")


def test_huge_integers_do_not_overflow_the_check() -> None:
    assert "sequences" in refusal(sequences=sys.maxsize**3)
