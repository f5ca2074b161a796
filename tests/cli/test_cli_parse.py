"""Durations and settings as users type them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stbench.cli.parse import duration_text, parse_duration, parse_settings, size_text
from stbench.errors import StbenchError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("1h30m", 5400), ("1.5h", 5400), ("0.5s", 0.5), ("2h 5m 1s", 7501), ("10M", 600)],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "10", "m", "10x", "-5m", "0s", "30m1h", "1h1h", "ten minutes", "nan", "inf", "1e3s"]
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(StbenchError, match="10m"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["999999999999h", "100000h1s", "9" * 400 + "s", "1000000000h 1m"])
def test_a_duration_of_more_than_eleven_years_is_refused(text: str) -> None:
    with pytest.raises(StbenchError, match="is more than 100,000 hours"):
        parse_duration(text)
    assert parse_duration("100000h") == 100_000 * 3600


@given(st.integers(0, 999), st.integers(0, 9999), st.integers(0, 99999))
def test_a_duration_is_the_sum_of_its_parts(hours: int, minutes: int, seconds: int) -> None:
    total = 3600 * hours + 60 * minutes + seconds
    if total:
        assert parse_duration(f"{hours}h{minutes}m{seconds}s") == total


@given(st.floats(0.1, 1e6))
def test_a_printed_duration_is_read_back_to_its_last_digit(seconds: float) -> None:
    tolerance = 0.051 if seconds < 60 else 0.51
    assert parse_duration(duration_text(seconds)) == pytest.approx(seconds, abs=tolerance)


@given(st.text())
def test_any_text_is_a_duration_or_an_stbench_error(text: str) -> None:
    with contextlib.suppress(StbenchError):
        assert parse_duration(text) > 0


KEYS = st.from_regex(r"[a-z][a-z_-]{0,11}", fullmatch=True)
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)


@given(st.dictionaries(KEYS, VALUES))
def test_settings_are_read_back_as_written(settings: dict[str, str]) -> None:
    assert parse_settings(f"{key}={value}" for key, value in settings.items()) == settings


@pytest.mark.parametrize("text", ["sequences", "=40", "sequences=", " = "])
def test_half_a_setting_is_refused(text: str) -> None:
    with pytest.raises(StbenchError, match="key=value"):
        parse_settings([text])


def test_a_setting_given_twice_is_refused() -> None:
    with pytest.raises(StbenchError, match="twice"):
        parse_settings(["size=32", "size=64"])


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_960, "1.0 MB"), (4_240_000, "4.2 MB"), (5e12, "5.0 TB")],
)
def test_sizes_are_written_in_powers_of_a_thousand(size: float, text: str) -> None:
    assert size_text(size) == text
