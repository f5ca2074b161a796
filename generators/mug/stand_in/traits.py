"""Who a drawn face is, what its muscles do, and the shape both give; lengths in face units, 0.29 of a photograph's
896 pixels times 1.116, about a third of a face's height.

    shape = rest(identity) + sum over action units of (amplitude x displacement)
"""

from __future__ import annotations

from typing import NamedTuple


class Face(NamedTuple):
    """Identity: what does not change while somebody makes a face. Colours 0..255."""

    width: float
    top: float
    chin: float
    jaw: float
    taper: float
    skin_r: float
    skin_g: float
    skin_b: float
    blush: float
    hair_r: float
    hair_g: float
    hair_b: float
    hairline: float
    hair_side: float
    """How far down the hair goes at the sides."""
    hair_volume: float
    hair_part: float
    hair_fringe: float
    hair_back: float
    """How far down the hair goes behind the head."""
    brow_y: float
    brow_thick: float
    brow_arch: float
    brow_length: float
    eye_x: float
    eye_width: float
    eye_height: float
    eye_tilt: float
    iris_r: float
    iris_g: float
    iris_b: float
    nose_width: float
    nose_tip: float
    nose_height: float
    mouth_y: float
    mouth_width: float
    lip_upper: float
    lip_lower: float
    lip_red: float
    ear: float
    beard: float
    moustache: float
    glasses: float
    age: float
    clothes_r: float
    clothes_g: float
    clothes_b: float
    key: float


class Act(NamedTuple):
    """Amplitudes of action units (numbers of the Facial Action Coding System), 0 at rest and about 1 at the apex."""

    inner_brow: float = 0.0
    """AU1."""
    outer_brow: float = 0.0
    """AU2."""
    brow_lower: float = 0.0
    """AU4."""
    lid_raise: float = 0.0
    """AU5."""
    cheek_raise: float = 0.0
    """AU6."""
    lid_tighten: float = 0.0
    """AU7."""
    nose_wrinkle: float = 0.0
    """AU9."""
    lip_raise: float = 0.0
    """AU10."""
    corner_pull: float = 0.0
    """AU12."""
    corner_depress: float = 0.0
    """AU15."""
    chin_raise: float = 0.0
    """AU17."""
    lip_stretch: float = 0.0
    """AU20."""
    lip_press: float = 0.0
    """AU23, AU24."""
    lips_part: float = 0.0
    """AU25."""
    jaw_drop: float = 0.0
    """AU26."""
    lid_droop: float = 0.0
    """AU43."""
    blink: float = 0.0
    """AU45; 1 is shut."""
    gaze_x: float = 0.0
    gaze_y: float = 0.0


class Shape(NamedTuple):
    """Where the parts of a face are at one moment."""

    chin: float
    brow_in_x: float
    brow_in_y: float
    brow_out_y: float
    brow_arch: float
    lid_up: float
    """Height of the upper lid above the corners of the eye, and of the lower one below them."""
    lid_low: float
    gaze_x: float
    gaze_y: float
    nose_tip: float
    nose_wing: float
    mouth_y: float
    corner_x: float
    corner_y: float
    """Below the middle of the mouth."""
    open_up: float
    open_low: float
    """Of the inner edges of the lips, above and below `mouth_y`."""
    lip_up: float
    lip_low: float
    square: float
    """0: the open mouth ends in points; 1: it is cut square, as in disgust and fear."""
    teeth: float
    fold: float
    nose_wrinkle: float
    forehead: float
    frown: float
    cheek: float
    chin_raise: float


EYE_Y = -0.14


def shape(face: Face, act: Act) -> Shape:
    """The shape of a face under an act."""
    open_eye = 1.0 + 0.55 * act.lid_raise - 0.30 * act.lid_tighten - 0.22 * act.cheek_raise - 0.34 * act.lid_droop
    smile, jaw = act.corner_pull, act.jaw_drop
    parted = act.lips_part + act.jaw_drop
    return Shape(
        chin=face.chin + 0.15 * jaw - 0.025 * act.chin_raise,
        brow_in_x=face.eye_x - 0.175 - 0.035 * act.brow_lower,
        brow_in_y=face.brow_y - 0.115 * act.inner_brow + 0.095 * act.brow_lower + 0.03 * act.nose_wrinkle,
        brow_out_y=face.brow_y + 0.015 - 0.115 * act.outer_brow + 0.035 * act.brow_lower + 0.02 * act.inner_brow,
        brow_arch=face.brow_arch + 0.022 * act.outer_brow - 0.02 * act.brow_lower,
        lid_up=face.eye_height * max(open_eye, 0.1) * (1.0 - act.blink),
        lid_low=face.eye_height
        * 0.62
        * (1.0 + 0.25 * act.lid_raise - 0.75 * act.cheek_raise - 0.4 * act.lid_tighten)
        * (1.0 - 0.7 * act.blink),
        gaze_x=act.gaze_x,
        gaze_y=act.gaze_y,
        nose_tip=face.nose_tip - 0.035 * act.nose_wrinkle - 0.01 * smile,
        nose_wing=face.nose_width * (1.0 + 0.16 * act.nose_wrinkle + 0.12 * smile),
        mouth_y=face.mouth_y - 0.045 * act.lip_raise - 0.01 * smile - 0.02 * act.chin_raise + 0.02 * jaw,
        corner_x=face.mouth_width
        * (1.0 + 0.32 * smile + 0.30 * act.lip_stretch - 0.16 * jaw - 0.06 * act.lip_press + 0.04 * act.corner_depress),
        corner_y=-0.105 * smile
        + 0.085 * act.corner_depress
        + 0.045 * act.lip_stretch
        + 0.06 * act.lip_raise
        + 0.03 * jaw,
        open_up=0.018 * act.lips_part + 0.035 * act.lip_raise * act.lips_part + 0.045 * jaw,
        open_low=0.055 * act.lips_part * (1.0 + 0.35 * smile) + 0.29 * jaw,
        lip_up=face.lip_upper * max(1.0 - 0.72 * act.lip_press - 0.30 * smile - 0.2 * act.lip_stretch, 0.15),
        lip_low=face.lip_lower
        * max(1.0 - 0.68 * act.lip_press - 0.15 * smile - 0.15 * act.lip_stretch + 0.35 * act.chin_raise, 0.15),
        square=min(0.75 * act.lip_stretch + 0.55 * act.lip_raise + 0.85 * jaw, 1.0),
        teeth=min(parted, 1.0),
        fold=min(0.10 + face.age + 0.75 * smile + 0.6 * act.nose_wrinkle + 0.5 * act.lip_raise, 1.2),
        nose_wrinkle=act.nose_wrinkle,
        forehead=min(0.08 + 0.8 * act.outer_brow + 0.55 * act.inner_brow, 1.0),
        frown=min(0.04 + act.brow_lower, 1.0),
        cheek=act.cheek_raise + 0.4 * act.nose_wrinkle,
        chin_raise=act.chin_raise,
    )
