"""`stbench picture` on a hardly trained model of simulated sprites."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from stbench import registry
from stbench.cli.main import cli
from stbench.contract.models import ModelPlugin
from stbench.errors import StbenchError
from stbench.pictures import clips, forecasts
from stbench.running.clip_pictures import draw_clips
from stbench.running.picture import _clips_made, picture
from stbench.running.plan import choose_trained, find_track
from stbench.running.run import run
from stbench.running.swap_pictures import ToSwap, _content_change
from stbench.store.build import build, resolve

TINY = {"characters": "12"}
SUFFIXES = (".png", ".gif")
WAVES = {"sequences": "12", "points": "120"}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    """Every quick training takes two steps."""
    find = registry.model

    def shortened(name: str) -> ModelPlugin:
        original = find(name)

        def presets(dataset: str) -> dict[str, Any]:
            tables = json.loads(json.dumps(original.presets(dataset)))
            if "quick" in tables:
                tables["quick"]["training"] |= {"steps": 2}
            return tables

        return dataclasses.replace(original, presets=presets)

    monkeypatch.setattr(registry, "model", shortened)


@pytest.mark.slow
def test_pictures_are_drawn_from_the_weights_a_run_left(tmp_path: Path) -> None:
    run("hamiltonian", "sprites", source="simulated", settings=TINY, runs=tmp_path / "runs", keep=0)
    drawn = picture(
        "hamiltonian",
        "sprites",
        tmp_path / "out",
        source="simulated",
        settings=TINY,
        runs=tmp_path / "runs",
    )
    names = {"generated", "motion-swap", "all-actions", "all-actions-drawn", "unconditional"}
    begin = "hamiltonian-sprites-simulated"
    assert {path.name for path in drawn} == {f"{begin}-{name}{suffix}" for name in names for suffix in SUFFIXES}
    assert all(path.stat().st_size < 2**20 for path in drawn)


@pytest.mark.slow
def test_a_model_that_is_told_no_action_shows_the_clips_it_makes(tmp_path: Path) -> None:
    words: dict[str, Any] = {"source": "simulated", "settings": TINY, "runs": tmp_path / "runs"}
    run("dsvae", "sprites", keep=0, **words)
    drawn = picture("dsvae", "sprites", tmp_path / "out", **words)
    names = {"generated", "motion-swap"}
    begin = "dsvae-sprites-simulated"
    assert {path.name for path in drawn} == {f"{begin}-{name}{suffix}" for name in names for suffix in SUFFIXES}


@pytest.mark.parametrize(
    ("model", "makes"),
    [
        ("hamiltonian", {"generation", "exchange", "sample"}),
        ("hamiltonian:unconditioned", {"generation", "exchange"}),
        ("mocogan:encoder", {"generation", "exchange", "sample"}),
        ("mocogan", {"sample"}),
    ],
)
def test_what_a_model_cannot_make_is_not_asked(model: str, makes: set[str]) -> None:
    assert _clips_made(choose_trained(model, "sprites")) == makes


def test_a_picture_tells_a_model_no_more_of_an_exchange_than_the_track_does(tmp_path: Path) -> None:
    told: list[Any] = []

    class Model:
        module = None

        def transfer(self, content: np.ndarray, motion: np.ndarray, length: int, factors: Any) -> np.ndarray:
            told.append(factors)
            return content

    store = build(resolve("sprites", {"characters": 12}, "simulated"))
    model: Any = Model()
    drawn = draw_clips(model, store, find_track("sprites", "exchange-8"), tmp_path / "a.model", "a model", {"exchange"})
    assert [path.name for path in drawn] == ["a.model-motion-swap.png", "a.model-motion-swap.gif"]
    assert told == [{}]


def test_the_picture_of_one_first_frame_shows_a_model_no_later_one(tmp_path: Path) -> None:
    """As in Figure 4 of the paper: later frames would tell the content the clip's own action."""
    shown: list[np.ndarray] = []

    class Model:
        module = None

        def generate(self, clip: np.ndarray, length: int, factors: Any) -> np.ndarray:
            shown.append(clip)
            return np.repeat(clip[:, :1], length, 1)

        def sample(self, clip: np.ndarray, length: int, factors: Any, seed: int) -> np.ndarray:
            return clip

    store = build(resolve("sprites", {"characters": 12}, "simulated"))
    model: Any = Model()
    makes = {"generation", "sample"}
    drawn = draw_clips(model, store, find_track("sprites", "exchange-8"), tmp_path / "a", "a model", makes)
    assert {path.stem for path in drawn} == {"a-generated", "a-all-actions", "a-all-actions-drawn"}
    (clips, *firsts) = shown
    assert (clips != clips[:, :1]).any()
    assert all(np.array_equal(each, np.repeat(each[:, :1], each.shape[1], 1)) for each in firsts)
    assert np.array_equal(np.concatenate(firsts[::3])[:, 0], clips[:, 0])


