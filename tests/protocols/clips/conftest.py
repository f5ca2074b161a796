"""A small store of sprites, a judge that knows it by heart, and its renderings."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from clip_players import Knower

from stbench.contract.datasets import Renderings
from stbench.judges.renderer import RendererJudge
from stbench.store.build import build, resolve
from stbench.store.reader import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STBENCH_DATA", str(tmp_path_factory.mktemp("data")))
        patch.delenv("STBENCH_RAW", raising=False)
        yield build(resolve("sprites", {"characters": 20}, "simulated"))


@pytest.fixture(scope="module")
def judge(store: Store) -> Any:
    return Knower(store)


@pytest.fixture(scope="module")
def renderer(store: Store) -> Any:
    """Renderings of the characters of the store, a pixel in sixteen; everybody else is white."""
    character, pose = store.factor("character"), 3 * store.factor("action") + store.factor("view")

    def draw(motion: tuple[int, ...]) -> np.ndarray:
        clips = np.full((1296, 8, 3, 16, 16), 255, np.uint8)
        for row in np.flatnonzero(pose == 3 * motion[0] + motion[1]):
            clips[character[row]] = store.read(int(row))[..., ::4, ::4]
        return clips

    content = dict.fromkeys(("body", "bottomwear", "topwear", "hair"), 6)
    found = RendererJudge(Renderings({"action": 3, "view": 3}, content, draw))
    return SimpleNamespace(nearest=lambda clips: found.nearest(clips[..., ::4, ::4]))
