"""The cards of `taxibj`, and what to do to get its official files."""

from __future__ import annotations

from dataclasses import replace

from stbench.contract.datasets import Card

_BIBTEX = """@inproceedings{zhang2017deep,
  title     = {Deep Spatio-Temporal Residual Networks for Citywide Crowd Flows Prediction},
  author    = {Zhang, Junbo and Zheng, Yu and Qi, Dekang},
  booktitle = {AAAI Conference on Artificial Intelligence},
  year      = {2017}
}
@inproceedings{wang2019memory,
  title     = {Memory in Memory: A Predictive Neural Network for Learning Higher-Order Non-Stationarity from
               Spatiotemporal Dynamics},
  author    = {Wang, Yunbo and Zhang, Jianjin and Zhu, Hongyu and Long, Mingsheng and Wang, Jianmin and Yu, Philip S.},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year      = {2019}
}
@inproceedings{dona2021pde,
  title     = {{PDE}-Driven Spatiotemporal Disentanglement},
  author    = {Don{\\`a}, J{\\'e}r{\\'e}mie and Franceschi, Jean-Yves and Lamprier, Sylvain and Gallinari, Patrick},
  booktitle = {International Conference on Learning Representations},
  year      = {2021}
}"""

INSTRUCTIONS = """\
The files of TaxiBJ were published on a file-sharing site by their authors; the links are dead or ask for an account,
and no licence is stated, so they are not fetched for you.

What:  BJ13_M32x32_T30_InOut.h5, BJ14_..., BJ15_..., BJ16_M32x32_T30_InOut.h5; if you have them, also BJ_Holiday.txt
       and BJ_Meteorology.h5, which become factors.
From:  the authors of "Deep Spatio-Temporal Residual Networks for Citywide Crowd Flows Prediction" (AAAI 2017), whose
       code repository DeepST describes them, for research; please cite that paper.
Put:   all of them into RAW/taxibj/ (or RAW/TaxiBJ/).
Then:  stbench generate taxibj --source official --raw RAW

Any other file in this layout, such as BikeNYC's NYC14_M16x8_T60_NewEnd.h5, is read too, in the same folder:
       stbench generate taxibj --source official --raw RAW --set files=NYC14_M16x8_T60_NewEnd.h5"""

TAXIBJ = Card(
    title="TaxiBJ",
    summary="Taxi flows into and out of 32 x 32 cells of Beijing every half hour, four periods of 2013 to 2016.",
    origin=(
        "GPS tracks of taxis counted per cell and half hour by Zhang, Zheng and Qi (AAAI 2017); preparation of Wang et "
        "al. (MIM, CVPR 2019), used unchanged by Donà et al. (2021)."
    ),
    dimensions="sequence about 460 (complete days), time 55, channel 2 (inflow, outflow), y 32, x 32; float32",
    factors={
        "date": "day the sequence ends in",
        "weekday": "0 Monday to 6 Sunday",
        "holiday": "1 on public holidays (where BJ_Holiday.txt is there)",
        "period": "number of the file, from 0",
        "after_gap": "1 where the day before is missing: the first seven frames are NaN and in no window",
        "time": "time of day of each frame in hours, a coordinate; negative on the day before",
        "temperature": "degrees Celsius at each frame (where BJ_Meteorology.h5 is there)",
        "wind_speed": "miles per hour at each frame (where BJ_Meteorology.h5 is there)",
        "weather": "kind of weather at each frame, column of the file, -1 unknown (where BJ_Meteorology.h5 is there)",
        "offset, scale": "scale * frames + offset is a number of taxis",
    },
    units="taxis per half hour, scaled: 0 is the least and 1 the greatest of all frames but the last four weeks'",
    boundary="open: taxis enter and leave the grid",
    preprocessing=(
        "days without all 48 slots are dropped, nothing is filled in; negative counts become 0; both channels are "
        "scaled by one minimum and one maximum over all frames but the last 1,344. A sequence is a day with the last "
        "seven slots of the day before, so that a window of 4 + 4 frames may cross midnight and belongs to exactly one "
        "sequence; no window crosses a gap or two files. The last 1,344 windows (four weeks) are test, the 1,344 "
        "before them validation"
    ),
    quirks=(
        "The published windows run backwards in time: their inputs are the later frames. That is the variant "
        "order=official_reversed; here they run forward.",
        "The published windows never use the last frame before a gap or the end of a file; order=official_reversed "
        "leaves it out too, so its 1,344 test windows are the published ones. Forward windows use it: the test windows "
        "are one slot later.",
        "In the published split the last seven training windows share frames with the first test windows; here no "
        "frame is in two parts.",
        "There is no published validation part; train+val is what the papers train on, but for those windows.",
        "Minimum and maximum are of all days but the last 28, as published: validation days count, and so do the last "
        "slots of the day before the test weeks, with which the first test windows begin. Later frames may exceed 1.",
        "Published scores are 100 times the squared error summed over the 2,048 values of a frame: 204,800 times mse.",
    ),
    licence="none stated by the authors; for research, with citation",
    reference=(
        "Zhang, Zheng, Qi: Deep Spatio-Temporal Residual Networks for Citywide Crowd Flows Prediction, AAAI 2017; "
        "Wang et al., CVPR 2019; Donà et al., ICLR 2021"
    ),
    bibtex=_BIBTEX,
    keywords="taxi flows, traffic, crowd flows, spatiotemporal prediction",
    cost="not measured: the official files were not at hand; as many frames as the simulated ones",
)

SIMULATED = replace(
    TAXIBJ,
    title="TaxiBJ (simulated)",
    summary="A simulated stand-in for TaxiBJ: commuting, weather and incidents on the roads of a made-up city.",
    origin=(
        "Simulated here, not observed. Trips between homes, work and outings (gravity model) of twelve quarters and "
        "five purposes, by hour and kind of day, on shortest ways through a network of ring and radial roads, slower "
        "when full or wet; incidents close streets. Written as HDF5 files in the official layout, with the official "
        "periods, numbers of frames and gaps, and read by the importer of the official files."
    ),
    boundary="closed: what leaves a cell enters a neighbour, so inflow and outflow have the same sum",
    quirks=(
        "Not Beijing: the plan of the city is drawn by chance; taxis go only where passengers go.",
        "No outage falls into the last 62 days, so the test weeks are whole.",
        "Cities of neighbouring seeds are not independent: seeds of one eight (0 to 7, 8 to 15, ...) draw different "
        "things from the same random numbers; take 0, 8, 16, ...",
        *TAXIBJ.quirks,
    ),
    licence="Computed here by code under Apache-2.0.",
    cost="13 s and 530 MB on two cores, raw files (48 MB) included; the store has 143 MB",
)


def other_files(names: tuple[str, ...]) -> Card:
    """The card of files of another city in the same layout."""
    return replace(
        TAXIBJ,
        title=f"Flows in the layout of TaxiBJ: {', '.join(names)}",
        summary=f"Not TaxiBJ: flows into and out of the cells of a city, from {', '.join(names)}.",
        origin=f"{', '.join(names)}, prepared like TaxiBJ.",
        dimensions="as the files: grid and interval are read from them",
        units="counts per slot, scaled by the least and the greatest of all frames but those of the test days",
        quirks=("Not TaxiBJ: scores do not compare with its published ones.",),
        licence="that of the files",
        cost="",
    )
