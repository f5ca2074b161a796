from __future__ import annotations

import dataclasses
import hashlib
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from stbench import registry
from stbench.errors import StbenchError
from stbench.pictures import colours, forecasts
from stbench.pictures.colours import colour_scale, line_style
from stbench.pictures.forecasts import Curve, error_against_lead_time, forecast_strip, preview, swap_grid

AMBER = (0xB4, 0x53, 0x09)


@dataclasses.dataclass(frozen=True)
class FakeStore:
    """What a preview asks of a store."""

    frames: np.ndarray
    source: str = "procedural"
    places: bool = False
    dataset: str = "waves"
    version: str = "7"
    path: Path = Path("waves.zarr")
    row_size: np.ndarray | None = None

    @property
    def n_sequences(self) -> int:
        return len(self.frames)

    @property
    def n_frames(self) -> int:
        return int(self.frames.shape[1])

    def read(self, sequence: int) -> np.ndarray:
        return np.asarray(self.frames[sequence])

    def to_xarray(self) -> xr.Dataset:
        coords: dict[str, Any] = {"time": ("time", np.arange(self.n_frames) * 0.25, {"units": "s"})}
        if self.places:
            n = self.frames.shape[2]
            coords |= {"y": ("sensor", np.arange(n) * 2.0), "x": ("sensor", np.arange(n) % 3 * 5.0)}
        return xr.Dataset(coords=coords)


def _waves(sequences: int = 3, time: int = 12, channels: int = 1) -> np.ndarray:
    y, x = np.mgrid[:16, :16]
    phase = np.arange(sequences)[:, None, None, None] + np.arange(time)[:, None, None] / 3
    frames = 0.5 + 0.5 * np.sin(phase + 0.4 * x) * np.cos(0.2 * y)
    return np.repeat(frames[:, :, None], channels, axis=2).astype(np.float32)


def _curve(value: list[float], *, floor: bool = False) -> Curve:
    array = np.array(value)
    return Curve("a model", array, array * 0.9, array * 1.1, floor)


def _has(path: Path, colour: tuple[int, int, int], tolerance: int) -> bool:
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return bool((np.abs(pixels - colour).max(axis=-1) <= tolerance).any())


Draw = Callable[[Path, str], Path]


def _draw_curves(out: Path, source: str) -> Path:
    return error_against_lead_time(
        [_curve([1e-5, 1e-3]), _curve([0.1, 0.2], floor=True)], out, metric="mse", source=source
    )


def _draw_images(out: Path, source: str) -> Path:
    frames = _waves()[0]
    return forecast_strip(frames[:3], frames[3:], {"a": frames[2:-1]}, out, lead_times=[1, 5], title="t", source=source)


def _draw_colours(out: Path, source: str) -> Path:
    frames = _waves(channels=3)[0]
    return forecast_strip(frames[:1], frames[3:], {"a": frames[2:-1]}, out, lead_times=[1], source=source)


def _draw_vectors(out: Path, source: str) -> Path:
    frames = _waves()[0].reshape(12, 256)
    return forecast_strip(frames[:3], frames[3:], {"a": frames[2:-1]}, out, source=source)


def _preview_images(out: Path, source: str) -> Path:
    return preview(FakeStore(_waves(), source), out, sequences=2, frames=4)  # type: ignore[arg-type]


def test_a_preview_takes_numbers_of_numpy_and_refuses_those_that_show_nothing(tmp_path: Path) -> None:
    store: Any = FakeStore(_waves())
    asked = {"sequences": np.int64(2), "frames": np.int64(4), "fps": np.int64(5)}
    assert preview(store, tmp_path / "a.gif", **asked).exists()
    assert preview(store, tmp_path / "b.png", sequences=np.array([0, 2]), frames=4).exists()  # type: ignore[arg-type]
    for name in asked:
        for number in (0, -1, 0.5):
            with pytest.raises(StbenchError, match=r"sequence|frames|fps"):
                preview(store, tmp_path / "c.gif", **{**asked, name: number})
    assert not (tmp_path / "c.gif").exists()


