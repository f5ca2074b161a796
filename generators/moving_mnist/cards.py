"""The cards of the Moving MNIST datasets."""

from __future__ import annotations

from dataclasses import replace

from stbench.contract.datasets import Card

from .digits import LICENCE

_MNIST_BIBTEX = """@article{lecun1998gradient,
  title   = {Gradient-Based Learning Applied to Document Recognition},
  author  = {LeCun, Yann and Bottou, L{\\'e}on and Bengio, Yoshua and Haffner, Patrick},
  journal = {Proceedings of the IEEE},
  volume  = {86},
  number  = {11},
  pages   = {2278--2324},
  year    = {1998}
}"""
_SRIVASTAVA_BIBTEX = """@inproceedings{srivastava2015unsupervised,
  title     = {Unsupervised Learning of Video Representations using {LSTM}s},
  author    = {Srivastava, Nitish and Mansimov, Elman and Salakhutdinov, Ruslan},
  booktitle = {International Conference on Machine Learning},
  year      = {2015}
}"""
_DONA_BIBTEX = """@inproceedings{dona2021pde,
  title     = {{PDE}-Driven Spatiotemporal Disentanglement},
  author    = {Don{\\`a}, J{\\'e}r{\\'e}mie and Franceschi, Jean-Yves and Lamprier, Sylvain and Gallinari, Patrick},
  booktitle = {International Conference on Learning Representations},
  year      = {2021}
}"""

_FACTORS = {
    "position": "row and column of each digit's upper left corner in each frame, in pixels (time, digit, axis)",
    "velocity": "row and column velocity of each digit in each frame, in pixels per frame (time, digit, axis)",
    "digit_label": "class of each digit, 0 to 9",
    "digit_index": "number of each digit in its MNIST file: the test file for test, else the training file",
    "digit_image": "each digit as it is drawn, uint8 (digit, row, column)",
}

MOVING_MNIST = Card(
    title="Moving MNIST",
    summary="Two handwritten digits that bounce in a box of 64 x 64 pixels; 5,000 test sequences of 100 frames.",
    origin=(
        "MNIST digits on straight paths: position = triangle wave of start + speed·t with period 72 on each axis, "
        "start a whole number in 0..36, speed a whole number in -4..4 (Donà et al. 2021, Section 5.2 and Appendix D.3)."
    ),
    dimensions="sequence 7,400 (5,000 test, 2,200 train, 200 val), time 100, channel 1, y 64, x 64; uint8",
    factors=_FACTORS,
    units="grey value; stored 0..255, used as 0..1",
    boundary="exact reflection where the digit's 28 x 28 box touches the frame; digits pass through each other",
    preprocessing="overlapping digits are added and clipped at 255; frames are divided by 255 when read",
    quirks=(
        "the test set is as published: NumPy legacy seed 42, one permutation of the 10,000 test digits, each shown "
        "exactly once; sequence i of the store is sequence i of the published file",
        "a digit may stand still: both speeds are 0 with probability 1/81",
        "a position exactly on the wall is no collision yet: the stored velocity turns one frame later",
        "there is one test window per sequence, the first 5 + h frames, as published; training windows start anywhere",
        "the published training set has no end: digits and paths are drawn for each batch from all 60,000 training "
        "digits; the stored training sequences are the first 2,200 of such a stream, over the first 55,000 digits",
        "there is no published validation set; ours is drawn from the last 5,000 training digits, which training "
        "never shows",
    ),
    licence=f"the digits: {LICENCE}; the sequences are made from them and share that licence",
    reference="LeCun et al. 1998; Srivastava et al. 2015 (arXiv:1502.04681); Donà et al. 2021 (arXiv:2008.01352)",
    bibtex="\n\n".join((_DONA_BIBTEX, _SRIVASTAVA_BIBTEX, _MNIST_BIBTEX)),
    keywords="bouncing digits, MNIST, synthetic video, video prediction, disentanglement",
    cost="19 s of processor time on two cores, 370 MB of memory; 3.0 GB decoded, 118 MB on disk",
)

MOVING_MNIST_ANGLE = replace(
    MOVING_MNIST,
    title="Moving MNIST, angle convention",
    summary="Two digits of equal speed in random directions; 10,000 test sequences of 20 frames, 10 given, 10 asked.",
    origin=(
        "MNIST digits that move 0.1 of their free path, 3.6 pixels, per frame in a direction drawn uniformly "
        "(Srivastava et al. 2015, as the code of PhyDNet and its successors draws it)."
    ),
    dimensions="sequence 22,000 (10,000 test, 11,000 train, 1,000 val), time 20, channel 1, y 64, x 64; uint8",
    boundary="a coordinate that leaves the box is set on the wall and turned, so the rest of that step is lost",
    preprocessing=(
        "overlapping digits: the brighter pixel wins; positions are truncated to whole pixels; frames are divided "
        "by 255 when read"
    ),
    quirks=(
        "the published test file (mnist_test_seq.npy, 819 MB) came from an unpublished random stream: these test "
        "sequences follow the same rules with our own draws, so scores compare in kind, not to the last digit",
        "published scores of this convention sum squared errors over the 4,096 pixels of a frame: that is mse_sum, "
        "which stands in the CSV of the board, 4,096 times mse; so does mae_sum, and the SSIM of each code is one of "
        "ssim_uniform7_range2 and ssim_uniform7_uint8",
        "the first frame is drawn after the first step",
        "there is no published validation set; ours is drawn from the last 5,000 training digits, which training "
        "never shows",
    ),
    cost="20 s of processor time on two cores, 360 MB of memory; 1.8 GB decoded, 79 MB on disk",
    reference="LeCun et al. 1998; Srivastava et al. 2015 (arXiv:1502.04681)",
    bibtex="\n\n".join((_SRIVASTAVA_BIBTEX, _MNIST_BIBTEX)),
)


def simulated(card: Card) -> Card:
    """The card of the same dataset made from the stand-in's digits; every line that is shown alone says so."""
    return replace(
        card,
        title=f"{card.title} (simulated)",
        summary=f"Simulated stand-in, not MNIST: {card.summary}",
        origin=(
            "Digits written by a simulated pen (Catmull-Rom strokes, slant, elastic deformation; ten classes, "
            f"60,000 + 10,000, as IDX files) instead of MNIST, then the same importer. {card.origin}"
        ),
        quirks=("the digits are not MNIST: scores do not compare with published ones", *card.quirks),
        licence="no rights reserved: the digits are drawn by stbench",
        cost=f"{card.cost}; once, 2 s more for the digits",
    )
