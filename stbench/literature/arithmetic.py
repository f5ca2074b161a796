"""Figures of one run that break an identity, or lie where no comparable run does."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from stbench.literature.figures import Figure
from stbench.literature.findings import Finding, Run, finding_of, label, mean_of, printed, runs_of
from stbench.results.identities import Interval, broken, psnr_of

COMPARABLE = 1.5
"""Runs are held against those whose mean squared errors differ from theirs by at most this factor."""
FEWEST = 5
"""Fewer comparable runs say nothing about what is usual."""
UNUSUAL_DB, UNUSUAL_SDS = 0.5, 5.0
"""Of a PSNR over that of the mean error: how far from the median of the comparable runs, in decibels and in (robust)
standard deviations, both. A data set's usual excess moves by some tenths from model to model."""
IMPOSSIBLE_DB = 10.0
"""An excess that is a finding without comparison: most frames would have a tenth of the mean error or less."""
ROOT_TOLERANCE = 0.002
"""Share by which a column may differ from the root of another and still be it: three digits of both."""

_NAMES = {"inception": "judge_inception_score", "marginal": "judge_inter_entropy", "conditional": "judge_intra_entropy"}
_TOGETHER = (
    *({"mse", other} for other in ("mae", "psnr")),
    {"judge_inter_entropy", "judge_intra_entropy"},
    {"judge_inter_entropy", "judge_intra_entropy", "judge_inception_score"},
    {"ssim"},
    {"judge_accuracy"},
)
"""Metrics that an identity or a bound holds against one another."""


def with_reductions(figures: Sequence[Figure]) -> list[Figure]:
    """Where nobody says whether errors are sums or means over a frame, what the PSNR of the same rows is nearer to."""
    apart: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: {"sum": [], "mean": []})
    for run in runs_of(figures):
        for mse in run.of.get("mse", ()):
            psnr = run.beside(mse, "psnr")
            if psnr is None or mse.convention.reduction or mse.value is None or psnr.value is None:
                continue
            for reduction, size in (("mean", 1), ("sum", mse.convention.elements)):
                if size and mse.value.middle > 0:
                    excess = psnr.value.middle - psnr_of(mse.value.middle / size)
                    apart[mse.table, mse.dataset][reduction].append(excess)
    chosen = {}
    for key, found in apart.items():
        usual = {name: abs(statistics.median(values)) for name, values in found.items() if values}
        best = min(usual, key=lambda name: usual[name])
        # Without a frame there is no choice, and a sum may be taken for a mean.
        chosen[key] = best if len(usual) > 1 or usual[best] < IMPOSSIBLE_DB else ""
    return [
        replace(each, convention=replace(each.convention, reduction=_reduction(each, chosen)))
        if each.quantity in ("mse", "mae", "rmse")
        else each
        for each in figures
    ]


def _reduction(each: Figure, chosen: Mapping[tuple[str, str], str]) -> str:
    stated, frame = each.convention.reduction, each.convention.frame
    return stated or chosen.get((each.table, each.dataset), "sum" if frame else "")


def identities(runs: Iterable[Run], compared: set[Figure], rooted: set[Figure]) -> Iterator[Finding]:
    """Metrics of one run that an identity between them rules out (`stbench.results.identities`).

    Those of one table are held against one another, and across tables what no table has together.
    """
    for run in runs:
        for rmse in run.of.get("rmse", ()):
            if rmse not in rooted:
                yield from _root_of_the_error(rmse, run.beside(rmse, "mse"), compared)
        classes = next((each.convention.classes for each in run.all if each.convention.classes), None)
        tables = [_named(table, rooted) for table in run.tables]
        across = _named({name: found[0] for name, found in run.of.items()}, rooted)
        for names in tables if len(tables) == 1 else [*tables, across]:
            others = tables if names is across else []
            held = [group for group in _TOGETHER if group <= names.keys() and not _any_has(others, group)]
            compared |= {names[name][0] for group in held for name in group}
            for each in broken({name: value for name, (_, value) in names.items()}, classes=classes):
                if _any_has(others, each.metrics):
                    continue
                involved = tuple(names[name][0] for name in each.metrics)
                sentence = f"{each.identity} does not hold: {printed(involved)}; {each.found}"
                yield finding_of("identity", involved, sentence)


def _any_has(tables: Iterable[Mapping[str, object]], metrics: Iterable[str]) -> bool:
    return any({*metrics} <= names.keys() for names in tables)


def _named(figures: Mapping[str, Figure], rooted: set[Figure]) -> dict[str, tuple[Figure, Interval]]:
    """Figures by the metrics that identities know, with what each may have been: errors as means over elements."""
    names = {}
    for quantity, figure in figures.items():
        if figure.value is None or figure in rooted or quantity == "rmse":
            continue
        name, value = _NAMES.get(quantity, quantity), figure.value
        if quantity in ("mse", "mae"):
            if (mean := mean_of(figure)) is None:
                continue
            value = mean
        if quantity.startswith("accuracy"):
            name, value = "judge_accuracy", value.times(0.01 if value.low > 1 else 1)
        names[name] = figure, value
    return names


