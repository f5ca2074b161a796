"""From the stored numbers of a netCDF variable to values and holes, as its attributes say.

    value = stored * scale_factor + add_offset        in float64

A hole is where `stored` is no finite number, equals `_FillValue` or one of `missing_value`, or lies outside
`valid_range` (or `valid_min`, `valid_max`), all of which are in the units of what is stored. `_Unsigned` comes first,
scale and offset last. A variable without `_FillValue` has holes where the library's default fill value is, but for
bytes.

Attributes are untrusted. A scale or offset that is not one finite number is refused. A fill, missing or valid value
counts only where it survives the cast to the type of the variable, as in the netCDF4 library; for floating point
variables rounding is no loss. Source: NetCDF Users' Guide, Appendix A; CF conventions 1.11, 2.5.1 and 8.1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stbench.errors import StbenchError

ATTRIBUTES = (
    *("_Unsigned", "_FillValue", "missing_value"),
    *("valid_range", "valid_min", "valid_max", "scale_factor", "add_offset"),
)
DEFAULT_FILLS: Mapping[str, float | int] = {
    "i2": -32767,
    "u2": 65535,
    "i4": -2147483647,
    "u4": 4294967295,
    "i8": -9223372036854775806,
    "u8": 18446744073709551614,
    "f4": 9.9692099683868690e36,
    "f8": 9.9692099683868690e36,
}
"""What the netCDF library fills with where nothing was written."""


@dataclass(frozen=True, eq=False)
class Packing:
    """How stored numbers become values."""

    dtype: np.dtype[Any]
    """What the bytes are read as."""
    holes: np.ndarray
    """(n,) stored numbers that mean nothing is there."""
    low: Any
    """Least stored number that is valid, or None."""
    high: Any
    scale: float
    offset: float
    ignored: tuple[str, ...]
    """Attributes that are there and not used, as their values are none of the variable's type."""

    def unpack(self, stored: np.ndarray, *, ranged: bool = True) -> np.ndarray:
        """Values, float64, NaN in holes. `ranged`: whether the valid range counts."""
        read = stored.view(self.dtype) if self.dtype != stored.dtype else stored
        hole = ~np.isfinite(read) if read.dtype.kind == "f" else np.zeros(read.shape, bool)
        for each in self.holes:
            hole |= read == each
        if ranged and self.low is not None:
            hole |= read < self.low
        if ranged and self.high is not None:
            hole |= read > self.high
        with np.errstate(over="ignore", invalid="ignore"):
            values = read.astype(np.float64) * self.scale + self.offset
        return np.where(hole, np.nan, values)


def packing_of(where: str, name: str, dtype: np.dtype[Any], attributes: Mapping[str, Any]) -> Packing:
    """What the attributes of a variable of type `dtype` say.

    Raises `StbenchError` naming the file `where` and the variable for one that holds no numbers, for a scale or offset
    that is not one finite number (a scale not 0), and for an `_Unsigned` that is not a text.
    """
    if dtype.kind not in "iuf":
        raise StbenchError(f"{where} stores '{name}' as {dtype}, not as numbers")
    read = _signedness(where, name, dtype, attributes.get("_Unsigned"))
    ignored: list[str] = []

    def usable(key: str, size: int | None = None) -> np.ndarray | None:
        if key not in attributes:
            return None
        values = _cast(attributes[key], dtype, read)
        if values is None or (size is not None and values.size != size):
            ignored.append(key)
            return None
        return values

    fill, missing = usable("_FillValue", 1), usable("missing_value")
    default = DEFAULT_FILLS.get(f"{dtype.kind}{dtype.itemsize}") if read == dtype else None
    if fill is None and default is not None:
        fill = np.array([default], read)
    both, least, most = usable("valid_range", 2), usable("valid_min", 1), usable("valid_max", 1)
    low, high = both if both is not None else (each if each is None else each[0] for each in (least, most))
    scale, offset = (
        _number(where, name, attributes, "scale_factor", 1.0),
        _number(where, name, attributes, "add_offset", 0),
    )
    if scale == 0:
        raise StbenchError(f"{where} gives '{name}' the scale_factor 0, which leaves nothing of its values")
    holes = np.concatenate([each for each in (fill, missing) if each is not None] or [np.empty(0, read)])
    return Packing(read, holes, low, high, scale, offset, tuple(ignored))


def _signedness(where: str, name: str, dtype: np.dtype[Any], unsigned: Any) -> np.dtype[Any]:
    """The type that is meant: classic netCDF files have no unsigned integers of more than a byte."""
    if unsigned is None or dtype.kind == "f":
        return dtype
    word = str(unsigned).strip().lower()
    if not isinstance(unsigned, str) or word not in ("true", "false"):
        raise StbenchError(
            f"{where} has the attribute _Unsigned = {str(unsigned)[:40]!r} on '{name}', which is neither true nor "
            "false, so its sign is unknown"
        )
    kind = {"true": "u", "false": "i"}[word]
    return np.dtype(f"{kind}{dtype.itemsize}")


def _cast(value: Any, dtype: np.dtype[Any], read: np.dtype[Any]) -> np.ndarray | None:
    """The numbers of an attribute as the type that is meant, (n,); None where one of them is lost by the cast, and for
    a text and for nothing at all."""
    given = np.atleast_1d(np.asarray(value)).reshape(-1)
    if given.dtype.kind not in "iuf" or not given.size:
        return None
    # Written in the type that is stored, or in the one that is meant.
    for kind in dict.fromkeys((dtype, read)):
        with np.errstate(invalid="ignore", over="ignore"):
            cast = given.astype(kind)
        if all(_survives(*pair, rounds=kind.kind == "f") for pair in zip(given.tolist(), cast.tolist(), strict=True)):
            return cast.view(read)
    return None


def _survives(given: float, cast: float, *, rounds: bool) -> bool:
    if math.isnan(given) or math.isnan(cast):
        return math.isnan(given) and math.isnan(cast)
    return math.isfinite(cast) if rounds and math.isfinite(given) else given == cast


def _number(where: str, name: str, attributes: Mapping[str, Any], key: str, default: float) -> float:
    if key not in attributes:
        return default
    value = np.asarray(attributes[key])
    if value.dtype.kind not in "iuf" or value.size != 1 or not np.isfinite(value).all():
        shown = " ".join(str(attributes[key]).split())[:40]
        raise StbenchError(f"{where} gives '{name}' the {key} '{shown}', not one number: its values cannot be unpacked")
    return float(value.reshape(-1)[0])
