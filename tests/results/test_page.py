from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tables import text_of_pages

from stbench.boards.leaderboard import build
from stbench.boards.page import write_page
from stbench.boards.publishing import read_published
from stbench.boards.table import folded
from stbench.boards.templating import TEMPLATES
from stbench.errors import StbenchError

REPORTED = Path(__file__).resolve().parents[2] / "leaderboards" / "reported.csv"
VOID = {"meta", "br", "hr", "img", "link", "input", "wbr"}


class _Reader(HTMLParser):
    """Collects tags, attributes and text, and that every opened element is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def _read(overview: Path, only: str = "*") -> tuple[str, _Reader]:
    """The overview and the pages beside it, or those of one track, model or dataset."""
    found = sorted((overview.parent / "pages").glob(f"{only}.html"))
    reader, texts = _Reader(), []
    for path in found if only != "*" else (overview, *found):
        texts.append(path.read_text(encoding="utf-8"))
        reader.feed(texts[-1])
        assert (reader.faults, reader.open) == ([], []), path
    assert texts
    return "\n".join(texts), reader


def _track(overview: Path, track: str) -> tuple[str, _Reader]:
    return _read(overview, f"track-{track.replace('/', '-')}")


@pytest.fixture
def page(tmp_path: Path, run: Any) -> Path:
    track = {"track": "waveeq-100/forecast-40"}
    run(1e-5, **track, command="stbench run --model sepvar --set x='<script>alert(1)</script>'")
    run(2e-2, **track, model="mean", floor=True)
    run(**track, model="none", not_applicable="it cannot <b>forecast</b>")
    run(1.0, track="sst/forecast-6", dataset="sst", dataset_source="simulated", preset="paper")
    build(tmp_path / "runs", tmp_path / "out")
    return write_page(tmp_path / "out", tmp_path / "web" / "index.html", REPORTED)


def test_pages_load_nothing_from_elsewhere(page: Path) -> None:
    text, reader = _read(page)
    assert not {tag for tag, _ in reader.tags} & {"link", "iframe", "object", "embed"}
    for tag, attributes in reader.tags:
        assert "src" not in attributes, "nothing but inline script, and no older picture here"
        assert not re.match(r"\w+:|//", attributes.get("href") or "")
        assert not [name for name in attributes if name.startswith("on")], tag
    assert "url(" not in text
    assert "@import" not in text


def test_the_vendored_script_is_whole_and_stands_with_its_licence_in_every_page(page: Path) -> None:
    folder = TEMPLATES / "vendored"
    script = (folder / "sortable.min.js").read_text("utf-8")
    assert "public domain" in (folder / "sortable.LICENSE").read_text("utf-8")
    for path in (page, *(page.parent / "pages").iterdir()):
        assert script in path.read_text("utf-8")


def test_texts_of_records_are_escaped(page: Path) -> None:
    text, reader = _read(page)
    assert "<script>alert" not in text
    assert "<b>forecast" not in text
    assert any("<script>alert(1)</script>" in each for each in reader.texts)


def test_page_shows_floors_sources_digests_commands_and_formulas(page: Path) -> None:
    text, reader = _read(page)
    track, _ = _track(page, "waveeq-100/forecast-40")
    assert len(re.findall(r'<tr[^>]* class="floor">', track)) == 4, "the means, at 1, at 40; one that only draws"
    assert track.count('<svg class="curves"') == 2, "against lead time, against cost"
    assert re.search(r'<path class="line floor f\d" [^>]*d="M[\d. L]+"/>', track)
    assert ("span", {"class": "tag simulated"}) in reader.tags
    assert "ab" * 32 in text
    assert any(each.startswith("stbench run") for each in reader.texts)
    assert "mean_i (p_i - t_i)²" in text
    assert "not applicable" in text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_presets_come_in_the_order_paper_cpu_quick(tmp_path: Path, run: Any) -> None:
    for preset in ("quick", "cpu", "paper"):
        run(1.0, preset=preset)
    build(tmp_path / "runs", tmp_path / "out")
    text, _ = _read(write_page(tmp_path / "out", tmp_path / "index.html"))
    assert re.findall(r"<h2>Preset (\w+)", text) == ["paper", "cpu", "quick"]


def test_reported_numbers_stand_in_tables_of_their_own(page: Path) -> None:
    text, _ = _read(page)
    tables = re.findall(r'<table class="(reported)?[^"]*">(.*?)</table>', text, re.DOTALL)
    with_paper = [bool(kind) for kind, content in tables if "4.33e-5" in content]
    assert with_paper == [True]
    (content,) = [content for kind, content in tables if kind and "4.33e-5" in content]
    assert "Table 1" in content


def test_runs_on_other_data_bring_a_warning(tmp_path: Path, run: Any) -> None:
    run(dataset_digest="1" * 64)
    run(dataset_digest="2" * 64)
    build(tmp_path / "runs", tmp_path / "out")
    text, _ = _read(write_page(tmp_path / "out", tmp_path / "index.html"))
    assert '<p class="warning">' in text


def test_page_is_the_same_bytes_again(page: Path, tmp_path: Path) -> None:
    again = write_page(tmp_path / "out", tmp_path / "more" / "index.html", REPORTED)
    assert text_of_pages(again) == text_of_pages(page)


def test_a_page_of_nothing_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match="stbench leaderboard"):
        write_page(tmp_path, tmp_path / "index.html")


def test_models_that_cannot_be_asked_stand_on_page_and_terminal_with_the_reason(tmp_path: Path, run: Any) -> None:
    from rich.console import Console

    from stbench.boards.ranking import boards
    from stbench.boards.table import board_tables

    run(track="moving-mnist/swap-10", dataset="moving-mnist")
    build(tmp_path / "runs", tmp_path / "out")
    text, _ = _read(write_page(tmp_path / "out", tmp_path / "index.html"))
    assert re.search(r'>convlstm</th>\s*<td colspan="\d+">not applicable: the protocol', text)
    assert re.search(r'>sepvar:without-s</a></th>\s*<td colspan="\d+">not applicable: S is', text)
    console = Console(width=200, record=True, file=io.StringIO())
    (board,) = boards(read_published(tmp_path / "out"))
    for each in board_tables(board, width=200):
        console.print(each)
    named = r"not applicable: [a-z0-9, -]*\bconvlstm\b[a-z0-9, -]* \(the protocol 'swap'"
    assert re.search(named, " ".join(console.export_text().split()))


SST = ("mse", "mse_celsius", "ssim_gauss11", "mae", "mse_celsius_broadcast", "ssim_gauss11_celsius_broadcast")


@pytest.fixture
def ocean(tmp_path: Path, run: Any) -> Path:
    """A folder of boards: sst/forecast-10 with every model's values growing in proportion to lead time."""
    for level, model in ((3e-5, "sepvar"), (2.0, "persistence")):
        run(level, track="sst/forecast-10", dataset="sst", model=model, floor=model == "persistence", metrics=SST)
    run(1.0, track="sst/forecast-10", dataset="sst", model="phydnet", not_applicable="it is only an example")
    build(tmp_path / "runs", tmp_path / "out")
    return tmp_path / "out"


