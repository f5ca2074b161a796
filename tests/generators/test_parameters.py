"""Parameters mean what is written, and no default or preset is refused by what refuses others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stbench import registry
from stbench.contract.datasets import parse_parameters
from stbench.errors import StbenchError


@dataclass(frozen=True)
class Chosen:
    seed: int = 0
    several: tuple[int, ...] = ()


def seed(value: Any) -> int:
    chosen: Chosen = parse_parameters(Chosen, {"seed": value})
    assert type(chosen.seed) is int
    return chosen.seed


@given(st.integers(-(2**63), 2**64))
def test_a_whole_number_stays_itself_to_the_last_digit(number: int) -> None:
    assert seed(number) == seed(str(number)) == seed(f" +{number}".replace("+-", "-")) == number
    assert parse_parameters(Chosen, {"several": [number, number + 1]}).several == (number, number + 1)
    assert parse_parameters(Chosen, {"several": f"{number},{number + 1}"}).several == (number, number + 1)


def test_whole_numbers_of_numpy_stay_themselves() -> None:
    number = 2**53 + 1
    for given_number in (np.int64(number), np.uint64(number), np.array(number)):
        assert seed(given_number) == number
    assert seed(np.uint8(255)) == 255
    assert seed(np.float64(7)) == seed(np.float32(7)) == seed(7.0) == 7


def test_texts_may_be_written_with_an_exponent_or_a_point() -> None:
    assert seed("1e3") == seed("1000.0") == seed("1_000") == 1000
    assert seed("9007199254740993.0") == seed("9.007199254740993e15") == 2**53 + 1


def test_a_truth_value_counts_as_zero_or_one_and_is_a_number_then() -> None:
    assert [seed(value) for value in (False, True, np.False_, np.True_)] == [0, 1, 0, 1]


@pytest.mark.parametrize(
    "value",
    [
        *(1.5, np.float64(0.5), float("nan"), float("inf"), None, [1], 1j),
        *("1.5", "9007199254740993.5", "1e-400", "", "one", "True", "nan", "inf", "1e400", "0x10"),
    ],
)
def test_what_is_no_whole_number_is_refused(value: Any) -> None:
    with pytest.raises(StbenchError, match="the parameter 'seed' wants int, not"):
        seed(value)


@pytest.mark.parametrize("name", sorted(registry.names("datasets")))
def test_every_default_and_preset_is_a_choice_of_parameters_that_is_accepted(name: str) -> None:
    generator = registry.dataset(name)
    for settings in ({}, *generator.presets.values()):
        assert isinstance(parse_parameters(generator.parameters, settings), generator.parameters)
