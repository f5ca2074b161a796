"""What a critic and the one who deceives it minimise, by name. A critic's output is a logit, positive for "real"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .components import choose


def cross_entropy_critic(real: Tensor, fake: Tensor) -> Tensor:
    """mean -log σ(C(x)) + mean -log(1 - σ(C(x̂))): the sum of two binary cross-entropies, not their mean."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def cross_entropy_generator(fake: Tensor) -> Tensor:
    """mean -log σ(C(x̂)), the form that does not saturate. (I. Goodfellow et al., NIPS 2014)"""
    return F.softplus(-fake).mean()


def hinge_critic(real: Tensor, fake: Tensor) -> Tensor:
    """mean max(0, 1 - C(x)) + mean max(0, 1 + C(x̂))."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def hinge_generator(fake: Tensor) -> Tensor:
    """-mean C(x̂). (J. Lim and J. Ye, 2017)"""
    return -fake.mean()


def undecided(logits: Tensor) -> Tensor:
    """mean -(log σ(C) + log(1 - σ(C))) / 2, cross-entropy with the target 1/2: least, log 2, where C = 0.

    Of who wants a critic to know nothing. (E. Denton and V. Birodkar, DrNet, NIPS 2017, Eq. 3)
    """
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, 0.5))


@dataclass(frozen=True)
class Adversarial:
    critic: Callable[[Tensor, Tensor], Tensor]
    """Scalar, from logits of what is real and of what was made."""
    generator: Callable[[Tensor], Tensor]
    """Scalar, from logits of what was made."""


ADVERSARIAL = {
    "cross_entropy": Adversarial(cross_entropy_critic, cross_entropy_generator),
    "hinge": Adversarial(hinge_critic, hinge_generator),
}


def choose_adversarial(name: str) -> Adversarial:
    """`StbenchError` with the nearest name for an unknown one."""
    return choose("adversarial loss", ADVERSARIAL, name)
