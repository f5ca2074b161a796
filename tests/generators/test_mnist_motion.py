"""Digits move as published: against a simulator that walks step by step and handles collisions one by one."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from stbench.generators.moving_mnist import motion

EXTENT, FRAMES = 36, 100


def walk(start: tuple[int, int], speed: tuple[int, int], n_frames: int) -> list[tuple[int, int, int, int]]:
    """Row, column and their speeds in each frame, in exact arithmetic.

    The independent reference: a point runs along its straight line to the wall it meets first, turns there, and spends
    what is left of the step in the new direction, in both dimensions at once.
    """
    place, velocity = [Fraction(each) for each in start], list(speed)
    frames = []
    for _ in range(n_frames):
        frames.append((int(place[0]), int(place[1]), velocity[0], velocity[1]))
        left = Fraction(1)
        while True:
            reach = []
            for axis in (0, 1):
                if velocity[axis] > 0:
                    reach.append(((EXTENT - place[axis]) / velocity[axis], axis))
                elif velocity[axis] < 0:
                    reach.append((place[axis] / -velocity[axis], axis))
            # Arriving exactly at a wall at the end of a step is no collision yet.
            hits = [each for each in reach if each[0] < left]
            if not hits:
                break
            moment = min(hits)[0]
            place = [place[axis] + velocity[axis] * moment for axis in (0, 1)]
            for time, axis in hits:
                if time == moment:
                    velocity[axis] = -velocity[axis]
            left -= moment
        place = [place[axis] + velocity[axis] * left for axis in (0, 1)]
    return frames


@pytest.fixture(scope="module")
def official() -> motion.Draws:
    return motion.official_draws(42, 10_000, 5_000, 2, EXTENT, 4)


def test_reflection_equals_a_walk_with_collisions(official: motion.Draws) -> None:
    rows = slice(0, 5_000, 25)
    some = motion.Draws(official.digit_index[rows], official.start[rows], official.speed[rows])
    position, velocity = motion.reflect(some, FRAMES, EXTENT)
    for sequence in range(len(some.start)):
        for digit in (0, 1):
            expected = walk(tuple(some.start[sequence, digit]), tuple(some.speed[sequence, digit]), FRAMES)
            assert np.array_equal(position[sequence, :, digit], [each[:2] for each in expected])
            assert np.array_equal(velocity[sequence, :, digit], [each[2:] for each in expected])


@pytest.mark.parametrize("start", [(0, 36), (36, 0), (0, 0), (36, 36), (17, 1)])
@pytest.mark.parametrize("speed", [(4, -4), (-4, 4), (3, 0), (0, -1), (0, 0), (-4, -3)])
def test_reflection_is_right_at_the_walls(start: tuple[int, int], speed: tuple[int, int]) -> None:
    draws = motion.Draws(np.zeros((1, 1), int), np.array([[start]]), np.array([[speed]]))
    position, velocity = motion.reflect(draws, FRAMES, EXTENT)
    expected = walk(start, speed, FRAMES)
    assert np.array_equal(position[0, :, 0], [each[:2] for each in expected])
    assert np.array_equal(velocity[0, :, 0], [each[2:] for each in expected])


def test_a_digit_faster_than_its_box_is_wide_still_reflects_exactly() -> None:
    draws = motion.Draws(np.zeros((1, 1), int), np.array([[(3, 5)]]), np.array([[(100, -77)]]))
    position, _ = motion.reflect(draws, FRAMES, EXTENT)
    assert np.array_equal(position[0, :, 0], [each[:2] for each in walk((3, 5), (100, -77), FRAMES)])


def test_the_official_draws_are_the_legacy_stream_in_the_published_order(official: motion.Draws) -> None:
    np.random.seed(42)  # noqa: NPY002 - the published stream is the legacy one
    order = np.random.permutation(10_000)  # noqa: NPY002
    for sequence in range(3):
        for digit in (0, 1):
            assert official.digit_index[sequence, digit] == order[2 * sequence + digit]
            start = [np.random.randint(0, 37), np.random.randint(0, 37)]  # noqa: NPY002
            speed = [np.random.randint(-4, 5), np.random.randint(-4, 5)]  # noqa: NPY002
            assert official.start[sequence, digit].tolist() == start
            assert official.speed[sequence, digit].tolist() == speed


def test_the_official_test_set_shows_every_digit_once_in_the_published_ranges(official: motion.Draws) -> None:
    assert sorted(official.digit_index.ravel()) == list(range(10_000))
    assert set(np.unique(official.start)) == set(range(37))
    assert set(np.unique(official.speed)) == set(range(-4, 5))


def test_a_smaller_official_set_is_the_beginning_of_the_published_one(official: motion.Draws) -> None:
    small = motion.official_draws(42, 10_000, 40, 2, EXTENT, 4)
    assert np.array_equal(small.digit_index, official.digit_index[:40])
    assert np.array_equal(small.start, official.start[:40])
    assert np.array_equal(small.speed, official.speed[:40])


def test_a_seeded_sequence_depends_on_seed_part_and_index_alone() -> None:
    def some(start: int, stop: int, seed: int = 1, part: int = motion.TRAIN) -> motion.Draws:
        return motion.reflection_draws(seed, part, start, stop, n_images=500, digits=3, extent=EXTENT, max_speed=4)

    whole = some(0, 20)
    for index in (0, 7, 19):
        alone = some(index, index + 1)
        for name in ("digit_index", "start", "speed"):
            assert np.array_equal(getattr(alone, name)[0], getattr(whole, name)[index])
    assert not np.array_equal(some(0, 20, seed=2).start, whole.start)
    assert not np.array_equal(some(0, 20, part=motion.VAL).start, whole.start)


def test_a_seeded_sequence_is_the_same_on_every_machine() -> None:
    drawn = motion.reflection_draws(0, motion.TRAIN, 0, 1, n_images=10, digits=2, extent=EXTENT, max_speed=4)
    assert drawn.digit_index.tolist() == [[9, 8]]
    assert drawn.start.tolist() == [[[15, 24], [5, 25]]]
    assert drawn.speed.tolist() == [[[1, -2], [-2, -1]]]
    turned = motion.angle_draws(0, motion.TRAIN, 0, 1, n_images=10, digits=1)
    assert turned.digit_index.tolist() == [[9]]
    assert [each.hex() for each in turned.start.ravel()] == ["0x1.a5a44333e108ep-2", "0x1.540a2c783bee3p-1"]
    assert [each.hex() for each in turned.speed.ravel()] == ["0x1.da5cd9ab7428bp-2", "-0x1.c5bffc11c4016p-1"]


def test_seeded_draws_are_uniform() -> None:
    draws = motion.reflection_draws(0, motion.TRAIN, 0, 5_000, n_images=10, digits=2, extent=EXTENT, max_speed=4)
    for values, outcomes in ((draws.digit_index, 10), (draws.start, 37), (draws.speed + 4, 9)):
        counts = np.bincount(values.ravel(), minlength=outcomes)
        expected = values.size / outcomes
        assert len(counts) == outcomes
        # Chi-squared with outcomes - 1 degrees of freedom: that is its mean, and its variance is twice that.
        assert ((counts - expected) ** 2 / expected).sum() < outcomes - 1 + 5 * np.sqrt(2 * (outcomes - 1))


def test_angle_motion_equals_the_published_steps() -> None:
    draws = motion.angle_draws(3, motion.TEST, 0, 50, n_images=10, digits=2)
    position, velocity = motion.step_by_angle(draws, 60, EXTENT, 0.1)
    for sequence in range(50):
        for digit in (0, 1):
            x, y = draws.start[sequence, digit].tolist()
            dx, dy = draws.speed[sequence, digit].tolist()
            assert dx * dx + dy * dy == pytest.approx(1, abs=1e-12)
            for t in range(60):
                x, y = x + 0.1 * dx, y + 0.1 * dy
                if x <= 0 or x >= 1:
                    x, dx = min(max(x, 0.0), 1.0), -dx
                if y <= 0 or y >= 1:
                    y, dy = min(max(y, 0.0), 1.0), -dy
                assert position[sequence, t, digit].tolist() == [int(EXTENT * x), int(EXTENT * y)]
                assert velocity[sequence, t, digit].tolist() == pytest.approx([3.6 * dx, 3.6 * dy], abs=1e-6)


def test_angle_directions_are_uniform_on_the_circle() -> None:
    direction = motion.angle_draws(0, motion.TRAIN, 0, 2_000, n_images=10, digits=2).speed.reshape(-1, 2)
    angle = np.arctan2(direction[:, 0], direction[:, 1])
    counts, _ = np.histogram(angle, bins=16, range=(-np.pi, np.pi))
    expected = len(angle) / 16
    assert ((counts - expected) ** 2 / expected).sum() < 15 + 5 * np.sqrt(30)
