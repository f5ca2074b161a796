"""What is wrong with a table of figures by its own arithmetic, and what in it does not belong together.

A figure is only ever held against other figures of the same table, run or file: no finding does not make it right.
"""

from __future__ import annotations

from collections.abc import Sequence

from stbench.literature.arithmetic import excesses, identities, roots, with_reductions
from stbench.literature.figures import Figure
from stbench.literature.findings import Report, runs_of
from stbench.literature.origins import budgets, provenance
from stbench.literature.repeats import copies, one_run_under_two_names, same_costs, two_values


def lint(figures: Sequence[Figure]) -> Report:
    """What does not fit, in the order of the file."""
    figures = with_reductions(figures)
    runs = runs_of(figures)
    compared: set[Figure] = set()
    columns = [*roots(figures)]
    rooted = {each for finding in columns for each in finding.figures}
    found = [
        *columns,
        *identities(runs, compared, rooted),
        *excesses(runs, compared),
        *two_values(runs, compared),
        *one_run_under_two_names(runs),
        *copies(runs, compared),
        *same_costs(runs, compared),
        *provenance(figures),
        *budgets(runs, compared),
    ]
    order = {each: place for place, each in enumerate(figures)}
    found.sort(key=lambda finding: order[finding.figures[0]])
    return Report(tuple(found), len(figures), len(compared))
