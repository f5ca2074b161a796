"""`stbench run --preset FILE.toml --set-model KEY=VALUE --name NAME`: a configuration of the user's own, end to end."""

from __future__ import annotations

import csv
import shlex
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from stbench import registry
from stbench.boards.leaderboard import build
from stbench.boards.publishing import find_runs, read_entry
from stbench.boards.ranking import boards
from stbench.cli.main import cli
from stbench.contract.presets import PRESETS, select
from stbench.errors import StbenchError
from stbench.protocols.known import has_capability
from stbench.results.record import read_record
from stbench.running.configuration import SAYS_MORE
from stbench.running.plan import Plan, choose, plan
from stbench.running.run import RunResult, run
from stbench.running.suite import Job, floors

pytestmark = pytest.mark.usefixtures("data")
TINY = {"sequences": "5"}
FIXED = {"normaliser": {"kind": "fixed", "mean": 0.0, "std": 255.0}}
SHORT = {"training.steps": "3", "model.integrator.hidden": "16", "training.batch_size": "4"}


def shown(*words: str) -> str:
    done = CliRunner().invoke(cli, ["models", "--show", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def own(runs: Path, model: str = "sepvar", **options: Any) -> RunResult:
    return run(model, "waveeq-100", settings=TINY, runs=runs, keep=0, **options)


@pytest.mark.parametrize("name", [each for each in registry.names("models") if not registry.model(each).floor])
def test_what_is_shown_reads_back_as_the_same_configuration(name: str, tmp_path: Path) -> None:
    """Every dataset and preset, one variant, and those that say more than a configuration; same values of the same
    types."""
    plugin, file, seen = registry.model(name), tmp_path / "mine.toml", 0
    for dataset in registry.names("datasets"):
        presets = dict(plugin.presets(dataset))
        variants = presets.pop("variants", {})
        more = [each for each, table in variants.items() if SAYS_MORE & table.keys()]
        for preset in presets:
            for variant in ("", *dict.fromkeys((*[*variants][:1], *more))):
                asked = f"{name}:{variant}" if variant else name
                expected = select(plugin, dataset, preset, variant)
                if plugin.fitted:
                    expected["training"].setdefault("split", "train+val" if preset == "paper" else "train")
                file.write_text(shown(asked, dataset, preset), "utf-8")
                # What a variant says beside its configuration is not in the file.
                model = asked if variant in more else name
                able = [each for each in registry.dataset(dataset).tracks if has_capability(plugin, each, variant)]
                for track in able[:1]:
                    choice = choose(model, dataset, track=track.id, preset=str(file))
                    assert repr(_sorted(choice.configuration)) == repr(_sorted(expected))
                    assert (choice.base, choice.preset, choice.model) == (preset, "custom", model)
                    seen += 1
    assert seen


def _sorted(value: Any) -> Any:
    return {key: _sorted(value[key]) for key in sorted(value)} if isinstance(value, dict) else value


def test_a_floor_is_shown_with_the_split_it_learns_from() -> None:
    assert tomllib.loads(shown("mean", "waveeq", "paper"))["training"] == {"split": "train+val"}


def test_changes_lie_on_top_of_a_preset_and_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(shown("sepvar", "waveeq-100", "quick"))
    for preset in ("quick", str(file)):
        plain, changed = (choose("sepvar", "waveeq-100", preset=preset, changes=each) for each in ({}, SHORT))
        part = plain.configuration["model"]["integrator"]
        assert changed.configuration["model"]["integrator"] == {**part, "hidden": 16}
        assert changed.configuration["training"] == {**plain.configuration["training"], "steps": 3, "batch_size": 4}
    changes = {"model.encoder.hidden": "[8, 9]", "training.schedule": "constant", "model.initial_std": "1e-3"}
    found = choose("sepvar:without-s", "waveeq-100", changes=changes).configuration
    assert (found["model"]["encoder"]["hidden"], found["training"]["schedule"]) == ([8, 9], "constant")
    assert (found["model"]["initial_std"], found["model"]["static_size"]) == (1e-3, 0)


def test_without_a_name_it_is_run_and_shown_and_in_no_ranking(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    words = ["run", "--model", "sepvar", "--dataset", "waveeq-100", "--set", "sequences=5", "--out", str(runs)]
    words += [word for key, value in SHORT.items() for word in ("--set-model", f"{key}={value}")]
    done = CliRunner().invoke(cli, [*words, "--no-table"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    (folder,) = find_runs(runs)
    assert folder.relative_to(runs).parts[:2] == ("custom", "waveeq-100")
    entry = read_entry(folder)
    assert (entry.record.preset, entry.record.steps) == ("custom", 3)
    (board,) = boards([entry])
    assert [line.rank for block in board.blocks for line in block.lines] == [None]
    with pytest.raises(StbenchError, match=r"no finished run under .* \(1 of a configuration without a name"):
        build(runs, tmp_path / "boards")
    own(runs, "mean")
    (written,) = build(runs, tmp_path / "boards")
    assert {row["model"] for row in csv.DictReader(written.open()) if row["rank"]} == {"mean"}


def test_under_a_name_it_is_ranked_beside_the_floors_of_that_name(tmp_path: Path) -> None:
    runs, file = tmp_path / "runs", tmp_path / "mine.toml"
    file.write_text(shown("sepvar", "waveeq-100", "quick"))
    made = own(runs, preset=str(file), changes=SHORT, name="mine")
    assert made.record.preset == "custom-mine"
    beside = Job("sepvar", "waveeq-100", str(file), settings=TINY, changes=SHORT, name="mine")
    (floor,) = (each for each in floors(beside) if each.model == "mean")
    own(runs, floor.model, preset=floor.preset, changes=floor.changes, name=floor.name)
    own(runs, "persistence")
    written = {path.parent.name: path for path in build(runs, tmp_path / "boards")}
    assert set(written) == {"custom-mine", "quick"}
    ranked = {row["model"]: row["rank"] for row in csv.DictReader(written["custom-mine"].open()) if row["rank"]}
    assert set(ranked) == {"sepvar", "mean"}
    assert set(ranked.values()) == {"1", "2"}


def test_the_record_holds_the_configuration_and_the_command_that_repeats_it(tmp_path: Path) -> None:
    made = own(tmp_path / "runs", changes=SHORT, name="mine")
    record = read_record(made.folder)
    assert record.configuration["training"]["steps"] == 3
    words = shlex.split(record.command)
    assert words[:6] == ["stbench", "run", "--model", "sepvar", "--dataset", "waveeq-100"]
    done = CliRunner().invoke(cli, [*words[1:], "--no-table", "--out", str(tmp_path / "runs")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    # The same run, and finished before: what it took and when stands there as it was.
    assert find_runs(tmp_path / "runs") == [made.folder]
    assert read_record(made.folder) == record


def test_another_configuration_is_another_run_and_an_equal_one_is_the_same(tmp_path: Path) -> None:
    first = own(tmp_path, changes=SHORT)
    assert own(tmp_path, changes=SHORT).reused
    assert own(tmp_path, changes=SHORT | {"training.steps": "4"}).folder != first.folder
    assert own(tmp_path, changes=SHORT, name="mine").folder != first.folder


def test_how_much_a_track_of_draws_asks_is_in_the_identity_of_a_configuration_of_ones_own(tmp_path: Path) -> None:
    """A quick, a cpu and a paper preset ask for other numbers of windows and members."""
    changes = {"training.split": "train"}
    store: Any = SimpleNamespace(dataset="kth", digest="00", split=SimpleNamespace(digest="11"), attributes=FIXED)

    def planned(preset: str, track: str, name: str) -> Plan:
        asked = {"changes": changes, "name": name} if name else {}
        return plan(choose("persistence", "kth", track=track, preset=preset, **asked), store, 0)

    for track, sized in (("draws-30", True), ("forecast-30", False)):
        cpu, paper = (planned(preset, track, "mine") for preset in ("cpu", "paper"))
        assert (cpu.folder(tmp_path) != paper.folder(tmp_path)) == sized
        assert (cpu.identity != paper.identity) == sized
        assert cpu.trained == paper.trained
        assert "sized_by" not in planned("cpu", track, "").identity


def test_a_floor_beside_learns_from_the_same_split_and_has_no_other_setting(tmp_path: Path) -> None:
    beside = Job("sepvar", "waveeq", "cpu", changes={"training.split": "train+val", "training.steps": "3"}, name="mine")
    assert {tuple(job.changes.items()) for job in floors(beside)} == {(("training.split", "train+val"),)}
    mean = choose("mean", "waveeq", preset="cpu", changes={"training.split": "train+val"}, name="mine")
    assert mean.configuration == {"model": {}, "training": {"split": "train+val"}}
    file = tmp_path / "mine.toml"
    file.write_text(shown("sepvar", "waveeq", "paper"))
    assert choose("mean", "waveeq", preset=str(file)).configuration["training"] == {"split": "train+val"}
    with pytest.raises(StbenchError, match=r"the floor 'mean' has no training setting 'steps'"):
        choose("mean", "waveeq", changes={"training.steps": "3"})
    with pytest.raises(StbenchError, match=r"the split to learn from is 'test'"):
        choose("mean", "waveeq", changes={"training.split": "test"})
    with pytest.raises(StbenchError, match=r"mean has no setting 'width'"):
        own(tmp_path, "mean", changes={"model.width": "3"})


FILE = 'preset = "quick"\n[model]\n[training]\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "cannot read the configuration .*mine.toml .*stbench models --show"),
        ("[model\n", "mine.toml cannot be used, it is no TOML"),
        (FILE.replace("model", "modle"), "mine.toml has 'modle', which nothing reads: did you mean 'model'"),
        ('preset = "quick"\n[model]\n', r"mine.toml lacks the table \[training\]"),
        ("[model]\n[training]\n", "mine.toml lacks the line preset"),
        (FILE.replace("quick", "quik"), "no preset 'quik': did you mean 'quick'"),
        (FILE, r"'.*mine.toml' of 'sepvar' does not say what to train on: its table \[training\] needs 'split'"),
        (FILE + 'split = "train"\n', "the training settings lack 'learning_rate'"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(text: str | None, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(StbenchError, match=sentence):
        own(tmp_path / "runs", preset=str(file))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("modle.width=3", "no setting 'modle.width': .*did you mean 'model'"),
        ("model.ofset=none", "sepvar has no setting 'ofset': did you mean 'offset'"),
        ("model.encoder.hiden=[3]", "the encoder 'mlp' has no setting 'hiden': did you mean 'hidden'"),
        ("training.stpes=3", "no training setting 'stpes': did you mean 'steps'"),
        ("training.steps=many", "'steps' must be a whole number, not 'many'"),
        ("model.static_size=1.5", "'static_size' of sepvar is 1.5: expected `int`, got `float`"),
        ("model.static_size={a=1}", "'static_size' of sepvar is .*expected `int`, got `object`"),
        ("model.encoder.name=mpl", "no encoder 'mpl': did you mean 'mlp'"),
        ("model.integrator.hidden=-1", "'hidden' of the integrator .* is -1: expected `int` >= 1"),
        ("training.split=test", "the split to learn from is 'test': choose train, val or train.val"),
        ("training.split=train+test", "the split to learn from is 'train.test'"),
        ("training.split=3", "the split to learn from is 3"),
        ("training.betas=0.9,1.5", "'betas'"),
        ("training=3", "'training' names no setting"),
        ("training..steps=3", "'training..steps' names no setting"),
    ],
)
def test_a_wrong_setting_is_one_sentence_before_any_data_are_made(
    change: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "data"))
    key, _, value = change.partition("=")
    with pytest.raises(StbenchError, match=sentence):
        own(tmp_path / "runs", changes={key: value})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [*PRESETS, "a/b", ".hidden", "two words"])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    with pytest.raises(StbenchError, match=f"'{name}' cannot name a configuration"):
        choose("sepvar", "waveeq", name=name)


def test_a_file_and_a_variant_that_says_nothing_more_do_not_go_together(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(shown("sepvar:all-windows", "waveeq", "quick"))
    assert choose("sepvar", "waveeq", preset=str(file)).configuration["model"]["constraint_intervals"] == "all"
    with pytest.raises(StbenchError, match="holds a whole configuration"):
        choose("sepvar:all-windows", "waveeq", preset=str(file))
    with pytest.raises(StbenchError, match="no variant 'all-window': did you mean 'all-windows'"):
        choose("sepvar:all-window", "waveeq", preset=str(file))


def test_a_variant_that_says_what_it_cannot_be_asked_goes_with_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(shown("sepvar:without-s", "moving-mnist", "quick"))
    assert choose("sepvar:without-s", "moving-mnist", preset=str(file)).model == "sepvar:without-s"
    with pytest.raises(StbenchError, match="not applicable"):
        choose("sepvar:without-s", "moving-mnist", track="swap-10", preset=str(file))


def test_the_judge_is_that_of_the_preset_whose_data_are_taken(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match=r"stbench judge train --dataset sprites --preset quick"):
        run(
            *("hamiltonian", "sprites"),
            track="sample-8",
            changes={"training.steps": "2"},
            source="simulated",
            settings={"characters": "12"},
            runs=tmp_path / "runs",
        )
