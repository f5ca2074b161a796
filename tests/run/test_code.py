"""Which sources a run depends on."""

from pathlib import Path

import pytest

from stbench.provenance.code import own_modules
from stbench.provenance.environment import code_fingerprint


def test_a_plug_in_is_its_module_and_what_that_imports_from_its_package() -> None:
    found = own_modules("stbench.models.sepvar.model")
    assert {
        "stbench.models.sepvar.model",
        "stbench.models.parts.integrator",
        "stbench.models.parts.rollout",
        "stbench.models.parts.mlp",
    } <= set(found)
    assert all(name.startswith("stbench.models") for name in found)
    assert own_modules("stbench.baselines.floors.persistence") == ["stbench.baselines.floors.persistence"]


def test_floors_do_not_depend_on_one_another() -> None:
    assert "stbench.baselines.floors.linear" not in own_modules("stbench.baselines.floors.mean")
    assert "stbench.baselines.floors.ridge" in own_modules("stbench.baselines.floors.linear")


def test_a_changed_byte_changes_the_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "foreign"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "model.py").write_text("from .helper import f\n")
    (package / "helper.py").write_text("def f(): return 1\n")
    (package / "other.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    modules = own_modules("foreign.model")
    assert modules == ["foreign.helper", "foreign.model"]
    before = code_fingerprint(modules)
    (package / "other.py").write_text("x = 1\n")
    assert code_fingerprint(modules) == before
    (package / "helper.py").write_text("def f(): return 2\n")
    assert code_fingerprint(modules) != before
