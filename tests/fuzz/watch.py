"""Cases run one after another in a process of their own, which may hang, die or take all memory.

    for outcome in run(begin, "taxibj", range(500), seed=0, scratch=folder): ...

`begin(name, seed, scratch)` prepares and gives a function of a case's number; what it gives is an outcome:

    same        as without the mutation
    refused     one sentence (`StbenchError`) that names a file or the folder; a store or record that is called damaged
    told        something else, and a note that says why
    different   something else, where there is no checksum or the mutation left a sound file

and, these are findings,

    silent      something else without a word, though there is a checksum
    vague       a sentence that names neither file nor folder
    traceback   any exception but `StbenchError`
    hang, crash, allocation
"""

from __future__ import annotations

import multiprocessing
import resource
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

GOOD = ("same", "refused", "told", "different")
SECONDS = 120
"""For one case, which takes one or two; one that a signal does not stop is killed after twice as long."""
BEGIN_SECONDS = 600
MOST_MORE_BYTES = 256 << 20
"""So much more memory than ever before may a case take: what it is about has less than 10 MB."""
ADDRESS_SPACE = 2 << 30


@dataclass(frozen=True)
class Outcome:
    subject: str
    case: int
    seed: int
    mutation: str
    kind: str
    said: str = ""
    seconds: float = 0.0


Case = Callable[[int], Outcome]
Begin = Callable[[str, int, Path], Case]


class TooLong(BaseException):
    pass


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """`TooLong` in the block when it takes longer. Main thread alone."""

    def ring(number: int, frame: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def watched(outcome: Outcome, use: Callable[[], tuple[str, str]]) -> Outcome:
    """`outcome` with the kind and what was said that `use()` gives, or with how it failed."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        with at_most(SECONDS):
            kind, said = use()
    except TooLong:
        kind, said = "hang", traceback.format_exc()
    except Exception:
        kind, said = "traceback", traceback.format_exc()
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) << 10
    if more > MOST_MORE_BYTES:
        kind, said = "allocation", f"{more >> 20} MiB more, then {kind}: {said}"
    return replace(outcome, kind=kind, said=said)


def run(
    begin: Begin, name: str, cases: Sequence[int], seed: int, scratch: Path, seconds: float = 2 * SECONDS
) -> Iterator[Outcome]:
    """Outcomes of these cases. A process that hangs is killed, one that dies is missed, and the next goes on."""
    context = multiprocessing.get_context("spawn")
    left, attempt = list(cases), 0
    while left:
        here, there = context.Pipe(duplex=False)
        place = scratch / f"{name.replace(' ', '-')}-{attempt}"
        place.mkdir(parents=True)
        process = context.Process(target=_serve, args=(there, begin, name, left, seed, place), daemon=True)
        process.start()
        there.close()
        case, end = None, "hang"
        with suppress(EOFError):
            while here.poll(BEGIN_SECONDS if case is None else seconds):
                match here.recv():
                    case int(case):
                        pass
                    case Outcome() as outcome:
                        left.remove(outcome.case)
                        case = None
                        yield outcome
        if not here.poll():
            process.kill()
        else:
            end = "crash"
        process.join()
        if not left:
            return
        if case is None:
            raise RuntimeError(f"{name}: its process ended between cases, exit code {process.exitcode}")
        left.remove(case)
        attempt += 1
        yield Outcome(name, case, seed, f"files under {place}", end, f"exit code {process.exitcode}")


def _serve(pipe: Any, begin: Begin, name: str, cases: Sequence[int], seed: int, scratch: Path) -> None:
    """The number of each case into the pipe, then its outcome."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    attempt = begin(name, seed, scratch)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + ADDRESS_SPACE, resource.RLIM_INFINITY))
    for case in cases:
        pipe.send(case)
        begun = time.monotonic()
        outcome = attempt(case)
        pipe.send(replace(outcome, seconds=round(time.monotonic() - begun, 2)))
