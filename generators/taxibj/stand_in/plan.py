"""The plan of a simulated city: where people live, work and go out, its roads, and who crosses which street when.

Everything here is a pure function of the seed, by IEEE arithmetic and whole numbers; the result is rounded to 2**-24,
coarser than any disagreement between machines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .chance import unit
from .network import shortest_tree, spread_trips

PURPOSES = ("to work", "from work", "out", "back", "business")
ZONES = 12
"""Quarters in which people live; each has its own habits from day to day."""
LAGS = 4
SPEEDS = ("free", "jammed")
SLOT_SECONDS = 1800
ROAD_SECONDS = {"free": (115, 165, 480), "jammed": (240, 275, 560)}
"""Seconds through a cell of about 1 km: arterial road, street, track in the hills."""
SCALE_BITS = 24
COMMUTE, LEISURE = 1500.0, 1100.0
"""Seconds at which the wish to go there has fallen to a quarter."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A city as flows need it."""

    arterial: np.ndarray
    """(y, x) bool."""
    homes: np.ndarray
    jobs: np.ndarray
    outings: np.ndarray
    """(y, x): where people live, work and go out; each sums to 1."""
    farness: np.ndarray
    """(zone,): mean way to work over that of all, about 1."""
    crossings: np.ndarray
    """(speed * purpose * zone * lag, street) whole numbers, 2**24 for one crossing by every trip."""


@lru_cache(maxsize=2)
def city_plan(seed: int, rows: int, columns: int) -> Plan:
    """Takes about two seconds for 32 x 32 cells."""
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float64)
    u = iter(unit(seed, 1, np.arange(4000)).tolist())
    scale = min(rows, columns) / 32
    cy, cx = rows * (0.46 + 0.08 * next(u)), columns * (0.48 + 0.08 * next(u))

    def bump(by: float, bx: float, size: float) -> np.ndarray:
        return np.asarray(1.0 / (1.0 + ((y - by) ** 2 + (x - bx) ** 2) / (size * scale) ** 2) ** 2)

    def ring(nearest: float, farthest: float) -> tuple[float, float]:
        while True:
            dy, dx = 2 * next(u) - 1, 2 * next(u) - 1
            distance2 = dy * dy + dx * dx
            if (nearest / farthest) ** 2 <= distance2 <= 1:
                return cy + dy * farthest * scale, cx + dx * farthest * scale

    jobs = bump(cy, cx, 4.5) + sum((0.35 + 0.5 * next(u)) * bump(*ring(3, 9), 1.8) for _ in range(6))
    homes = np.maximum(0.0, bump(cy, cx, 12.0) - 0.7 * bump(cy, cx, 4.0))
    homes += sum((0.4 + 0.5 * next(u)) * bump(*ring(5, 14), 2.6) for _ in range(11))
    outings = 0.6 * bump(cy + 2 * scale, cx, 3.5) + sum(
        (0.3 + 0.6 * next(u)) * bump(*ring(2, 10), 1.2) for _ in range(8)
    )
    airport = (round(cy - 11 * scale), round(cx + 12 * scale))
    wild = (y - cy) + (x - cx) < -19 * scale
    texture = 0.55 + 0.9 * unit(seed, 2, np.arange(3 * rows * columns)).reshape(3, rows, columns)
    for field, each in zip((jobs, homes, outings), texture, strict=True):
        field *= each * np.where(wild, 0.03, 1.0)
    for weight, (by, bx) in ((1.6, airport), (0.9, (round(cy + 5 * scale), round(cx - 4 * scale)))):
        by, bx = min(max(by, 0), rows - 1), min(max(bx, 0), columns - 1)
        outings[by, bx] += weight
        jobs[by, bx] += 0.4 * weight
    homes, jobs, outings = (field / field.sum() for field in (homes, jobs, outings))

    arterial = _arterial_roads(rows, columns, cy, cx, airport, scale)
    costs = {speed: _street_costs(seed, arterial, wild, ROAD_SECONDS[speed]) for speed in SPEEDS}
    zone = _zones(seed, homes)
    return _assigned(arterial, homes, jobs, outings, costs, zone)


