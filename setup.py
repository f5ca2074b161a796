"""Finds the packages: `generators/` and `baselines/` are rooms of `stbench` that lie beside it in the source tree."""

from setuptools import find_packages, setup

ROOMS = {
    "stbench": "stbench",
    "stbench.generators": "generators",
    "stbench.baselines": "baselines",
    "stbench.leaderboards": "leaderboards",
}

setup(
    package_dir=ROOMS,
    packages=[
        name for room, folder in ROOMS.items() for name in (room, *(f"{room}.{each}" for each in find_packages(folder)))
    ],
)
