"""The digest of code: what a module reaches is in it, and prose is not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stbench import registry
from stbench.errors import StbenchError
from stbench.provenance.code import closure, code_digest, data_files

MODEL = '''"""A model."""
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import numpy

from .parts import cell
from . import registry_user

if TYPE_CHECKING:
    from .typing_only import Name

TABLE = "table.toml"
LATE = ".late"

def build(x):
    """Build it."""
    from .inside import f  # only now
    importlib.import_module(LATE, __package__)
    importlib.import_module("foreign.later")
    return f(x) + cell.STEP
'''
FILES = {
    "__init__.py": "from . import at_start\n",
    "model.py": MODEL,
    "at_start.py": "",
    "parts/__init__.py": "",
    "parts/cell.py": "STEP = 1\n",
    "registry_user.py": 'from stbench import registry\nNAME = "ssim_gauss11"\ndef g(): return registry.metric(NAME)\n',
    "inside.py": "def f(x): return -x\n",
    "late.py": "",
    "later.py": "",
    "typing_only.py": "Name = str\n",
    "other.py": "",
    "table.toml": "a = 1\n",
    "unread.toml": "a = 1\n",
}


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `foreign` of somebody else's, for one test."""
    root = tmp_path / "site" / "foreign"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.syspath_prepend(root.parent)
    for name in ("foreign", "foreign.parts", "foreign.at_start"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return root


def digest() -> str:
    return code_digest(["foreign.model"], without=["stbench"])


def reached() -> dict[str, Path]:
    return closure(["foreign.model"], without=["stbench"])


def test_what_a_foreign_model_reaches_is_in_its_closure(foreign: Path) -> None:
    found = {name for name in reached() if name.startswith("foreign")}
    inside = {"model", "at_start", "parts", "parts.cell", "registry_user", "inside", "late", "later"}
    assert found == {"foreign", *(f"foreign.{name}" for name in inside)}
    assert registry.module("metrics", "ssim_gauss11") in reached()
    assert "numpy" not in reached()
    assert set(data_files(reached())) == {"foreign/table.toml"}


def test_a_module_brings_the_packages_that_python_runs_before_it(foreign: Path) -> None:
    assert set(closure(["foreign.parts.cell"])) == {
        "foreign",
        "foreign.at_start",
        "foreign.parts",
        "foreign.parts.cell",
    }


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ("parts/cell.py", "STEP = 2\n"),
        ("inside.py", "def f(x): return +x\n"),
        ("late.py", "x = 1\n"),
        ("at_start.py", "x = 1\n"),
        ("table.toml", "a = 2\n"),
        ("model.py", MODEL.replace("+ cell", "- cell")),
    ],
)
def test_a_changed_part_changes_the_digest(foreign: Path, changed: str, text: str) -> None:
    before = digest()
    (foreign / changed).write_text(text)
    assert digest() != before


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ("other.py", "x = 1\n"),
        ("typing_only.py", "Name = int\n"),
        ("unread.toml", "a = 2\n"),
        ("table.toml", "# What it is.\na   =  1\n"),
        ("model.py", MODEL.replace('"""A model."""', '"""Another\nsentence."""').replace("# only now", "")),
        ("model.py", MODEL.replace('"""Build it."""', "").replace("\nTABLE", "\n\n\nTABLE")),
        ("model.py", MODEL.replace("import Name", "import Name as Label")),
    ],
)
def test_prose_and_what_is_not_reached_change_nothing(foreign: Path, changed: str, text: str) -> None:
    before = digest()
    assert text != FILES[changed]
    (foreign / changed).write_text(text)
    assert digest() == before


def test_a_name_known_at_run_time_only_stands_for_the_package_around_it(foreign: Path) -> None:
    assert "foreign.other" not in reached()
    (foreign / "late.py").write_text("import importlib, os\nimportlib.import_module(os.environ['MODEL'])\n")
    assert {"foreign.other", "foreign.typing_only"} <= set(reached())


def test_where_a_package_lies_and_the_order_of_roots_do_not_matter(
    foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = ["foreign.model", "foreign.other"]
    before = code_digest(roots)
    assert code_digest(roots[::-1]) == before != code_digest(roots[:1])
    (tmp_path / "elsewhere").mkdir()
    foreign.parent.rename(tmp_path / "elsewhere" / "site")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere" / "site")
    for name in [name for name in sys.modules if name.split(".")[0] == "foreign"]:
        monkeypatch.delitem(sys.modules, name)
    assert code_digest(roots) == before


def test_facts_beside_the_code_are_in_the_digest(foreign: Path) -> None:
    assert code_digest(["foreign.model"], data={"split": "a"}) != code_digest(["foreign.model"], data={"split": "b"})


def test_a_room_that_is_left_out_is_not_entered(foreign: Path) -> None:
    assert not {name for name in closure(["foreign.model"], without=["foreign.parts"]) if "parts" in name}
    assert "foreign.parts" in closure(["foreign.model"], without=["foreign"])


def test_a_missing_root_and_a_source_that_is_no_python_are_one_sentence(foreign: Path) -> None:
    with pytest.raises(StbenchError, match=r"'stbench\.nowhere' is not there"):
        closure(["stbench.nowhere"])
    (foreign / "inside.py").write_text("def f(:\n")
    with pytest.raises(StbenchError, match=r"inside\.py, the module 'foreign\.inside', is no Python"):
        digest()
