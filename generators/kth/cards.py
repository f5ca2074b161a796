"""The cards of `kth`."""

from __future__ import annotations

from dataclasses import replace

from stbench.contract.datasets import Card

_BIBTEX = """@inproceedings{schuldt2004recognizing,
  title     = {Recognizing Human Actions: A Local {SVM} Approach},
  author    = {Schuldt, Christian and Laptev, Ivan and Caputo, Barbara},
  booktitle = {International Conference on Pattern Recognition},
  volume    = {3},
  pages     = {32--36},
  year      = {2004}
}"""

INSTRUCTIONS = """The KTH action videos are public for non-commercial use on condition that Schuldt, Laptev and Caputo,
ICPR 2004, is cited; no program fetches them, because no checksum of the archives is published.
Get walking.zip, jogging.zip, running.zip, boxing.zip, handwaving.zip, handclapping.zip (150-240 MB each) and
00sequences.txt from https://www.csc.kth.se/cvap/actions/ and unpack each archive into a folder of its name:
RAW/kth/raw/walking/person01_walking_d1_uncomp.avi, ..., RAW/kth/raw/00sequences.txt. 599 videos are right:
person13_handclapping_d3 was never there. Without 00sequences.txt the intervals that come with stbench are used, which
are the same numbers. `stbench generate kth --source simulated` does without any file."""

KTH = Card(
    title="KTH actions",
    summary="25 persons who walk, jog, run, box, wave and clap; 2,391 sequences of 24 to 362 grey frames, 64 x 64.",
    origin=(
        "599 videos of 25 persons, 6 actions and 4 scenarios, 160 x 120 at 25 frames per second, before a plain "
        "background and a static camera (Schuldt, Laptev and Caputo 2004); one sequence for each interval of their "
        "list."
    ),
    dimensions=(
        "sequence 2,391 (1,720 train, 192 val, 479 test, of these 452 with a test clip), time up to 362 (row_size says "
        "how many; 227,637 frames in all), channel 1, y 64, x 64; uint8"
    ),
    factors={
        "action": "0 boxing, 1 handclapping, 2 handwaving, 3 jogging, 4 running, 5 walking",
        "person": "1 to 25",
        "scenario": "1 outdoors, 2 outdoors with scale variation, 3 outdoors with other clothes, 4 indoors",
        "interval": "number of the interval in its video, 1 to 4; 0 for whole videos and drawn clips",
        "first_frame": "number of the first frame in its video, from 1",
    },
    units="grey value; stored 0..255, used as 0..1",
    boundary="people enter and leave the picture",
    preprocessing=(
        "luma of the decoded video, limited range (16..235) stretched to 0..255; resized to 64 x 64 with the aspect "
        "not kept, as published, bicubic with antialiasing (Pillow, in integers); frames are divided by 255 when read"
    ),
    quirks=(
        "person13_handclapping_d3 is missing in the database: 599 videos, not 600",
        "person01_boxing_d4 is damaged in some copies of the archive; where it cannot be decoded it is left out, a "
        "note says so, and the split has another id",
        "published counts of KTH never match, since clips were cut and drawn in each project anew; here the clips are "
        "fixed: split kth/1 names for each test interval of at least 40 frames the middle 40 (10 given, 30 asked)",
        "27 test intervals, all of running people, are shorter than 40 frames and have no test clip",
        "persons 21-25 are never seen in training, as published, and val is persons 19 and 20, which the field trains "
        "on",
        "`--set variant=srvp`: whole videos of persons 1-20 and the 1,000 test clips of SRVP (NumPy legacy seed 42); "
        "its folder listing puts frame 1000 before frame 101, which only concerns videos of over 999 frames and is not"
        " repeated here",
        "DrNet, SVG and SRVP scale with ffmpeg's default filter, so that grey values differ in the last digits from "
        "theirs",
        "the persons of the database's own recognition split (train 11-18, ...) are another convention, not used here",
        "in 160 x 120 pixels a frame is 4:3; stored square, people look slim",
    ),
    licence=(
        "public for non-commercial use, cite Schuldt et al. 2004; the index of intervals consists of numbers of that "
        "list"
    ),
    reference="Schuldt, Laptev and Caputo 2004, Recognizing Human Actions: A Local SVM Approach, ICPR",
    bibtex=_BIBTEX,
    keywords="human actions, video, video prediction",
    cost="not measured on the official videos, which were not at hand; see the simulated card",
)

