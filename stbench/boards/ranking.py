"""Runs to boards: which of them may be ranked together, and in which order.

A board is everything of one preset on one track and source. Runs on other data, other windows, other frames, or by
another version of the protocol or of the ranking metric stand in blocks of their own, the newest first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from stbench import registry
from stbench.boards.board import Block, Board, Line
from stbench.boards.comparison import standings
from stbench.boards.derived import with_psnr_of_mean_mse, with_useful_horizons
from stbench.boards.entry import Entry
from stbench.boards.floors import read_floors
from stbench.contract.datasets import fingerprint
from stbench.contract.presets import CUSTOM
from stbench.results.aggregate import ResultRow
from stbench.results.lead_times import mean_of
from stbench.results.record import RunRecord


def boards(entries: Iterable[Entry], floors: Mapping[str, tuple[str, ...]] | None = None) -> list[Board]:
    """All boards of these runs, ordered by preset, track and source; the order of `entries` does not matter. `floors`:
    those that apply to each track, `read_floors()` by default."""
    floors = read_floors() if floors is None else floors

    def place(entry: Entry) -> tuple[str, str, str]:
        return entry.record.preset, entry.record.track.id, entry.record.dataset_source

    ordered = sorted(entries, key=lambda entry: (*place(entry), entry.record.full_model, entry.record.seed))
    return _one_main_track([_board(list(group), floors) for _, group in groupby(ordered, key=place)])


def _newest(entries: Iterable[Entry]) -> RunRecord:
    """The record that was finished last; of two at once always the same one."""
    return max(entries, key=_age).record


def _one_main_track(found: Sequence[Board]) -> list[Board]:
    """Where a dataset was given another main track, the board with the newest run bears the dataset's name."""

    def place(board: Board) -> tuple[str, str, str]:
        return board.preset, board.dataset, board.source

    def latest(board: Board) -> tuple[datetime, str]:
        newest = _newest(entry for block in board.blocks for line in block.lines for entry in line.entries)
        return datetime.fromisoformat(newest.finished), board.track.id

    main = {place(board): board.track.id for board in sorted((each for each in found if each.main_track), key=latest)}
    return [replace(each, main_track=each.main_track and main[place(each)] == each.track.id) for each in found]


def _board(entries: Sequence[Entry], floors: Mapping[str, tuple[str, ...]]) -> Board:
    record = _newest(entries)
    entries = [with_psnr_of_mean_mse(entry) for entry in entries]
    # Most complete run first: a metric an old run lacks keeps its place in the order of the track.
    by_completeness = sorted(entries, key=lambda entry: -len(entry.rows))
    there = dict.fromkeys(row.metric for entry in by_completeness for row in entry.rows)
    # What ranks is the track's to say, as its newest run has it, and not the order of a table.
    leading = [each for each in record.track.scored if each in there][:1]
    metrics = tuple(dict.fromkeys([*leading, *there]))
    horizon = record.track.horizon
    mean_lead_time = mean_of(horizon)

    blocks: dict[tuple[str, ...], list[Entry]] = {}
    unscored: list[Entry] = []
    for entry in entries:
        ranking = entry.cells.get((metrics[0], mean_lead_time)) if metrics else None
        if ranking is not None:
            key = (*_data(entry), ranking.metric_version, str(ranking.n))
            blocks.setdefault(key, []).append(entry)
        else:
            unscored.append(entry)
    largest: dict[tuple[str, ...], tuple[str, ...]] = {}
    for key in sorted(blocks, key=lambda key: (len(blocks[key]), key)):
        largest[key[:DATA]] = key
    for entry in unscored:
        blocks.setdefault(largest.get(_data(entry), _data(entry)), []).append(entry)

    blocks = {key: _of_one_version(each) for key, each in blocks.items()}
    if metrics:
        blocks = {key: with_useful_horizons(each, metrics[0]) for key, each in blocks.items()}
    derived = (row.metric for each in blocks.values() for entry in each for row in entry.rows)
    metrics = tuple(dict.fromkeys([*metrics, *derived]))

    # The newest data and protocol first, of these those that most models were run on: the block a reader looks for.
    order = sorted(blocks, key=lambda key: (-len({*map(_configuration, blocks[key])}), key[1:]))
    order.sort(key=lambda key: version_order(key[DATA - 1]), reverse=True)
    order.sort(key=lambda key: version_order(key[0]), reverse=True)
    return Board(
        preset=record.preset,
        track=record.track,
        main_track=record.main_track,
        dataset=record.dataset,
        source=record.dataset_source,
        metrics=metrics,
        horizon=horizon,
        reported=_shorter_means((row for entry in entries for row in entry.rows), horizon),
        by_lead_time=any(row.lead_time == "1" for entry in entries for row in entry.rows if row.metric == metrics[0]),
        blocks=tuple(
            Block(key[0], key[1], key[2], _placed(blocks[key], metrics[0] if metrics else "", mean_lead_time))
            for key in order
        ),
        floors=floors.get(record.track.id, ()),
    )


