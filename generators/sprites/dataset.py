"""`sprites`: pixel-art characters that walk, cast spells and slash.

    frame = boots over hair over topwear over bottomwear over body over black

6 bodies x 6 bottomwears x 6 topwears x 6 hairs = 1,296 characters, each in 3 actions x 3 views of 8 frames. Sequences
are ordered character by character, in the published permutation, so that train comes first; within a character
3·action + view. Source: Y. Li and S. Mandt, "Disentangled Sequential Autoencoder", ICML 2018.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stbench.contract.datasets import Blueprint, Card, Coordinate, Renderings, Split, Track, Variable
from stbench.errors import StbenchError
from stbench.raw.files import RawFile, locate
from stbench.raw.sources import of_source, sources_at_hand

from .cards import SIMULATED, SPRITES
from .sheets import (
    ACTIONS,
    ALIASES,
    CHARACTERS,
    FRAMES,
    LAYERS,
    OFFICIAL,
    TILE,
    VALUES,
    VIEWS,
    Sheets,
    attributes,
    official_sheets,
)
from .stand_in import sheets as stand_in

if TYPE_CHECKING:
    from stbench.store.reader import Store

__all__ = ["published_order", "sprites"]

GENERATION = ("mse", "psnr", "ssim_gauss11", "mae", "fvd")
ATTRIBUTES = tuple(f"judge_{layer}_accuracy" for layer in LAYERS)
PROBES = (
    *("probe_mlp_action_from_content", "probe_linear_action_from_content", "probe_chance_action"),
    *("probe_linear_action_from_motion", "probe_mlp_action_from_motion"),
    *("probe_linear_attributes_from_motion", "probe_mlp_attributes_from_motion", "probe_chance_attributes"),
    *("probe_linear_attributes_from_content", "probe_mlp_attributes_from_content"),
    *("content_temporal_variance", "energy_drift", "reversibility_error"),
    *("dci_disentanglement", "dci_disentanglement_chance", "dci_completeness", "dci_completeness_chance"),
    *("dci_explicitness", "dci_explicitness_chance", "block_modularity", "block_modularity_chance"),
    *("block_compactness", "block_compactness_chance"),
)
RENDERED = ("renderer_action_accuracy", "renderer_attributes_accuracy", "renderer_margin", "judge_agreement")
INTERVENTIONS = (
    *("judge_intervention", "judge_intervention_chance", "renderer_intervention", "renderer_intervention_chance"),
    *("renderer_swap_consistency", "renderer_swap_consistency_chance"),
    *("renderer_global_consistency", "renderer_global_consistency_chance"),
    *("renderer_local_consistency", "renderer_local_consistency_chance"),
)
OPINIONS = ("judge_intra_entropy", "judge_inter_entropy", "judge_inception_score")
CLUSTER = "character"
"""Clips of one are no independent samples."""
METRICS = ("mse", "rmse", "mae", "psnr", "ssim_gauss11")
PUBLISHED_TRAIN = 1_000
PER_CHARACTER = len(ACTIONS) * len(VIEWS)
CHARACTERS_PER_SHARD = 28
"""About 25 MB."""


@dataclass(frozen=True)
class SpritesParameters:
    """Parameters of `sprites`; the defaults are the canonical dataset."""

    characters: int = field(
        default=CHARACTERS, metadata={"help": "so many of the 1,296, train and test in the published proportion"}
    )
    divisor: int = field(default=255, metadata={"help": "bytes are divided by this: 255, or 256 as published"})

    def __post_init__(self) -> None:
        if not 10 <= self.characters <= CHARACTERS:
            raise StbenchError(
                f"the parameter 'characters' must lie between 10 and {CHARACTERS:,}, not {self.characters}"
            )
        if self.divisor not in (255, 256):
            raise StbenchError(f"the parameter 'divisor' is 255 or, as published, 256, not {self.divisor}")

    @property
    def test_characters(self) -> int:
        test: int = round(self.characters * (CHARACTERS - PUBLISHED_TRAIN) / CHARACTERS)
        return test

    @property
    def train_characters(self) -> int:
        """Validation included."""
        return self.characters - self.test_characters

    def order(self) -> np.ndarray:
        """Character of each place of the store, (characters,): the published train part first, then test."""
        order = published_order()
        return np.concatenate(
            [order[: self.train_characters], order[PUBLISHED_TRAIN : PUBLISHED_TRAIN + self.test_characters]]
        )


def published_order() -> np.ndarray:
    """The permutation of the 1,296 characters, NumPy legacy seed 423: the first 1,000 train, the others test."""
    return np.random.RandomState(423).permutation(CHARACTERS)


@dataclass(frozen=True)
class Sprites:
    """The Sprites dataset; fulfils `stbench.contract.datasets.Generator` and `stbench.raw.fetch.HasRawFiles`."""

    name: str
    version: str
    card: Card
    parameters: type[SpritesParameters]
    tracks: tuple[Track, ...]
    presets: Mapping[str, Mapping[str, Any]]
    judged_factors: Mapping[str, tuple[str, ...]]
    """Question to a judge -> the factors whose product is the class; the published judges ask for action and view
    together."""
    period: int = FRAMES
    """A clip is a cycle: frame t is frame t mod 8."""
    raw_files: tuple[RawFile, ...] = OFFICIAL
    raw_aliases: tuple[str, ...] = ALIASES
    instructions: str = ""

    def sources(self, raw: Path | None) -> tuple[str, ...]:
        return sources_at_hand(locate(OFFICIAL, self.name, raw, ALIASES))

    def exchanged(self, store: Store, content: np.ndarray, motion: np.ndarray) -> np.ndarray:
        """The sequences (n,) that show the characters of `content` in action and view of `motion`."""
        return np.asarray(content // PER_CHARACTER * PER_CHARACTER + motion % PER_CHARACTER)

    def renderings(self, store: Store, raw: Path | None = None) -> Renderings:
        """All characters in all poses, composited from the sheets that `store` was made of."""
        sheets = self._sheets(store.source, raw)
        if sheets.specs != OFFICIAL:
            stand_in.write_sheets()
        content = dict.fromkeys(LAYERS, VALUES)
        motion = {"action": len(ACTIONS), "view": len(VIEWS)}
        return Renderings(motion, content, lambda pose: sheets.pose(len(VIEWS) * pose[0] + pose[1]))

    def _sheets(self, source: str, raw: Path | None) -> Sheets:
        return of_source(self.name, source, partial(official_sheets, self.name, raw), stand_in.simulated_sheets)

    def blueprint(self, parameters: SpritesParameters, source: str, raw: Path | None = None) -> Blueprint:
        p = parameters
        sheets = self._sheets(source, raw)
        total = p.characters * PER_CHARACTER
        per_shard = CHARACTERS_PER_SHARD * PER_CHARACTER
        return Blueprint(
            dataset=self.name,
            version=self.version,
            source=source,
            seed=0,
            parameters=asdict(p) | {"sheets": sheets.origin},
            card=SIMULATED if source == "simulated" else self.card,
            split=self._split(p),
            n_sequences=total,
            sequences_per_shard=per_shard,
            variables=_variables(total, per_shard),
            coordinates=_coordinates(),
            produce=partial(_produce, sheets, p),
            normaliser={"kind": "fixed", "mean": 0.0, "std": float(p.divisor)},
            prepare=partial(_prepare, sheets),
            raw_files=partial(tuple, sheets.paths),
        )

    def _split(self, p: SpritesParameters) -> Split:
        from stbench.splits.files import load_split

        published = load_split(__package__, f"{self.name}-1.json")
        split = split_by_characters(published.id, p)
        return published if split.ranges == published.ranges else split_by_characters("sprites/by-character-1", p)


def split_by_characters(split_id: str, p: SpritesParameters) -> Split:
    """Whole characters: train, then validation (a tenth of the published train part), then test."""
    val = max(1, p.train_characters // 10)
    edges = PER_CHARACTER * np.cumsum((0, p.train_characters - val, val, p.test_characters))
    first, second, third, last = edges.tolist()
    return Split(split_id, last, {"train": ((first, second),), "val": ((second, third),), "test": ((third, last),)})


def _prepare(sheets: Sheets) -> None:
    """Before the first frame: write the stand-in's sheets where they are missing, read and check all."""
    if sheets.specs != OFFICIAL:
        stand_in.write_sheets()
    sheets.strips()


