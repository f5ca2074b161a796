"""Moving MNIST: frames, factors and splits are what the card says, from the real digits where they are at hand."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stbench.generators.moving_mnist import dataset as module
from stbench.generators.moving_mnist import digits as digits_module
from stbench.generators.moving_mnist.dataset import MovingMnist, moving_mnist, moving_mnist_angle, split_by_counts
from stbench.generators.moving_mnist.digits import DigitFiles, official_files, resize
from stbench.generators.moving_mnist.idx import format_idx
from stbench.generators.moving_mnist.motion import official_draws
from stbench.generators.moving_mnist.sequences import Sequences, TrainingStream, draw, published_swap, swap_truths
from stbench.generators.moving_mnist.stand_in import strokes

from stbench.contract.datasets import Blueprint, parse_parameters
from stbench.errors import StbenchError
from stbench.paths import raw_dir
from stbench.raw.files import RawFile
from stbench.store.build import resolve
from stbench.store.reader import open_store
from stbench.store.writer import generate

SMALL = {"sequences": 5, "train_sequences": 4, "val_sequences": 3, "frames": 30}


@pytest.fixture(scope="module")
def small_files(tmp_path_factory: pytest.TempPathFactory) -> DigitFiles:
    """10,000 test and 1,000 training digits of the stand-in, as IDX files in the layout of the official ones."""
    folder, specs = tmp_path_factory.mktemp("digits"), []
    for part, prefix, count in (("train", "train", 1_000), ("test", "t10k", 10_000)):
        for name, values in zip(("images-idx3", "labels-idx1"), strokes.simulate(part, 0, count), strict=True):
            path = folder / f"{prefix}-{name}-ubyte"
            path.write_bytes(format_idx(values))
            specs.append(RawFile(path.name, path.stat().st_size, None, "content"))
    return DigitFiles(tuple(specs), tuple(folder / spec.name for spec in specs))


@pytest.fixture
def blueprint(small_files: DigitFiles, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Blueprints over the small files, in the name of the source `simulated`."""
    monkeypatch.setattr(module, "simulated_files", lambda: small_files)

    def make(generator: MovingMnist = moving_mnist, **more: Any) -> Blueprint:
        settings: Mapping[str, Any] = {**SMALL, "val_digits": 100, **more}
        return generator.blueprint(parse_parameters(generator.parameters, settings), "simulated")

    return make


def naive(digits: np.ndarray, position: np.ndarray, canvas: int, overlay: str) -> np.ndarray:
    """One pixel of one digit of one frame at a time."""
    frames = np.zeros((len(position), canvas, canvas), int)
    for t, k in itertools.product(range(len(position)), range(len(digits))):
        row, column = position[t, k]
        for i, j in np.ndindex(digits[k].shape):
            old, new = frames[t, row + i, column + j], int(digits[k, i, j])
            frames[t, row + i, column + j] = old + new if overlay == "sum" else max(old, new)
    return np.minimum(frames, 255)


@settings(max_examples=12, deadline=None)
@given(data=st.data(), count=st.integers(1, 4), size=st.integers(1, 5), overlay=st.sampled_from(["sum", "maximum"]))
def test_frames_equal_a_pixel_by_pixel_overlay(data: st.DataObject, count: int, size: int, overlay: str) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    digits = rng.integers(0, 256, (2, count, size, size), dtype=np.uint8)
    position = rng.integers(0, 10 - size + 1, (2, 3, count, 2))
    frames = draw(digits, position, 10, overlay)
    assert frames.shape == (2, 3, 1, 10, 10)
    for sequence in range(2):
        assert np.array_equal(frames[sequence, :, 0], naive(digits[sequence], position[sequence], 10, overlay))


def test_a_digit_outside_the_canvas_or_a_trajectory_of_other_digits_is_refused() -> None:
    digits = np.zeros((2, 28, 28), np.uint8)
    for place in ((0, 37), (37, 0), (-1, 0)):
        with pytest.raises(ValueError, match="leaves the canvas"):
            draw(digits, np.full((4, 2, 2), place))
    with pytest.raises(ValueError, match="do not fit"):
        draw(digits, np.zeros((4, 3, 2), int))


@pytest.mark.parametrize("generator", [moving_mnist, moving_mnist_angle])
def test_stored_frames_can_be_drawn_from_the_stored_factors(blueprint: Any, generator: MovingMnist) -> None:
    made = blueprint(generator)
    arrays = made.produce(0, made.n_sequences)
    for name, variable in made.variables.items():
        assert arrays[name].shape == variable.shape
        assert arrays[name].dtype == variable.dtype
    overlay = made.parameters["overlay"]
    assert np.array_equal(draw(arrays["digit_image"], arrays["position"], 64, overlay), arrays["frames"])


