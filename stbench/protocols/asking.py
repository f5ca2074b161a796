"""The loop all protocols share: ask for a batch, count the time, check the answer, score it, keep some for pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stbench.protocols.check import checked
from stbench.protocols.scoring import DECIDES, KeptPredictions, Scorer, best_order
from stbench.protocols.windows import Windows, evenly_spaced


@dataclass(frozen=True)
class Question:
    """One batch of windows or clips: what is handed out, and what is right."""

    first: int
    """Row of the scores the batch begins with."""
    seen: tuple[np.ndarray, ...]
    """What is handed out, as copies: (b, n, *frame) each."""
    rest: tuple[Any, ...]
    """What is handed out after them: lengths, factors, a seed."""
    truths: np.ndarray
    """(orders, b, horizon, *frame): every answer that is right; where nobody knows it, what pictures show instead."""
    conditioning: np.ndarray
    """(b, n, *frame): what pictures show beside the answer."""
    content: np.ndarray | None = None
    """(b, n, *frame), for pictures of a swap or an exchange."""
    members: int = 0
    """Of several drawn forecasts: how many of each window; the answer has them as its second dimension."""

    def __len__(self) -> int:
        return int(self.truths.shape[1])


class Asking:
    """Asks one model, or file, batch by batch; nothing it does to what it was handed changes a score."""

    seconds: float
    """Wall time inside the model alone."""

    def __init__(
        self,
        who: object,
        windows: Windows,
        scorers: Sequence[Scorer] = (),
        *,
        keep: int = 0,
        truth: bool = True,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """`who`: a model, or in words what answers. `scorers`: one for each order of the truths, none where only a
        judge can tell. `keep` windows, evenly spaced, are kept for pictures; `truth`: are the truths known?
        `on_progress(windows done, windows)`."""
        self.seconds = 0.0
        self._who = who if isinstance(who, str) else f"the model {type(who).__name__}"
        self._windows, self._scorers, self._truth, self._on_progress = windows, scorers, truth, on_progress
        self._wanted = evenly_spaced(len(windows), keep) if keep else np.empty(0, np.int64)
        self._parts: list[tuple[np.ndarray, ...]] = []

    def timed(self, ask: Callable[..., Any], *seen: np.ndarray, rest: tuple[Any, ...] = ()) -> Any:
        """`ask(*copies of seen, *rest)`, its time counted."""
        handed = [each.copy() for each in seen]
        begun = time.perf_counter()
        answer = ask(*handed, *rest)
        self.seconds += time.perf_counter() - begun
        return answer

    def put(self, question: Question, ask: Callable[..., Any]) -> np.ndarray:
        """What `ask` makes of a question, (b, horizon, *frame), checked, scored and, where wanted, kept.

        Raises `StbenchError` for another shape or dtype, or a value that is not finite.
        """
        answer = self.timed(ask, *question.seen, rest=question.rest)
        (n, *rest), members = question.truths.shape[1:], question.members
        shape = (n, members, *rest) if members else (n, *rest)
        made = checked(answer, shape, self._windows, question.first, self._who, members=bool(members))
        for scorer, truth in zip(self._scorers, question.truths, strict=bool(self._scorers)):
            scorer.score(question.first, made, truth)
        self._keep(question, made)
        if self._on_progress is not None:
            self._on_progress(question.first + len(question), len(self._windows))
        return made

    def _keep(self, question: Question, made: np.ndarray) -> None:
        first = question.first
        rows = self._wanted[(self._wanted >= first) & (self._wanted < first + len(question))] - first
        if len(rows):
            right = question.truths[self._orders(first + rows), rows]
            content = () if question.content is None else (question.content[rows],)
            self._parts.append((question.conditioning[rows], right, made[rows], *content))

    def _orders(self, items: np.ndarray) -> np.ndarray | int:
        """The order of the truths that counts for some windows."""
        if len(self._scorers) < 2:
            return 0
        errors = np.stack([each.values[DECIDES][items] for each in self._scorers])
        return best_order(errors, higher_is_better=False)

    @property
    def kept(self) -> KeptPredictions | None:
        """What is kept for pictures; None where nothing is wanted."""
        if not self._parts:
            return None
        arrays = (np.concatenate(each) for each in zip(*self._parts, strict=True))
        return KeptPredictions(self._wanted, *arrays, truth=self._truth)
