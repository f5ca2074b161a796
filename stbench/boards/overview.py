"""Many tracks at a glance: skill over the best floor and win rate of every model of a preset.

    r_t   = E_t / F_t, clipped to 0.01..100          E_t the model's, F_t the best floor's ranking metric on track t;
                                                     for one where higher is better r_t = F_t / E_t
    skill = 1 - (Π_t r_t)^(1/n)                      0 as good as the best floor of each track, 1 perfect
    win   = mean_t mean_j [E_t beats E_tj] + ½ [E_t = E_tj],    j over the other models of the suite, floors among them

A suite is a set of tracks and all models that were run on each of them, so that no model is spared a hard track. Every
set of two tracks or more that some model was run on is one, unless floors alone have it in common. A track counts where
every floor that applies was run (`Board.lacking`), at least one, and the ranking metric of nobody is negative or
infinite. Of a model with several configurations on a track the one run last counts.

The 95 % intervals are percentile bootstraps in two levels: tracks are drawn, then clusters (and seeds, where there are
several) within each; without means per cluster a value on a track stays what it is (`Place.resampled` counts the
others). Tracks are few, so the intervals are too narrow (docs/statistics.md).

Definitions: O. Shchur et al., fev-bench: A Realistic Benchmark for Time Series Forecasting, arXiv:2509.26468, 2025,
section 4, whose baseline is one model; here it is the best floor of each track.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from stbench import registry
from stbench.boards.board import Board, Line
from stbench.boards.cells import harmless
from stbench.boards.comparison import Values, values_of
from stbench.boards.derived import multiplicities, same_clusters
from stbench.results.aggregate import CONFIDENCE, RESAMPLES, SEED

CLIP = 0.01, 100.0
FORMAT = "1"
"""Of `overview.csv`."""
COLUMNS = (
    *("preset", "suite", "n_tracks", "n_models", "model", "floor"),
    *("skill", "skill_low", "skill_high", "win_rate", "win_low", "win_high"),
    *("resampled_tracks", "tracks", "format"),
)


@dataclass(frozen=True)
class SuiteTrack:
    """A track of a suite."""

    track: str
    source: str
    metric: str
    """The ranking one."""
    floor: str
    """The best floor."""
    floor_value: float

    @property
    def name(self) -> str:
        return f"{self.track} (simulated)" if self.source == "simulated" else self.track


@dataclass(frozen=True)
class Place:
    """A model in a suite, with 95 % intervals."""

    model: str
    floor: bool
    skill: float
    skill_low: float
    skill_high: float
    win_rate: float
    win_low: float
    win_high: float
    by_track: tuple[float, ...]
    """1 - r_t, in the order of the suite's tracks."""
    resampled: int
    """Tracks on which its clusters were resampled, too."""


@dataclass(frozen=True)
class Suite:
    """Models that were all run on the same tracks."""

    tracks: tuple[SuiteTrack, ...]
    places: tuple[Place, ...]
    """By descending skill."""


@dataclass(frozen=True)
class Overview:
    """The suites of a preset, that of the most tracks first."""

    preset: str
    suites: tuple[Suite, ...]

    @property
    def headline(self) -> Suite:
        """That of the most tracks times models that are no floors; of equals the one of more tracks."""
        return max(self.suites, key=lambda suite: len(suite.tracks) * sum(not each.floor for each in suite.places))


