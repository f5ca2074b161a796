"""Figures of a table that do not fit one another, and what the checks share: runs, means, words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stbench.literature.figures import Figure
from stbench.results.identities import Interval

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
class Run:
    """All that is printed of one run: quantity -> its figures, from all tables that have it. Never of two rows of one
    table."""

    paper: str
    dataset: str
    name: str
    epochs: int | None
    horizon: str
    of: Mapping[str, tuple[Figure, ...]]
    row: str = ""
    """Where several rows of its table have its name, the one it is: what tells them apart is not known, so it is held
    against no other table."""

    @property
    def named(self) -> str:
        return f"{self.name}, {self.epochs:,} epochs" if self.epochs else self.name

    @property
    def all(self) -> list[Figure]:
        return [each for found in self.of.values() for each in found]

    @property
    def tables(self) -> list[dict[str, Figure]]:
        """What each table has of it: quantity -> its first figure there."""
        found: dict[str, dict[str, Figure]] = defaultdict(dict)
        for each in self.all:
            found[each.table].setdefault(each.quantity, each)
        return [*found.values()]

    def first(self, quantity: str) -> Figure | None:
        return next(iter(self.of.get(quantity, ())), None)

    def beside(self, figure: Figure, quantity: str) -> Figure | None:
        """A quantity of the same run: of the table of `figure`, or, where it has none, of the first that has one."""
        own = (each for each in self.of.get(quantity, ()) if each.table == figure.table)
        return next(own, None) or self.first(quantity)


def runs_of(figures: Iterable[Figure]) -> list[Run]:
    """Figures by the run that they are of, in order of appearance."""
    keyed: dict[tuple[str, str, str, int | None, str], list[Figure]] = defaultdict(list)
    for each in figures:
        keyed[each.paper, each.dataset, each.run, each.epochs, each.horizon].append(each)
    found = []
    for key, own in keyed.items():
        rows = Counter(table for table, _ in {(each.table, each.row) for each in own})
        apart: dict[tuple[str, str], dict[str, list[Figure]]] = defaultdict(lambda: defaultdict(list))
        for each in own:
            place = (each.table, each.row) if rows[each.table] > 1 else ("", "")
            apart[place][each.quantity].append(each)
        for (_, row), of in apart.items():
            found.append(Run(*key, {quantity: tuple(those) for quantity, those in of.items()}, row))
    return found


def mean_of(figure: Figure | None) -> Interval | None:
    """The mean error of an element; None where it is a sum over nobody knows how many, or nobody knows."""
    if figure is None or figure.value is None or not figure.convention.reduction:
        return None
    size = figure.convention.elements if figure.convention.reduction == "sum" else 1
    return figure.value.times(1 / size) if size else None


def agree(a: Figure, b: Figure) -> bool:
    """As far as both are printed."""
    if a.value is None or b.value is None:
        return a.text == b.text
    return a.value.meets(b.value)


def finding_of(kind: str, figures: tuple[Figure, ...], sentence: str) -> Finding:
    """At the place of the first figure."""
    first = figures[0]
    return Finding(kind, first.table, first.named, first.dataset, sentence, figures)


def label(quantity: str) -> str:
    """As a reader of tables knows it."""
    name, _, rest = quantity.partition(" ")
    return " ".join(filter(None, (_LABELS.get(name, name if name == "accuracy" else name.upper()), rest)))


def printed(figures: Iterable[Figure]) -> str:
    """ "MSE 23.8, PSNR 21.5"."""
    return ", ".join(f"{label(each.quantity)} {each.text}" for each in figures)
