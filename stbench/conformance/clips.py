"""The checks that concern whole clips: what `generate`, `transfer`, `sample`, `resample` and `codes` answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from stbench.conformance.axes import asked, axes_of
from stbench.conformance.subject import BATCH, Subject
from stbench.contract.capabilities import HasLabels
from stbench.contract.models import Coder, Resampler, Sampler, Sequencer, Transferrer
from stbench.errors import StbenchError
from stbench.protocols.clips import SEEN
from stbench.protocols.peeking import reacts_to_test_part
from stbench.protocols.probe import CODES, conserves

SEED = 3
Answer = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Clips:
    """Clips (BATCH, n, *frame) of the test part and their actions; handed out as copies."""

    frames: np.ndarray
    factors: Mapping[str, np.ndarray]
    length: int = 2 * SEEN

    @cached_property
    def content(self) -> np.ndarray:
        return self.frames.copy()

    @cached_property
    def motion(self) -> np.ndarray:
        return np.ascontiguousarray(self.frames[::-1])

    @property
    def untouched(self) -> bool:
        same = self.content.tobytes() == self.frames.tobytes()
        return same and self.motion.tobytes() == np.ascontiguousarray(self.frames[::-1]).tobytes()


def clips_of(subject: Subject) -> Clips:
    store = subject.store
    tested = [store.normalise(store.read(sequence)) for sequence in store.split.indices("test")]
    n = min(SEEN, len(tested[0]))
    frames = np.stack([tested[i % len(tested)][i % (len(tested[0]) - n + 1) :][:n] for i in range(BATCH)])
    built = subject.plugin.build(subject.configuration["model"], subject.task)
    labels = (built.labels if isinstance(built, HasLabels) else ()) or ("action",)
    return Clips(frames, {name: np.arange(BATCH) % 2 for name in labels})


INTERFACES: dict[str, Callable[..., Any]] = {
    "generate": Sequencer.generate,
    "transfer": Transferrer.transfer,
    "sample": Sampler.sample,
    "resample": Resampler.resample,
    "codes": Coder.codes,
}


def ask(capability: str, model: Any, clips: Clips) -> Answer:
    """What a model answers, by name; its shapes are held to those of the interface."""
    asks: dict[str, tuple[Any, ...]] = {
        "generate": (clips.content, clips.length, clips.factors),
        "transfer": (clips.content, clips.motion, clips.length, clips.factors),
        "sample": (clips.content, clips.length, clips.factors, SEED),
        "resample": (clips.motion, clips.length, clips.factors, SEED),
        "codes": (clips.content, clips.factors),
    }
    frame, method = axes_of(clips.frames.shape[2:]), getattr(model, capability)
    answer = asked(INTERFACES[capability], method, *asks[capability], frame=frame)
    if capability != "codes":
        return {"frames": answer}
    more = model.conservation(clips.content, SEEN, clips.factors) if conserves(model) else {}
    return {**answer, **more}


def answers(capability: str, subject: Subject) -> str:
    """Shape, type, finite, the same bits twice, what was handed out as it was."""
    clips = clips_of(subject)
    first, again = (ask(capability, subject.model, clips) for _ in range(2))
    if not clips.untouched:
        raise StbenchError(f"{capability} changes the clips it is handed: work on a copy")
    if capability == "codes":
        for name in CODES:
            if name not in first or np.ndim(first[name]) != 2 or len(first[name]) != BATCH:
                raise StbenchError(f"codes has no '{name}' of one row a clip: (batch, numbers)")
    else:
        wanted, found = (BATCH, clips.length, *subject.task.frame_shape), first["frames"]
        if np.shape(found) != wanted or found.dtype != np.float32:
            kind = f"{getattr(found, 'dtype', type(found).__name__)} {np.shape(found)}"
            raise StbenchError(f"{capability} answers {kind}, not float32 {wanted}")
    for name, values in first.items():
        if not np.isfinite(values).all():
            raise StbenchError(
                f"{int((~np.isfinite(values)).sum())} values of the {name} of {capability} are not finite"
            )
    if as_bytes(first) != as_bytes(again):
        raise StbenchError(f"{capability} answers differently the second time: draw from the seed alone, keep no state")
    shapes = ", ".join(f"{name} {np.shape(values)}" for name, values in first.items())
    return f"{shapes}, the same bits twice"


def no_leak(capability: str, subject: Subject) -> str:
    if reacts(capability, subject):
        raise StbenchError(
            f"{capability} changes when the test part of the store is replaced by garbage: the model reads the store, "
            "but the clips it is handed are all it may see"
        )
    return "replacing the test part of the store by garbage changes no bit"


def reacts(capability: str, subject: Subject) -> bool:
    clips = clips_of(subject)
    return reacts_to_test_part(
        subject.ready, subject.store, lambda model: as_bytes(ask(capability, model, clips)), subject.folder()
    )


def as_bytes(answer: Answer) -> bytes:
    return b"".join(name.encode() + np.ascontiguousarray(answer[name]).tobytes() for name in sorted(answer))


CAPABILITIES = ("generate", "transfer", "sample", "resample", "codes")


def checks_of(capabilities: tuple[str, ...]) -> dict[str, Callable[[Subject], str]]:
    """Two checks for each of these capabilities that a model has."""
    found: dict[str, Callable[[Subject], str]] = {}
    for name in CAPABILITIES:
        if name in capabilities:
            found |= {name: partial(answers, name), f"{name}-truths": partial(no_leak, name)}
    return found
