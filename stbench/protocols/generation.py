"""The generation protocol: a sequence from the first frame on.

A model sees a clip of `SEEN` frames, which tells it what is shown, and the action; the state it starts from is that of
the clip's first frame alone. It makes frames 0 .. h-1, all of which are scored: the first `SEEN` reconstruct, the
others go on. Where a dataset is periodic, the truth is the clip again. A. Khan and A. Storkey, CtrlGen 2021, Table 1.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from stbench.contract.datasets import Track
from stbench.contract.models import Sequencer
from stbench.protocols.check import checked
from stbench.protocols.clips import SEEN, clips_of
from stbench.protocols.scoring import KeptPredictions, Scorer, Scores, track_metrics
from stbench.protocols.videos import VideoFeatures, Videos
from stbench.protocols.windows import evenly_spaced
from stbench.store.reader import Store


def generation(
    model: Sequencer,
    store: Store,
    track: Track,
    *,
    split: str = "test",
    keep: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
    limit: int | None = None,
    i3d: VideoFeatures | None = None,
) -> Scores:
    """Generate and score one clip of every test sequence that is long enough; lead time k is frame k - 1.

    With `i3d` a track that asks for it has `fvd`.

    The model is handed copies: a clip (b, `SEEN`, *frame), normalised, and its action. `StbenchError` for what
    `forecast` refuses and where no sequence is long enough.
    """
    length = track.horizon
    clips = clips_of(store, track, length, split, limit)
    wanted = evenly_spaced(len(clips), keep) if keep else np.empty(0, np.int64)
    kept: list[tuple[np.ndarray, ...]] = []
    videos, seconds = Videos(track, i3d), 0.0
    with Scorer(track_metrics(track, store.frame_shape), len(clips), length) as scorer:
        for items in clips.batches():
            truth = clips.frames(items, length)
            seen = truth[:, :SEEN].copy()
            begun = time.perf_counter()
            answer = model.generate(seen, length, clips.known(items))
            seconds += time.perf_counter() - begun
            made = checked(answer, truth.shape, clips.windows, int(items[0]), f"the model {type(model).__name__}")
            scorer.score(int(items[0]), made, truth)
            videos.add(made, truth)
            here = np.isin(items, wanted)
            if here.any():
                kept.append((truth[here, :1], truth[here], made[here]))
            if on_progress is not None:
                on_progress(int(items[-1]) + 1, len(clips))
        pictures = (
            KeptPredictions(wanted, *(np.concatenate(each) for each in zip(*kept, strict=True))) if kept else None
        )
        return Scores(clips.sequence, clips.start, scorer.values, seconds, pictures, videos.whole)
