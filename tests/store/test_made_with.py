"""A store that is not the canonical dataset says so where its card begins, and is otherwise the store it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from stbench import registry
from stbench.cli.main import cli
from stbench.store.build import build, resolve
from stbench.store.reader import open_store

pytestmark = pytest.mark.usefixtures("own_data")

REST = "; where it does not name that, what follows describes the dataset as it is by default. "


@pytest.mark.parametrize(
    ("dataset", "settings", "made_with"),
    [
        (
            "waveeq",
            {"boundary": "periodic", "sequences": 3, "wave-speed": "300,350", "points": 20, "size": 24},
            "sequences=3, size=24, points=20, boundary=periodic, wave_speed=300.0,350.0",
        ),
        (
            "kth",
            {"persons": (1, 19, 21), "actions": "boxing", "scenarios": (1,), "size": 16},
            "size=16, persons=1,19,21, actions=boxing, scenarios=1",
        ),
    ],
)
def test_a_store_of_other_parameters_names_them_before_the_card_of_the_dataset(
    tmp_path: Path, dataset: str, settings: dict[str, Any], made_with: str
) -> None:
    generator = registry.dataset(dataset)
    source = generator.sources(None)[-1]
    canonical = resolve(dataset, {}, source).card
    store = build(resolve(dataset, settings, source), tmp_path / "store.zarr", workers=1)
    assert store.card.summary == f"Made with {made_with}{REST}{canonical.summary}"
    assert open_store(tmp_path / "store.zarr").attributes["summary"] == store.card.summary
    shown = CliRunner().invoke(cli, ["info", str(tmp_path / "store.zarr"), "--json"])
    assert json.loads(shown.output)["card"]["summary"] == store.card.summary


@pytest.mark.parametrize("dataset", ["waveeq", "kth"])
def test_presets_count_the_canonical_dataset_does_not_and_no_fingerprint_changes(dataset: str) -> None:
    generator = registry.dataset(dataset)
    source = generator.sources(None)[-1]
    plain = generator.blueprint(generator.parameters(), source, None)
    assert resolve(dataset, {}, source).card == plain.card
    quick = resolve(dataset, generator.presets["quick"], source)
    assert quick.card.summary.startswith("Made with ")
    assert quick.card.summary.endswith(REST + plain.card.summary)
    parameters = generator.parameters(**generator.presets["quick"])
    assert quick.fingerprint == generator.blueprint(parameters, source, None).fingerprint


def test_what_has_no_effect_on_a_source_is_not_named() -> None:
    files = {"seed": 3, "files": "other.h5", "days": 30, "test_days": 7}
    said = resolve("taxibj", files, "simulated").card.summary
    assert said.startswith(f"Made with test_days=7, days=30, seed=3{REST}")
