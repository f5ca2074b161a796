"""What is wrong with a table of figures by its own arithmetic, and what in it does not belong together.

A figure is only ever held against other figures of the same table, run or file: no finding does not make it right.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from stbench.literature.figures import COSTS, LOWER_IS_BETTER, SETUP, Convention, Figure
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
SAME_DIGITS = 10
"""Significant digits of at least three scores that two rows share before they are taken for one run."""
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
_LABELS = {
    "inception": "IS",
    "marginal": "H(y)",
    "conditional": "H(y|x)",
    "params": "parameters",
    "flops": "FLOPs",
    "gpus": "GPUs",
    "batch": "batch per GPU",
}


@dataclass(frozen=True)
class Finding:
    """Figures that do not fit one another."""

    kind: str
    """"identity", "psnr", "two-values", "copy", "exchanged", "same-cost", "provenance", "budget" or "column"."""
    table: str
    run: str
    dataset: str
    sentence: str
    figures: tuple[Figure, ...]
    """That are in it; where one of them is the odd one out, it comes first."""

    @property
    def place(self) -> str:
        return self.figures[0].place


@dataclass(frozen=True)
class Report:
    findings: tuple[Finding, ...]
    figures: int
    compared: int
    """Figures that stood in at least one comparison."""


@dataclass(frozen=True)
class _Run:
    """All that is printed of one run: quantity -> its figures, from all tables that have it."""

    paper: str
    dataset: str
    name: str
    epochs: int | None
    horizon: str
    of: Mapping[str, tuple[Figure, ...]]

    @property
    def named(self) -> str:
        return f"{self.name}, {self.epochs:,} epochs" if self.epochs else self.name

    @property
    def all(self) -> list[Figure]:
        return [each for found in self.of.values() for each in found]

    def first(self, quantity: str) -> Figure | None:
        return next(iter(self.of.get(quantity, ())), None)


def lint(figures: Sequence[Figure]) -> Report:
    """What does not fit, in the order of the file."""
    figures = _with_reductions(figures)
    runs = _runs(figures)
    compared: set[Figure] = set()
    columns = [*_roots(figures)]
    rooted = {each for finding in columns for each in finding.figures}
    found = [
        *columns,
        *_identities(runs, compared, rooted),
        *_excesses(runs, compared),
        *_two_values(runs, compared),
        *_one_run_under_two_names(runs),
        *_copies(runs, compared),
        *_same_costs(runs, compared),
        *_provenance(figures),
        *_budgets(runs, compared),
    ]
    order = {each: place for place, each in enumerate(figures)}
    found.sort(key=lambda finding: order[finding.figures[0]])
    return Report(tuple(found), len(figures), len(compared))


def _runs(figures: Iterable[Figure]) -> list[_Run]:
    keyed: dict[tuple[str, str, str, int | None, str], dict[str, list[Figure]]] = defaultdict(lambda: defaultdict(list))
    for each in figures:
        keyed[each.paper, each.dataset, each.run, each.epochs, each.horizon][each.quantity].append(each)
    return [
        _Run(paper, dataset, name, epochs, horizon, {quantity: tuple(found) for quantity, found in of.items()})
        for (paper, dataset, name, epochs, horizon), of in keyed.items()
    ]


def _with_reductions(figures: Sequence[Figure]) -> list[Figure]:
    """Where nobody says whether errors are sums or means over a frame, what the PSNR of the same rows is nearer to."""
    excesses: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: {"sum": [], "mean": []})
    for run in _runs(figures):
        mse, psnr = run.first("mse"), run.first("psnr")
        if mse is None or psnr is None or mse.convention.reduction or mse.value is None or psnr.value is None:
            continue
        for reduction, size in (("mean", 1), ("sum", mse.convention.elements)):
            if size and mse.value.middle > 0:
                excess = psnr.value.middle - psnr_of(mse.value.middle / size)
                excesses[mse.table, mse.dataset][reduction].append(excess)
    chosen = {}
    for key, found in excesses.items():
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


def _mean_of(figure: Figure | None) -> Interval | None:
    """The mean error of an element; None where it is a sum over nobody knows how many, or nobody knows."""
    if figure is None or figure.value is None or not figure.convention.reduction:
        return None
    size = figure.convention.elements if figure.convention.reduction == "sum" else 1
    return figure.value.times(1 / size) if size else None


def _identities(runs: Iterable[_Run], compared: set[Figure], rooted: set[Figure]) -> Iterator[Finding]:
    for run in runs:
        names: dict[str, Figure] = {}
        values: dict[str, Interval] = {}
        for quantity in run.of:
            figure = run.first(quantity)
            if figure is None or figure.value is None or figure in rooted:
                continue
            value = figure.value
            if quantity == "rmse":
                yield from _root_of_the_error(figure, run.first("mse"), compared)
                continue
            if quantity in ("mse", "mae"):
                if (mean := _mean_of(figure)) is None:
                    continue
                value = mean
            name = _NAMES.get(quantity, quantity)
            if quantity.startswith("accuracy"):
                name, value = "judge_accuracy", value.times(0.01 if value.low > 1 else 1)
            names[name], values[name] = figure, value
        classes = next((each.convention.classes for each in run.all if each.convention.classes), None)
        compared |= {names[name] for group in _TOGETHER if group <= names.keys() for name in group}
        for each in broken(values, classes=classes):
            involved = tuple(names[name] for name in each.metrics)
            sentence = f"{each.identity} does not hold: {_printed(involved)}; {each.found}"
            yield _finding("identity", involved, sentence)


def _root_of_the_error(rmse: Figure, mse: Figure | None, compared: set[Figure]) -> Iterator[Finding]:
    """RMSE is the root of MSE as both are printed, or, of an MSE that is a sum, the root of its mean."""
    if mse is None or mse.value is None or rmse.value is None:
        return
    compared |= {rmse, mse}
    errors = filter(None, (mse.value, _mean_of(mse)))
    roots = [error.mapped(lambda value: math.sqrt(max(value, 0.0))) for error in errors]
    if not any(rmse.value.meets(root) for root in roots):
        sentence = f"RMSE² = MSE does not hold: {_printed((rmse, mse))}; the root is {roots[0].middle:.5g}"
        yield _finding("identity", (rmse, mse), sentence)


def _excesses(runs: Iterable[_Run], compared: set[Figure]) -> Iterator[Finding]:
    """A PSNR that is the mean over frames lies above that of the mean error, by what is usual for its data."""
    groups: dict[tuple[str, str, str], list[tuple[_Run, Figure, Figure, float, float]]] = defaultdict(list)
    for run in runs:
        mse = run.first("mse")
        for psnr in run.of.get("psnr", ()):
            if mse is None or mse.value is None or psnr.value is None or mse.value.low <= 0:
                continue
            # A size that nobody knows shifts all excesses of a group alike.
            if (error := (_mean_of(mse) or mse.value).middle) <= 0:
                continue
            entry = (run, psnr, mse, error, psnr.value.middle - psnr_of(error))
            groups[run.paper, run.dataset if run.paper else mse.table + run.dataset, run.horizon].append(entry)
    for group in groups.values():
        for run, psnr, mse, error, excess in group:
            known = _mean_of(mse) is not None
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
                    yield _finding("psnr", (psnr, mse), _unusual(psnr, mse, excess, usual, len(others), known))
                    continue
            if known and excess > IMPOSSIBLE_DB:
                yield _finding("psnr", (psnr, mse), _unusual(psnr, mse, excess, None, 0, known))


def _unusual(psnr: Figure, mse: Figure, excess: float, usual: float | None, others: int, known: bool) -> str:
    if known:
        error = _mean_of(mse)
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


def _two_values(runs: Iterable[_Run], compared: set[Figure]) -> Iterator[Finding]:
    for run in runs:
        differ: dict[tuple[str, str], list[tuple[Figure, Figure]]] = defaultdict(list)
        for found in run.of.values():
            if len(found) > 1:
                compared |= {*found}
            for a, b in combinations(found, 2):
                if a.table != b.table and a.origin == b.origin and not _agree(a, b):
                    differ[a.table, b.table].append((b, a) if _further(b, a, run) else (a, b))
        for pairs in differ.values():
            first, second = zip(*pairs, strict=True)
            sentence = (
                f"a second value of one run: {_printed(first)} in '{first[0].table}', but {_printed(second)} in "
                f"'{second[0].table}'"
            )
            yield _finding("two-values", (*first, *second), sentence)


def _one_run_under_two_names(runs: Sequence[_Run]) -> Iterator[Finding]:
    """Rows that share at least three scores to the last digit are one run, whatever they are called."""
    seen: dict[tuple[str, str], list[_Run]] = defaultdict(list)
    for run in runs:
        for figure in run.of.get("mse", ()):
            others = seen[run.paper, figure.text]
            for other in others:
                if other is not run and other.epochs == run.epochs and other.horizon == run.horizon:
                    yield from _between(other, run)
            if run not in others:
                others.append(run)


def _between(a: _Run, b: _Run) -> Iterator[Finding]:
    pairs = [(a.of[name][0], b.of[name][0]) for name in a.of if name in b.of]
    scores = [pair for pair in pairs if pair[0].quantity in LOWER_IS_BETTER]
    same = [left for left, right in scores if left.text == right.text]
    if len(same) < 3 or sum(each.digits for each in same) < SAME_DIGITS:
        return
    for left, right in pairs:
        if left.quantity in (*LOWER_IS_BETTER, *SETUP) and not _agree(left, right):
            odd, other = (left, right) if _further(left, right, a) else (right, left)
            sentence = (
                f"a second value of one run: '{odd.named}' and '{other.named}' have the same {_listed(same)}, but "
                f"{_label(odd.quantity)} {odd.text} in {odd.place} and {other.text} in {other.place}"
            )
            yield _finding("two-values", (odd, other), sentence)


def _further(left: Figure, right: Figure, run: _Run) -> bool:
    """Whether `left` is a PSNR that is further from the MSE of its run than `right` is."""
    error = _mean_of(run.first("mse"))
    if left.quantity != "psnr" or error is None or left.value is None or right.value is None:
        return False
    return abs(left.value.middle - psnr_of(error.middle)) > abs(right.value.middle - psnr_of(error.middle))


def _copies(runs: Sequence[_Run], compared: set[Figure]) -> Iterator[Finding]:
    """Figures that say whose run they are of, held against that paper's own, where both are at hand."""
    own = {(run.paper, run.dataset, run.name, name): run.of[name][0] for run in runs for name in run.of if run.paper}
    wrong: list[tuple[Figure, Figure]] = []
    for run in runs:
        for each in run.all:
            original = own.get((each.origin, each.dataset, each.run, each.quantity))
            if each.origin in ("", each.paper) or original is None:
                continue
            compared |= {each, original}
            if not _agree(each, original):
                wrong.append((each, original))
    done: set[Figure] = set()
    for (each, its), (other, others) in combinations(wrong, 2):
        crossed = each.run != other.run and _agree(each, others) and _agree(other, its)
        if crossed and (each.quantity, each.dataset) == (other.quantity, other.dataset):
            done |= {each, other}
            sentence = (
                f"{_label(each.quantity)} {each.text} of {each.named} and {other.text} of {other.named} are exchanged: "
                f"{each.origin} has {its.text} and {others.text}"
            )
            yield _finding("exchanged", (each, other, its, others), sentence)
    differ: dict[tuple[str, str, str], list[tuple[Figure, Figure]]] = defaultdict(list)
    for each, its in wrong:
        if each not in done:
            differ[each.table, each.dataset, each.named].append((each, its))
    for pairs in differ.values():
        first, second = zip(*pairs, strict=True)
        sentence = f"a copy that differs: {_printed(first)}, where {first[0].origin} has {_printed(second)}"
        yield _finding("copy", (*first, *second), sentence)