def _arterial_roads(
    rows: int, columns: int, cy: float, cx: float, airport: tuple[int, int], scale: float
) -> np.ndarray:
    """Square ring roads, two axes, and a road to the airport."""
    y, x = np.mgrid[0:rows, 0:columns]
    my, mx = round(cy), round(cx)
    ring = np.maximum(abs(y - my), abs(x - mx))
    roads = np.isin(ring, [round(radius * scale) for radius in (3, 6, 10, 14)]) | (y == my) | (x == mx)
    dy, dx = airport[0] - my, airport[1] - mx
    for k in range(4 * max(rows, columns)):
        at = (my + dy * k // (4 * max(rows, columns)), mx + dx * k // (4 * max(rows, columns)))
        if 0 <= at[0] < rows and 0 <= at[1] < columns:
            roads[at] = True
    return np.asarray(roads)


def _street_costs(seed: int, arterial: np.ndarray, wild: np.ndarray, seconds: tuple[int, int, int]) -> np.ndarray:
    """(street,) int64: half of each cell's seconds, and up to 15 of its own, so that few ways are equally long."""
    road, street, track = seconds
    cell = np.where(arterial, road, np.where(wild, track, street)).astype(np.int64)
    rows, columns = cell.shape
    neighbour = np.stack([np.roll(cell, shift, axis) for shift, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1))], axis=-1)
    own = np.floor(16 * unit(seed, 3, np.arange(rows * columns * 4))).astype(np.int64)
    return np.asarray(((cell[..., None] + neighbour) // 2).reshape(-1) + own)


def _zones(seed: int, homes: np.ndarray) -> np.ndarray:
    """(cell,): the quarter of each cell, that of the nearest of twelve places where many people live."""
    rows, columns = homes.shape
    place = np.argsort(-homes.reshape(-1) * (0.2 + unit(seed, 4, np.arange(homes.size))), kind="stable")
    seeds: list[int] = []
    for least in (5, 4, 3, 2, 1, 0):
        for each in place.tolist():
            if len(seeds) == ZONES:
                break
            apart = [max(abs(each // columns - s // columns), abs(each % columns - s % columns)) for s in seeds]
            if min(apart, default=99) >= least and each not in seeds:
                seeds.append(each)
    cells = np.arange(rows * columns)
    distance = [(cells // columns - s // columns) ** 2 + (cells % columns - s % columns) ** 2 for s in seeds]
    return np.asarray(np.argmin(np.stack(distance), axis=0))


def _assigned(
    arterial: np.ndarray,
    homes: np.ndarray,
    jobs: np.ndarray,
    outings: np.ndarray,
    costs: dict[str, np.ndarray],
    zone: np.ndarray,
) -> Plan:
    """Destinations by a gravity model on free roads, routes by shortest ways at both speeds."""
    rows, columns = arterial.shape
    cells = rows * columns
    trees = {speed: [shortest_tree(root, costs[speed], rows, columns) for root in range(cells)] for speed in SPEEDS}
    seconds = np.stack([tree[0] for tree in trees["free"]]).astype(np.float64)

    def gravity(origin: np.ndarray, target: np.ndarray, reach: float) -> np.ndarray:
        """(from, to): shares of all trips. Nobody goes to the own cell by taxi."""
        wish = target.reshape(1, -1) / (1.0 + (seconds / reach) ** 2) ** 2
        np.fill_diagonal(wish, 0.0)
        return np.asarray(origin.reshape(-1, 1) * wish / wish.sum(axis=1, keepdims=True))

    commute, out, business = (
        gravity(homes, jobs, COMMUTE),
        gravity(homes, outings, LEISURE),
        gravity(jobs, jobs, LEISURE),
    )
    member = zone == np.arange(ZONES)[:, None]
    share = (member * homes.reshape(-1)).sum(axis=1)
    minutes = (commute * seconds).sum(axis=1)
    farness = (member * minutes).sum(axis=1) / share / minutes.sum()
    crossings = np.zeros((len(SPEEDS), len(PURPOSES), ZONES, LAGS, 4 * cells))
    for s, speed in enumerate(SPEEDS):
        for root, tree in enumerate(trees[speed]):
            here = np.full(cells, zone[root])
            # Those who leave home count for the quarter of the root, those who return for that of the cell they reach.
            for p, (trips, group) in enumerate(
                (
                    (commute[root], here),
                    (commute[:, root], zone),
                    (out[root], here),
                    (out[:, root], zone),
                    (business[root], here),
                )
            ):
                spread_trips(np.ascontiguousarray(trips), group, *tree, SLOT_SECONDS, crossings[s, p])
    whole = np.rint(crossings * 2.0**SCALE_BITS).reshape(-1, 4 * cells)
    return Plan(arterial, homes, jobs, outings, farness, whole)