@pytest.mark.parametrize("metric", SST)
def test_page_has_every_shown_metric_at_every_lead_time_of_the_papers(ocean: Path, tmp_path: Path, metric: str) -> None:
    text, _ = _track(write_page(ocean, tmp_path / "index.html", REPORTED), "sst/forecast-10")
    means, others = re.findall(r"<table[^>]*>(.*?)</table>", text, re.DOTALL)[:2]
    heads = [re.sub("<[^>]+>", "", head).split() for head in re.findall(r'<th [^>]*class="number">(.*?)</th>', means)]
    arrows = {each: "↑" if each.startswith("ssim") else "↓" for each in SST}
    assert [each[:2] for each in heads[: len(SST) + 1]] == [["rank"], *([each, arrows[each]] for each in SST)]
    assert means.count("<small>mean of 1..10</small>") == len(SST)
    found = {"mean of 1..10": means} | dict(
        re.findall(r'<th scope="rowgroup"[^>]*>(.*?)</th></tr>(.*?)</tbody>', others, re.DOTALL)
    )
    assert list(found) == ["mean of 1..10", "mean of 1..6", "at 1", "at 6", "at 10"]
    place = SST.index(metric)
    values = {}
    for name, rows in found.items():
        (row,) = re.findall(
            r'<tr[^>]*>\s*(?:<td class="number"[^>]*>1</td>\s*)?<th [^>]*>\s*<a [^>]*>sepvar<.*?</tr>', rows, re.DOTALL
        )
        cells = re.findall(r'<td class="number"[^>]*>(\d[\d.]*)×10⁻([⁰-⁹])<br><small>\[', row)
        values[name] = float(cells[place][0]) * 10.0 ** -"⁰¹²³⁴⁵⁶⁷⁸⁹".index(cells[place][1])
    for name, times in (("mean of 1..10", 5.5), ("mean of 1..6", 3.5), ("at 6", 6), ("at 10", 10)):
        assert values[name] == pytest.approx(times * values["at 1"], rel=2e-3), name


