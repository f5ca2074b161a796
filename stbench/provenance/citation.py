"""BibTeX of what was used: the paper of a dataset or model, and this package with the exact data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stbench import __version__, registry
from stbench.errors import StbenchError, nearest
from stbench.paths import data_dir

if TYPE_CHECKING:
    from stbench.contract.datasets import Split

YEAR = "2026"
_ESCAPES = {character: f"\\{character}" for character in "_%&#$"}


@dataclass(frozen=True)
class Citation:
    bibtex: str
    remarks: tuple[str, ...] = ()
    """What the BibTeX could not say, one sentence each."""


def citation(name: str, settings: Mapping[str, Any] | None = None, source: str = "auto") -> Citation:
    """Cite a dataset (with these parameters and source), the store at a path, or a model or a variant of one.

    The entry of stbench names dataset version, source, split id with its SHA-256, and the digest of the decoded values
    when the store exists. Raises `StbenchError` for a name that is neither.
    """
    if name in registry.names("datasets"):
        return _cite_dataset(name, settings or {}, source)
    model, colon, variant = name.partition(":")
    if model in registry.names("models"):
        plugin = registry.model(model)
        known = {each for dataset in registry.names("datasets") for each in plugin.presets(dataset).get("variants", {})}
        if colon and variant not in known:
            raise StbenchError(f"{model} has no variant '{variant}' to cite: {nearest(variant, sorted(known))}")
        return Citation(_join(plugin.bibtex, stbench_bibtex(f"model {name}, version {plugin.version}")))
    if Path(name).exists():
        from stbench.store.reader import open_store

        store = open_store(name)
        used = data_note(store.dataset, store.version, store.source, store.split, store.digest)
        return Citation(_join(store.card.bibtex, stbench_bibtex(used)))
    names = registry.names("datasets") + registry.names("models")
    raise StbenchError(f"there is no dataset, model or store '{name}' to cite: {nearest(name, names)}")


def stbench_bibtex(used: str = "") -> str:
    """The entry of this package; `used` says what of it."""
    lines = [
        "@software{stbench,",
        "  title   = {stbench: datasets, protocols and leaderboards for spatiotemporal prediction},",
        "  author  = {{The stbench authors}},",
        f"  year    = {{{YEAR}}},",
        f"  version = {{{__version__}}},",
    ]
    if used:
        lines.append(f"  note    = {{{_escape(used)}}},")
    return "\n".join([*lines, "}"])


def data_note(dataset: str, version: str, source: str, split: Split, digest: str | None) -> str:
    """One phrase that identifies the data: equal phrases with a digest mean equal values and equal splits."""
    values = f"store digest sha256:{digest}" if digest else "store not generated yet"
    return f"dataset {dataset}, version {version} ({source}), split {split.id} (sha256:{split.digest}), {values}"


def _cite_dataset(name: str, settings: Mapping[str, Any], source: str) -> Citation:
    from stbench.store.build import resolve
    from stbench.store.reader import open_store
    from stbench.store.words import generate_command

    blueprint = resolve(name, settings, source)
    path = data_dir() / blueprint.store_name
    digest = open_store(path).digest if path.exists() else None
    missing = (
        f"{name} is not generated yet, so its digest is missing: {generate_command(name, settings, source)} makes it"
    )
    used = data_note(name, blueprint.version, blueprint.source, blueprint.split, digest)
    return Citation(_join(blueprint.card.bibtex, stbench_bibtex(used)), () if digest else (missing,))


def _join(*entries: str) -> str:
    return "\n\n".join(entry.strip() for entry in entries if entry.strip())


def _escape(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)
