"""The cards of `mug`."""

from __future__ import annotations

from dataclasses import replace

from stbench.contract.datasets import Card

_BIBTEX = """@inproceedings{aifanti2010mug,
  title     = {The {MUG} Facial Expression Database},
  author    = {Aifanti, Niki and Papachristou, Christos and Delopoulos, Anastasios},
  booktitle = {11th International Workshop on Image Analysis for Multimedia Interactive Services (WIAMIS)},
  pages     = {1--4},
  year      = {2010}
}"""

INSTRUCTIONS = """The MUG facial expression database shows people who agreed to research use only: a licence must
be signed, and no program may fetch it.
What: the image sequences of the 52 subjects that are given out, six expressions and neutral, JPEG files of 896 x 896
pixels in folders subjects3/<subject>/<expression>/<take>/.
From whom: Multimedia Understanding Group, Aristotle University of Thessaloniki, https://mug.ee.auth.gr/fed/ . Sign the
licence agreement that is offered there and send it to them; they answer with access to the files.
Terms: non-commercial research by the one who signed; images are not passed on; cite Aifanti, Papachristou and
Delopoulos 2010 (`stbench cite mug`). This is a summary: what you sign decides.
Where to: RAW/mug/subjects3/001/anger/take000/img_0000.jpg, ..., RAW being the folder of `--raw` or STBENCH_RAW.
Subjects 002, 003 and 049 have a level session0, session1 above the expressions; the .avi files may stay or go.
`stbench generate mug --source simulated` does without any file."""

MUG = Card(
    title="MUG facial expressions",
    summary="52 people who make anger, disgust, fear, happiness, sadness and surprise; 64 x 64, in colour.",
    origin=(
        "Photographs of 52 of 86 recorded subjects, 896 x 896 at 19 per second, each take from "
        "rest to an expression and back, 50 to 160 photographs (Aifanti, Papachristou and Delopoulos 2010); one "
        "sequence for each take."
    ),
    dimensions=(
        "sequence: one for each take that is given out, time: half of its photographs (row_size says how many), "
        "channel 3, y 64, x 64; uint8"
    ),
    factors={
        "expression": "0 anger, 1 disgust, 2 fear, 3 happiness, 4 sadness, 5 surprise; 6 neutral, if asked for",
        "subject": "1 to 86, 52 of them",
        "session": "0; 1 for the second session of subjects 2 and 49",
        "take": "number of the take among those of its subject, session and expression, from 0",
        "first_frame": "number in the name of the first photograph",
    },
    units="colour; stored 0..255, used as 0..1",
    boundary="the face stays in the picture",
    preprocessing=(
        "every second photograph; cut to a fixed box of 560 x 560 pixels (168 from the left, 148 from above), the same "
        "for all subjects; resized to 64 x 64, bicubic with antialiasing (Pillow, in integers); divided by 255 when "
        "read. The box suits faces in the middle of the picture: look at `stbench preview` and move it with `--set "
        "crop=left,top,side` where it does not"
    ),
    quirks=(
        "subject 003, which has two sessions too, is not among the 52 published ids and is not used",
        "MoCoGAN and its line cut faces out by a detector (Haar cascade, box of the middle photograph), once per clip; "
        "a fixed box needs no detector and no weights, keeps the motion of the head, and is the same on every machine, "
        "but scores do not compare to the digit",
        "published splits differ: here subjects of the test part are never seen in training, 26 and 26 as in LFDM "
        "(sorted names, Python seed 1234), the last three of the training subjects being val; `--set split=clip` puts "
        "takes of all subjects into all parts as MoCoGAN does, which published no list: 72 % train, 8 % val, 20 % test "
        "by the SHA-256 of the take's name",
        "published clips differ: 16 photographs at step 2 (mocogan-chainer), 8 at step 4 (HALO's script, its text "
        "says 2), 15 (S3VAE and C-DSVAE, 3,429 and 882 clips), takes of more than 64 photographs only (MoCoGAN, 1,254 "
        "takes), the last 10 % dropped (mocogan-chainer, HALO); here whole takes are stored",
        "clips to evaluate generation on are listed by `stbench.generators.mug.dataset.evaluation_clips`: one of 16 "
        "frames a take, drawn (mug/clips-16-drawn-1) or in its middle (mug/clips-16-middle-1); training takes windows "
        "of 15",
        "folders may be empty or hold pictures without a level of takes, and takes end with an .avi: empty ones are "
        "left out with a note, pictures directly below the expression count as one take (HALO skips them), the .avi is "
        "not read",
        "decoders of JPEG may differ in the last bits from one version of libjpeg to another, so the digest of the "
        "official data may too: Pillow 13.0 with libjpeg-turbo 3.2 is what we use",
        "the number of takes that is given out is not published, so that no count is checked; the layout is that of "
        "three loaders of others, as the files were not at hand",
    ),
    licence="licence agreement to be signed, non-commercial research only, images may not be passed on",
    reference="Aifanti, Papachristou and Delopoulos 2010, The MUG Facial Expression Database, WIAMIS",
    bibtex=_BIBTEX,
    keywords="facial expressions, faces, video, video generation, disentanglement",
    cost="not measured on the official photographs, which were not at hand; see the simulated card",
)

SIMULATED = replace(
    MUG,
    title="MUG facial expressions (simulated)",
    summary=(
        "Simulated stand-in, not MUG: 52 drawn faces that make anger, disgust, fear, happiness, sadness and surprise; "
        "1,262 sequences of 25 to 80 frames, 64 x 64, in colour."
    ),
    origin=(
        "Simulated: a shaded head with painted brows, eyes, nose, mouth, hair, beard and glasses before a blue-grey "
        "cloth, 896 x 896 at 19 per second. Face, skin and hair are drawn per subject, light and clothes per session; "
        "19 controls after the action units of Ekman and Friesen bend the face; the expression comes, stays and goes "
        "by smooth steps in the subject's pace, and the head sways. Subjects, expressions and folders are those of MUG."
    ),
    dimensions=(
        "sequence 1,262 (557 train, 66 val, 639 test), time up to 80 (row_size says how many; 66,165 frames in all), "
        "channel 3, y 64, x 64; uint8"
    ),
    preprocessing=(
        "every second photograph; the box of 560 x 560 pixels of the official preprocessing is drawn at twice the "
        "stored size and resized to 64 x 64, bicubic with antialiasing (Pillow, in integers); divided by 255 when read"
    ),
    quirks=(
        "nobody was filmed: scores do not compare with published ones",
        "frames go to the store directly; with `--set write_raw=true` they are written first as JPEG files in the "
        "layout of MUG (896 x 896, drawn at half that size, quality 95) and imported: the same pictures but for the "
        "losses of JPEG and of resizing: 0.46 of 255 on average over 60 pictures, 21 at most",
        "every subject makes each expression with the same muscles, which differ in strength only; real people differ "
        "more",
        "the pictures have no noise of a sensor",
        *MUG.quirks[2:5],
    ),
    licence="no rights reserved: the faces are drawn by stbench",
    cost=(
        "101 s on two cores with two workers, 158 s of processor time, 8 MB/s of frames, 490 MB of memory at most; "
        "0.81 GB of frames (1.24 GB with the padding), 0.68 GB on disk; the preset quick takes 14 s; write_raw, by 60 "
        "photographs: 11 GB of JPEG files, about 65 minutes of one core to write and 4 minutes to import them"
    ),
)
