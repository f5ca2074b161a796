"""All that a step changes, and how it goes into a checkpoint and comes back."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from stbench.errors import StbenchError

from .checkpoint import Checkpoint
from .log import Clock
from .settings import TrainingSettings


class TrainingState:
    """Module, Adam, averaged weights, random generators and clock of a run at a step."""

    def __init__(self, module: nn.Module, settings: TrainingSettings, seed: int) -> None:
        self.module, self.settings = module, settings
        self.step = 0
        self.clock = Clock()
        self.device = next(module.parameters()).device
        self.parameters = {name: each for name, each in module.named_parameters() if each.requires_grad}
        self.optimiser = torch.optim.Adam(
            list(self.parameters.values()), lr=settings.learning_rate, betas=settings.betas, fused=True
        )
        torch.manual_seed(seed)
        self.generator = torch.Generator().manual_seed(seed)
        """For the draws of `module.loss`; on the CPU whatever the device, so that they do not depend on it."""
        self.average: dict[str, Tensor] = {}
        if settings.average_decay:
            self.average = {name: each.detach().clone() for name, each in self.parameters.items()}

    def advance(self, batch: Mapping[str, Tensor]) -> dict[str, float]:
        """One step of Adam; gives the loss terms. The loss finds the number of steps taken in `batch["step"]`.

        Raises `StbenchError`, before any weight changes, when the total is not finite.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.rate(self.step + 1)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.precision == "bfloat16"):
            terms = self.module.loss({**batch, "step": torch.tensor(self.step)}, self.generator)  # type: ignore[operator]
        losses = {name: term.item() for name, term in terms.items()}
        if not math.isfinite(losses["total"]):
            raise StbenchError(
                f"the loss is {losses['total']} at step {self.step + 1}: "
                "look at the terms in log.jsonl and lower learning_rate, or use precision float32"
            )
        self.optimiser.zero_grad(set_to_none=True)
        terms["total"].backward()
        self.optimiser.step()
        if self.average:
            live = [each.detach() for each in self.parameters.values()]
            torch._foreach_lerp_(list(self.average.values()), live, 1.0 - self.settings.decay(self.step + 1))
        self.step += 1
        return losses

    def weights(self) -> dict[str, Tensor]:
        """The state_dict to use and to keep: averaged weights where they are averaged."""
        return {**self.module.state_dict(), **self.average}

    def hand_over(self) -> None:
        """Leave the module with the weights to use, in eval mode."""
        self.module.load_state_dict(self.weights())
        self.module.eval()

    def checkpoint(self) -> Checkpoint:
        state = {
            f"adam.{name}.{key}": value for name, values in self._moments().items() for key, value in values.items()
        }
        state["random.torch"] = torch.get_rng_state()
        state["random.generator"] = self.generator.get_state()
        if self.device.type == "cuda":
            state["random.cuda"] = torch.cuda.get_rng_state(self.device)
        if self.average:
            state |= {f"raw.{name}": each for name, each in self.parameters.items()}
        return Checkpoint(self.weights(), state, {"step": self.step, "clock": dataclasses.asdict(self.clock)})

    def restore(self, checkpoint: Checkpoint, folder: Path) -> None:
        """Take over a checkpoint; `StbenchError` when it does not fit the module."""
        state = checkpoint.state
        try:
            self.module.load_state_dict(dict(checkpoint.weights))
            with torch.no_grad():
                for name, each in self.average.items():
                    each.copy_(self.parameters[name])
                    self.parameters[name].copy_(state[f"raw.{name}"])
            # Absent before the first step, and for parameters no loss depends on.
            moments = {
                number: {key: state[f"adam.{name}.{key}"] for key in ("step", "exp_avg", "exp_avg_sq")}
                for number, name in enumerate(self.parameters)
                if f"adam.{name}.step" in state
            }
            self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
            self._lay_out_moments()
            torch.set_rng_state(state["random.torch"])
            self.generator.set_state(state["random.generator"])
            if self.device.type == "cuda":
                torch.cuda.set_rng_state(state["random.cuda"], self.device)
        except (RuntimeError, KeyError) as error:
            raise StbenchError(
                f"the checkpoint in {folder} does not fit this model ({str(error).splitlines()[0]}): use another folder"
            ) from None
        self.step = checkpoint.scalars["step"]
        self.clock = Clock(**checkpoint.scalars["clock"])

    def _lay_out_moments(self) -> None:
        """Give moments the memory layout of their parameters: the fused optimiser walks both in the order of memory."""
        for parameter, moments in self.optimiser.state.items():
            for key in ("exp_avg", "exp_avg_sq"):
                moments[key] = torch.empty_like(parameter, memory_format=torch.preserve_format).copy_(moments[key])

    def _moments(self) -> dict[str, dict[str, Tensor]]:
        return {
            name: self.optimiser.state[each] for name, each in self.parameters.items() if each in self.optimiser.state
        }
