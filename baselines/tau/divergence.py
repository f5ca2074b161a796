"""How the changes between predicted frames are distributed over pixels, against those between true ones."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def differential_divergence(predicted: Tensor, target: Tensor, temperature: float) -> Tensor:
    """mean over samples, differences and pixels of p log(p / q),  p = softmax(Δv̂ / τ),  q = softmax(Δv / τ).

    Δ: from each frame to the next; softmax over all channels and pixels of a difference. (batch, time, *frame) twice ->
    scalar; 0 where there is one frame only. It is the mean Kullback-Leibler divergence divided by the numbers of a
    frame, C·H·W, as released: its gradient is small beside that of a mean squared error. The release sets it to 0 for
    two frames, too; the equation has one difference there, and so has this. Always in float32 or better: differences of
    softmaxes over thousands of pixels are lost in bfloat16.

    Source: C. Tan et al., Temporal Attention Unit, CVPR 2023, Eq. 7-9.
    """
    if predicted.shape[1] < 2:
        return predicted.new_zeros(())
    log_p, log_q = (F.log_softmax(frames.diff(dim=1).flatten(2) / temperature, -1) for frames in (predicted, target))
    return (log_p.exp() * (log_p - log_q)).mean()
