"""Chance of the simulated city: numbers that depend on seed and counters only, so any of them can be had alone."""

from __future__ import annotations

import numpy as np


def unit(seed: int, *counters: np.ndarray | int) -> np.ndarray:
    """Uniform numbers in [0, 1) keyed by the seed and counters, which are broadcast: splitmix64 of each in turn.

    The first counter, 1 to 7 here, says what is drawn and meets the seed by exclusive or: what seed 0 draws as 2, seed
    1 draws as 3. Seeds of one eight (0 to 7, 8 to 15, ...) so share streams, for different things; others do not. It
    stays so because another rule would change the values of every store.
    """
    state: np.ndarray = np.array(seed & (2**64 - 1), np.uint64)
    with np.errstate(over="ignore"):
        for counter in counters:
            state = state ^ np.asarray(counter, np.int64).astype(np.uint64)
            state = state * np.uint64(0xD1342543DE82EF95) + np.uint64(0x9E3779B97F4A7C15)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    return np.asarray((state >> np.uint64(11)).astype(np.float64) * 2.0**-53)
