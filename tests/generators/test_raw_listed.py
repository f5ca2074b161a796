"""Every raw file that a stand-in leaves for its dataset is one whose content the store names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stbench.generators.kth.index import LIST_NAME

from stbench.store.build import resolve

KTH = {"persons": "1,19,22", "actions": "walking", "scenarios": "1", "write_raw": True}
SETTINGS: dict[str, dict[str, Any]] = {
    "moving-mnist": {"sequences": 2, "frames": 4, "train_sequences": 1},
    "sprites": {"characters": 10},
    "sst": {"grid": "193,257", "years": 1, "n_zones": 1},
    "taxibj": {"days": 21, "test_days": 7, "val_days": 7},
    "kth": KTH,
}
"""Those of mug and chairs take long to draw: test_mug_raw.py and test_chairs_raw.py look at trees of their own."""


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_all_that_a_stand_in_wrote_is_listed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path))
    blueprint = resolve(name, SETTINGS[name], "simulated")
    assert blueprint.prepare
    assert blueprint.raw_files
    blueprint.raw_files()  # before the files are there it is asked, too
    blueprint.prepare()
    # The intervals of the list of kth are parameters of the store.
    listed = {each.resolve() for each in blueprint.raw_files()}
    written = [each for each in (tmp_path / "raw").rglob("*") if each.is_file() and each.name != LIST_NAME]
    assert listed == {each.resolve() for each in written}


@pytest.mark.parametrize("name", ["waveeq", "waveeq-100", "waveeq-rich"])
def test_a_simulator_reads_no_raw_files(name: str) -> None:
    assert resolve(name, {}).raw_files is None
