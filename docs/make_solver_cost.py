"""Writes error against cost of solver, table look-up and networks into docs/performance.md, and draws the picture.

`.venv/bin/python docs/make_solver_cost.py` reads the published records, and of the solver docs/solver_cost.csv, which
benchmarks/wave_solver.py writes: its seconds, since its runs were made beside others and their wall time says little,
and its errors on a sample where no run of it on all windows is published.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from stbench import registry
from stbench.boards.entry import Entry
from stbench.boards.publishing import read_published
from stbench.results.numbers import score_text, seconds_text

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
IMAGES = ROOT / "docs" / "images"
MEASURED = ROOT / "docs" / "solver_cost.csv"
BEGIN, END = "<!-- docs/make_solver_cost.py writes from here -->", "<!-- to here -->"
SOLVER, TABLE = "wave-solver", "nearest-neighbour"
FULL = "64"
"""Nodes a side of the solver without a variant: every node of the simulation."""
METRIC = "mse"


@dataclass(frozen=True)
class Cost:
    """A run: its error, and the seconds of getting ready and of one forecast."""

    model: str
    kind: str
    """ "floor", "classical" or "learned"."""
    error: float
    ready: float
    forecast: float

    def paid_after(self, others: Sequence[Cost]) -> tuple[int, Cost] | None:
        """After how many forecasts this costs less than the cheapest of `others` whose error is no larger; None: never.

        n such that ready + n · forecast < ready' + n · forecast'.
        """
        as_good = [each for each in others if each.error <= self.error]
        if not as_good:
            return (0, self)
        other = min(as_good, key=lambda each: each.forecast)
        if other.forecast <= self.forecast:
            return None
        return max(0, math.ceil((self.ready - other.ready) / (other.forecast - self.forecast))), other


def costs(entries: Sequence[Entry]) -> list[Cost]:
    """Means over the runs of each model of one board, without the solver. Of trainings those that know their processor
    time count, if there are any: one that was interrupted, or shared its cores, says little by the clock."""
    runs: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.record.model != SOLVER and entry.record.inference_seconds is not None:
            runs.setdefault(entry.record.full_model, []).append(entry)
    return [_cost(name, of_model) for name, of_model in runs.items()]


def _cost(name: str, entries: Sequence[Entry]) -> Cost:
    errors, ready, by_processor, forecasts = [], [], [], []
    for record, rows in ((entry.record, entry.rows) for entry in entries):
        row = next(row for row in rows if row.metric == METRIC and row.lead_time == f"1..{record.track.horizon}")
        errors.append(row.value)
        ready.append(float(record.training["seconds"]))
        by_processor += [float(record.training["cpu_seconds"])] if record.training.get("cpu_seconds") else []
        forecasts.append((record.inference_seconds or 0.0) / row.n)
    kind = registry.model(entries[0].record.model).kind
    return Cost(name, kind, fmean(errors), fmean(by_processor or ready), fmean(forecasts))


def measured() -> dict[str, list[dict[str, str]]]:
    """Dataset -> rows of the benchmark."""
    found: dict[str, list[dict[str, str]]] = {}
    with MEASURED.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["dataset"], []).append(row)
    return found


def solvers(rows: Sequence[dict[str, str]], entries: Sequence[Entry]) -> list[Cost]:
    """The grids of one dataset: seconds as measured, errors of the published runs, on the windows of all others, and
    of the sample where there is none."""
    published = {entry.record.full_model: _cost("", [entry]).error for entry in entries if entry.record.model == SOLVER}
    return [_solver(row, published) for row in rows]


def _solver(row: dict[str, str], published: dict[str, float]) -> Cost:
    run = SOLVER if row["nodes"] == FULL else f"{SOLVER}:grid-{row['nodes']}"
    error = published.get(run, float(row["mse"]))
    name = f"{SOLVER} {row['nodes']}²" + ("" if run in published else " (sample)")
    return Cost(name, "classical", error, float(row["ready_s"]), float(row["forecast_s"]))


def section(boards: dict[tuple[str, str], list[Cost]]) -> str:
    """The text between the marks."""
    lines = [BEGIN, "", "## Solver, table look-up, networks", ""]
    lines += [
        "Error against cost. A forecast is one window of 5 frames and its 40 next ones; ready: training, fitting or",
        f"making the table. Of `{SOLVER}` processor time, as `benchmarks/wave_solver.py` has it of a sample, and",
        "the errors of its published runs on all of them, or of the sample where a line says so; of all others means",
        "over the seeds of the published records, made on another day, their windows in batches: of trainings",
        "processor time where records have it, else wall time. Factors of two between rows mean little. A network has",
        "paid once its training and its forecasts together take less time than those of the cheapest one that is at",
        "least as accurate: of the solver's grids, or of these",
        f"and the look-up (`{TABLE}`).",
        "",
        "| dataset | grid | windows | mean mse | median | largest | below 1e-14 | processor, a forecast |",
        "|" + "---|" * 8,
    ]
    lines += [_measured(row) for rows in measured().values() for row in rows]
    for (preset, track), rows in boards.items():
        picture = f"images/{preset}/{track.partition('/')[0]}-cost.png"
        lines += ["", f"`{track}`, preset `{preset}`:", "", f"![{track}: error against cost]({picture})", ""]
        lines += [f"| model | {METRIC} 1..h | ready | a forecast | against the solver | against both |"]
        lines += ["|" + "---|" * 6, *(_row(each, rows) for each in rows)]
    return "\n".join([*lines, "", END])


def _measured(row: dict[str, str]) -> str:
    errors = [score_text(float(row[name])) for name in ("mse", "median", "largest")]
    share = f"{100 * float(row['below_1e-14']):.1f} %"
    cells = [f"`{row['dataset']}`", f"{row['nodes']}²", row["windows"], *errors, share]
    return "| " + " | ".join([*cells, f"{1e3 * float(row['forecast_s']):.3g} ms"]) + " |"


def _row(cost: Cost, rows: Sequence[Cost]) -> str:
    grids = [each for each in rows if each.kind == "classical"]
    both = [*grids, *(each for each in rows if each.model == TABLE)]
    cells = [f"`{cost.model}`", score_text(cost.error), seconds_text(cost.ready), f"{1e3 * cost.forecast:.3g} ms"]
    for others in (grids, both):
        cells.append(_paid(cost, others) if cost.kind == "learned" else "")
    return "| " + " | ".join(cells) + " |"


def _paid(cost: Cost, others: Sequence[Cost]) -> str:
    found = cost.paid_after(others)
    if found is None:
        return "never"
    count, other = found
    return "at once: none is as accurate" if other is cost else f"after {count:,} (`{other.model}`)"


def draw(title: str, rows: Sequence[Cost], out: Path) -> Path:
    """Error against seconds of a forecast, both logarithmic."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), dpi=120, layout="constrained")
    axes = figure.subplots()
    looks = {"classical": ("tab:blue", "o"), "floor": ("0.5", "s"), "learned": ("tab:red", "^")}
    for kind, (colour, marker) in looks.items():
        chosen = [each for each in rows if each.kind == kind]
        if not chosen:
            continue
        axes.scatter(
            [1e3 * each.forecast for each in chosen],
            [each.error for each in chosen],
            color=colour,
            marker=marker,
            label={"classical": SOLVER, "floor": "floors", "learned": "networks"}[kind],
        )
    # Of the solver the grids alone, to the left as networks are, but for one that has another close by on that side;
    # floors to the right, below where another one is above, or to the left of networks that are close.
    for each in rows:
        near = [other for other in rows if other.kind == "floor" and 1 / 3 < other.forecast / each.forecast < 3]
        below = any(each.error < other.error < 100 * each.error for other in near)
        beside = any(
            other.kind == each.kind == "learned"
            and 1 / 3 < other.forecast / each.forecast < 1
            and 1 / 4 < other.error / each.error < 4
            for other in rows
        )
        before = each.kind == "floor" and any(
            other.kind == "learned"
            and 1 < other.forecast / each.forecast < 10
            and 1 / 10 < other.error / each.error < 10
            for other in rows
        )
        right = (each.kind == "floor" and not before) or beside
        offset = (5, -10 if below else 4) if each.kind == "floor" and right else (6 if right else -6, -3)
        axes.annotate(
            each.model.removeprefix(f"{SOLVER} "),
            (1e3 * each.forecast, each.error),
            xytext=offset,
            textcoords="offset points",
            horizontalalignment="left" if right else "right",
            fontsize=7,
        )
    axes.set(xscale="log", yscale="log", xlabel="a forecast, ms", ylabel=f"{METRIC}, lead times 1..h", title=title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower left")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, metadata={"Software": None})
    return out


def read_boards() -> dict[tuple[str, str], list[Cost]]:
    """(preset, track) -> its runs and the solver's grids, least error first, of boards with networks in `paper`."""
    kept: dict[tuple[str, str], list[Entry]] = {}
    for entry in read_published(ROOT / "leaderboards"):
        if entry.record.preset == "paper" and entry.record.dataset in measured():
            kept.setdefault((entry.record.preset, entry.record.track.id), []).append(entry)
    found = {}
    for key, entries in sorted(kept.items()):
        rows = [*costs(entries), *solvers(measured()[entries[0].record.dataset], entries)]
        found[key] = sorted(rows, key=lambda each: (each.error, each.model))
    return found


def replaced(page: str, text: str) -> str:
    """The page with the text between the marks, at its end where it has none."""
    if BEGIN not in page:
        return page.rstrip("\n") + f"\n\n{text}\n"
    before, _, rest = page.partition(BEGIN)
    return before + text + rest.partition(END)[2]


def drawn(boards: dict[tuple[str, str], list[Cost]]) -> Iterator[Path]:
    for (preset, track), rows in boards.items():
        out = IMAGES / preset / f"{track.partition('/')[0]}-cost.png"
        yield draw(f"{track}, preset {preset}", rows, out)


if __name__ == "__main__":
    at_hand = read_boards()
    for path in drawn(at_hand):
        print(path.relative_to(ROOT))
    PAGE.write_text(replaced(PAGE.read_text("utf-8"), section(at_hand)), "utf-8")
    print(PAGE.relative_to(ROOT))