def _same_costs(runs: Sequence[_Run], compared: set[Figure]) -> Iterator[Finding]:
    """One model that costs the same on frames of two sizes; two models that cost the same on one dataset."""
    costly = [(run, cost) for run in runs if len(cost := _cost(run)) > 1]
    for _, cost in costly:
        compared |= {*cost.values()}
    common: Counter[tuple[str, str]] = Counter()
    alike: Counter[tuple[str, str]] = Counter()
    suspects = []
    for (a, its), (b, other) in combinations(costly, 2):
        same = [name for name in COSTS if name in its and name in other and _same_number(its[name], other[name])]
        if a.name == b.name and a.dataset != b.dataset and its.keys() == other.keys() == {*COSTS}:
            between = (min(a.dataset, b.dataset), max(a.dataset, b.dataset))
            common[between] += 1
            alike[between] += len(same) == len(COSTS)
            if len(same) == len(COSTS) and _different_frames(its["fps"].convention, other["fps"].convention):
                suspects.append((between, its, other))
        elif a.name != b.name and {"flops", "fps"} <= {*same} and _of_one_table(its["fps"], other["fps"]):
            # Twins may have as many parameters; that they are as fast to all digits takes a copy.
            first, second = (tuple(cost[name] for name in same) for cost in (other, its))
            yield _finding("same-cost", (*first, *second), f"the same cost as {a.named}: {_printed(first)}")
    for between, its, other in suspects:
        # Where most models cost the same on both, the frames are of one size; nobody says so in most tables.
        if its["fps"].convention.frame or 2 * alike[between] <= common[between] + 1:
            first, second = (tuple(cost[name] for name in COSTS) for cost in (other, its))
            sentence = (
                f"the same cost on two datasets: {_printed(first)} on {first[0].dataset}, and on {second[0].dataset} "
                f"in '{second[0].table}'"
            )
            yield _finding("same-cost", (*first, *second), sentence)


