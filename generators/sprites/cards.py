"""The cards of Sprites."""

from __future__ import annotations

from dataclasses import replace

from stbench.contract.datasets import Card

_BIBTEX = """@inproceedings{li2018disentangled,
  title     = {Disentangled Sequential Autoencoder},
  author    = {Li, Yingzhen and Mandt, Stephan},
  booktitle = {International Conference on Machine Learning},
  year      = {2018}
}

@misc{liberatedpixelcup2012,
  title        = {Liberated Pixel Cup sprite sheets: Universal {LPC} Spritesheet},
  author       = {Challener, Stephen and Sj{\\"o}lund, Johannes and van de Steeg, Marcel and Weyer, Mark
                  and Nila122 and Williams, Shaun and Krohn, Matthew and Brimhall, Thane and Riecke, Manuel
                  and JaidynReiman and White, Joe and others},
  howpublished = {github.com/jrconway3/Universal-LPC-spritesheet, commit 2668274, AUTHORS.txt},
  note         = {CC BY-SA 3.0 and GPL 3.0},
  year         = {2012}
}"""
ATTRIBUTION = (
    "Artists of the Liberated Pixel Cup, by layer (AUTHORS.txt of github jrconway3/Universal-LPC-spritesheet @ "
    "2668274): bodies Stephen Challener (Redshrike), Johannes Sjölund, tones Marcel van de Steeg, Nila122, Mark "
    "Weyer; bottomwear LPC, Shaun Williams, Matthew Krohn, Johannes Sjölund, Thane Brimhall; topwear LPC, Johannes "
    "Sjölund, Thane Brimhall; hair Manuel Riecke, JaidynReiman, Joe White, Nila122; boots Shaun Williams, "
    "Matthew Krohn; LPC: not named one by one there, the credit is the whole list's"
)

SPRITES = Card(
    title="Sprites",
    summary="1,296 pixel-art characters, each walking, casting a spell and slashing in three views; 8 frames.",
    origin=(
        "Sheets of the Liberated Pixel Cup, composited as in Li and Mandt 2018: body, bottomwear, topwear, hair and "
        "golden boots, alpha-composited in this order on opaque black."
    ),
    dimensions="sequence 11,664 (1,296 characters x 3 actions x 3 views), time 8, channel 3, y 64, x 64; uint8",
    factors={
        "character": "body·216 + bottomwear·36 + topwear·6 + hair",
        "body": "skin, 0 to 5",
        "bottomwear": "trousers, 0 to 5",
        "topwear": "shirt or armour, 0 to 5",
        "hair": "hair, 0 to 5",
        "action": "0 walk, 1 spellcast, 2 slash",
        "view": "0 front, 1 left, 2 right",
    },
    units="RGB value; stored 0..255, used as 0..1",
    boundary="none: figures stand on black",
    preprocessing=(
        "characters are in the published order (NumPy legacy seed 423), the first 1,000 train and the last 296 test; "
        "validation is the last 100 of train; the nine sequences of a character follow each other, 3·action + view"
    ),
    quirks=(
        "The published arrays are bytes divided by 256, so white is 0.996; that is the variant divisor=256. Here bytes "
        "are divided by 255 when read.",
        "The published test array of views is written over the training one; here every sequence has its own.",
        "The walk uses columns 8, 1..7 of its row: the standing figure is never shown.",
        "Spellcast and slash repeat a frame (columns 0,1,2,3,4,5,4,6 and 0,1,2,3,4,5,4,0).",
        "There is no published validation set.",
    ),
    licence=f"CC BY-SA 3.0 or GPL 3.0, with attribution; what is made from it shares the licence. {ATTRIBUTION}",
    reference="Li, Mandt: Disentangled Sequential Autoencoder, ICML 2018",
    bibtex=_BIBTEX,
    keywords="pixel art, characters, animation, video generation, disentanglement",
    cost="8 s on two cores (145 MB/s), 182 MB of memory; 1.15 GB decoded, 128 MB on disk",
)

SIMULATED = replace(
    SPRITES,
    title="Sprites (simulated)",
    summary="A simulated stand-in for Sprites: figures drawn by a program, same attributes, actions and views.",
    origin=(
        "Simulated here, not the artists' sheets: jointed figures of discs and capsules in the poses of the three "
        "actions, drawn layer by layer, written as sheets in the official layout and read by the importer of the "
        "official ones."
    ),
    quirks=("Not the artists' figures but simpler ones: scores do not compare with published ones.", *SPRITES.quirks),
    licence="Computed here by code under Apache-2.0.",
    cost="8 s on two cores (142 MB/s), 177 MB of memory; 1.15 GB decoded, 76 MB on disk; 1 s is for the sheets",
)
