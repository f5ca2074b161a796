"""Curves as inline SVG: small, sharp at any size, coloured by the style sheet of the page, in light and in dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from stbench.pictures.colours import FLOORS, line_style
from stbench.pictures.curves import Curve, logarithmic
from stbench.results.numbers import power_of_ten

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 10, 40
LINE = 13
"""From one label to the next."""


def stroke_classes(curves: Sequence[Curve]) -> list[str]:
    """CSS classes of the lines, shared with the legend: "c0 d0", "c1 d2", ... for models (colour and dash), "floor f0",
    ... for floors."""
    styles = [line_style(curve.label, curve.floor) for curve in curves]
    return [f"floor f{each.dash}" if each.floor else f"c{each.colour} d{each.dash}" for each in styles]


def paint(curve: Curve) -> tuple[str, str]:
    """Colour and `stroke-dasharray` of a line, for readers that do not apply the page's style sheet to pictures."""
    style = line_style(curve.label, curve.floor)
    return (FLOORS[0] if style.floor else style.hex), dash_text(style.dashes)


def dash_text(dashes: Sequence[float]) -> str:
    """`stroke-dasharray` of lengths on and off."""
    return " ".join(f"{length:g}" for length in dashes) or "none"


def svg_curves(curves: Sequence[Curve], metric: str) -> str:
    """An `<svg>` of metric against lead time with 95 % bands; empty without a value to draw.

    The metric's name is escaped; nothing else in it is a text of a record.
    """
    log = logarithmic(curves, metric)
    values = np.concatenate([np.r_[curve.value, curve.low, curve.high] for curve in curves]) if curves else np.empty(0)
    values = values[np.isfinite(values) & ((values > 0) | (not log))]
    if not len(values):
        return ""
    low, high = float(values.min()), float(values.max())
    horizon = max(len(curve.value) for curve in curves)
    ticks = _decades(low, high) if log else _steps(low, high)
    bottom, top = min(low, ticks[0]), max(high, ticks[-1])
    if not log and top == bottom:
        bottom, top = bottom - 1, top + 1

    def y(value: float) -> float:
        unit = math.log(value / bottom) / math.log(top / bottom) if log else (value - bottom) / (top - bottom)
        return HEIGHT - BOTTOM - unit * (HEIGHT - TOP - BOTTOM)

    def x(lead_time: float) -> float:
        unit = (lead_time - 1) / (horizon - 1) if horizon > 1 else 0.5
        return LEFT + unit * (WIDTH - LEFT - RIGHT)

    parts = [
        f'<svg class="curves" viewBox="0 0 {WIDTH} {HEIGHT}" font-size="12" role="img" '
        f'aria-label="{escape(metric)} against lead time">'
    ]
    for tick in ticks:
        label = power_of_ten(round(math.log10(tick))) if log else f"{tick:.4g}"
        parts.append(f'<path class="grid" fill="none" stroke="#D1D9E0" d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{label}</text>')
    for lead_time in _lead_ticks(horizon):
        position = f'x="{x(lead_time):.1f}" y="{HEIGHT - BOTTOM + 17}"'
        parts.append(f'<text {position} text-anchor="middle">{lead_time}</text>')
    middle = f'x="{(LEFT + WIDTH - RIGHT) / 2:.1f}" y="{HEIGHT - 4}"'
    parts.append(f'<text {middle} text-anchor="middle">lead time (frames)</text>')
    for curve, style in zip(curves, stroke_classes(curves), strict=True):
        colour, dashes = paint(curve)
        drawable = [np.isfinite(each) & ((each > 0) | (not log)) for each in (curve.value, curve.low, curve.high)]
        for run in _runs(drawable[0] & drawable[1] & drawable[2]):
            up = [f"{x(k + 1):.1f} {y(float(curve.high[k])):.1f}" for k in run]
            down = [f"{x(k + 1):.1f} {y(float(curve.low[k])):.1f}" for k in reversed(run)]
            parts.append(
                f'<path class="band {style}" fill="{colour}" fill-opacity="0.16" d="M{"L".join(up + down)}Z"/>'
            )
        for run in _runs(drawable[0]):
            points = [f"{x(k + 1):.1f} {y(float(curve.value[k])):.1f}" for k in run]
            if len(points) == 1:
                cx, cy = points[0].split()
                parts.append(f'<circle class="dot {style}" fill="{colour}" cx="{cx}" cy="{cy}" r="4"/>')
            else:
                stroke = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"'
                parts.append(f'<path class="line {style}" {stroke} d="M{"L".join(points)}"/>')
    parts.append("</svg>")
    return "".join(parts)


@dataclass(frozen=True)
class Point:
    """A model in a plane of error against cost."""

    label: str
    floor: bool
    x: float | None
    """None or 0: it costs nothing, and stands at the left edge."""
    y: float


