"""Numbers as people read them: the page and the terminal show the same digits."""

from __future__ import annotations

import math

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def power_of_ten(exponent: int) -> str:
    """-5 -> "10⁻⁵"."""
    return "10" + str(exponent).translate(_SUPERSCRIPT)


def score_text(value: float) -> str:
    """Three digits after the first: "4.330×10⁻⁵", "24.16", "0.9088", "∞"."""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    exponent = _exponent(value)
    if exponent:
        return f"{value / 10.0**exponent:.3f}×{power_of_ten(exponent)}"
    return f"{value:.{_decimals(value)}f}"


def skill_text(value: float) -> str:
    """Two digits, and none below -10: "0.43", "-1.28", "-58"; never "-0.00"."""
    return f"{value:.0f}" if value <= -10 else f"{round(value, 2) + 0.0:.2f}"


def interval_text(value: float, low: float | None, high: float | None) -> str:
    """The ends in the unit of the value: "[4.21, 4.45]×10⁻⁵"; nothing without an interval."""
    if low is None or high is None:
        return ""
    exponent = _exponent(value)
    decimals = 3 if exponent else _decimals(value)
    ends = ", ".join(f"{end / 10.0**exponent:.{decimals}f}" for end in (low, high))
    return f"[{ends}]×{power_of_ten(exponent)}" if exponent else f"[{ends}]"


def _exponent(value: float) -> int:
    """Power of ten to write apart; 0 for what reads well without."""
    if value == 0 or 1e-2 <= abs(value) < 1e5:
        return 0
    return math.floor(math.log10(abs(value)))


def _decimals(value: float) -> int:
    return max(0, min(6, 3 - math.floor(math.log10(abs(value))))) if value else 0


def count_text(number: int | None) -> str:
    """15_013_868 -> "15.0 M"; nothing for None."""
    if number is None:
        return ""
    for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def seconds_text(seconds: float | None) -> str:
    """5_760.0 -> "1.6 h"; nothing for None."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms" if seconds > 0 else "0 s"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
