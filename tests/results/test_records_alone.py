"""Boards depend on records and committed files alone: not on torch, and not on what else is installed."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from tables import main_rows

from stbench import registry
from stbench.boards.absent import COLUMNS, default_path, read_listed, write_listed
from stbench.boards.leaderboard import NOT_APPLICABLE, build
from stbench.boards.publishing import read_published
from stbench.boards.ranking import boards
from stbench.contract.models import ModelPlugin
from stbench.errors import StbenchError
from stbench.pictures.colours import line_style

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = ModelPlugin(
    name="aa-foreign",
    version="1",
    floor=True,
    build=lambda configuration, task: None,  # type: ignore[arg-type, return-value]
    presets=lambda dataset: {},
    summary="a floor of somebody else, which cannot swap",
    reference="nobody",
    bibtex="",
)
BUILD = """
import sys
from pathlib import Path
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
if sys.argv[3] == "without":
    sys.meta_path.insert(0, NoTorch())
from stbench import registry
from stbench.boards.leaderboard import build
names = [each.name for each in registry.models_at_hand()]
build(Path(sys.argv[1]), Path(sys.argv[2]), page=Path(sys.argv[2]) / "index.html")
print("convlstm" in names)
"""


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def runs(tmp_path: Path, run: Any) -> Path:
    """On a track that most models cannot be asked, and on one that all can."""
    for track in ("moving-mnist/swap-10", "moving-mnist/forecast-10"):
        run(1.0, track=track, dataset="moving-mnist", metrics=("mse", "psnr"))
        run(2.0, track=track, dataset="moving-mnist", metrics=("mse", "psnr"), model="mean", floor=True)
        run(3.0, track=track, dataset="moving-mnist", model="of-somebody-else")
    return tmp_path / "runs"


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = registry._group("models")
    entry = EntryPoint("aa-foreign", f"{__name__}:FOREIGN", "stbench.models")
    group = registry._group
    monkeypatch.setattr(
        registry, "_group", lambda kind: {**entries, "aa-foreign": entry} if kind == "models" else group(kind)
    )
    assert "aa-foreign" in {each.name for each in registry.models_at_hand()}


def test_with_torch_without_it_and_beside_a_foreign_plug_in_boards_have_the_same_bytes(
    tmp_path: Path, runs: Path, request: pytest.FixtureRequest
) -> None:
    for torch in ("with", "without"):
        command = [sys.executable, "-c", BUILD, str(runs), str(tmp_path / torch), torch]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.split()[-1] == str(torch == "with"), "the models that need torch are at hand or are not"
    request.getfixturevalue("foreign")
    build(runs, tmp_path / "foreign", page=tmp_path / "foreign" / "index.html")
    expected = contents(tmp_path / "with")
    assert NOT_APPLICABLE.encode() in expected["quick/moving-mnist-swap-10.csv"]
    for other in ("without", "foreign"):
        found = contents(tmp_path / other)
        assert found.keys() == expected.keys()
        assert [name for name in found if found[name] != expected[name]] == [], other


def test_the_committed_list_is_what_the_models_of_today_say(tmp_path: Path) -> None:
    """Else: `stbench leaderboard --update-not-applicable`."""
    path = ROOT / "leaderboards" / "not_applicable.csv"
    assert write_listed(tmp_path / "list.csv").read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_the_list_names_no_foreign_model_and_is_not_written_without_torch(
    tmp_path: Path, foreign: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read_listed(write_listed(tmp_path / "list.csv"))
    assert "aa-foreign" not in {each.model for each in found}
    assert ("chairs/swap-15", "cpu", "convlstm") in {(each.track, each.preset, each.model) for each in found}
    monkeypatch.setattr(registry, "model", _needs_torch)
    with pytest.raises(StbenchError, match="needs torch"):
        write_listed(tmp_path / "other.csv")
    assert not (tmp_path / "other.csv").exists()


def _needs_torch(name: str) -> ModelPlugin:
    raise registry.NeedsTorch(f"the model '{name}' needs torch")


def test_a_byte_order_mark_changes_no_list(tmp_path: Path) -> None:
    path = ROOT / "leaderboards" / "not_applicable.csv"
    (tmp_path / "list.csv").write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_listed(tmp_path / "list.csv") == read_listed(path) != []


def test_a_damaged_list_is_one_sentence(tmp_path: Path) -> None:
    for text in ("a,b\n", ",".join(COLUMNS) + "\nonly,two\n"):
        (tmp_path / "list.csv").write_text(text)
        with pytest.raises(StbenchError, match=r"list\.csv is no list of models that are not applicable"):
            read_listed(tmp_path / "list.csv")
    assert default_path() is not None


def test_a_model_with_a_run_is_not_named_as_one_that_cannot_be_asked(tmp_path: Path, run: Any) -> None:
    run(track="moving-mnist/swap-10", dataset="moving-mnist", model="convlstm")
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert main_rows(path)["convlstm"]["value"] != NOT_APPLICABLE


def test_a_model_is_drawn_alike_whoever_stands_beside_it(tmp_path: Path, run: Any) -> None:
    from stbench.boards.curves import curves_of_block
    from stbench.boards.svg import paint, stroke_classes

    found = []
    for beside in ("aaa", "zzz"):
        run(1.0, track=f"{beside}/forecast-3", dataset=beside, model="phydnet")
        run(2.0, track=f"{beside}/forecast-3", dataset=beside, model=beside)
        run(3.0, track=f"{beside}/forecast-3", dataset=beside, model="linear", floor=True)
        run(4.0, track=f"{beside}/forecast-3", dataset=beside, model=f"{beside}-floor", floor=True)
    build(tmp_path / "runs", tmp_path / "out")
    for board in boards(read_published(tmp_path / "out")):
        curves = curves_of_block(board, board.blocks[0], "mse")
        styles = {c.label: (s, paint(c)) for c, s in zip(curves, stroke_classes(curves), strict=True)}
        found.append((styles["phydnet"], styles["linear"]))
    assert found[0] == found[1]


def test_no_two_lines_of_a_published_board_look_alike() -> None:
    for board in boards(read_published(ROOT / "leaderboards")):
        for block in board.blocks:
            styles = {line.model: line_style(line.model, line.record.floor) for line in block.lines}
            assert len({*styles.values()}) == len(styles), (board.preset, board.track.id)
