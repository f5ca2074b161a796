"""The generation protocol: a sequence from the first frame on.

A model sees a clip of `SEEN` frames, which tells it what is shown, and the action; the state it starts from is that of
the clip's first frame alone. It makes frames 0 .. h-1, all of which are scored: the first `SEEN` reconstruct, the
others go on. Where a dataset is periodic, the truth is the clip again. A. Khan and A. Storkey, CtrlGen 2021, Table 1.
"""

from __future__ import annotations

from collections.abc import Callable

from stbench.contract.datasets import Track
from stbench.contract.models import Sequencer
from stbench.protocols.asking import Asking, Question
from stbench.protocols.clips import SEEN, clips_of
from stbench.protocols.scoring import Scorer, Scores, track_metrics
from stbench.protocols.videos import VideoFeatures, Videos
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
    videos = Videos(track, i3d)
    with Scorer(track_metrics(track, store.frame_shape), len(clips), length) as scorer:
        asking = Asking(model, clips.windows, [scorer], keep=keep, on_progress=on_progress)
        for items in clips.batches():
            truth = clips.frames(items, length)
            rest = length, clips.known(items)
            made = asking.put(
                Question(int(items[0]), (truth[:, :SEEN],), rest, truth[None], truth[:, :1]), model.generate
            )
            videos.add(made, truth)
        names, values, spent, together = clips.windows, scorer.values, asking.seconds, clips.clusters
        return Scores(names.sequence, names.start, values, spent, asking.kept, videos.whole, cluster=together)