def _produce(sheets: Sheets, p: SpritesParameters, start: int, stop: int) -> dict[str, np.ndarray]:
    order, sequence = p.order(), np.arange(start, stop)
    place, within = np.divmod(sequence, PER_CHARACTER)
    characters = order[place]
    frames = np.empty((len(sequence), FRAMES, 3, TILE, TILE), np.uint8)
    for each in np.unique(characters):
        rows = characters == each
        frames[rows] = sheets.character(int(each))[within[rows]]
    values = np.array([attributes(int(each)) for each in characters], np.uint8).reshape(-1, len(LAYERS))
    action, view = np.divmod(within, len(VIEWS))
    return {
        "frames": frames,
        "character": characters.astype(np.int16),
        **{layer: values[:, k] for k, layer in enumerate(LAYERS)},
        "action": action.astype(np.uint8),
        "view": view.astype(np.uint8),
    }


def _variables(n: int, per_shard: int) -> dict[str, Variable]:
    def factor(dtype: str, name: str, **attributes: Any) -> Variable:
        return Variable(("sequence",), (n,), dtype, (per_shard,), {"long_name": name, "units": "1", **attributes})

    def classes(meanings: tuple[str, ...]) -> dict[str, Any]:
        return {"flag_values": list(range(len(meanings))), "flag_meanings": " ".join(meanings)}

    return {
        "frames": Variable(
            ("sequence", "time", "channel", "y", "x"),
            (n, FRAMES, 3, TILE, TILE),
            "uint8",
            (1, FRAMES, 3, TILE, TILE),
            {"long_name": "red, green and blue", "units": "1"},
        ),
        "character": factor("int16", "character"),
        **{layer: factor("uint8", f"{layer} of the character, one of {VALUES}") for layer in LAYERS},
        "action": factor("uint8", "action", **classes(ACTIONS)),
        "view": factor("uint8", "view", **classes(VIEWS)),
    }


