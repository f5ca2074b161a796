"""Boards: runs of one preset on one track, averaged over seeds, in blocks of what may be ranked together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from stbench.boards.comparison import Standing
from stbench.boards.derived import BESIDE
from stbench.boards.entry import Entry
from stbench.contract.datasets import Track
from stbench.contract.presets import BREAKABLE
from stbench.paths import of_source
from stbench.protocols.known import KNOWN
from stbench.results.card import Card
from stbench.results.lead_times import main_lead_times, mean_of
from stbench.results.paired import FEW
from stbench.results.record import RunRecord
from stbench.results.trust import Trust, least, trust_of

__all__ = ["Block", "Board", "Line", "Summary", "lead_time_name"]

TRUSTED = 0.99
"""A judge's own accuracy on a head, from which on its scores are worth ranking."""


ONE_MEMBER = (
    "one member, because it does not draw: crps is its mae, and spread_skill is not applicable, because one member has "
    "no spread"
)


ELSEWHERE = "made elsewhere: the number of parameters is as stated, training and its cost are not known here"


@dataclass(frozen=True)
class Summary:
    """One metric at one lead time, over the seeds of a line."""

    value: float
    """Mean over seeds."""
    ci_low: float | None
    ci_high: float | None
    """With several seeds the means of the ends: what another draw of test sequences would change. None: no interval."""
    seed_sd: float | None
    """Unbiased standard deviation over seeds: what another training would change. None for one seed."""
    sd: float | None
    """Over windows or clips, averaged over seeds: how much clips differ."""
    n: int
    n_sequences: int
    metric_version: str


