"""3D chairs: views, walks and the split are the published ones."""

from __future__ import annotations

import importlib.resources
import json

import numpy as np
from chairs_files import NAMES
from hypothesis import given, settings
from hypothesis import strategies as st
from stbench.generators.chairs.split import counts, published_order, split_of
from stbench.generators.chairs.stand_in.factors import models_of
from stbench.generators.chairs.views import ALL, walks

from stbench.splits.files import load_split
from stbench.store.build import resolve


def test_views_are_named_and_ordered_as_published() -> None:
    assert [each.name for each in ALL] == NAMES == sorted(NAMES)
    assert {NAMES[20], NAMES[51]} == {"image_020_p020_t232_r096.png", "image_052_p030_t232_r096.png"}
    assert not any(name.startswith("image_031") for name in NAMES)
    assert {(each.elevation, name[11:14]) for each, name in zip(ALL, NAMES, strict=True)} == {(20, "020"), (30, "030")}


def test_a_ring_keeps_its_elevation_and_begins_again_where_it_ends() -> None:
    low, high = walks("rings", 14)
    assert low.tolist() == [*range(31), *range(14)]
    assert high.tolist() == [*range(31, 62), *range(31, 45)]
    assert {ALL[view].elevation for view in low} == {20}
    assert {ALL[view].elevation for view in high} == {30}


def test_the_published_walk_jumps_from_one_elevation_to_the_other_twice() -> None:
    (walk,) = walks("official", 1)
    elevation = np.array([ALL[view].elevation for view in walk])
    assert np.flatnonzero(np.diff(elevation)).tolist() == [30, 61]


# ---- split


def test_the_split_is_the_published_shuffle_of_sorted_names() -> None:
    names = sorted(models_of(7, 1_393))
    shuffled = list(names)
    np.random.RandomState(42).shuffle(shuffled)
    assert [names[k] for k in published_order(1_393, 1_393)] == shuffled
    assert counts(1_393) == (1_066, 118, 209)


def test_the_split_file_is_the_canonical_split() -> None:
    content = json.loads((importlib.resources.files("stbench.generators.chairs") / "chairs-1.json").read_text())
    split = load_split("stbench.generators.chairs", "chairs-1.json")
    made = resolve("chairs", {}, "simulated")
    assert made.split == split == split_of(1_393, "rings")
    assert (split.id, content["digest"]) == ("chairs/canonical-1", split.digest)
    assert {part: len(split.indices(part)) // 2 for part in split.ranges} == {"train": 1_066, "val": 118, "test": 209}
    assert resolve("chairs", {"order": "official"}, "simulated").split.id == "chairs/official-1"
    assert resolve("chairs", {"chairs": 3, "size": 16}, "simulated").split.id == "chairs/by-chair-rings-1"


@settings(deadline=None, max_examples=60)
@given(found=st.integers(3, 1_393), share=st.floats(0, 1))
def test_fewer_chairs_of_a_tree_stay_in_the_part_they_were_published_in(found: int, share: float) -> None:
    chosen = max(3, int(share * found))
    whole, some = published_order(found, found), published_order(found, chosen)
    train, val, test = counts(chosen)
    assert min(train, val, test) >= 1
    assert set(some[: train + val]) <= set(whole[: int(0.85 * found)])
    assert set(some[train + val :]) <= set(whole[int(0.85 * found) :])
    assert len(set(some.tolist())) == chosen
    for order in ("rings", "official"):
        split = split_of(chosen, order)
        parts = np.concatenate([split.indices(part) for part in ("train", "val", "test")])
        assert np.array_equal(parts, np.arange(split.n_sequences))
