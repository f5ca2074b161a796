"""Pictures of a run: its error against lead time, its forecast beside the truth. Same input, same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stbench.errors import StbenchError
from stbench.files import atomic_file
from stbench.pictures.colours import AMBER, SIMULATED, ColourScale, colour_scale, line_style
from stbench.pictures.curves import Curve, logarithmic
from stbench.pictures.preview import preview

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Curve", "error_against_lead_time", "forecast_strip", "preview", "swap_grid"]

DPI = 130
TRUTH = ("truth", "|error|")


def error_against_lead_time(
    curves: Sequence[Curve], out: Path, *, metric: str, title: str = "", source: str = ""
) -> Path:
    """Draw a metric at lead times 1..h, one line a model with its 95 % band, floors grey and dashed; PNG or SVG.

    The axis is logarithmic where errors span more than a factor of ten. Zero errors and infinite values have no place
    on the axis and leave a gap.
    """
    from matplotlib.ticker import MaxNLocator

    figure = figure_of(7.2, 4.3)
    axes = figure.subplots()
    log = logarithmic(curves, metric)
    for curve in curves:
        drawn = line_style(curve.label, curve.floor)
        colour, dashes, width = drawn.hex, drawn.dashes, 1.4 if curve.floor else 2.0
        drawable = np.isfinite(curve.value) & ((curve.value > 0) | (not log))
        value = np.where(drawable, curve.value, np.nan)
        marker = "o" if len(value) == 1 else ""
        label = f"{curve.label} (floor)" if curve.floor else curve.label
        style: Any = (0, dashes) if dashes else "-"
        axes.plot(curve.lead_times, value, color=colour, linestyle=style, linewidth=width, label=label, marker=marker)
        # Fill where both ends can be drawn; an end at zero has no logarithm.
        band = drawable & np.isfinite(curve.low) & np.isfinite(curve.high) & ((curve.low > 0) | (not log))
        low, high = np.where(band, curve.low, np.nan), np.where(band, curve.high, np.nan)
        axes.fill_between(curve.lead_times, low, high, color=colour, alpha=0.18, linewidth=0)
    if log:
        axes.set_yscale("log")
    axes.set_xlabel("lead time (frames)")
    axes.set_ylabel(metric)
    horizon = max((len(curve.value) for curve in curves), default=1)
    axes.set_xlim(1 if horizon > 1 else 0.5, horizon if horizon > 1 else 1.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(True, which="major", color="#E3E3E3", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    # The first that fits: three columns, with shorter lines, or two.
    for columns, length in ((3, 6.5), (3, 5.0), (2, 6.5)):
        legend = figure.legend(
            loc="outside lower center", ncols=columns, frameon=False, fontsize=9, handlelength=length
        )
        if columns == 2 or legend.get_window_extent().width <= figure.bbox.width:
            break
        legend.remove()
    title_of(figure, title, source)
    return save(figure, out)


def forecast_strip(
    conditioning: np.ndarray,
    target: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    out: Path,
    *,
    lead_times: Sequence[int] | None = None,
    title: str = "",
    source: str = "",
    names: tuple[str, str] = TRUTH,
) -> Path:
    """Draw one window: truth above, then every model's forecast and its absolute error; PNG.

    `conditioning` (n_conditioning, *frame), `target` and each of `predictions` (horizon, *frame), all in one unit; a
    frame is (channel, y, x) or (sensor,). Truth and forecasts share one colour scale, the errors another. Images are
    drawn at `lead_times` (by default seven of 1..horizon), vectors as sensor against time. `names`: what `target` is
    called where it is no truth, and what the distance from it.
    """
    for name, prediction in predictions.items():
        if prediction.shape != target.shape:
            raise StbenchError(
                f"the forecast of {name} has shape {prediction.shape}, the truth {target.shape}: "
                "they cannot be drawn side by side"
            )
    draw = _vector_strip if target.ndim == 2 else _image_strip
    figure = draw(conditioning, target, predictions, lead_times, names)
    title_of(figure, title, source)
    return save(figure, out)


def swap_grid(
    content: np.ndarray,
    motion: np.ndarray,
    target: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    out: Path,
    *,
    title: str = "",
    source: str = "",
) -> Path:
    """Draw one content swap of images: the content window, the motion window, then truth and every model; PNG.

    `content` and `motion` (conditioning, channel, y, x), `target` and each of `predictions` (horizon, channel, y, x),
    all in one unit and on one colour scale; seven lead times of 1..horizon are drawn.
    """
    times, seen = _evenly(1, len(target), 7), _evenly(1, len(motion), 7)
    rows = {"content": content, "motion": motion, "truth": target, **predictions}
    scale, full = colour_scale(np.concatenate([content, motion, target])[:, 0]), _full(target)
    figure = figure_of(1.05 * (len(times) + 1) + 0.6, 1.12 * len(rows) + 0.6)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.02)  # type: ignore[union-attr,call-arg]
    widths = [1.0] + [1.0] * max(len(times), len(seen))
    grid = figure.subplots(len(rows), len(widths), squeeze=False)
    for axes in grid.ravel():
        axes.axis("off")
    for row, (name, frames) in enumerate(rows.items()):
        window = row < 2
        # Row labels stand in an empty first column, so that no name is cut.
        _row_label(grid[row, 0], name)
        for column, k in enumerate(seen if window else times, start=1):
            axes, picture = grid[row, column], _picture(frames[k - 1], full)
            axes.imshow(picture, cmap=scale.map, vmin=scale.low, vmax=scale.high, interpolation="nearest")
            if row in (0, 2):
                axes.set_title(f"seen {k - len(motion)}" if window else f"+{k}", fontsize=9)
    title_of(figure, title, source)
    return save(figure, out)


def _image_strip(
    conditioning: np.ndarray,
    target: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    lead_times: Sequence[int] | None,
    names: tuple[str, str],
) -> Figure:
    horizon = len(target)
    times = list(lead_times) if lead_times is not None else _evenly(1, horizon, 7)
    seen = _evenly(1, len(conditioning), 2)
    coloured = target.shape[1] == 3
    scale, full = colour_scale(np.concatenate([conditioning, target])[:, 0]), _full(target)
    # Of what is drawn: the mean over colours, else the first channel. One scale of errors for all models.
    drawn = slice(None) if coloured else slice(1)
    errors = {name: np.abs(prediction - target)[:, drawn].mean(axis=1) for name, prediction in predictions.items()}
    worst = max((float(error[[k - 1 for k in times]].max()) for error in errors.values()), default=0.0)
    error_scale = ColourScale("inferno", 0.0, worst or 1.0)

    rows, columns = 1 + 2 * len(predictions), len(seen) + len(times)
    figure = figure_of(1.05 * columns + 1.4, 1.03 * rows + 0.55)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.02)  # type: ignore[union-attr,call-arg]
    grid = figure.subplots(rows, columns, squeeze=False)

    def show(axes: Axes, frame: np.ndarray) -> Any:
        return axes.imshow(
            _picture(frame, full), cmap=scale.map, vmin=scale.low, vmax=scale.high, interpolation="nearest"
        )

    shown = faults = None
    for column, k in enumerate(seen):
        shown = show(grid[0, column], conditioning[k - 1])
        grid[0, column].set_title(f"seen {k - len(conditioning)}" if k < len(conditioning) else "seen 0", fontsize=9)
    for column, k in enumerate(times, start=len(seen)):
        show(grid[0, column], target[k - 1])
        grid[0, column].set_title(f"+{k}", fontsize=9)
        for row, (name, prediction) in enumerate(predictions.items()):
            show(grid[1 + 2 * row, column], prediction[k - 1])
            error = errors[name][k - 1]
            faults = grid[2 + 2 * row, column].imshow(
                error, cmap=error_scale.map, vmin=0, vmax=error_scale.high, interpolation="nearest"
            )
    for axes in grid.ravel():
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        axes.patch.set_visible(False)
    _row_label(grid[0, 0], names[0], x=-0.08)
    for row, name in enumerate(predictions):
        # In the empty places below the conditioning frames.
        _row_label(grid[1 + 2 * row, len(seen) - 1], name)
        _row_label(grid[2 + 2 * row, len(seen) - 1], names[1])
    channels = target.shape[1]
    if not coloured and shown is not None:
        label = "value" if channels == 1 else f"value of the first of {channels} channels"
        _colour_bar(figure, shown, list(grid[:2].ravel() if rows > 1 else grid[0]), label)
    if faults is not None:
        _colour_bar(figure, faults, list(grid[2:].ravel()), names[1])
    return figure


def _picture(frame: np.ndarray, full: float) -> np.ndarray:
    """(channel, y, x) as matplotlib takes it: (y, x, 3) in 0..1 for three channels, which are colours, else (y, x)."""
    return np.clip(np.moveaxis(frame, 0, -1) / full, 0, 1) if len(frame) == 3 else frame[0]


def _full(truth: np.ndarray) -> float:
    """The value of full colour: 255 where frames are those of a store of bytes, else 1."""
    return 255.0 if truth.size and truth.max() > 1.5 else 1.0


def _vector_strip(
    conditioning: np.ndarray,
    target: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    lead_times: Sequence[int] | None,
    names: tuple[str, str],
) -> Figure:
    n_seen, horizon = len(conditioning), len(target)
    truth = np.concatenate([conditioning, target])
    scale = colour_scale(truth)
    worst = max((float(np.abs(each - target).max()) for each in predictions.values()), default=0.0)
    # Sensors by the time of their peak: what moves through them shows as a line instead of noise.
    order = np.argsort(np.abs(truth - np.median(truth, axis=0)).argmax(axis=0), kind="stable")
    columns = max(1, len(predictions))
    rows = 3 if predictions else 1
    figure = figure_of(3.6 * columns + 1.6, 2.0 * rows + 0.8)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    sensors = target.shape[1]
    whole = (0.5 - n_seen, horizon + 0.5, sensors - 0.5, -0.5)
    ahead = (0.5, horizon + 0.5, sensors - 0.5, -0.5)
    style: dict[str, Any] = {"aspect": "auto", "interpolation": "nearest"}
    values: dict[str, Any] = {"cmap": scale.map, "vmin": scale.low, "vmax": scale.high, **style}
    shown = faults = None
    for column in range(columns):
        shown = grid[0, column].imshow(truth[:, order].T, extent=whole, **values)
    for column, (name, prediction) in enumerate(predictions.items()):
        grid[1, column].imshow(prediction[:, order].T, extent=ahead, **values)
        error = np.abs(prediction - target)[:, order].T
        faults = grid[2, column].imshow(error, extent=ahead, cmap="inferno", vmin=0, vmax=worst or 1.0, **style)
        grid[1, column].set_title(name, fontsize=9)
        grid[2, column].set_title(names[1], fontsize=9)
    for axes in grid.ravel():
        axes.set_xlim(0.5 - n_seen, horizon + 0.5)
        axes.axvline(0.5, color="black", linewidth=1)
        for k in lead_times or ():
            axes.axvline(k, color="black", linewidth=0.6, linestyle=":")
    for axes in grid[0]:
        axes.set_title(f"{names[0]} (left of the line: seen)", fontsize=9)
    for axes in grid[-1]:
        axes.set_xlabel("lead time (frames)")
    for axes in grid[:, 0]:
        axes.set_ylabel("sensors, by time of peak", fontsize=9)
        axes.set_yticks([])
    _colour_bar(figure, shown, list(grid[:2].ravel()), "value")
    if faults is not None:
        _colour_bar(figure, faults, list(grid[2]), names[1])
    return figure


def _evenly(first: int, last: int, count: int) -> list[int]:
    return sorted({round(float(k)) for k in np.linspace(first, last, count)}) if last >= first else []


def figure_of(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _row_label(axes: Axes, text: str, *, x: float = 0.95) -> None:
    axes.text(x, 0.5, text, fontsize=9, ha="right", va="center", transform=axes.transAxes)


def _colour_bar(figure: Figure, image: Any, beside: list[Axes], label: str) -> None:
    bar = figure.colorbar(image, ax=beside, shrink=0.92, pad=0.015, aspect=18)
    bar.set_label(label, fontsize=9)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)


def title_of(figure: Figure, title: str, source: str) -> None:
    if title:
        figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    if source == SIMULATED:
        figure.text(0.995, 0.992, SIMULATED, fontsize=10, weight="bold", color=AMBER, ha="right", va="top")


def save(figure: Figure, out: Path) -> Path:
    import matplotlib

    out = Path(out)
    if out.suffix.lower() not in {".png", ".svg"}:
        raise StbenchError(f"a picture is written as .png or .svg, not as '{out.name}': choose such a name")
    # No time, no version of the library in the file; element ids from a fixed salt.
    metadata = {"Software": None} if out.suffix.lower() == ".png" else {"Date": None, "Creator": None}
    try:
        with atomic_file(out) as part, matplotlib.rc_context({"svg.hashsalt": "stbench"}):
            figure.savefig(part, metadata=metadata)
    except OSError as error:
        raise StbenchError(f"cannot write {out}: {error.strerror or error}") from None
    return out
