"""What tests of several folders share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for stores, and no raw files of anybody's."""
    folder = tmp_path / "data"
    monkeypatch.setenv("STBENCH_DATA", str(folder))
    monkeypatch.delenv("STBENCH_RAW", raising=False)
    return folder
