"""What every run imports and reads before it does anything of its own.

The fork server of `stbench.running.processes` loads this module, and each run begins with all of it. No thread may be
started here: a fork has none of them.
"""

from __future__ import annotations

import importlib
import signal
from contextlib import suppress
from pathlib import Path

import stbench
from stbench import registry
from stbench.provenance.syntax import read

LIBRARIES = (
    *("matplotlib.backends.backend_agg", "matplotlib.figure", "matplotlib.ticker", "mpl_toolkits"),
    *("numba.np.arraymath", "PIL.Image", "rich.console", "scipy.ndimage", "scipy.stats", "torch", "zarr"),
)
ROOMS = (
    *("pictures.curves", "pictures.forecasts", "protocols.kept", "protocols.scoring", "running.fit"),
    *("running.outcome", "running.run", "store.build", "training.adapter", "training.loop"),
)


def _warm() -> None:
    for name in (*LIBRARIES, *(f"stbench.{room}" for room in ROOMS)):
        with suppress(ImportError):  # torch may be missing, and a run says so when it needs it
            importlib.import_module(name)
    for name in registry.names("metrics"):
        with suppress(registry.BrokenPlugin):
            registry.metric(name)
    with suppress(ImportError):
        importlib.import_module("stbench.compiled").njit(cache=False)(_nothing)()  # with its first kernel numba loads
    # Sources, for the digest of the code that a run is made by.
    for file in Path(stbench.__file__).parent.rglob("*.py"):
        with suppress(SyntaxError, OSError):
            read(file.read_bytes())


def _nothing() -> int:
    return 0


_before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends the server without a word
_warm()
signal.signal(signal.SIGINT, _before)
