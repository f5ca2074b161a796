"""The network behind FVD: I3D trained on Kinetics-400, from weights the user supplies.

    features(clip) = the 400 logits, averaged over time, before the softmax

FVD is a Frechet distance between these numbers and no others, and they depend on how frames reach the network: values
in [0, 1] are rounded to bytes, grey is repeated to three channels, each frame is stretched to 224 x 224 by bilinear
interpolation without half-pixel centres (pixel i of the result lies at i H / 224), and scaled to [-1, 1].
T. Unterthiner et al., "Towards Accurate Generative Models of Video", 2018, with their published evaluation code; the
weights are its TensorFlow ones as TorchScript (I. Skorokhodov et al., "StyleGAN-V", CVPR 2022), and not ours to ship.
TorchScript is a program, so nothing in the file is run before its checksum is right.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from stbench.errors import StbenchError

NAME = "i3d_torchscript.pt"
URL = "https://www.dropbox.com/s/ge9e5ujwgetktms/i3d_torchscript.pt"
BYTES = 51_235_320
SHA256 = "bec6519f66ea534e953026b4ae2c65553c17bf105611c746d904657e5860a5e2"
LOGITS = 400
SIDE = 224
FEWEST_FRAMES = 10
"""Shorter clips vanish in the network's strides over time."""
BATCH = 4


class I3D:
    """`features(clips)` of the network of FVD, numpy in and out."""

    sha256 = SHA256

    def __init__(self, network: Any) -> None:
        self._network = network

    def features(self, clips: np.ndarray) -> np.ndarray:
        """Clips (n, time, channel, y, x) in [0, 1], 1 or 3 channels, at least 10 frames -> (n, 400) float64.

        Values outside [0, 1] are clipped. Raises `StbenchError` for other clips.
        """
        import torch

        from stbench.training.adapter import tensor

        if clips.ndim != 5 or clips.shape[2] not in (1, 3) or clips.shape[1] < FEWEST_FRAMES:
            raise StbenchError(
                f"fvd wants clips (n, time, channel, y, x) of at least {FEWEST_FRAMES} frames with 1 or 3 channels, "
                f"not {clips.shape}"
            )
        found = []
        with torch.no_grad():
            for start in range(0, len(clips), BATCH):
                shown = tensor(network_input(clips[start : start + BATCH]))
                logits = self._network(shown, rescale=False, resize=False, return_features=True)
                if tuple(logits.shape) != (len(shown), LOGITS):
                    raise StbenchError(f"the I3D network answers {tuple(logits.shape)}, not 400 logits a clip")
                found.append(logits.double().cpu().numpy())
        return np.concatenate(found)


def network_input(clips: np.ndarray) -> np.ndarray:
    """(n, time, channel, y, x) in [0, 1] -> (n, 3, time, 224, 224) float32 in [-1, 1]."""
    shown = np.rint(np.clip(clips, 0, 1) * np.float32(255)).astype(np.float32)
    for axis in (3, 4):
        shown = _stretched(shown, axis)
    shown = np.broadcast_to(shown, (*shown.shape[:2], 3, *shown.shape[3:])).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(shown * np.float32(2 / 255) - 1, np.float32)


def _stretched(frames: np.ndarray, axis: int) -> np.ndarray:
    """One axis to `SIDE` pixels, linearly; beyond the last pixel its value goes on."""
    size = frames.shape[axis]
    place = np.arange(SIDE) * (size / SIDE)
    low = place.astype(np.int64)
    weight = (place - low).astype(np.float32).reshape(-1, *[1] * (frames.ndim - axis - 1))
    before, after = (frames.take(np.minimum(each, size - 1), axis) for each in (low, low + 1))
    return np.asarray(before + weight * (after - before))


def load_i3d(path: Path) -> I3D:
    """The network in the file `path`; `StbenchError` where it is missing or not the one that defines FVD."""
    import torch

    where = f"download {NAME} ({BYTES / 1e6:.0f} MB, SHA-256 {SHA256[:12]}...) from {URL}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StbenchError(
            f"the weights of I3D, which fvd is computed with, were looked for at {path} and cannot be read "
            f"({error.strerror}): {where} and name it by --i3d or STBENCH_I3D"
        ) from None
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise StbenchError(
            f"{path} is not the network that defines FVD: it has {len(content)} bytes and the SHA-256 {found[:12]}..., "
            f"wanted are {BYTES} bytes and {SHA256[:12]}...; {where}"
        )
    with warnings.catch_warnings():
        # Published in this form, whatever torch recommends today.
        warnings.simplefilter("ignore", DeprecationWarning)
        network: Any = torch.jit.load(io.BytesIO(content), map_location="cpu")  # type: ignore[no-untyped-call]
        return I3D(network.eval())


__all__ = ["I3D", "load_i3d", "network_input"]
