"""What users hand to functions and commands: a value that fits, or one sentence that names it, at the door."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import stbench
from stbench import arguments
from stbench.cli.main import cli
from stbench.errors import StbenchError
from stbench.store.build import build, resolve


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sequences of 300 frames and 100 sensors."""
    blueprint = resolve("waveeq-100", {"sequences": 10})
    return build(blueprint, tmp_path_factory.mktemp("stores") / "w.zarr", workers=1).path


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The sentence of a command that cannot be done, which leaves nothing behind."""
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("STBENCH_RAW", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*words: Any) -> str:
        result = CliRunner().invoke(cli, [str(each) for each in words])
        assert result.exit_code == 2, (result.output, result.exception)
        assert result.stderr.count("\n") == 1
        assert list(tmp_path.iterdir()) == []
        return result.stderr

    return run


@pytest.mark.parametrize("value", [0, -3, 1.5, "5", True, np.float64(2), np.nan])
@pytest.mark.parametrize("name", ["conditioning", "horizon", "stride"])
def test_lengths_of_windows_are_whole_numbers_of_at_least_one(store: Path, name: str, value: Any) -> None:
    pytest.importorskip("torch")
    with pytest.raises(StbenchError, match=rf"{name} is .*: give a whole number of at least 1"):
        stbench.windows(store, **{name: value})


def test_windows_longer_than_the_sequences_are_told_how_many_frames_there_are(store: Path) -> None:
    pytest.importorskip("torch")
    assert len(stbench.windows(store, "test", np.int64(3), np.uint8(4))) > 0
    frames = stbench.open(store).sizes["time"]
    with pytest.raises(StbenchError, match=rf"no window of 5\+4000 frames: its sequences have {frames}"):
        stbench.windows(store, horizon=4000)


def test_windows_without_torch_say_what_to_install(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "stbench.splits.torch_windows", raising=False)
    with pytest.raises(StbenchError, match=r"pip install '\.\[torch\]'`\), or take numpy batches from"):
        stbench.windows(store)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("s3://bucket/w.zarr", "address of a s3 store"),
        ("gs:/bucket/w.zarr", "address of a gs store"),
        ("https://host/w.zarr", "address of a https store"),
        ("memory://", "address of a memory store"),
        ("file://elsewhere/w.zarr", "a file of the machine 'elsewhere'"),
        ("a\0b", "has a zero byte"),
        ("x" * 300, "longer than 255 bytes"),
        ("~nobody-of-this-name/w.zarr", "is no path here"),
        (b"w.zarr", "a path is a bytes"),
        (3, "a path is 3"),
    ],
)
@pytest.mark.parametrize("door", [stbench.open, stbench.windows, stbench.read_results, arguments.new_place])
def test_what_is_no_path_of_this_machine_is_refused_at_every_door(
    door: Callable[[Any], Any], address: Any, sentence: str
) -> None:
    with pytest.raises(StbenchError, match=sentence):
        door(address)


def test_addresses_of_files_are_paths(store: Path) -> None:
    assert stbench.open(f"file://{store}").sizes == stbench.open(store).sizes
    assert arguments.local_path("file://localhost/a%20b/c") == Path("/a b/c")
    for plain in ("a:b", "./s3:/bucket", "w.zarr", "C:/data"):
        assert arguments.local_path(plain) == Path(plain)


@pytest.mark.parametrize(
    "words",
    [
        ("generate", "waveeq-100", "--set", "sequences=3", "--out", "s3://bucket/w.zarr"),
        ("info", "s3://bucket/w.zarr"),
        ("verify", "gs://bucket/w.zarr"),
        ("generate", "sst", "--raw", "s3://bucket/raw"),
        ("run", "--model", "mean", "--dataset", "waveeq-100", "--out", "s3://bucket/runs"),
        ("run", "--model", "mean", "--dataset", "waveeq-100", "--predictions", "s3://bucket/p.zarr"),
        ("leaderboard", "--runs", "s3://bucket/runs"),
        ("preview", "waveeq-100", "--out", "s3://bucket/a.gif"),
    ],
)
def test_commands_refuse_addresses_and_make_nothing(run: Callable[..., str], words: tuple[str, ...]) -> None:
    assert "is the address of a" in run(*words)


@pytest.mark.parametrize("variable", ["STBENCH_DATA", "STBENCH_RAW"])
def test_folders_of_the_environment_are_no_addresses(
    run: Callable[..., str], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "s3://bucket/folder")
    assert "address of a s3 store" in run("generate", "sst")


def packed(kind: str, folder: Path, out: Path) -> Path:
    if kind == "zip":
        with zipfile.ZipFile(out, "w") as archive:
            archive.write(folder / "zarr.json", "zarr.json")
    else:
        mode: Any = {"tar": "w", "gzip": "w:gz"}[kind]
        with tarfile.open(out, mode) as archive:
            archive.add(folder / "zarr.json", "zarr.json")
    return out


@pytest.mark.parametrize("kind", ["zip", "tar", "gzip"])
def test_an_archive_is_called_so(store: Path, tmp_path: Path, kind: str) -> None:
    with pytest.raises(StbenchError, match=f"is a {kind} archive and not a store: unpack it"):
        stbench.open(packed(kind, store, tmp_path / "w.zarr.archive"))


def test_the_root_is_no_place_for_a_store(run: Callable[..., str], tmp_path: Path) -> None:
    assert "root of all files" in run("generate", "waveeq-100", "--set", "sequences=3", "--out", "/")
    assert arguments.new_place("..") == Path("..").resolve()


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("tls://127.0.0.1:1", "no Dask scheduler at tls://127.0.0.1:1"),
        ("s3://bucket", "is no address of a Dask scheduler"),
        ("tcp://127.0.0.1", "is no address of a Dask scheduler"),
        ("tcp://127.0.0.1:door", "is no address of a Dask scheduler"),
        ("tcp://", "there is no scheduler 'tcp://'"),
        ("thread", "did you mean 'threads'"),
    ],
)
def test_what_is_no_scheduler_ends_in_a_sentence(
    tmp_path: Path, address: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(
        cli, ["generate", "waveeq-100", "--set", "sequences=3", "--out", "w.zarr", "--scheduler", address]
    )
    assert result.exit_code == 2, result.exception
    assert sentence in result.stderr
    assert not list(tmp_path.iterdir()), "nothing is begun that cannot be done"


@pytest.mark.parametrize("address", ["tls://127.0.0.1:1", "ucx://127.0.0.1:1"])
def test_a_cluster_that_cannot_be_reached_leaves_no_traceback_behind(address: str, tmp_path: Path) -> None:
    words = ["generate", "waveeq-100", "--set", "sequences=3", "--out", "w.zarr", "--scheduler", address]
    command = [sys.executable, "-m", "stbench", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"stbench: error: there is no Dask scheduler at {address} (")
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


RUN = ("run", "--model", "sepvar", "--dataset", "waveeq-100", "--set", "sequences=10")
SCORE = ("score", "--track", "waveeq-100/forecast-40", "--predictions", "p.zarr", "--parameters", "0")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((*RUN, "--seed", 2**64), "18446744073709551616 is not in the range"),
        ((*RUN, "--seed", -1), "-1 is not in the range"),
        ((*RUN, "--device", "meta"), "no device 'meta' here"),
        ((*RUN, "--device", "gpu"), "no device 'gpu' here"),
        ((*RUN, "--name", "x" * 300), "it has 300 letters, at most 100"),
        ((*RUN, "--name", "a/b"), "cannot name a configuration"),
    ],
)
def test_odd_values_end_before_anything_is_made(run: Callable[..., str], words: tuple[Any, ...], sentence: str) -> None:
    pytest.importorskip("torch")
    assert sentence in run(*words)


def test_names_of_models_fit_into_the_name_of_a_folder(store: Path, tmp_path: Path) -> None:
    words = [*map(str, SCORE), "--data", str(store), "--out", str(tmp_path)]
    for name, told in (("x" * 300, "it has 300 letters, at most 100"), ("../up", "cannot name a model")):
        result = CliRunner().invoke(cli, [*words, "--name", name])
        assert (result.exit_code, told in result.stderr) == (2, True), result.output


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, "0", None, True, np.nan])
def test_seeds_are_whole_numbers_that_everything_can_hold(seed: Any) -> None:
    with pytest.raises(StbenchError, match=r"seed is .*: give a whole number between 0 and"):
        arguments.seed(seed)


def test_the_largest_seed_is_one() -> None:
    assert arguments.seed(np.uint64(2**63 - 1)) == 2**63 - 1


def asked(frames: Any, horizon: Any = 4) -> np.ndarray:
    """Of a model for 5 frames of 100 sensors, which repeats the last one."""
    torch = pytest.importorskip("torch")
    from stbench.contract.datasets import Track
    from stbench.contract.models import Task
    from stbench.training.adapter import TorchForecaster

    class Last(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, conditioning: Any, horizon: int) -> Any:
            return conditioning[:, -1:].repeat(1, horizon, 1)

    task = Task(Track("toy", "forecast", 5, 4, 4, ("mse",)), (100,))
    return TorchForecaster(Last(), task=task).forecast(frames, horizon)


GOOD = np.random.default_rng(0).random((3, 5, 100))


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        (GOOD[0], r"conditioning has the shape \(5, 100\), and wanted is \(batch, 5, 100\)"),
        (GOOD[:, :4], r"shape \(3, 4, 100\), and wanted is \(batch, 5, 100\)"),
        (np.concatenate([GOOD, GOOD], 1), r"shape \(3, 10, 100\)"),
        (GOOD[..., :99], r"shape \(3, 5, 99\)"),
        (GOOD[:0], r"is empty, of shape \(0, 5, 100\)"),
        (GOOD * np.nan, r"has 1500 values that are not finite"),
        (GOOD.astype(np.float64) * 0 + 1e39, r"has 1500 values that are not finite in float32"),
        ((255 * GOOD).astype(np.uint8), r"is of type uint8: give float32 \(batch, 5, 100\)"),
        (GOOD.astype(complex), r"is of type complex128"),
        (GOOD.astype(str), r"is of type <U"),
        ([[1.0], [1.0, 2.0]], r"conditioning is .* and no array"),
        (None, r"is of type object"),
    ],
)
def test_frames_a_model_cannot_be_asked_about_are_told_what_is_wanted(frames: Any, sentence: str) -> None:
    with pytest.raises(StbenchError, match=sentence):
        asked(frames)


@pytest.mark.parametrize("horizon", [0, -1, 2.0, None, "4"])
def test_horizons_are_whole_numbers_of_at_least_one(horizon: Any) -> None:
    with pytest.raises(StbenchError, match=r"horizon is .*: give a whole number of at least 1"):
        asked(GOOD, horizon)


def test_frames_of_any_float_type_and_tensors_are_answered_in_float32() -> None:
    torch = pytest.importorskip("torch")
    wanted = np.repeat(GOOD[:, -1:], 4, axis=1).astype(np.float32)
    for frames in (GOOD, GOOD.astype(np.float32), torch.tensor(GOOD), GOOD.tolist()):
        found = asked(frames)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("times", [[], [0], [2, 1], [np.nan], [np.inf], "12", None, [-1, 1], 3])
def test_lead_times_are_increasing_numbers_above_zero(times: Any) -> None:
    with pytest.raises(StbenchError, match=r"lead_times is .*: give"):
        arguments.lead_times(times)


def test_results_of_a_missing_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match=r"there is no results\.csv in"):
        stbench.read_results(tmp_path / "nothing")


@pytest.mark.parametrize("argument", ["model", "dataset", "preset", "source"])
def test_names_to_load_a_model_by_are_texts(argument: str) -> None:
    given: dict[str, Any] = {"model": "sepvar", "dataset": "waveeq-100", argument: 3}
    with pytest.raises(StbenchError, match=f"{argument} is 3: give a text"):
        stbench.load_model(**given)


def test_archives_of_bytes_that_only_begin_alike_are_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(io.BytesIO(b"PKlunk").getvalue())
    assert arguments.archive(tmp_path / "a") == ""
    assert arguments.archive(tmp_path) == ""
