"""What can be held against a published record without running anything: `stbench leaderboard --check`.

Schema and digests come first (`read_entry`). Then, for a record with scores:

    numbers        fit each other, are of all windows (`stbench.boards.consistency`) and of the track's metrics alone
    data           source, version, digest, fingerprint and split, against the dataset's generator, the store at hand
                   and other rows
    track          the one that is registered here
    command        names the model, the track, the preset and the seed of the record
    paths          no absolute path in any text

A record whose numbers were all changed so that they fit each other passes: only predictions tell, which are scored
again (`stbench.running.rescoring`). So such a row says that its author scored it.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stbench import paths, registry
from stbench.boards.consistency import doubts, numbers, windows
from stbench.boards.entry import Entry
from stbench.boards.publishing import RECORDS, place_of, read_entry
from stbench.boards.ranking import version_order
from stbench.contract.datasets import Blueprint
from stbench.contract.presets import CUSTOM
from stbench.errors import StbenchError
from stbench.protocols.known import KNOWN
from stbench.raw.fetch import HasRawFiles
from stbench.results.aggregate import RESULTS
from stbench.results.card import CARD, holds_path
from stbench.results.clusters import CLUSTERS, check_clusters
from stbench.results.lead_times import mean_of
from stbench.results.record import RECORD, RunRecord
from stbench.results.trust import Trust, trust_of
from stbench.splits.index import check_learnt

if TYPE_CHECKING:
    from stbench.store.reader import Store

__all__ = ["PREDICTIONS", "Checked", "blueprint_of", "check", "store_at_hand"]

PREDICTIONS = "predictions.zarr"
"""A store of predictions beside a record: they are scored again."""
FILES = {RECORD, RESULTS, CLUSTERS, CARD, PREDICTIONS}


@dataclass(frozen=True)
class Checked:
    """What was found of one folder."""

    folder: Path
    entry: Entry | None
    """None where it cannot be read."""
    findings: tuple[str, ...]
    """Why it is refused, a sentence each."""
    remarks: tuple[str, ...] = field(default=())
    """What could not be checked here."""

    @property
    def trust(self) -> Trust | None:
        return trust_of(self.entry.record) if self.entry is not None else None


def check(
    folder: Path,
    known: Iterable[Entry] = (),
    *,
    out: Path | None = None,
    from_others: bool = False,
    with_predictions: bool = False,
) -> Checked:
    """Check one folder of `record.json`, `results.csv` and `clusters.npz`.

    `known`: published runs, whose data and windows are those of this one where dataset and track are. `from_others`: it
    has to be a row that its authors handed in, with a card, and to claim no more than that they scored it.
    `with_predictions`: they are scored again, so numbers that are possible and hardly believable are left to that.
    """
    try:
        entry = read_entry(folder)
        if entry.record.clusters.sha256:
            check_clusters(folder, entry.record.clusters)
            entry.read_means()
    except StbenchError as error:
        return Checked(folder, None, (str(error),))
    others = [each for each in known if each.folder is None or each.folder.resolve() != folder.resolve()]
    published = out is not None and folder.resolve().is_relative_to((out / RECORDS).resolve())
    findings = [*_handed_in(entry, from_others), *_command(entry.record)]
    if published or entry.record.trust:  # a run folder of one's own holds more, and paths of one's own
        findings += [*_place(entry.record, folder, out if published else None), *_texts(entry.record)]
    blueprint, remark = blueprint_of(entry.record)
    findings += [*_learnt(entry.record), *_track(entry.record, from_others), *_protocol(entry.record)]
    findings += [*_table(entry), *_source(entry.record)]
    findings += _data(entry.record, blueprint, others)
    if entry.rows:
        findings += numbers(entry, blueprint, others)
        findings += windows(entry, blueprint, others)
        findings += [] if with_predictions else doubts(entry)
    remarks = [each for each in (remark, _apart(entry.record) if from_others else "") if each]
    return Checked(folder, entry, tuple(dict.fromkeys(findings)), tuple(remarks))


def _learnt(record: RunRecord) -> Iterator[str]:
    """Trained elsewhere, it need not say what it has learnt from."""
    if (split := record.training.get("split")) is not None:
        try:
            check_learnt(split)
        except StbenchError as error:
            yield str(error)


def _protocol(record: RunRecord) -> Iterator[str]:
    """The newest version stands first on a board, so one that does not exist would lead alone."""
    known, version = KNOWN.get(record.track.protocol), record.protocol_version or "1"
    if known is not None and version not in (known.version, *known.before):
        yield (
            f"it is of version {version[:20]} of the protocol '{known.name}', of which {known.version} is the newest "
            "known here: score it again"
        )


def _table(entry: Entry) -> Iterator[str]:
    """A metric or a mean that the track does not ask for would have a column of everybody's board."""
    track = entry.record.track
    means = {mean_of(end) for end in (track.horizon, *track.reported)}
    for row in entry.rows:
        if row.metric not in track.scored:
            yield f"its {RESULTS} has the metric {row.metric:.60}, with which {track.id} is not scored: leave it out"
            return
        if ".." in row.lead_time and row.lead_time not in means:
            yield f"its {RESULTS} has {row.metric} over {row.lead_time:.20}, a mean that {track.id} does not report"
            return


