"""The pages as people use them: headless Chromium, with the keyboard, on a phone, in light and dark.

Chromium comes from Debian, axe-core from npm, Playwright from PyPI: `.ci/browser` installs them. Elsewhere these tests
skip and say what is missing.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
import zarr

from stbench.boards.leaderboard import build

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT / "leaderboards" / "records"
TRACKS = ("cpu/waveeq-rich/forecast-40", "cpu/sst/forecast-6", "paper/waveeq-100/forecast-40")
FRAMED = ("sepvar", "convlstm", "linear")
MODELS = (*FRAMED, "sepvar.without-s", "phydnet", "mean", "persistence", "nearest-neighbour", "climatology")
PAGES = (
    "index.html",
    "pages/track-waveeq-rich-forecast-40.html",
    "pages/model-sepvar.html",
    "pages/dataset-sst.html",
    "pages/track-waveeq-100-forecast-40.html",
)
AXE = ROOT / ".venv" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of published runs, three of which have kept frames.

    Of the first track these are the models named above, so that a run that is published later changes no expectation.
    """
    folder = tmp_path_factory.mktemp("site")
    for track in TRACKS[1:]:
        shutil.copytree(RECORDS / track, folder / "runs" / track)
    for model in MODELS:
        shutil.copytree(RECORDS / TRACKS[0] / model, folder / "runs" / TRACKS[0] / model)
    for level, model in enumerate(FRAMED, 1):
        (run,) = (folder / "runs" / TRACKS[0] / model).iterdir()
        keep(run, level)
    build(folder / "runs", folder / "out", ROOT / "leaderboards" / "reported.csv", folder / "out" / "index.html")
    return folder / "out"


def keep(run: Path, level: int) -> None:
    """Frames of five windows, (window, 40, 1, 8, 8); the error of a window grows with its number and with `level`."""
    rng = np.random.default_rng(0)
    target = rng.normal(size=(5, 40, 1, 8, 8)).astype(np.float32)
    noise = (
        rng.normal(size=target.shape).astype(np.float32)
        * (1 + np.arange(5, dtype=np.float32))[:, None, None, None, None]
    )
    group = zarr.open_group(run / "predictions.zarr", mode="w", zarr_format=3)
    for name, values in {
        "target": target,
        "prediction": target + 0.1 * level * noise,
        "sequence": np.arange(5),
        "start": np.zeros(5, np.int64),
    }.items():
        group.create_array(name, data=values)


@pytest.fixture(scope="module")
def leader(site: Path) -> str:
    """The model that the table of the first track has in its first row."""
    with (site / "cpu" / "waveeq-rich.csv").open(newline="") as file:
        return next(row["model"] for row in csv.DictReader(file) if row["rank"] == "1")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: .ci/browser")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: .ci/browser")
    with api.sync_playwright() as playwright:
        # Root, as in a container, has no sandbox.
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page that has to keep quiet and to ask nobody."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    opened = context.new_page()
    told: list[str] = []
    opened.on("console", lambda message: told.append(message.text))
    opened.on("pageerror", lambda error: told.append(str(error)))
    opened.on("request", lambda request: told.append(request.url) if not _local(request.url) else None)
    yield opened
    context.close()
    assert told == []


def _local(url: str) -> bool:
    return urlsplit(url).scheme in {"file", "data"}


def column(page: Any, table: str, heading: str) -> list[str]:
    """Texts of a column, of rows that are shown."""
    return page.eval_on_selector(
        table,
        """(table, heading) => {
            const headings = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
            const k = headings.findIndex(each => each.textContent.trim().startsWith(heading));
            const rows = [...table.tBodies[0].rows].filter(each => each.offsetParent !== null && each.cells[k]);
            return rows.map(each => each.cells[k].textContent.trim());
        }""",
        heading,
    )  # type: ignore[no-any-return]


def test_a_click_and_a_key_sort_a_table(site: Path, page: Any) -> None:
    page.goto((site / PAGES[1]).as_uri())
    table = "table.sortable >> nth=0"
    ranks = column(page, table, "rank")
    numbers = [int(each) for each in ranks if each]
    assert numbers == sorted(numbers)
    assert len(numbers) == len(MODELS)
    heading = page.locator("thead button.sort", has_text="mse").first
    heading.click()
    page.wait_for_function("document.querySelector('table.sortable th[aria-sort]')")
    assert column(page, table, "rank") == ranks, "ranked by mse: the smallest first, models without a value last"
    heading.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("table.sortable th[aria-sort=descending]")
    page.wait_for_timeout(50)
    assert [int(each) for each in column(page, table, "rank") if each] == numbers[::-1]
    page.locator("thead button.sort", has_text="model").first.focus()
    page.keyboard.press("Space")
    page.wait_for_timeout(50)
    names = [each.split()[0] for each in column(page, table, "model")]
    assert names == sorted(names)
    assert page.inner_text("#status").startswith("sorted by model")


