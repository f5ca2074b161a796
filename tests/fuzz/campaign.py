"""The fuzz campaign. Prints a table and every finding; exit code 1 where there is one.

    make fuzz
    python tests/fuzz/campaign.py --importers 500 --flips 1500 --records 200 --seed 0 --jobs 2
    python tests/fuzz/campaign.py --only taxibj --importers 50
    python tests/fuzz/campaign.py --repeat "taxibj/0/17"      # one case: subject, seed and number

`--importers`: mutations of the raw files of each importer; `--flips`: bits of stores, of their metadata and of
half-written stores, a third each; `--records`: mutations of checkpoints and records. Findings stand in
.fuzz/findings.jsonl, and the files of each under .fuzz.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "store"))

import importers
from raw_files import BY_NAME
from watch import GOOD, Begin, Case, Outcome, run

DATASETS = ("toy", "waveeq-100", "moving-mnist")
FLIPPED = ("store", "metadata", "half-written")
RECORDS = "checkpoints, records"
COLUMNS = ("refused", "same", "told", "different")
SHORT = {"damaged": "refused", "mended": "same", "unnoticed": "silent", "different": "silent"}
"""Kinds of `stores.Outcome`."""


def begin_flips(name: str, seed: int, scratch: Path) -> Case:
    """Bits of one of `FLIPPED`, the datasets in turn; of half-written stores those begun and those nearly finished."""
    from begun import case_of
    from stores import continued, verified

    os.environ["STBENCH_DATA"] = str(scratch / "data")
    made = cache(lambda dataset: case_of(dataset, scratch / dataset))

    def attempt(case: int) -> Outcome:
        each = made(DATASETS[case % len(DATASETS)])
        if name == "half-written":
            folder = (each.begun, each.finishing)[case // len(DATASETS) % 2]
            (found,) = continued(folder, each.go_on, each.whole, [case], seed)
        else:
            (found,) = verified(each.whole, [case], seed, _is_metadata if name == "metadata" else _any)
        kind = SHORT.get(found.kind, found.kind)
        return Outcome(name, case, seed, str(found.flip), kind, found.told)

    for dataset in DATASETS:
        made(dataset)
    return attempt


def _any(name: str) -> bool:
    return True


def _is_metadata(name: str) -> bool:
    return name.endswith("zarr.json") or name.startswith("integrity/")


def begin_records(name: str, seed: int, scratch: Path) -> Case:
    from records import campaign, checkpoint_subject, run_subjects

    subjects = [checkpoint_subject(scratch), *run_subjects(scratch)]

    def attempt(case: int) -> Outcome:
        place = scratch / f"case-{case}"
        place.mkdir()
        (found,) = campaign([subjects[case % len(subjects)]], [case], seed, place)
        shutil.rmtree(place)
        unnoticed = "silent" if found.subject == "checkpoint" else "different"
        kind = unnoticed if found.kind == "other" else found.kind
        return Outcome(name, case, seed, f"{found.subject} {found.mutation}", kind, found.said)

    return attempt


def begin_of(name: str) -> Begin:
    return importers.begin if name in BY_NAME else begin_records if name == RECORDS else begin_flips


def line(name: object, numbers: Iterable[object]) -> str:
    return f"{name!s:21}" + "".join(f"{each!s:>11}" for each in numbers)


def counted(name: str, found: list[Outcome], seconds: float) -> str:
    kinds = Counter(each.kind for each in found)
    numbers = [len(found), *(kinds[kind] for kind in COLUMNS), sum(each.kind not in GOOD for each in found)]
    slowest = max((each.seconds for each in found), default=0.0)
    return line(name, (*numbers, f"{slowest:.1f} s", f"{seconds:.0f} s"))


def campaign(
    counts: dict[str, int], seed: int, jobs: int, folder: Path, on_subject: Callable[[str], object] = print
) -> list[Outcome]:
    """Every outcome of so many cases of each subject; findings into `folder` as they come."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

    def of(name: str) -> list[Outcome]:
        begun, found = time.monotonic(), []
        for each in run(begin_of(name), name, range(counts[name]), seed, folder / "files"):
            found.append(each)
            if each.kind not in GOOD:
                with (folder / "findings.jsonl").open("a") as file:
                    file.write(json.dumps(asdict(each)) + "\n")
        on_subject(counted(name, found, time.monotonic() - begun))
        for good in folder.glob(f"files/{name.replace(' ', '-')}-*/good"):
            shutil.rmtree(good)
        return found

    with ThreadPoolExecutor(jobs) as pool:
        return [each for found in pool.map(of, counts) for each in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--importers", type=int, default=500)
    parser.add_argument("--flips", type=int, default=1500)
    parser.add_argument("--records", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=(*BY_NAME, *FLIPPED, RECORDS))
    parser.add_argument("--repeat", metavar="SUBJECT/SEED/CASE")
    options = parser.parse_args()
    folder = Path(".fuzz").absolute()
    if options.repeat:
        name, seed, case = options.repeat.rsplit("/", 2)
        for each in run(begin_of(name), name, [int(case)], int(seed), folder / "repeated" / str(os.getpid())):
            print(f"{each.mutation}\n{each.kind} {each.said}")
        print(f"files of a finding: {folder / 'repeated' / str(os.getpid())}")
        sys.exit(each.kind not in GOOD)
    counts = {name: options.importers for name in BY_NAME}
    counts |= {name: options.flips // len(FLIPPED) for name in FLIPPED} | {RECORDS: options.records}
    counts = {name: count for name, count in counts.items() if name in (options.only or counts) and count}
    begun = time.monotonic()
    print(line("", ("mutations", *COLUMNS, "findings", "slowest", "took")), flush=True)
    found = campaign(counts, options.seed, options.jobs, folder, lambda text: print(text, flush=True))
    print(counted("all", found, time.monotonic() - begun))
    findings = [each for each in found if each.kind not in GOOD]
    for each in findings:
        print(
            f"\n{each.subject}/{each.seed}/{each.case}: {each.kind} after {each.mutation}\n{each.said.strip()[-2000:]}"
        )
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
