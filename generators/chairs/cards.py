"""The cards of `chairs`."""

from __future__ import annotations

from dataclasses import replace

from stbench.contract.datasets import Card

_BIBTEX = """@inproceedings{aubry2014seeing,
  title     = {Seeing {3D} Chairs: Exemplar Part-Based {2D-3D} Alignment Using a Large Dataset of {CAD} Models},
  author    = {Aubry, Mathieu and Maturana, Daniel and Efros, Alexei A. and Russell, Bryan C. and Sivic, Josef},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  pages     = {3762--3769},
  year      = {2014}
}

@inproceedings{dona2021pde,
  title     = {{PDE}-Driven Spatiotemporal Disentanglement},
  author    = {Don{\\`a}, J{\\'e}r{\\'e}mie and Franceschi, Jean-Yves and Lamprier, Sylvain and Gallinari, Patrick},
  booktitle = {International Conference on Learning Representations (ICLR)},
  year      = {2021}
}"""

INSTRUCTIONS = """The rendered chairs of "Seeing 3D chairs" have no mirror a program may rely on: the archive was at
https://www.di.ens.fr/willow/research/seeing3Dchairs/data/rendered_chairs.tar , a link that is often dead.
What: rendered_chairs.tar, a folder rendered_chairs/ with 1,393 folders of 32 hexadecimal digits, each with 62 PNG files
of 600 x 600 pixels, renders/image_<iii>_p<elevation>_t<azimuth>_r096.png, and a list all_chair_names.mat that is not
needed.
From whom: Mathieu Aubry and co-authors, https://www.di.ens.fr/willow/research/seeing3Dchairs/ ; where the link is dead,
ask them, or a colleague who has a copy.
Terms: no licence came with the archive; the models are from the 3D Warehouse and belong to their makers. Use it for
research, do not pass it on, cite Aubry et al. 2014 (`stbench cite chairs`).
Where to: RAW/chairs/rendered_chairs/<model>/renders/*.png, RAW being the folder of `--raw` or STBENCH_RAW. Pictures
that other programs wrote beside (0.png to 61.png) may stay. There is no published checksum: names, views, sizes and
kinds of all files are checked, and the sizes are part of the identity of the dataset.
`stbench generate chairs --source simulated` does without any file."""

CHAIRS = Card(
    title="3D chairs",
    summary="1,393 chairs that turn before a camera at two elevations; 2,786 circular sequences of 64 x 64, in colour.",
    origin=(
        "Models of the 3D Warehouse, each rendered from 31 directions at 20 and at 30 degrees of elevation on white, "
        "600 x 600 (Aubry et al. 2014); used as sequences by Donà et al. 2021."
    ),
    dimensions=(
        "sequence 2,786 (2 x 1,066 train, 2 x 118 val, 2 x 209 test), time 45 (31 views and the first 14 again), "
        "channel 3, y 64, x 64; uint8"
    ),
    factors={
        "chair": "place of the chair among the models sorted by name, 0 to 1,392",
        "model": "name of its folder, 16 bytes",
        "elevation": "of the camera, 20 or 30 degrees; of each frame where order=official",
        "azimuth": "of the camera at each frame, floor(360 k / 31) degrees, the same for all sequences",
    },
    units="colour; stored 0..255, used as 0..1",
    boundary="white ground; views go round, so a sequence has no first one",
    preprocessing=(
        "cut to columns and rows 100 to 500; resized to 64 x 64 by Lanczos (Pillow, in integers); divided by 255 when "
        "read; models sorted by name and shuffled by NumPy's legacy RandomState(42), the first 1,184 train, 209 test; "
        "validation is the last 118 of train"
    ),
    quirks=(
        "The published sequences walk the 62 files by name, so 2 of 62 steps jump from one elevation to the other (30 "
        "to 31 and 61 to 0); that is the variant order=official. Here a sequence keeps its elevation, and the windows "
        "that hold no such step are the published ones.",
        "Windows begin at every view and go round, as published: the first 14 frames are stored again at the end, so "
        "that 5 + 10 frames fit behind each of the 31 views; longer windows begin at fewer of them unless `wrap` is "
        "raised.",
        "The swap track pairs as the published script: seed 1, chair and first view of the content drawn in turn for "
        "each of 62 x 209 cases, the view below 42; the motion begins at every view. The published PSNR is of each "
        "colour channel, averaged over the three: psnr_channels; psnr is of the whole frame.",
        "The published preparation writes 0.png to 61.png beside the originals, and run twice it takes them for "
        "originals; here nothing is written beside, and such files are not read.",
        "There is no published validation set.",
        "Azimuths in names are rounded down, as 360 / 31 degrees are no whole number; the number 031 does not occur.",
    ),
    licence="none came with the files; the models belong to their makers (3D Warehouse), so images are not passed on",
    reference="Aubry, Maturana, Efros, Russell and Sivic 2014, Seeing 3D Chairs, CVPR; Donà et al., ICLR 2021",
    bibtex=_BIBTEX,
    keywords="chairs, three-dimensional shapes, rotation, renderings, disentanglement, video prediction",
    cost=(
        "not measured on the official pictures, which were not at hand; those of the stand-in, by 22 chairs, take "
        "0.11 s of one core a chair, 3 minutes for all"
    ),
)

_OF_THE_SHAPE = {
    "kind": "dining, windsor, upholstered, club, ... (14, flag_meanings names them)",
    "back": "style of the back: slats, spindles, panel, shell, ... (13, flag_meanings names them)",
    "legs": "style of the legs (13)",
    "arms": "style of the arms (6)",
    "stretchers": "style of the bars between legs (4)",
    "seat": "style of the seat (5)",
    "shape": (
        "33 numbers a chair, named by the attribute `measures`: seat_width to arm_length and cushion in metres or as "
        "ratios, tones, and the colours of frame and cover, 0 to 255"
    ),
}
SIMULATED = replace(
    CHAIRS,
    title="3D chairs (simulated)",
    summary=(
        "Simulated stand-in, not the 3D Warehouse: 1,393 parametric chairs that turn before a camera at two "
        "elevations; 2,786 circular sequences of 64 x 64, in colour."
    ),
    origin=(
        "Simulated: chairs of 14 kinds, put together from seats, backs, legs, arms and stretchers of triangles by 27 "
        "measures and tones and five styles, with light from a sky and from the side of the camera, rasterised with a "
        "z-buffer on white before the 62 cameras of the official pictures, 600 x 600."
    ),
    factors={**CHAIRS.factors, **_OF_THE_SHAPE},
    quirks=(
        "Nobody modelled these chairs: scores do not compare with published ones.",
        "Frames go to the store directly; with `--set write_raw=true` they are first written as PNG files in the "
        "official layout and imported, which gives the same bytes.",
        "Every chair is scaled to reach 190 pixels from the middle of its pictures; light goes with the camera.",
        *CHAIRS.quirks[:3],
        CHAIRS.quirks[4],
    ),
    licence="no rights reserved: the chairs are drawn by stbench",
    cost=(
        "4 minutes of processor time; 7 minutes on two cores that other work shared, not measured on free ones; 376 MB "
        "of memory at most; 1.5 GB of frames, 0.54 GB on disk; write_raw, by 22 chairs: 3.0 GB of PNG files, "
        "10 minutes of one core to write and 3 minutes to import them"
    ),
)
