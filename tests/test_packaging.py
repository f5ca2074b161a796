"""What is shipped: every module, every data file, entry points that resolve, versions that agree."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, requires, version
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import stbench

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {"stbench": "stbench", "generators": "stbench/generators", "baselines": "stbench/baselines"}
RECORDS = ("record.json", "results.csv", "clusters.npz", "card.toml")
BOARDS = ("*.csv", "*.json", "*/*.csv", *(f"records/**/{name}" for name in RECORDS))
"""What is shipped of `leaderboards/`."""
OF_ONES_OWN = ("quick", "custom-mine")
"""Presets whose boards and records stay where they were made."""
OWN = (
    *("index.html", "pages/model-sepvar.html"),
    *(f"{preset}/sprites.csv" for preset in OF_ONES_OWN),
    *(f"gallery/{preset}/sprites/gallery.json" for preset in OF_ONES_OWN),
    *(f"records/{preset}/sprites/sample-8/mocogan/seed-0/{name}" for preset in OF_ONES_OWN for name in RECORDS),
)
"""What `make leaderboard` and `stbench leaderboard --name mine` leave there."""


def _leave_own(checkout: Path) -> None:
    for name in OWN:
        path = checkout / "leaderboards" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy, so that the checkout stays clean, in which `make leaderboard` has left its own."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "leaderboards", folder / "leaderboards")
    _leave_own(folder)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy(ROOT / name, folder / name)
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(folder / "dist"),
        str(folder),
    ]
    report = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert report.returncode == 0, report.stdout + report.stderr
    (path,) = (folder / "dist").glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files of the source distribution, by their path in it."""
    folder = tmp_path_factory.mktemp("sdist")
    ignored = shutil.ignore_patterns("__pycache__", ".*", "*.egg-info", "runs", "records", "build", "dist", "site")
    shutil.copytree(ROOT, folder / "checkout", ignore=ignored)
    _leave_own(folder / "checkout")
    words = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", str(folder), "checkout"]
    report = subprocess.run(words, capture_output=True, text=True, timeout=300, cwd=folder)
    assert report.returncode == 0, report.stdout + report.stderr
    (path,) = folder.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        return {each.name.partition("/")[2] for each in archive if each.isfile()}


def metadata(wheel: zipfile.ZipFile, name: str) -> str:
    (path,) = (each for each in wheel.namelist() if each.endswith(f".dist-info/{name}"))
    return wheel.read(path).decode()


def test_every_module_and_every_data_file_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    expected = {
        f"{target}/{path.relative_to(ROOT / source).as_posix()}"
        for source, target in FOLDERS.items()
        for path in (ROOT / source).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert {name for name in shipped if not name.startswith("stbench/leaderboards/")} == expected
    assert {
        "stbench/py.typed",
        "stbench/generators/waveeq/dataset.py",
        "stbench/baselines/floors/persistence.py",
    } <= shipped
    assert {Path(name).suffix for name in shipped} >= {".py", ".toml", ".json", ".typed"}


def test_the_wheel_has_boards_and_the_records_they_are_built_from(wheel: zipfile.ZipFile) -> None:
    shipped = {name for name in wheel.namelist() if name.startswith("stbench/leaderboards/")}
    published = chain.from_iterable((ROOT / "leaderboards").glob(each) for each in BOARDS)
    of_ones_own = re.compile(r"leaderboards/(records/)?(quick|custom-[^/]*)/")
    names = {path.relative_to(ROOT).as_posix() for path in published}
    found = {name for name in names if not of_ones_own.match(name)}
    assert shipped == {f"stbench/{name}" for name in found}
    assert "stbench/leaderboards/reported.csv" in shipped
    assert "stbench/leaderboards/cpu/sst-simulated.csv" in shipped
    assert {Path(name).name for name in shipped if "/records/" in name} == {*RECORDS} - {"card.toml"}


def test_boards_are_rebuilt_from_the_records_in_the_wheel(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    from stbench.boards.leaderboard import build

    for name in wheel.namelist():
        if name.startswith("stbench/leaderboards/records/paper/"):
            wheel.extract(name, tmp_path)
    out = tmp_path / "stbench" / "leaderboards"
    written = build(tmp_path / "none", out)
    assert written
    for path in written:
        assert path.read_bytes() == (ROOT / "leaderboards" / path.relative_to(out)).read_bytes()


def test_the_source_distribution_has_the_tests_and_what_they_read(sdist: set[str]) -> None:
    for folder in ("tests", "stbench", "generators", "baselines", "docs", "benchmarks"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and not {"__pycache__"} & set(path.parts) and not path.name.startswith("."):
                assert path.relative_to(ROOT).as_posix() in sdist
    assert {
        "CHANGELOG.md",
        "CITATION.cff",
        "CONTRIBUTING.md",
        "Makefile",
        "constraints.txt",
        "mkdocs.yml",
        "setup.py",
    } <= sdist
    assert {"leaderboards/reported.csv", "leaderboards/cpu/sst-simulated.csv"} <= sdist
    assert not any("__pycache__" in name for name in sdist)
    assert sdist.isdisjoint(f"leaderboards/{name}" for name in OWN)


def test_metadata_name_author_pythons_and_an_address(wheel: zipfile.ZipFile) -> None:
    about = metadata(wheel, "METADATA")
    assert "\nAuthor: The stbench authors\n" in about
    assert "\nProject-URL: " in about
    for python in ("3.11", "3.12", "3.13"):
        assert f"\nClassifier: Programming Language :: Python :: {python}\n" in about


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("generators/kth/intervals.toml", "info kth"),
        ("generators/waveeq/waveeq-1.json", "info waveeq"),
        ("boards/templates/track.html", "leaderboard"),
        ("store/statistics.py", "generate waveeq-100 --set sequences=3 --out w.zarr"),
    ],
)
def test_a_packaged_file_that_is_missing_is_one_sentence(
    wheel: zipfile.ZipFile, file: str, words: str, tmp_path: Path
) -> None:
    wheel.extractall(tmp_path / "installed")
    shutil.copytree(ROOT / "leaderboards" / "records" / "paper", tmp_path / "leaderboards" / "records" / "paper")
    (tmp_path / "installed" / "stbench" / file).unlink()
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "installed"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("STBENCH_RAW", None)
    command = [sys.executable, "-m", "stbench", *words.split()]
    report = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300)
    assert report.returncode == 2, report.stderr
    assert report.stderr.splitlines()[-1].startswith("stbench: error: ")
    assert Path(file).stem in report.stderr
    assert report.stderr.rstrip().endswith("install stbench again")
    assert "Traceback" not in report.stderr


