"""A swap by a trained phydnet whose content passes the physical branch, and whose motion passes the residual one.

    stbench run --model phydnet --dataset chairs --track swap-15 --preset cpu
    python docs/phydnet_branches.py chairs swap-15 --preset cpu [--runs runs]

`PhyDNet.swap` takes the residual state from the content and the physical one from the motion, which is our reading.
Here its two windows are exchanged. The weights are those of the run, the protocol is the swap track's, and the scores
are only printed: they belong to no row. docs/reproduction.md has the figures.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import tempfile
from pathlib import Path

from stbench.baselines.phydnet import PhyDNet
from torch import Tensor

from stbench.cli.main import cli

swap = PhyDNet.swap


def exchanged(self: PhyDNet, content: Tensor, motion: Tensor, horizon: int) -> Tensor:
    return swap(self, content=motion, motion=content, horizon=horizon)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=["chairs", "moving-mnist"])
    parser.add_argument("track", choices=["swap-10", "swap-15", "swap-95"])
    parser.add_argument("--preset", default="cpu")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    trained = options.runs / options.preset / options.dataset / "trained" / "phydnet"
    if not trained.is_dir():
        parser.error(f"no training of phydnet on {options.dataset} was found at {trained}: run the first command first")
    PhyDNet.swap = exchanged  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        shutil.copytree(trained, out / options.preset / options.dataset / "trained" / "phydnet")
        run = f"run --model phydnet --dataset {options.dataset} --track {options.track} --preset {options.preset}"
        cli.main([*run.split(), "--out", folder, "--no-table", "--reuse-checkpoint"], standalone_mode=False)
        (results,) = out.glob(f"{options.preset}/{options.dataset}/{options.track}/phydnet/*/results.csv")
        for row in csv.DictReader(results.open()):
            if ".." in row["lead_time"]:
                print(f"{row['metric']:24}{row['lead_time']:>8}{float(row['value']):12.5f}")


if __name__ == "__main__":
    main()