def _of_one_version(entries: Sequence[Entry]) -> list[Entry]:
    """Without values of another version of a metric than the newest run has: a column holds one definition. How many
    members were drawn is none of it: a model that draws and one that does not stand in one column, each with its N."""
    newest: dict[str, str] = {}
    for entry in sorted(entries, key=_age):
        newest |= {row.metric: _definition(row) for row in entry.rows}

    def of_newest(entry: Entry) -> Entry:
        kept = tuple(row for row in entry.rows if _definition(row) == newest[row.metric])
        return entry if len(kept) == len(entry.rows) else replace(entry, rows=kept)

    return [*map(of_newest, entries)]


def _definition(row: ResultRow) -> str:
    """The version of its metric without the number of members: "1" of "1, N = 20"."""
    return MEMBERS.sub("", row.metric_version)


def _age(entry: Entry) -> tuple[datetime, str]:
    return datetime.fromisoformat(entry.record.finished), entry.record.fingerprint


def _finished(entry: Entry) -> tuple[bool, datetime, str]:
    """Trained to its end, then the newest."""
    return entry.record.trained_whole, *_age(entry)


def _shorter_means(rows: Iterable[ResultRow], horizon: int) -> tuple[int, ...]:
    """k of the means over lead times 1..k < horizon, descending."""
    ends = {row.lead_time.removeprefix("1..") for row in rows if row.lead_time.startswith("1..")}
    return tuple(sorted({int(end) for end in ends if end.isdecimal()} - {horizon}, reverse=True))


DATA = 9
"""Parts of `_data`."""


def _data(entry: Entry) -> tuple[str, ...]:
    """Version and digest of the data, the split, what of the track says which windows are cut from them, how frames are
    normalised, and the protocol's version."""
    record = entry.record
    windows = (str(record.track.conditioning), str(record.track.stride), str(record.drawn.get("windows_sha256", "")))
    protocol = record.protocol_version or "1"
    normaliser = str(sorted(record.normaliser.items()))
    return (
        record.dataset_version,
        record.dataset_digest,
        record.split,
        record.split_digest,
        *windows,
        normaliser,
        protocol,
    )


MEMBERS = re.compile(r", N = [0-9]+\Z")
NUMBER = re.compile(r"[0-9]{1,18}")


def version_order(version: str) -> tuple[tuple[int, str], ...]:
    """ "1.10" after "1.9"."""
    return tuple((int(part), "") if NUMBER.fullmatch(part) else (-1, part) for part in version.split("."))


def _configuration(entry: Entry) -> tuple[str, str, str]:
    """Seeds of one line share model, version, configuration and length of training."""
    record = entry.record
    made = fingerprint([record.model_version, record.configuration, record.steps, record.drawn.get("members", 0)])
    return record.full_model, record.model_version, made


def _placed(entries: Sequence[Entry], metric: str, lead_time: str) -> tuple[Line, ...]:
    """In order of rank; without a rank where a user has given his configuration no name."""
    lines = _ranked(entries, metric, lead_time)
    return lines if entries[0].record.preset != CUSTOM else tuple(replace(line, rank=None) for line in lines)


def _ranked(entries: Sequence[Entry], metric: str, lead_time: str) -> tuple[Line, ...]:
    lines = []
    keyed = sorted(((_configuration(entry), entry) for entry in entries), key=lambda pair: pair[0])
    for _, group in groupby(keyed, key=lambda pair: pair[0]):
        # A seed counts once, by its newest run, as where runs are published.
        of_seed = {entry.record.seed: entry for entry in sorted((entry for _, entry in group), key=_finished)}
        lines.append(Line(tuple(of_seed[seed] for seed in sorted(of_seed)), None))
    scored = []
    for line in lines:
        if (found := line.summary(metric, lead_time)) is not None:
            scored.append((found.value, line))
    sign = -1.0 if metric and registry.metric(metric).higher_is_better else 1.0
    scored.sort(key=lambda pair: (sign * pair[0], pair[1].model))
    first: dict[float, int] = {}
    for place, (value, _) in enumerate(scored, 1):
        first.setdefault(value, place)
    ranked = [Line(line.entries, first[value]) for value, line in scored]
    ranked = standings(ranked, metric, lead_time) if ranked and entries[0].record.preset != CUSTOM else ranked
    placed = {id(line.entries) for line in ranked}
    return (*ranked, *(line for line in lines if id(line.entries) not in placed))
