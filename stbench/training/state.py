"""All that a step changes, and how it goes into a checkpoint and comes back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import msgspec
import torch
from torch import Tensor, nn

from stbench.documents import Unreadable, converted
from stbench.errors import StbenchError

from .checkpoint import Checkpoint
from .log import Clock
from .losses import Losses
from .players import Player, players_of
from .rounding import products_on
from .settings import TrainingSettings

MOMENTS, RAW = "optimiser.", "raw."
"""Prefixes of tensors in a checkpoint's state."""


class _Scalars(msgspec.Struct):
    """What a checkpoint holds beside tensors."""

    step: Annotated[int, msgspec.Meta(ge=0)]
    clock: Clock


class TrainingState:
    """Module, optimisers, averaged weights, random generators and clock of a run at a step."""

    def __init__(self, module: nn.Module, settings: TrainingSettings, seed: int) -> None:
        self.module, self.settings = module, settings
        self.step = 0
        self.clock = Clock()
        self.device = next(module.parameters()).device
        self.losses = Losses(self.device)
        self.parameters = {name: each for name, each in module.named_parameters() if each.requires_grad}
        self.players = players_of(module, settings)
        torch.manual_seed(seed)
        self.generator = torch.Generator().manual_seed(seed)
        """For the draws of `module.loss`; on the CPU whatever the device, so that they do not depend on it."""
        self.average: dict[str, Tensor] = {}
        if settings.average_decay:
            self.average = {name: each.detach().clone() for name, each in self.parameters.items()}

    def advance(self, batch: Mapping[str, Tensor]) -> None:
        """One step of the run: each player that acts in it takes one of its own, one after the other on one batch.

        The terms of their losses go to `losses`. A loss finds the number of steps taken in `batch["step"]`, which is
        on the processor. Raises `StbenchError`, before any weight of a player changes, when its total is not finite;
        what other players learnt in that step is lost with it. On a card that shows only when the terms are read.
        """
        batch, step = {**batch, "step": torch.tensor(self.step)}, self.step + 1
        for player in self.players:
            if player.settings.acts(step):
                self._turn(player, batch, step)
        if self.average:
            live = [each.detach() for each in self.parameters.values()]
            torch._foreach_lerp_(list(self.average.values()), live, 1.0 - self.settings.decay(step))
        self.step = step

    def _turn(self, player: Player, batch: Mapping[str, Tensor], step: int) -> None:
        half = self.settings.precision == "bfloat16"
        with products_on(self.device) if half else nullcontext():
            with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
                terms = player.loss(self.module, batch, self.generator)
            self.losses.add(step, player.name, terms)
            player.learn(terms["total"], step)

    def weights(self) -> dict[str, Tensor]:
        """The state_dict to use and to keep: averaged weights where they are averaged, under every name they have."""
        averaged = {id(self.parameters[name]): each for name, each in self.average.items()}
        named = self.module.named_parameters(remove_duplicate=False)
        return {**self.module.state_dict(), **{name: averaged[id(it)] for name, it in named if id(it) in averaged}}

    def check(self) -> None:
        """`StbenchError` where a step left weights that are not finite, as of a finite loss with an infinite slope."""
        for name, each in self.parameters.items():
            if not torch.isfinite(each).all():
                raise StbenchError(
                    f"after step {self.step} the weights '{name}' are not finite, though the loss was: lower the "
                    "learning rate, clip gradients (training.clip_norm) or train in float32"
                )

    def hand_over(self) -> None:
        """Leave the module with the weights to use, in eval mode."""
        self.module.load_state_dict(self.weights())
        self.module.eval()

    def checkpoint(self) -> Checkpoint:
        state = {f"{MOMENTS}{name}": each for player in self.players for name, each in player.moments().items()}
        state["random.torch"] = torch.get_rng_state()
        state["random.generator"] = self.generator.get_state()
        if self.device.type == "cuda":
            state["random.cuda"] = torch.cuda.get_rng_state(self.device)
        if self.average:
            state |= {f"{RAW}{name}": each for name, each in self.parameters.items()}
        return Checkpoint(self.weights(), state, {"step": self.step, "clock": dataclasses.asdict(self.clock)})

    def restore(self, checkpoint: Checkpoint, folder: Path) -> None:
        """Take over a checkpoint; `StbenchError` when it does not fit the module."""
        state = checkpoint.state
        try:
            scalars = converted(checkpoint.scalars, _Scalars)
        except Unreadable as error:
            raise StbenchError(
                f"the checkpoint in {folder} is damaged (state.json, {error}): delete it and run again to start afresh"
            ) from None
        try:
            self.module.load_state_dict(dict(checkpoint.weights))
            with torch.no_grad():
                for name, each in self.average.items():
                    each.copy_(self.parameters[name])
                    self.parameters[name].copy_(state[f"{RAW}{name}"])
            moments = {name.removeprefix(MOMENTS): each for name, each in state.items() if name.startswith(MOMENTS)}
            for player in self.players:
                player.restore(moments)
            torch.set_rng_state(state["random.torch"])
            self.generator.set_state(state["random.generator"])
            if self.device.type == "cuda":
                torch.cuda.set_rng_state(state["random.cuda"], self.device)
        except (RuntimeError, KeyError) as error:
            raise StbenchError(
                f"the checkpoint in {folder} does not fit this model ({str(error).splitlines()[0]}): use another folder"
            ) from None
        self.step, self.clock = scalars.step, scalars.clock