def _coordinates() -> dict[str, Coordinate]:
    time = {"long_name": "frame number", "units": "1", "axis": "T"}
    coordinates = {"time": Coordinate(("time",), np.arange(FRAMES, dtype=np.int64), time)}
    for name, axis in (("y", "Y"), ("x", "X")):
        attributes_ = {"long_name": f"{name}, from the upper left corner", "units": "pixel", "axis": axis}
        coordinates[name] = Coordinate((name,), np.arange(TILE, dtype=np.int64), attributes_)
    return coordinates


sprites = Sprites(
    name="sprites",
    version="1",
    card=SPRITES,
    parameters=SpritesParameters,
    # One training for all of them: a model sees the whole clip. The nine clips of a character are one sample.
    tracks=(
        Track("sprites", "forecast", 4, 4, train_horizon=4, metrics=METRICS, stride=FRAMES, cluster=CLUSTER),
        Track("sprites", "generation", 4, 2 * FRAMES, train_horizon=4, metrics=GENERATION, cluster=CLUSTER),
        Track(
            *("sprites", "sample", 4, FRAMES, 4),
            metrics=("judge_action_accuracy", *ATTRIBUTES, *OPINIONS, "frechet_judge", *RENDERED),
            further=("renderer_distance",),
            cluster=CLUSTER,
        ),
        Track(
            *("sprites", "resample", 4, FRAMES, 4),
            metrics=(
                *("judge_motion_accuracy", "judge_action_accuracy", *OPINIONS, "frechet_judge"),
                *("renderer_motion_accuracy", "renderer_action_accuracy", "renderer_margin", "judge_agreement"),
            ),
            further=("renderer_distance",),
            cluster=CLUSTER,
        ),
        Track(
            *("sprites", "exchange", 4, FRAMES, 4),
            metrics=(
                *("mse", "psnr", "ssim_gauss11", "judge_motion_accuracy", "judge_action_accuracy", *ATTRIBUTES),
                *("renderer_motion_accuracy", *RENDERED, *INTERVENTIONS),
            ),
            further=("renderer_distance",),
            cluster=CLUSTER,
        ),
        Track("sprites", "probe", 4, FRAMES, 4, metrics=PROBES, cluster=CLUSTER),
    ),
    presets={"quick": {"characters": 120}},
    judged_factors={"action": ("action", "view"), **{layer: (layer,) for layer in LAYERS}},
)
