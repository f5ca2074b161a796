"""A swap by a trained phydnet whose content passes the physical branch, and whose motion passes the residual one.

    stbench run --model phydnet --dataset chairs --track swap-15 --preset cpu
    python docs/phydnet_branches.py chairs/swap-15 --preset cpu [--runs runs]

`PhyDNet.swap` takes the residual state from the content and the physical one from the motion, which is our reading.
Here its two windows are exchanged. The weights are those of the run, the protocol is the swap track's, and the scores
are only printed: they belong to no row. docs/reproduction.md has the figures.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from unittest.mock import patch

from stbench.baselines.phydnet.model import PhyDNet
from torch import Tensor

from stbench.cli import console
from stbench.contract.presets import PRESETS
from stbench.errors import StbenchError
from stbench.results.aggregate import read_results
from stbench.running.run import run

TRACKS = ("chairs/swap-15", "moving-mnist/swap-10", "moving-mnist/swap-95")
swap = PhyDNet.swap


def exchanged(self: PhyDNet, content: Tensor, motion: Tensor, horizon: int) -> Tensor:
    return swap(self, content=motion, motion=content, horizon=horizon)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("track", choices=TRACKS)
    parser.add_argument("--preset", default="cpu", choices=[*PRESETS])
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    dataset, _, track = options.track.partition("/")
    trained = Path(options.preset, dataset, "trained", "phydnet")
    if not (options.runs / trained).is_dir():
        parser.error(f"no training of phydnet was found at {options.runs / trained}: run the first command of --help")
    # A folder of its own, which goes away: a run that stayed would look like a row of phydnet.
    with tempfile.TemporaryDirectory() as folder, patch.object(PhyDNet, "swap", exchanged):
        shutil.copytree(options.runs / trained, folder / trained)
        try:
            result = run(
                "phydnet",
                dataset,
                track=track,
                preset=options.preset,
                runs=Path(folder),
                reuse_checkpoint=True,
                progress=console,
            )
        except StbenchError as error:
            parser.error(str(error))
        for row in read_results(result.folder):
            if ".." in row.lead_time:
                print(f"{row.metric:24}{row.lead_time:>8}{row.value:12.5f}")


if __name__ == "__main__":
    main()
