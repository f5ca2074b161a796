"""Tables of boards, read back."""

from __future__ import annotations

import csv
import io
from pathlib import Path


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def main_rows(path: Path) -> dict[str, dict[str, str]]:
    """Model -> its row of the first metric over all lead times."""
    found: dict[str, dict[str, str]] = {}
    for row in rows_of(path):
        if row["lead_time"].startswith("1.."):
            found.setdefault(row["model"], row)
    return found


def files_in(out: Path) -> list[str]:
    """Boards, without the overviews of presets."""
    found = (path.relative_to(out).as_posix() for path in out.glob("*/*.csv"))
    return sorted(name for name in found if not name.endswith("/overview.csv"))


def text_of_pages(overview: Path) -> str:
    """The overview and every page beside it, one after the other."""
    return "\n".join(
        path.read_text("utf-8") for path in (overview, *sorted((overview.parent / "pages").glob("*.html")))
    )