def _root_of_the_error(rmse: Figure, mse: Figure | None, compared: set[Figure]) -> Iterator[Finding]:
    """RMSE is the root of MSE as both are printed, or, of an MSE that is a sum, the root of its mean."""
    if mse is None or mse.value is None or rmse.value is None:
        return
    compared |= {rmse, mse}
    errors = filter(None, (mse.value, mean_of(mse)))
    roots = [error.mapped(lambda value: math.sqrt(max(value, 0.0))) for error in errors]
    if not any(rmse.value.meets(root) for root in roots):
        sentence = f"RMSE² = MSE does not hold: {printed((rmse, mse))}; the root is {roots[0].middle:.5g}"
        yield finding_of("identity", (rmse, mse), sentence)


def excesses(runs: Iterable[Run], compared: set[Figure]) -> Iterator[Finding]:
    """A PSNR that is the mean over frames lies above that of the mean error, by what is usual for its data."""
    groups: dict[tuple[str, str, str], list[tuple[Run, Figure, Figure, float, float]]] = defaultdict(list)
    for run in runs:
        for psnr in run.of.get("psnr", ()):
            mse = run.beside(psnr, "mse")
            if mse is None or mse.value is None or psnr.value is None or mse.value.low <= 0:
                continue
            # A size that nobody knows shifts all excesses of a group alike.
            if (error := (mean_of(mse) or mse.value).middle) <= 0:
                continue
            entry = (run, psnr, mse, error, psnr.value.middle - psnr_of(error))
            groups[run.paper, run.dataset if run.paper else mse.table + run.dataset, run.horizon].append(entry)
    for group in groups.values():
        for run, psnr, mse, error, excess in group:
            known = mean_of(mse) is not None
            others = {
                (other.name, other.epochs, figure.text): e
                for other, figure, _, size, e in group
                if (other.name, other.epochs) != (run.name, run.epochs) and 1 / COMPARABLE <= size / error <= COMPARABLE
            }
            usual = statistics.median(others.values()) if len(others) >= FEWEST else None
            if usual is not None:
                compared |= {psnr, mse}
                spread = 1.4826 * statistics.median(abs(each - usual) for each in others.values())
                apart = abs(excess - usual)
                if apart > UNUSUAL_DB and apart > UNUSUAL_SDS * max(spread, 0.05):
                    yield finding_of("psnr", (psnr, mse), _unusual(psnr, mse, excess, usual, len(others), known))
                    continue
            if known and excess > IMPOSSIBLE_DB:
                yield finding_of("psnr", (psnr, mse), _unusual(psnr, mse, excess, None, 0, known))


def _unusual(psnr: Figure, mse: Figure, excess: float, usual: float | None, others: int, known: bool) -> str:
    if known:
        error = mean_of(mse)
        assert error is not None
        least = psnr_of(error.middle)
        text = f"PSNR {psnr.text} is {excess:.2f} dB above the {least:.2f} dB of the mean error, MSE {mse.text}"
        if usual is not None:
            text += f", where {usual:.2f} is usual of {others} runs with such errors"
    else:
        apart = excess - (usual or 0)
        text = (
            f"PSNR {psnr.text} and MSE {mse.text} are {apart:+.2f} dB from what is usual between the two in {others} "
            "runs with such errors"
        )
    return f"{text}: one of the two is wrong, or a few frames are much worse than the rest"


def roots(figures: Iterable[Figure]) -> Iterator[Finding]:
    """A column under another name that holds the root of the column MSE."""
    cells: dict[tuple[str, str], dict[tuple[str, str, int | None], dict[str, Figure]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for each in figures:
        if each.value is not None:
            cells[each.table, each.dataset][each.row, each.run, each.epochs][each.quantity] = each
    for rows in cells.values():
        for quantity in sorted({name for row in rows.values() for name in row} & {"ssim", "mae", "psnr", "lpips"}):
            both = [(row[quantity], row["mse"]) for row in rows.values() if quantity in row and "mse" in row]
            if len(both) >= FEWEST and all(_is_root(a, b) for a, b in both):
                sentence = f"the column {label(quantity)} holds the root of the column MSE in all {len(both)} rows"
                yield replace(finding_of("column", tuple(a for a, _ in both), sentence), run="")


def _is_root(figure: Figure, mse: Figure) -> bool:
    assert figure.value is not None
    assert mse.value is not None
    root = math.sqrt(max(mse.value.middle, 0.0))
    return abs(figure.value.middle - root) <= ROOT_TOLERANCE * root or figure.value.meets(Interval(root, root))
