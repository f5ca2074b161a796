"""`njit` of numba for every kernel: compiled code is kept between processes where a folder for it can be written.

numba raises where none can: a package that is read-only and no writable home, as in many containers. Kernels are
compiled in every process then, which takes seconds, and a note says so once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def njit(*, cache: bool, **options: Any) -> Callable[[_Function], _Function]:
    """`numba.njit`, without `cache` where there is no place for it."""

    def compiled(function: _Function) -> _Function:
        try:
            kernel: _Function = numba.njit(cache=cache, **options)(function)
        except RuntimeError as error:
            if "cannot cache" not in str(error):
                raise
            _tell()
            kernel = numba.njit(**options)(function)
        return kernel

    return compiled


@lru_cache(maxsize=1)
def _tell() -> None:
    logging.getLogger(__name__).warning(
        "no folder can be written in which numba would keep compiled code, so it compiles again in every process, "
        "which takes some seconds: set NUMBA_CACHE_DIR to a folder of yours"
    )
