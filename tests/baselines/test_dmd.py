"""Dynamic mode decomposition finds the spectrum of a linear system, as PyDMD does, and never grows without bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from stbench import registry
from stbench.contract.datasets import Track
from stbench.contract.models import Task
from stbench.splits.training import TrainingWindows

Train = Callable[..., TrainingWindows]
SPECTRUM = np.array([0.97 * np.exp(0.4j), 0.97 * np.exp(-0.4j), 0.9 * np.exp(1.1j), 0.9 * np.exp(-1.1j), 0.8])


def linear_system(spectrum: np.ndarray = SPECTRUM) -> np.ndarray:
    """A real matrix with a given spectrum: rotations and a number, in a turned basis."""
    blocks = np.zeros((len(spectrum), len(spectrum)))
    k = 0
    while k < len(spectrum):
        value = spectrum[k]
        if value.imag:
            blocks[k : k + 2, k : k + 2] = [[value.real, -value.imag], [value.imag, value.real]]
            k += 2
        else:
            blocks[k, k] = value.real
            k += 1
    basis = np.random.default_rng(5).standard_normal(blocks.shape)
    return np.asarray(basis @ blocks @ np.linalg.inv(basis))


def trajectories(matrix: np.ndarray, count: int, length: int, seed: int = 0) -> np.ndarray:
    """(count, length, m): x_{k+1} = A x_k from random beginnings; every second one is the negative of the one before,
    so that their mean is 0."""
    begin = np.random.default_rng(seed).standard_normal((count // 2, len(matrix)))
    states = [np.concatenate([begin, -begin])]
    for _ in range(length - 1):
        states.append(states[-1] @ matrix.T)
    return np.stack(states, axis=1)[np.argsort(np.arange(count) % (count // 2), kind="stable")]


def fitted(train: TrainingWindows, horizon: int) -> Any:
    track = Track("toy", "forecast", train.conditioning, horizon, train.horizon, ("mse",))
    model = registry.model("dmd").build({}, Task(track, train.frame_shape))
    model.fit(train)
    return model


def distance(found: np.ndarray, wanted: np.ndarray) -> float:
    """The farthest that a wanted number is from its nearest found one."""
    return float(np.abs(found[:, None] - wanted[None, :]).min(axis=0).max())


def _order(values: np.ndarray) -> np.ndarray:
    """By phase, then size."""
    return np.lexsort((np.abs(values).round(6), np.angle(values).round(6)))


def test_the_eigenvalues_are_those_of_the_system_that_made_the_data(train_on: Train) -> None:
    frames = trajectories(linear_system(), 20, 30)
    model = fitted(train_on(frames, 1, 5), 5)
    # Frames are float32, and a system without a normal basis makes more of their rounding.
    assert len(model.eigenvalues) == 5
    assert distance(model.eigenvalues, SPECTRUM) < 1e-4


def test_the_forecast_goes_on_as_the_system_does(train_on: Train) -> None:
    matrix = linear_system()
    model = fitted(train_on(trajectories(matrix, 20, 30), 3, 5), 8)
    test = trajectories(matrix, 6, 11, seed=1)
    np.testing.assert_allclose(model.forecast(test[:, :3].astype(np.float32), 8), test[:, 3:], atol=2e-3)


def test_two_sensors_of_a_system_of_five_need_delays(train_on: Train) -> None:
    matrix = linear_system()
    frames, test = trajectories(matrix, 40, 40)[..., :2], trajectories(matrix, 6, 14, seed=1)[..., :2]

    def error(delays: int) -> float:
        found = fitted(train_on(frames, delays, 5), 8).forecast(test[:, 6 - delays : 6].astype(np.float32), 8)
        return float(np.abs(found - test[:, 6:]).max() / np.abs(test).max())

    assert error(1) > 0.05
    assert error(4) < 2e-3


def test_images_are_forecast_as_their_modes_are(train_on: Train) -> None:
    """Standing patterns on 12 x 20 pixels: more pixels than snapshots take the other way to their directions."""
    matrix, rng = linear_system(), np.random.default_rng(2)
    patterns = rng.standard_normal((5, 1, 12, 20))
    frames = np.tensordot(trajectories(matrix, 6, 25), patterns, 1)
    model = fitted(train_on(frames, 2, 5), 6)
    test = np.tensordot(trajectories(matrix, 4, 8, seed=1), patterns, 1) * 0.1
    # Small beginnings: what leaves the training range is clipped.
    np.testing.assert_allclose(model.forecast(test[:, :2].astype(np.float32), 6), test[:, 2:], atol=2e-3)


def test_modes_and_eigenvalues_are_those_of_pydmd() -> None:
    """One trajectory, float64, rank 5 and a lower one: exact modes up to a factor, and at full rank what each mode has
    of the first state, which has none."""
    from stbench.baselines.floors.modes import Products

    pydmd = pytest.importorskip("pydmd")
    path = trajectories(linear_system(), 2, 40)[0]
    for rank in (5, 3):
        ours = Products(5)
        ours.add(path[:-1], path[1:])
        modes = ours.decompose(rank)
        theirs = pydmd.DMD(svd_rank=rank, exact=True).fit(path.T)
        order, other = _order(modes.eigenvalues), _order(theirs.eigs)
        np.testing.assert_allclose(modes.eigenvalues[order], theirs.eigs[other], atol=1e-8)
        scale = np.linalg.norm(modes.modes[:, order], axis=0), np.linalg.norm(theirs.modes[:, other], axis=0)
        overlap = np.abs(np.einsum("ij,ij->j", modes.modes[:, order].conj(), theirs.modes[:, other]))
        np.testing.assert_allclose(overlap, scale[0] * scale[1], rtol=1e-6)
        if rank == 5:  # ours begin with the state after the first, theirs with the first
            shares = modes.modes * (modes.amplitudes @ path[0])
            expected = theirs.modes * theirs.amplitudes * theirs.eigs
            np.testing.assert_allclose(shares[:, order], expected[:, other], atol=1e-8)


def test_a_mode_that_grows_turns_and_stays_as_large_as_it_is() -> None:
    from stbench.baselines.floors.modes import Products

    growing = np.array([1.05 * np.exp(0.3j), 1.05 * np.exp(-0.3j)])
    path = trajectories(linear_system(growing), 2, 20)[0]
    products = Products(2)
    products.add(path[:-1], path[1:])
    modes = products.decompose(2)
    np.testing.assert_allclose(np.sort(np.abs(modes.eigenvalues)), [1.05, 1.05], rtol=1e-9)
    course = modes.advance(path[0], 400)
    np.testing.assert_allclose(course[0], path[1], rtol=1e-9)
    assert np.abs(course).max() < 2 * np.abs(path[:25]).max()
    # It turns by 0.3 a frame about as far as before.
    turned = np.linalg.solve(linear_system(growing / 1.05), course[1])
    np.testing.assert_allclose(turned, course[0], rtol=1e-8)


def test_what_leaves_the_training_range_is_clipped(train_on: Train) -> None:
    frames = trajectories(linear_system(), 20, 30)
    model = fitted(train_on(frames, 2, 5), 5)
    low, high = frames.min(axis=(0, 1)), frames.max(axis=(0, 1))
    found = model.forecast(100 * frames[:3, :2].astype(np.float32), 5)
    assert (found >= low.astype(np.float32)).all()
    assert (found <= high.astype(np.float32)).all()


def test_frames_that_never_change_are_forecast_as_they_are(train_on: Train) -> None:
    model = fitted(train_on(np.full((3, 10, 4), 0.25), 2, 3), 3)
    np.testing.assert_array_equal(model.forecast(np.full((2, 2, 4), 0.25, np.float32), 3), np.float32(0.25))
