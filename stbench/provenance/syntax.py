"""One Python source as its digest sees it: its syntax tree without prose, and what it reaches.

    digest = SHA-256( tree less docstrings, other bare strings, comments, layout and `if TYPE_CHECKING:` )

The tree is written down here and not by `ast.dump`: fields that are absent or empty are left out, so a field that a
later Python adds changes nothing where it is not used. On one minor version of Python equal code has equal digests;
between versions that holds as long as their parsers make the same tree.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_BESIDE_THE_POINT = {"ctx", "kind", "type_comment", "type_ignores"}
_FILE = re.compile(r"[\w*-][\w.*-]*\.\w+")
_KINDS = {"dataset": "datasets", "metric": "metrics", "model": "models"}
"""Function of `stbench.registry` -> the kind of plug-in it gives."""


@dataclass(frozen=True)
class Import:
    level: int
    """Leading dots."""
    module: str
    names: tuple[str, ...] = ()
    """What is imported from it: objects or modules."""


@dataclass(frozen=True)
class Syntax:
    digest: str
    imports: frozenset[Import]
    """Statements anywhere in the file, and `importlib.import_module` of a name that is written out."""
    plugins: frozenset[tuple[str, str]]
    """(kind, name) of every plug-in that is asked of the registry by a name that is written out."""
    open_ended: bool
    """Is a module imported whose name is known at run time only?"""
    files: frozenset[str]
    """Patterns of strings that could name a file: "zones.toml", "*-1.json"."""


@lru_cache(maxsize=2048)
def read(content: bytes) -> Syntax:
    """The syntax of a source. Raises SyntaxError."""
    tree = _WithoutProse().visit(ast.parse(content))
    texts = _constants(tree)
    imports: set[Import] = set()
    plugins: set[tuple[str, str]] = set()
    files: set[str] = set()
    open_ended = False
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                imports |= {Import(0, alias.name) for alias in node.names}
            case ast.ImportFrom():
                imports.add(Import(node.level, node.module or "", tuple(alias.name for alias in node.names)))
            case ast.Call(args=[first, *_]) if _called(node) in {"import_module", "__import__"}:
                name = _text(first, texts)
                open_ended |= name is None
                if name is not None:
                    imports.add(Import(len(name) - len(name.lstrip(".")), name.lstrip(".")))
            case ast.Call(func=ast.Attribute(value=ast.Name(id="registry"), attr=attr), args=[first, *_]):
                name = _text(first, texts)
                if attr in _KINDS and name is not None:
                    plugins.add((_KINDS[attr], name))
            case ast.Constant(value=str(value)):
                files.add(value)
            case ast.JoinedStr():
                files.add("".join(str(each.value) if isinstance(each, ast.Constant) else "*" for each in node.values))
    digest = hashlib.sha256("".join(_written(tree)).encode()).hexdigest()
    named = frozenset(name for name in files if _FILE.fullmatch(name))
    return Syntax(digest, frozenset(imports), frozenset(plugins), open_ended, named)


class _WithoutProse(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        is_prose = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_prose else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.AST]:
        test = node.test
        name = test.id if isinstance(test, ast.Name) else test.attr if isinstance(test, ast.Attribute) else ""
        if name != "TYPE_CHECKING":
            return self.generic_visit(node)
        found = (self.visit(each) for each in node.orelse)
        return [each for each in found if each is not None]


def _constants(tree: ast.Module) -> dict[str, str]:
    """NAME -> text, for `NAME = "text"` at the top of a module."""
    found = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                found[name] = text
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(text))):
                found[name] = text
    return found


def _called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _text(node: ast.expr, texts: dict[str, str]) -> str | None:
    """The text of an argument that is written out, here or as a constant of the module."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return texts.get(name)
    return None


def _written(value: object) -> Iterator[str]:
    """A tree as text; different trees give different texts."""
    if isinstance(value, ast.AST):
        yield f"({type(value).__name__}"
        for name, each in ast.iter_fields(value):
            if name not in _BESIDE_THE_POINT and each is not None and each != []:
                yield f" {name}="
                yield from _written(each)
        yield ")"
    elif isinstance(value, list):
        yield "["
        for each in value:
            yield from _written(each)
            yield ","
        yield "]"
    else:
        yield f"{type(value).__name__}:{value!a}"
