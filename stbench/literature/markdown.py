"""Tables of Markdown, with pipes.

By hand: parsers of Markdown fill up and cut every row to the width of its heading, and here such a row is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stbench.literature.cells import SEAM, Table, seamless

__all__ = ["markdown_tables"]

_CELL = re.compile(r"(?<!\\)\|")
_RULE_BELOW = re.compile(r"\|?\s*:?-+:?\s*(?:\|\s*(?::?-+:?\s*)?)*")
"""The line below a heading: "|:-:|-|"."""
_RULE = re.compile(r"\|?\s*:?-{2,}:?\s*(?:\|\s*(?::?-{2,}:?\s*)?)*")
"""A rule among rows, where a single dash is a cell without a number."""
_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_LINK = re.compile(r"!?\[([^\]]{0,500})\]\([^)]{0,2000}\)")
_POWER = re.compile(r"(?<![\d.,])10\s?<sup>\s*([+−-]?\d{1,3})\s*</sup>")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_RAISED = re.compile(r"<sup>[^<]*</sup>", re.IGNORECASE)
_TAG = re.compile(r"</?(?!sup>)[a-z]\w*(?:\s[^<>]{0,500})?/?>", re.IGNORECASE)
_SIGN = re.compile(r"\\([*_])|\*+|`|</?sup>|(?<!\w)_|_(?!\w)", re.IGNORECASE)


def markdown_tables(text: str) -> Iterator[Table]:
    """The tables of a text, titled by the headings they stand under."""
    title: list[str] = []
    lines = _without_comments(text).splitlines()
    table: Table | None = None
    begun = 0
    for number, line in enumerate(lines, 1):
        if heading := _HEADING.match(line):
            title = [*title[: len(heading[1]) - 1], _plain(heading[2])]
        if "|" not in line:
            if table is not None:
                yield table
            table = None
        elif table is None:
            if number < len(lines) and _RULE_BELOW.fullmatch(lines[number].strip()):
                table, begun = Table(": ".join(title[-2:]), [_pipes(line)]), number
        elif number > begun + 1 and not _RULE.fullmatch(line.strip()):
            table.rows.append((f"line {number}", _pipes(line)))
    if table is not None:
        yield table


def _without_comments(text: str) -> str:
    """Without `<!-- -->`, whose line ends stay."""
    before, *comments = text.split("<!--")
    kept = [before]
    for each in comments:
        hidden, _, after = each.partition("-->")
        kept += ["\n" * hidden.count("\n"), after]
    return "".join(kept)


def _pipes(line: str) -> list[str]:
    inner = re.sub(r"^\s*\||(?<!\\)\|\s*$", "", line)
    return [_plain(cell.replace("\\|", "|")) for cell in _CELL.split(inner)]


def _plain(cell: str) -> str:
    """As it is read: without links, emphasis and tags, and without what stands raised, but for a power of ten."""
    cell = _BREAK.sub(" ", _POWER.sub(r"10^\1", _LINK.sub(rf"{SEAM}\1{SEAM}", cell)))
    cell = _RAISED.sub(SEAM, _TAG.sub(SEAM, cell))
    return seamless(_SIGN.sub(lambda found: found[1] or SEAM, cell)).strip()
