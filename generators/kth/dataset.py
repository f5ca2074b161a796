"""`kth` and `kth-128`: people who walk, jog, run, box, wave and clap, grey; sequences of different length.

Official: the AVI files of Schuldt, Laptev and Caputo (2004), cut into the intervals of their list. Simulated: drawn
people in the same videos, persons, scenarios and intervals.

Two conventions of the field. `kth`, after SVG: 64 x 64, persons 1-18 train, 19-20 val, 21-25 test; tested are 10 + 30
frames in the middle of each test interval of at least 40. `kth-128`, after PredRNN: 128 x 128, persons 1-14 train,
15-16 val, 17-25 test; tested are 10 + 20 and 10 + 40 frames, one window after another in every test interval.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stbench.contract.datasets import Blueprint, Card, Coordinate, Split, Track, Variable, fingerprint
from stbench.errors import StbenchError, nearest
from stbench.paths import data_dir
from stbench.raw.files import RawFile, folders, what_lies
from stbench.raw.sources import of_source, sources_at_hand

from .cards import INSTRUCTIONS, KTH, KTH_128, SIMULATED, SIMULATED_128
from .clips import PREDRNN, SVG, Clip, Convention, interval_clips, split_clips, split_srvp, srvp_clips
from .files import ALIASES, check_videos, choose, choose_listed, find_tree, survey, tree_in, videos_in
from .index import ACTIONS, PERSONS, SCENARIOS, Interval, Video, shipped_intervals, video_of
from .produce import Files, Producer, Stage, Studio
from .video import FPS

PIXEL_METRICS = ("mse", "rmse", "mae", "psnr", "ssim_gauss11")
CLUSTER = "person"
"""Clips of one are no independent samples."""
METRICS = (*PIXEL_METRICS, "fvd")
FURTHER = ("mse_sum", "mae_sum", "ssim_uniform7", "ssim_uniform7_range2", "ssim_uniform7_uint8")
"""What the PredRNN line and its descendants print as MSE, MAE and SSIM."""
DRAWN = ("crps", "spread_skill", "mse_of_mean", "mse_best_member", "psnr_best_member", "ssim_gauss11_best_member")
DRAWN_FURTHER = (
    *("spread", "rmse_of_mean", "psnr_of_mean", "ssim_gauss11_of_mean"),
    "ssim_uniform7_range2_best_member",
)
"""The two parts of spread_skill, the mean as a picture, and the SSIM of SVG's own code."""
VARIANTS = ("intervals", "srvp")
SHARD_BYTES = 48_000_000
"""Most bytes of a shard, padding included; 32 sequences of the canonical dataset."""
CHUNK_FRAMES = 32


@dataclass(frozen=True)
class KthParameters:
    """What may be chosen; the defaults are the canonical dataset."""

    size: int = field(default=64, metadata={"help": "pixels on a side; the field uses 64, some 128"})
    variant: str = field(
        default="intervals",
        metadata={"help": "intervals: one sequence per interval; srvp: whole videos, and SRVP's 1,000 test clips"},
    )
    persons: tuple[int, ...] = field(default=PERSONS, metadata={"help": "use these persons, of 1 to 25"})
    actions: tuple[str, ...] = field(default=ACTIONS, metadata={"help": "use these actions"})
    scenarios: tuple[int, ...] = field(default=SCENARIOS, metadata={"help": "use these scenarios, of 1 to 4"})
    skip: tuple[str, ...] = field(
        default=(), metadata={"help": "leave these videos out, like person01_boxing_d4; empty: none"}
    )
    seed: int = field(default=0, metadata={"help": "simulated: seed of bodies, clothes, places and noise"})
    write_raw: bool = field(
        default=False,
        metadata={"help": "simulated: write the videos as AVI files first and import them; the frames are the same"},
    )

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise StbenchError(f"the parameter 'variant' cannot be '{self.variant}': {nearest(self.variant, VARIANTS)}")
        for name, low, high in (("size", 8, 240), ("seed", 0, 2**63 - 1)):
            if not low <= getattr(self, name) <= high:
                raise StbenchError(
                    f"the parameter '{name}' must lie between {low} and {high}, not {getattr(self, name)}"
                )
        known: tuple[tuple[str, tuple[Any, ...]], ...] = (
            ("persons", PERSONS),
            ("actions", ACTIONS),
            ("scenarios", SCENARIOS),
        )
        for name, values in known:
            chosen = getattr(self, name)
            if wrong := [each for each in chosen if each not in values]:
                raise StbenchError(f"the parameter '{name}' has '{wrong[0]}': choose of {', '.join(map(str, values))}")
            if not chosen:
                raise StbenchError(f"the parameter '{name}' is empty: choose of {', '.join(map(str, values))}")
            object.__setattr__(self, name, tuple(sorted(set(chosen))))
        object.__setattr__(self, "skip", tuple(sorted({video_of(each).name for each in self.skip if each})))


