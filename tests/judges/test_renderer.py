"""The judge without weights: the nearest of all renderings, as by comparing every one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest

from stbench import registry
from stbench.contract.datasets import Renderings
from stbench.errors import StbenchError
from stbench.judges.renderer import RendererJudge, renderer_judge
from stbench.store.build import build, resolve
from stbench.store.reader import Store

RNG = np.random.default_rng(0)
SIZES = {"shape": 3, "colour": 2, "hat": 2}
PATTERNS = RNG.integers(1, 256, size=(2, 3, 2, 2, 4, 5, 5)).astype(np.uint8)
AREA = RNG.integers(6, size=(2, 4, 5, 5))


def toy(motion: tuple[int, ...]) -> np.ndarray:
    """Clips (12, 4, 5, 5): pixels that depend on nothing, on one factor, on two, on all; some always 0."""
    (m,) = motion
    clips = []
    for values in product(*map(range, SIZES.values())):
        s, c, h = values
        seen = [(0, 0, 0), (s, 0, 0), (0, c, 0), (s, 0, h), (s, c, h)]
        areas = [PATTERNS[(m, *each)] for each in seen]
        clips.append(np.select([AREA[m] == k for k in range(5)], areas, 0))
    return np.stack(clips).astype(np.uint8)


RENDERINGS = Renderings({"motion": 2}, SIZES, toy)


@pytest.fixture(scope="module")
def judge() -> RendererJudge:
    return RendererJudge(RENDERINGS)


def test_factorised_distances_are_those_to_every_rendering_one_by_one(judge: RendererJudge) -> None:
    clips = RNG.integers(0, 256, size=(7, 4, 5, 5))
    every = np.concatenate([toy((0,)), toy((1,))]).astype(np.int64)
    expected = np.square(clips[:, None] - every[None]).sum(axis=(2, 3, 4))
    assert np.array_equal(judge.distances(clips.astype(np.float32)), expected)


def test_nearest_and_margin_are_those_of_the_two_least_distances(judge: RendererJudge) -> None:
    clips = RNG.integers(0, 256, size=(9, 4, 5, 5)).astype(np.float32)
    found, every = judge.nearest(clips), judge.distances(clips)
    values = np.array(list(product(range(2), *map(range, SIZES.values()))))
    for k, name in enumerate(["motion", *SIZES]):
        assert np.array_equal(found.factors[name], values[every.argmin(axis=1), k])
    least, second = np.sort(every, axis=1)[:, :2].T
    assert np.array_equal(found.distance, least / 100)
    np.testing.assert_allclose(found.margin, 1 - least / second, rtol=1e-12)


def test_a_rendering_is_its_own_and_leaves_no_doubt(judge: RendererJudge) -> None:
    clips = toy((1,)).astype(np.float32)
    found = judge.nearest(clips)
    assert (found.factors["motion"] == 1).all()
    assert np.array_equal(found.factors["shape"], np.repeat(np.arange(3), 4))
    assert (found.distance == 0).all()
    assert (found.margin == 1).all()
    assert np.array_equal(found.by_frame["shape"], np.repeat(found.factors["shape"][:, None], 4, axis=1))


def test_values_between_bytes_are_rounded_and_those_beyond_are_clipped(judge: RendererJudge) -> None:
    clips = toy((0,)).astype(np.float32)
    assert (judge.nearest(clips + 0.4).distance == 0).all()
    beyond = np.where(clips == 0, clips - 50, clips)
    assert (judge.nearest(beyond).distance == 0).all()


def test_frames_are_judged_by_themselves(judge: RendererJudge) -> None:
    """The first half shows one figure, the second another one: so do the answers."""
    clips = toy((0,)).astype(np.float32)
    mixed = np.concatenate([clips[:1, :2], clips[-1:, 2:]], axis=1)
    found = judge.nearest(mixed).by_frame
    assert found["shape"][0].tolist() == [0, 0, 2, 2]
    assert found["colour"][0].tolist() == [0, 0, 1, 1]


def test_of_renderings_as_near_a_frame_takes_that_of_its_clip() -> None:
    """In the second frame both figures look alike: it is the one of the first frame."""

    def draw(_: tuple[int, ...]) -> np.ndarray:
        return np.array([[[[10]], [[70]]], [[[50]], [[70]]]], np.uint8)

    found = RendererJudge(Renderings({"motion": 1}, {"figure": 2}, draw)).nearest(draw((0,)).astype(np.float32))
    assert found.by_frame["figure"].tolist() == [[0, 0], [1, 1]]


def test_two_renderings_that_are_the_same_leave_no_margin() -> None:
    same = Renderings({"motion": 1}, {"figure": 2}, lambda _: np.full((2, 1, 1, 1), 9, np.uint8))
    assert RendererJudge(same).nearest(np.full((1, 1, 1, 1), 9.0)).margin.tolist() == [0]


def test_clips_of_another_shape_are_refused_in_a_sentence(judge: RendererJudge) -> None:
    with pytest.raises(StbenchError, match=r"renderings have the shape \(4, 5, 5\), and clips of \(3, 5, 5\)"):
        judge.nearest(np.zeros((1, 3, 5, 5)))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STBENCH_DATA", str(tmp_path_factory.mktemp("data")))
        patch.delenv("STBENCH_RAW", raising=False)
        yield build(resolve("sprites", {"characters": 12}, "simulated"))


def test_sprites_are_drawn_as_they_are_stored(store: Store) -> None:
    plugin: Any = registry.dataset("sprites")
    renderings = plugin.renderings(store)
    drawn = renderings.draw((2, 1))
    rows = np.flatnonzero((store.factor("action") == 2) & (store.factor("view") == 1))
    for row in rows:
        combination = np.ravel_multi_index([int(store.factor(name)[row]) for name in renderings.content], (6,) * 4)
        assert np.array_equal(drawn[combination], store.read(int(row)))


@pytest.mark.slow
def test_every_clip_of_sprites_is_told_from_all_others_frame_by_frame_too(store: Store) -> None:
    judge = renderer_judge(store)
    assert judge is not None
    found = judge.nearest(store.read(slice(0, store.n_sequences)).astype(np.float32))
    for name, values in found.factors.items():
        assert np.array_equal(values, store.factor(name)), name
    assert found.by_frame.keys() == judge.content.keys()
    for name, each in found.by_frame.items():
        assert each.shape == (store.n_sequences, 8)
        assert (each == store.factor(name)[:, None]).all(), name
    assert (found.distance == 0).all()
    assert found.margin.min() == 1


def test_renderings_of_other_raw_files_are_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin: Any = registry.dataset("sprites")
    other = Renderings({"action": 1, "view": 1}, {"body": 2}, lambda _: np.zeros((2, 8, 3, 64, 64), np.uint8))
    monkeypatch.setattr(type(plugin), "renderings", lambda *_: other)
    with pytest.raises(StbenchError, match=r"no rendering is sequence .* made of other raw files"):
        renderer_judge(store)


def test_dataset_that_draws_nothing_has_no_such_judge(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "dataset", lambda name: object())
    assert renderer_judge(store) is None
