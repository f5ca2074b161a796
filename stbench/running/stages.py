"""The code and data a run's two stages depend on, as two digests.

    training   the model's module, the training loop, splits and reader of the store
    scoring    the protocol of the track, its metrics, intervals, the reader, the model again (its forecast is code,
               whatever its weights), the judge of a judged track, the dataset where its plug-in decides what is right

and all that these import, less `LEFT_OUT`. To both belongs the split; to scoring the track as it is declared. A preset
is in neither: resolved, it is the configuration, which the identity of a run holds and names its folder by.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from stbench import registry
from stbench.metrics.rendered import wants_renderings
from stbench.protocols.known import protocol_of
from stbench.provenance.code import Finder, code_digest, installed

if TYPE_CHECKING:
    from stbench.contract.datasets import Split, Track
    from stbench.contract.models import ModelPlugin
    from stbench.running.plan import Plan

TRAINING = ("stbench.running.fit",)
SCORING = ("stbench.results.aggregate", "stbench.results.clusters", "stbench.store.reader")

LEFT_OUT = {
    "stbench": "shortcuts for users into the rooms",
    "stbench.arguments": "refuses what cannot be used",
    "stbench.boards": "shows results",
    "stbench.cli": "reads commands and prints",
    "stbench.conformance": "tests models",
    "stbench.errors": "words",
    "stbench.contract.presets": "resolves the configuration, which the identity of a run holds",
    "stbench.paths": "where files lie",
    "stbench.pictures": "shows results",
    "stbench.progress": "words",
    "stbench.protocols.known": "finds the protocol, which is followed itself",
    "stbench.provenance": "describes a run",
    "stbench.registry": "finds plug-ins, which are followed themselves",
    "stbench.results.migration": "reads records of before",
    "stbench.results.record": "describes a run",
    "stbench.store.apart": "tells data apart, in the identity of a run and the fingerprint of a judge",
    "stbench.store.words": "words",
    "stbench.running": "hands the outcome of one stage to the next; `fit`, which seeds and builds, is a root",
    "stbench.training.cost": "counts operations and bytes",
    "stbench.training.interruption": "stops between two steps, which continues bit for bit",
    "stbench.training.log": "writes down losses and times",
    "stbench.training.memory": "keeps freed memory",
    "stbench.training.operations": "counts operations",
}
"""What cannot change a number -> why; it is not entered."""
ASKS = {
    "stbench.contract.modules": "names what a torch model can be asked",
    "stbench.training.adapter": "asks a trained model",
}
"""What training hands to scoring."""


def code_of(todo: Plan, find: Finder = installed) -> dict[str, str]:
    """{"training": SHA-256, "scoring": SHA-256} of what a run depends on beside its identity."""
    split, model = todo.store.split, model_modules(todo.plugin)
    return {
        "training": code_digest(
            [*TRAINING, *model], without={*LEFT_OUT, *ASKS}, data={"split": split.digest}, find=find
        ),
        "scoring": scoring_code(todo.track, split, [*scoring_modules(todo.track), *ASKS, *model], find),
    }


def code_of_predictions(track: Track, split: Split, find: Finder = installed) -> dict[str, str]:
    """{"scoring": SHA-256} of what the scores of predictions made elsewhere depend on."""
    module = {"draws": "drawn_predictions", "forecast": "predictions"}.get(track.protocol, "given_predictions")
    return {"scoring": scoring_code(track, split, [*scoring_modules(track), f"stbench.protocols.{module}"], find)}


def scoring_code(track: Track, split: Split, roots: Iterable[str], find: Finder) -> str:
    return code_digest(roots, without=LEFT_OUT, data={"split": split.digest, "track": asdict(track)}, find=find)


def model_modules(plugin: ModelPlugin) -> list[str]:
    """Where a model is: the module its entry point names, and the one that builds it."""
    found = {registry.module("models", plugin.name)} if plugin.name in registry.names("models") else set()
    builder = getattr(plugin.build, "__module__", "")
    return sorted(found | ({builder} if installed(builder) else set()))


def scoring_modules(track: Track) -> list[str]:
    """The roots of a track's scores, the model apart."""
    protocol = protocol_of(track)
    found = {*SCORING, protocol.module, *(registry.module("metrics", name) for name in track.scored)}
    if protocol.asks_dataset:
        found.add(registry.module("datasets", track.dataset))
    if protocol.judged:
        found.add("stbench.judges.judge")
    if wants_renderings(track.scored):
        found.add("stbench.judges.renderer")
    if "fvd" in track.scored:
        found.add("stbench.judges.i3d")
    return sorted(found)
