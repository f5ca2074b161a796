"""Settings of a model become keyword arguments, checked: the one way from a preset's table to an object."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec

from stbench.errors import StbenchError, nearest

Made = TypeVar("Made")

Size = Annotated[int, msgspec.Meta(ge=1)]
"""Units, channels, layers, frames: at least one."""
Sizes = Annotated[Sequence[Size], msgspec.Meta(min_length=1)]
"""Of layers: one or more."""
Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Weight = Annotated[float, msgspec.Meta(ge=0)]
"""A factor that may be 0."""
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


def construct(what: str, make: Callable[..., Made], settings: Mapping[str, Any], *arguments: Any) -> Made:
    """`make(*arguments, **settings)`, where settings are the keyword-only parameters of `make`.

    Those with a default may be left out. `what` is the subject of the sentence, "sepvar" or "the encoder 'mlp'".
    Raises `StbenchError` for an unknown setting, with the nearest name, a missing one, and a value that is not of the
    annotated type or range (`Size`, `Weight`, ...; a whole number is a number), or not finite.
    """
    known = {each.name: each for each in _parameters(make) if each.kind is each.KEYWORD_ONLY}
    for name in settings:
        if name not in known:
            raise StbenchError(f"{what} has no setting '{name}': {nearest(name, known)}")
    for name, parameter in known.items():
        if parameter.default is parameter.empty and name not in settings:
            raise StbenchError(f"{what} lacks the setting '{name}' in its configuration")
    for name, value in settings.items():
        check_type(f"the setting '{name}' of {what}", value, known[name].annotation)
    return make(*arguments, **settings)


def check_type(what: str, value: Any, kind: Any) -> None:
    """`StbenchError` where a value read from TOML is not finite or not of the type `kind`; nothing is known of foreign
    types."""
    if not all(map(math.isfinite, _floats(value))):
        raise StbenchError(f"{what} is {value!r}: it must be finite")
    if kind is inspect.Parameter.empty:
        return
    try:
        msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        raise StbenchError(f"{what} is {value!r}: {str(error)[:1].lower()}{str(error)[1:]}") from None
    except TypeError:
        return


def _floats(value: Any) -> Iterable[float]:
    """The floating-point numbers in a value, however deep."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _floats(each)


def _parameters(make: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        signature = inspect.signature(make, eval_str=True)
    except NameError:  # an annotation that is imported for type checkers only
        signature = inspect.signature(make)
    return list(signature.parameters.values())