def _preview_points(out: Path, source: str) -> Path:
    frames = _waves().reshape(3, 12, 256)[..., :20]
    return preview(FakeStore(frames, source, places=True), out, sequences=2, frames=4)  # type: ignore[arg-type]


def _preview_lines(out: Path, source: str) -> Path:
    return preview(FakeStore(_waves().reshape(3, 12, 256), source), out, sequences=2, frames=4)  # type: ignore[arg-type]


DRAWINGS = [
    *((draw, ".png") for draw in (_draw_curves, _draw_images, _draw_colours, _draw_vectors)),
    *((draw, suffix) for draw in (_preview_images, _preview_points, _preview_lines) for suffix in (".png", ".gif")),
]


@pytest.mark.parametrize(("draw", "suffix"), DRAWINGS)
def test_same_input_gives_same_bytes_and_simulated_data_say_so(tmp_path: Path, draw: Draw, suffix: str) -> None:
    plain = draw(tmp_path / f"plain{suffix}", "procedural")
    again = draw(tmp_path / f"again{suffix}", "procedural")
    stand_in = draw(tmp_path / f"stand-in{suffix}", "simulated")
    assert plain.read_bytes() == again.read_bytes()
    assert stand_in.read_bytes() != plain.read_bytes()
    tolerance = 40 if suffix == ".gif" else 3
    assert _has(stand_in, AMBER, tolerance)
    if draw in (_preview_images, _draw_curves):  # no colour of their own comes near
        assert not _has(plain, AMBER, tolerance)


def test_colours_in_bytes_and_in_shares_are_drawn_alike(tmp_path: Path) -> None:
    frames = np.empty((8, 3, 16, 16), np.float32)
    frames[:] = np.array([200, 60, 20], np.float32)[:, None, None]
    for draw in (_strip, _swap):
        stored, shares = draw(tmp_path / "bytes.png", frames), draw(tmp_path / "shares.png", frames / 255)
        assert _has(stored, (200, 60, 20), 1)
        assert _has(shares, (200, 60, 20), 1)


def _strip(out: Path, frames: np.ndarray) -> Path:
    return forecast_strip(frames[:2], frames[2:], {"a": frames[2:]}, out)


def _swap(out: Path, frames: np.ndarray) -> Path:
    return swap_grid(frames[:2], frames[:2], frames[2:], {"a": frames[2:]}, out)


def test_png_has_no_time_and_no_software_inside(tmp_path: Path) -> None:
    with Image.open(_draw_curves(tmp_path / "a.png", "")) as picture:
        assert not {"Software", "date", "Creation Time"} & set(picture.info)


def test_gif_moves_and_loops_over_the_sequences_asked_for(tmp_path: Path) -> None:
    store: Any = FakeStore(_waves(sequences=5, time=30))
    path = preview(store, tmp_path / "a.gif", sequences=[0, 4], frames=10)
    with Image.open(path) as picture:
        assert picture.n_frames == 10  # type: ignore[attr-defined]
        assert picture.info["loop"] == 0
        first = np.asarray(picture.convert("RGB"))
        picture.seek(5)
        assert (np.asarray(picture.convert("RGB")) != first).mean() > 0.1
    wider = preview(store, tmp_path / "b.gif", sequences=3, frames=2)
    with Image.open(path) as one, Image.open(wider) as other:
        assert other.size[0] > one.size[0]


def test_tiles_of_coloured_frames_keep_their_pixels(tmp_path: Path) -> None:
    frames = np.zeros((1, 2, 3, 4, 4), np.float32)
    frames[0, :, 0, 1, 2] = 1.0
    path = preview(FakeStore(frames), tmp_path / "a.png")  # type: ignore[arg-type]
    pixels = np.asarray(Image.open(path))
    assert (pixels == (255, 0, 0)).all(axis=-1).sum() == 2 * 44**2  # two frames, enlarged 44 times