def test_filters_hide_what_has_another_preset_source_or_trust(site: Path, page: Any) -> None:
    page.goto((site / "index.html").as_uri())
    tracks = "table:has(caption:has-text('The best of every track'))"
    everything = column(page, tracks, "track")
    assert len(everything) == 3
    page.select_option("select[data-filter=source]", "simulated")
    assert column(page, tracks, "track") == ["sst/forecast-6"]
    page.select_option("select[data-filter=source]", "")
    page.select_option("select[data-filter=preset]", "paper")
    assert column(page, tracks, "track") == ["waveeq-100/forecast-40"]
    assert page.locator("section.preset:visible").count() == 1
    page.select_option("select[data-filter=trust]", "scored by the author")
    assert column(page, tracks, "track") == []
    assert page.locator(".none:visible").count() == 1
    page.locator(".filters button[type=reset]").click()
    page.wait_for_timeout(50)
    assert column(page, tracks, "track") == everything


def test_every_link_leads_to_a_file_and_a_place_in_it(site: Path, page: Any) -> None:
    pages = sorted(path for path in (site, site / "pages") for path in path.glob("*.html"))
    assert len(pages) > 12
    ids: dict[Path, set[str]] = {}
    links: dict[Path, list[str]] = {}
    for path in pages:
        page.goto(path.as_uri())
        found = page.evaluate(
            "[[...document.querySelectorAll('[id]')].map(each => each.id),"
            " [...document.querySelectorAll('a')].map(each => each.href)]"
        )
        assert len(found[0]) == len(set(found[0])), path
        ids[path], links[path] = set(found[0]), found[1]
    for path, targets in links.items():
        for target in targets:
            parts = urlsplit(target)
            assert parts.scheme == "file", f"{path.name}: {target}"
            there = Path(unquote(parts.path))
            assert there.is_file(), f"{path.name}: {target}"
            if parts.fragment:
                assert unquote(parts.fragment) in ids[there], f"{path.name}: {target}"


def test_the_gallery_moves_by_slider_and_button(site: Path, page: Any) -> None:
    page.goto((site / PAGES[1]).as_uri())
    assert page.locator(".player figcaption strong").all_inner_texts() == ["best", "median", "worst"]
    captions = page.locator(".player figcaption").all_inner_texts()
    # The error of every model with frames grows with the number of the window.
    assert [each.split("sequence ")[1].split(",")[0] for each in captions] == ["0", "2", "4"]
    player = page.locator(".player").first
    assert player.locator(".tile").count() == 1 + 2 * len(FRAMED)
    place = "e => getComputedStyle(e.querySelector('.tile')).backgroundPositionX"
    assert player.evaluate(place) == "0%"
    player.locator("input").focus()
    page.keyboard.press("End")
    assert player.evaluate(place) == "100%"
    assert player.locator("output").inner_text() == "+40"
    player.locator("button").click()
    page.wait_for_function(
        "e => [0, 100].every(k => `${k}%` !== getComputedStyle(e.querySelector('.tile')).backgroundPositionX)",
        arg=player.element_handle(),
    )
    player.locator("button").click()
    assert player.locator("button").inner_text() == "play"


def test_the_command_of_a_row_is_copied_from_a_page_of_a_file(site: Path, leader: str, page: Any) -> None:
    page.goto((site / PAGES[1]).as_uri())
    row = page.locator("tbody tr").first
    row.locator("summary").focus()
    page.keyboard.press("Enter")
    command = row.locator("pre").inner_text()
    assert command.startswith(f"stbench run --model {leader} ")
    row.locator("button.copy").click()
    page.wait_for_function("document.getElementById('status').textContent === 'copied'")
    page.evaluate("document.body.append(Object.assign(document.createElement('textarea'), {id: 'paste'}))")
    page.locator("#paste").focus()
    page.keyboard.press("Control+V")
    assert page.input_value("#paste") == command


def test_a_link_to_a_configuration_opens_it(site: Path, leader: str, page: Any) -> None:
    page.goto((site / PAGES[1]).as_uri())
    page.locator("tbody details summary").first.click()
    page.locator("tbody ul.links a", has_text="preset").first.click()
    page.wait_for_load_state()
    assert page.url.split("/")[-1].startswith(f"model-{leader}.html#")
    assert page.locator("details[open] pre").count() == 1


@pytest.mark.parametrize("name", [*PAGES[:3], *(pytest.param(each, marks=pytest.mark.slow) for each in PAGES[3:])])
def test_axe_finds_no_violation_in_light_and_dark_on_a_desk_and_on_a_phone(site: Path, page: Any, name: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: .ci/browser")
    page.goto((site / name).as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.evaluate(AXE.read_text("utf-8"))
    for width in (1400, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing reaches beyond the screen"
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
            told = [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]]
            assert told == [], (width, scheme)


def test_without_script_everything_can_be_read(site: Path, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / PAGES[1]).as_uri())
    assert page.locator(".filters").count() == 1
    assert page.locator(".filters").is_hidden(), "what does nothing is not shown"
    assert page.locator("tbody tr").first.is_visible()
    assert page.locator("svg.curves").first.is_visible()
    context.close()
