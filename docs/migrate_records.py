"""Rewrites published records of an older format in today's: `.venv/bin/python docs/migrate_records.py [leaderboards]`.

What a record of format 1 lacks comes from what is at hand: its track from the registry, the digest of its results from
the file beside it. Means per cluster are marked missing, because per-sample scores are not published. Every other field
keeps its value (seed, scores, revision, command), `results.csv` is not touched, and the boards stay the same bytes.
A second run changes nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

from stbench.boards.publishing import RECORDS, completed, find_runs, read_entry
from stbench.errors import StbenchError
from stbench.results.record import RECORD

ROOT = Path(__file__).resolve().parents[1]


def migrate(published: Path) -> list[Path]:
    """Rewrite what is of an older format under `<published>/records`; gives the folders whose record changed."""
    entries = [(folder, read_entry(folder)) for folder in find_runs(published / RECORDS)]
    changed = []
    for folder, entry in entries:
        before = (folder / RECORD).read_bytes()
        completed(folder, entry, folder).write(folder)
        if (folder / RECORD).read_bytes() != before:
            changed.append(folder)
    return changed


def main() -> None:
    published = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "leaderboards"
    try:
        print(f"{len(migrate(published))} records of {published} were rewritten")
    except StbenchError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