def test_a_range_of_sequences_is_the_same_however_it_is_cut(blueprint: Any) -> None:
    made = blueprint()
    whole = made.produce(0, 12)
    copy = pickle.loads(pickle.dumps(made.produce))
    for start, stop in ((0, 1), (4, 6), (8, 12), (3, 11)):
        part = copy(start, stop)
        for name, values in whole.items():
            assert np.array_equal(part[name], values[start:stop])


def test_validation_shows_digits_that_nobody_else_shows(blueprint: Any, small_files: DigitFiles) -> None:
    made = blueprint(train_sequences=200, val_sequences=100)
    arrays = made.produce(0, 305)
    train, val = (made.split.indices(part) for part in ("train", "val"))
    assert arrays["digit_index"][train].max() < 900 <= arrays["digit_index"][val].min()
    for part, index in (("test", made.split.indices("test")), ("train", train), ("train", val)):
        images, labels = small_files.load(part)
        chosen = arrays["digit_index"][index]
        assert np.array_equal(images[chosen], arrays["digit_image"][index])
        assert np.array_equal(labels[chosen], arrays["digit_label"][index])


def test_the_training_stream_begins_with_the_stored_training_sequences(blueprint: Any, small_files: DigitFiles) -> None:
    stored = blueprint().produce(5, 9)["frames"]
    parameters = moving_mnist.parameters(**SMALL, val_digits=100)
    stream = TrainingStream(Sequences(parameters, small_files), 15)
    assert np.array_equal(stream.draw(0, 4), stored[:, :15])
    assert np.array_equal(stream.draw(1_000_000, 1_000_003)[1:2], stream.draw(1_000_001, 1_000_002))


def test_digits_canvas_speed_and_size_are_free(blueprint: Any) -> None:
    made = blueprint(digits=3, digit_size=20, canvas=48, max_speed=7, overlay="maximum", draws="seeded")
    arrays = made.produce(0, 12)
    assert arrays["frames"].shape == (12, 30, 1, 48, 48)
    assert arrays["digit_image"].shape == (12, 3, 20, 20)
    assert arrays["position"].max() == 28
    assert np.abs(arrays["velocity"]).max() == 7
    assert made.fingerprint != blueprint().fingerprint


@pytest.mark.parametrize("size", [14, 20, 28, 32, 45])
def test_resampling_keeps_grey_and_agrees_with_pillow(size: int, small_files: DigitFiles) -> None:
    from PIL import Image

    assert (resize(np.full((2, 28, 28), 200, np.uint8), size) == 200).all()
    image = small_files.load("test")[0][3]
    reference = np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR), int)
    assert np.abs(resize(image, size).astype(int) - reference).max() <= 2


def test_swap_ground_truth_shows_both_digit_orders(blueprint: Any) -> None:
    arrays = blueprint().produce(0, 5)
    content, motion = arrays["digit_image"][0], arrays["position"][4]
    truths = swap_truths(content, motion)
    assert truths.shape == (2, 30, 1, 64, 64)
    assert np.array_equal(truths[0, :, 0], naive(content, motion, 64, "sum"))
    assert np.array_equal(truths[1, :, 0], naive(content[::-1], motion, 64, "sum"))
    own = swap_truths(arrays["digit_image"], arrays["position"])
    assert np.array_equal(own[0], arrays["frames"])
    three = swap_truths(np.concatenate([content, content[:1]]), np.concatenate([motion, motion[:, :1]], 1))
    assert len(three) == 6


def test_the_published_swap_pairs_are_of_the_legacy_stream_one() -> None:
    digit_index, content_sequence = published_swap()
    np.random.seed(1)  # noqa: NPY002 - the published stream is the legacy one
    order = np.random.permutation(10_000)  # noqa: NPY002
    assert digit_index.shape == (5_000, 2)
    assert digit_index[17].tolist() == [order[17], order[5_017]]
    assert sorted(digit_index.ravel()) == list(range(10_000))
    assert content_sequence[[0, 4_999]].tolist() == [4_999, 0]


