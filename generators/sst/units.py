"""Temperatures in degrees Celsius, whatever unit a file gives them in."""

from __future__ import annotations

import re

import numpy as np

from stbench.errors import StbenchError

KELVIN = 273.15
PLAUSIBLE = (-5.0, 45.0)
"""Degrees Celsius: what a sea surface may have."""
_CELSIUS = re.compile(r"(deg(ree)?s?)?(c|celsius|centigrade)|")
_KELVIN = re.compile(r"(deg(ree)?s?)?(k|kelvins?)")


def is_kelvin(where: str, name: str, units: str) -> bool:
    """Whether temperatures are in kelvin and not in degrees Celsius; `StbenchError` for any other unit.

    Case, blanks, underscores, dots and hyphens do not count, and ° is "deg". A file that does not say is taken to mean
    degrees Celsius, and its range is checked like any other's.
    """
    word = re.sub(r"[\s_.\-]", "", units.lower().replace("°", "deg").replace("º", "deg"))
    if _KELVIN.fullmatch(word):
        return True
    if not _CELSIUS.fullmatch(word):
        raise StbenchError(f"{where} gives '{name}' in '{units[:40]}', neither degrees Celsius nor Kelvin")
    return False


def in_celsius(where: str, name: str, units: str, values: np.ndarray) -> np.ndarray:
    """Degrees Celsius, NaN where `values` is; `StbenchError` for other units and for values no sea surface has."""
    if is_kelvin(where, name, units):
        values = values - KELVIN
    valid = values[~np.isnan(values)]
    if valid.size and not (PLAUSIBLE[0] <= valid.min() and valid.max() <= PLAUSIBLE[1]):
        raise StbenchError(
            f"{where} has '{name}' between {valid.min():g} and {valid.max():g} after unpacking to degrees Celsius "
            f"(units '{units}'), which no sea surface has: it is damaged, or its units are wrong"
        )
    return values
