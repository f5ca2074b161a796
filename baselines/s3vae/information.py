"""How much a clip's content code tells of its motion codes, estimated on a batch."""

from __future__ import annotations

import math

from torch import Tensor

from stbench.models.parts.gaussian import Gaussian


def mutual_information(content: Gaussian, f: Tensor, motion: Gaussian, z: Tensor) -> Tensor:
    """sum_t I(f; z_t) in nats, of posteriors (batch, size), (batch, time, size) and draws from them; a scalar.

    With q(f, z_t) = mean_j q(f | x_j) q(z_t | x_j) over the batch, and its margins,

        I(f; z_t) ~ mean_i [log q(f_i, z_ti) - log q(f_i) - log q(z_ti)].

    A batch of B clips tells at most log B of one code. Source: Y. Zhu et al., S3VAE, CVPR 2020; margins estimated as by
    R. Chen et al., Isolating Sources of Disentanglement, NeurIPS 2018, without the number of clips in the data set,
    which is a constant.
    """
    of_f = _densities(content, f)
    of_z = _densities(Gaussian(*(each.transpose(0, 1) for each in motion)), z.transpose(0, 1))
    told = (of_f + of_z).logsumexp(-1) - of_f.logsumexp(-1) - of_z.logsumexp(-1) + math.log(len(f))
    return told.mean(-1).sum()


def _densities(posterior: Gaussian, code: Tensor) -> Tensor:
    """log q(code_i | x_j): (..., batch, size) twice -> (..., batch i, batch j)."""
    every = Gaussian(*(each.unsqueeze(-3) for each in posterior))
    return every.log_density(code.unsqueeze(-2)).sum(-1)
