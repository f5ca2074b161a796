"""A method held to the annotations of its interface while it is asked: a wrong shape is a sentence that names its axis.

jaxtyping and beartype decide, and belong to the extra `torch`; where they are not installed nothing is decided here.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, get_type_hints

import numpy as np

from stbench.errors import StbenchError

_ARRAY = re.compile(r"(\w+)\[[\w.]+, ['\"]([^'\"]*)['\"]\]")
"""An annotation of jaxtyping: kind, and the names of the axes."""
IMAGE = ("channel", "y", "x")
VECTOR = ("sensor",)


def axes_of(frame_shape: Sequence[int]) -> tuple[str, ...]:
    """Names of the axes of a frame."""
    return IMAGE if len(frame_shape) == len(IMAGE) else VECTOR


def asked(interface: Callable[..., Any], method: Callable[..., Any], *arguments: Any, frame: Sequence[str]) -> Any:
    """`method(*arguments)`, with arguments and answer held to the annotations of `interface`.

    `interface` is a method of a Protocol, `frame` the names that stand for `*frame`. An axis of one name has one size
    everywhere, and a whole number of that name is it. Kinds of numbers are not looked at. `StbenchError` names the axis
    that is wrong, missing or too many.
    """
    try:
        from beartype.door import is_bearable
        from jaxtyping import Shaped, jaxtyped
    except ModuleNotFoundError:
        return method(*arguments)
    texts, hints = _annotations(interface, frame)
    names = [name for name in inspect.signature(interface).parameters if name != "self"]
    given = dict(zip(names, arguments, strict=True))
    sizes: dict[str, int] = {}
    used = {axis for text in texts.values() for axis in _axes(text)}
    with jaxtyped("context"):
        for name in (name for name in used & set(given) if isinstance(given[name], int)):
            # jaxtyping learns the size of an axis from an array that has it; this one takes no memory.
            one: Any = Shaped[np.ndarray, name]
            assert is_bearable(np.broadcast_to(0, given[name]), one)
            sizes[name] = given[name]
        for name, value in given.items():
            axes = _axes(texts[name])
            if not is_bearable(value, hints[name]):
                raise StbenchError(_sentence(f"the argument {name}", value, axes, sizes))
            if axes and value is not None:
                sizes |= dict(zip(axes, _shape(value), strict=True))
        answer = method(*arguments)
        if not is_bearable(answer, hints["return"]):
            raise StbenchError(_sentence(f"the answer of {interface.__name__}", answer, _axes(texts["return"]), sizes))
    return answer


def told(what: str, found: tuple[int, ...], axes: Sequence[str], wanted: tuple[int, ...]) -> str:
    """One sentence on a shape that is not the wanted one."""
    begin = f"{what} has the shape {found}, not ({', '.join(axes)}) = {wanted}"
    if len(found) == len(wanted):
        wrong = [f"{axis} is {f} and not {w}" for axis, f, w in zip(axes, found, wanted, strict=True) if f != w]
        return f"{begin}: {', '.join(wrong)}"
    if len(found) > len(wanted):
        return f"{begin}: it has {len(found) - len(wanted)} axes too many"
    missing = [axis for k, axis in enumerate(axes) if wanted[:k] + wanted[k + 1 :] == found]
    return f"{begin}: {' or '.join(missing) or f'{len(wanted) - len(found)} of the axes'} is missing"


def _annotations(interface: Callable[..., Any], frame: Sequence[str]) -> tuple[dict[str, str], dict[str, Any]]:
    """Annotations of a method as they are written, `*frame` spelt out, and what they mean, whatever kind of numbers."""
    import jaxtyping

    texts = {name: text.replace("*frame", " ".join(frame)) for name, text in interface.__annotations__.items()}
    known: dict[str, Any] = dict.fromkeys(("Float", "Float32", "Int64"), jaxtyping.Shaped)
    torch = sys.modules.get("torch")
    if torch is not None:
        known |= {"torch": torch, "Tensor": torch.Tensor}

    def holder() -> None: ...

    holder.__annotations__ = dict(texts)
    return texts, get_type_hints(holder, vars(sys.modules[interface.__module__]), known)


def _axes(text: str) -> list[str]:
    found = _ARRAY.search(text)
    return found[2].split() if found else []


def _shape(value: Any) -> tuple[int, ...]:
    """Of an array or a tensor; AttributeError for what is neither."""
    return tuple(value.shape)


def _sentence(what: str, value: Any, axes: Sequence[str], sizes: dict[str, int]) -> str:
    try:
        found = _shape(value)
    except AttributeError:
        return f"{what} is of type {type(value).__name__}, not the one that stbench.contract says"
    own = dict(zip(axes, found, strict=False))
    return told(what, found, axes, tuple(sizes.get(axis, own.get(axis, -1)) for axis in axes))