@pytest.mark.parametrize("generator", [moving_mnist, moving_mnist_angle])
def test_the_split_file_is_that_of_the_defaults(generator: MovingMnist, small_files: DigitFiles) -> None:
    published = generator._split(generator.parameters())
    assert published.id == f"{generator.name}/canonical-1"
    assert published == split_by_counts(published.id, generator.parameters())
    small = generator._split(generator.parameters(sequences=4, train_sequences=0, val_sequences=0))
    assert small.id == f"{generator.name}/by-count-1"
    assert small.indices("test").tolist() == [0, 1, 2, 3]
    assert small.indices("train+val").size == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sequences": 5_001}, "at most 5,000 sequences of 2 digits, not 5,001"),
        ({"digits": 3, "sequences": 3_334}, "at most 3,333 sequences of 3 digits"),
        ({"motion": "angle"}, "set draws=seeded"),
        ({"motion": "angel", "draws": "seeded"}, "did you mean 'angle'"),
        ({"overlay": "add"}, "'overlay' cannot be 'add'"),
        ({"step": 0.2}, "'step' has no effect"),
        ({"motion": "angle", "draws": "seeded", "max_speed": 3}, "'max_speed' has no effect"),
        ({"canvas": 28}, "'canvas' must lie between 29"),
        ({"val_digits": 0}, "val_digits above 0"),
        ({"frames": 1}, "'frames' must lie between 2"),
        ({"frames": 100_000, "canvas": 4_096}, "100,000 frames of 4096 x 4096 needs 1,677,722 MB, more than 4,000 MB"),
        ({"frames": 1_000, "canvas": 2_001}, "one sequence of 1,000 frames of 2001 x 2001 needs 4,004 MB, more than"),
        ({"digits": 0}, "'digits' must lie between 1"),
    ],
)
def test_settings_that_cannot_work_are_refused_in_one_sentence(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(StbenchError) as error:
        moving_mnist.parameters(**settings)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_the_digest_is_independent_of_workers_and_the_store_says_simulated(blueprint: Any, tmp_path: Path) -> None:
    made = blueprint(sequences=10, train_sequences=60, val_sequences=10, frames=100)
    assert made.n_sequences > made.sequences_per_shard
    stores = [generate(made, tmp_path / f"{workers}.zarr", workers=workers) for workers in (1, 3)]
    assert stores[0].digest == stores[1].digest
    store = open_store(tmp_path / "1.zarr")
    assert store.source == "simulated"
    assert "simulated" in store.card.title
    assert "Simulated" in store.card.summary
    frames = store.read(0)
    assert frames.dtype == np.uint8
    assert np.array_equal(frames, made.produce(0, 1)["frames"][0])
    normalised = store.normalise(frames)
    assert normalised.dtype == np.float32
    assert np.array_equal(normalised, frames.astype(np.float32) / np.float32(255))
    assert np.array_equal(store.denormalise(normalised).round(), frames)
    assert np.array_equal(store.read(3, variable="digit_image"), made.produce(3, 4)["digit_image"][0])


def test_a_wrong_official_file_stops_generation_before_anything_is_written(
    small_files: DigitFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "stores"))
    raw = tmp_path / "raw"
    raw.mkdir()
    for spec, path in zip(digits_module.OFFICIAL, small_files.paths, strict=True):
        (raw / spec.name).write_bytes(path.read_bytes())
    parameters = moving_mnist.parameters(**SMALL)
    assert moving_mnist.sources(raw) == ("official", "simulated")
    made = moving_mnist.blueprint(parameters, "official", raw)
    with pytest.raises(StbenchError) as error:
        generate(made, tmp_path / "out.zarr")
    assert "t10k-images-idx3-ubyte has the md5" in str(error.value)
    assert not list(tmp_path.glob("out.zarr*"))
    (raw / digits_module.OFFICIAL[1].name).unlink()
    assert moving_mnist.sources(raw) == ("simulated",)
    with pytest.raises(StbenchError, match="but not train-labels-idx1-ubyte"):
        moving_mnist.blueprint(parameters, "official", raw)
    with pytest.raises(StbenchError, match="but not train-labels-idx1-ubyte"):
        resolve("moving-mnist", SMALL, "official", raw)
    with pytest.raises(StbenchError, match="but not train-labels-idx1-ubyte"):
        resolve("moving-mnist", SMALL, "auto", raw)
    monkeypatch.setenv("STBENCH_RAW", str(raw))
    assert resolve("moving-mnist", SMALL, "auto").source == "simulated"
    with pytest.raises(StbenchError, match="not 'procedural'"):
        moving_mnist.blueprint(parameters, "procedural", raw)


def test_the_official_test_set_is_the_published_one_on_real_digits() -> None:
    raw = raw_dir()
    if raw is None or not (raw / "mnist").is_dir():
        pytest.skip("the real MNIST files are not here (STBENCH_RAW)")
    files = official_files("moving-mnist", raw)
    images, labels = files.load("test")
    assert labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]  # the first digits of the MNIST test file
    made = Sequences(moving_mnist.parameters(), files).produce("test", 0, 3, 100)
    drawn = official_draws(42, 10_000, 5_000, 2, 36, 4)
    assert np.array_equal(made["digit_index"], drawn.digit_index[:3])
    assert np.array_equal(made["digit_label"], labels[drawn.digit_index[:3]])
    for sequence in range(3):
        frames = naive(images[drawn.digit_index[sequence]], made["position"][sequence], 64, "sum")
        assert np.array_equal(made["frames"][sequence, :, 0], frames)


@pytest.mark.parametrize("generator", [moving_mnist, moving_mnist_angle])
def test_every_track_has_one_test_window_per_sequence(generator: MovingMnist) -> None:
    frames = generator.parameters().frames
    for track in generator.tracks:
        assert track.conditioning + track.horizon <= frames < track.conditioning + track.horizon + track.stride
