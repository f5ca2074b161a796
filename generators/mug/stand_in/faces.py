"""The MUG stand-in: 52 drawn faces that make six expressions before a camera of 896 x 896 pixels.

    take(subject, session, expression, number) -> frames, each a function of the take and the frame's number alone

Face, manner and pace belong to the subject, light and clothes to the session, strength, timing and sway to the take.
Simulated: nobody was filmed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..index import EXPRESSIONS, SESSIONS, Take
from .timing import Timing, sway, timing

FEWEST_TAKES, MOST_TAKES = 3, 5
FACE, MANNER, COUNT, SESSION, TAKE = range(5)
"""Which stream of the subject."""


def _draws(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def takes_of(seed: int, subjects: tuple[str, ...], expressions: tuple[str, ...], most: int) -> tuple[Take, ...]:
    """The takes of the stand-in, 3 to 5 of each subject and expression, cut at `most`; subjects with two
    sessions share them between both."""
    takes = []
    for subject in subjects:
        for number, expression in enumerate(EXPRESSIONS):
            if expression not in expressions:
                continue
            u = float(_draws(seed, int(subject), COUNT, number).random())
            count = min(most, FEWEST_TAKES + int(u * (MOST_TAKES - FEWEST_TAKES + 1)))
            for k in range(count):
                session = k % 2 if subject in SESSIONS else -1
                takes.append(Take(subject, session, expression, f"take{k // 2 if session >= 0 else k:03d}"))
    return tuple(takes)


@dataclass(frozen=True)
class Performance:
    """One take of the stand-in: `draw(number, ...)` gives a frame by its number, 0-based; picklable."""

    seed: int
    take: Take

    @cached_property
    def _script(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        take, subject = self.take, int(self.take.subject)
        key = (subject, TAKE, EXPRESSIONS.index(take.expression), max(take.session, 0), int(take.name[4:]))
        stream = _draws(self.seed, *key)
        session = _draws(self.seed, subject, SESSION, max(take.session, 0)).random(8)
        u = stream.random(24)
        return u, stream.random(6) * 2.0 - 1.0, stream.random((24, 6)) * 2.0 - 1.0, session, self._manner

    @cached_property
    def _manner(self) -> np.ndarray:
        return _draws(self.seed, int(self.take.subject), MANNER).random(24)

    @cached_property
    def _timing(self) -> Timing:
        return timing(self._script[0][:16], float(self._manner[20]))

    @property
    def n_frames(self) -> int:
        return self._timing.length

    def draw(self, number: int, left: float, top: float, step: float, side: int) -> np.ndarray:
        """(side, side, 3) uint8 of frame `number`: the part of the photograph that begins at `left`, `top`, where a
        drawn pixel covers `step` x `step` of its 896 x 896."""
        from .act import acted, camera_at, light_of
        from .people import clothed, face_of
        from .photograph import photograph
        from .traits import shape

        u, rest, knots, session, manner = self._script
        when = self._timing
        level = when.envelope(float(number))
        # At the apex an expression is not still.
        level *= 1.0 + 0.05 * float(sway(knots[:, ::-1], float(number))[0])
        path = sway(knots, float(number))
        strength = 0.82 + 0.30 * float(u[16])
        act = acted(self.take.expression, 0.85 + 0.30 * manner[:19], strength, level, when.blink(number))
        act = act._replace(gaze_x=0.012 * float(path[3]))
        face = face_of(self.seed, int(self.take.subject))
        camera = camera_at(path, level, self.take.expression, 0.6 * rest)._replace(
            left=float(left), top=float(top), step=float(step)
        )
        light = light_of(session[:4])
        return photograph(camera, clothed(face, session[4:], self.take.session), shape(face, act), light, side)
