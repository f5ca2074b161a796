"""What the documentation tells people to type exists."""

from __future__ import annotations

import json
import re
import runpy
import shlex
from pathlib import Path

import click
import pytest

from stbench import registry
from stbench.cli.main import COMMANDS, cli

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TYPED = re.compile(r"^\$ (stbench .*?)(?:\s+>\s+\S+)?(?:\s+#.*)?$", re.MULTILINE)


def commands() -> list[tuple[str, str]]:
    return [(page.name, line) for page in PAGES for line in TYPED.findall(page.read_text("utf-8"))]


@pytest.mark.parametrize(("page", "line"), commands())
def test_every_command_of_the_documentation_is_understood(page: str, line: str) -> None:
    name, *arguments = shlex.split(line.partition(" > ")[0])[1:]
    # Commands remember the help option of the first context they were asked in.
    parent = click.Context(cli, **cli.context_settings)
    command = cli.get_command(parent, name)
    assert command is not None, f"{page}: {line}"
    command.make_context(name, arguments, parent=parent)


def test_the_documentation_shows_every_command() -> None:
    shown = {line.split()[1] for _, line in commands()}
    assert shown >= set(COMMANDS)


def test_every_relative_link_leads_to_a_file() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_names_every_variant_where_it_does_not_say_that_there_are_others() -> None:
    rows = re.findall(
        r"^\| `([a-z0-9-]+)`(?:; variants? (.*?))? \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE
    )
    named = {name: told for name, told in rows if name in registry.names("models")}
    assert len(named) > 20
    for name, told in named.items():
        if " and others" in told or " to " in told:
            continue
        tables = [registry.model(name).presets(each) for each in registry.names("datasets")]
        assert set(re.findall(r"`(.*?)`", told)) == {each for table in tables for each in table.get("variants", {})}, (
            name
        )


def test_make_help_lists_every_target_people_need() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    described = set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
    assert described >= {"help", "leaderboard", "site", "test", "test-all", "test-oldest", "lint", "bench", "clean"}
    assert described == set(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)[0].split())


def test_the_dataset_page_says_what_the_cards_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STBENCH_RAW", raising=False)
    script = runpy.run_path(str(ROOT / "docs" / "make_datasets.py"))
    assert script["PAGE"].read_text("utf-8") == script["page"](), "run .venv/bin/python docs/make_datasets.py"


def test_every_published_command_says_which_source_it_had() -> None:
    for path in (ROOT / "leaderboards" / "records").rglob("record.json"):
        record = json.loads(path.read_text("utf-8"))
        named = re.findall(r"--source (\w+)", record["command"])
        assert named == [record["dataset_source"]] * (record["dataset_source"] != "procedural"), path


def test_the_evidence_page_says_what_the_records_say() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "make_evidence.py"))
    assert script["PAGE"].read_text("utf-8") == script["page"](), "run .venv/bin/python docs/make_evidence.py"


def test_tables_of_the_papers_beside_ours_are_those_of_the_records() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "make_reproduction.py"))
    page = script["PAGE"].read_text("utf-8")
    assert page == script["page"](page), "run .venv/bin/python docs/make_reproduction.py"
    assert "| Ours | `sepvar` | 4.33e-5; 4.577×10⁻⁵ (3 seeds) |" in page


def test_the_page_of_performance_says_what_records_and_benchmark_say_of_the_solver() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "make_solver_cost.py"))
    page = script["PAGE"].read_text("utf-8")
    wanted = script["replaced"](page, script["section"](script["read_boards"]()))
    assert page == wanted, "run .venv/bin/python docs/make_solver_cost.py"
