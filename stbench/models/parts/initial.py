"""How weights of linear and convolutional layers start, where a paper does not leave it to the library."""

from __future__ import annotations

from torch import nn

LAYERS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


def normal(part: nn.Module, std: float) -> None:
    """Weights ~ N(0, std²), biases 0, scales of batch normalisation ~ N(1, std²) and its shifts 0 (DCGAN)."""
    for layer in part.modules():
        if isinstance(layer, LAYERS):
            nn.init.normal_(layer.weight, 0.0, std)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, std)
            nn.init.zeros_(layer.bias)


def orthogonal(part: nn.Module, gain: float) -> None:
    """Orthogonal weights times `gain`, biases 0; scales of batch normalisation stay."""
    for layer in part.modules():
        if isinstance(layer, LAYERS):
            nn.init.orthogonal_(layer.weight, gain)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
