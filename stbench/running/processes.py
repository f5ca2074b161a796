"""A command of stbench in a process of its own, forked from one that has imported what every command imports."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

WARM = "stbench.running.warm"


class Processes:
    """Starts commands, all in one environment. Libraries take the number of their threads from it when they are
    imported, which is once, before the first command of this process.

    Where a system has no fork server, each command imports everything itself.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        forks = "forkserver" in multiprocessing.get_all_start_methods()
        self._context: Any = multiprocessing.get_context("forkserver" if forks else "spawn")
        if forks:
            from multiprocessing import forkserver

            self._context.set_forkserver_preload([WARM])
            own = dict(os.environ)
            _take(self.environment)
            try:
                forkserver.ensure_running()
            finally:
                _take(own)

    def call(self, words: Sequence[str], out: Path | None = None) -> int:
        """Run `stbench WORDS...` to its end: its exit code, or minus the number of the signal that ended it. What it
        prints goes to the file `out`, if there is one."""
        process = self._context.Process(target=_command, args=(tuple(words), self.environment, os.getcwd(), out))
        process.start()
        process.join()
        code: int = process.exitcode
        return code


def _command(words: Sequence[str], environment: Mapping[str, str], folder: str, out: Path | None) -> None:
    os.chdir(folder)
    _take(environment)
    if out is not None:
        with out.open("wb") as file:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
    sys.argv = ["stbench", *words]
    runpy.run_module("stbench", run_name="__main__", alter_sys=True)


def _take(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
