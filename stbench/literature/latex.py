"""Tabulars of LaTeX, parsed by pylatexenc.

One that stands in a cell of another, and a line end inside braces, break a line of that cell, not a row. Where an inner
one has columns, it is a table of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pylatexenc.latexwalker import (  # type: ignore[import-untyped]
    LatexCharsNode,
    LatexEnvironmentNode,
    LatexGroupNode,
    LatexMacroNode,
    LatexMathNode,
    LatexNode,
    LatexSpecialsNode,
    LatexWalker,
    LatexWalkerParseError,
)
from pylatexenc.macrospec import (  # type: ignore[import-untyped]
    EnvironmentSpec,
    LatexContextDb,
    MacroSpec,
    MacroStandardArgsParser,
    SpecialsSpec,
)

from stbench.documents import DEEPEST, Unreadable
from stbench.literature.cells import SEAM, Table, seamless
from stbench.literature.figures import figure, quantities

__all__ = ["latex_tables"]


def _named(arguments: Mapping[str, str]) -> dict[str, str]:
    """The arguments of each macro."""
    return {name: each for each, names in arguments.items() for name in names.split()}


_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%.*")
_TRIM = re.compile(r"(\\cmidrule\s{0,9}(?:\[[^\]\n]{0,40}\])?)\([^)\n]{0,40}\)")
"""An argument in round brackets."""
_BEGIN = re.compile(r"\\begin\{(tabular[*xy]?|longtable|array|table\*?|wraptable|sidewaystable)\}")
_TABULARS = dict.fromkeys(("tabular", "array", "longtable"), "[{") | dict.fromkeys(
    ("tabular*", "tabularx", "tabulary"), "{[{"
)
"""Their arguments: the columns, and of some forms a width before. Here and below as pylatexenc writes them, "[" for one
that may be missing."""
_RULES = _named(
    {
        "": "hline morecmidrules",
        "[": "toprule midrule bottomrule addlinespace hdashline",
        "[{": "cmidrule",
        "{": "cline cdashline Xhline",
        "{{{": "specialrule",
    }
)
_HIDDEN = _named(
    {
        "*[[{": "cite citep citet citealp citealt citeauthor citeyear citeyearpar citenum citetext Cite Citep"
        " Citet textcite parencite autocite footcite supercite onlinecite",
        "*{": "ref autoref pageref nameref eqref cref Cref vref label hspace vspace",
        "{": "phantom hphantom vphantom tnote tablefootnote",
        "[{": "footnote footnotetext color cellcolor columncolor arrayrulecolor",
        "[{[[": "rowcolor",
        "[": "footnotemark",
        "{{": "fontsize",
    }
)
"""What is not printed, or printed small: marks, and how something else is set."""
_UNSEEN = _RULES | _HIDDEN
_SHOWN = _named(
    {
        "{{": "href",
        "{[{": "scalebox",
        "[{{": "textcolor colorbox rotatebox parbox",
        "[{[{{": "fcolorbox",
        "{[[{": "raisebox",
        "*{{{": "resizebox",
        "[[{": "makebox framebox",
        "[{": "shortstack",
        "*[{": "makecell thead caption",
        "{{{": "multicolumn",
        "[{[{[{": "multirow",
    }
)
"""Whose last argument is printed, and no other."""
_SIGNS = {
    "pm": "±",
    "mid": "|",
    "vert": "|",
    "uparrow": "",
    "downarrow": "",
    "times": " x ",
    "cdot": " · ",
    "textminus": "-",
    **dict.fromkeys(",;:!> ", " "),
    ",": "\N{THIN SPACE}",
    "\\": " ",
    "tabularnewline": " ",
}
_THOUSANDS = re.compile(r"(?<=\d)\N{THIN SPACE}(?=\d{3}(?!\d))")
_TEN = re.compile(r"(?<![\d.,])10\s?$")
_OPTION = re.compile(r"\s*\[[^\[\]]*\]\s*")


def _context() -> LatexContextDb:
    """Arguments of the macros that matter; another macro has none, and what follows it is printed."""
    known = _UNSEEN | _SHOWN | {"textsuperscript": "{"}
    # A bracket on the next line is a cell, not the height of the row.
    row_end = MacroSpec("\\", MacroStandardArgsParser("*[", optional_arg_no_space=True))
    found = LatexContextDb()
    found.add_context_category(
        "tables",
        macros=[row_end, *(MacroSpec(name, arguments) for name, arguments in known.items())],
        environments=[EnvironmentSpec(name, arguments) for name, arguments in _TABULARS.items()],
        specials=[SpecialsSpec("&")],
    )
    found.set_unknown_macro_spec(MacroSpec("", ""))
    found.set_unknown_environment_spec(EnvironmentSpec("", ""))
    return found


_CONTEXT = _context()
_ROW_ENDS = ("\\", "tabularnewline")


def latex_tables(text: str) -> Iterator[Table]:
    """The tables of a text, titled by the caption of the float they stand in. `Unreadable` for a tabular that is no
    LaTeX, or nested too deep."""
    text = _TRIM.sub(r"\1", _COMMENT.sub(r"\1", text))
    walker = LatexWalker(text, latex_context=_CONTEXT, tolerant_parsing=False)
    place = 0
    while begin := _BEGIN.search(text, place):
        try:
            node, _, length = walker.get_latex_environment(begin.start())
            yield from _tables(walker, node, "")
        except LatexWalkerParseError as error:
            raise Unreadable(f"{error.msg.splitlines()[0]} in line {error.lineno}") from None
        except RecursionError:
            line, _ = walker.pos_to_lineno_colno(begin.start())
            raise Unreadable(f"what begins in line {line} is nested too deep") from None
        place = begin.start() + length


def _tables(walker: LatexWalker, node: LatexNode, title: str, level: int = 0) -> Iterator[Table]:
    """Of nested ones the inner first."""
    level += isinstance(node, LatexEnvironmentNode) and node.environmentname in _TABULARS
    if level > DEEPEST:
        raise Unreadable(f"tabulars in it are nested more than {DEEPEST} levels deep")
    below = _below(node)
    captions = [child for child in below if isinstance(child, LatexMacroNode) and child.macroname == "caption"]
    title = _plain(_below(captions[0])[-1:]) if captions else title
    for child in below:
        yield from _tables(walker, child, title, level)
    if _is_table(node) and (table := _table(walker, title, node.nodelist)):
        yield table


def _below(node: LatexNode) -> list[LatexNode]:
    """What it holds, in the order of the text."""
    held: list[LatexNode | None] = []
    if isinstance(node, LatexMacroNode | LatexEnvironmentNode) and node.nodeargd:
        held += node.nodeargd.argnlist
    if isinstance(node, LatexGroupNode | LatexMathNode | LatexEnvironmentNode):
        held += node.nodelist
    return [each for each in held if each is not None]


def _is_table(node: LatexNode) -> bool:
    """A tabular that has columns."""
    return (
        isinstance(node, LatexEnvironmentNode)
        and node.environmentname in _TABULARS
        and any(isinstance(child, LatexSpecialsNode) for child in node.nodelist)
    )


def _table(walker: LatexWalker, title: str, nodes: Iterable[LatexNode]) -> Table | None:
    table = Table(title, [])
    below: dict[int, tuple[int, str]] = {}
    named = False
    for row in _split(nodes, lambda node: isinstance(node, LatexMacroNode) and node.macroname in _ROW_ENDS):
        first = next((node for node in row if not _is_blank(node) and not _is_rule(node)), None)
        if first is None:
            continue
        cells: list[str] = []
        for cell in _split(row, lambda node: isinstance(node, LatexSpecialsNode)):
            columns, rows = _spans(cell)
            content = _plain(cell)
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
            table.rows.append((f"line {_line(walker, first)}", cells))
    return table if table.heading and table.rows else None


def _fill_above(table: Table, column: int, rows: int, content: str) -> None:
    """Empty cells of the last `rows` rows."""
    for _, cells in table.rows[max(len(table.rows) - rows, 0) :]:
        if column < len(cells) and not cells[column]:
            cells[column] = content


def _split(nodes: Iterable[LatexNode], ends: Callable[[LatexNode], bool]) -> list[list[LatexNode]]:
    found: list[list[LatexNode]] = [[]]
    for node in nodes:
        if ends(node):
            found.append([])
        else:
            found[-1].append(node)
    return found


def _line(walker: LatexWalker, node: LatexNode) -> int:
    """Where what it prints begins."""
    indent = len(node.chars) - len(node.chars.lstrip()) if isinstance(node, LatexCharsNode) else 0
    line, _ = walker.pos_to_lineno_colno(node.pos + indent)
    return int(line)


def _is_blank(node: LatexNode) -> bool:
    return isinstance(node, LatexCharsNode) and not node.chars.strip()


def _is_rule(node: LatexNode) -> bool:
    return isinstance(node, LatexMacroNode) and node.macroname in _RULES


def _spans(cell: Sequence[LatexNode]) -> tuple[int, int]:
    """How many columns and rows a cell takes. Rows are less than 0 where it takes those above, and 0 where it does not
    say."""
    columns, rows = 1, 0
    nodes = _bare(cell)
    if arguments := _arguments(nodes, "multicolumn"):
        columns = max(_count(arguments[0]), 1)
        nodes = _bare(arguments[-1:])
    if arguments := _arguments(nodes, "multirow"):
        rows = _count(arguments[1])
    return columns, rows


def _bare(nodes: Sequence[LatexNode]) -> Sequence[LatexNode]:
    """Without what is not printed before them, and without braces around all of them."""
    while True:
        nodes = [node for node in nodes if not _is_blank(node) and not _is_unseen(node)]
        if len(nodes) != 1 or not isinstance(nodes[0], LatexGroupNode):
            return nodes
        nodes = nodes[0].nodelist


def _is_unseen(node: LatexNode) -> bool:
    return isinstance(node, LatexMacroNode) and node.macroname in _UNSEEN


def _arguments(nodes: Sequence[LatexNode], name: str) -> list[LatexNode | None]:
    """Those of the macro `name`, where it is the first."""
    first = nodes[0] if nodes else None
    return first.nodeargd.argnlist if isinstance(first, LatexMacroNode) and first.macroname == name else []


def _count(argument: LatexNode | None) -> int:
    """0 where it is no number."""
    found = re.fullmatch(r"([+-]?[1-9]\d?)(?:\.\d{0,9})?", _plain([argument]), re.ASCII)
    return int(found[1]) if found else 0


def _plain(nodes: Iterable[LatexNode | None]) -> str:
    """As it is read: without macros, and without what they hide or raise, but for a power of ten."""
    text = _THOUSANDS.sub(",", _text(nodes))
    return re.sub(r"\s+", " ", seamless(text)).strip()


def _text(nodes: Iterable[LatexNode | None]) -> str:
    parts: list[str] = []
    called = False
    """Whether all since a macro may be its arguments."""
    for node in nodes:
        if isinstance(node, LatexMacroNode):
            parts.append(_macro(node, parts[-1] if parts else ""))
            called = True
        elif isinstance(node, LatexCharsNode):
            if not (called and _OPTION.fullmatch(node.chars)):
                parts.append(node.chars.replace("~", " "))
                called = False
        elif isinstance(node, LatexGroupNode):
            text = _text(node.nodelist)
            parts.append(f"{SEAM}{text}{SEAM}" if called else text)
        elif isinstance(node, LatexMathNode):
            parts.append(_text(node.nodelist))
            called = False
        elif isinstance(node, LatexEnvironmentNode):
            parts.append(" " if _is_table(node) else f" {_text(node.nodelist)} ")
            called = False
        elif isinstance(node, LatexSpecialsNode):
            parts.append(" ")
            called = False
    return "".join(parts)


def _macro(node: LatexMacroNode, before: str) -> str:
    name, arguments = node.macroname, node.nodeargd.argnlist if node.nodeargd else []
    if name in _SIGNS:
        return _SIGNS[name]
    if name == "textsuperscript" and _TEN.search(before):
        return f"^{_text(arguments)}"
    if name in _SHOWN:
        return f"{SEAM}{_text(arguments[-1:])}{SEAM}"
    return SEAM if name.isalpha() else name
