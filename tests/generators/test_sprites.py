"""Sprites: the official sheets give the published frames, order and split; the stand-in goes the same way."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from stbench.generators.sprites.dataset import SpritesParameters, published_order, split_by_characters, sprites
from stbench.generators.sprites.sheets import (
    ACTIONS,
    COLUMNS,
    LAYERS,
    NAMES,
    OFFICIAL,
    ROWS,
    VIEWS,
    attributes,
    official_sheets,
)
from stbench.generators.sprites.stand_in import sheets as stand_in

from stbench.contract.datasets import Blueprint, parse_parameters
from stbench.errors import StbenchError
from stbench.protocols.windows import track_windows
from stbench.provenance.citation import citation
from stbench.splits.files import load_split
from stbench.store.reader import Store, open_store
from stbench.store.writer import generate

REAL = Path(os.environ.get("STBENCH_RAW", "/nowhere"))
needs_real_sheets = pytest.mark.skipif(
    not (REAL / "sprites" / "sheets").is_dir(), reason="STBENCH_RAW has no sprites/sheets"
)


@pytest.fixture(scope="module", autouse=True)
def own_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The stand-in's sheets are written once for all tests of this file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STBENCH_DATA", str(tmp_path_factory.mktemp("data")))
        patch.delenv("STBENCH_RAW", raising=False)
        yield


def blueprint(source: str = "simulated", raw: Path | None = None, **settings: Any) -> Blueprint:
    made = sprites.blueprint(parse_parameters(SpritesParameters, settings), source, raw)
    assert made.prepare is not None
    made.prepare()
    return made


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return generate(blueprint(characters=30), tmp_path_factory.mktemp("store") / "small.zarr", workers=1)


# ---- the official sheets


@needs_real_sheets
@pytest.mark.parametrize(
    ("name", "character"), [("0025", (0, 0, 2, 5)), ("3554", (3, 5, 5, 4)), ("5100", (5, 1, 0, 0))]
)
def test_official_sheets_give_the_published_frames_pixel_by_pixel(name: str, character: tuple[int, ...]) -> None:
    expected = np.asarray(Image.open(REAL / "sprites" / "expected" / f"char_{name}.png").convert("RGB"))
    number = int(np.ravel_multi_index(character, (6, 6, 6, 6)))
    frames = official_sheets("sprites", REAL).character(number)
    rows = expected.reshape(9, 64, 8, 64, 3).transpose(0, 2, 4, 1, 3)
    assert np.array_equal(frames, rows)


@needs_real_sheets
def test_the_order_is_the_published_permutation() -> None:
    text = (REAL / "sprites" / "expected" / "permutation_seed423.txt").read_text()
    assert published_order().tolist() == [int(line) for line in text.split()]


@needs_real_sheets
def test_official_sequences_of_the_store_are_characters_in_published_order() -> None:
    made = blueprint("official", REAL)
    sheets = official_sheets("sprites", REAL)
    assert made.source == "official"
    assert "3ce4048" in made.parameters["sheets"]
    for sequence in (0, 8_999, 9_000, 11_663):
        number = int(published_order()[sequence // 9])
        assert np.array_equal(made.produce(sequence, sequence + 1)["frames"][0], sheets.character(number)[sequence % 9])


@needs_real_sheets
def test_official_sheets_come_first_and_fetch_finds_nothing_to_do() -> None:
    from stbench.raw.fetch import fetch

    assert sprites.sources(REAL) == ("official", "simulated")
    assert len(fetch(sprites, REAL)) == 25


def test_every_official_file_has_a_size_a_checksum_and_mirrors_of_one_commit() -> None:
    assert len(OFFICIAL) == 25
    for spec in OFFICIAL:
        assert spec.bytes
        assert spec.checksum
        assert spec.checksum.startswith("sha256:")
        assert len(spec.urls) >= 2
        assert all("3ce4048c5227802bd8f1888e293fd3afdba91c0c" in url and url.endswith(spec.name) for url in spec.urls)


# ---- order, split and factors


def test_the_published_order_begins_as_the_released_split_does() -> None:
    order = published_order()
    assert order[:5].tolist() == [1116, 1135, 17, 469, 1293]
    assert sorted(order) == list(range(1296))


def test_the_split_file_is_the_rule_and_its_train_and_val_are_the_published_train() -> None:
    split = load_split("stbench.generators.sprites", "sprites-1.json")
    assert split.ranges == split_by_characters(split.id, SpritesParameters()).ranges
    assert blueprint().split == split
    assert {part: len(split.indices(part)) for part in split.ranges} == {"train": 8100, "val": 900, "test": 2664}
    characters = published_order()[split.indices("train+val") // 9]
    assert set(characters) == set(published_order()[:1000])


@given(characters=st.integers(10, 1296))
def test_at_every_size_parts_are_whole_characters_from_their_published_part(characters: int) -> None:
    p = SpritesParameters(characters=characters)
    split, order = split_by_characters("any", p), p.order()
    assert len(set(order.tolist())) == characters
    parts = {part: set(order[split.indices(part) // 9].tolist()) for part in ("train", "val", "test")}
    assert all(parts.values())
    assert sum(map(len, parts.values())) == characters
    assert parts["train"] | parts["val"] <= set(published_order()[:1000].tolist())
    assert parts["test"] <= set(published_order()[1000:].tolist())


def test_another_size_has_another_split_id_and_another_divisor_another_identity() -> None:
    full, small, published = blueprint(), blueprint(characters=30), blueprint(divisor=256)
    assert full.split.id != small.split.id
    assert published.split == full.split
    assert len({each.fingerprint for each in (full, small, published)}) == 3
    assert (full.normaliser["std"], published.normaliser["std"]) == (255.0, 256.0)


def test_factors_say_what_a_sequence_shows() -> None:
    made = blueprint(characters=30)
    values = made.produce(0, made.n_sequences)
    for k in range(made.n_sequences):
        number = int(values["character"][k])
        assert tuple(int(values[layer][k]) for layer in LAYERS) == attributes(number)
        body, bottomwear, topwear, hair = attributes(number)
        assert 216 * body + 36 * bottomwear + 6 * topwear + hair == number
        assert 3 * values["action"][k] + values["view"][k] == k % 9


def test_there_is_one_test_window_of_a_whole_clip_per_sequence(store: Store) -> None:
    track = sprites.tracks[0]
    windows = track_windows(store, track, "test")
    assert len(windows) == len(store.split.indices("test"))
    assert track.conditioning + track.horizon == 8


# ---- composition


def test_a_frame_is_the_topmost_layer_of_the_sheets_tile_by_tile() -> None:
    folder = stand_in.write_sheets()
    character = (4, 3, 5, 1)
    names = [*(f"{layer}/{value}.png" for layer, value in zip(LAYERS, character, strict=True)), "shoes/1.png"]
    layers = [np.asarray(Image.open(folder / name)) for name in names]
    frames = stand_in.simulated_sheets().character(int(np.ravel_multi_index(character, (6, 6, 6, 6))))
    for a, action in enumerate(ACTIONS):
        for v, view in enumerate(VIEWS):
            for t, column in enumerate(COLUMNS[action]):
                y, x = 64 * ROWS[action][view], 64 * column
                expected = np.zeros((64, 64, 3), np.uint8)
                for layer in layers:
                    tile = layer[y : y + 64, x : x + 64]
                    assert set(np.unique(tile[..., 3])) <= {0, 255}
                    expected = np.where(tile[..., 3:] == 255, tile[..., :3], expected)
                assert np.array_equal(frames[3 * a + v, t], expected.transpose(2, 0, 1))


# ---- the stand-in


def test_right_views_mirror_left_ones_and_every_attribute_and_motion_shows() -> None:
    sheets = stand_in.simulated_sheets()
    base = sheets.character(0)
    for action in range(3):
        assert np.array_equal(base[3 * action + 1], base[3 * action + 2][..., ::-1])
    for layer in range(4):
        seen = {sheets.character(value * 6 ** (3 - layer)).tobytes() for value in range(6)}
        assert len(seen) == 6
    for clip in base:
        assert all((clip[t] != clip[t + 1]).any() for t in (1, 2, 4))


def test_version_one_of_the_stand_in_has_the_same_pixels_on_every_machine() -> None:
    """Fails too when a figure changes without a new `VERSION`, which is part of the identity of the store."""
    folder, digest = stand_in.write_sheets(), hashlib.sha256()
    for name in NAMES:
        digest.update(np.asarray(Image.open(folder / name)).tobytes())
    assert stand_in.VERSION == 1
    assert digest.hexdigest() == "6b32f49b1e841be58937dd8b68ca40bbb407193d9c001b3615d7a1248c98942a"


def test_the_digest_is_of_pixels_and_not_of_how_a_sheet_was_compressed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stand_in.write_sheets()
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path))
    for name in NAMES:
        other = stand_in.raw_folder() / name
        other.parent.mkdir(parents=True, exist_ok=True)
        Image.open(folder / name).save(other, compress_level=1)
    assert (stand_in.raw_folder() / NAMES[0]).read_bytes() != (folder / NAMES[0]).read_bytes()
    assert generate(blueprint(characters=30), tmp_path / "again.zarr", workers=1).digest == store.digest


def test_sheets_that_are_missing_are_written_and_others_are_left_alone(tmp_path: Path) -> None:
    folder = stand_in.write_sheets()
    complete = {name: (folder / name).read_bytes() for name in NAMES}
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(complete[name] if name not in NAMES[3:5] else b"")
    for name in NAMES[3:5]:
        (tmp_path / name).unlink()
    before = (tmp_path / NAMES[0]).stat().st_mtime_ns
    stand_in.write_sheets(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in NAMES} == complete
    assert (tmp_path / NAMES[0]).stat().st_mtime_ns == before
    assert not list(tmp_path.rglob("*.part"))


# ---- the store


def test_the_digest_is_independent_of_workers_and_engine(store: Store, tmp_path: Path) -> None:
    made = blueprint(characters=30)
    assert made.n_sequences > made.sequences_per_shard
    assert generate(made, tmp_path / "made.zarr", workers=2, scheduler="processes").digest == store.digest
    pickled = pickle.loads(pickle.dumps(made.produce))
    for start, stop in ((0, 3), (100, 120), (250, 270)):
        part, whole = pickled(start, stop), made.produce(0, 270)
        assert all(np.array_equal(part[name], whole[name][start:stop]) for name in whole)


def test_the_store_says_simulated_and_reads_as_a_fraction(store: Store) -> None:
    reopened = open_store(store.path)
    assert reopened.source == "simulated"
    assert "simulated" in reopened.card.title
    assert "simulated" in reopened.card.summary
    frames = reopened.read(7)
    assert frames.shape == (8, 3, 64, 64)
    assert frames.dtype == np.uint8
    assert np.array_equal(reopened.normalise(frames), frames.astype(np.float32) / np.float32(255))
    data = reopened.to_xarray()
    assert data.action.attrs["flag_meanings"] == "walk spellcast slash"
    assert data.view.attrs["flag_meanings"] == "front left right"


def test_the_artists_and_their_licence_are_on_the_card_and_in_the_citation() -> None:
    for text in (sprites.card.licence, citation("sprites").bibtex):
        for artist in ("Challener", "Nila122", "Brimhall", "Riecke", "JaidynReiman"):
            assert artist in text
    assert "CC BY-SA 3.0" in sprites.card.licence
    assert "GPL 3.0" in sprites.card.licence
    assert "Artists" not in blueprint().card.licence


# ---- what a user may get wrong


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"characters": 9}, "'characters' must lie between 10 and 1,296"),
        ({"characters": 1297}, "'characters' must lie between 10 and 1,296"),
        ({"divisor": 128}, "'divisor' is 255 or, as published, 256"),
        ({"character": 20}, "there is no parameter 'character'"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_in_one_sentence(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(StbenchError) as error:
        parse_parameters(SpritesParameters, settings)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_source_that_is_none_is_refused() -> None:
    with pytest.raises(StbenchError, match="not 'procedural'"):
        sprites.blueprint(SpritesParameters(), "procedural", None)
