"""Shortest ways through the streets of a simulated city, and how often each street is crossed by those who go.

A cell is a node; street 4 * cell + d leads from a cell to its neighbour north, south, west, east (d = 0 .. 3). Costs
are whole seconds, so which way is shortest does not depend on the machine."""

from __future__ import annotations

import numpy as np

from stbench.compiled import njit

FAR = 1 << 40


@njit(cache=True)
def shortest_tree(root: int, cost: np.ndarray, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Seconds from `root` to each cell, and the street each is entered by (-1 for the root).

    `cost` (street,) int64. Sweeps until nothing changes; of equally short ways the first in order stays.
    """
    cells = rows * columns
    seconds, entered = np.full(cells, FAR), np.full(cells, -1)
    seconds[root] = 0
    changed = True
    while changed:
        changed = False
        for cell in range(cells):
            if seconds[cell] == FAR:
                continue
            y, x = cell // columns, cell % columns
            for d in range(4):
                to = -1
                if d == 0 and y > 0:
                    to = cell - columns
                elif d == 1 and y < rows - 1:
                    to = cell + columns
                elif d == 2 and x > 0:
                    to = cell - 1
                elif d == 3 and x < columns - 1:
                    to = cell + 1
                if to >= 0 and seconds[cell] + cost[4 * cell + d] < seconds[to]:
                    seconds[to] = seconds[cell] + cost[4 * cell + d]
                    entered[to] = 4 * cell + d
                    changed = True
    return seconds, entered


@njit(cache=True)
def spread_trips(
    trips: np.ndarray, group: np.ndarray, seconds: np.ndarray, entered: np.ndarray, slot: int, crossings: np.ndarray
) -> None:
    """Add the street crossings of trips from one root to `crossings` (group, lag, street).

    `trips` (cell,) to each cell, counted for `group` (cell,). Departures are spread evenly over a slot of `slot`
    seconds, so a crossing after s seconds falls floor(s / slot) slots later or one more, with weights; what is later
    than the last lag counts there.
    """
    cells, lags = len(trips), crossings.shape[1]
    through = np.zeros((crossings.shape[0], cells))
    present = np.zeros(crossings.shape[0], np.bool_)
    for cell in range(cells):
        if trips[cell] > 0.0:
            through[group[cell], cell] = trips[cell]
            present[group[cell]] = True
    order = np.argsort(seconds, kind="mergesort")
    for k in range(cells - 1, 0, -1):
        cell = order[k]
        street = entered[cell]
        before = street // 4
        middle = (seconds[before] + seconds[cell]) // 2
        lag, later = middle // slot, (middle % slot) / slot
        first, second = min(lag, lags - 1), min(lag + 1, lags - 1)
        for g in range(crossings.shape[0]):
            if present[g]:
                through[g, before] += through[g, cell]
                crossings[g, first, street] += through[g, cell] * (1.0 - later)
                crossings[g, second, street] += through[g, cell] * later
