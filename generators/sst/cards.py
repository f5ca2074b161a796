"""The cards of `sst`, and what to do to get its official files."""

from __future__ import annotations

from dataclasses import replace

from stbench.contract.datasets import Card

_BIBTEX = """@inproceedings{debezenac2018deep,
  title     = {Deep Learning for Physical Processes: Incorporating Prior Scientific Knowledge},
  author    = {de B{\\'e}zenac, Emmanuel and Pajot, Arthur and Gallinari, Patrick},
  booktitle = {International Conference on Learning Representations},
  year      = {2018}
}
@inproceedings{dona2021pde,
  title     = {{PDE}-Driven Spatiotemporal Disentanglement},
  author    = {Don{\\`a}, J{\\'e}r{\\'e}mie and Franceschi, Jean-Yves and Lamprier, Sylvain and Gallinari, Patrick},
  booktitle = {International Conference on Learning Representations},
  year      = {2021}
}"""

INSTRUCTIONS = """\
The sea surface temperature of the papers comes from the Copernicus Marine Service. It wants a free account and its own
client, so it is not fetched for you.

What:  thetao, surface level (0.494 m), daily means, 1/12 degree, of the global ocean physics product
       GLOBAL_ANALYSIS_FORECAST_PHY_001_024, 2006 to 2017, or where those years are no longer served, of its reanalysis
       GLOBAL_MULTIYEAR_PHY_001_030.
Where: latitude 20 to 60 and longitude -75 to -10: the 481 x 781 points of the shipped zone table.
From:  https://marine.copernicus.eu, under the Copernicus Marine Service licence (free, with attribution).
Put:   the netCDF files, one or several that follow each other in time, into RAW/sst/, with "thetao", "cmems" or "phy"
       in their names. Or the 29 prepared files data_1.nc .. data_29.nc (thetao, daily_mean, daily_std), if their
       authors gave them to you.
Then:  stbench generate sst --source official --raw RAW"""

SST = Card(
    title="SST",
    summary=(
        "Daily sea surface temperature of the North Atlantic: 29 zones of 64 x 64 points at 1/12 degree, about ten "
        "years."
    ),
    origin=(
        "thetao of the Copernicus global ocean physics analysis (NEMO model with assimilation), surface level; or the "
        "29 zone files prepared from it by the authors. de Bezenac et al. 2018; protocol of Donà et al. 2021."
    ),
    dimensions="sequence 29 (zones), time about 3,700 (days), channel 1, y 64, x 64; float32",
    factors={
        "zone": "number of the zone, from 1",
        "row": "row of its southern edge on the ocean grid (0 where zone files were given)",
        "column": "column of its western edge on the ocean grid (0 where zone files were given)",
        "offset": "degrees Celsius to add after scaling, for each day (time)",
        "scale": "degrees Celsius per unit of the frames, for each day (time)",
    },
    units="frames without unit; scale * frames + offset is in degrees Celsius",
    boundary="open: water flows in and out of a zone; zones touch each other, so one may see what enters the next",
    preprocessing=(
        "day-of-year mean and standard deviation of the zone, then standardisation; offset and scale are stored, so "
        "that the temperature comes back to 1e-6 K. normalisation=causal (default): from the training days alone, "
        "known before the forecast; per_zone: from all days (the paper's text); per_frame: mean and standard "
        "deviation of each frame (the published code)"
    ),
    quirks=(
        "The published code standardises every frame with its own spatial mean and standard deviation, not the "
        "zone's as the paper says: its frames do not depend on the daily normals at all, and the statistics of the "
        "future frames are given away when predictions are turned back into degrees; that is the variant "
        "normalisation=per_frame.",
        "The published metric multiplies every frame's error with the constants of all ten days, because of a wrong "
        "broadcast: it is not the mean squared error in degrees.",
        "Where the 29 zones lie is in no published code; the table here is ours: boxes without land, numbered from "
        "the south-west.",
        "The published loader never uses the first two days of a part; here all windows count.",
        "The published data have no validation part; here it is the last eighth of the training days.",
        "Test zones are training zones too, on earlier days.",
    ),
    licence="Copernicus Marine Service licence: free for registered users, with attribution",
    reference="de Bézenac, Pajot, Gallinari: Deep Learning for Physical Processes, ICLR 2018; Donà et al., ICLR 2021",
    bibtex=_BIBTEX,
    keywords="sea surface temperature, oceanography, spatiotemporal prediction",
    cost=(
        "not measured on the original files; every zone is read once, so files in chunks of whole days cost more "
        "than those in small ones"
    ),
)

SIMULATED = replace(
    SST,
    title="SST (simulated)",
    summary=(
        "A simulated stand-in for SST: wind-driven gyres, a western boundary jet and eddies stir the surface "
        "temperature."
    ),
    origin=(
        "Simulated here, not observed. Quasi-geostrophic flow of 1.5 layers on a beta plane at 1/6 degree (16 km, "
        "deformation radius 40 km, Arakawa's Jacobian), driven by a double-gyre wind and randomly born eddies; "
        "temperature at 1/12 degree by semi-Lagrangian advection, relaxed in 70 days to a climate with seasons and "
        "weather. Written as Copernicus netCDF and read by the importer of the official files."
    ),
    dimensions="sequence 29 (zones), time 3,652 (days of 2006 to 2015), channel 1, y 64, x 64; float32",
    boundary="open between zones; the simulated ocean has walls at its coast and at the edges of its grid",
    quirks=(
        "Not the ocean: the coast is drawn by hand, the jet follows it further north than the Gulf Stream, depth and "
        "salt do not exist.",
        "Temperatures are rounded to 0.0007 K, the step of the packed files.",
        *SST.quirks,
    ),
    licence="Computed here by code under Apache-2.0.",
    cost=(
        "4 min 46 s on two cores (267 s of processor time) and 1.1 GB of memory, the ocean included: 1.4 GB of raw "
        "files, 1.3 GB of store. Interrupted, it goes on with the year it was in"
    ),
)
