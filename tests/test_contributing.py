"""What somebody who wants to join finds: templates of issues, and checks that are the Makefile's."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from stbench.cli.main import cli

ROOT = Path(__file__).resolve().parents[1]
FORGE = ROOT / ".github"
TEMPLATES = sorted((FORGE / "ISSUE_TEMPLATE").glob("[!c]*.yml"))

pytestmark = pytest.mark.skipif(not FORGE.is_dir(), reason="a source distribution has no .github")


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def steps() -> list[dict[str, Any]]:
    jobs = [job for path in sorted((FORGE / "workflows").glob("*.yml")) for job in loaded(path)["jobs"].values()]
    return [step for job in jobs for step in job["steps"]]


def test_workflows_run_targets_of_the_makefile_and_nothing_else() -> None:
    commands = [step["run"] for step in steps() if "run" in step]
    assert {"make test", "make lint", "make test-oldest", "make check-rows"} <= {*commands}
    for command in commands:
        assert (found := re.fullmatch(r"make( [A-Z]+=\S+)* ([a-z-]+)", command)), command
        assert found.group(2) in targets(), command


def test_workflows_use_nobody_elses_steps_but_the_forges_own() -> None:
    assert {step["uses"].partition("/")[0] for step in steps() if "uses" in step} == {"actions"}


def test_tests_run_on_every_python_that_is_promised_and_on_the_next_one_that_may_fail() -> None:
    matrix = loaded(FORGE / "workflows" / "checks.yml")["jobs"]["tests"]["strategy"]["matrix"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    promised = [each.rpartition(" ")[2] for each in project["classifiers"] if re.search(r":: 3\.\d+$", each)]
    assert (matrix["python"], matrix["may-fail"]) == (promised, [False])
    major, minor = promised[-1].split(".")
    assert matrix["include"] == [{"python": f"{major}.{int(minor) + 1}", "may-fail": True}]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_templates_of_issues_are_forms(path: Path) -> None:
    """A forge shows a form only where each field is complete and its name is there once."""
    form = loaded(path)
    assert form["name"]
    assert form["description"]
    names = [field["id"] for field in form["body"]]
    assert len(names) == len({*names})
    for field in form["body"]:
        assert field["type"] in {"input", "textarea", "dropdown"}
        assert field["attributes"]["label"]
        assert ("options" in field["attributes"]) == (field["type"] == "dropdown")
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_there_is_a_template_for_each_way_in() -> None:
    assert {path.stem for path in TEMPLATES} == {"defect", "number", "model", "dataset"}


def test_rows_of_others_are_checked_by_the_code_of_the_base_branch_with_the_options_that_are_there() -> None:
    workflow = loaded(FORGE / "workflows" / "submission.yml")
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    (step,) = (each for each in job["steps"] if each.get("run") == "make check-rows")
    assert step["working-directory"] == job["steps"][0]["with"]["path"] == "base"
    assert "base.sha" in job["steps"][0]["with"]["ref"]
    words = re.sub(r"\$\{\{.*'(--from-others)'.*\}\}", r"\1", step["env"]["CHECK"]).split()
    context = click.Context(cli, **cli.context_settings)
    command = cli.get_command(context, "leaderboard")
    assert command is not None
    asked = command.make_context("leaderboard", ["--check", *words], parent=context).params
    assert asked["from_others"]
    assert (str(asked["before"]), str(asked["out"])) == ("leaderboards", "../proposed/leaderboards")
