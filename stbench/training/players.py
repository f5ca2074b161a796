"""Players: the parts of a module that learn apart, each with an optimiser of its own.

A module may have `players() -> {name: parameters}`, in the order in which they act in a step; then
`loss(batch, generator, player)` is what that player lowers. Left out, the module is one player of all its parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from stbench.contract.capabilities import HasPlayers
from stbench.errors import StbenchError

from .settings import PlayerSettings, TrainingSettings


@dataclass(frozen=True)
class Player:
    name: str
    """Empty for a module without players."""
    parameters: Mapping[str, nn.Parameter]
    """Its own ones that are trained, by their names in the module."""
    settings: PlayerSettings
    optimiser: torch.optim.Optimizer

    def loss(self, module: nn.Module, batch: Mapping[str, Tensor], generator: torch.Generator) -> Mapping[str, Tensor]:
        """The terms of this player's loss."""
        names = (self.name,) if self.name else ()
        terms: Mapping[str, Tensor] = module.loss(batch, generator, *names)  # type: ignore[operator]
        return terms

    def learn(self, total: Tensor, step: int) -> None:
        """Step 1, 2, ... of the run: the gradient of `total` with respect to this player's parameters, and no others,
        clipped, and one step of its optimiser."""
        settings, own = self.settings, list(self.parameters.values())
        momentum = settings.momentum_at(step)
        for group in self.optimiser.param_groups:
            group["lr"] = settings.rate(step)
            if momentum is not None:
                group |= {"betas": (momentum, settings.betas[1])} if "betas" in group else {"momentum": momentum}
        self.optimiser.zero_grad(set_to_none=True)
        total.backward(inputs=own)  # type: ignore[no-untyped-call]
        if settings.clip_norm:
            nn.utils.clip_grad_norm_(own, settings.clip_norm)
        self.optimiser.step()

    def moments(self) -> dict[str, Tensor]:
        """The state of the optimiser: `<parameter>.<moment>` -> tensor."""
        state = self.optimiser.state
        found = {name: state[each] for name, each in self.parameters.items() if each in state}
        return {f"{name}.{key}": value for name, values in found.items() for key, value in values.items()}

    def restore(self, moments: Mapping[str, Tensor]) -> None:
        """Take over what `moments` said; those of parameters that are not this player's are left alone."""
        found: dict[int, dict[str, Tensor]] = {}
        numbers = {name: number for number, name in enumerate(self.parameters)}
        for name, value in moments.items():
            parameter, _, key = name.rpartition(".")
            # Absent before the first step, and for parameters no loss depends on.
            if parameter in numbers:
                found.setdefault(numbers[parameter], {})[key] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": found})
        # The fused optimisers walk a parameter and its moments in the order of memory.
        for each, values in self.optimiser.state.items():
            for key, value in values.items():
                if value.shape == each.shape and value.dim():
                    values[key] = torch.empty_like(each, memory_format=torch.preserve_format).copy_(value)


def players_of(module: nn.Module, settings: TrainingSettings) -> tuple[Player, ...]:
    """The players of a module in the order in which they act; `StbenchError` where parameters have no player or two,
    and for settings of a player it does not have."""
    trainable = {name: each for name, each in module.named_parameters() if each.requires_grad}
    parts = _parts(module, trainable)
    settings.check_players([name for name in parts if name])
    players = []
    for name, parameters in parts.items():
        own = settings.player(name)
        players.append(Player(name, parameters, own, _optimiser(list(parameters.values()), own)))
    return tuple(players)


def _parts(module: nn.Module, trainable: Mapping[str, nn.Parameter]) -> dict[str, dict[str, nn.Parameter]]:
    """Player -> its trainable parameters, in the order of the module."""
    divided: object = module
    if not isinstance(divided, HasPlayers) or not callable(divided.players):
        return {"": dict(trainable)}
    found: object = divided.players()
    kind, owners = type(module).__name__, dict[int, str]()
    if not isinstance(found, Mapping) or not found or not all(isinstance(name, str) and name for name in found):
        raise StbenchError(f"players() of {kind} gives {type(found).__name__}, not the parameters of each named player")
    names = {id(each): name for name, each in module.named_parameters()}
    for player, parameters in found.items():
        for each in _listed(parameters, player, kind):
            if id(each) not in names:
                raise StbenchError(f"the player '{player}' of {kind} has something that is no parameter of the model")
            if owners.setdefault(id(each), player) != player:
                raise StbenchError(
                    f"'{names[id(each)]}' of {kind} belongs to the players '{owners[id(each)]}' and '{player}': a "
                    "parameter has one player"
                )
    for name, each in trainable.items():
        if id(each) not in owners:
            raise StbenchError(
                f"'{name}' of {kind} belongs to no player, so nothing would train it: give it to one in players(), or "
                "set its requires_grad to False"
            )
    parts: dict[str, dict[str, nn.Parameter]] = {player: {} for player in found}
    for name, each in trainable.items():
        parts[owners[id(each)]][name] = each
    if idle := [player for player, parameters in parts.items() if not parameters]:
        raise StbenchError(f"the player '{idle[0]}' of {kind} has no parameter to train: leave it out of players()")
    return parts


def _listed(parameters: Any, player: str, kind: str) -> list[nn.Parameter]:
    if not isinstance(parameters, Iterable) or isinstance(parameters, Tensor):
        raise StbenchError(f"the player '{player}' of {kind} has no list of parameters: give it module.parameters()")
    return list(parameters)


def _optimiser(parameters: list[nn.Parameter], settings: PlayerSettings) -> torch.optim.Optimizer:
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimiser == "rmsprop":
        return torch.optim.RMSprop(
            parameters, lr=rate, alpha=settings.alpha, momentum=settings.momentum, weight_decay=decay
        )
    kind: type[torch.optim.Adam] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings.optimiser]
    return kind(parameters, lr=rate, betas=settings.betas, weight_decay=decay, fused=True)