def test_page_names_the_lead_times_of_reported_numbers_as_the_board_does(ocean: Path, tmp_path: Path) -> None:
    text, _ = _track(write_page(ocean, tmp_path / "index.html", REPORTED), "sst/forecast-10")
    (reported,) = re.findall(r'<table class="reported[^"]*">(.*?)</table>', text, re.DOTALL)
    assert reported.count(">mean of 1..6<") == reported.count(">mean of 1..10<") == 2 * (8 + 6)
    assert "1..6 of the forecasts of ten days" in reported


def test_what_is_scored_further_is_named_on_page_and_terminal_without_a_column(tmp_path: Path, run: Any) -> None:
    run(track="moving-mnist/forecast-10", dataset="moving-mnist", metrics=("mse", "psnr", "mse_sum", "ssim_uniform7"))
    build(tmp_path / "runs", tmp_path / "out")
    text, _ = _track(write_page(tmp_path / "out", tmp_path / "index.html"), "moving-mnist/forecast-10")
    assert "Scored too, in the CSV: mse_sum, ssim_uniform7." in text
    assert not re.search(r"<th[^>]*>(mse_<wbr>sum|ssim_<wbr>uniform7)", text)
    printed = _printed(tmp_path / "out", 150)
    assert "scored too, in the CSV: mse_sum, ssim_uniform7" in printed
    assert printed.count("mse_sum") == 1


def test_what_a_reader_must_know_of_a_row_stands_on_page_and_terminal(tmp_path: Path, run: Any) -> None:
    run(model="short", training={"steps": 5, "finished": False, "seconds": 1.5, "resumed_from": 0})
    run(model="exact", metrics=("mse", "psnr"), infinite={"psnr": 2})
    for model in ("judged", "judged-too"):
        run(model=model, judge={"accuracy": {"action": 0.9, "body": 1.0}})
    run(model="plain")
    build(tmp_path / "runs", tmp_path / "out")
    notes = {
        "95 % intervals": "6 clusters are fewer than 20, and percentile intervals over so few are too narrow (over 4 "
        "they hold the truth in about 80 % of cases, over 8 in 89 %)",
        "short": "training stopped before its last step",
        "exact": "psnr: 2 of 24 windows have an infinite value (a frame is matched exactly), so the mean is infinite",
        "judged, judged-too": "the judge itself is right on fewer than 99 % of real test clips (action 90.0 %)",
    }
    text, _ = _read(write_page(tmp_path / "out", tmp_path / "index.html"))
    assert dict(re.findall(r'<p class="faint"><strong>([^<.]+)</strong>: (.*)\.</p>', text)) == notes
    printed = " ".join(_printed(tmp_path / "out", 150).split())
    for model, note in notes.items():
        assert f"{model}: {note}" in printed
    assert "plain: " not in printed


def test_page_promises_no_interval_over_one_sequence(tmp_path: Path, run: Any, name_results: Any) -> None:
    results = run() / "results.csv"
    with results.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with results.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | {"ci_low": "", "ci_high": "", "n_sequences": "1"} for row in rows)
    name_results(results.parent)
    build(tmp_path / "runs", tmp_path / "out")
    text, _ = _read(write_page(tmp_path / "out", tmp_path / "index.html"))
    assert "24 windows of one test sequence, so there is no interval." in text
    assert "95 % interval" not in text