def _source(record: RunRecord) -> Iterator[str]:
    """A dataset has one board for each of its sources."""
    if record.dataset not in registry.names("datasets"):
        return
    generator = registry.dataset(record.dataset)
    possible = {*generator.sources(None), *(("official",) if isinstance(generator, HasRawFiles) else ())}
    if record.dataset_source not in possible:
        yield f"its data are of the source '{record.dataset_source:.60}', and {record.dataset} has {_listed(possible)}"


def _listed(names: Iterable[str]) -> str:
    return " and ".join(f"'{each}'" for each in sorted(names))


def _place(record: RunRecord, folder: Path, out: Path | None) -> Iterator[str]:
    if unknown := sorted(path.name for path in folder.iterdir() if path.name not in FILES):
        yield f"it holds {', '.join(unknown)[:100]}, and wanted are {', '.join(sorted(FILES))} alone"
    if out is not None and (place := place_of(record, out)).resolve() != folder.resolve():
        yield f"its place is {place}: move it there"


def _handed_in(entry: Entry, from_others: bool) -> Iterator[str]:
    record = entry.record
    if record.trust and entry.card is None:
        yield f"it was handed in and has no {CARD}: make it with `stbench submit`"
    if from_others and (entry.card is None or trust_of(record) is not Trust.AUTHOR):
        yield (
            f"it claims to be {trust_of(record)}, and a row from others is '{Trust.AUTHOR}' with a {CARD}: make it "
            "with `stbench submit`"
        )
    if entry.card is not None and not record.clusters.sha256 and any(row.sd is not None for row in entry.rows):
        yield f"it has no {CLUSTERS}, the means per cluster that comparisons need: score it again and hand it in whole"
    if record.not_applicable and record.trust:
        yield "its model was not asked, which is no row to hand in"


def _texts(record: RunRecord) -> Iterator[str]:
    for name, value in dataclasses.asdict(record).items():
        for text in _strings(value):
            if found := holds_path(text):
                yield f"its field '{name}' holds the path '{found}' of a machine: `stbench submit` leaves them out"


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _strings(str(key))
            yield from _strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _strings(each)


def _command(record: RunRecord) -> Iterator[str]:
    """Does the command make this record?"""
    try:
        words = shlex.split(record.command)
    except ValueError:
        words = []
    if words[:2] not in (["stbench", "run"], ["stbench", "score"]):
        yield f"its command is no `stbench run` or `stbench score`: {record.command:.60}"
        return
    given = {
        word: following for word, following in zip(words[2:], [*words[3:], ""], strict=True) if word.startswith("--")
    }
    track = record.track.id
    if words[1] == "score":
        wanted = {"--name": record.full_model, "--track": track, "--parameters": str(record.parameters)}
        wanted |= {"--preset": record.preset, "--seed": str(record.seed)}
        default = {"--preset": "paper", "--seed": "0"}
    else:
        wanted = {"--model": record.full_model, "--dataset": record.dataset, "--seed": str(record.seed)}
        wanted |= {"--track": track.partition("/")[2]}
        default = {"--seed": "0", "--track": track.partition("/")[2] if record.main_track else ""}
        custom = record.preset.startswith(CUSTOM)
        wanted |= {"--name": record.preset.removeprefix(f"{CUSTOM}-")} if custom else {"--preset": record.preset}
        default |= {"--preset": "quick"}
    for option, value in wanted.items():
        found = given.get(option, default.get(option, ""))
        if found != value:
            yield f"its command has {option} '{found:.60}', and the record is of '{value:.60}'"
    if record.made_elsewhere != (words[1] == "score"):
        yield f"its command is `stbench {words[1]}`, which makes no such record"


