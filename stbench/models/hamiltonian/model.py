"""The Hamiltonian model: content z, one motion subspace per action, linear Hamiltonian dynamics, a VAE.

    z ~ N(0, I),   q_1, p_1 ~ N(0, I),   s_t = exp(H_k) s_{t-1},   x_t ~ N(phi(z, q_t), alpha^2 I),   s = (q, p)

A. Khan and A. Storkey, "Hamiltonian prior to Disentangle Content and Motion in Image Sequences", CtrlGen workshop,
NeurIPS 2021; sizes of the code released with its successor (HALO, NeurIPS 2022). A sequence of action k moves in block
k alone; the momentum never reaches the decoder. The released code leaves the recurrent content network and all heads
untrained; here every parameter is trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import Size, Weight, construct
from stbench.errors import StbenchError, nearest

from ..parts.components import choose
from ..parts.conv_dense import FrameDecoder, FrameEncoder
from ..parts.gaussian import Gaussian, per_clip
from ..parts.precision import full
from ..parts.weights import term_weights
from .motion_prior import FittedPrior
from .networks import ContentNetwork, MotionNetwork
from .phase_space import HamiltonianBlocks

DIVERGENCE_FRAMES = ("all", "reference")
MOTION_PRIORS = ("standard", "fitted-means")
FRAME_RANGES = {"unit": (1.0, 0.0), "symmetric": (2.0, -1.0)}
"""How a frame x in [0, 1] meets the decoder's tanh: as it is, or as 2x - 1."""
TERMS = (
    *("reconstruction", "direct", "consistency", "differences"),
    *("divergence_content", "divergence_position", "divergence_momentum"),
)


