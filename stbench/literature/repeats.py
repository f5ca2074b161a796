"""Figures that stand twice: one run with two values, one run under two names, copies that differ, equal costs."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from stbench.literature.figures import COSTS, LOWER_IS_BETTER, SETUP, Convention, Figure
from stbench.literature.findings import Finding, Run, agree, finding_of, label, mean_of, printed
from stbench.results.identities import psnr_of

FEWEST_SCORES, SAME_DIGITS = 3, 10
"""Scores, and significant digits of them, that two rows share before they are taken for one run."""


def two_values(runs: Iterable[Run], compared: set[Figure]) -> Iterator[Finding]:
    """One run that two tables have with figures that do not agree."""
    for run in runs:
        differ: dict[tuple[str, str], list[tuple[Figure, Figure]]] = defaultdict(list)
        for found in run.of.values():
            if len(found) > 1:
                compared |= {*found}
            for a, b in combinations(found, 2):
                if a.table != b.table and a.origin == b.origin and not agree(a, b):
                    differ[a.table, b.table].append((b, a) if _further(b, a, run.beside(b, "mse")) else (a, b))
        for pairs in differ.values():
            first, second = zip(*pairs, strict=True)
            sentence = (
                f"a second value of one run: {printed(first)} in '{first[0].table}', but {printed(second)} in "
                f"'{second[0].table}'"
            )
            yield finding_of("two-values", (*first, *second), sentence)


def one_run_under_two_names(runs: Sequence[Run]) -> Iterator[Finding]:
    """Rows that share at least three scores to the last digit are one run, whatever they are called."""
    seen: dict[tuple[str, str], list[tuple[Run, dict[str, Figure]]]] = defaultdict(list)
    said: set[tuple[Figure, ...]] = set()
    for run in runs:
        if len(run.of.keys() & LOWER_IS_BETTER.keys()) < FEWEST_SCORES:
            continue
        for figure in run.of.get("mse", ()):
            row = {name: found for name in run.of if (found := run.beside(figure, name)) is not None}
            others = seen[run.paper, figure.text]
            for other, its in others:
                if other is not run and other.epochs == run.epochs and other.horizon == run.horizon:
                    for finding in _between(its, row):
                        if finding.figures not in said:
                            said.add(finding.figures)
                            yield finding
            others.append((run, row))


def _between(a: Mapping[str, Figure], b: Mapping[str, Figure]) -> Iterator[Finding]:
    """What differs between two rows with the same scores: quantity -> figure."""
    pairs = [(a[name], b[name]) for name in a if name in b]
    scores = [pair for pair in pairs if pair[0].quantity in LOWER_IS_BETTER]
    same = [left for left, right in scores if left.text == right.text]
    if len(same) < FEWEST_SCORES or sum(each.digits for each in same) < SAME_DIGITS:
        return
    for left, right in pairs:
        if left.quantity in (*LOWER_IS_BETTER, *SETUP) and not agree(left, right):
            odd, even = (left, right) if _further(left, right, a.get("mse")) else (right, left)
            sentence = (
                f"a second value of one run: '{odd.named}' and '{even.named}' have the same {_listed(same)}, but "
                f"{label(odd.quantity)} {odd.text} in {odd.place} and {even.text} in {even.place}"
            )
            yield finding_of("two-values", (odd, even), sentence)


def _further(left: Figure, right: Figure, mse: Figure | None) -> bool:
    """Whether `left` is a PSNR that is further from the MSE of its run than `right` is."""
    error = mean_of(mse)
    if left.quantity != "psnr" or error is None or left.value is None or right.value is None:
        return False
    return abs(left.value.middle - psnr_of(error.middle)) > abs(right.value.middle - psnr_of(error.middle))


def copies(runs: Sequence[Run], compared: set[Figure]) -> Iterator[Finding]:
    """Figures that say whose run they are of, held against that paper's own, where both are at hand."""
    own: dict[tuple[str, ...], list[Figure]] = defaultdict(list)
    for run in runs:
        for name, found in run.of.items():
            own[run.paper, run.dataset, run.name, run.horizon, name] += found if run.paper else ()
    wrong: list[tuple[Figure, Figure]] = []
    for run in runs:
        for each in run.all:
            originals = own.get((each.origin, each.dataset, each.run, each.horizon, each.quantity), [])
            if each.origin in ("", each.paper) or not originals:
                continue
            originals = [original for original in originals if original.epochs == each.epochs] or originals
            compared |= {each, *originals}
            if not any(agree(each, original) for original in originals):
                wrong.append((each, originals[0]))
    done: set[Figure] = set()
    for (each, its), (other, others) in combinations(wrong, 2):
        crossed = each.run != other.run and agree(each, others) and agree(other, its)
        if crossed and (each.quantity, each.dataset) == (other.quantity, other.dataset):
            done |= {each, other}
            sentence = (
                f"{label(each.quantity)} {each.text} of {each.named} and {other.text} of {other.named} are exchanged: "
                f"{each.origin} has {its.text} and {others.text}"
            )
            yield finding_of("exchanged", (each, other, its, others), sentence)
    differ: dict[tuple[str, str, str], list[tuple[Figure, Figure]]] = defaultdict(list)
    for each, its in wrong:
        if each not in done:
            differ[each.table, each.dataset, each.named].append((each, its))
    for pairs in differ.values():
        first, second = zip(*pairs, strict=True)
        sentence = f"a copy that differs: {printed(first)}, where {first[0].origin} has {printed(second)}"
        yield finding_of("copy", (*first, *second), sentence)


def same_costs(runs: Sequence[Run], compared: set[Figure]) -> Iterator[Finding]:
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
            yield finding_of("same-cost", (*first, *second), f"the same cost as {a.named}: {printed(first)}")
    for between, its, other in suspects:
        # Where most models cost the same on both, the frames are of one size; nobody says so in most tables.
        if its["fps"].convention.frame or 2 * alike[between] <= common[between] + 1:
            first, second = (tuple(cost[name] for name in COSTS) for cost in (other, its))
            sentence = (
                f"the same cost on two datasets: {printed(first)} on {first[0].dataset}, and on {second[0].dataset} "
                f"in '{second[0].table}'"
            )
            yield finding_of("same-cost", (*first, *second), sentence)


def _cost(run: Run) -> dict[str, Figure]:
    """Of the table that has most of it, filled up from others."""
    most = max(run.tables, key=lambda table: sum(name in table for name in COSTS))
    return {name: found for name in COSTS if (found := most.get(name) or run.first(name)) is not None}


def _same_number(a: Figure, b: Figure) -> bool:
    """708 and 708.0, and not what only rounds to it."""
    return a.value is not None and b.value is not None and math.isclose(a.value.middle, b.value.middle, rel_tol=1e-9)


def _of_one_table(a: Figure, b: Figure) -> bool:
    return (a.table, a.dataset) == (b.table, b.dataset)


def _different_frames(a: Convention, b: Convention) -> bool:
    return not a.frame or not b.frame or a.frame != b.frame


def _listed(figures: Sequence[Figure]) -> str:
    names = [label(each.quantity) for each in figures]
    return f"{', '.join(names[:-1])} and {names[-1]}"
