"""The compiled inner loop of Moving MNIST (imported only when frames are drawn).

    frame[y, x] = min(255, sum_k digit_k[y - row_k, x - column_k])      overlay "sum"
    frame[y, x] = max_k digit_k[y - row_k, x - column_k]                overlay "maximum"

Integers only, hence the same bytes everywhere. Both are associative, so digits are laid down one after the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stbench.compiled import njit

Array = np.ndarray[Any, Any]


@njit(cache=True, nogil=True)
def draw_sum(digits: Array, position: Array, out: Array) -> None:
    """Add digits (n, k, h, w) uint8 at position (n, time, k, 2), row and column, to `out` (n, time, y, x) uint8."""
    n, count, height, width = digits.shape
    for s in range(n):
        for t in range(position.shape[1]):
            for k in range(count):
                row, column = position[s, t, k, 0], position[s, t, k, 1]
                for i in range(height):
                    target, source = out[s, t, row + i, column : column + width], digits[s, k, i]
                    for j in range(width):
                        # A sum that wraps is smaller than its terms; compilers know this as a saturating addition.
                        value = np.uint8(target[j] + source[j])
                        target[j] = np.uint8(255) if value < target[j] else value


@njit(cache=True, nogil=True)
def draw_maximum(digits: Array, position: Array, out: Array) -> None:
    """As `draw_sum`, but the brighter pixel wins."""
    n, count, height, width = digits.shape
    for s in range(n):
        for t in range(position.shape[1]):
            for k in range(count):
                row, column = position[s, t, k, 0], position[s, t, k, 1]
                for i in range(height):
                    target, source = out[s, t, row + i, column : column + width], digits[s, k, i]
                    for j in range(width):
                        target[j] = max(target[j], source[j])