def _track(record: RunRecord, from_others: bool) -> Iterator[str]:
    tracks = _registered(record.dataset)
    found = tracks.get(record.track.id)
    if found is None:
        yield f"there is no track {record.track.id:.60} here: a row belongs to a track of an installed dataset"
    elif from_others and found != record.track:
        differing = [
            each.name
            for each in dataclasses.fields(found)
            if getattr(found, each.name) != getattr(record.track, each.name)
        ]
        yield f"its track {record.track.id} differs from the one here in {', '.join(differing)}: score it again"


def _registered(dataset: str) -> dict[str, Any]:
    if dataset not in registry.names("datasets"):
        return {}
    return {each.id: each for each in registry.dataset(dataset).tracks}


def blueprint_of(record: RunRecord) -> tuple[Blueprint | None, str]:
    """The data of a record as their generator plans them; or None, and why they are not known here."""
    from stbench.store.build import resolve

    try:
        generator = registry.dataset(record.dataset)
        names = {each.name for each in dataclasses.fields(generator.parameters)}
        plain = {
            name: value
            for name, value in record.dataset_parameters.items()
            if name in names and isinstance(value, str | int | float | list)
        }
        found = resolve(record.dataset, plain, record.dataset_source)
    except StbenchError as error:
        reason = str(error).partition(":")[0]
        return None, f"its data cannot be planned here, so they are held against other rows alone ({reason})"
    return found, ""


def _apart(record: RunRecord) -> str:
    """A remark on data that are not those of the preset: such a row is ranked apart."""
    from stbench.store.build import resolve

    try:
        settings = registry.dataset(record.dataset).presets.get(record.preset, {})
        canonical = resolve(record.dataset, settings, record.dataset_source)
    except StbenchError:
        return ""
    if canonical.fingerprint == record.dataset_fingerprint:
        return ""
    return f"its data are not those of {record.dataset} in the preset {record.preset}: it is ranked apart from others"


def _data(record: RunRecord, blueprint: Blueprint | None, others: Sequence[Entry]) -> Iterator[str]:
    if blueprint is not None and version_order(record.dataset_version) > version_order(blueprint.version):
        # As of protocols: the newest version stands first on a board.
        yield (
            f"its data are of version {record.dataset_version:.20} of {record.dataset}, of which "
            f"{blueprint.version} is the newest known here: score it again"
        )
    if blueprint is not None and blueprint.version == record.dataset_version:
        if blueprint.fingerprint != record.dataset_fingerprint:
            yield f"its parameters give {record.dataset} with the fingerprint {blueprint.fingerprint[:12]} and not " + (
                f"{record.dataset_fingerprint[:12]}"
            )
        elif (blueprint.split.id, blueprint.split.digest) != (record.split, record.split_digest):
            yield f"its split is {record.split:.60} and not {blueprint.split.id} with the digest of today"
    if (store := store_at_hand(record)) is not None and store.digest != record.dataset_digest:
        yield f"its data have the digest {record.dataset_digest[:12]}, and those made here have {store.digest[:12]}"
    for other in others:
        if other.record.dataset_fingerprint != record.dataset_fingerprint:
            continue
        for what, name in (("data", "dataset_digest"), ("split", "split_digest")):
            if (mine := getattr(record, name)) != (theirs := getattr(other.record, name)):
                yield (
                    f"its {what} have the digest {mine[:12]}, and in {other.folder} the same {record.dataset} has "
                    f"{theirs[:12]}"
                )
                return


def store_at_hand(record: RunRecord) -> Store | None:
    """The data of a record where they were made already."""
    from stbench.store.reader import open_store

    name = f"{record.dataset}-v{record.dataset_version}-{record.dataset_source}-{record.dataset_fingerprint[:8]}.zarr"
    try:
        return open_store(paths.data_dir() / name)
    except StbenchError:
        return None
