"""One definition of what models see of a stored value, for arrays and tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stbench.store.normaliser import Normaliser


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_it_subtracts_the_mean_divides_by_the_deviation_and_comes_back(dtype: type) -> None:
    stored = np.array([0, 3, 255], dtype)
    found = Normaliser(3.0, 0.5)(stored)
    assert found.dtype == np.float32
    assert found.tolist() == [-6.0, 0.0, 504.0]
    assert Normaliser(3.0, 0.5).inverse(found).tolist() == stored.tolist()


def test_a_tensor_is_normalised_in_its_place_to_the_bits_of_the_array() -> None:
    stored = np.random.default_rng(0).integers(0, 256, (50, 7), np.uint8)
    normaliser = Normaliser(33.3, 71.7)
    tensor = torch.from_numpy(stored).float()
    found = normaliser.in_place(tensor)
    assert found.data_ptr() == tensor.data_ptr()
    assert found.numpy().tobytes() == normaliser(stored).tobytes()


def test_mean_0_and_deviation_1_leave_values_as_they_are() -> None:
    stored = np.array([1.5, np.nan], np.float32)
    assert Normaliser()(stored) is stored
    assert Normaliser().inverse(stored) is stored
    tensor = torch.tensor([2.0])
    assert Normaliser().in_place(tensor) is tensor
