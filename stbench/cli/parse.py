"""Texts a user types -> values: durations and `key=value` settings."""

from __future__ import annotations

import re
from collections.abc import Iterable

from stbench.errors import StbenchError

_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(rf"(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?")
_SECONDS = (3600.0, 60.0, 1.0)
LONGEST_HOURS = 100_000
"""Of a duration: eleven years, which every record can hold."""


def parse_duration(text: str) -> float:
    """Seconds in a text such as "90s", "10m", "1.5h" or "1h30m"; a unit is required, and the total is positive and at
    most `LONGEST_HOURS`.
    """
    compact = text.replace(" ", "").lower()
    match = _DURATION.fullmatch(compact)
    parts = match.groups() if match else ()
    total = sum(float(part) * unit for part, unit in zip(parts, _SECONDS, strict=False) if part is not None)
    if total <= 0:
        raise StbenchError(f"'{text}' is no duration: write hours, minutes and seconds like 90s, 10m or 1h30m")
    if total > LONGEST_HOURS * 3600:
        raise StbenchError(
            f"'{text:.40}' is more than {LONGEST_HOURS:,} hours: give a shorter time, or none where there is no limit"
        )
    return total


def duration_text(seconds: float) -> str:
    """A duration for people, which `parse_duration` reads back to within half of its last digit: "8.4s", "3m20s"."""
    if seconds < 60 and (tenths := round(seconds, 1)) < 60:
        return f"{tenths:g}s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    units = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{count}{unit}" for count, unit in units if count)


def parse_settings(texts: Iterable[str], example: str = "--set sequences=40") -> dict[str, str]:
    """`("sequences=40", "grid=32")` -> `{"sequences": "40", "grid": "32"}`; values may contain equals signs."""
    settings: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key, value = key.strip(), value.strip()
        if not (key and equals and value):
            raise StbenchError(f"'{text}' is no setting: write {example.split()[0]} key=value, for example {example}")
        if key in settings:
            raise StbenchError(f"the setting '{key}' is given twice ({settings[key]} and {value}): keep one of them")
        settings[key] = value
    return settings


def size_text(size: float) -> str:
    """Bytes for people, in powers of 1000: "4.2 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.95:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