@dataclass(frozen=True)
class Line:
    """A model with one configuration on one block of a board: its seeds, averaged."""

    entries: tuple[Entry, ...]
    """By ascending seed."""
    rank: int | None
    """1 is best; equal values share a rank; None where the track is not applicable to the model, and for configurations
    without a name."""
    standing: Standing | None = None
    """Beside the best line of its block; None where it is not ranked, or alone."""

    @property
    def record(self) -> RunRecord:
        """Of the first seed."""
        return self.entries[0].record

    @property
    def model(self) -> str:
        return self.record.full_model

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(entry.record.seed for entry in self.entries)

    @property
    def card(self) -> Card | None:
        """What the authors of a row from others state, of the first seed that has a card."""
        return next((entry.card for entry in self.entries if entry.card is not None), None)

    @property
    def trust(self) -> Trust:
        """The lowest rung of its seeds."""
        return least(trust_of(entry.record) for entry in self.entries)

    @property
    def train_seconds(self) -> float | None:
        """Wall time of training, the mean over seeds; None where it is not known."""
        return self._of_training("seconds", 0.0)

    @property
    def train_cpu_seconds(self) -> float | None:
        """Processor time of training, the mean over the seeds that have it."""
        return self._of_training("cpu_seconds", None)

    def _of_training(self, name: str, otherwise: float | None) -> float | None:
        known = (each.record.training for each in self.entries if not each.record.made_elsewhere)
        found = [float(value) for each in known if (value := each.get(name, otherwise)) is not None]
        return statistics.fmean(found) if found else None

    @property
    def finished(self) -> datetime:
        """When its last run was."""
        return max(datetime.fromisoformat(entry.record.finished) for entry in self.entries)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader has to know beside the numbers, a sentence each."""
        records = [entry.record for entry in self.entries]
        found = []
        if not all(each.trained_whole for each in records):
            found.append("training stopped before its last step")
        if any(each.git_dirty for each in records):
            found.append("tracked files were changed since the revision")
        if any(each.made_elsewhere for each in records):
            found.append(ELSEWHERE)
        found += dict.fromkeys(note for each in records if (note := _asked_before(each)))
        found += dict.fromkeys(note for entry in self.entries if (note := _stated(entry)))
        found += dict.fromkeys(f"trained on {each.device}" for each in records if not each.device.startswith("cpu"))
        found += sorted({note for each in records if (note := _doubtful(each.judge))})
        found += sorted({_broken(name, why) for each in records for name, why in each.breaks.items()})
        if any(each.drawn.get("members") == 1 for each in records):
            found.append(ONE_MEMBER)
        return (*found, *self._infinite())

    def _infinite(self) -> Iterator[str]:
        """A sentence a metric whose mean is infinite: how few windows that may be owed to. Records that do not count
        them say nothing."""
        counted = {
            (metric, count, row.n)
            for entry in self.entries
            for metric, count in entry.record.infinite.items()
            for row in entry.rows
            if row.metric == metric
        }
        for metric, count, n in sorted(counted):
            yield (
                f"{metric}: {count:,} of {n:,} windows have an infinite value (a frame is matched exactly), "
                "so the mean is infinite"
            )

    def summary(self, metric: str, lead_time: str) -> Summary | None:
        """None: not scored in all of the runs."""
        rows = [row for entry in self.entries if (row := entry.cells.get((metric, lead_time))) is not None]
        if len(rows) < len(self.entries) or not rows:
            return None
        lows = [row.ci_low for row in rows if row.ci_low is not None]
        highs = [row.ci_high for row in rows if row.ci_high is not None]
        values = [row.value for row in rows]
        deviations = [row.sd for row in rows if row.sd is not None]
        return Summary(
            value=_mean(values),
            ci_low=statistics.fmean(lows) if len(lows) == len(rows) else None,
            ci_high=statistics.fmean(highs) if len(highs) == len(rows) else None,
            seed_sd=statistics.stdev(values) if len(rows) > 1 and all(map(math.isfinite, values)) else None,
            sd=statistics.fmean(deviations) if len(deviations) == len(rows) else None,
            n=rows[0].n,
            n_sequences=rows[0].n_sequences,
            metric_version=rows[0].metric_version,
        )


@dataclass(frozen=True)
class Block:
    """Lines that may be ranked together: same data digest, split, windows, versions of protocol and ranking metric."""

    dataset_version: str
    dataset_digest: str
    split: str
    lines: tuple[Line, ...]
    """By rank; not applicable ones last."""

    @property
    def protocol_version(self) -> str:
        return self.lines[0].record.protocol_version or "1"

    @property
    def cluster(self) -> str:
        """What intervals are over, in the singular: what the track says that sequences share, else the sequence; of
        records of several definitions of the track no word but "cluster"."""
        scored = [line for line in self.lines if not line.record.not_applicable] or self.lines
        tracks = [line.record.track for line in scored]
        names = {each.cluster or ("cluster" if each.protocol == "swap" else "sequence") for each in tracks}
        return names.pop() if len(names) == 1 else "cluster"

    @property
    def drawn(self) -> Mapping[str, Any]:
        """Of a track of draws: members of a model that draws, the selected windows and their digest; else empty."""
        found = [entry.record.drawn for line in self.lines for entry in line.entries if entry.record.drawn]
        return max(found, key=lambda each: int(each["members"]), default={})

    @property
    def notes(self) -> tuple[tuple[str, str], ...]:
        """Models, or a column, and what a reader has to know of each of them, a sentence once."""
        noted: dict[str, dict[str, None]] = {}
        for line in self.lines:
            for note in line.notes:
                noted.setdefault(note, {})[line.model] = None
            if line.standing is not None and line.standing.outcome.startswith("not compared"):
                noted.setdefault(line.standing.outcome, {})[line.model] = None
        found = tuple((", ".join(models), note) for note, models in noted.items())
        return (*self._few(), *found)

    def _few(self) -> Iterator[tuple[str, str]]:
        """Intervals of the records are percentile bootstraps; the figures are those of docs/statistics.md."""
        entries = (entry for line in self.lines for entry in line.entries)
        clusters = {row.n_sequences for entry in entries for row in entry.rows[:1] if row.ci_low is not None}
        if clusters and (fewest := min(clusters)) < FEW:
            yield (
                "95 % intervals",
                f"{fewest} clusters are fewer than {FEW}, and percentile intervals over so few are too narrow (over 4 "
                "they hold the truth in about 80 % of cases, over 8 in 89 %)",
            )


@dataclass(frozen=True)
class Board:
    """Everything that was run of one preset on one track and source."""

    preset: str
    track: Track
    """As the newest of its records holds it: what is registered here changes no board."""
    main_track: bool
    """Its files bear the dataset's name."""
    dataset: str
    source: str
    metrics: tuple[str, ...]
    """All that were scored; the first one ranks."""
    horizon: int
    reported: tuple[int, ...]
    """Shorter horizons whose mean stands beside that over 1..h."""
    by_lead_time: bool
    """False: the ranking metric scores whole clips."""
    blocks: tuple[Block, ...]
    """More than one: the board has runs on different data, which must not be compared."""
    floors: tuple[str, ...] = ()
    """Those that apply to the track, as far as it is on the list (`stbench.boards.floors`)."""

    @cached_property
    def lacking(self) -> tuple[str, ...]:
        """Floors that apply to the track and have no score on the newest data: who the best floor is, nobody knows."""
        asked = {
            line.model
            for line in (self.blocks[0].lines if self.blocks else ())
            if line.record.not_applicable or (self.metrics and line.summary(self.metrics[0], self.mean_lead_time))
        }
        return tuple(each for each in self.floors if each not in asked)

    @property
    def floors_note(self) -> str:
        """Which floors are lacking; empty where none is."""
        return f"not all floors were run: {', '.join(self.lacking)}" if self.lacking else ""

    @cached_property
    def shown(self) -> tuple[str, ...]:
        """Metrics of the tables people read: the ranking one, then the others in the order of the track. What the track
        has scored `further` is left to the CSV, and what a board adds to such a metric with it."""
        further = {*self.track.further, *(name for name, beside in BESIDE.items() if beside in self.track.further)}
        there = [*self.track.metrics, *self.metrics]
        added = {beside: name for name, beside in BESIDE.items() if name in self.metrics}
        others = dict.fromkeys(name for each in there for name in (each, added.get(each, each)))
        return (*self.metrics[:1], *(each for each in others if each in self.metrics[1:] and each not in further))

    @property
    def further(self) -> tuple[str, ...]:
        """Metrics that are scored and not shown."""
        return tuple(each for each in self.metrics if each not in self.shown)

    @property
    def mean_lead_time(self) -> str:
        return mean_of(self.horizon)

    @cached_property
    def main_lead_times(self) -> tuple[str, ...]:
        """The means over the horizon and over shorter ones that are reported, the first lead time, the last one of each
        mean; the mean alone where whole clips are scored."""
        return main_lead_times(self.horizon, self.reported, self.by_lead_time)

    @cached_property
    def shown_at_lead_times(self) -> tuple[str, ...]:
        """Metrics shown that have values at `main_lead_times` other than the mean over the horizon: not those of whole
        clips."""
        entries = (entry for block in self.blocks for line in block.lines for entry in line.entries)
        other = {*self.main_lead_times[1:]}
        timed = {row.metric for entry in entries for row in entry.rows if row.lead_time in other}
        return tuple(each for each in self.shown if each in timed)

    @property
    def file_stem(self) -> str:
        """Name of its files: the dataset's for the main track, else the track's; `-simulated` for stand-ins."""
        name = self.dataset if self.main_track else self.track.id.replace("/", "-")
        return of_source(name, self.source)


