"""Datasets with official files and a stand-in choose between them in one way."""

from __future__ import annotations

from pathlib import Path

import pytest

from stbench import registry
from stbench.contract.datasets import Generator
from stbench.errors import StbenchError
from stbench.raw.sources import of_source, sources_at_hand


def test_the_official_files_come_first_and_the_stand_in_is_always_there() -> None:
    assert sources_at_hand(Path("found")) == ("official", "simulated")
    assert sources_at_hand(None) == sources_at_hand(()) == ("simulated",)


def test_only_what_is_asked_for_is_made() -> None:
    def never() -> int:
        raise AssertionError

    assert of_source("toy", "official", lambda: 1, never) == 1
    assert of_source("toy", "simulated", never, lambda: 2) == 2


@pytest.mark.parametrize(
    "dataset",
    [name for name in registry.names("datasets") if "simulated" in registry.dataset(name).sources(None)],
)
def test_a_dataset_refuses_a_source_it_does_not_have(dataset: str, tmp_path: Path) -> None:
    generator: Generator = registry.dataset(dataset)
    with pytest.raises(StbenchError, match=f"^{dataset} has the sources official and simulated, not 'procedural'$"):
        generator.blueprint(generator.parameters(), "procedural", tmp_path)