def test_entry_points_of_the_wheel_resolve_inside_it(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    entry_points = configparser.ConfigParser(delimiters=("=",))
    entry_points.optionxform = str  # type: ignore[assignment,method-assign]
    entry_points.read_string(metadata(wheel, "entry_points.txt"))
    assert set(entry_points.sections()) == {
        "console_scripts",
        "stbench.datasets",
        "stbench.metrics",
        "stbench.models",
    }
    targets = [target for section in entry_points.sections() for target in entry_points[section].values()]
    code = f"""
import importlib, sys
for target in {targets!r}:
    module, _, attribute = target.partition(":")
    loaded = importlib.import_module(module)
    assert loaded.__file__.startswith({str(tmp_path)!r}), loaded.__file__
    getattr(loaded, attribute)
"""
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", code]
    report = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300)
    assert report.returncode == 0, report.stderr


def test_registered_names_are_the_names_the_plugins_have() -> None:
    from stbench import registry

    for kind, load in (("datasets", registry.dataset), ("models", registry.model), ("metrics", registry.metric)):
        for name in registry.names(kind):
            plugin: Any = load(name)
            assert plugin.name == name


def test_the_licence_is_shipped_and_named(wheel: zipfile.ZipFile) -> None:
    assert "License-Expression: Apache-2.0" in metadata(wheel, "METADATA")
    assert "Apache License" in metadata(wheel, "licenses/LICENSE")


def test_one_version_everywhere(wheel: zipfile.ZipFile) -> None:
    assert f"\nVersion: {stbench.__version__}\n" in metadata(wheel, "METADATA")
    citation = (ROOT / "CITATION.cff").read_text()
    assert re.findall(r"^\s*version: (.+)$", citation, re.MULTILINE) == [stbench.__version__] * 2
    releases = re.findall(r"^## (\S+) \((\d{4}-\d\d-\d\d)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert releases[0] == (stbench.__version__, re.findall(r"^date-released: (.+)$", citation, re.MULTILINE)[0])
    assert releases == sorted(releases, reverse=True)


def test_a_record_names_the_version_of_the_code_and_not_that_of_an_older_installation() -> None:
    """An editable installation keeps the metadata of the day it was made."""
    from stbench.provenance.environment import environment

    assert environment()["stbench_version"] == stbench.__version__


def test_the_citation_file_and_the_bibtex_agree() -> None:
    import yaml

    from stbench.provenance.citation import stbench_bibtex

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    preferred = citation["preferred-citation"]
    for value in (preferred["title"], preferred["authors"][0]["name"], str(preferred["year"]), preferred["version"]):
        assert f"{{{value}}}" in stbench_bibtex()
    assert str(citation["date-released"]).startswith(str(preferred["year"]))


def closure(name: str, extras: tuple[str, ...], seen: set[tuple[str, str]]) -> set[str]:
    """Canonical names of everything that installing `name[extras]` brings on this machine."""
    try:
        requirements = [Requirement(text) for text in requires(name) or []]
    except PackageNotFoundError:
        return set()
    found: set[str] = set()
    for extra in ("", *extras):
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for each in requirements:
            if each.marker is None or each.marker.evaluate({"extra": extra}):
                found |= {canonicalize_name(each.name)} | closure(
                    canonicalize_name(each.name), tuple(each.extras), seen
                )
    return found


def pins() -> dict[str, list[str]]:
    """The exact versions in constraints.txt: one of each name, or one for each of several Pythons."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            assert re.fullmatch(r"==[0-9][0-9a-z.]*", str(requirement.specifier)), line
            found.setdefault(canonicalize_name(requirement.name), []).append(str(requirement.specifier)[2:])
            assert len(found[canonicalize_name(requirement.name)]) == 1 or requirement.marker, line
    return found


@pytest.mark.skipif(version("numpy") not in pins()["numpy"], reason="this environment is not that of constraints.txt")
def test_constraints_pin_everything_an_installation_brings() -> None:
    pinned = set(pins())
    extras = tuple(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    brought = closure("stbench", extras, set()) - {"stbench"}
    # The CUDA libraries of a CUDA build of torch are pinned by torch itself.
    brought = {name for name in brought if not name.startswith(("nvidia-", "cuda-", "triton"))}
    assert len(brought) > 50
    assert brought - pinned == set()


def test_every_requirement_has_a_lower_bound_that_the_tested_version_meets() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for text in project["dependencies"] + list(chain.from_iterable(project["optional-dependencies"].values())):
        requirement = Requirement(text)
        tested = pins()[canonicalize_name(requirement.name)]
        assert [each for each in tested if not requirement.specifier.contains(each)] == [], text
        assert any(each.operator == ">=" for each in requirement.specifier), f"{text} has no lower bound"
