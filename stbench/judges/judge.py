"""Judges: trained on real train-split clips, kept with their own test accuracy, found by the data they were trained on.

A folder `judges/<dataset>/<preset>-seed-<k>-<fingerprint>` holds `weights.safetensors` and `judge.json`. The
fingerprint is of everything the judge depends on: version, network, training, clip length, seed, dataset digest. A
result row names the judge by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stbench import registry
from stbench.contract.capabilities import HasJudgedFactors, HasJudgedFrames
from stbench.contract.datasets import fingerprint
from stbench.contract.presets import merge
from stbench.contract.settings import construct
from stbench.devices import REFERENCE, ROUNDED, rounds_bfloat16
from stbench.documents import parse_toml
from stbench.errors import StbenchError, nearest
from stbench.files import write_json
from stbench.judges.card import DOCUMENT, JudgeCard, read_card
from stbench.judges.testing import TESTS, tested
from stbench.locks import locked
from stbench.progress import Progress, Silent
from stbench.splits.training import TrainingWindows
from stbench.store.apart import apart
from stbench.store.reader import Store
from stbench.store.words import judge_command
from stbench.training.settings import without_defaults

if TYPE_CHECKING:
    from stbench.judges.network import Head, JudgeNetwork

VERSION = "1"
WEIGHTS = "weights.safetensors"
BATCH = 64
CLIP = 8
"""Frames of a clip where the dataset does not say."""


class Judge:
    """A trained judge: `opinions(clips)` and `features(clips)`, numpy in and out, float32 network in eval mode."""

    def __init__(self, card: JudgeCard, network: JudgeNetwork, folder: Path) -> None:
        self.card, self.network, self.folder = card, network.eval(), folder

    @property
    def sha256(self) -> str:
        """Of its weights."""
        return self.card.weights_sha256

    @property
    def heads(self) -> tuple[Head, ...]:
        return self.network.heads

    def opinions(self, clips: np.ndarray) -> dict[str, np.ndarray]:
        """Clips (n, time, *frame) float32 in [0, 1] -> probabilities (n, classes) float64 of each head."""
        return self.seen(clips)[1]

    def seen(self, clips: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """`features(clips)` and `opinions(clips)`, of one pass through the network."""
        import torch

        from stbench.training.adapter import tensor

        features = self.features(clips)
        with torch.no_grad():
            logits = self.network.answer(tensor(features))
        return features, {name: torch.softmax(each.double(), 1).numpy() for name, each in logits.items()}

    def features(self, clips: np.ndarray) -> np.ndarray:
        """Clips (n, time, *frame) -> (n, k) float64: what the heads see."""
        import torch

        from stbench.training.adapter import tensor

        parts = []
        with torch.no_grad():
            for start in range(0, len(clips), BATCH):
                part = tensor(clips[start : start + BATCH])
                parts.append(self.network.features(part).double().numpy())
        return np.concatenate(parts)

    def classes(self, factors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Class (n,) of each head from factors (n,)."""
        import torch

        labels = {name: torch.from_numpy(np.asarray(values, np.int64)) for name, values in factors.items()}
        return {head.name: head.combine(labels).numpy() for head in self.heads}


def judged_by(dataset: str) -> tuple[Mapping[str, tuple[str, ...]], int]:
    """What a dataset plug-in says judges are asked (head -> factors), and the frames of a clip.

    Raises `StbenchError` for a dataset whose plug-in has no `judged_factors`.
    """
    generator = registry.dataset(dataset)
    if not isinstance(generator, HasJudgedFactors) or not generator.judged_factors:
        known = [each for each in registry.names("datasets") if isinstance(registry.dataset(each), HasJudgedFactors)]
        raise StbenchError(f"the dataset '{dataset}' names no factors for a judge; these do: {', '.join(known)}")
    return generator.judged_factors, generator.judged_frames if isinstance(generator, HasJudgedFrames) else CLIP


def presets() -> dict[str, Any]:
    """Preset -> {"model": ..., "training": ...}; the only place of a judge's settings."""
    tables = parse_toml(files("stbench.judges").joinpath("judge.toml").read_bytes())
    common = tables.pop("common")
    return {name: merge(common, table) for name, table in tables.items()}