@dataclass(frozen=True)
class _Column:
    """A track with the values of every model, drawn again and again."""

    about: SuiteTrack
    higher_is_better: bool
    values: Mapping[str, float]
    draws: Mapping[str, np.ndarray]
    """(RESAMPLES,) of models with means per cluster."""
    floors: frozenset[str]

    def ratio(self, model: str) -> np.ndarray:
        """r_t: first of the values themselves, then of every draw, (1 + RESAMPLES,)."""
        own, floor = (self._drawn(each) for each in (model, self.about.floor))
        return _ratio(own, floor, self.higher_is_better)

    def _drawn(self, model: str) -> np.ndarray:
        draws = self.draws.get(model)
        constant = np.full(RESAMPLES, self.values[model])
        return np.concatenate([[self.values[model]], constant if draws is None else draws])

    def wins(self, models: Sequence[str]) -> np.ndarray:
        """Share of the others that each model beats, ties half, (models, 1 + RESAMPLES)."""
        from scipy.stats import rankdata  # type: ignore[import-untyped]

        errors = np.stack([self._drawn(model) for model in models]) * (-1 if self.higher_is_better else 1)
        return np.asarray((len(models) - rankdata(errors, axis=0)) / (len(models) - 1))


def overviews(boards: Sequence[Board]) -> list[Overview]:
    """One for each preset that has a suite, ordered by preset."""
    found = []
    ordered = sorted(boards, key=lambda board: (board.preset, board.track.id, board.source))
    for preset, group in groupby(ordered, key=lambda board: board.preset):
        columns = [column for board in group if (column := _column(board)) is not None]
        if suites := tuple(_suites(columns)):
            found.append(Overview(preset, suites))
    return found


@dataclass(frozen=True)
class TrackSkill:
    """Every model of a board beside its best floor."""

    about: SuiteTrack
    skill: Mapping[str, float]
    """Model -> 1 - r_t."""
    lines: Mapping[str, Line]
    """Model -> its configuration that counts."""


def track_skill(board: Board) -> TrackSkill | None:
    """On the newest data of a board; None without all floors, or where a ratio has no meaning."""
    if (there := _values(board)) is None:
        return None
    about, higher, values, lines = there
    ratios = {model: float(_ratio(np.array(value), np.array(about.floor_value), higher)) for model, value in values}
    return TrackSkill(about, {model: 1 - ratio for model, ratio in ratios.items()}, lines)


def _column(board: Board) -> _Column | None:
    """Of the newest data of a board; None without all floors, or where a ratio has no meaning."""
    if (there := _values(board)) is None:
        return None
    about, higher, values, lines = there
    floors = frozenset(model for model, _ in values if lines[model].record.floor)
    seed = int(board.blocks[0].dataset_digest[:8] or "0", 16)
    draws = _draws(lines, about.metric, board.mean_lead_time, seed)
    return _Column(about, higher, dict(values), draws, floors)


def _values(board: Board) -> tuple[SuiteTrack, bool, tuple[tuple[str, float], ...], Mapping[str, Line]] | None:
    """The track with its best floor, whether higher is better, and every model's value and line."""
    if not board.metrics or not board.blocks or board.lacking:
        return None
    metric, lead_time = board.metrics[0], board.mean_lead_time
    lines: dict[str, Line] = {}
    for line in board.blocks[0].lines:
        if line.rank is not None and (line.model not in lines or line.finished > lines[line.model].finished):
            lines[line.model] = line
    summaries = {model: found for model, line in lines.items() if (found := line.summary(metric, lead_time))}
    values = {model: found.value for model, found in summaries.items()}
    floors = {model for model in values if lines[model].record.floor}
    if not floors or not all(0 <= each < math.inf for each in values.values()):
        return None
    higher = registry.metric(metric).higher_is_better
    best = min(sorted(floors), key=lambda model: -values[model] if higher else values[model])
    about = SuiteTrack(board.track.id, board.source, metric, best, values[best])
    return about, higher, tuple(values.items()), lines


def _ratio(own: np.ndarray, floor: np.ndarray, higher_is_better: bool) -> np.ndarray:
    """r_t."""
    above, below = (floor, own) if higher_is_better else (own, floor)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(above == below, 1.0, above / below)
    clipped: np.ndarray = np.clip(found, *CLIP)
    return clipped


