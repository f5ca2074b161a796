"""The digest of the code a number depends on: the closure of imports of some modules, and the data beside them.

Followed are import statements anywhere in a file, `importlib.import_module("literal")` and the plug-ins asked of the
registry by name, through the core and the packages of all plug-ins; of other libraries a record names the versions. A
module brings the packages it lies in, since Python runs them first. Where the name of an import is known at run time
only, all modules of the package around it are taken.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stbench import registry
from stbench.contract.datasets import canonical_json
from stbench.errors import StbenchError
from stbench.provenance.syntax import Import, Syntax, read

Finder = Callable[[str], Path | None]
"""Dotted name of a module -> its file, of a package its `__init__.py`; None where there is none."""


def installed(module: str) -> Path | None:
    """Where this Python would import a module from; nothing is imported but the packages it lies in."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return None if spec is None or not spec.has_location or spec.origin is None else Path(spec.origin)


def code_digest(
    roots: Iterable[str],
    *,
    without: Collection[str] = (),
    data: Mapping[str, Any] | None = None,
    find: Finder = installed,
) -> str:
    """SHA-256 over a closure: syntax trees of its modules, values of its data files, and `data`, JSON-able facts.

    It changes with every constant, name and statement, and not with docstrings, comments, layout or the place of the
    installation. Raises what `closure` raises.
    """
    modules = closure(roots, without=without, find=find)
    digest = hashlib.sha256()
    for name, path in sorted(modules.items()):
        digest.update(f"{name}\0{_content(name, path)}\0".encode())
    for name, path in sorted(data_files(modules, find=find).items()):
        digest.update(f"{name}\0{_values(path)}\0".encode())
    digest.update(canonical_json(data or {}).encode())
    return digest.hexdigest()


def closure(roots: Iterable[str], *, without: Collection[str] = (), find: Finder = installed) -> dict[str, Path]:
    """Module -> file: the roots and all they reach.

    `without` names modules and packages, with all that is in them, that are not entered; a name without a dot stands
    for its `__init__` alone. A root is always in. `StbenchError` for a root that is not there and a source that is no
    Python.
    """
    asked = set(roots)
    packages = registry.packages() | {_top(name) for name in asked}
    found: dict[str, Path] = {}
    waiting = sorted(asked)
    while waiting:
        name = waiting.pop()
        if name in found or (name not in asked and (_top(name) not in packages or _is_in(name, without))):
            continue
        path = find(name)
        if path is None:
            if name in asked:
                raise StbenchError(f"the source of the module '{name}' is not there: install its package again")
            continue
        found[name] = path
        waiting += [*_parents(name), *_reached(name, path, find)]
    return found


def data_files(modules: Mapping[str, Path], *, find: Finder = installed) -> dict[str, Path]:
    """`package/name` -> file, for every file that a module names and that lies in one of the packages around it."""
    found = {}
    for name, path in modules.items():
        syntax = _syntax(name, path)
        for package in _packages_around(name, path) if syntax else ():
            init = find(package)
            for pattern in syntax.files if syntax and init else ():
                for file in init.parent.glob(pattern) if init else ():
                    if file.is_file() and not file.name.endswith((".py", ".pyc", ".pyi")):
                        found[f"{package}/{file.name}"] = file
    return found


def _reached(name: str, path: Path, find: Finder) -> Iterator[str]:
    """Names that could be modules; the caller sorts out those that are not."""
    syntax = _syntax(name, path)
    if syntax is None:
        return
    inside = name if _is_package(path) else name.rpartition(".")[0]
    for each in syntax.imports:
        base = _absolute(each, inside)
        if base is None:
            continue
        yield base
        file = find(base)
        # Asking for a part of what is no package would import it.
        if file is None or _is_package(file):
            yield from (f"{base}.{part}" for part in each.names)
    for kind, plugin in syntax.plugins:
        if plugin in registry.names(kind):
            yield registry.module(kind, plugin)
    if syntax.open_ended and inside:
        folder = path.parent
        for file in folder.rglob("*.py"):
            parts = file.relative_to(folder).with_suffix("").parts
            yield ".".join((inside, *(parts[:-1] if parts[-1] == "__init__" else parts)))


def _absolute(each: Import, package: str) -> str | None:
    if not each.level:
        return each.module
    try:
        return importlib.util.resolve_name("." * each.level + each.module, package)
    except ImportError:
        return None


def _syntax(name: str, path: Path) -> Syntax | None:
    """None for what was compiled beforehand."""
    if path.suffix != ".py":
        return None
    try:
        return read(path.read_bytes())
    except SyntaxError as error:
        raise StbenchError(f"{path}, the module '{name}', is no Python ({error.msg}, line {error.lineno})") from None


def _content(name: str, path: Path) -> str:
    syntax = _syntax(name, path)
    return hashlib.sha256(path.read_bytes()).hexdigest() if syntax is None else syntax.digest


def _values(path: Path) -> str:
    """Canonical JSON of TOML and JSON, so that comments and layout do not count; SHA-256 of other files."""
    try:
        if path.suffix == ".toml":
            return json.dumps(tomllib.loads(path.read_text("utf-8")), sort_keys=True, default=str)
        if path.suffix == ".json":
            return json.dumps(json.loads(path.read_text("utf-8")), sort_keys=True)
    except ValueError:
        pass  # Whoever reads it says what is wrong with it.
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _packages_around(name: str, path: Path) -> list[str]:
    return [*([name] if _is_package(path) else []), *_parents(name)]


def _is_package(path: Path) -> bool:
    return path.name == "__init__.py"


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:k]) for k in range(1, len(parts))]


def _top(name: str) -> str:
    return name.partition(".")[0]


def _is_in(name: str, rooms: Collection[str]) -> bool:
    return any(name == room or ("." in room and name.startswith(f"{room}.")) for room in rooms)
