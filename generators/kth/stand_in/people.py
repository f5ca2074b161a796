"""The KTH stand-in: 25 people who walk, jog, run, box, wave and clap before a camera of 160 x 120 pixels.

    video(person, action, scenario) -> frames, each a function of the video and the frame's number alone

Body, clothes and gait belong to the person; background, light and noise to the recording; d1 outdoors, d2 outdoors with
changing distance, d3 other clothes, d4 indoors with shadows. Simulated: nobody was filmed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..index import ACTIONS, Interval, Video

HEIGHT, WIDTH = 120, 160
TAIL = 10
"""Frames after the end of every interval."""
GAITS = {
    # hip swing, hip offset, knee swing, knee base (turns), arm swing, arm bend, trunk lean (turns), flight (heights)
    "walking": (0.070, 0.006, 0.155, 0.012, 0.060, 0.045, 0.008, 0.0),
    "jogging": (0.088, 0.020, 0.235, 0.045, 0.085, 0.215, 0.022, 0.018),
    "running": (0.112, 0.030, 0.315, 0.045, 0.125, 0.260, 0.042, 0.040),
}
PERIODS = {"walking": 29.0, "jogging": 18.5, "running": 15.0, "boxing": 21.0, "handwaving": 34.0, "handclapping": 19.0}
"""Frames of a cycle of an average person."""
OUTDOORS, ZOOM, CLOTHES, INDOORS = 1, 2, 3, 4


@dataclass(frozen=True)
class Recording:
    """One video of the stand-in. `frames(numbers)` gives frames by their number, 1-based; picklable."""

    seed: int
    video: Video
    intervals: tuple[Interval, ...]

    @property
    def n_frames(self) -> int:
        """Frames up to `TAIL` after the largest end: the list of KTH does not have all intervals in order."""
        return max(last for _, last in self.intervals) + TAIL

    def frames(self, numbers: Sequence[int]) -> Iterator[np.ndarray]:
        """Each (120, 160) uint8."""
        for number in numbers:
            yield self._frame(number)

    @cached_property
    def _scene_draws(self) -> np.ndarray:
        key = (self.video.person, ACTIONS.index(self.video.action), self.video.scenario)
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key)).random(32)

    @cached_property
    def _body_draws(self) -> np.ndarray:
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(self.video.person,))).random(32)

    @cached_property
    def _body(self) -> np.ndarray:
        """In the order of `_people_pose`: build, tones, clothes, manner."""
        u, d3 = self._body_draws, self.video.scenario == CLOTHES
        clothes = u[16:19] if d3 else u[2:5]
        return np.array(
            [
                0.86 + 0.34 * u[0],
                135.0 + 60.0 * u[1],
                30.0 + 90.0 * u[5] * u[5],
                35.0 + 175.0 * clothes[0] if abs(clothes[0] - 0.75) > 0.1 else 70.0,
                25.0 + 85.0 * clothes[1],
                20.0 + 60.0 * clothes[2],
                float(u[6] > 0.65),
                float(d3 and u[19] < 0.6),
                float(d3 and u[20] < 0.4),
                float(d3 and u[21] < 0.35),
                0.86 + 0.28 * u[7],
                0.85 + 0.3 * u[8],
                0.02 * (u[9] - 0.4),
            ]
        )

    @cached_property
    def _background(self) -> np.ndarray:
        from .kernel import texture

        u, key = self._scene_draws, int(self._scene_draws[0] * 2**52)
        y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
        coarse, fine = texture(key, 23.0, HEIGHT, WIDTH), texture(key + 1, 2.5, HEIGHT, WIDTH)
        if self.video.scenario == INDOORS:
            wall = 150.0 + 25.0 * u[1] + (x - 80.0) * (0.25 if u[2] > 0.5 else -0.25) + 4.0 * coarse
            floor = 105.0 + 25.0 * u[3] + 0.4 * (y - self._horizon) + 3.0 * fine
            picture = np.where(y < self._horizon, wall, floor)
            picture = np.where(np.abs(y - self._horizon + 2.0) <= 2.0, 80.0 + 20.0 * u[4], picture)
            seam = 20.0 + 120.0 * u[5]
            return np.asarray(np.where((np.abs(x - seam) <= 1.0) & (y < self._horizon - 4.0), picture - 28.0, picture))
        sky = 188.0 + 30.0 * u[1] - 0.12 * y + 2.0 * coarse
        grass = 128.0 + 34.0 * u[3] + 0.18 * (y - self._horizon) + 6.0 * coarse + 6.0 * fine
        edge = self._horizon - 3.0 - 5.0 * u[6] + 4.0 * coarse[60][None, :] * np.ones_like(y)
        trees = 112.0 + 18.0 * u[7] + 8.0 * fine
        picture = trees + np.clip(edge - y, 0.0, 1.0) * (sky - trees)
        return np.asarray(np.where(y < self._horizon, picture, grass))

    @property
    def _horizon(self) -> float:
        return (88.0 if self.video.scenario == INDOORS else 62.0 + 16.0 * float(self._scene_draws[8])) // 1.0

    @cached_property
    def _light(self) -> tuple[np.ndarray, np.ndarray]:
        """Unit vector to the light, and the shadow: darkness, shift in x and y, flatness (1: on the wall)."""
        side = -0.6 if self._scene_draws[2] > 0.5 else 0.6
        if self.video.scenario == INDOORS:
            return np.array([side, -0.8]), np.array([0.30, -18.0 * side, 2.0, 1.0])
        return np.array([side, -0.8]), np.array([0.22, -10.0 * side, 0.0, 0.12])

    def _scale(self, number: int, share: float, interval: int) -> float:
        """Size of the person in the picture relative to d1."""
        if self.video.scenario != ZOOM:
            return 1.08 if self.video.scenario == INDOORS else 1.0
        # Away and back again: towards the camera in odd intervals, away from it in even ones.
        near = share if interval % 2 == 0 else 1.0 - share
        return 0.62 + (0.4 + 0.15 * float(self._scene_draws[9])) * near

    def _moment(self, number: int) -> tuple[int, float]:
        """Interval (0-based) a frame belongs to and how much of it is over; -1 between passes."""
        for k, (first, last) in enumerate(self.intervals):
            if first <= number <= last:
                return k, (number - first) / max(1, last - first)
        return -1, 0.0

    def _frame(self, number: int) -> np.ndarray:
        from . import kernel as camera
        from . import pose

        interval, share = self._moment(number)
        capsules, count, u = pose.empty(), 0, self._body_draws
        phase = number / (PERIODS[self.video.action] * (0.92 + 0.16 * float(u[10]))) + float(u[11])
        facing = 1.0 if (float(self._scene_draws[10]) > 0.5) == (interval % 2 == 0) else -1.0
        x, moving = 80.0 + 14.0 * (float(self._scene_draws[11]) - 0.5), self.video.action in GAITS
        if not moving:
            interval, share = self._nearest(number) if interval < 0 else (interval, share)
            count = self._in_place(pose, phase, capsules)
        elif interval >= 0:
            gait = np.array(GAITS[self.video.action])
            count = pose.stride(phase, gait, facing, self._body, capsules)
        scale = self._scale(number, share, max(interval, 0))
        height = (80.0 + 12.0 * float(u[12])) * scale
        ground = self._horizon + (113.0 - self._horizon) * (scale if self.video.scenario == ZOOM else 1.0)
        ground = min(ground, 117.0)
        if moving:
            margin = 0.10 * height
            x = 80.0 + facing * (share - 0.5) * (WIDTH + 2.0 * margin)
        pose.place(capsules, count, x, ground, height)
        light, shadow = self._light
        out = np.empty((HEIGHT, WIDTH), np.uint8)
        key = int(self._scene_draws[12] * 2**40) * 16384 + number
        camera.photograph(self._background, capsules, count, ground, light, shadow, 2.2, key, out)
        return out

    def _in_place(self, pose: Any, phase: float, capsules: np.ndarray) -> int:
        if self.video.action == "boxing":
            facing = 1.0 if self._scene_draws[10] > 0.5 else -1.0
            return int(pose.box(phase, facing, self._body, capsules))
        return int((pose.wave if self.video.action == "handwaving" else pose.clap)(phase, self._body, capsules))

    def _nearest(self, number: int) -> tuple[int, float]:
        """Between two intervals an actor goes on as at the end of the last one, or the beginning of the first."""
        over = [k for k, (_, last) in enumerate(self.intervals) if last < number]
        return (over[-1], 1.0) if over else (0, 0.0)
