"""Writes docs/evidence.md from the published records, and draws its pictures from a folder of runs.

`.venv/bin/python docs/make_evidence.py` writes the page; with a folder of runs, `docs/make_evidence.py runs`, it draws
docs/images/<preset>/ first: curves from the records, frames of one test window from what those runs have kept of it, in
normalised units. Where only some learned models of a track are among them, these get a picture named after them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import zarr

from stbench.boards.board import Board, Line, Summary
from stbench.boards.curves import curves_of_block
from stbench.boards.publishing import find_runs, read_entry, read_published
from stbench.boards.ranking import boards
from stbench.pictures.forecasts import error_against_lead_time, forecast_strip, swap_grid
from stbench.results.numbers import count_text, interval_text, score_text, seconds_text

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "evidence.md"
IMAGES = ROOT / "docs" / "images"
PRESETS = ("cpu", "paper")
KEPT = "predictions.zarr"
ABSENT = "not scored"
CHANCE = "_chance"
COSTS = ("parameters", "steps", "training", "processor")
EYES = {"renderer": ("renderer_", "judge_agreement"), "judge": ("judge_", "frechet_judge")}
"""Who says what a clip shows -> how names of its metrics begin."""
HEAD = """\
# Evidence

This page is written by `docs/make_evidence.py` from the run records under `leaderboards/records/`; nothing here is
typed by hand. Each row is one run with one seed, or the mean over the seeds it names, times too; the command in
`leaderboards/<preset>/<track>.csv` repeats it.
What the figures mean, and how they compare with the published ones, is in [reproduction.md](reproduction.md). Presets
never share a table. Training time is wall time on two cores that had other work too; beside it stands the processor
time. A score carries the 95 % interval over test sequences, or what several share (a character, subject, chair or
person); "1..h" is the mean over lead times 1 to h. Every lead time of every metric, further metrics too, is in the
records' `results.csv`.
All rows of `mug` are on takes of all subjects in all parts (`--set split=clip`, split `mug/by-clip-1`), not on the
canonical split by subject.
Generated clips carry ± the standard deviation over clips, too; what stands behind a score in brackets is chance. An
infinite psnr says that some frame is exact, and one is enough for the mean: two of the 5,000 sequences of Moving MNIST
stand still.
A picture called "frames-" and models shows these alone, from their latest run; where one of them stands in a picture of
all models too, the frames there are of an earlier version.
The truth of a swap of digits has two orders, and the better one counts: a picture shows the one that was better for its
first model.
"""


def page() -> str:
    """The text of the page."""
    published = boards(read_published(ROOT / "leaderboards"))
    parts = [HEAD]
    for preset in PRESETS:
        found = [board for board in published if board.preset == preset and board.blocks]
        if found:
            parts.append(f"\n## Preset {preset}\n")
            parts += [_section(board) for board in found]
    return "".join(parts)


def _section(board: Board) -> str:
    simulated = ", simulated" if board.source == "simulated" else ""
    lines = ["", f"### {board.track.id}{simulated}", "", *_judges(board), *_table(board), ""]
    for path in sorted((IMAGES / board.preset).glob(f"{board.file_stem}-*.png")):
        rest = path.stem.removeprefix(f"{board.file_stem}-")
        if rest in {"forecast", "swap", *board.metrics} or rest.startswith("frames-"):
            lines += [f"![{board.track.id}: {rest}](images/{board.preset}/{path.name})", ""]
    return "\n".join(lines)


def _judges(board: Board) -> Iterator[str]:
    """How often the judges of a track are right on real test clips."""
    judges = {}
    for line in board.blocks[0].lines:
        if judge := line.record.judge:
            judges[judge["name"]] = judge
    for name, judge in sorted(judges.items()):
        heads = ", ".join(f"{head} {100 * value:.2f} %" for head, value in judge["accuracy"].items())
        told = ""
        if errors := judge.get("calibration"):
            told = " Calibration error: " + ", ".join(f"{head} {value:.3f}" for head, value in errors.items()) + "."
        yield f"Judge `{name}`, right on {judge['test_clips']:,} real test clips: {heads}.{told}"
        yield ""


def _table(board: Board) -> Iterator[str]:
    """The metric that ranks with its kin and the cost; what else looked at the clips has a table of its own below."""
    ranking, *others = board.shown
    ends = board.main_lead_times[1:]
    heads = ["model", f"{ranking} {board.mean_lead_time}", "95 % interval"]
    heads += [each if ".." in each else f"at {each}" for each in ends]
    by_eye: dict[str, list[str]] = {}
    for metric in others:
        if not _is_chance(metric, others):
            by_eye.setdefault(_eye(metric), []).append(metric)
    kin = by_eye.pop(_eye(ranking), [])
    lines = board.blocks[0].lines
    yield from _markdown([*heads, *kin, *COSTS], [_cells(board, line, kin) for line in lines])
    for metrics in by_eye.values():
        rows = [[_name(line), *_scores(board, line, metrics)] for line in lines]
        yield ""
        yield from _markdown(["model", *metrics], [row for row in rows if any(each != ABSENT for each in row[1:])])


def _eye(metric: str) -> str:
    """What looks at a clip."""
    return next((eye for eye in EYES if metric.startswith(EYES[eye])), "")


def _is_chance(metric: str, metrics: Sequence[str]) -> bool:
    """It stands in the cell of the metric it belongs to."""
    return metric.endswith(CHANCE) and metric.removesuffix(CHANCE) in metrics


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        return
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _name(line: Line) -> str:
    seeds = f", {len(line.entries)} seeds" if len(line.entries) > 1 else ""
    return f"`{line.model}`{seeds}" + (" (floor)" if line.record.floor else "")


def _cells(board: Board, line: Line, kin: Sequence[str]) -> list[str]:
    record = line.record
    ranking = line.summary(board.metrics[0], board.mean_lead_time)
    if ranking is None:
        return [_name(line), ABSENT]
    first = score_text(ranking.value) + _spread(board, ranking)
    cells = [_name(line), first, interval_text(ranking.value, ranking.ci_low, ranking.ci_high)]
    for lead_time in board.main_lead_times[1:]:
        found = line.summary(board.metrics[0], lead_time)
        cells.append(score_text(found.value) if found else ABSENT)
    cells += _scores(board, line, kin)
    costs = [line.train_seconds if record.steps else None, line.train_cpu_seconds]
    times = [seconds_text(each) if each is not None else "" for each in costs]
    return [*cells, count_text(record.parameters), f"{record.steps:,}" if record.steps else "", *times]


def _scores(board: Board, line: Line, metrics: Sequence[str]) -> Iterator[str]:
    """Means over lead times, with the deviation over generated clips and with chance where there is one."""
    for metric in metrics:
        found, chance = (line.summary(each, board.mean_lead_time) for each in (metric, metric + CHANCE))
        text = score_text(found.value) + _spread(board, found) if found else ABSENT
        yield f"{text} ({score_text(chance.value)})" if chance else text


def _spread(board: Board, found: Summary) -> str:
    """Single frames of a generated clip have their means alone, as in the published tables."""
    return f" ± {score_text(found.sd)}" if found.sd is not None and "/generation-" in board.track.id else ""


def draw(runs: Path) -> list[Path]:
    """Every picture of the presets of the page, as far as `runs` has the published runs; a track without learned models
    has none."""
    at_hand = {read_entry(folder).record.fingerprint: folder for folder in find_runs(runs)}
    drawn = []
    for board in boards(read_published(ROOT / "leaderboards")):
        if board.preset not in PRESETS or not board.blocks:
            continue
        learned = [line for line in board.blocks[0].lines if not line.record.floor]
        if not learned:
            continue
        drawn += _curves(board)
        # What only a judge scores has no true frames to stand beside.
        if not board.metrics[0].startswith("judge_"):
            kept = {line.model: _folder(line, at_hand, runs) / KEPT for line in learned}
            drawn += _frames(board, kept)
    return drawn


def _folder(line: Line, at_hand: Mapping[str, Path], otherwise: Path) -> Path:
    """The run of the first seed that is at hand."""
    return next((at_hand[made] for each in line.entries if (made := each.record.fingerprint) in at_hand), otherwise)


def _title(board: Board) -> str:
    return f"{board.track.id}, preset {board.preset}"


def _curves(board: Board) -> list[Path]:
    if not board.by_lead_time:
        return []
    metric = board.metrics[0]
    out = IMAGES / board.preset / f"{board.file_stem}-{metric}.png"
    curves = curves_of_block(board, board.blocks[0], metric)
    return [error_against_lead_time(curves, out, metric=metric, title=_title(board), source=board.source)]


def _frames(board: Board, paths: Mapping[str, Path]) -> list[Path]:
    """One window, with every learned model of the board; where some predictions are not at hand, an older picture
    stays, and the others stand in one of their own until all are."""
    kept = {model: zarr.open_group(path, mode="r") for model, path in paths.items() if path.exists()}
    if not kept:
        return []
    first = next(iter(kept.values()))
    places = {
        model: list(zip(_array(group, "sequence"), _array(group, "start"), strict=True))
        for model, group in kept.items()
    }
    middle = _telling(first)
    window = next(iter(places.values()))[middle]
    predictions = {
        model: _array(kept[model], "prediction")[windows.index(window)]
        for model, windows in places.items()
        if window in windows
    }
    sequence, start = window
    conditioning, target = (_array(first, name)[middle] for name in ("conditioning", "target"))
    name = "swap" if "content" in first else "forecast"
    if len(kept) < len(paths):
        name = "-".join(["frames", *sorted(kept)]).replace(":", ".")
    else:
        for old in (IMAGES / board.preset).glob(f"{board.file_stem}-frames-*.png"):
            old.unlink()
    out = IMAGES / board.preset / f"{board.file_stem}-{name}.png"
    title = f"{_title(board)}\n" + ("motion of " if "content" in first else "") + f"sequence {sequence}, frame {start}"
    if "content" in first:
        content = _array(first, "content")[middle]
        return [swap_grid(content, conditioning, target, predictions, out, title=title, source=board.source)]
    return [forecast_strip(conditioning, target, predictions, out, title=title, source=board.source)]


def _telling(kept: zarr.Group) -> int:
    """The window to draw: the middle one; of swaps the nearest to it whose truth differs from its content more than in
    most, because a clip of the same action proves nothing."""
    middle = len(_array(kept, "target")) // 2
    if "content" not in kept:
        return middle
    content, target = _array(kept, "content"), _array(kept, "target")
    n = min(content.shape[1], target.shape[1])
    apart = np.abs(content[:, :n] - target[:, :n]).mean(axis=tuple(range(1, content.ndim)))
    telling = np.flatnonzero(apart >= np.median(apart))
    return int(telling[np.abs(telling - middle).argmin()])


def _array(group: zarr.Group, name: str) -> np.ndarray:
    array = group[name]
    assert isinstance(array, zarr.Array)
    return np.asarray(array[:])


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        for path in draw(Path(folder)):
            print(path.relative_to(ROOT))
    PAGE.write_text(page(), "utf-8")
    print(PAGE.relative_to(ROOT))
