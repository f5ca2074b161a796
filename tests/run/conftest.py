from pathlib import Path

import pytest


@pytest.fixture
def data(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of stores shared by the tests of this session, so that each tiny dataset is generated once."""
    folder = tmp_path_factory.getbasetemp() / "stores"
    monkeypatch.setenv("STBENCH_DATA", str(folder))
    monkeypatch.delenv("STBENCH_RAW", raising=False)
    return folder
