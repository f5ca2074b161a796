"""Pictures of clips: what is where, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stbench.errors import StbenchError
from stbench.pictures.clips import GAP, HEADER, LABEL, SIDE, Row, clip_rows, fusion_grid


def clip(value: float, length: int, channels: int = 3) -> np.ndarray:
    return np.full((length, channels, 16, 16), value, np.float32)


def test_strip_shows_every_frame_of_every_row_at_its_place(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 5, dtype=np.float32)[:, None, None, None] * np.ones((1, 3, 16, 16), np.float32)
    strip, _ = clip_rows([[Row("real", ramp), Row("made", clip(1.0, 3))]], tmp_path / "x", title="t")
    picture = np.asarray(Image.open(strip).convert("RGB"))
    for k in range(5):
        middle = picture[HEADER + GAP + 8, LABEL + k * (16 + GAP) + 8]
        np.testing.assert_array_equal(middle, round(255 * ramp[k, 0, 0, 0].item()))
    below = HEADER + GAP + 16 + GAP + 8
    for k in range(3):
        assert (picture[below, LABEL + k * (16 + GAP) + 8] == 255).all()


def test_film_has_a_picture_a_frame_and_shorter_rows_start_again(tmp_path: Path) -> None:
    short = np.stack([clip(0.0, 1)[0], clip(1.0, 1)[0]])
    moving = np.linspace(0, 1, 6, dtype=np.float32)[:, None, None, None] * np.ones((1, 1, 16, 16), np.float32)
    _, film = clip_rows([[Row("long", moving), Row("short", short)]], tmp_path / "x", title="t")
    with Image.open(film) as pictures:
        assert pictures.n_frames == 6
        seen = []
        for k in range(6):
            pictures.seek(k)
            x = GAP + 1 * (96 + GAP) + 10
            seen.append(int(np.asarray(pictures.convert("L"))[HEADER + 30, x]) > 127)
    assert seen == [False, True] * 3


def test_same_clips_give_the_same_bytes_and_simulated_is_written_on_them(tmp_path: Path) -> None:
    groups = [[Row("real", clip(0.2, 3))]]
    one = clip_rows(groups, tmp_path / "a", title="t", source="simulated")
    other = clip_rows(groups, tmp_path / "b", title="t", source="simulated")
    official = clip_rows(groups, tmp_path / "c", title="t", source="official")
    for first, second, third in zip(one, other, official, strict=True):
        assert first.read_bytes() == second.read_bytes()
        assert first.read_bytes() != third.read_bytes()


def test_values_outside_the_range_are_cut(tmp_path: Path) -> None:
    strip, _ = clip_rows([[Row("x", clip(7.0, 1)), Row("y", clip(-3.0, 1))]], tmp_path / "x", title="t")
    picture = np.asarray(Image.open(strip).convert("RGB"))
    assert (picture[HEADER + GAP + 8, LABEL + 8] == 255).all()
    assert (picture[HEADER + 2 * GAP + 24, LABEL + 8] == 0).all()


def test_nothing_to_draw_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match="no clips"):
        clip_rows([], tmp_path / "x", title="t")


def shades(*shape: int) -> np.ndarray:
    """(*shape, 1, 16, 16): a grey of its own for every picture."""
    n = int(np.prod(shape))
    return np.linspace(0, 1, n, dtype=np.float32).reshape(*shape, 1, 1, 1) * np.ones((1, 16, 16), np.float32)


def test_grid_shows_contents_down_motions_across_and_each_pair_where_they_meet(tmp_path: Path) -> None:
    content, motion, made = shades(2), shades(3, 4), shades(2, 3, 4)
    still, film = fusion_grid(content, motion, made, tmp_path / "x", title="t")
    picture = np.asarray(Image.open(still).convert("L")).astype(int)
    side, corner = SIDE, (GAP + SIDE + 3 * GAP, HEADER + SIDE + 3 * GAP)

    def grey(value: float) -> int:
        return round(255 * value)

    for row in range(2):
        assert picture[corner[1] + row * (side + GAP) + 9, GAP + 9] == grey(float(content[row, 0, 0, 0]))
        for column in range(3):
            place = corner[1] + row * (side + GAP) + 9, corner[0] + column * (side + GAP) + 9
            assert picture[place] == grey(float(made[row, column, -1, 0, 0, 0]))
    for column in range(3):
        assert picture[HEADER + 9, corner[0] + column * (side + GAP) + 9] == grey(float(motion[column, -1, 0, 0, 0]))
    with Image.open(film) as pictures:
        assert pictures.n_frames == 4


def test_grid_of_other_shapes_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match="a grid of 2 contents"):
        fusion_grid(shades(2), shades(3, 4), shades(3, 2, 4), tmp_path / "x", title="t")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "title", ["W" * 120, "sepvar:ode-rk4 on moving-mnist-angle, preset paper: sequences from their first frame"]
)
def test_no_title_is_cut(title: str, tmp_path: Path) -> None:
    """Right of a whole title is white."""
    ones = np.ones((1, 2, 3, 16, 16))
    drawn = [
        *clip_rows([[Row("a", clip(1.0, 2))]], tmp_path / "rows", title=title),
        *fusion_grid(ones[:, 0], ones, ones[None], tmp_path / "grid", title=title),
    ]
    for path in drawn:
        head = np.asarray(Image.open(path).convert("L"))[: HEADER // 2 + 4]
        assert (head[:, -GAP:] > 250).all(), path
        assert (head < 128).any(), path
