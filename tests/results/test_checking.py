"""Rows from others: what `stbench leaderboard --check` refuses, what passes it, and what only predictions tell."""

from __future__ import annotations

import dataclasses
import itertools
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from tables import main_rows

from stbench.boards.checking import check
from stbench.boards.publishing import publish, read_entry, readable
from stbench.boards.submission import portable_command, submit
from stbench.cli.main import cli
from stbench.errors import StbenchError
from stbench.progress import Silent
from stbench.protocols.predictions import PredictionWriter
from stbench.protocols.windows import track_windows
from stbench.results.aggregate import read_results, results_digest, write_results
from stbench.results.card import Card, holds_path, read_card
from stbench.results.clusters import read_clusters, write_clusters
from stbench.results.record import RunRecord, read_record
from stbench.results.trust import Trust
from stbench.running.rescoring import rescored
from stbench.running.score import score, track_by_id
from stbench.store.build import build, resolve

TRACK = "waveeq/forecast-40"
SETTINGS = {"sequences": 12, "size": 12, "points": 100}
CARD = Card("A. Author, B. Author", code="https://example.org/code")
FIRST = ("mse", "rmse", "mae", "psnr")
SUBSETS = [each for k in range(1, 5) for each in itertools.combinations(FIRST, k)]
Change = Mapping[str, Callable[[Any], Any]]