class Hamiltonian(nn.Module):
    """The model with the objective of Eq. 17 and the further terms of the released code.

    Settings (the preset's `model` table): `content_size`; `blocks` K and `block_size` d, K times d positions;
    `conditioned`: one block per action (the paper) or all blocks active and no label (the released Sprites
    configuration); `label`: the factor that names the action; `operator`: kind of H (`HamiltonianBlocks`) with
    `operator_gain`; `unit_norm`: sampled positions and momenta of a block are divided by their norms (released code);
    `divergence_frames`: the KL terms of the motion are summed over "all" frames (released code) or taken at the
    "reference" frame (Eq. 17); `motion_prior`: drawn motions begin with N(0, I) ("standard", the paper) or with the
    Gaussian of their action fitted to posterior means ("fitted-means", `FittedPrior`); `encoder`, `decoder`: widths;
    `frame_range`: frames x in [0, 1] meet the decoder's tanh as they are ("unit") or as 2x - 1 ("symmetric");
    `loss_weights` of `TERMS`.
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        *,
        content_size: Size,
        blocks: Size,
        block_size: Size,
        conditioned: bool,
        label: str,
        operator: str,
        operator_gain: Weight,
        unit_norm: bool,
        frame_range: str,
        divergence_frames: str,
        encoder: Mapping[str, Any],
        decoder: Mapping[str, Any],
        loss_weights: Mapping[str, Weight],
        motion_prior: str = "standard",
    ) -> None:
        super().__init__()
        if len(frame_shape) != 3 or frame_shape[1] != frame_shape[2] or frame_shape[1] % 8:
            raise StbenchError(
                f"the Hamiltonian model wants square images whose side is a multiple of 8, not frames of {frame_shape}"
            )
        if divergence_frames not in DIVERGENCE_FRAMES:
            near = nearest(divergence_frames, DIVERGENCE_FRAMES)
            raise StbenchError(f"divergence_frames cannot be '{divergence_frames}': {near}")
        if motion_prior not in MOTION_PRIORS:
            raise StbenchError(f"motion_prior cannot be '{motion_prior}': {nearest(motion_prior, MOTION_PRIORS)}")
        if motion_prior == "fitted-means" and not conditioned:
            raise StbenchError("a fitted motion_prior is one of an action: take it with conditioned = true")
        self.frame_scale, self.frame_shift = choose("frame_range", FRAME_RANGES, frame_range)
        self.label = label
        self.labels = (label,)
        self.blocks, self.block_size, self.content_size = blocks, block_size, content_size
        self.conditioned, self.unit_norm = conditioned, unit_norm
        self.at_reference = divergence_frames == "reference"
        weights = term_weights("hamiltonian", TERMS, loss_weights, needless=("differences",))
        self.loss_weights = {name: weight for name, weight in weights.items() if weight}
        motion = blocks * block_size
        self.encoder = construct("the encoder of hamiltonian", FrameEncoder, encoder, frame_shape)
        self.content = ContentNetwork(encoder["features"], content_size)
        self.motion = MotionNetwork(encoder["features"], blocks if conditioned else 0, motion)
        self.dynamics = HamiltonianBlocks(blocks, block_size, kind=operator, gain=operator_gain)
        self.motion_prior = FittedPrior(blocks, 2 * block_size) if motion_prior == "fitted-means" else None
        self.decoder = construct(
            "the decoder of hamiltonian", FrameDecoder, decoder, frame_shape, content_size + motion
        )
        # Channels beside one another in memory: the 5 x 5 convolutions take half the time on a CPU.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def infer(self, frames: Tensor, action: Tensor | None) -> tuple[Gaussian, Gaussian, Gaussian]:
        """Posteriors of content (batch, content), positions and momenta (batch, time, K d) of frames in [0, 1].

        `action` (batch,) int64 where the model is conditioned, else it is not looked at.
        """
        return self._posteriors(self._features(frames), action)

    def _features(self, frames: Tensor) -> Tensor:
        """(batch, time, features) of frames in [0, 1]."""
        features: Tensor = self.encoder((self.frame_scale * frames + self.frame_shift).flatten(0, 1))
        return features.reshape(*frames.shape[:2], -1)

    def _posteriors(self, features: Tensor, action: Tensor | None) -> tuple[Gaussian, Gaussian, Gaussian]:
        label = self._one_hot(action, features.dtype) if self.conditioned else None
        return (self.content(features), *self.motion(features, label))

    def _seen(self, clip: Tensor, action: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Features of a clip and its action, inferred where it is wanted and None is given."""
        features = self._features(clip)
        if self.conditioned and action is None:
            action = self._explained(clip, features)
        return features, action

    def states(self, position: Tensor, momentum: Tensor, action: Tensor | None) -> Tensor:
        """Positions and momenta (batch, ..., K d) -> phase space (batch, ..., K, 2d), blocks of other actions zero."""
        halves = [each.reshape(*each.shape[:-1], self.blocks, self.block_size) for each in (position, momentum)]
        if self.unit_norm:
            halves = [each / (each.norm(dim=-1, keepdim=True) + 1e-8) for each in halves]
        return torch.cat(halves, -1) * self._mask(action, position)

    def _drawn(self, noise: Tensor, action: Tensor | None) -> Tensor:
        """States (batch, K, 2d) of the prior, of normal numbers (2, batch, K d)."""
        if self.motion_prior is not None:
            both = noise.reshape(*noise.shape[:2], self.blocks, self.block_size)
            drawn = self.motion_prior(torch.cat((both[0], both[1]), -1))
            noise = torch.stack([each.flatten(1) for each in drawn.chunk(2, -1)])
        return self.states(noise[0], noise[1], action)

    def decode(self, content: Tensor, states: Tensor) -> Tensor:
        """phi(z, q_t): (batch, content), (batch, time, K, 2d) -> frames (batch, time, *frame): true ones lie in [0, 1],
        and a tanh of `frame_range` "unit" may go below 0."""
        position = states[..., : self.block_size].flatten(2)
        code = torch.cat((content.unsqueeze(1).expand(-1, position.shape[1], -1), position), -1)
        frames: Tensor = full(self.decoder(code.flatten(0, 1)))
        frames = (frames - self.frame_shift) / self.frame_scale
        return frames.reshape(*position.shape[:2], *frames.shape[1:])

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Terms and their weighted sum `total`, from `batch["frames"]` (batch, T, *frame) and `batch[label]` (batch,).

        With s_t the states inferred at every frame, r ~ U{0..T-2} one reference frame per batch, y_t = exp((t-r) H) s_r
        and all sums over pixels (as the decoder's tanh meets them), frames and components, divided by the batch size:

        - reconstruction: sum_t |x_t - phi(z, y_t)|^2 (Eq. 17 with alpha^2 = 1/2, as in the released code);
        - direct: sum_t |x_t - phi(z, s_t)|^2; consistency: sum_t |y_t - s_t|^2 (released code only);
        - differences: sum_t |(x_{t+1} - x_t) - (phi(z, y_{t+1}) - phi(z, y_t))|^2 (released code, KTH);
        - divergence_content, _position, _momentum: KL to N(0, I) of the posteriors, of the active block only.
        """
        frames, action = batch["frames"], batch.get(self.label)
        content, position, momentum = self.infer(frames, action)
        code = content.sample(generator)
        inferred = self.states(position.sample(generator), momentum.sample(generator), action)
        if self.motion_prior is not None and self.training:
            means = self.states(position.mean, momentum.mean, action)
            self.motion_prior.see(means[:, 0], self._one_hot(action, means.dtype))
        n_frames = frames.shape[1]
        reference = int(torch.randint(max(1, n_frames - 1), (), generator=generator))
        times = torch.arange(n_frames, device=frames.device) - reference
        rolled = self.dynamics.flow(inferred[:, reference], times)
        generated = self.decode(code, rolled)
        active = self._mask(action, position.mean).expand(-1, -1, self.blocks, self.block_size).flatten(2)
        shown = slice(reference, reference + 1) if self.at_reference else slice(None)
        square = self.frame_scale**2
        wanted = {
            "reconstruction": lambda: square * _squares(generated - frames),
            "direct": lambda: square * _squares(self.decode(code, inferred) - frames),
            "consistency": lambda: _squares(rolled - inferred),
            "differences": lambda: square * _squares(generated.diff(dim=1) - frames.diff(dim=1)),
            "divergence_content": lambda: per_clip(content.divergence()),
            "divergence_position": lambda: per_clip((position.divergence() * active)[:, shown]),
            "divergence_momentum": lambda: per_clip((momentum.divergence() * active)[:, shown]),
        }
        terms = {name: wanted[name]() for name in self.loss_weights}
        terms["total"] = torch.stack([self.loss_weights[name] * term for name, term in terms.items()]).sum()
        return terms

    def generate(self, clip: Tensor, length: int, action: Tensor | None = None, reference: int = 0) -> Tensor:
        """Frames 0..length-1 of the sequence that `clip` (batch, n, *frame) begins, rolled out from one frame of it.

        Posterior means, normalised as samples are; content from the whole clip, the state from frame `reference`,
        forwards and backwards in time.
        """
        return self.transfer(clip, clip, length, action, reference)

    def reconstruct(self, clip: Tensor, action: Tensor | None = None) -> Tensor:
        """Every frame decoded from the state inferred at that frame; nothing is rolled out: (batch, n, *frame)."""
        features, action = self._seen(clip, action)
        content, position, momentum = self._posteriors(features, action)
        return self.decode(content.mean, self.states(position.mean, momentum.mean, action))

    def imagine(self, length: int, action: Tensor, generator: torch.Generator) -> Tensor:
        """Content and motion from the prior, one sequence an action: (batch, length, *frame)."""
        size = self.blocks * self.block_size
        like = self.dynamics.raw
        content = torch.randn(len(action), self.content_size, generator=generator).to(like)
        noise = torch.randn(2, len(action), size, generator=generator).to(like)
        start = self._drawn(noise, action)
        return self.decode(content, self.dynamics.flow(start, torch.arange(length, device=like.device)))

    def transfer(
        self, content: Tensor, motion: Tensor, length: int, action: Tensor | None = None, reference: int = 0
    ) -> Tensor:
        """Content of one clip, motion of another: frames 0..length-1, time counted from the first frame of `motion`.

        The motion is rolled out from the state of its frame `reference`. Paper and released code decode the positions
        inferred at every frame instead, which nothing rolls out (docs/readings.md).

        `action` is that of the motion's clip; where the model wants one and None is given, it is inferred.
        """
        moving, action = self._seen(motion, action)
        shown = moving if content is motion else self._features(content)
        return self._rolled_out(shown, moving, length, action, reference)

    def _rolled_out(
        self, shown: Tensor, moving: Tensor, length: int, action: Tensor | None, reference: int = 0
    ) -> Tensor:
        """Content of one clip's features, motion of another's: see `transfer`."""
        _, position, momentum = self._posteriors(moving, action)
        states = self.states(position.mean, momentum.mean, action)
        times = torch.arange(length, device=moving.device) - reference
        return self.decode(self.content(shown).mean, self.dynamics.flow(states[:, reference], times))

    def sample(
        self,
        content: Tensor,
        length: int,
        action: Tensor | None,
        generator: torch.Generator,
        times: Sequence[float] | Tensor | None = None,
    ) -> Tensor:
        """Motion from the prior of `action` (batch,), content of a clip (batch, n, *frame): (batch, length, *frame).

        s(t) = exp(tH) s(0) holds for any t, so `times` (length,) need not be equally spaced; default 0, 1, ... With
        `unit_norm` prior states are normalised like inferred ones (the released code decodes states that the decoder
        never saw in training).
        """
        when = torch.as_tensor(range(length) if times is None else times, dtype=torch.float64)
        code = self.content(self._features(content)).mean
        noise = torch.randn(2, len(code), self.blocks * self.block_size, generator=generator).to(code)
        start = self._drawn(noise, action)
        return self.decode(code, self.dynamics.flow(start, when))

    def resample(self, motion: Tensor, length: int, action: Tensor | None, generator: torch.Generator) -> Tensor:
        """Content from the prior, motion of a clip (batch, n, *frame) rolled out from the state of its first frame, as
        in `transfer`: (batch, length, *frame)."""
        features, action = self._seen(motion, action)
        _, position, momentum = self._posteriors(features, action)
        state = self.states(position.mean[:, 0], momentum.mean[:, 0], action)
        content = torch.randn(len(motion), self.content_size, generator=generator).to(motion)
        return self.decode(content, self.dynamics.flow(state, torch.arange(length, device=motion.device)))

    def codes(self, clip: Tensor, action: Tensor | None) -> dict[str, Tensor]:
        """Posterior means: content (batch, z); motion (batch, 2 K d), the state of the first frame whose momentum has
        seen a whole window, or of the last one. The block of the action is not told apart: a mask would be the
        action itself."""
        features, action = self._seen(clip, action)
        content, position, momentum = self._posteriors(features, action)
        frame = min(self.motion.history.window, clip.shape[1]) - 1
        return {"content": content.mean, "motion": torch.cat((position.mean[:, frame], momentum.mean[:, frame]), 1)}

    def conservation(self, clip: Tensor, steps: int, action: Tensor | None) -> dict[str, Tensor]:
        """Relative drift of the energy and error of going there and back, over `steps` frames, float64, (batch,)."""
        features, action = self._seen(clip, action)
        _, position, momentum = self._posteriors(features, action)
        start = self.states(position.mean[:, 0], momentum.mean[:, 0], action).double()
        there = self.dynamics.flow(start, torch.tensor([steps]))[:, 0]
        back = self.dynamics.flow(there, torch.tensor([-steps]))[:, 0]
        before, after = (self.dynamics.energy(each).sum(1) for each in (start, there))
        return {
            "energy_drift": (after - before).abs() / before.abs(),
            "reversibility_error": (back - start).flatten(1).norm(dim=1) / start.flatten(1).norm(dim=1),
        }

    def infer_action(self, clip: Tensor) -> Tensor:
        """(batch,) int64: the action whose block, rolled out from the first frame, explains the clip best."""
        return self._explained(clip, self._features(clip))

    def _explained(self, clip: Tensor, features: Tensor) -> Tensor:
        errors = []
        for each in range(self.blocks):
            action = torch.full((len(clip),), each, device=clip.device)
            made = self._rolled_out(features, features, clip.shape[1], action)
            errors.append((made - clip).square().flatten(1).sum(1))
        return torch.stack(errors, 1).argmin(1)

    def forward(self, conditioning: Tensor, horizon: int, action: Tensor | None = None) -> Tensor:
        """(batch, conditioning, *frame) -> (batch, horizon, *frame): roll out from the last conditioning frame."""
        n = conditioning.shape[1]
        frames = self.transfer_after(conditioning, conditioning, n + horizon, action)
        return frames[:, n:]

    def transfer_after(self, content: Tensor, motion: Tensor, length: int, action: Tensor | None = None) -> Tensor:
        """`transfer` from the last frame of `motion`, whose momentum has seen the whole window."""
        return self.transfer(content, motion, length, action, motion.shape[1] - 1)

    def swap(self, content: Tensor, motion: Tensor, horizon: int) -> Tensor:
        """Content of one clip, motion of another, continued: (batch, n, *frame) twice -> (batch, horizon, *frame)."""
        n = motion.shape[1]
        return self.transfer_after(content, motion, n + horizon)[:, n:]

    def _one_hot(self, action: Tensor | None, dtype: torch.dtype) -> Tensor:
        """(batch, K) of the action labels; `StbenchError` without one or for one there is not."""
        if action is None:
            raise StbenchError(
                "the Hamiltonian model is conditioned on actions and was given none: use a dataset that has "
                f"the factor '{self.label}', or the variant without actions"
            )
        hot = (action.unsqueeze(-1) == torch.arange(self.blocks, device=action.device)).to(dtype)
        if self.training and action.device.type != "cpu":
            # To look at the numbers is to wait for the card in every step. Of an action there is not the loss is not
            # finite, which ends the training as well.
            return torch.where(hot.any(-1, keepdim=True), hot, torch.nan)
        if action.numel() and not 0 <= int(action.min()) <= int(action.max()) < self.blocks:
            raise StbenchError(
                f"there is no action {int(action.min())}..{int(action.max())} in a model of {self.blocks} actions, "
                f"0..{self.blocks - 1}: give one of those"
            )
        return hot

    def _mask(self, action: Tensor | None, like: Tensor) -> Tensor:
        """(batch or 1, 1.., K, 1): 1 for the block of the action, all ones where the model is not conditioned."""
        ones = (1,) * (like.ndim - 2)
        if not self.conditioned:
            return torch.ones(1, *ones, self.blocks, 1, dtype=like.dtype, device=like.device)
        return self._one_hot(action, like.dtype).reshape(-1, *ones, self.blocks, 1)


def _squares(difference: Tensor) -> Tensor:
    return per_clip(difference.square())


def build(settings: Mapping[str, Any], task: Task) -> Hamiltonian:
    """The model for a task; initial weights come from torch's global generator.

    Raises `StbenchError` where no training clip fills the momentum network's window. A shorter clip at prediction is
    padded with zeros, as published.
    """
    module = construct("hamiltonian", Hamiltonian, settings, task.frame_shape)
    frames, window = task.track.conditioning + task.track.train_horizon, module.motion.history.window
    if frames < window:
        raise StbenchError(
            f"the momentum network looks at {window} frames and the track {task.track.id} trains on clips of {frames}: "
            f"give the track a longer train_horizon, or use another model"
        )
    return module


plugin = ModelPlugin(
    name="hamiltonian",
    version="2",
    summary="content z, one motion subspace per action, linear Hamiltonian dynamics, a VAE",
    reference="Khan, Storkey: Hamiltonian prior to Disentangle Content and Motion in Image Sequences, CtrlGen 2021",
    bibtex="""@inproceedings{khan2021hamiltonian,
  title = {Hamiltonian prior to Disentangle Content and Motion in Image Sequences},
  author = {Khan, Asif and Storkey, Amos},
  booktitle = {CtrlGen: Controllable Generative Modeling in Language and Vision, workshop at NeurIPS},
  year = {2021}
}""",
    build=build,
    presets=beside(__name__),
    capabilities=("forecast", "swap", "generate", "transfer", "sample", "resample", "codes"),
)