def _cost(run: _Run) -> dict[str, Figure]:
    return {name: found for name in COSTS if (found := run.first(name)) is not None}


def _same_number(a: Figure, b: Figure) -> bool:
    """708 and 708.0, and not what only rounds to it."""
    return a.value is not None and b.value is not None and math.isclose(a.value.middle, b.value.middle, rel_tol=1e-9)


def _of_one_table(a: Figure, b: Figure) -> bool:
    return (a.table, a.dataset) == (b.table, b.dataset)


def _different_frames(a: Convention, b: Convention) -> bool:
    return not a.frame or not b.frame or a.frame != b.frame


def _provenance(figures: Iterable[Figure]) -> Iterator[Finding]:
    """One row with figures of two runs; one column of scores with rows of several origins."""
    rows: dict[tuple[object, ...], list[Figure]] = defaultdict(list)
    tables: dict[tuple[str, str], list[Figure]] = defaultdict(list)
    for each in figures:
        rows[each.table, each.dataset, each.run, each.epochs, each.horizon].append(each)
        if each.quantity in LOWER_IS_BETTER and each.origin:
            tables[each.table, each.dataset].append(each)
    for found in rows.values():
        origins = {each.origin: each for each in reversed(found)}
        if len(origins) > 1:
            parts = [
                f"{_label(each.quantity)} {each.text} from {name or 'the table itself'}"
                for name, each in origins.items()
            ]
            sentence = f"one row of two runs: {', '.join(parts[::-1])}"
            yield _finding("provenance", tuple(origins.values())[::-1], sentence)
    for found in tables.values():
        origins = {each.origin: each for each in reversed(found)}
        if len(origins) > 1:
            counts = Counter(origin for origin, _ in {(each.origin, each.run) for each in found})
            most_first = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            shown = ", ".join(f"{name} ({count})" for name, count in most_first)
            sentence = f"one column with copies of several origins, and so of several budgets: {shown}"
            yield replace(_finding("provenance", tuple(origins.values())[::-1], sentence), run="")


