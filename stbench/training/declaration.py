"""Settings declared once, each with its check: what the tables of a preset are read by."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_type_hints

from stbench.contract.settings import check_type
from stbench.errors import StbenchError, nearest

Check = Callable[[str, Any], None]
"""(the setting in words, value) -> None; `StbenchError` for a value that no run could use."""


def setting(
    check: Check | None = None,
    default: Any = dataclasses.MISSING,
    *,
    of: tuple[str, tuple[str, ...]] | None = None,
    needed: bool = False,
    watched: bool = False,
) -> Any:
    """A dataclass field with its check, beside that of its type. Without `default` every table must have it.

    `of` = (another setting, its values) for which alone this one means something; `needed`: it must be given then.
    `watched`: says how a run is watched and decides no result. A default never changes: checkpoints leave it out.
    """
    metadata = {"check": check, "of": of, "needed": needed, "watched": watched}
    return dataclasses.field(default=default, metadata=metadata)


def whole(least: int) -> Check:
    def check(what: str, value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise StbenchError(f"{what} must be a whole number, not {value!r}")
        if value < least:
            raise StbenchError(f"{what} is {value}; it must be at least {least}")

    return check


def number(valid: Callable[[float], bool], range_: str) -> Check:
    """A number that is `valid`; `range_` says in words which ones are."""

    def check(what: str, value: Any) -> None:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise StbenchError(f"{what} must be a number, not {value!r}")
        if not valid(value):
            raise StbenchError(f"{what} is {value}; it must {range_}")

    return check


def one_of(kind: str, known: Iterable[str]) -> Check:
    names = tuple(known)

    def check(what: str, value: Any) -> None:
        if value not in names:
            raise StbenchError(f"there is no {kind} '{value}': {nearest(str(value), names)}")

    return check


def steps_in_order(what: str, value: Any) -> None:
    good = isinstance(value, tuple) and all(type(each) is int and each > 0 for each in value)
    if not good or list(value) != sorted({*value}):
        raise StbenchError(f"{what} must be a list of increasing steps, not {value!r}")


def two_decays(what: str, value: Any) -> None:
    good = isinstance(value, tuple) and len(value) == 2 and all(isinstance(each, (int, float)) for each in value)
    if not good or not all(0 <= each < 1 for each in value):
        raise StbenchError(f"{what} must be two numbers from 0 to below 1, not {value!r}")


def fields_of(kind: type) -> dict[str, Any]:
    """Name -> dataclass field, of the declared settings of a class."""
    return {field.name: field for field in dataclasses.fields(kind) if "check" in field.metadata}


def values_of(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table with tuples for its lists."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}


def check_values(kind: type, values: Mapping[str, Any], where: str = "") -> None:
    """`StbenchError` for a setting that `kind` does not declare or whose value is impossible; `where`: of which table,
    "" or " of the player 'critic'"."""
    fields = fields_of(kind)
    for name in values:
        if name not in fields:
            raise StbenchError(f"there is no training setting '{name}'{where}: {nearest(name, fields)}")
    types = get_type_hints(kind)
    for name, value in values.items():
        what = f"the training setting '{name}'{where}"
        if check := fields[name].metadata["check"]:
            check(what, value)
        check_type(what, value, types[name])


def check_together(settings: Any, given: Iterable[str], where: str = "") -> None:
    """`StbenchError` for a setting in `given` that means nothing beside the others, and for one that they need."""
    for name, field in fields_of(type(settings)).items():
        if field.metadata["of"] is None:
            continue
        other, values = field.metadata["of"]
        chosen = getattr(settings, other)
        if name in given and chosen not in values:
            raise StbenchError(
                f"the {other}{where} is '{chosen}', and '{name}' is a setting of "
                f"{' and '.join(repr(each) for each in values)}: leave it out"
            )
        if field.metadata["needed"] and chosen in values and getattr(settings, name) == field.default:
            raise StbenchError(
                f"the training settings{where} lack '{name}', which {other} '{chosen}' needs; "
                "add it to the preset's training table"
            )