def _mean(values: Sequence[float]) -> float:
    """Over seeds; of an infinitely bad and an infinitely good one -∞, which ranks last."""
    return -math.inf if -math.inf in values else statistics.fmean(values)


def _asked_before(record: RunRecord) -> str:
    """What an earlier version of the protocol did otherwise; nothing of this one."""
    version = record.protocol_version or "1"
    known = KNOWN.get(record.track.protocol)
    what = known.before.get(version) if known is not None else None
    return f"protocol of version {version}: {what}" if what else ""


def _stated(entry: Entry) -> str:
    """What the authors of a row from others state of it; nothing of one made here."""
    if entry.card is None:
        return ""
    return f"as stated by its authors: {'; '.join(f'{name} {text}' for name, text in entry.card.stated)}"


def lead_time_name(lead_time: str) -> str:
    """ "1..10" -> "mean of 1..10", "10" -> "at 10"."""
    return f"mean of {lead_time}" if ".." in lead_time else f"at {lead_time}"


def _doubtful(judge: Mapping[str, Any]) -> str:
    """What to think of scores whose judge errs on real clips more often than once in a hundred; nothing where not."""
    weak = {head: value for head, value in judge.get("accuracy", {}).items() if value < TRUSTED}
    if not weak:
        return ""
    heads = ", ".join(f"{head} {100 * value:.1f} %" for head, value in weak.items())
    return f"the judge itself is right on fewer than 99 % of real test clips ({heads})"


def _broken(promise: str, why: str) -> str:
    return f"breaks the promise '{promise}' ({BREAKABLE.get(promise, 'one of those of a model')}): {why}"
