"""Numbers that papers report, `leaderboards/reported.csv`: apart from what was run here, never in a ranking."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, fields
from pathlib import Path

from stbench.documents import read_bytes
from stbench.errors import StbenchError
from stbench.metrics import current_name


@dataclass(frozen=True)
class Reported:
    """One cell of a table of a paper. The columns of `reported.csv`."""

    paper: str
    bibtex_key: str
    table: str
    row: str
    """The model, as the paper calls it."""
    dataset: str
    track: str
    """The track it may be held against; empty where there is none."""
    metric: str
    """As the paper calls it."""
    metric_here: str
    """Our metric of the same definition; empty where there is none, so that nobody compares unlike things."""
    horizon: str
    """The value is a mean over lead times 1 to this: the track's horizon, or a shorter one of the same forecasts."""
    value: str
    """As printed: digits are information."""
    std: str
    note: str
    origin: str
    """Whose run it is, where the table copies it: the `paper` of its first print, or what is known; else empty."""
    convention: str
    """Of the formula, where it is known: "sum over 1x64x64; not clipped", "9 classes"."""
    source: str
    """Where it was read: the paper, a commit of a repository; or that it was recalled and not read again."""

    @property
    def lead_times(self) -> str:
        """ "1..6" of the horizon 6: papers print means. Empty where there is no horizon."""
        return f"1..{self.horizon}" if self.horizon else ""


LARGEST = 16_000_000
"""Bytes of the file."""
COLUMNS = tuple(each.name for each in fields(Reported))


def default_path() -> Path | None:
    """`leaderboards/reported.csv` of the working folder, the installed package or its checkout; None without."""
    return beside_the_boards("reported.csv")


def beside_the_boards(name: str) -> Path | None:
    """A file of `leaderboards/` of the working folder, the installed package or its checkout; None without."""
    folders = (Path("leaderboards"), *shipped())
    return next((path for folder in folders if (path := folder / name).is_file()), None)


def shipped() -> list[Path]:
    """The folder of the leaderboards published with this version: in the installed package or its checkout."""
    package = Path(__file__).resolve().parents[1]
    folders = (package / "leaderboards", package.parent / "leaderboards")
    return [folder for folder in folders if folder.is_dir()]


def read_reported(path: Path) -> list[Reported]:
    """All numbers of the file, in its order. `StbenchError` when it is missing or not such a table."""
    try:
        text = read_bytes(Path(path), LARGEST).decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(f"its columns are not {', '.join(COLUMNS)}")
        found = []
        for cells in reader:
            if None in cells or None in cells.values():
                raise ValueError(f"line {reader.line_num} has another number of cells")
            float(cells["value"])
            found.append(Reported(**{**cells, "metric_here": current_name(cells["metric_here"])}))
        return found
    except FileNotFoundError:
        raise StbenchError(f"there is no table of reported numbers {path}") from None
    except OSError as error:
        raise StbenchError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, csv.Error) as error:
        raise StbenchError(f"{path} is no table of reported numbers, {error}: mend it") from None


def reported_for(track: str, path: Path | None = None) -> list[Reported]:
    """The numbers reported on a track ("waveeq-100/forecast-40"); none where the file is not at hand.

    A number the paper prints in two tables (the full model in an ablation) comes once, from the first. Shorter horizons
    of the track are among them.
    """
    path = path or default_path()
    found: dict[tuple[str, ...], Reported] = {}
    for each in read_reported(path) if path is not None else []:
        if each.track == track:
            found.setdefault((each.bibtex_key, each.row, each.metric, each.horizon, each.value), each)
    return list(found.values())
