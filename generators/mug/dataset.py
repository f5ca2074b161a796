"""`mug`: faces that make one of six expressions, 64 x 64, in colour; sequences of different length.

Official: the photographs of the MUG facial expression database (Aifanti, Papachristou and Delopoulos 2010), every
second one, cut to the face. Simulated: drawn faces of the same 52 subjects. 26 subjects train (three of them val), 26
test; or takes of all subjects in all parts (`split=clip`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stbench.contract.datasets import Blueprint, Card, Coordinate, Split, Track, Variable, fingerprint
from stbench.errors import StbenchError
from stbench.paths import data_dir
from stbench.raw.files import RawFile, folders, what_lies
from stbench.raw.sources import of_source, sources_at_hand

from .cards import INSTRUCTIONS, MUG, SIMULATED
from .clips import Recorded, evaluation_clips, length, ordered, split_by_clip, split_by_subject
from .files import ALIASES, ROOTS, check_photographs, find_root, root_in, survey, used, used_in
from .index import EXPRESSIONS, FPS, SIDE
from .parameters import MugParameters
from .produce import Drawn, Files, Producer, Studio

if TYPE_CHECKING:
    from stbench.store.reader import Store

__all__ = ["MugParameters", "evaluation_clips", "mug"]

GENERATION = ("mse", "psnr", "ssim_gauss11", "mae", "fvd")
IDENTITY = "judge_identity_accuracy"
"""Where the judge knows the subjects of the test part: `split=clip`."""
OPINIONS = ("judge_intra_entropy", "judge_inter_entropy", "judge_inception_score")
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
JUDGED = {
    "sample": ("judge_action_accuracy", IDENTITY, *OPINIONS, "frechet_judge"),
    "resample": ("judge_action_accuracy", *OPINIONS, "frechet_judge"),
    "exchange": ("judge_action_accuracy", IDENTITY, *OPINIONS, "judge_intervention", "judge_intervention_chance"),
    "probe": PROBES,
}
LENGTHS = (8, 15)
"""Frames of the clips that are judged and probed: those of Khan and Storkey 2021, and those of the field since."""
CLUSTER = "subject"
"""Clips of one are no independent samples."""
METRICS = ("mse", "rmse", "mae", "psnr", "ssim_gauss11")
SHARD_BYTES = 48_000_000
"""Most bytes of a shard, padding included; 48 sequences of the canonical dataset."""
CHUNK_FRAMES = 32


@dataclass(frozen=True)
class Mug:
    """The dataset; fulfils `stbench.contract.datasets.Generator` and `stbench.raw.fetch.HasRawFiles`."""

    name: str
    version: str
    card: Card
    parameters: type[MugParameters]
    tracks: tuple[Track, ...]
    presets: Mapping[str, Mapping[str, Any]]
    judged_factors: Mapping[str, tuple[str, ...]]
    """Question to a judge -> the factors whose product is the class."""
    raw_files: tuple[RawFile, ...] = ()
    raw_aliases: tuple[str, ...] = ALIASES
    instructions: str = INSTRUCTIONS

    def sources(self, raw: Path | None) -> tuple[str, ...]:
        return sources_at_hand(find_root(raw))

    def clips(self, store: Store, frames: int, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Sequences and first frames of the clips that generation is evaluated on: `evaluation_clips`, drawn."""
        assert store.row_size is not None
        return evaluation_clips(store.row_size, store.split, frames, part=part)[1:]

    def blueprint(self, parameters: MugParameters, source: str, raw: Path | None = None) -> Blueprint:
        """Resolve takes and split; lists official folders and reads one header a take. Raises `StbenchError`."""
        official, simulated = partial(self._official, parameters, raw), partial(self._simulated, parameters)
        return of_source(self.name, source, official, simulated)

    def _official(self, p: MugParameters, raw: Path | None) -> Blueprint:
        root = find_root(raw)
        if root is None:
            searched = folders(self.name, raw, ALIASES)
            raise StbenchError(
                "the official files of 'mug' were not found: no folder like subjects3/001/anger is in "
                f"{', '.join(map(str, searched))}; {what_lies(searched, ROOTS)}; `stbench fetch mug` says who has "
                "them, `--raw DIR` or STBENCH_RAW says where they lie, `--source simulated` does without"
            )
        tree = survey(root, p.subjects, p.expressions, p.shortest, p.side)
        takes = ordered(_first(tree.takes, p.takes))
        check, listed = partial(check_photographs, root, takes, p.every, p.side), partial(used, root, takes, p.every)
        studio = Files(root, p.side, p.crop)
        return self._assemble(p, "official", takes, studio, {"bytes": tree.bytes}, check, listed)

    def _simulated(self, p: MugParameters) -> Blueprint:
        from .stand_in.faces import Performance, takes_of

        if p.side != SIDE:
            raise StbenchError(f"the simulated photographs have {SIDE} x {SIDE} pixels: leave the parameter 'side' out")
        performances = [Performance(p.seed, take) for take in takes_of(p.seed, p.subjects, p.expressions, p.takes)]
        recorded = [Recorded(each.take, each.n_frames, 0) for each in performances]
        kept = [each for each in recorded if each.photographs >= p.shortest]
        if not kept:
            raise StbenchError(f"no simulated take has {p.shortest} pictures: lower the parameter 'shortest'")
        studio: Studio = Drawn(p.seed, p.side, p.crop)
        prepare = None
        listed: Callable[[], Sequence[Path]] | None = None
        takes = ordered(kept)
        if p.write_raw:
            key = fingerprint([self.version, p.seed, *(each.take.folder for each in performances)])[:8]
            folder = data_dir() / "raw" / f"{self.name}-simulated-{key}"
            studio = Files(folder, p.side, p.crop)
            prepare = partial(_write_and_check, performances, takes, p.every, folder)
            listed = partial(used_in, folder, takes, p.every)
        described = {"seed": p.seed, "write_raw": p.write_raw}
        return self._assemble(p, "simulated", takes, studio, described, prepare, listed)

    def _assemble(
        self,
        p: MugParameters,
        source: str,
        takes: tuple[Recorded, ...],
        studio: Studio,
        described: Mapping[str, Any],
        prepare: Callable[[], None] | None,
        raw_files: Callable[[], Sequence[Path]] | None,
    ) -> Blueprint:
        asked = {name: value for name, value in asdict(p).items() if name not in ("seed", "write_raw")}
        rows = [[each.take.folder, each.photographs, each.first_frame] for each in takes]
        longest = length(max(each.photographs for each in takes), p.every)
        return Blueprint(
            dataset=self.name,
            version=self.version,
            source=source,
            seed=p.seed if source == "simulated" else 0,
            parameters={**asked, **described, "recordings": fingerprint(rows)},
            card=SIMULATED if source == "simulated" else self.card,
            split=_split(p, takes, source),
            n_sequences=len(takes),
            sequences_per_shard=max(1, SHARD_BYTES // (longest * 3 * p.size**2)),
            variables=_variables(len(takes), longest, p.size),
            coordinates=_coordinates(p, [length(each.photographs, p.every) for each in takes]),
            produce=Producer(studio, takes, p.every, p.size),
            normaliser={"kind": "fixed", "mean": 0.0, "std": 255.0},
            prepare=prepare,
            raw_files=raw_files,
        )


def _split(p: MugParameters, takes: Sequence[Recorded], source: str) -> Split:
    from stbench.splits.files import load_split

    if p.split == "clip":
        return split_by_clip(takes)
    usual = MugParameters()
    split = split_by_subject(takes, canonical=(p.expressions, p.takes) == (usual.expressions, usual.takes))
    published = load_split(__package__, "mug-1.json")
    return published if (split.n_sequences, split.ranges) == (published.n_sequences, published.ranges) else split


def _first(takes: Sequence[Recorded], most: int) -> list[Recorded]:
    """At most so many takes of each subject and expression."""
    count: dict[tuple[str, str], int] = {}
    kept = []
    for each in takes:
        key = (each.take.subject, each.take.expression)
        count[key] = count.get(key, 0) + 1
        if count[key] <= most:
            kept.append(each)
    return kept


def _write_and_check(performances: Sequence[Any], takes: Sequence[Recorded], every: int, folder: Path) -> None:
    from .stand_in.files import write_faces

    write_faces(performances, folder)
    root = root_in(folder)
    if root is None:
        raise StbenchError(f"{folder} holds no photographs: delete that folder and run the same command again")
    subjects, expressions = ({each.take[k] for each in performances} for k in (0, 2))
    survey(root, sorted(subjects), sorted(expressions), 1, SIDE)
    check_photographs(root, takes, every, SIDE)


def _variables(n: int, longest: int, size: int) -> dict[str, Variable]:
    def factor(dtype: str, name: str, **more: Any) -> Variable:
        return Variable(("sequence",), (n,), dtype, (1,), {"long_name": name, "units": "1", **more})

    meanings = {"flag_values": list(range(len(EXPRESSIONS))), "flag_meanings": " ".join(EXPRESSIONS)}
    return {
        "frames": Variable(
            ("sequence", "time", "channel", "y", "x"),
            (n, longest, 3, size, size),
            "uint8",
            (1, min(CHUNK_FRAMES, longest), 3, size, size),
            {"long_name": "colour (red, green, blue)", "units": "1"},
        ),
        "expression": factor("uint8", "expression", **meanings),
        "subject": factor("uint8", "number of the subject, 1 to 86"),
        "session": factor("uint8", "session of the subject: 0, or 1 for some takes of subjects 2 and 49"),
        "take": factor("uint16", "number of the take among those of its subject, session and expression, from 0"),
        "first_frame": factor("int32", "number in the name of the first photograph"),
    }


def _coordinates(p: MugParameters, lengths: Sequence[int]) -> dict[str, Coordinate]:
    rows = np.array(lengths, np.int64)
    coordinates = {
        "row_size": Coordinate(("sequence",), rows, {"long_name": "number of frames", "units": "1"}),
        "time": Coordinate(
            ("time",),
            np.arange(rows.max()) * (p.every / FPS),
            {
                "standard_name": "time",
                "long_name": "time since the first frame of the sequence",
                "units": "s",
                "axis": "T",
            },
        ),
    }
    for name, axis in (("y", "Y"), ("x", "X")):
        attributes = {"long_name": f"{name}, from the upper left corner", "units": "pixel", "axis": axis}
        coordinates[name] = Coordinate((name,), np.arange(p.size, dtype=np.int64), attributes)
    return coordinates


mug = Mug(
    name="mug",
    version="1",
    card=MUG,
    parameters=MugParameters,
    # Windows side by side over each take, so that rest, onset, apex and offset are all forecast. The takes of a subject
    # are one sample.
    tracks=(
        Track("mug", "forecast", 5, 10, train_horizon=10, metrics=METRICS, stride=15, cluster=CLUSTER),
        Track("mug", "generation", 5, 16, train_horizon=10, metrics=GENERATION, cluster=CLUSTER),
        *(
            Track("mug", name, 5, length, 10, asked, cluster=CLUSTER)
            for length in LENGTHS
            for name, asked in JUDGED.items()
        ),
    ),
    presets={"quick": {"subjects": ("008", "017", "021", "077", "001", "002"), "takes": 2}},
    judged_factors={"action": ("expression",), "identity": ("subject",)},
)
