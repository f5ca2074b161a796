"""From a dataset's name to its store: find the generator, choose a source, resolve, generate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stbench import paths, registry
from stbench.contract.datasets import SOURCES, Blueprint, parse_parameters
from stbench.errors import StbenchError, nearest
from stbench.raw.fetch import HasRawFiles
from stbench.store.cards import card_as_made

if TYPE_CHECKING:
    from stbench.store.reader import Store


def resolve(dataset: str, settings: Mapping[str, Any], source: str = "auto", raw: Path | None = None) -> Blueprint:
    """The blueprint of a dataset with these settings; no frame is computed. Its card names what is not as by default.

    `source` is one of `SOURCES`, or "auto" for the best one available; `raw` is the folder of raw files, by default
    `STBENCH_RAW`. Where `raw` is given, "auto" means the official files in it. `StbenchError`
    for an unknown dataset, parameter or source and for a source that is not available.
    """
    generator = registry.dataset(dataset)
    given, raw = raw is not None, raw or paths.raw_dir()
    available = generator.sources(raw)
    if source == "auto":
        if not available:
            raise StbenchError(
                f"no source of the dataset '{dataset}' is available: set STBENCH_RAW to the folder of its raw files"
            )
        # Who names a folder wants what is in it, and is told where that is nothing.
        source = "official" if given and isinstance(generator, HasRawFiles) else available[0]
    known = isinstance(generator, HasRawFiles) and source == "official"
    if source not in available and not known:
        if source not in SOURCES:
            raise StbenchError(f"there is no source '{source}': {nearest(source, ('auto', *SOURCES))}")
        where = f"in {raw}" if raw else "and STBENCH_RAW is not set"
        raise StbenchError(
            f"the source '{source}' of the dataset '{dataset}' is not available {where}: "
            f"choose one of {', '.join(available) or '(none)'} or give the folder of its raw files with --raw"
        )
    parameters = parse_parameters(generator.parameters, settings)
    blueprint = generator.blueprint(parameters, source, raw)
    return replace(blueprint, card=card_as_made(blueprint.card, parameters, source))


def build(
    blueprint: Blueprint,
    out: Path | None = None,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    on_note: Callable[[str], None] | None = None,
    waiting: Callable[[str], None] | None = None,
) -> Store:
    """Generate the store of a blueprint at `out`, by default under `STBENCH_DATA`, or open it if it is there already.

    Raises what `stbench.store.writer.generate` raises; an `out` that holds anything else is refused and left as it is.
    """
    from stbench.store.writer import generate

    path = out if out is not None else paths.data_dir() / blueprint.store_name
    return generate(
        blueprint,
        path,
        workers=workers,
        scheduler=scheduler,
        on_progress=on_progress,
        on_note=on_note,
        waiting=waiting,
    )
