"""Tabulars of LaTeX.

One that stands in a cell of another, and a line end inside braces, break a line of that cell, not a row. Where an inner
one has columns, it is a table of its own.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field

from stbench.documents import DEEPEST, Unreadable
from stbench.literature.cells import SEAM, Table, seamless
from stbench.literature.figures import figure, quantities

__all__ = ["latex_tables"]

_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%.*")
_TABULAR = re.compile(r"\\(begin|end)\{(tabular[*xy]?|longtable|array)\}")
_FLOAT = re.compile(r"\\(begin|end)\{(table\*?|wraptable|sidewaystable)\}")
_CAPTION = re.compile(r"\\caption(?:\[[^\]]{0,500}\])?(?=\{)")
_ARGUMENTS = {"tabular*": 2, "tabularx": 2, "tabulary": 2}
"""A width before the columns; the others have the columns alone."""
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_OPTION = re.compile(r"\s*\[[^\]]{0,500}\]")
_ROW_END = re.compile(r"\\\\\*?(?:\[[^\]\n]{0,40}\])?|\\tabularnewline(?![a-zA-Z])")
_CELL = re.compile(r"(?<!\\)&")
_INSIDE = re.compile(rf"{_ROW_END.pattern}|\\.|[{{}}&]", re.DOTALL)
_LINES = re.compile(
    r"\\(?:(?:hline|hdashline|toprule|midrule|bottomrule|addlinespace)(?![a-zA-Z])(?:\[[^\]]{0,40}\])?"
    r"|(?:Xhline|cline|cdashline|cmidrule|specialrule)(?:\[[^\]]{0,40}\])?(?:\([^)]{0,40}\))?(?:\{[^{}]*\})+)"
)
_COLUMNS = re.compile(r"\\multicolumn\s*\{\s*([1-9]\d?)\s*\}")
_ROWS = re.compile(
    r"\\multirow\s*+(?:\[[^\]]{0,100}\]\s*+)?\{\s*([+-]?[1-9]\d?)(?:\.\d{0,9})?\s*\}\s*+(?:\[[^\]]{0,100}\]\s*+)?"
)
_HIDDEN = re.compile(
    r"\\(?:cite[a-zA-Z]{0,20}|(?:text|paren|auto|foot)cite|(?:auto|page|name|eq|[cCv])?ref|label|textsuperscript|tnote"
    r"|(?:table)?footnote(?:mark|text)?|(?:row|cell|column|text|arrayrule)?color|colorbox|[hv]space|[hv]?phantom"
    r"|scalebox|raisebox|rotatebox|href)\*?\s*+(?:\[[^\]]{0,500}\]\s*+){0,3}\{[^{}]*\}"
    r"|\\(?:resizebox\*?|fcolorbox|fontsize)\s*+\{[^{}]*\}\s*+\{[^{}]*\}"
    r"|\\footnotemark(?![a-zA-Z])(?:\[[^\]]{0,500}\])?|\\[hv]?phantom\s*[^\s{}\\a-zA-Z]"
)
"""What is not printed, or printed small: marks, and arguments that say how another one is set."""
_SHOWN = re.compile(r"\\[a-zA-Z]+\*?\s*+(?:\[[^\[\]]{0,500}\]\s*+)?\{([^{}]*)\}")
_GROUP = re.compile(r"(?<![a-zA-Z*\]}\s])\{([^{}]*)\}")
_POWER = re.compile(r"(?<![\d.,])10\s?\\textsuperscript\s?\{([^{}]{0,9})\}")
_THIN = re.compile(r"(?<=\d)\\,(?=\d{3}(?!\d))")
_SIGNS = {
    r"\pm": "±",
    r"\%": "%",
    r"\mid": "|",
    r"\vert": "|",
    r"\uparrow": "",
    r"\downarrow": "",
    r"\times": " x ",
    r"\cdot": " · ",
    r"\textminus": "-",
    "~": " ",
}
_SIGN = re.compile("|".join(re.escape(sign) + r"(?![a-zA-Z])" * sign[-1].isalpha() for sign in _SIGNS))


@dataclass
class _Tabular:
    """One that is begun: what stands in it, apart from those within."""

    name: str
    place: int
    line: int
    parts: list[str] = field(default_factory=list)

    def rows(self) -> str:
        """What follows the arguments: the columns, and of some forms the width before."""
        body, place = "".join(self.parts), 0
        for _ in range(_ARGUMENTS.get(self.name, 1)):
            place = _after_argument(body, _after_options(body, place)) or place
        return "\n" * body.count("\n", 0, place) + body[place:]


def latex_tables(text: str) -> Iterator[Table]:
    """The tables of a text, titled by the caption of the float they stand in. `Unreadable` for one nested too deep."""
    text = _POWER.sub(r"10^{\1}", _COMMENT.sub(r"\1", text))
    floats = _floats(text)
    begins = [begin for begin, _, _ in floats]
    for tabular in _tabulars(text):
        around = floats[max(bisect(begins, tabular.place) - 1, 0) :][:1]
        title = next((caption for begin, end, caption in around if begin < tabular.place < end), "")
        if table := _table(title, tabular):
            yield table


def _floats(text: str) -> list[tuple[int, int, str]]:
    """Begin, end and caption of each."""
    found: list[tuple[int, int, str]] = []
    begun: re.Match[str] | None = None
    for each in _FLOAT.finditer(text):
        if each[1] == "begin":
            begun = each
        elif begun and begun[2] == each[2]:
            caption = _CAPTION.search(text, begun.end(), each.start())
            end = _after_argument(text, caption.end(), each.start()) if caption else None
            title = _untex(text[caption.end() + 1 : end - 1]) if caption and end else ""
            found.append((begun.start(), each.start(), title))
            begun = None
    return found


def _tabulars(text: str) -> Iterator[_Tabular]:
    """Those that are closed; of nested ones the inner first."""
    open_: list[_Tabular] = []
    place, line = 0, 1
    for each in _TABULAR.finditer(text):
        between = text[place : each.start()]
        place, line = each.end(), line + between.count("\n")
        if open_:
            open_[-1].parts.append(between)
        if each[1] == "begin":
            if len(open_) == DEEPEST:
                raise Unreadable(f"tabulars in it are nested more than {DEEPEST} levels deep")
            open_.append(_Tabular(each[2], each.start(), line))
        elif each[2] in [one.name for one in open_]:
            while open_[-1].name != each[2]:
                unclosed = open_.pop()
                open_[-1].parts += unclosed.parts
            closed = open_.pop()
            rows = closed.rows()
            own = _CELL.search(rows) is not None
            if open_:
                label = "" if own else " ".join(_LINES.sub(" ", _ROW_END.sub(" ", rows)).split())
                open_[-1].parts.append(f" {label} " + "\n" * rows.count("\n"))
            if own or not open_:
                yield closed


def _after_options(text: str, place: int) -> int:
    while found := _OPTION.match(text, place):
        place = found.end()
    return place


def _after_argument(text: str, place: int, end: int | None = None) -> int | None:
    """Where the braces that are opened at `place` are closed; None where there are none."""
    end = len(text) if end is None else end
    while place < end and text[place].isspace():
        place += 1
    if not text.startswith("{", place, end):
        return None
    depth = 0
    for each in _BRACE.finditer(text, place, end):
        depth += (each[0] == "{") - (each[0] == "}")
        if depth == 0:
            return each.end()
    return None


def _in_one_line(body: str) -> str:
    """With a space for what, inside braces, would end a row or a cell."""
    found = [*_INSIDE.finditer(body)]
    step = [0] * len(found)
    opened: list[int] = []
    for k, each in enumerate(found):
        if each[0] == "{":
            opened.append(k)
        elif each[0] == "}" and opened:
            step[opened.pop()], step[k] = 1, -1
    parts, place, depth = [], 0, 0
    for each, change in zip(found, step, strict=True):
        depth += change
        if depth and (each[0] == "&" or _ROW_END.fullmatch(each[0])):
            parts += [body[place : each.start()], " "]
            place = each.end()
    return "".join([*parts, body[place:]])


def _table(title: str, tabular: _Tabular) -> Table | None:
    first = tabular.line
    table = Table(title, [])
    below: dict[int, tuple[int, str]] = {}
    named = False
    for part in _ROW_END.split(_in_one_line(tabular.rows())):
        line = _LINES.sub("", part)
        start = first + line[: len(line) - len(line.lstrip())].count("\n")
        first += part.count("\n")
        if not line.strip():
            continue
        cells: list[str] = []
        for cell in _CELL.split(line):
            columns, rows, content = _cell(cell)
            if rows > 0:
                below[len(cells)] = (rows, content)
            elif rows < 0:
                _fill_above(table, len(cells), -rows - 1, content)
            left, above = below.get(len(cells), (0, ""))
            if left > 0:
                content, below[len(cells)] = content or above, (left - 1, above)
            cells += [content] * columns
        numbers = sum(figure(cell) is not None for cell in cells[1:])
        section = named and len({*filter(None, cells)}) == 1
        if numbers == 0 and not table.rows and not section:
            table.heading.append(cells)
            named = named or any(quantities(cell)[0] for cell in cells)
        else:
            table.rows.append((f"line {start}", cells))
    return table if table.heading and table.rows else None


def _fill_above(table: Table, column: int, rows: int, content: str) -> None:
    """Empty cells of the last `rows` rows."""
    for _, cells in table.rows[max(len(table.rows) - rows, 0) :]:
        if column < len(cells) and not cells[column]:
            cells[column] = content


def _cell(cell: str) -> tuple[int, int, str]:
    """How many columns and rows a cell takes, and its text. Rows are less than 0 where it takes those above, and 0
    where it does not say."""
    columns, rows = 1, 0
    cell = _bare(_HIDDEN.sub(SEAM, cell))
    if found := _COLUMNS.match(cell):
        columns, cell = int(found[1]), _bare(_content(cell, _after_argument(cell, found.end())))
    if found := _ROWS.match(cell):
        rows, place = int(found[1]), found.end()
        width = place + 1 if cell[place : place + 1] in ("*", "=") else _after_argument(cell, place)
        cell = _content(cell, width and _after_options(cell, width))
    return columns, rows, _untex(cell)


def _bare(cell: str) -> str:
    """Without braces around all of it."""
    for _ in range(8):
        cell = cell.strip(f"{SEAM} \t\n")
        if not cell or _after_argument(cell, 0) != len(cell):
            break
        cell = cell[1:-1]
    return cell


def _content(cell: str, place: int | None) -> str:
    """The argument at `place` and what follows it."""
    end = None if place is None else _after_argument(cell, place)
    return cell if place is None or end is None else f"{cell[place:end].strip()[1:-1]}{SEAM}{cell[end:]}".strip()


def _untex(cell: str) -> str:
    """As it is read: without macros, and without what they hide or raise, but for a power of ten."""
    cell = _SIGN.sub(lambda found: _SIGNS[found[0]], cell)
    cell = re.sub(r"\\[,;:!> ]", " ", _THIN.sub(",", cell))
    for _ in range(8):
        cell, hidden = _HIDDEN.subn(SEAM, cell)
        cell, shown = _SHOWN.subn(rf"{SEAM}\1{SEAM}", cell)
        cell, groups = _GROUP.subn(r"\1", cell)
        if not hidden + shown + groups:
            break
    cell = re.sub(r"[${}\\]", "", re.sub(r"\\[a-zA-Z]+", SEAM, cell))
    return re.sub(r"\s+", " ", seamless(cell)).strip()
