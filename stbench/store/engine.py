"""Runs one task per shard on Dask: threads or processes here, or a cluster that is already running."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Any

from stbench.errors import StbenchError, nearest

LOCAL = ("threads", "processes")
SCHEMES = ("tcp", "tls", "ws", "wss", "ucx")
CONNECT_TIMEOUT = "10s"
_PLACE = re.compile(r"[^/\s]+:\d{1,5}/?")
WAVE = 64
"""Tasks per worker in one graph. A graph of all shards would grow with the data set."""


def check_scheduler(scheduler: str) -> None:
    """`StbenchError` for what is neither "threads", "processes" nor the address of a cluster."""
    if scheduler in LOCAL:
        return
    scheme, _, place = scheduler.partition("://")
    if place and (scheme not in SCHEMES or not _PLACE.fullmatch(place)):
        raise StbenchError(
            f"'{scheduler}' is no address of a Dask scheduler: write {', '.join(f'{each}://' for each in SCHEMES)} and "
            "then host:port, such as tcp://127.0.0.1:8786"
        )
    if not place:
        raise StbenchError(
            f"there is no scheduler '{scheduler}': {nearest(scheduler, LOCAL)}, or the address of a running Dask "
            "cluster such as tcp://127.0.0.1:8786"
        )


def reach_scheduler(scheduler: str) -> None:
    """`StbenchError` where no cluster answers at an address, before anything is written for it; others are here."""
    if "://" not in scheduler:
        return
    with _connecting(scheduler), ThreadPoolExecutor(1) as aside:  # in a notebook this thread has a loop that runs
        # A client that cannot connect closes itself when it is collected, with a traceback nobody can catch.
        aside.submit(asyncio.run, _knock(scheduler)).result()


@contextmanager
def _connecting(address: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # distributed has no exception of its own for this
        told = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise StbenchError(
            f"there is no Dask scheduler at {address} ({told}): start one or leave --scheduler out"
        ) from None


def run_tasks(
    task: Callable[[int], int],
    numbers: Sequence[int],
    workers: int | None,
    scheduler: str,
    on_done: Callable[[int], None],
) -> None:
    """Call `task(number)` for each number, at most `workers` at once; `on_done(result)` here after each.

    `workers` defaults to the cores here, or the threads of the cluster. The first exception of a task is raised here
    and no further task starts. `StbenchError` where a worker process dies or no cluster answers.
    """
    if "://" in scheduler:
        _on_cluster(task, numbers, workers, scheduler, on_done)
        return
    try:
        _here(task, numbers, workers or os.cpu_count() or 1, scheduler, on_done)
    except BrokenProcessPool:
        raise StbenchError(
            "a worker process died, perhaps for want of memory: run the same command again with fewer --workers, and "
            "it continues"
        ) from None


def _here(
    task: Callable[[int], int], numbers: Sequence[int], workers: int, scheduler: str, on_done: Callable[[int], None]
) -> None:
    from dask.base import compute
    from dask.callbacks import Callback
    from dask.delayed import delayed

    prefix = "shard-"

    def posttask(key: Any, result: Any, graph: Any, state: Any, worker: Any) -> None:
        if str(key).startswith(prefix):
            on_done(result)

    call = delayed(task, pure=False, traverse=False)
    with _pool(workers, scheduler) as pool, Callback(posttask=posttask):  # type: ignore[no-untyped-call]
        for wave in _waves(numbers, WAVE * workers):
            # Dask begins with the last key; raw files are better read from front to back.
            tasks = [call(number, dask_key_name=f"{prefix}{i:08d}") for i, number in enumerate(reversed(wave))]
            # chunksize: a worker takes one shard at a time, so that none has a queue while another has nothing.
            options = {"scheduler": scheduler, "pool": pool, "chunksize": 1, "optimize_graph": False}
            compute(*tasks, **options)  # type: ignore[no-untyped-call]


def _pool(workers: int, scheduler: str) -> Executor:
    if scheduler == "threads":
        return ThreadPoolExecutor(workers)
    # Spawned, not forked: zarr, numba and the BLAS have threads that a forked process would wait for in vain.
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_die_with_parent)


def _die_with_parent() -> None:
    """Let this worker end at once when the process that started it is killed; it would wait for work for ever."""

    def watch() -> None:
        if parent := multiprocessing.parent_process():
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _waves(numbers: Iterable[int], size: int) -> Iterator[list[int]]:
    rest = iter(numbers)
    while wave := list(islice(rest, size)):
        yield wave


async def _knock(address: str) -> None:
    """Connect to a scheduler and let it go; raises whatever keeps one from it."""
    from distributed.comm.core import connect
    from distributed.security import Security

    options = Security().get_connection_args("client")  # type: ignore[no-untyped-call]
    comm = await connect(address, timeout=CONNECT_TIMEOUT, **options)  # type: ignore[no-untyped-call]
    await comm.close()


def _on_cluster(
    task: Callable[[int], int],
    numbers: Sequence[int],
    workers: int | None,
    address: str,
    on_done: Callable[[int], None],
) -> None:
    from distributed import Client, as_completed
    from distributed.scheduler import KilledWorker

    reach_scheduler(address)
    with _connecting(address):
        client = Client(address, timeout=CONNECT_TIMEOUT, set_as_default=False)  # type: ignore[no-untyped-call]
    with client:
        rest = iter(numbers)
        at_once = workers or sum(client.nthreads().values()) or 1  # type: ignore[no-untyped-call]
        futures = [client.submit(task, number, pure=False) for number in islice(rest, at_once)]
        running: Any = as_completed(futures, loop=client.loop)  # type: ignore[no-untyped-call]
        try:
            for future in running:
                on_done(future.result())
                running.update([client.submit(task, number, pure=False) for number in islice(rest, 1)])
        except KilledWorker as error:
            raise StbenchError(
                f"a worker of {address} died, perhaps for want of memory ({error}): run the same command again with "
                "fewer --workers, and it continues"
            ) from None
