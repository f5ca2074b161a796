"""The simulated people: bodies keep their bones, feet stand on the ground, walkers cross the picture, boxers stay."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import pytest
from stbench.generators.kth.index import ACTIONS, Video
from stbench.generators.kth.stand_in import kernel as camera
from stbench.generators.kth.stand_in import pose
from stbench.generators.kth.stand_in.people import GAITS, Recording

PHASES = np.linspace(0, 1, 25, endpoint=False)


def recording(action: str, person: int = 3, scenario: int = 1, seed: int = 0, frames: int = 60) -> Recording:
    return Recording(seed, Video(person, action, scenario), ((1, frames), (frames + 11, 2 * frames)))


def capsules(action: str, phase: float, person: int = 3) -> np.ndarray:
    body, out = recording(action, person)._body, pose.empty()
    if action in GAITS:
        count = pose.stride(phase, np.array(GAITS[action]), 1.0, body, out)
    elif action == "boxing":
        count = pose.box(phase, 1.0, body, out)
    else:
        count = (pose.wave if action == "handwaving" else pose.clap)(phase, body, out)
    return np.asarray(out[:count])


def difference(one: Recording, number: int) -> np.ndarray:
    """(120, 160): how a frame differs from the empty place."""
    (frame,) = one.frames([number])
    return np.asarray(np.abs(frame.astype(float) - one._background))


def test_the_polynomial_sine_is_the_sine() -> None:
    turns = np.linspace(-3, 3, 4001)
    found = np.array([pose.sine(t) for t in turns])
    assert np.abs(found - np.array([math.sin(2 * math.pi * t) for t in turns])).max() < 2e-8
    assert pose.cosine(0.0) == pytest.approx(1.0, abs=1e-8)


@pytest.mark.parametrize("action", ACTIONS)
def test_nobody_sinks_into_the_ground_and_slow_feet_stand_on_it(action: str) -> None:
    for phase in PHASES:
        parts = capsules(action, phase)
        lowest = max((parts[:, 1] + parts[:, 2]).max(), (parts[:, 4] + parts[:, 5]).max())
        assert lowest < 0.03
        if action not in ("jogging", "running"):
            assert lowest > -0.03
        assert -1.1 < (parts[:, [1, 4]]).min() < -0.8  # the head is where a head is


def test_runners_leave_the_ground_and_walkers_do_not() -> None:
    def highest_flight(action: str) -> float:
        return max(-capsules(action, t)[:, [1, 4]].max() - 0.02 for t in PHASES)

    assert highest_flight("running") > 0.02
    assert highest_flight("walking") < 0.01


@pytest.mark.parametrize("action", ["boxing", "walking", "running"])
def test_bones_keep_their_length(action: str) -> None:
    first = capsules(action, 0.0)
    length = np.hypot(first[:, 3] - first[:, 0], first[:, 4] - first[:, 1])
    bones = np.isclose(length, pose.THIGH, atol=2e-3) | np.isclose(length, pose.SHANK, atol=2e-3)
    assert bones.sum() == 4
    for phase in PHASES:
        parts = capsules(action, phase)
        found = np.hypot(parts[:, 3] - parts[:, 0], parts[:, 4] - parts[:, 1])
        assert found[bones] == pytest.approx(length[bones], abs=2e-3)


@pytest.mark.parametrize("action", sorted(GAITS))
def test_a_pass_crosses_the_whole_picture_and_the_next_one_comes_back(action: str) -> None:
    one = recording(action)
    x = np.arange(160)
    middle = []
    for number in (*range(16, 46, 6), *range(86, 116, 6)):
        columns = np.where(difference(one, number) > 25, 1.0, 0.0).sum(axis=0)
        middle.append(float((columns * x).sum() / columns.sum()))
    there, back = np.diff(middle[:5]), np.diff(middle[5:])
    assert (there > 3).all() or (there < -3).all()
    assert (np.sign(back) == -np.sign(there[0])).all()
    assert (difference(one, 65) > 25).mean() < 0.002  # between two passes the place is empty


@pytest.mark.parametrize("action", ["boxing", "handclapping", "handwaving"])
def test_who_acts_in_place_stays_there_and_moves_the_arms(action: str) -> None:
    one = recording(action)
    frames = np.stack(list(one.frames(range(1, 41)))).astype(float)
    moving = frames.std(axis=0) > 8
    assert 30 < moving.sum() < 4000
    assert moving[90:].sum() < 0.4 * moving.sum()  # feet and shins
    assert abs(np.flatnonzero(moving.any(axis=0)).mean() - 80) < 25


def test_zooming_changes_the_size_and_the_other_scenarios_do_not() -> None:
    def heights(scenario: int) -> list[int]:
        one = recording("boxing", scenario=scenario)
        return [int(np.ptp(np.flatnonzero((difference(one, k) > 40).sum(axis=1) > 1))) for k in (2, 58)]

    near, far = sorted(heights(2))
    assert far > 1.3 * near
    assert abs(np.diff(heights(1))[0]) <= 4


def test_twenty_five_people_differ_in_build_clothes_and_gait() -> None:
    bodies = np.stack([recording("walking", person)._body for person in range(1, 26)])
    assert len(np.unique(bodies[:, pose.BUILD])) == 25
    assert np.ptp(bodies[:, pose.SHIRT]) > 100
    assert set(bodies[:, pose.LONG_HAIR]) == {0.0, 1.0}
    changed = np.stack([recording("walking", person, 3)._body for person in range(1, 26)])
    assert np.array_equal(bodies[:, pose.BUILD], changed[:, pose.BUILD])
    assert (bodies[:, pose.SHIRT] != changed[:, pose.SHIRT]).all()


def test_a_frame_depends_on_its_number_alone() -> None:
    one = recording("jogging")
    whole = list(one.frames(range(1, 13)))
    assert np.array_equal(next(iter(recording("jogging").frames([7]))), whole[6])
    assert not np.array_equal(next(iter(recording("jogging", seed=1).frames([7]))), whole[6])


def test_a_frame_is_the_same_on_every_machine() -> None:
    digest = hashlib.sha256()
    for action in ACTIONS:
        digest.update(next(iter(recording(action).frames([7]))).tobytes())
    assert digest.hexdigest() == "0c1f755dddaae7c5a17b9e754f65370b3744262b83ab6030506ef0d0a58d2f87"


def test_noise_has_the_standard_deviation_asked_for_and_no_pattern() -> None:
    def photograph(key: int) -> np.ndarray:
        out = np.empty((120, 160), np.uint8)
        dark: Any = np.full((120, 160), 100.0)
        light, shadow = np.array([0.6, -0.8]), np.zeros(4)
        camera.photograph(dark, pose.empty(), 0, 110.0, light, shadow, 3.0, key, out)
        return out.astype(float)

    one, two = photograph(5), photograph(6)
    assert one.mean() == pytest.approx(100, abs=0.1)
    assert one.std() == pytest.approx(math.sqrt(9 + 1 / 12), rel=0.03)
    for a, b in ((one, two), (one[:, 1:], one[:, :-1]), (one[1:], one[:-1])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.03
