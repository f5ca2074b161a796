"""Cards of models and datasets on their pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape

from stbench import registry
from stbench.boards.cards import default_path, read_cards, write_cards
from stbench.boards.leaderboard import build
from stbench.errors import StbenchError

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_cards_are_those_of_the_plug_ins_of_today(tmp_path: Path) -> None:
    """Else: `stbench leaderboard --update-cards`."""
    path = ROOT / "leaderboards" / "cards.json"
    assert write_cards(tmp_path / "cards.json").read_bytes() == path.read_bytes()


def test_damaged_cards_are_one_sentence(tmp_path: Path) -> None:
    for text in ("[]", '{"models": {"a": {}}}', "no json"):
        (tmp_path / "cards.json").write_text(text)
        with pytest.raises(StbenchError, match=r"cards\.json is no file of cards"):
            read_cards(tmp_path / "cards.json")
    assert default_path() is not None


def test_pages_of_models_and_datasets_say_what_their_cards_say(tmp_path: Path, run: Any) -> None:
    run(1.0, model="sepvar", preset="quick", configuration={"model": {"width": 11}, "training": {}})
    run(2.0, model="sepvar", variant="without-s")
    run(3.0, model="mean", floor=True)
    run(4.0, model="of-somebody-else")
    build(tmp_path / "runs", tmp_path / "out", page=tmp_path / "index.html")

    def page(name: str) -> str:
        return (tmp_path / "pages" / f"{name}.html").read_text("utf-8")

    model = page("model-sepvar")
    assert registry.model("sepvar").bibtex.strip().splitlines()[0] in model
    assert "sepvar:without-s on waveeq-100" in model
    assert "&#34;width&#34;: 11" in model, "its configuration"
    assert "There is no card of this model at hand" in page("model-of-somebody-else")
    card, dataset = registry.dataset("waveeq-100").card, page("dataset-waveeq-100")
    for text in (card.dimensions, card.licence):
        assert text in dataset
    for quirk in card.quirks:
        assert str(escape(quirk)) in dataset


def test_a_model_is_coloured_on_its_track_and_in_the_cost_plot_alike(tmp_path: Path, run: Any) -> None:
    from stbench.pictures.colours import line_style

    run(1.0, model="phydnet")
    run(2.0, model="mean", floor=True)
    build(tmp_path / "runs", tmp_path / "out", page=tmp_path / "index.html")
    track = (tmp_path / "pages" / "track-waveeq-100-forecast-3.html").read_text("utf-8")
    colour = line_style("phydnet", floor=False).colour
    assert f'class="line c{colour} d0"' in track
    assert f'class="dot c{colour}"' in track
    assert f'class="dot c{colour}"' in (tmp_path / "index.html").read_text("utf-8")
