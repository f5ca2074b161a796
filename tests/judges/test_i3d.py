"""FVD without its weights: preprocessing against plain NumPy, the mathematics on a stand-in network, refusals."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from stbench.cli.main import cli
from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.judges import i3d
from stbench.metrics.frechet import frechet_distance
from stbench.protocols.videos import Videos
from stbench.running.plan import find_track

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")


class Averages(torch.nn.Module):
    """400 numbers of a clip, called as the published network is."""

    def forward(self, x: torch.Tensor, rescale: bool, resize: bool, return_features: bool) -> torch.Tensor:
        if rescale or resize or not return_features:
            raise ValueError("frames are scaled and resized before, and logits are wanted")
        return x[:, :, :, ::23, ::28].mean(dim=1).reshape(x.shape[0], -1)[:, :400] + 0.0


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A TorchScript file whose checksum is taken for the right one."""
    path = tmp_path / "stand_in.pt"
    torch.jit.script(Averages()).save(str(path))  # type: ignore[no-untyped-call]
    monkeypatch.setattr(i3d, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def clips(seed: int, n: int = 6, channels: int = 3, side: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 10, channels, side, side)).astype(np.float32)


def stretched_by_hand(image: np.ndarray) -> np.ndarray:
    """(y, x) -> (224, 224): four neighbours, weights from the place i H / 224."""
    height, width = image.shape
    out = np.empty((224, 224))
    for i in range(224):
        y, top = i * height / 224, i * height // 224
        bottom = min(top + 1, height - 1)
        for j in range(224):
            x, left = j * width / 224, j * width // 224
            right = min(left + 1, width - 1)
            upper = image[top, left] * (1 - x + left) + image[top, right] * (x - left)
            lower = image[bottom, left] * (1 - x + left) + image[bottom, right] * (x - left)
            out[i, j] = upper * (1 - y + top) + lower * (y - top)
    return out


def test_frames_reach_the_network_as_bytes_stretched_without_half_pixel_centres() -> None:
    clip = clips(0, n=1, side=20)[:, :, :, :14]
    found = i3d.network_input(clip)
    assert found.shape == (1, 3, 10, 224, 224)
    expected = stretched_by_hand(np.rint(clip[0, 4, 1].astype(np.float64) * 255)) / 127.5 - 1
    np.testing.assert_allclose(found[0, 1, 4], expected, atol=1e-6)


def test_grey_frames_are_repeated_values_clipped_and_frames_of_the_right_size_left_alone() -> None:
    clip = np.full((1, 10, 1, 224, 224), 0.2, np.float32)
    clip[0, 0, 0, 0, :2] = -3, 7
    found = i3d.network_input(clip)
    np.testing.assert_array_equal(found[:, 0], found[:, 2])
    assert found[0, 0, 0, 0, :3].tolist() == pytest.approx([-1, 1, 51 / 127.5 - 1])


def test_fvd_is_the_frechet_distance_of_the_networks_logits(weights: Path) -> None:
    network = i3d.load_i3d(weights)
    made, real = clips(1), clips(2)
    logits = [network.features(each) for each in (made, real)]
    assert logits[0].shape == (6, 400)
    assert logits[0].dtype == np.float64
    videos = Videos(Track("toy", "generation", 4, 10, 4, ("mse", "fvd")), network)
    videos.add(made[:4], real[:4])
    videos.add(made[4:], real[4:])
    assert videos.whole["fvd"].value == pytest.approx(frechet_distance(*logits), rel=1e-9)
    assert videos.whole["fvd"].value > 0


def test_there_is_no_fvd_without_weights_or_on_a_track_that_does_not_ask(weights: Path) -> None:
    for track, network in (
        (Track("toy", "generation", 4, 10, 4, ("mse", "fvd")), None),
        (Track("toy", "generation", 4, 10, 4, ("mse",)), i3d.load_i3d(weights)),
    ):
        videos = Videos(track, network)
        videos.add(clips(1), clips(2))
        assert videos.whole == {}


def test_tracks_that_ask_for_fvd_have_enough_frames_for_the_network() -> None:
    for dataset, name in (("sprites", "generation-16"), ("mug", "generation-16"), ("kth", None)):
        track = find_track(dataset, name)
        assert "fvd" in track.metrics
        assert track.horizon >= i3d.FEWEST_FRAMES


@pytest.mark.parametrize("shape", [(2, 9, 3, 20, 20), (2, 10, 2, 20, 20), (2, 10, 20)])
def test_clips_the_network_cannot_see_are_refused(weights: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(StbenchError, match="at least 10 frames"):
        i3d.load_i3d(weights).features(np.zeros(shape, np.float32))


def test_one_clip_has_no_distance(weights: Path) -> None:
    videos = Videos(Track("toy", "generation", 4, 10, 4, ("fvd",)), i3d.load_i3d(weights))
    videos.add(clips(1, n=1), clips(2, n=1))
    with pytest.raises(StbenchError, match="at least two clips"):
        _ = videos.whole


def test_weights_of_another_checksum_are_refused_before_anything_in_them_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "i3d_torchscript.pt"
    torch.jit.script(Averages()).save(str(path))  # type: ignore[no-untyped-call]

    def run(*_: Any, **__: Any) -> None:
        raise AssertionError("an unchecked program was loaded")

    monkeypatch.setattr(torch.jit, "load", run)
    with pytest.raises(StbenchError, match=r"not the network that defines FVD.*51235320 bytes.*dropbox"):
        i3d.load_i3d(path)


@pytest.mark.parametrize("by_environment", [True, False])
def test_missing_weights_end_a_run_with_one_sentence_that_says_where_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_environment: bool
) -> None:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "data"))
    missing = tmp_path / "nowhere.pt"
    words = ["run", "--model", "persistence", "--dataset", "sprites", "--track", "generation-16", "--source"]
    words += ["simulated", "--set", "characters=20", "--out", str(tmp_path / "runs"), "--no-table"]
    if by_environment:
        monkeypatch.setenv("STBENCH_I3D", str(missing))
    else:
        words += ["--i3d", str(missing)]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 2
    assert "i3d_torchscript.pt" in result.output.replace("\n", "")
    assert "Traceback" not in result.output
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_run_with_weights_has_an_fvd_row_and_says_which_network(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stbench.running.run import run
    from stbench.running.suite import Job, floors

    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(i3d.I3D, "sha256", i3d.SHA256)
    asked: Any = {"track": "generation-16", "source": "simulated", "settings": {"characters": "20"}}
    asked["runs"] = tmp_path / "runs"
    without = run("persistence", "sprites", **asked)
    assert "fvd" not in (without.folder / "results.csv").read_text()
    result = run("persistence", "sprites", i3d=weights, **asked)
    assert not result.reused
    rows = [line for line in (result.folder / "results.csv").read_text().splitlines() if ",fvd," in line]
    assert len(rows) == 1
    assert result.record.code["i3d"] == i3d.SHA256
    assert f"--i3d {weights}" in result.record.command
    assert run("persistence", "sprites", i3d=weights, **asked).reused
    assert run("persistence", "sprites", **asked).reused, "what was scored with more is as good"
    beside = Job("hamiltonian", "sprites", "quick", "generation-16", "simulated", asked["settings"], i3d=weights)
    assert {job.i3d for job in floors(beside)} == {weights}
