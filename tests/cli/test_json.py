"""What commands print for programs, and what they print for people on a narrow terminal."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from stbench import registry
from stbench.cli import console
from stbench.cli.main import cli
from stbench.store.build import build, resolve

DOCUMENTED = Path(__file__).parents[2] / "docs" / "json.md"


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("STBENCH_RAW", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return build(resolve("waveeq-100", {"sequences": 3}), tmp_path / "w.zarr", workers=1).path


def document(*words: Any, code: int = 0) -> Any:
    result = CliRunner().invoke(cli, [*map(str, words), "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))


def promised(command: str) -> set[str]:
    """The keys docs/json.md names in the paragraph of a command."""
    text = DOCUMENTED.read_text().partition(f"**{command}**:")[2].partition("\n\n")[0]
    return set(re.findall(r"`(\w+)`", text))


@pytest.mark.parametrize("kind", ["datasets", "models", "metrics"])
def test_lists_have_an_entry_each_with_the_documented_keys(kind: str) -> None:
    found = document(kind)
    assert [each["name"] for each in found] == registry.names(kind)
    of_a_kind = {"floor", "classical", "learned", "variants"}  # values, and what learned models have
    for each in found:
        assert each.keys() - of_a_kind == promised(kind) - of_a_kind


def test_sizes_of_datasets_are_numbers() -> None:
    found = {each["name"]: each for each in document("datasets")}
    wave = found["waveeq-100"]
    frames = resolve("waveeq-100", {}).variables["frames"]
    assert wave["decoded_bytes"] == np.prod(frames.shape) * np.dtype(frames.dtype).itemsize
    assert (wave["built"], wave["path"]) == (False, None)
    assert wave["tracks"][0] == {
        "id": "waveeq-100/forecast-40",
        "protocol": "forecast",
        "horizon": 40,
        "metrics": list(registry.dataset("waveeq-100").tracks[0].scored),
    }


def test_presets_of_models_are_listed_by_dataset() -> None:
    found = {each["name"]: each for each in document("models", "--dataset", "waveeq")}
    assert {*found["sepvar"]["presets"]} == {"waveeq"}
    assert "quick" in found["sepvar"]["presets"]["waveeq"]["presets"]
    assert (found["mean"]["every_preset"], found["mean"]["kind"]) == (True, "floor")


def test_info_tells_the_same_keys_of_a_store_and_of_what_is_not_made(store: Path) -> None:
    made, unmade = document("info", store), document("info", "waveeq-100", "--set", "sequences=3")
    inner = {"id", "sequences", "smallest", "largest"}
    assert made.keys() == unmade.keys() == promised("info") - inner
    assert made["shape"] == unmade["shape"]
    assert made["split"] == unmade["split"]
    assert (unmade["path"], unmade["digest"]) == (None, None)
    assert made["path"] == str(store)


def test_verify_reports_damage_with_exit_code_1(store: Path) -> None:
    assert document("verify", store)["ok"] is True
    shard = next(each for each in (store / "frames").iterdir() if each.name != "zarr.json")
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(bytes(content))
    report = document("verify", store, code=1)
    assert report.keys() == promised("verify")
    assert report["ok"] is False
    assert "frames" in report["damaged"][0]


def test_boards_have_the_rows_of_their_csv_with_numbers() -> None:
    words = ["run", "--model", "mean", "--dataset", "waveeq-100", "--set", "sequences=10", "--no-table"]
    assert CliRunner().invoke(cli, words).exit_code == 0
    found = document("leaderboard")
    board = found["boards"][0]
    assert (board["track"], board["preset"]) == ("waveeq-100/forecast-40", "quick")
    with Path("leaderboards/quick/waveeq-100.csv").open() as file:
        told = [(row["model"], row["metric"], row["lead_time"]) for row in csv.DictReader(file)]
    assert [(row["model"], row["metric"], row["lead_time"]) for row in board["rows"]] == told
    row = board["rows"][0]
    assert (row["model"], row["rank"], row["lead_time"]) == ("mean", 1, "1..40")
    assert isinstance(row["value"], float)
    assert isinstance(row["dataset_version"], str)
    assert row["train_cpu_seconds"] is None or isinstance(row["train_cpu_seconds"], int | float)
    assert all(Path(each).exists() for each in found["files"])


def test_missing_runs_are_listed_as_commands_and_nothing_is_made(tmp_path: Path) -> None:
    dry = ["leaderboard", "--run-missing", "--dry-run", "--runs", str(tmp_path / "my runs")]
    before = CliRunner().invoke(cli, dry)
    assert before.exit_code == 0, before.output
    lines = before.stdout.splitlines()
    mean = next(each for each in lines if "--model mean --dataset waveeq-100 " in each)
    assert mean.startswith("stbench run ")
    assert mean.endswith(f"--out '{tmp_path}/my runs' --no-table")
    assert list(tmp_path.iterdir()) == []


def test_dry_run_alone_is_refused() -> None:
    result = CliRunner().invoke(cli, ["leaderboard", "--dry-run"])
    assert (result.exit_code, "give both" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("options", "asked"), [((), True), (("--no-floors",), False), (("--no-table", "--floors"), True)]
)
def test_floors_are_run_when_they_are_asked_for(
    options: tuple[str, ...], asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stbench.running import suite

    ran: list[Any] = []
    monkeypatch.setattr(suite, "run_all", lambda todo, **more: ran.extend(todo))
    words = ["run", "--model", "mean", "--dataset", "waveeq-100", "--set", "sequences=10", *options]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.output
    assert bool(ran) == asked
    assert ("finished" in result.stdout) == ("--no-table" not in options)


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_no_word_of_a_table_is_broken(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    words = ["moving-mnist-angle", "simulated", "10,000", "procedural", "CC-BY-4.0", "rotationally-invariant"]
    console.table("words", [f"heading-{k}" for k in range(len(words))], [words, words[::-1]])
    printed = capsys.readouterr().out.split()
    assert all(printed.count(word) >= 2 for word in words)


def test_a_wide_column_gives_way_before_a_long_word_of_another_is_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    long, many = "a-dataset-of-thirty-characters", ["word"] * 30
    console.table("words", ("name", "about"), [(long, " ".join(many))])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 50
    assert [word for line in lines for word in line.split() if word in (long, "word")] == [long, *many]