def _draws(lines: Mapping[str, Line], metric: str, lead_time: str, seed: int) -> dict[str, np.ndarray]:
    """Of the models with means of the same clusters: values of drawn seeds on drawn clusters, the same for all."""
    there = {
        model: each for model, line in lines.items() if isinstance(each := values_of(line, metric, lead_time), Values)
    }
    first = next(iter(there.values()), None)
    if first is None or len(first.means.cluster) < 2:
        return {}
    alike = {
        m: v.values for m, v in there.items() if same_clusters(first.means, v.means) and np.isfinite(v.values).all()
    }
    weights, finish = first.means.windows.astype(np.float64), registry.metric(metric).finish
    found: dict[str, list[np.ndarray]] = {model: [] for model in alike}
    rng = np.random.default_rng([SEED, seed])
    for times in multiplicities(len(weights), seed):
        times = times * weights
        n = times.sum(axis=1)
        for model, values in alike.items():
            of_seeds = np.asarray(finish((times @ values.T.astype(np.float64)) / n[:, None]))
            chosen = rng.integers(0, len(values), of_seeds.shape)
            found[model].append(np.take_along_axis(of_seeds, chosen, axis=1).mean(axis=1))
    return {model: np.concatenate(parts) for model, parts in found.items()}


def _suites(columns: Sequence[_Column]) -> Iterator[Suite]:
    floors = frozenset[str]().union(*(column.floors for column in columns))
    where: dict[str, frozenset[int]] = {}
    for model in sorted({model for column in columns for model in column.values}):
        where[model] = frozenset(k for k, column in enumerate(columns) if model in column.values)
    sets = {each for each in where.values() if len(each) > 1}
    for tracks in sorted(sets, key=lambda each: (-len(each), sorted(each))):
        models = [model for model, own in where.items() if tracks <= own]
        if len(models) > 1 and not floors.issuperset(models):
            yield _suite([columns[k] for k in sorted(tracks)], models)


def _suite(columns: Sequence[_Column], models: Sequence[str]) -> Suite:
    n = len(columns)
    # (track, model, 1 + RESAMPLES): the first entry is that of the values themselves.
    logs = np.log(np.stack([[column.ratio(model) for model in models] for column in columns]))
    wins = np.stack([column.wins(models) for column in columns])
    chosen = np.random.default_rng([SEED, n]).integers(0, n, (RESAMPLES, n))
    times = np.stack([(chosen == k).mean(axis=1) for k in range(n)])
    places = []
    for k, model in enumerate(models):
        skill, win = 1 - np.exp(logs[:, k, 0].mean()), wins[:, k, 0].mean()
        ends = [
            np.percentile(each, [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)])
            for each in (1 - np.exp((logs[:, k, 1:] * times).sum(axis=0)), (wins[:, k, 1:] * times).sum(axis=0))
        ]
        by_track = tuple(float(1 - np.exp(each)) for each in logs[:, k, 0])
        resampled = sum(model in column.draws for column in columns)
        (skill_low, skill_high), (win_low, win_high) = (tuple(map(float, each)) for each in ends)
        places.append(
            Place(
                model=model,
                floor=any(model in column.floors for column in columns),
                skill=float(skill),
                skill_low=skill_low,
                skill_high=skill_high,
                win_rate=float(win),
                win_low=win_low,
                win_high=win_high,
                by_track=by_track,
                resampled=resampled,
            )
        )
    places.sort(key=lambda place: (-place.skill, place.model))
    return Suite(tuple(column.about for column in columns), tuple(places))


def overview_csv(overview: Overview) -> str:
    """`overview.csv` of a preset."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, suite in enumerate(overview.suites, 1):
        tracks = "; ".join(track.name for track in suite.tracks)
        for place in suite.places:
            shares = (place.skill, place.skill_low, place.skill_high, place.win_rate, place.win_low, place.win_high)
            front = (overview.preset, number, len(suite.tracks), len(suite.places), harmless(place.model))
            cells = (*front, "yes" if place.floor else "no", *(f"{each:.4g}" for each in shares))
            writer.writerow((*cells, place.resampled, harmless(tracks), FORMAT))
    return text.getvalue()
