"""Which definition, horizon, convention or row a published figure fits, of what is reported and of what was run here.

A figure fits where what it may have been before it was rounded meets what the other may have been. With few digits much
fits by chance, so the answer says how many figures were asked.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from stbench.boards.reported import Reported
from stbench.errors import StbenchError
from stbench.literature.checks import lint
from stbench.literature.figures import PERCENT, Figure, figure, of_reported, quantities
from stbench.literature.findings import Finding
from stbench.results.identities import Interval, inception_score, printed, psnr_of

_FAMILY = {"psnr": ("psnr", "mse"), "mse": ("mse",), "rmse": ("rmse", "mse"), "inception": ("inception", "marginal")}
"""Quantity that is asked for -> the printed ones it may have been computed from."""


@dataclass(frozen=True)
class Scored:
    """A score of a run here."""

    run: str
    """The model."""
    where: str
    """Preset and source: "run here: preset cpu, source official"."""
    metric: str
    lead_time: str
    value: float


@dataclass(frozen=True)
class Match:
    """Something the figure fits."""

    kind: str
    """"printed" as it stands, "converted" to another definition, or "run" here."""
    run: str
    definition: str
    lead_times: str
    where: str
    """Paper and table, or the kind of run."""
    value: str
    notes: tuple[str, ...] = ()
    """What is wrong with the figure it fits; how it was computed; where it was read."""


@dataclass(frozen=True)
class Explanation:
    matches: tuple[Match, ...]
    compared: int
    """Figures and conversions of figures that were asked."""
    nearest: Match | None
    """Where nothing fits: what is nearest, as it stands."""


def quantity_of(metric: str) -> str:
    """The quantity that a printed or a registered name means: "psnr" of "PSNR" and of "psnr_of_mean_mse"."""
    found, _ = quantities(metric.replace("_", " "))
    if not found:
        raise StbenchError(
            f"the metric '{metric}' is none that papers print: name one of MSE, MAE, RMSE, SSIM, PSNR, LPIPS, FVD, IS, "
            "H(y), H(y|x), accuracy, params, FLOPs or FPS"
        )
    return found[0]


def explain(
    value: str, metric: str, reported: Sequence[Reported], dataset: str, scored: Iterable[Scored] = ()
) -> Explanation:
    """What the figure `value` of `metric` fits among `reported` numbers on `dataset`, and among scores of runs.

    `value` as it is printed: its digits say how exactly it is known. Raises `StbenchError` for what is no number and
    for a metric that nobody prints.
    """
    try:
        asked = printed((figure(value) or (value,))[0])
    except ValueError as error:
        raise StbenchError(f"{error}: give the figure as it is printed, 37.97") from None
    quantity = quantity_of(metric)
    figures = of_reported(reported)
    rows = {f"row {number}": row for number, row in enumerate(reported, start=2)}
    notes = _notes(lint(figures).findings)
    of_dataset = [each for each in figures if each.dataset == dataset]
    matches: list[Match] = []
    missed: list[tuple[float, Match]] = []
    compared = 0
    for each in of_dataset:
        if each.quantity.split()[0] not in _FAMILY.get(quantity, (quantity,)):
            continue
        row = rows[each.place]
        for kind, definition, found in _readings(each, quantity, of_dataset):
            compared += 1
            match = Match(
                kind=kind,
                run=row.row,
                definition=definition,
                lead_times=row.lead_times,
                where=f"{row.paper}, {row.table}",
                value=row.value,
                notes=(*notes[each.place], *filter(None, (row.convention, row.note, row.source))),
            )
            if asked.meets(found):
                matches.append(match)
            elif kind == "printed":
                missed.append((abs(asked.middle - found.middle), match))
    for score in scored:
        if quantities(score.metric.replace("_", " "))[0][:1] != [quantity] or not math.isfinite(score.value):
            continue
        compared += 1
        if asked.meets(Interval(score.value, score.value)):
            shown = f"{score.value:.6g}"
            matches.append(Match("run", score.run, score.metric, score.lead_time, score.where, shown))
    order = {"printed": 0, "converted": 1, "run": 2}
    matches.sort(key=lambda match: order[match.kind])
    nearest = min(missed, key=lambda each: each[0])[1] if missed and not matches else None
    return Explanation(tuple(matches), compared, nearest)


def _notes(findings: Iterable[Finding]) -> dict[str, list[str]]:
    """Place of a figure -> what is wrong with it."""
    found: dict[str, list[str]] = defaultdict(list)
    for finding in findings:
        for each in finding.figures:
            found[each.place].append(finding.sentence)
    return found


def _readings(figure: Figure, quantity: str, others: Sequence[Figure]) -> Iterator[tuple[str, str, Interval]]:
    """Kind, definition and value of what a figure says of a quantity: as it stands, and in other definitions."""
    value = figure.value
    if value is None:
        return
    own = figure.quantity.split()[0]
    if own == quantity:
        scale = figure.convention.scale
        yield "printed", _definition(figure), value.times(scale / figure.unit)
    size = figure.convention.elements if figure.convention.reduction == "sum" else 1
    if own in ("mse", "mae") and figure.convention.reduction and size:
        yield from _errors(figure, quantity, value.times(1 / size))
    elif quantity in ("ssim", "accuracy") and own == quantity:
        percent = value.low > 1 or figure.unit == PERCENT
        share = value if figure.unit == PERCENT else value.times(0.01)
        yield "converted", "as a share" if percent else "in per cent", share if percent else value.times(100)
    elif quantity == "inception" and own == "marginal":
        for other in others:
            same = (other.table, other.dataset, other.run) == (figure.table, figure.dataset, figure.run)
            if same and other.quantity == "conditional" and other.value is not None:
                yield "converted", "exp(H(y) - H(y|x)) of its two entropies", inception_score(value, other.value)


def _errors(figure: Figure, quantity: str, mean: Interval) -> Iterator[tuple[str, str, Interval]]:
    squared = figure.quantity == "mse"
    name, elements, shown = figure.quantity, figure.convention.elements, figure.value
    channels = int(figure.convention.frame.split("x")[0]) if figure.convention.frame.count("x") == 2 else 1
    if quantity == figure.quantity:
        forms = [(f"mean over the elements of a frame ({name})", 1.0)]
        if elements:
            forms += [(f"sum over a frame ({name}_sum)", float(elements))]
            forms += [(f"100 times the sum over a frame ({name}_sum_x100)", 100.0 * elements)]
            if channels > 1:
                forms += [("sum over the pixels of a frame, mean over its channels", elements / channels)]
            if figure.horizon.isdigit():
                forms += [(f"sum over a sequence of {figure.horizon} frames", float(int(figure.horizon) * elements))]
        for definition, factor in forms:
            found = mean.times(factor)
            if shown is None or not math.isclose(found.middle, shown.middle * figure.convention.scale, rel_tol=1e-6):
                yield "converted", definition, found
    elif quantity == "rmse" and squared:
        yield "converted", "root of the mean (rmse)", mean.mapped(_root)
        if elements:
            yield "converted", "root of the sum over a frame", mean.times(elements).mapped(_root)
    elif quantity == "psnr" and squared:
        found = Interval(psnr_of(mean.high), psnr_of(mean.low))
        yield "converted", "PSNR of the mean error (psnr_of_mean_mse), range 1", found


def _root(value: float) -> float:
    return math.sqrt(max(value, 0.0))


def _definition(figure: Figure) -> str:
    convention = figure.convention
    if convention.reduction and convention.frame:
        scale = f"{convention.scale} times the " if convention.scale > 1 else ""
        return f"{scale}{convention.reduction} over {convention.frame}"
    return "as printed"
