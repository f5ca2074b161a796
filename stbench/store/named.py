"""Stores by the name and parameters of their dataset."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stbench import paths, registry
from stbench.arguments import local_path
from stbench.errors import StbenchError, nearest
from stbench.store.build import resolve
from stbench.store.reader import Store, open_store
from stbench.store.words import generate_command

if TYPE_CHECKING:
    import xarray as xr


def locate(dataset: str, parameters: Mapping[str, Any] = {}, source: str = "auto") -> Path:
    """Where the store of a dataset with these parameters lies, built or not; `StbenchError` for unknown names."""
    return paths.data_dir() / resolve(dataset, parameters, source).store_name


def open_named(name_or_path: str | os.PathLike[str], parameters: Mapping[str, Any] = {}, source: str = "auto") -> Store:
    """Open the store of a dataset by name and parameters, or any store by path; `StbenchError` as `path_of`."""
    path = path_of(name_or_path, parameters, source)
    store = open_store(path)
    if source not in ("auto", store.source):
        raise StbenchError(
            f"{path} is a path, and what lies there is of the source '{store.source}', not '{source}': leave it out"
        )
    return store


def path_of(name_or_path: str | os.PathLike[str], parameters: Mapping[str, Any] = {}, source: str = "auto") -> Path:
    """Where the store lies that a name and parameters or a path mean; it is not opened.

    `StbenchError`, with the command that makes it, where a named dataset has not been generated yet.
    """
    name = str(local_path(name_or_path))
    if name in registry.names("datasets"):
        path = locate(name, parameters, source)
        if os.path.lexists(path):
            return path
        state = "is half-written" if path.with_name(path.name + ".part").exists() else "has not been generated yet"
        raise StbenchError(f"the dataset '{name}' {state} ({path}): run `{generate_command(name, parameters, source)}`")
    if not os.path.lexists(name) and os.sep not in name and not name.endswith(".zarr"):
        raise StbenchError(
            f"there is no dataset '{name}', and no store of that path: {nearest(name, registry.names('datasets'))}"
        )
    if parameters:
        raise StbenchError(
            f"{name} is a path, and parameters ({', '.join(parameters)}) go with a dataset's name: leave them out"
        )
    return Path(name)


def open_dataset(
    name_or_path: str | os.PathLike[str], parameters: Mapping[str, Any], source: str = "auto"
) -> xr.Dataset:
    """`open_named(...)` as a lazy `xarray.Dataset`."""
    return open_named(name_or_path, parameters, source).to_xarray()