def test_a_board_names_its_protocol_and_what_its_intervals_are_over(tmp_path: Path, run: Any) -> None:
    """Runs of two versions of a protocol stand apart, and the page says which is which."""
    for model, version, cluster in (("old", "", ""), ("new", "2", "character")):
        folder = run(model=model)
        record = json.loads((folder / "record.json").read_text())
        record["protocol_version"] = version
        record["track"]["cluster"] = cluster
        (folder / "record.json").write_text(json.dumps(record))
    build(tmp_path / "runs", tmp_path / "out")
    text, _ = _read(write_page(tmp_path / "out", tmp_path / "index.html"))
    assert text.index("forecast, version 2") < text.index("test characters (") < text.index("forecast, version 1")
    assert "test sequences (" in text[text.index("forecast, version 1") :]


def _printed(out: Path, width: int) -> str:
    """All boards as a terminal of that width has them."""
    from rich.console import Console

    from stbench.boards.ranking import boards
    from stbench.boards.table import board_tables

    console = Console(width=width, record=True, file=io.StringIO())
    for board in boards(read_published(out)):
        for each in board_tables(board, width=width):
            console.print(each)
    return console.export_text()


@pytest.mark.parametrize("width", [80, 120, 160])
def test_terminal_of_any_width_has_every_metric_whole_at_every_lead_time(ocean: Path, width: int) -> None:
    text = _printed(ocean, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    means, others = text.split("other lead times")
    # Headings are folded, in columns side by side: their pieces stand in the lines above the rule, from left to right.
    for part in (means, others):
        headings = re.findall(r"\n\s*\n((?:[^\n─]+\n)+?)\s*─", part)
        pieces = " ".join(headings).split()
        for metric in SST:
            assert set(folded(metric).split("\n")) <= set(pieces), metric
    # Each of six metrics is once in each section of sepvar: a value and, of the ranking one, an interval.
    score = r"\d\.\d{3}×10⁻[³⁴⁵]"
    rows = [line for line in means.splitlines() if "sepvar" in line]
    assert sum(len(re.findall(rf"(?<!\]){score}", line)) for line in rows) == len(SST)
    rows = [line for line in others.splitlines() if "sepvar" in line]
    assert sum(len(re.findall(rf"(?<!\]){score}", line)) for line in rows) == 4 * len(SST)
    assert len(re.findall(r"\[\d\.\d{3}, \d+\.\d{3}\]×10⁻", text)) == 5, "intervals in one piece"
    for name in ("mean of 1..6", "at 1", "at 6", "at 10"):
        assert re.search(rf"^ ?{re.escape(name)} *$", others, re.MULTILINE), name
    for cost in ("parameters", "training", "inference", "seeds"):
        assert cost in means


def test_terminal_says_not_scored_of_a_value_a_record_lacks_and_not_applicable_of_what_cannot_be_asked(
    tmp_path: Path, run: Any
) -> None:
    run(1.0, model="whole", metrics=("mse", "mae"))
    run(2.0, model="half", metrics=("mse",))
    run(model="none", not_applicable="it cannot forecast")
    build(tmp_path / "runs", tmp_path / "out")
    printed = _printed(tmp_path / "out", 150)
    (half,) = (line for line in printed.split("other lead times")[0].splitlines() if " half " in line)
    (none,) = (line for line in printed.splitlines() if " none " in line)
    assert (half.count("not scored"), half.count("not applicable")) == (1, 0)
    assert (none.count("not scored"), none.count("not applicable")) == (0, 2)


def test_long_names_are_folded_behind_underscores_only() -> None:
    assert folded("ssim_gauss11_celsius_broadcast").split("\n") == ["ssim_gauss11_", "celsius_", "broadcast"]
    assert folded("mse_celsius") == "mse_celsius"
    assert folded("averylongnamewithoutany") == "averylongnamewithoutany"