def heads_of(store: Store, judged: Mapping[str, tuple[str, ...]]) -> tuple[Head, ...]:
    """The heads a dataset asks for, with the numbers of values its factors take; `StbenchError` for a missing one."""
    from stbench.judges.network import Head

    heads = []
    for name, factors in judged.items():
        values = [_whole(store, factor) for factor in factors]
        heads.append(Head(name, tuple(factors), tuple(int(each.max()) + 1 for each in values)))
    return tuple(heads)


def _whole(store: Store, factor: str) -> np.ndarray:
    values = store.factor(factor)
    if values.dtype.kind not in "iu" or values.min() < 0:
        raise StbenchError(f"the factor '{factor}' of {store.path} is no class number, so it cannot be judged")
    return values


def _network(store: Store, heads: tuple[Head, ...], settings: Mapping[str, Any]) -> JudgeNetwork:
    from stbench.judges.network import JudgeNetwork

    shape = store.frame_shape
    if len(shape) != 3 or shape[1] != shape[2] or shape[1] < 16 or shape[1] & (shape[1] - 1):
        raise StbenchError(f"a judge wants square frames whose side is a power of two from 16, not {shape}")
    if store.attributes["normaliser"]["kind"] == "standardise":
        raise StbenchError(
            f"a judge sees frames from 0 to 1, and those of {store.dataset} have mean 0 and deviation 1: give its "
            "frames a fixed normaliser"
        )
    return construct("the judge", JudgeNetwork, settings, shape, heads)


def judges_folder(runs: Path, dataset: str) -> Path:
    return runs / "judges" / dataset


def train_judge(
    store: Store,
    judged: Mapping[str, tuple[str, ...]],
    clip: int,
    *,
    runs: Path,
    preset: str = "quick",
    seed: int = 0,
    progress: Progress | None = None,
) -> Judge:
    """Train a judge on the train split of `store`, or load it when it is there; interrupted, it continues.

    `judged`: head -> factors; `clip`: frames of a clip. Its accuracy is that on the test clips that models
    are scored on.
    Raises `StbenchError` for an unknown preset and whatever training refuses, KeyboardInterrupt when interrupted.
    """
    import torch

    from stbench.training.loop import train

    if preset not in (known := presets()):
        raise StbenchError(f"there is no preset '{preset}' of judges: {nearest(preset, known)}")
    configuration, heads = known[preset], heads_of(store, judged)
    # Other weights than where bfloat16 is computed as such: another judge, whose rows do not join those of that one.
    rounded = rounds_bfloat16(configuration["training"], torch.device(REFERENCE))
    identity = _identity(store, heads, configuration, clip, preset, seed, rounded)
    key = fingerprint(identity)
    folder = judges_folder(runs, store.dataset) / f"{preset}-seed-{seed}-{key[:8]}"
    if (folder / DOCUMENT).exists():
        return load_judge(folder, store)
    progress = progress or Silent()
    with locked(folder, f"training a judge in {folder}", waiting=progress.note):
        if (folder / DOCUMENT).exists():  # from the process that was waited for
            return load_judge(folder, store)
        windows = TrainingWindows.open(store, configuration["training"]["split"], clip - 1, 1)
        torch.manual_seed(seed)
        if rounded:
            progress.note(ROUNDED)
        network = _network(store, heads, configuration["model"])
        with progress.bar(f"judge of {store.dataset}: training", "steps") as advance:
            summary = train(
                network,
                windows,
                configuration["training"],
                folder,
                seed=seed,
                identity=identity,
                on_progress=lambda step, steps, losses: advance(step, steps),
            )
        if not summary.finished:
            raise KeyboardInterrupt
        card = JudgeCard(
            version=VERSION,
            dataset=store.dataset,
            dataset_version=store.version,
            source=store.source,
            dataset_digest=store.digest,
            preset=preset,
            seed=seed,
            clip=clip,
            heads={head.name: (head.factors, head.sizes) for head in heads},
            accuracy={},
            configuration=configuration,
            fingerprint=key,
            weights_sha256=_write_weights(network, folder),
            train_clips=len(windows),
            test_clips=0,
            seconds=summary.seconds,
        )
        card = tested(Judge(card, network, folder), store)
        write_json(folder / DOCUMENT, asdict(card))
        return Judge(card, network, folder)