def test_without_weights_the_command_that_trains_them_is_named(tmp_path: Path) -> None:
    words = ["picture", "--model", "hamiltonian", "--dataset", "sprites", "--source", "simulated"]
    words += ["--set", "characters=12", "--runs", str(tmp_path / "none"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 2
    assert "stbench run --model hamiltonian --dataset sprites --preset quick" in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_model_that_swaps_is_drawn_as_every_content_in_every_motion(tmp_path: Path) -> None:
    settings = {"sequences": "12", "train_sequences": "20", "val_sequences": "2"}
    run("sepvar", "moving-mnist", source="simulated", settings=settings, runs=tmp_path / "runs", keep=0)
    drawn = picture(
        "sepvar", "moving-mnist", tmp_path / "out", source="simulated", settings=settings, runs=tmp_path / "runs"
    )
    assert {path.name for path in drawn} == {f"sepvar-moving-mnist-simulated-swap-grid{suffix}" for suffix in SUFFIXES}
    assert all(path.stat().st_size < 2**20 for path in drawn)


def test_dataset_without_swap_cases_has_its_grid_in_the_colours_of_its_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grids: list[Any] = []
    monkeypatch.setattr(clips, "fusion_grid", lambda *arrays, **words: grids.append(arrays) or [])
    run("sepvar", "waveeq-rich", settings=WAVES, runs=tmp_path / "runs", keep=0)
    picture("sepvar", "waveeq-rich", tmp_path / "out", settings=WAVES, runs=tmp_path / "runs")
    ((content, motion, made, _),) = grids
    assert made.shape[:4] == (len(content), *motion.shape[:2], 3)
    assert all(each.min() >= 0 and each.max() <= 1 for each in (content, motion, made))
    used = np.concatenate([content, motion[:, 0]]).reshape(len(content) + len(motion), -1)
    assert len(np.unique(used, axis=0)) == len(used)


def test_sensors_have_no_grid_and_show_how_far_another_content_moves_a_forecast(tmp_path: Path) -> None:
    run("sepvar", "waveeq-100", settings=WAVES, runs=tmp_path / "runs", keep=0)
    drawn = picture("sepvar", "waveeq-100", tmp_path / "out", settings=WAVES, runs=tmp_path / "runs")
    assert [path.name for path in drawn] == [f"sepvar-waveeq-100-content-change{what}.png" for what in ("", "-frames")]
    assert all(path.exists() for path in drawn)


def test_only_contents_of_other_sequences_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    curves: list[Any] = []
    monkeypatch.setattr(forecasts, "error_against_lead_time", lambda found, out, **words: curves.extend(found) or out)
    foreign = np.array([[True, False], [True, True]])
    own = np.zeros((2, 4, 6), np.float32)
    made = np.where(foreign[..., None, None], np.arange(1, 5, dtype=np.float32)[:, None], 99) + np.zeros((2, 2, 4, 6))
    windows = np.zeros((2, 3, 6), np.float32)
    cases = ToSwap(windows, windows, own + 2, foreign)
    _content_change(cases, own, made, tmp_path, "a model", "")
    changed, error = curves
    np.testing.assert_array_equal(changed.value, [1, 2, 3, 4])
    np.testing.assert_array_equal(error.value, [2, 2, 2, 2])
    assert _content_change(ToSwap(windows, windows, own, foreign & False), own, made, tmp_path, "", "") == []


@pytest.mark.parametrize("name", ["mean", "nearest-neighbour"])
def test_what_leaves_no_weights_is_refused_before_any_data_are_made(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "data"))
    with pytest.raises(StbenchError, match=rf"'{name}' has no weights to load: it is fitted in every run"):
        picture(name, "waveeq", tmp_path / "out", settings={"sequences": "7"})
    assert not list(tmp_path.iterdir())


def test_model_that_can_neither_generate_nor_swap_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match="neither makes clips there, which needs 'generate'"):
        picture("convlstm", "taxibj", tmp_path)
