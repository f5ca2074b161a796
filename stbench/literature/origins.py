"""Figures of several runs in one row or column, and more training with a worse score."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from stbench.literature.figures import LOWER_IS_BETTER, Figure
from stbench.literature.findings import Finding, Run, finding_of, label


def provenance(figures: Iterable[Figure]) -> Iterator[Finding]:
    """One row with figures of two runs; one column of scores with rows of several origins."""
    rows: dict[tuple[object, ...], list[Figure]] = defaultdict(list)
    tables: dict[tuple[str, str], list[Figure]] = defaultdict(list)
    for each in figures:
        rows[each.table, each.row, each.dataset, each.run, each.epochs, each.horizon].append(each)
        if each.quantity in LOWER_IS_BETTER and each.origin:
            tables[each.table, each.dataset].append(each)
    for found in rows.values():
        origins = {each.origin: each for each in reversed(found)}
        if len(origins) > 1:
            parts = [
                f"{label(each.quantity)} {each.text} from {name or 'the table itself'}"
                for name, each in origins.items()
            ]
            sentence = f"one row of two runs: {', '.join(parts[::-1])}"
            yield finding_of("provenance", tuple(origins.values())[::-1], sentence)
    for found in tables.values():
        origins = {each.origin: each for each in reversed(found)}
        if len(origins) > 1:
            counts = Counter(origin for origin, _ in {(each.origin, each.run) for each in found})
            most_first = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            shown = ", ".join(f"{name} ({count})" for name, count in most_first)
            sentence = f"one column with copies of several origins, and so of several budgets: {shown}"
            yield replace(finding_of("provenance", tuple(origins.values())[::-1], sentence), run="")


def budgets(runs: Sequence[Run], compared: set[Figure]) -> Iterator[Finding]:
    """More training, a worse score. Of rows with one name nobody knows which belongs to which of another budget."""
    by_run: dict[tuple[str, str, str, str], list[Run]] = defaultdict(list)
    for run in runs:
        if run.epochs and not run.row:
            by_run[run.paper, run.dataset, run.name, run.horizon].append(run)
    for found in by_run.values():
        for short, long in combinations(sorted(found, key=lambda run: run.epochs or 0), 2):
            worse, both = [], 0
            for quantity, lower in LOWER_IS_BETTER.items():
                b = long.first(quantity)
                a = short.beside(b, quantity) if b else None
                b = long.beside(a, quantity) if a else None
                if a is None or b is None or a.value is None or b.value is None:
                    continue
                both += 1
                compared |= {a, b}
                if b.value.low > a.value.high if lower else b.value.high < a.value.low:
                    worse.append((b, a))
            if worse and 2 * len(worse) > both:
                (b, a), *_ = worse
                sentence = (
                    f"more training, a worse score: {label(b.quantity)} {b.text} after {long.epochs:,} epochs and "
                    f"{a.text} after {short.epochs:,}"
                )
                yield finding_of("budget", (b, a), sentence)