def _identity(
    store: Store,
    heads: Sequence[Head],
    configuration: Mapping[str, Any],
    clip: int,
    preset: str,
    seed: int,
    rounded: bool,
) -> dict[str, Any]:
    return {
        "judge": VERSION,
        "configuration": {**configuration, "training": without_defaults(configuration["training"])},
        "heads": [asdict(head) for head in heads],
        "clip": clip,
        "dataset_digest": store.digest,
        "preset": preset,
        "seed": seed,
        **({"bfloat16": "rounded"} if rounded else {}),
        **apart(store),
    }


def _is_of(card: JudgeCard, store: Store) -> bool:
    """Is it a judge of exactly this store, its split and the way its frames are normalised?"""
    from stbench.judges.network import Head

    heads = [Head(name, factors, sizes) for name, (factors, sizes) in card.heads.items()]
    about = store, heads, card.configuration, card.clip, card.preset, card.seed
    same = card.dataset_digest == store.digest
    return same and card.fingerprint in {fingerprint(_identity(*about, rounded)) for rounded in (False, True)}


def _write_weights(network: JudgeNetwork, folder: Path) -> str:
    from stbench.training.checkpoint import write_tensors

    write_tensors(folder / WEIGHTS, network.state_dict())
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def load_judge(folder: Path, store: Store) -> Judge:
    """The judge in a folder; `StbenchError` for one of other data, or weights with a wrong checksum."""
    from stbench.judges.network import Head
    from stbench.training.checkpoint import read_tensors

    card = read_card(folder)
    if not _is_of(card, store):
        raise StbenchError(
            f"the judge {folder} was trained on another version, split or normaliser of {card.dataset} (digest "
            f"{card.dataset_digest[:12]}) than {store.path} (digest {store.digest[:12]}, split {store.split.id}): "
            f"train one with `{judge_command(store, {})}`"
        )
    try:
        found = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    except OSError as error:
        raise StbenchError(f"the weights of the judge {folder} cannot be read ({error}): train it again") from None
    if found != card.weights_sha256:
        raise StbenchError(
            f"the weights of the judge {folder} have the checksum {found[:12]}, not {card.weights_sha256[:12]}: "
            f"remove the folder and train it again"
        )
    heads = tuple(Head(name, factors, sizes) for name, (factors, sizes) in card.heads.items())
    network = _network(store, heads, card.configuration["model"])
    network.load_state_dict(read_tensors(folder / WEIGHTS))
    judge = Judge(card, network, folder)
    if card.accuracy and card.tests != TESTS:
        judge = Judge(tested(judge, store), network, folder)
        write_json(folder / DOCUMENT, asdict(judge.card))
    return judge


def find_judge(store: Store, preset: str, runs: Path, clip: int) -> Judge:
    """The judge of a preset as it is today, trained on clips of `clip` frames of exactly this store, of several that
    of the smallest seed; `StbenchError`, with the command that trains it, if none."""
    folder = judges_folder(runs, store.dataset)
    found, others = [], []
    for path in sorted(folder.glob(f"*/{DOCUMENT}")):
        card = read_card(path.parent)
        old = card.version != VERSION or card.configuration != presets().get(preset)
        same = _is_of(card, store)
        if same and card.preset == preset and card.clip == clip and not old:
            found.append((card.seed, path.parent))
        why = ""
        if old and card.preset == preset:
            why = ", other settings"
        elif not same and card.dataset_digest == store.digest:
            why = ", another split or normaliser"
        others.append(f"{card.name} (digest {card.dataset_digest[:12]}, {card.clip} frames{why})")
    if found:
        return load_judge(min(found)[1], store)
    there = f"there are {', '.join(others)}" if others else "there is none at all"
    asked = registry.dataset(store.dataset).presets.get(preset, {})
    command = judge_command(store, asked, "--preset", preset, "--frames", str(clip))
    raise StbenchError(
        f"no judge of {clip} frames of the preset '{preset}' for {store.path} (digest {store.digest[:12]}, split "
        f"{store.split.id}) is in {folder}, {there}: `{command}` trains one"
    )