def _budgets(runs: Sequence[_Run], compared: set[Figure]) -> Iterator[Finding]:
    """More training, a worse score."""
    by_run: dict[tuple[str, str, str, str], list[_Run]] = defaultdict(list)
    for run in runs:
        if run.epochs:
            by_run[run.paper, run.dataset, run.name, run.horizon].append(run)
    for found in by_run.values():
        for short, long in combinations(sorted(found, key=lambda run: run.epochs or 0), 2):
            worse, both = [], 0
            for quantity, lower in LOWER_IS_BETTER.items():
                a, b = short.first(quantity), long.first(quantity)
                if a is None or b is None or a.value is None or b.value is None:
                    continue
                both += 1
                compared |= {a, b}
                if b.value.low > a.value.high if lower else b.value.high < a.value.low:
                    worse.append((b, a))
            if worse and 2 * len(worse) > both:
                (b, a), *_ = worse
                sentence = (
                    f"more training, a worse score: {_label(b.quantity)} {b.text} after {long.epochs:,} epochs and "
                    f"{a.text} after {short.epochs:,}"
                )
                yield _finding("budget", (b, a), sentence)


def _roots(figures: Iterable[Figure]) -> Iterator[Finding]:
    """A column under another name that holds the root of the column MSE."""
    cells: dict[tuple[str, str], dict[tuple[str, int | None], dict[str, Figure]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for each in figures:
        if each.value is not None:
            cells[each.table, each.dataset][each.run, each.epochs][each.quantity] = each
    for rows in cells.values():
        for quantity in sorted({name for row in rows.values() for name in row} & {"ssim", "mae", "psnr", "lpips"}):
            both = [(row[quantity], row["mse"]) for row in rows.values() if quantity in row and "mse" in row]
            if len(both) >= FEWEST and all(_is_root(a, b) for a, b in both):
                sentence = f"the column {_label(quantity)} holds the root of the column MSE in all {len(both)} rows"
                yield replace(_finding("column", tuple(a for a, _ in both), sentence), run="")


def _is_root(figure: Figure, mse: Figure) -> bool:
    assert figure.value is not None
    assert mse.value is not None
    root = math.sqrt(max(mse.value.middle, 0.0))
    return abs(figure.value.middle - root) <= ROOT_TOLERANCE * root or figure.value.meets(Interval(root, root))


def _agree(a: Figure, b: Figure) -> bool:
    if a.value is None or b.value is None:
        return a.text == b.text
    return a.value.meets(b.value)


def _finding(kind: str, figures: tuple[Figure, ...], sentence: str) -> Finding:
    first = figures[0]
    return Finding(kind, first.table, first.named, first.dataset, sentence, figures)


def _label(quantity: str) -> str:
    name, _, rest = quantity.partition(" ")
    return " ".join(filter(None, (_LABELS.get(name, name if name == "accuracy" else name.upper()), rest)))


def _printed(figures: Iterable[Figure]) -> str:
    return ", ".join(f"{_label(each.quantity)} {each.text}" for each in figures)


def _listed(figures: Sequence[Figure]) -> str:
    names = [_label(each.quantity) for each in figures]
    return f"{', '.join(names[:-1])} and {names[-1]}"