SIMULATED = replace(
    KTH,
    title="KTH actions (simulated)",
    summary=(
        "Simulated stand-in, not KTH: 25 drawn people who walk, jog, run, box, wave and clap; 2,391 sequences of 24 to "
        "362 grey frames, 64 x 64."
    ),
    origin=(
        "Simulated: bodies of shaded capsules before a still camera, 160 x 120; build, clothes and gait drawn per "
        "person, place, light and noise per video. Hip, knee and elbow angles follow sines of the phase of the step; a"
        " punch, a wave and a clap are given by the path of the hands. Videos, persons, scenarios and intervals are "
        "those of KTH."
    ),
    quirks=(
        "nobody was filmed: scores do not compare with published ones",
        "frames go to the store directly; with `--set write_raw=true` they are written first as AVI files in the "
        "layout of KTH (FFV1, lossless) and imported, which gives the same frames",
        "feet may slide a little: a person's cadence is fixed and the length of a pass is that of the interval",
        "an interval ends when the person has left the picture, so its last frames, and the first ones, are nearly "
        "empty",
        *KTH.quirks[3:5],
    ),
    licence="no rights reserved: the people are drawn by stbench",
    cost=(
        "34 s on two cores with two workers, 52 s of processor time, 28 MB/s of frames, 380 MB of memory at most; "
        "0.93 GB of frames (3.5 GB with the padding), 0.84 GB on disk; with "
        "write_raw, by 72 of the 599 videos, 90 s more to write 2.9 GB of AVI files and 80 s to import them"
    ),
)

_QUIRKS_128 = (
    *KTH.quirks[:2],
    "published counts of KTH never match, since clips were cut in each project anew; here test windows follow one "
    "another in every test interval: 2,380 of 10 + 20 frames, 1,251 of 10 + 40. Public code takes a window every 3 "
    "frames of jogging and running people, which counts those frames ten times",
    "windows of one interval share no frame, but the list has intervals that overlap (person21_handclapping_d1: "
    "225-365 and 266-500; person21_boxing_d2: 113-162 and 153-254), so that 6 test windows of either length share "
    "frames with a window of another interval",
    "E3D-LSTM's paper counts 108,717 training and 4,086 test clips, users of its loader other numbers; here a training "
    "window begins at every frame",
    "4 test intervals are shorter than 30 frames, and 100, most of running people, shorter than 50: they have no "
    "window of that length",
    "persons 17-25 are never seen in training, as published; val is persons 15 and 16, which the field trains on; much "
    "public code chooses its models on the test persons",
    "the field's tables train 10 -> 20, as here; the first papers trained 10 -> 10",
    KTH.quirks[-1],
)

KTH_128 = replace(
    KTH,
    title="KTH actions, 128 x 128",
    summary="KTH as tables of video prediction have it: 2,391 sequences of 24 to 362 grey frames, 128 x 128.",
    dimensions=(
        "sequence 2,391 (1,337 train, 191 val, 863 test, of these 859 with a test window), time up to 362 (row_size "
        "says how many; 227,637 frames in all), channel 1, y 128, x 128; uint8"
    ),
    preprocessing=KTH.preprocessing.replace("64 x 64", "128 x 128"),
    quirks=_QUIRKS_128,
)

SIMULATED_128 = replace(
    SIMULATED,
    title="KTH actions, 128 x 128 (simulated)",
    summary=(
        "Simulated stand-in, not KTH: 25 drawn people who walk, jog, run, box, wave and clap; 2,391 sequences of 24 to "
        "362 grey frames, 128 x 128."
    ),
    dimensions=KTH_128.dimensions,
    preprocessing=KTH_128.preprocessing,
    quirks=(*SIMULATED.quirks[:4], *_QUIRKS_128[2:7]),
    cost=(
        "2 min 25 s with one worker beside other work, 142 s of processor time, 0.96 GB of memory at most; 3.7 GB of "
        "frames (14 GB with the padding), as much on disk"
    ),
)
