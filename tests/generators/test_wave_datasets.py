"""The three datasets: published draws and pixels, pinned values, purity, the store's plan."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stbench.generators.waveeq.dataset import SensorParameters, waveeq, waveeq_100
from stbench.generators.waveeq.draws import draw, official_draws, official_pixels, smooth_field, uniforms
from stbench.generators.waveeq.parameters import BOUNDARIES, WaveParameters
from stbench.generators.waveeq.rich import RichParameters, waveeq_rich
from stbench.generators.waveeq.solver import solve

from stbench.contract.datasets import Blueprint, canonical_json, parse_parameters
from stbench.splits.index import WindowIndex

DATASETS = {"waveeq": waveeq, "waveeq-100": waveeq_100, "waveeq-rich": waveeq_rich}


def blueprint(name: str, **changes: object) -> Blueprint:
    return DATASETS[name].blueprint(DATASETS[name].parameters(**changes), "procedural", None)


@pytest.fixture(scope="module")
def canonical() -> dict[str, np.ndarray]:
    return dict(blueprint("waveeq").produce(0, 3))


def test_published_draws_are_amplitude_then_wave_speed_of_the_legacy_stream() -> None:
    expected = [(11.8617, 395.0714), (22.2278, 359.8658), (5.5245, 315.5995)]
    np.testing.assert_allclose(official_draws()[:3], expected, atol=5e-5)
    amplitudes, speeds = np.transpose(official_draws())
    assert len(amplitudes) == 300
    assert 1 <= amplitudes.min() <= amplitudes.max() <= 30
    assert 300 <= speeds.min() <= speeds.max() <= 400


def test_published_source_covers_69_pixels() -> None:
    pixels = draw(WaveParameters(), 0).sources[0].pixels(64, 1.0)
    assert len(pixels) == 69
    assert pixels.min() == 28
    assert pixels.max() == 36


def test_the_card_of_waveeq_rich_says_how_often_a_source_starts_after_the_last_conditioning_frame() -> None:
    made, p = blueprint("waveeq-rich"), RichParameters()
    (track,) = waveeq_rich.tracks
    index = WindowIndex.of_split(made.split, "test", p.n_frames, track.conditioning, track.horizon, track.stride)
    sequence, start = index.arrays()
    onsets = {int(k): np.array([each.first_step for each in draw(p, int(k)).sources]) for k in np.unique(sequence)}
    last_seen = (start + track.conditioning - 1) * p.record_every
    last_asked = last_seen + track.horizon * p.record_every
    late = [
        ((onsets[int(k)] > low) & (onsets[int(k)] < high)).any()
        for k, low, high in zip(sequence, last_seen, last_asked, strict=True)
    ]
    assert any(each.startswith(f"In {100 * np.mean(late):.1f} % of the test windows") for each in made.card.quirks)


def test_published_pixels() -> None:
    rows, columns = official_pixels(64, 100)
    assert list(zip(rows[:5], columns[:5], strict=True)) == [(38, 62), (51, 17), (28, 25), (14, 43), (42, 33)]
    places = set(zip(rows.tolist(), columns.tolist(), strict=True))
    assert len(places) == 99
    assert sum(not (2 <= y <= 61 and 2 <= x <= 61) for y, x in zip(rows, columns, strict=True)) == 14
    assert not any((y - 32) ** 2 + (x - 32) ** 2 < 25 for y, x in places)


def test_canonical_frames_have_the_published_rest_values(canonical: dict[str, np.ndarray]) -> None:
    frames = canonical["frames"]
    assert frames.shape == (3, 150, 1, 64, 64)
    assert frames.dtype == np.float32
    np.testing.assert_allclose(frames[:, 0, 0, 0, 0], [0.4562, 0.4573, 0.4597], atol=5e-5)
    assert (frames[:, 0].reshape(3, -1) == frames[:, :1, :, 0, 0].reshape(3, 1)).all()
    assert frames.min() >= 0
    assert frames.max() <= 1


CANONICAL_SHA256 = "c5a37e94038496c6a6b3bd8f079a72aa7dcf9607fc68928c248b01b14c4a91d3"
RICH_SHA256 = "a9a635688f5c9d7a368d739850a28468435fb90d6d230a13d29ab53bfa0c9a23"
"""Frames of sequences 0-2 of waveeq; all variables of sequence 7 of waveeq-rich. A change here needs a new version."""

DIGESTS = """
import hashlib
from stbench.generators.waveeq.dataset import waveeq
from stbench.generators.waveeq.rich import waveeq_rich
frames = waveeq.blueprint(waveeq.parameters()).produce(0, 3)["frames"]
sample = waveeq_rich.blueprint(waveeq_rich.parameters()).produce(7, 8)
print(hashlib.sha256(frames.tobytes()).hexdigest())
print(hashlib.sha256(b"".join(sample[name].tobytes() for name in sorted(sample))).hexdigest())
"""


def test_samples_are_the_pinned_bytes(canonical: dict[str, np.ndarray]) -> None:
    assert hashlib.sha256(canonical["frames"].tobytes()).hexdigest() == CANONICAL_SHA256
    sample = blueprint("waveeq-rich").produce(7, 8)
    content = b"".join(sample[name].tobytes() for name in sorted(sample))
    assert hashlib.sha256(content).hexdigest() == RICH_SHA256


def test_samples_are_the_same_bytes_on_a_processor_without_wide_vectors(tmp_path: Path) -> None:
    """Compiled anew for a generic processor: other vector widths, no fused multiply-add, the same bits."""
    environment = os.environ | {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", DIGESTS], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [CANONICAL_SHA256, RICH_SHA256]


@pytest.mark.parametrize(("index", "published"), [(0, 65), (1, 71), (2, 81)])
def test_wave_reaches_the_wall_when_the_published_one_does(index: int, published: int) -> None:
    drawn = draw(WaveParameters(), index)
    recorded = np.abs(solve(replace(WaveParameters(), record_every=1), drawn.speed, drawn.sources).recorded)
    # The first row inside the wall that lies farther from the source.
    assert np.argmax(recorded[:, 2].max(axis=1) > 1e-3 * recorded.max()) == published


def test_amplitude_has_no_effect_after_the_min_max() -> None:
    weak, strong = (
        blueprint("waveeq", source_amplitude=(a, a), wave_speed=(350.0, 350.0)).produce(0, 1)["frames"]
        for a in (1.5, 15.0)
    )
    assert np.abs(weak - strong).max() < 1e-6


def test_sensors_are_pixels_of_the_whole_frames(canonical: dict[str, np.ndarray]) -> None:
    plan = blueprint("waveeq-100")
    frames = plan.produce(0, 3)["frames"]
    rows, columns = official_pixels(64, 100)
    assert np.array_equal(frames, canonical["frames"][:, :, 0, rows, columns])
    assert np.array_equal(plan.coordinates["y"].values, rows)
    assert np.array_equal(plan.coordinates["x"].values, columns)
    assert plan.coordinates["y"].dims == ("sensor",)


@pytest.mark.parametrize("name", DATASETS)
def test_a_sequence_does_not_depend_on_its_batch(name: str) -> None:
    produce = pickle.loads(pickle.dumps(blueprint(name).produce))
    together, part = produce(0, 8), produce(3, 5)
    assert together.keys() == blueprint(name).variables.keys()
    for variable, values in together.items():
        assert values[3:5].tobytes() == part[variable].tobytes()


@pytest.mark.parametrize("name", DATASETS)
def test_a_sequence_does_not_depend_on_how_many_there_are(name: str) -> None:
    few, many = blueprint(name, sequences=5).produce(4, 5), blueprint(name, sequences=40).produce(4, 5)
    assert all(few[variable].tobytes() == many[variable].tobytes() for variable in few)


@pytest.mark.parametrize("name", DATASETS)
def test_produced_arrays_match_the_plan(name: str) -> None:
    plan = blueprint(name)
    for variable, values in plan.produce(1, 3).items():
        declared = plan.variables[variable]
        assert values.dtype == declared.dtype
        assert values.shape == (2, *declared.shape[1:])
        assert len(declared.dims) == len(declared.shape) == len(declared.chunk)
        assert np.isfinite(values).all()
        assert all(size % chunk == 0 for size, chunk in zip(declared.shape[1:], declared.chunk[1:], strict=True))
        assert plan.sequences_per_shard % declared.chunk[0] == 0
    for coordinate in plan.coordinates.values():
        assert np.ndim(coordinate.values) == len(coordinate.dims)


def test_auto_draws_are_the_published_ones_exactly_where_they_apply() -> None:
    official = blueprint("waveeq", draws="official")
    assert official.fingerprint == blueprint("waveeq").fingerprint
    assert blueprint("waveeq").parameters["draws"] == "official"
    for changes in ({"sequences": 301}, {"seed": 1}, {"wave_speed": (300.0, 390.0)}, {"n_sources": (1, 2)}):
        assert blueprint("waveeq", **changes).parameters["draws"] == "seeded"
    # Where the draws are the published ones, other physics may differ.
    assert blueprint("waveeq", boundary="absorbing").parameters["draws"] == "official"


def test_more_than_300_sequences_use_one_stream_per_sequence() -> None:
    p = WaveParameters(sequences=1_000_000)
    first, last = draw(p, 0), draw(p, 999_999)
    assert first.speed != last.speed
    assert first.speed == 300 + 100 * uniforms(42, 0, 9)[0]
    assert draw(replace(p, seed=43), 0).speed != first.speed


def test_uniforms_are_those_of_numpys_generator() -> None:
    stream = np.random.Generator(np.random.PCG64(np.random.SeedSequence(5, spawn_key=(11,))))
    assert np.array_equal(uniforms(5, 11, 50), stream.random(50))


@settings(max_examples=40)
@given(st.integers(0, 10**9 - 1))
def test_rich_draws_stay_within_their_ranges(index: int) -> None:
    p = RichParameters(sequences=10**9)
    drawn = draw(p, index)
    assert drawn.speed.min() == 200
    assert drawn.speed.max() == 400
    assert np.abs(np.diff(drawn.speed, axis=0)).max() < 40
    assert 2 <= len(drawn.sources) <= 4
    assert drawn.sources[0].first_step == 0
    for source in drawn.sources:
        assert 0 <= source.first_step <= 60
        assert 12.8 <= min(source.x, source.y) <= max(source.x, source.y) <= 51.2
        assert 3 <= source.radius <= 6
        assert 20 <= source.decay <= 60
        impulse = abs(source.amplitude) * len(source.pixels(64, 1.0)) / source.decay
        assert 15 - 1e-9 <= impulse * 20 / 69 <= 30 + 1e-9


def test_smooth_field_reproduces_a_constant_slope_and_spans_the_unit_interval() -> None:
    """Cubic B-splines reproduce linear functions."""
    field = smooth_field(np.add.outer(np.zeros(8), np.arange(8.0)), 40)
    np.testing.assert_allclose(field, np.broadcast_to(np.arange(40) / 39, (40, 40)), atol=1e-14)


def test_rich_sequences_are_not_dominated_by_a_few() -> None:
    frames = blueprint("waveeq-rich").produce(0, 24)["frames"]
    energy = np.sort((frames**2).mean(axis=(1, 2, 3, 4)))
    assert energy[-3:].sum() < 0.5 * energy.sum()


def test_rich_keeps_amplitude_signs_and_the_medium() -> None:
    plan = blueprint("waveeq-rich")
    out = plan.produce(0, 6)
    assert plan.normaliser == {"kind": "standardise"}
    assert np.array_equal((out["source_amplitude"] != 0).sum(axis=1), out["n_sources"])
    assert (out["source_amplitude"] < 0).any()
    assert (out["source_amplitude"] > 0).any()
    means = out["wave_speed_field"].mean(axis=(1, 2), dtype=float)
    np.testing.assert_allclose(out["wave_speed"], means, rtol=1e-6)
    assert not out["frames"][:, 0].any()


@pytest.mark.parametrize(
    ("name", "identifier", "counts"),
    [
        ("waveeq", "waveeq/official-1", (216, 24, 60)),
        ("waveeq-100", "waveeq-100/official-1", (216, 24, 60)),
        ("waveeq-rich", "waveeq-rich/1", (864, 96, 240)),
    ],
)
def test_split_is_the_shipped_one_and_scales_down(name: str, identifier: str, counts: tuple[int, ...]) -> None:
    split = blueprint(name).split
    assert split.id == identifier
    assert tuple(len(split.indices(part)) for part in ("train", "val", "test")) == counts
    assert np.array_equal(split.indices("train+val+test"), np.arange(sum(counts)))
    for preset in DATASETS[name].presets.values():
        small = blueprint(name, **preset).split
        assert small.n_sequences == preset["sequences"]
        assert small.id != identifier
        assert all(len(small.indices(part)) for part in ("train", "val", "test"))


def test_official_test_sequences_are_those_from_240_on() -> None:
    assert blueprint("waveeq").split.ranges["test"] == ((240, 300),)
    assert blueprint("waveeq").split.ranges["val"] == ((216, 240),)


@pytest.mark.parametrize("name", DATASETS)
def test_identity_is_json_and_names_every_parameter(name: str) -> None:
    plan = blueprint(name)
    assert json.loads(canonical_json(plan.identity))["parameters"] == dict(plan.parameters)
    again = DATASETS[name].blueprint(parse_parameters(DATASETS[name].parameters, plan.parameters), "procedural", None)
    assert again.fingerprint == plan.fingerprint


@pytest.mark.parametrize("name", DATASETS)
def test_track_is_five_frames_then_forty(name: str) -> None:
    (track,) = DATASETS[name].tracks
    assert (track.id, track.conditioning, track.train_horizon) == (f"{name}/forecast-40", 5, 20)
    assert ("psnr" in track.metrics) == (name == "waveeq")


@pytest.mark.parametrize("name", DATASETS)
def test_certificate_keeps_its_promises(name: str) -> None:
    measured = blueprint(name).certificate()
    json.dumps(measured, allow_nan=False)
    assert measured["order_time"] >= 3.9
    assert measured["order_space"] >= 3.8
    assert measured["order_space_frozen_frame"] < 1.5
    assert measured["energy_drift"] < 1e-5
    assert measured["cfl_number"] == pytest.approx(0.4)
    assert measured["cfl_number"] < measured["cfl_limit"]
    assert measured["float32_error"] < 2**-24


def test_planning_imports_nothing_heavy() -> None:
    code = (
        "import sys; from stbench.generators.waveeq.dataset import waveeq; "
        "from stbench.generators.waveeq.rich import waveeq_rich; "
        "[g.blueprint(g.parameters()) for g in (waveeq, waveeq_rich)]; "
        "print(*{'numba', 'torch', 'zarr', 'scipy', 'xarray'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_sensor_parameters_extend_those_of_the_frames() -> None:
    assert issubclass(SensorParameters, WaveParameters)
    few = blueprint("waveeq-100", sensors=7, sequences=3).produce(0, 1)["frames"]
    assert few.shape == (1, 150, 7)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("n_sources", [(1, 1), (1, 3)])
def test_every_boundary_makes_a_dataset_of_its_own(boundary: str, n_sources: tuple[int, int]) -> None:
    changes = {
        "boundary": boundary,
        "n_sources": n_sources,
        "size": 24,
        "points": 41,
        "record_every": 4,
        "spacing": 0.5,
        "step": 0.0005,
        "speed_cells": 3,
        "source_sign": "random",
        "source_x": (0.2, 0.7),
        "source_radius": (0.5, 2.5),
        "source_onset": (0.0, 0.01),
    }
    plan = blueprint("waveeq", sequences=4, **changes)
    out = plan.produce(0, 4)
    assert out["frames"].shape == (4, 11, 1, 24, 24)
    assert out["frames"].min() >= 0
    assert out["frames"].max() <= 1
    assert np.ptp(out["frames"], axis=(1, 2, 3, 4)).min() > 0.5
    assert out["source_x"].shape == ((4, 3) if n_sources[1] == 3 else (4,))
    assert plan.variables["source_x"].dims == (("sequence", "source") if n_sources[1] == 3 else ("sequence",))
    assert plan.coordinates["time"].values[-1] == pytest.approx(0.02)
    assert plan.certificate()["cfl_number"] == pytest.approx(0.4)