@pytest.mark.parametrize("channels", [1, 3])
def test_bytes_are_shown_as_they_are(tmp_path: Path, channels: int) -> None:
    frames = np.full((1, 2, channels, 4, 4), 90, np.uint8)
    frames[0, :, 0, 1, 2] = 201
    path = preview(FakeStore(frames), tmp_path / "a.png")  # type: ignore[arg-type]
    pixels = np.asarray(Image.open(path))
    shown = (201, 201, 201) if channels == 1 else (201, 90, 90)
    assert (pixels == shown).all(axis=-1).sum() == 2 * 44**2


def test_a_sequence_that_is_over_stands_still_and_a_strip_goes_to_its_last_frame(tmp_path: Path) -> None:
    frames = np.zeros((2, 9, 1, 4, 4), np.uint8)
    frames[0] += np.arange(10, 100, 10, dtype=np.uint8)[:, None, None, None]
    frames[1, :3] += np.array([11, 22, 33], np.uint8)[:, None, None, None]

    @dataclasses.dataclass(frozen=True)
    class Ragged(FakeStore):
        def read(self, sequence: int) -> np.ndarray:
            return np.asarray(self.frames[sequence, : (9, 3)[sequence]])

    store: Any = Ragged(frames, row_size=np.array([9, 3]))
    with Image.open(preview(store, tmp_path / "a.gif")) as picture:
        assert picture.n_frames == 9  # type: ignore[attr-defined]
        picture.seek(8)
        last = np.asarray(picture.convert("RGB")).astype(int)
        assert (np.abs(last - 33).max(axis=-1) <= 6).sum() >= 176**2
    strip = np.asarray(Image.open(preview(store, tmp_path / "a.png", frames=3)))
    for value in (10, 50, 90, 11, 22, 33):
        assert (strip == value).all(axis=-1).sum() == 176**2


@pytest.mark.parametrize("name", ["a.mp4", "a", "a.jpeg"])
def test_another_kind_of_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StbenchError, match=r"\.gif or \.png"):
        preview(FakeStore(_waves()), tmp_path / name)  # type: ignore[arg-type]
    with pytest.raises(StbenchError, match=r"\.png or \.svg"):
        _draw_curves(tmp_path / name, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sequences", [[3], [-1]])
def test_a_sequence_that_is_not_there_is_refused(tmp_path: Path, sequences: list[int]) -> None:
    with pytest.raises(StbenchError, match="it has 0 to 2"):
        preview(FakeStore(_waves()), tmp_path / "a.gif", sequences=sequences)  # type: ignore[arg-type]


def test_a_forecast_of_another_shape_is_refused(tmp_path: Path) -> None:
    frames = _waves()[0]
    with pytest.raises(StbenchError, match="cannot be drawn side by side"):
        forecast_strip(frames[:3], frames[3:], {"a": frames}, tmp_path / "a.png")


def test_zero_and_infinite_values_leave_a_gap(tmp_path: Path) -> None:
    nan, inf = float("nan"), float("inf")
    for value in ([0.0, 1e-5, 1e-2], [1e-5, 0.0, 1e-2, 1e-2], [1.0, inf, 2.0, 2.0], [inf] * 3):
        gaps = [nan if each in (0, inf) else each for each in value]
        drawn = [
            error_against_lead_time([_curve(each)], tmp_path / f"{k}.png", metric="mse").read_bytes()
            for k, each in enumerate((value, gaps))
        ]
        assert drawn[0] == drawn[1], value


def test_zeros_alone_and_a_single_value_are_drawn(tmp_path: Path) -> None:
    for value in ([0.0] * 3, [1.0]):
        assert error_against_lead_time([_curve(value)], tmp_path / "a.png", metric="mse").is_file()


@pytest.mark.parametrize(("letters", "columns"), [(5, 3), (18, 3), (28, 2)])
def test_a_legend_lies_within_the_picture(monkeypatch: pytest.MonkeyPatch, letters: int, columns: int) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(forecasts, "save", lambda figure, out: drawn.append(figure) or out)
    curves = [dataclasses.replace(_curve([1.0, 2.0]), label=f"{k}".rjust(letters, "e")) for k in range(13)]
    error_against_lead_time(curves, Path("a.png"), metric="mse")
    (legend,) = drawn[0].legends
    assert legend.get_window_extent().width <= drawn[0].bbox.width
    assert legend._ncols == columns


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (np.r_[np.full(500, 0.46), np.linspace(0, 1, 500)], "RdBu_r"),
        (np.r_[np.zeros(800), np.linspace(0, 1, 200)], "magma"),
        (np.r_[np.full(500, 117), np.arange(256)] / 255, "gray"),
        (np.r_[np.full(500, 117.4), np.arange(256)] / 255, "RdBu_r"),
        (np.linspace(270, 300, 1000), "viridis"),
        (np.full(10, 3.0), "viridis"),
    ],
)
def test_colour_scale_follows_the_background(values: np.ndarray, name: str) -> None:
    scale = colour_scale(values)
    assert scale.name == name
    assert scale.low < scale.high
    if name == "RdBu_r":
        assert (scale.low + scale.high) / 2 == pytest.approx(0.46, abs=0.02)


