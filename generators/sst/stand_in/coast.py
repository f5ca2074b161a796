"""The coast of the simulated ocean: a coarse outline of the North Atlantic between 20 and 60 N, 75 and 10 W.

Drawn by hand for this simulator, good to about half a degree: enough for a western boundary, a cape where the jet
leaves it, and islands. On a smaller grid the same outline shrinks with the basin."""

from __future__ import annotations

import numpy as np

WEST, EAST, SOUTH, NORTH = -75.0, -10.0, 20.0, 60.0
"""Degrees: the box that the outline is drawn in."""

MAINLAND: tuple[tuple[tuple[float, float], ...], ...] = (
    (  # North America: Hatteras, New England, Nova Scotia, Newfoundland, Labrador
        (-75.1, 34.8), (-74.8, 37.2), (-74.0, 39.6), (-71.9, 41.0), (-69.9, 41.6), (-70.6, 43.0), (-67.0, 44.5),
        (-66.0, 43.5), (-63.4, 44.6), (-59.9, 45.9), (-59.2, 47.6), (-56.0, 46.9), (-53.1, 46.7), (-52.7, 47.6),
        (-53.6, 49.0), (-55.5, 50.0), (-55.7, 52.2), (-57.2, 54.0), (-60.2, 55.6), (-62.1, 58.0), (-64.5, 60.1),
        (-75.1, 60.1),
    ),
    ((-48.6, 60.1), (-46.0, 59.8), (-43.9, 59.7), (-42.6, 60.1)),  # Greenland
    ((-9.9, 51.4), (-10.5, 52.0), (-10.1, 53.4), (-9.9, 54.3)),  # Ireland
    ((-9.9, 30.2), (-12.9, 27.9), (-14.8, 26.0), (-16.1, 23.8), (-17.1, 21.0), (-16.6, 19.9), (-9.9, 19.9)),  # Africa
)  # fmt: skip
"""Polygons of (longitude, latitude), degrees."""

ISLANDS: tuple[tuple[float, float, float, float], ...] = (
    (-64.8, 32.3, 0.15, 0.12),  # Bermuda
    (-60.0, 43.9, 0.20, 0.09),  # Sable Island
    (-28.2, 38.6, 0.50, 0.25),  # Azores
    (-25.5, 37.8, 0.40, 0.15),
    (-31.2, 39.5, 0.15, 0.15),
    (-17.0, 32.8, 0.35, 0.15),  # Madeira
    (-16.0, 30.1, 0.10, 0.10),  # Savage Islands
    (-16.6, 28.3, 0.40, 0.30),  # Canaries
    (-15.6, 28.0, 0.25, 0.25),
    (-14.0, 28.5, 0.30, 0.40),
    (-17.9, 28.7, 0.20, 0.30),
    (-73.5, 21.0, 0.45, 0.15),  # Bahamas
    (-71.9, 21.8, 0.30, 0.15),
)
"""Ellipses (longitude, latitude, half width, half height), degrees."""


def ocean_mask(rows: int, columns: int) -> np.ndarray:
    """(rows, columns) bool, True on water; row 0 is the southern edge, column 0 the western one."""
    latitude = SOUTH + (NORTH - SOUTH) * np.arange(rows)[:, None] / (rows - 1)
    longitude = WEST + (EAST - WEST) * np.arange(columns)[None, :] / (columns - 1)
    land = np.zeros((rows, columns), bool)
    for polygon in MAINLAND:
        land |= _inside(polygon, longitude, latitude)
    for x, y, half_width, half_height in ISLANDS:
        land |= ((longitude - x) / half_width) ** 2 + ((latitude - y) / half_height) ** 2 < 1
    return ~land


def _inside(polygon: tuple[tuple[float, float], ...], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Even-odd rule: an odd number of edges lies to the east of the point."""
    inside = np.zeros(np.broadcast_shapes(x.shape, y.shape), bool)
    for (x0, y0), (x1, y1) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if y0 != y1:
            crosses = (y0 > y) != (y1 > y)
            inside ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside
