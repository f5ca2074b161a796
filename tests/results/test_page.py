from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from stbench.errors import StbenchError
from stbench.results.leaderboard import build
from stbench.results.page import write_page

REPORTED = Path(__file__).resolve().parents[2] / "leaderboards" / "reported.csv"
VOID = {"meta", "br", "hr", "img", "link", "input"}


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


def _read(path: Path) -> tuple[str, _Reader]:
    text, reader = path.read_text(encoding="utf-8"), _Reader()
    reader.feed(text)
    assert (reader.faults, reader.open) == ([], [])
    return text, reader


@pytest.fixture
def page(tmp_path: Path, run: Any) -> Path:
    track = {"track": "waveeq-100/forecast-40"}
    run(1e-5, **track, command="stbench run --model sepvar --set x='<script>alert(1)</script>'")
    run(2e-2, **track, model="mean", floor=True)
    run(**track, model="none", not_applicable="it cannot <b>forecast</b>")
    run(1.0, track="sst/forecast-6", dataset="sst", dataset_source="simulated", preset="paper")
    build(tmp_path / "runs", tmp_path / "out")
    return write_page(tmp_path / "out", tmp_path / "web" / "index.html", REPORTED)


def test_page_is_complete_in_itself(page: Path) -> None:
    text, reader = _read(page)
    assert not {tag for tag, _ in reader.tags} & {"script", "link", "img", "iframe", "object", "embed"}
    for _, attributes in reader.tags:
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
        assert not [name for name in attributes if name.startswith("on")]
    assert "url(" not in text
    assert "@import" not in text
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {attributes["href"] for tag, attributes in reader.tags if tag == "a"}
    assert targets <= {f"#{each}" for each in ids}


def test_texts_of_records_are_escaped(page: Path) -> None:
    text, reader = _read(page)
    assert "<script>" not in text
    assert "<b>forecast" not in text
    assert any("<script>alert(1)</script>" in each for each in reader.texts)


def test_page_shows_floors_sources_digests_commands_and_formulas(page: Path) -> None:
    text, reader = _read(page)
    assert text.count('<tr class="floor">') == 1
    assert text.count('<svg class="curves"') == 2
    assert re.search(r'<path class="line floor f0" [^>]*d="M[\d. L]+"/>', text)
    assert ("span", {"class": "tag simulated"}) in reader.tags
    assert "ab" * 32 in text
    assert any(each.startswith("stbench run") for each in reader.texts)
    assert "mean_i (p_i - t_i)²" in text
    assert "not applicable" in text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_presets_come_in_the_order_paper_cpu_quick(page: Path) -> None:
    text, _ = _read(page)
    assert text.index("<h2>Preset paper") < text.index("<h2>Preset quick")


def test_reported_numbers_stand_in_tables_of_their_own(page: Path) -> None:
    text, _ = _read(page)
    tables = re.findall(r'<table( class="reported")?>(.*?)</table>', text, re.DOTALL)
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
    again = write_page(tmp_path / "out", tmp_path / "again.html", REPORTED)
    assert again.read_bytes() == page.read_bytes()


def test_a_page_of_nothing_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match="stbench leaderboard"):
        write_page(tmp_path, tmp_path / "index.html")


def test_models_that_cannot_be_asked_stand_on_page_and_terminal_with_the_reason(tmp_path: Path, run: Any) -> None:
    from rich.console import Console

    from stbench.results.board import boards
    from stbench.results.leaderboard import read_published
    from stbench.results.table import board_table

    run(track="moving-mnist/swap-10", dataset="moving-mnist")
    build(tmp_path / "runs", tmp_path / "out")
    text, _ = _read(write_page(tmp_path / "out", tmp_path / "index.html"))
    assert re.search(r'<span class="name">convlstm</span></td>\s*<td colspan="\d+">not applicable: the protocol', text)
    assert re.search(r'<span class="name">sepvar:without-s</span></td>\s*<td colspan="\d+">not applicable: S is', text)
    console = Console(width=200, record=True, file=io.StringIO())
    (board,) = boards(read_published(tmp_path / "out"))
    console.print(board_table(board, width=200))
    assert "not applicable: convlstm, phydnet (the protocol 'swap'" in console.export_text()