def svg_scatter(points: Sequence[Point], *, x: str, y: str, ticks: dict[float, str], log: bool) -> str:
    """An `<svg>` of a value against a cost, whose axis is logarithmic and bears `ticks`; empty without a point.

    `x` and `y` name the axes; they and the labels are escaped. `log`: the axis of the value is logarithmic.
    """
    points = [each for each in points if math.isfinite(each.y) and (each.y > 0 or not log)]
    if not points:
        return ""
    costs = [each.x for each in points if each.x]
    left, right = (min(costs) / 1.3, max(costs) * 1.3) if costs else (1.0, 10.0)
    start, end = LEFT + 46, WIDTH - 150
    height = max(HEIGHT, LINE * len(points) + BOTTOM + 2 * TOP)
    foot = height - BOTTOM
    values = [each.y for each in points]
    marks = _decades(min(values), max(values)) if log else _steps(min(values), max(values))
    bottom, top = min(*values, marks[0]), max(*values, marks[-1])
    if not log and top == bottom:
        bottom, top = bottom - 1, top + 1

    def across(cost: float | None) -> float:
        return start + math.log(cost / left) / math.log(right / left) * (end - start) if cost else LEFT + 14

    def up(value: float) -> float:
        unit = math.log(value / bottom) / math.log(top / bottom) if log else (value - bottom) / (top - bottom)
        return foot - unit * (foot - TOP)

    parts = [
        f'<svg class="curves" viewBox="0 0 {WIDTH} {height}" font-size="12" role="img" '
        f'aria-label="{escape(y)} against {escape(x)}">'
    ]
    for mark in marks:
        label = power_of_ten(round(math.log10(mark))) if log else f"{mark:.4g}"
        parts.append(f'<path class="grid" fill="none" stroke="#D1D9E0" d="M{LEFT} {up(mark):.1f}H{end}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{up(mark) + 4:.1f}" text-anchor="end">{label}</text>')
    free = LEFT + 50.0
    for tick, label in ticks.items():
        if left <= tick <= right and across(tick) >= free:
            free = across(tick) + 52
            place = f'x="{across(tick):.1f}" y="{foot + 17}"'
            parts.append(f'<text {place} text-anchor="middle">{escape(label)}</text>')
    if len(costs) < len(points):
        parts.append(f'<text x="{LEFT + 14}" y="{foot + 17}" text-anchor="middle">none</text>')
    parts.append(f'<text x="{(start + end) / 2:.0f}" y="{height - 4}" text-anchor="middle">{escape(x)}</text>')
    drawn = sorted(points, key=lambda each: (up(each.y), each.label))
    for point, level in zip(drawn, _apart([up(each.y) for each in drawn], foot), strict=True):
        style = line_style(point.label, point.floor)
        colour = FLOORS[0] if point.floor else style.hex
        kind = "floor" if point.floor else f"c{style.colour}"
        cx, cy = across(point.x), up(point.y)
        leader = f"M{cx:.1f} {cy:.1f}H{end}L{end + 10} {level:.1f}"
        parts.append(f'<path class="grid" fill="none" stroke="#D1D9E0" d="{leader}"/>')
        parts.append(f'<circle class="dot {kind}" fill="{colour}" cx="{cx:.1f}" cy="{cy:.1f}" r="5"/>')
        parts.append(f'<text class="label" x="{end + 14}" y="{level + 4:.1f}">{escape(point.label)}</text>')
    parts.append("</svg>")
    return "".join(parts)


def _apart(levels: Sequence[float], foot: float) -> list[float]:
    """Ascending levels moved until labels keep clear of one another, the last one at `foot` or above."""
    found: list[float] = []
    for level in levels:
        found.append(max([level, *(each + LINE for each in found[-1:])]))
    for k in reversed(range(len(found))):
        found[k] = min(found[k], found[k + 1] - LINE if k + 1 < len(found) else foot)
    return found


def _decades(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max(1, math.ceil((last - first) / 8))
    return [10.0**k for k in range(first, last + 1, every)]


def _steps(low: float, high: float) -> list[float]:
    """Four to nine round numbers that cover low..high."""
    if high <= low:
        return [low]
    raw = (high - low) / 5
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= raw)
    return [k * step for k in range(math.floor(low / step), math.ceil(high / step) + 1)]


def _lead_ticks(horizon: int) -> list[int]:
    step = next(each for each in (1, 2, 5, 10, 20, 50, 100, 1000) if horizon / each <= 12 or each == 1000)
    return sorted({1, *range(step, horizon + 1, step)} - ({2} if step == 2 and horizon > 8 else set()))


def _runs(drawable: np.ndarray) -> list[list[int]]:
    """Stretches of consecutive lead times that can be drawn."""
    runs: list[list[int]] = []
    for k in np.flatnonzero(drawable).tolist():
        if runs and runs[-1][-1] == k - 1:
            runs[-1].append(k)
        else:
            runs.append([k])
    return runs