@pytest.mark.slow
def test_a_swap_is_drawn_with_content_motion_truth_and_every_model(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).random((4, 10, 1, 12, 12))
    content, motion, target, prediction = frames[0, :5], frames[1, :5], frames[2], frames[3]
    shown = {"content": content, "motion": motion, "target": target}
    models = {"one": prediction, "other": target}

    def drawn(shown: Any, models: Any) -> bytes:
        return swap_grid(*shown.values(), models, tmp_path / "a.png", title="swap", source="simulated").read_bytes()

    first = drawn(shown, models)
    assert drawn(shown, models) == first
    for name, frames in shown.items():
        assert drawn({**shown, name: frames[::-1]}, models) != first, name
    for name, frames in models.items():
        assert drawn(shown, {**models, name: frames[::-1]}) != first, name


def test_no_two_listed_models_and_no_two_listed_floors_look_alike() -> None:
    listed = tomllib.loads((Path(colours.__file__).parent / "styles.toml").read_text())
    models = [name for name in listed["models"] if ":" not in name]
    for names, floor in ((models, False), (listed["floors"], True)):
        styles = {line_style(name, floor) for name in names}
        assert len({(each.hex, each.dashes) for each in styles}) == len(names), "told apart by colour and dash"
    assert len({line_style(name, True).dashes for name in listed["floors"]}) == len(listed["floors"])
    learned = {name for name in registry.names("models") if not registry.model(name).floor}
    assert {*models} == learned, "what is drawn stays as it is only if it is listed"


@pytest.mark.parametrize("dataset", registry.names("datasets"))
def test_no_two_models_or_variants_that_can_meet_on_a_board_look_alike(dataset: str) -> None:
    looks: dict[tuple[str, tuple[float, ...]], str] = {}
    for model in registry.names("models"):
        presets = registry.model(model).presets(dataset)
        for name in [model, *(f"{model}:{each}" for each in presets.get("variants", {}))] if presets else []:
            style = line_style(name, False)
            other = looks.setdefault((style.hex, style.dashes), name)
            assert other == name, f"{name} looks like {other}: give it a line of its own in styles.toml"
    assert looks


def test_the_style_of_a_line_that_is_not_listed_follows_from_its_name() -> None:
    assert line_style("mine", False) == line_style("mine", False)
    # Eight bytes of the SHA-256 of "mine", by hand.
    number = int(hashlib.sha256(b"mine").hexdigest()[:16], 16) % 54
    assert (line_style("mine", False).colour, line_style("mine", False).dash) == (number % 6, number // 6)
    variant = line_style("sepvar:of-mine", False)
    assert variant.colour == line_style("sepvar", False).colour
    assert variant.dash > 0, "the solid line is the model's"
    assert line_style("naive", True).floor