@dataclass(frozen=True)
class Kth128Parameters(KthParameters):
    """Parameters of `kth-128`: the same knobs, the other convention of the field as defaults."""

    size: int = field(default=128, metadata={"help": "pixels on a side"})
    variant: str = field(default="intervals", metadata={"help": "intervals: one sequence per interval"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.variant != "intervals":
            raise StbenchError(
                f"the parameter 'variant' of kth-128 cannot be '{self.variant}', whose clips are of persons that are "
                "trained on here: take kth with size=128"
            )


@dataclass(frozen=True)
class Kth:
    """A dataset of KTH; fulfils `stbench.contract.datasets.Generator` and `stbench.raw.fetch.HasRawFiles`."""

    name: str
    version: str
    card: Card
    simulated: Card
    convention: Convention
    parameters: type[KthParameters]
    tracks: tuple[Track, ...]
    presets: Mapping[str, Mapping[str, Any]]
    raw_files: tuple[RawFile, ...] = ()
    raw_aliases: tuple[str, ...] = ALIASES
    instructions: str = INSTRUCTIONS

    def sources(self, raw: Path | None) -> tuple[str, ...]:
        return sources_at_hand(find_tree(raw))

    def blueprint(self, parameters: KthParameters, source: str, raw: Path | None = None) -> Blueprint:
        """Resolve videos, intervals and split; reads the headers of official files. Raises `StbenchError`."""
        official, simulated = partial(self._official, parameters, raw), partial(self._simulated, parameters)
        return of_source(self.name, source, official, simulated)

    def _official(self, p: KthParameters, raw: Path | None) -> Blueprint:
        tree = find_tree(raw)
        if tree is None:
            searched = folders("kth", raw, ALIASES)
            raise StbenchError(
                f"the official files of '{self.name}' were not found: no video like "
                f"walking/person01_walking_d1_uncomp.avi is in {', '.join(map(str, searched))}; "
                f"{what_lies(searched, ACTIONS)}; `stbench fetch {self.name}` says who has them, `--raw DIR` or "
                "STBENCH_RAW says where they lie, `--source simulated` does without"
            )
        chosen = choose_listed(tree, p.persons, p.actions, p.scenarios, p.skip)
        found = survey(tree, chosen, whole=p.variant == "srvp")
        clips = _clips(p, found.intervals, found.frames)
        described = {
            "left_out": list(found.left_out),
            "bytes": sum(path.stat().st_size for path in found.paths.values()),
        }
        videos = tuple(found.paths.values())
        check, listed = partial(check_videos, found.paths, clips), partial(tuple, videos)
        return self._assemble(p, "official", clips, Files(tuple(found.paths.items())), described, check, listed)

    def _simulated(self, p: KthParameters) -> Blueprint:
        from .stand_in.people import Recording

        chosen = choose(shipped_intervals(), p.persons, p.actions, p.scenarios, p.skip)
        recordings = [Recording(p.seed, video, intervals) for video, intervals in chosen.items()]
        clips = _clips(p, chosen, {each.video: each.n_frames for each in recordings})
        studio: Studio = Stage(p.seed, tuple(chosen.items()))
        prepare = None
        listed: Callable[[], Sequence[Path]] | None = None
        if p.write_raw:
            lengths = [[each.video.name, each.n_frames] for each in recordings]
            key = fingerprint([self.version, p.seed, *lengths])[:8]
            folder = data_dir() / "raw" / f"{self.name}-simulated-{key}"
            studio, prepare = _Imported(folder), partial(_write_and_check, recordings, clips, folder)
            listed = partial(videos_in, folder, tuple(chosen))
        described = {"seed": p.seed, "write_raw": p.write_raw}
        return self._assemble(p, "simulated", clips, studio, described, prepare, listed)

    def _assemble(
        self,
        p: KthParameters,
        source: str,
        clips: tuple[Clip, ...],
        studio: Studio,
        described: Mapping[str, Any],
        prepare: Callable[[], None] | None,
        raw_files: Callable[[], Sequence[Path]] | None,
    ) -> Blueprint:
        asked = {name: value for name, value in asdict(p).items() if name not in ("seed", "write_raw")}
        rows = [[each.video.name, each.first, each.last] for each in clips]
        longest = max(each.length for each in clips)
        return Blueprint(
            dataset=self.name,
            version=self.version,
            source=source,
            seed=p.seed if source == "simulated" else 0,
            parameters={**asked, **described, "clips": fingerprint(rows)},
            card=self.simulated if source == "simulated" else self.card,
            split=self._split(p, clips),
            n_sequences=len(clips),
            sequences_per_shard=max(1, SHARD_BYTES // (longest * p.size**2)),
            variables=_variables(clips, p.size),
            coordinates=_coordinates(clips, p.size),
            produce=Producer(studio, clips, p.size),
            normaliser={"kind": "fixed", "mean": 0.0, "std": 255.0},
            prepare=prepare,
            raw_files=raw_files,
        )

    def _split(self, p: KthParameters, clips: Sequence[Clip]) -> Split:
        from stbench.splits.files import load_split

        if p.variant == "srvp":
            return split_srvp(clips)
        published = load_split(__package__, f"{self.name}-1.json")
        split = split_clips(f"{self.name}/by-person-1", clips, self.convention)
        return published if (split.n_sequences, split.ranges) == (published.n_sequences, published.ranges) else split


def _clips(
    p: KthParameters, intervals: Mapping[Video, tuple[Interval, ...]], frames: Mapping[Video, int]
) -> tuple[Clip, ...]:
    return srvp_clips(frames) if p.variant == "srvp" else interval_clips(intervals)


@dataclass(frozen=True)
class _Imported:
    """The stand-in's own files, found when a frame is asked for: they are written after the blueprint is made."""

    folder: Path

    def frames(self, video: Video, numbers: Sequence[int]) -> Any:
        tree = tree_in(self.folder)
        path = tree.find(video) if tree is not None else None
        if path is None:
            raise StbenchError(f"{self.folder} lacks {video.name}: delete that folder and run the same command again")
        return Files(((video, path),)).frames(video, numbers)


def _write_and_check(recordings: Sequence[Any], clips: Sequence[Clip], folder: Path) -> None:
    from .stand_in.files import write_people

    write_people(recordings, folder)
    tree = tree_in(folder)
    if tree is None:
        raise StbenchError(f"{folder} holds no video: delete that folder and run the same command again")
    check_videos(survey(tree, tree.intervals()).paths, clips)


def _variables(clips: Sequence[Clip], size: int) -> dict[str, Variable]:
    n, longest = len(clips), max(each.length for each in clips)

    def factor(dtype: str, name: str, **more: Any) -> Variable:
        return Variable(("sequence",), (n,), dtype, (1,), {"long_name": name, "units": "1", **more})

    meanings = {"flag_values": list(range(len(ACTIONS))), "flag_meanings": " ".join(ACTIONS)}
    return {
        "frames": Variable(
            ("sequence", "time", "channel", "y", "x"),
            (n, longest, 1, size, size),
            "uint8",
            (1, min(CHUNK_FRAMES, longest), 1, size, size),
            {"long_name": "grey value", "units": "1"},
        ),
        "action": factor("uint8", "action", **meanings),
        "person": factor("uint8", "number of the person, 1 to 25"),
        "scenario": factor("uint8", "scenario: 1 outdoors, 2 scale varies, 3 other clothes, 4 indoors"),
        "interval": factor("uint8", "number of the interval in its video, from 1; 0: none"),
        "first_frame": factor("int32", "number of the first frame in its video, from 1"),
    }


def _coordinates(clips: Sequence[Clip], size: int) -> dict[str, Coordinate]:
    lengths = np.array([each.length for each in clips], np.int64)
    coordinates = {
        "row_size": Coordinate(("sequence",), lengths, {"long_name": "number of frames", "units": "1"}),
        "time": Coordinate(
            ("time",),
            np.arange(lengths.max()) / FPS,
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
        coordinates[name] = Coordinate((name,), np.arange(size, dtype=np.int64), attributes)
    return coordinates


def _track(horizon: int) -> Track:
    return Track("kth", "forecast", 10, horizon, 10, metrics=METRICS, stride=40, further=FURTHER, cluster=CLUSTER)


def _track_128(horizon: int) -> Track:
    """Trained 10 -> 20 as in the field's tables; test windows of one interval share no frame."""
    name, length = "kth-128", 10 + horizon
    return Track(
        *(name, "forecast", 10, horizon, 20),
        metrics=PIXEL_METRICS,
        stride=length,
        further=FURTHER,
        cluster=CLUSTER,
    )


kth = Kth(
    name="kth",
    version="1",
    card=KTH,
    simulated=SIMULATED,
    convention=SVG,
    parameters=KthParameters,
    # One window per clip, at its beginning: the stride is the length of a clip.
    tracks=(
        _track(30),
        _track(20),
        Track("kth", "draws", 10, 30, 10, metrics=DRAWN, stride=40, further=DRAWN_FURTHER, cluster=CLUSTER),
    ),
    presets={"quick": {"persons": (1, 2, 3, 19, 21), "scenarios": (1,)}},
)

kth_128 = Kth(
    name="kth-128",
    version="1",
    card=KTH_128,
    simulated=SIMULATED_128,
    convention=PREDRNN,
    parameters=Kth128Parameters,
    tracks=(_track_128(20), _track_128(40)),
    presets={"quick": {"persons": (1, 2, 15, 17, 18), "scenarios": (1,), "actions": ("handwaving", "walking")}},
)
