"""The BibTeX names exactly the data that were used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stbench.errors import StbenchError
from stbench.provenance.citation import citation, stbench_bibtex
from stbench.store.build import build, resolve

SMALL = {"sequences": "4", "size": "16", "points": "60"}


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "data"))


def entries(bibtex: str) -> list[str]:
    """Keys, after checking that braces balance."""
    assert bibtex.count("{") == bibtex.count("}")
    return re.findall(r"^@\w+\{([^,]+),$", bibtex, re.MULTILINE)


def test_a_generated_dataset_is_cited_with_split_and_digest() -> None:
    store = build(resolve("waveeq", SMALL))
    found = citation("waveeq", SMALL)
    assert found.remarks == ()
    assert len(entries(found.bibtex)) == 2
    assert f"sha256:{store.digest}" in found.bibtex
    assert f"sha256:{store.split.digest}" in found.bibtex
    assert f"dataset waveeq, version {store.version} (procedural)" in found.bibtex


def test_a_store_is_cited_by_its_path_as_by_its_name() -> None:
    store = build(resolve("waveeq", SMALL))
    assert citation(str(store.path)) == citation("waveeq", SMALL)


def test_what_is_not_generated_has_no_digest_and_says_so() -> None:
    found = citation("waveeq", SMALL)
    assert "store digest" not in found.bibtex
    assert len(found.remarks) == 1
    assert "stbench generate waveeq" in found.remarks[0]


def test_a_model_is_cited_with_its_paper_and_version() -> None:
    found = citation("sepvar")
    assert len(entries(found.bibtex)) == 2
    assert "model sepvar, version" in found.bibtex


def test_a_variant_is_cited_as_its_model_and_one_there_is_not_is_refused() -> None:
    assert citation("sepvar:without-s").bibtex == citation("sepvar").bibtex.replace("sepvar, v", "sepvar:without-s, v")
    with pytest.raises(StbenchError, match="sepvar has no variant 'without-t' to cite: did you mean 'without-s'"):
        citation("sepvar:without-t")


def test_a_floor_without_a_paper_still_cites_stbench() -> None:
    assert entries(citation("persistence").bibtex)[-1] == "stbench"


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(StbenchError, match="did you mean 'waveeq'"):
        citation("waveq")


def test_characters_latex_would_read_are_escaped() -> None:
    assert r"50\% of a\_b \& c" in stbench_bibtex("50% of a_b & c")