@dataclasses.dataclass(frozen=True)
class Handed:
    out: Path
    folder: Path
    run: Path
    predictions: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handed]:
    """A forecast with an error that grows, scored and handed in."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STBENCH_DATA", str(home / "data"))
        patch.delenv("STBENCH_RAW", raising=False)
        store, track = build(resolve("waveeq", SETTINGS)), track_by_id(TRACK)
        windows = track_windows(store, track)
        frames = store.normalise(store.read(slice(None)))
        lead_times = windows.start[:, None] + track.conditioning + np.arange(track.horizon)
        truth = frames[windows.sequence[:, None], lead_times]
        noise = np.random.default_rng(3).standard_normal(truth.shape, np.float32)
        noise *= np.linspace(0.02, 0.2, track.horizon, dtype=np.float32)[:, None, None, None]
        with PredictionWriter(home / "mine.zarr", store, track, "mine") as writer:
            writer.write(windows.sequence, windows.start, truth + noise)
        result = score(track.id, home / "mine.zarr", "mine", parameters=7, preset="quick", store=store, runs=home)
        out = home / "leaderboards"
        yield Handed(out, submit(result.folder, out, CARD), result.folder, home / "mine.zarr")


@pytest.fixture
def handed(made: Handed, tmp_path: Path) -> Handed:
    """A copy of it, to be changed."""
    out = tmp_path / "leaderboards"
    shutil.copytree(made.out, out)
    return dataclasses.replace(made, out=out, folder=out / made.folder.relative_to(made.out))


def change_record(folder: Path, **fields: Any) -> None:
    path = folder / "record.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def change_numbers(folder: Path, change: Change, *, clusters: bool) -> None:
    """Values and intervals of some metrics become others; `clusters`: in the means per cluster, too."""
    record = read_record(folder)
    rows = []
    for row in read_results(folder):
        to = change.get(row.metric)
        ends = {name: getattr(row, name) for name in ("value", "ci_low", "ci_high", "sd")}
        rows.append(row if to is None else dataclasses.replace(row, **{k: v and to(v) for k, v in ends.items()}))
    write_results(folder, rows)
    named = record.clusters
    if clusters:
        means = read_clusters(folder, record.clusters)
        values, curve = means.means.astype(np.float64), means.curve
        for k, metric in enumerate(means.metrics):
            if (to := change.get(metric)) is not None:
                # Means of rmse are kept as squares.
                values[k] = np.square(to(np.sqrt(values[k]))) if metric == "rmse" else to(values[k])
        if curve is not None and (to := change.get(means.metrics[0])) is not None:
            curve = to(curve.astype(np.float64)).astype(np.float32)
        named = write_clusters(folder, dataclasses.replace(means, means=values.astype(np.float32), curve=curve))
    dataclasses.replace(record, results_sha256=results_digest(folder), clusters=named).write(folder)


def by_a_thousand(metrics: Iterable[str]) -> Change:
    return dict.fromkeys(metrics, lambda value: value / 1000)


CONSISTENT: Change = {
    "mse": lambda value: value / 1000,
    "rmse": lambda value: value / 1000**0.5,
    "mae": lambda value: value / 1000**0.5,
    "psnr": lambda value: value + 30,
}


def findings(handed: Handed, **more: Any) -> str:
    return "; ".join(check(handed.folder, readable(handed.out), out=handed.out, **more).findings)


def stbench(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(each) for each in arguments])


def test_an_honest_record_holds_and_says_that_its_author_scored_it(handed: Handed) -> None:
    assert findings(handed, from_others=True) == ""
    record = read_record(handed.folder)
    assert record.trust == Trust.AUTHOR
    assert read_card(handed.folder) == CARD
    for name in ("record.json", "results.csv", "card.toml"):
        assert not holds_path((handed.folder / name).read_text()), name
    assert record.command == (
        "stbench score --track waveeq/forecast-40 --name mine --predictions mine.zarr --set sequences=12 "
        "--set draws=official --set size=12 --set points=100 --parameters 7 --preset quick --seed 0"
    )


@pytest.mark.parametrize("metrics", SUBSETS, ids="+".join)
def test_metrics_divided_by_1000_are_refused_even_where_their_clusters_are_divided_too(
    handed: Handed, metrics: tuple[str, ...]
) -> None:
    change_numbers(handed.folder, by_a_thousand(metrics), clusters=True)
    assert findings(handed) != ""


@pytest.mark.parametrize("metrics", [("ssim_gauss11",), ("mse", "rmse", "mae", "psnr", "ssim_gauss11")])
def test_metrics_that_their_own_clusters_do_not_give_are_refused(handed: Handed, metrics: tuple[str, ...]) -> None:
    change_numbers(handed.folder, {**CONSISTENT, **by_a_thousand(["ssim_gauss11"])}, clusters=False)
    assert "the means per cluster beside it give" in findings(handed)


def test_what_is_scaled_consistently_passes_as_scored_by_its_author_and_its_predictions_refuse_it(
    handed: Handed, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_numbers(handed.folder, CONSISTENT, clusters=True)
    passed = stbench("leaderboard", "--check", handed.folder, "--out", handed.out, "--from-others")
    assert passed.exit_code == 0, passed.output
    assert "holds: mine on waveeq/forecast-40, preset quick: scored by the author" in passed.stdout
    built = stbench("leaderboard", "--runs", handed.out / "none", "--out", handed.out)
    assert built.exit_code == 0, built.output
    row = main_rows(handed.out / "quick" / "waveeq.csv")["mine"]
    assert row["trust"] == "scored by the author"
    told = stbench("leaderboard", "--check", handed.folder, "--out", handed.out, "--predictions", handed.predictions)
    assert told.exit_code == 2
    assert "and its predictions, scored again here, give" in told.stdout
    assert "1 of 1 records are refused" in told.stderr


def test_predictions_are_scored_again_without_what_weights_are_missing_for(handed: Handed) -> None:
    entry = read_entry(handed.folder)
    with_fvd = dataclasses.replace(entry, rows=(*entry.rows, dataclasses.replace(entry.rows[0], metric="fvd")))
    told: list[str] = []

    class Told(Silent):
        def note(self, text: str) -> None:
            told.append(text)

    assert rescored(with_fvd, handed.predictions, runs=handed.run, progress=Told()) == []
    assert any("its fvd is not scored again: give --i3d" in each for each in told)


def test_predictions_of_draws_in_no_preset_are_refused_in_a_sentence(handed: Handed) -> None:
    entry = read_entry(handed.folder)
    record = dataclasses.replace(entry.record, track=track_by_id("kth/draws-30"), preset="custom-mine")
    with pytest.raises(StbenchError, match="asks for is a preset's to say, and 'custom-mine' is none"):
        rescored(dataclasses.replace(entry, record=record), handed.predictions, runs=handed.run)


def test_lists_are_written_where_boards_read_them_and_json_prints_boards_alone(tmp_path: Path) -> None:
    for words, told in (
        (["leaderboard", "--update-cards", "--out", tmp_path], "boards read lists and cards in ./leaderboards"),
        (["leaderboard", "--update-not-applicable", "--out", tmp_path], "leave --out out"),
        (["leaderboard", "--check", "--json"], "--json prints boards"),
        (["leaderboard", "--run-missing", "--dry-run", "--json"], "--json prints boards"),
        (["models", "--show", "sepvar", "sst", "quick", "--json"], "--show prints TOML"),
    ):
        result = stbench(*words)
        assert result.exit_code == 2, result.output
        assert told in result.stderr
        assert not list(tmp_path.iterdir())


def test_predictions_that_give_the_same_are_noted_where_they_are_accepted_and_only_there(handed: Handed) -> None:
    shutil.copytree(handed.predictions, handed.folder / "predictions.zarr")
    command = ("leaderboard", "--check", handed.folder, "--out", handed.out)
    for accept, trust in (((), Trust.AUTHOR), (("--accept",), Trust.PREDICTIONS)):
        result = stbench(*command, *accept)
        assert result.exit_code == 0, result.output
        assert "its predictions, scored again here, give the same" in result.stdout
        assert read_record(handed.folder).trust == trust
    told = stbench(*command, "--from-others")
    assert told.exit_code == 2
    assert "a row from others is 'scored by the author'" in told.stdout


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"dataset_digest": "0" * 64}, "belongs to another run"),
        ({"model": "other"}, "belongs to another run"),
        ({"split_digest": "0" * 64}, "its split is"),
        ({"dataset_fingerprint": "0" * 64}, "its parameters give waveeq with the fingerprint"),
        ({"command": "stbench run --model mine --dataset waveeq"}, "which makes no such record"),
        ({"command": "rm -r"}, "its command is no `stbench run`"),
        ({"parameters": 8}, "its command has --parameters '7', and the record is of '8'"),
        ({"processor": "a laptop, /home/me/bin"}, "its field 'processor' holds the path '/home/me/bin'"),
        ({"trust": "scored here from predictions"}, "a row from others is 'scored by the author'"),
        ({"trust": ""}, "a row from others is 'scored by the author'"),
        ({"training": {"finished": True, "split": "train+test"}}, "the split to learn from is 'train+test'"),
        (
            {"protocol_version": "9"},
            "it is of version 9 of the protocol 'forecast', of which 1 is the newest known here",
        ),
        ({"dataset_version": "99"}, "its data are of version 99 of waveeq, of which 1 is the newest known here"),
        ({"dataset_source": "official"}, "its data are of the source 'official', and waveeq has 'procedural'"),
        ({"track": {"conditioning": 3}}, "its track waveeq/forecast-40 differs from the one here in conditioning"),
    ],
)
def test_a_record_that_says_something_else_than_its_data_track_or_command_is_refused(
    handed: Handed, fields: dict[str, Any], told: str
) -> None:
    if "track" in fields:
        fields = {"track": json.loads((handed.folder / "record.json").read_text())["track"] | fields["track"]}
    change_record(handed.folder, **fields)
    assert told in findings(handed, from_others=True)


def test_data_of_another_digest_than_those_made_here_are_refused(handed: Handed, made: Handed) -> None:
    digest = {"dataset_digest": "0" * 64}
    write_results(handed.folder, [dataclasses.replace(row, **digest) for row in read_results(handed.folder)])
    changed = dataclasses.replace(read_record(handed.folder), results_sha256=results_digest(handed.folder), **digest)
    changed.write(handed.folder)
    assert "its data have the digest 000000000000, and those made here have" in findings(handed)
    assert f"its place is {handed.out}" in findings(handed)


def test_rows_of_fewer_windows_are_refused(handed: Handed) -> None:
    record = read_record(handed.folder)
    rows = [dataclasses.replace(row, n=row.n - 1) for row in read_results(handed.folder)]
    write_results(handed.folder, rows)
    dataclasses.replace(record, results_sha256=results_digest(handed.folder)).write(handed.folder)
    n = rows[0].n
    assert f"it has {n:,} windows, and waveeq/forecast-40 has {n + 1:,} on these data" in findings(handed)


def test_a_table_with_more_than_the_track_asks_for_is_refused(handed: Handed) -> None:
    record, rows = read_record(handed.folder), list(read_results(handed.folder))
    for more, told in (
        (dataclasses.replace(rows[0], metric="mae_sum"), "mae_sum, with which waveeq/forecast-40 is not scored"),
        (dataclasses.replace(rows[0], lead_time="1..5"), "mse over 1..5, a mean that waveeq/forecast-40 does not rep"),
    ):
        write_results(handed.folder, [*rows, more])
        dataclasses.replace(record, results_sha256=results_digest(handed.folder)).write(handed.folder)
        assert told in findings(handed)


def test_a_row_without_means_per_cluster_a_card_or_with_another_file_is_refused(handed: Handed) -> None:
    (handed.folder / "notes.txt").touch()
    assert "it holds notes.txt" in findings(handed)
    (handed.folder / "notes.txt").unlink()
    record = json.loads((handed.folder / "record.json").read_text())
    change_record(handed.folder, clusters=record["clusters"] | {"sha256": "", "missing": "too large"})
    assert "it has no clusters.npz" in findings(handed)
    change_record(handed.folder, clusters=record["clusters"])
    assert findings(handed) == ""
    (handed.folder / "card.toml").unlink()
    assert "was handed in and has no card.toml" in findings(handed)


def test_other_rows_of_the_board_say_which_data_and_windows_are_right(handed: Handed, run: Any) -> None:
    record = read_record(handed.folder)
    known = {
        each: getattr(record, each) for each in ("dataset_fingerprint", "dataset_version", "split", "split_digest")
    }
    publish(run(1.0, track=TRACK, dataset="waveeq", dataset_digest="1" * 64, **known), handed.out)
    assert "its data have the digest" in findings(handed)
    shutil.rmtree(next((handed.out / "records").rglob("sepvar")))
    publish(run(1.0, track=TRACK, dataset="waveeq", dataset_digest=record.dataset_digest, **known), handed.out)
    assert "has 24 of 6 on the same track and data" in findings(handed)


def test_the_board_is_shown_before_and_after_and_only_what_changed_is_checked(handed: Handed, run: Any) -> None:
    base = handed.out.parent / "base"
    publish(run(1e-9, track=TRACK, dataset="waveeq"), base)
    publish(run(1e-9, track=TRACK, dataset="waveeq"), handed.out)
    result = stbench("leaderboard", "--check", "--before", base, "--out", handed.out, "--from-others")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("holds: ") == 1
    assert "| rank before | rank after | model | mse, mean of 1..40 | trust |" in result.stdout
    assert "| new | 1 | mine |" in result.stdout
    shutil.rmtree(next((handed.out / "records").rglob("sepvar")))
    gone = stbench("leaderboard", "--check", "--before", base, "--out", handed.out, "--from-others")
    assert gone.exit_code == 2
    assert "is published and was taken away" in gone.stdout


def test_building_boards_beside_the_run_it_came_from_leaves_a_row_as_it_was_handed_in(handed: Handed) -> None:
    before = (handed.folder / "record.json").read_bytes()
    result = stbench("leaderboard", "--runs", handed.run, "--out", handed.out)
    assert result.exit_code == 0, result.output
    assert (handed.folder / "record.json").read_bytes() == before
    assert read_card(handed.folder) == CARD


def test_a_row_of_somebody_else_is_not_replaced(handed: Handed, run: Any) -> None:
    record = read_record(handed.folder)
    folder = run(1.0, track=TRACK, dataset="waveeq", model="mine", dataset_digest=record.dataset_digest)
    shutil.rmtree(handed.folder)
    publish(folder, handed.out)
    with pytest.raises(StbenchError, match="is a row of another run that nobody handed in"):
        submit(handed.run, handed.out, CARD)


@pytest.mark.parametrize(
    ("card", "told"),
    [
        (Card(" "), "names no authors"),
        (Card("A", hardware="see /home/me/gpu.txt"), "holds the path '/home/me/gpu.txt'"),
        (Card("A", paper="javascript:alert(1)"), "no address that begins with https://"),
        (Card("A", training_cost="1\n2"), "more than one line"),
        (Card("A" * 501), "more than 500 letters"),
    ],
)
def test_a_card_that_says_nothing_or_too_much_is_refused_and_leaves_nothing(
    handed: Handed, card: Card, told: str
) -> None:
    out = handed.out.parent / "other"
    with pytest.raises(StbenchError, match=told.replace("(", r"\(")):
        submit(handed.run, out, card)
    assert not list(out.rglob("record.json"))


def test_a_damaged_card_is_one_sentence(handed: Handed) -> None:
    for text in ("authors = 3\n", "paper = ''\n", "authors = 'A'\nrank = 1\n", "authors ="):
        (handed.folder / "card.toml").write_text(text)
        assert "is no card of a row" in findings(handed)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("trained at /data/runs for a day", "/data/runs"),
        (r"C:\Users\me\x.zarr", r"C:\Users\me\x.zarr"),
        ("~/runs/mine", "~/runs/mine"),
        ("file:///data/x", "/data/x"),
        ("https://example.org/a/b and 3 GB/s, km/h, and/or", ""),
        ("waveeq/forecast-40, runs/quick/mine", ""),
    ],
)
def test_paths_of_a_machine_are_told_from_addresses_and_names(text: str, path: str) -> None:
    assert holds_path(text) in (path, f"file://{path}")


def test_a_command_is_made_portable(record: Callable[..., RunRecord]) -> None:
    parameters = {"sequences": 60, "sensors": 100, "wave_speed": [250.0, 350.0], "size": 64}
    command = "stbench run --model a --i3d '/home/me/i 3 d.pt' --data /tmp/x.zarr --preset mine.toml"
    made = record(command=command, dataset_parameters=parameters, dataset_source="procedural")
    assert portable_command(made) == (
        "stbench run --model a --i3d 'i 3 d.pt' --set sequences=60 --set wave-speed=250.0,350.0 --preset mine.toml"
    )
