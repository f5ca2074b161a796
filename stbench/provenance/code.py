"""Which source files a plug-in consists of: its module and what that imports from its own package."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path


def own_modules(module: str) -> list[str]:
    """Dotted names, sorted: `module` and the modules of its package that it imports, directly or through one another.

    Read from the import statements, nothing is imported but the parent packages. A module outside any package is alone.
    """
    package = module.rpartition(".")[0]
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        source = _source(name)
        if name in found or source is None:
            continue
        found.add(name)
        if package:
            inside = name if source.name == "__init__.py" else name.rpartition(".")[0]
            waiting += [each for each in _imports(source, inside) if each.startswith(package + ".")]
    return sorted(found)


def _source(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)


def _imports(source: Path, package: str) -> list[str]:
    """Every dotted name an import statement could mean; names that are no modules are sorted out by the caller."""
    names: list[str] = []
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = (
                importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                if node.level
                else node.module or ""
            )
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return names
