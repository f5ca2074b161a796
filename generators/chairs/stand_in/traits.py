"""What distinguishes one chair of the stand-in from another: kind, 27 measures and tones, five styles, two materials.

A chair is drawn from `SeedSequence(seed, spawn_key=(chair,))` and from nothing else. Numbers are uniform between bounds
that belong to its kind; styles and materials are chosen among those that suit the kind (`_chairs_kinds.toml`).
"""

from __future__ import annotations

import importlib.resources
import tomllib
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np

from .mesh import Colour, Material

STYLES = ("back", "legs", "arms", "stretchers", "seat")


@dataclass(frozen=True)
class Shape:
    """Measures, in metres where nothing else is said."""

    seat_width: float
    seat_depth: float
    seat_height: float
    """Upper side of the seat above the floor."""
    seat_thickness: float
    seat_taper: float
    """Width behind over width in front."""
    seat_roundness: float
    """0 rectangle to 1 ellipse."""
    seat_crown: float
    """How much higher the middle of the seat is."""
    back_height: float
    back_width: float
    """Over the width of the seat behind."""
    back_tilt: float
    """Run over rise."""
    back_thickness: float
    back_curve: float
    """How far its sides come forward."""
    back_gap: float
    """Between seat and the lowest part of the back."""
    back_taper: float
    """Width below over width above."""
    back_bars: float
    """Number of slats, rungs, spindles or channels."""
    leg_radius: float
    leg_taper: float
    """Radius at the floor over radius at the seat."""
    leg_splay: float
    """How far a foot stands outside its corner of the seat."""
    leg_rake: float
    """How far hind feet stand behind."""
    stretcher_height: float
    """Over the height of the seat."""
    arm_height: float
    """Above the seat."""
    arm_radius: float
    arm_length: float
    """Over the depth of the seat."""
    cushion: float
    """Thickness of a loose cushion; 0 for none."""
    frame_tone: float
    cover_tone: float
    """Brightness of frame and cover over that of their material."""
    wings: float
    """Depth of the wings of a wing chair, height of a head-rest of an office chair, over usual."""


@dataclass(frozen=True)
class Traits:
    """A chair, before it is a mesh."""

    kind: str
    back: str
    legs: str
    arms: str
    stretchers: str
    seat: str
    shape: Shape
    frame: Material
    cover: Material


MEASURES = tuple(each.name for each in fields(Shape))


@lru_cache(maxsize=1)
def kinds() -> dict[str, Any]:
    """The table of kinds, bounds and colours."""
    text = (importlib.resources.files("stbench.generators.chairs") / "kinds.toml").read_text("utf-8")
    return tomllib.loads(text)


@lru_cache(maxsize=1)
def meanings() -> dict[str, tuple[str, ...]]:
    """Every value that `kind` and the styles may have; its place is its number."""
    table = kinds()["kinds"]
    values = {style: {name for kind in table.values() for name in kind[style]} for style in STYLES}
    return {"kind": tuple(table), **{style: tuple(sorted(values[style])) for style in STYLES}}


@lru_cache(maxsize=256)
def traits(seed: int, chair: int) -> Traits:
    """The chair of that number."""
    draw = iter(np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(chair,))).random(64).tolist())
    table, usual = kinds()["kinds"], kinds()["usual"]
    weights = np.cumsum([kind["weight"] for kind in table.values()])
    name = list(table)[int(np.searchsorted(weights, next(draw) * weights[-1], side="right"))]
    bounds = {**usual, **table[name]["bounds"]}
    shape = {}
    for measure in MEASURES:
        low, high = bounds[measure]
        shape[measure] = low + (high - low) * next(draw)
    shape["back_bars"], shape["cushion"] = float(round(shape["back_bars"])), max(0.0, shape["cushion"])
    styles = {style: table[name][style][int(next(draw) * len(table[name][style]))] for style in STYLES}
    if styles["seat"] in ("board", "saddle", "shell"):
        shape["seat_crown"] = 0.0
    if styles["legs"] in ("tulip", "star"):
        styles["stretchers"] = "none"
    frame, cover = _materials(name, styles, shape, [next(draw) for _ in range(9)])
    return Traits(kind=name, **styles, shape=Shape(**shape), frame=frame, cover=cover)


def _materials(kind: str, styles: dict[str, str], shape: dict[str, float], u: list[float]) -> tuple[Material, Material]:
    """Frame and cover: metal under plastic and office chairs, wood else; cloth or leather where it is soft."""
    palettes = kinds()["colours"]

    def of(palette: str, which: float, tone: float, gloss: float) -> Material:
        colours = palettes[palette]
        red, green, blue = colours[int(which * len(colours))]
        shift = [14.0 * (each - 0.5) for each in u[6:9]]
        return Material(_colour(red * tone + shift[0], green * tone + shift[1], blue * tone + shift[2]), gloss)

    metal = kind in ("office", "cantilever", "stacking", "folding")
    metal = metal or styles["legs"] in ("sled", "star", "tulip", "rods") or (kind in ("bar", "shell") and u[0] < 0.4)
    tone, cover_tone = shape["frame_tone"], shape["cover_tone"]
    frame = of("metals", u[1] * u[1], tone, 0.5) if metal else of("woods", u[1], tone, 0.12)
    if kind in ("shell", "stacking") or (kind == "folding" and u[2] < 0.5):
        cover = of("woods", u[3], cover_tone, 0.14) if u[2] < 0.2 else of("plastics", u[3], cover_tone, 0.3)
    elif styles["seat"] in ("cushion", "box"):
        cover = of("leathers", u[3], cover_tone, 0.22) if u[2] < 0.3 else of("fabrics", u[3], cover_tone, 0.0)
    elif metal or u[2] >= 0.7:
        cover = of("woods", u[3], cover_tone, 0.14)
    else:
        cover = frame
    return frame, cover


def _colour(red: float, green: float, blue: float) -> Colour:
    return min(255.0, max(0.0, red)), min(255.0, max(0.0, green)), min(255.0, max(0.0, blue))
