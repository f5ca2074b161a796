"""The checks of `stbench.conformance.suite` that concern learning: loss, gradient, continuing from a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from stbench.conformance.axes import asked, axes_of
from stbench.conformance.training import BATCH, SEED, STEPS, module_of, players, short
from stbench.contract.capabilities import HasLabels
from stbench.contract.modules import TorchModel
from stbench.errors import StbenchError
from stbench.training.batches import Batches
from stbench.training.loop import train
from stbench.training.modules import torch_module
from stbench.training.players import Player

if TYPE_CHECKING:
    from stbench.conformance.subject import Subject


def loss_terms(subject: Subject) -> str:
    module, batch = _module(subject).train(), _batch(subject)
    kept = {name: each.clone() for name, each in batch.items()}
    found = []
    for player in players(module, subject.configuration):
        terms, whose = _loss(module, batch, player), _of(player)
        if not isinstance(terms, Mapping) or "total" not in terms:
            raise StbenchError(f"loss{whose} returns {_described(terms)}, not a dict of named terms with a 'total'")
        for name, term in terms.items():
            if not isinstance(term, Tensor) or term.numel() != 1:
                raise StbenchError(f"the loss term '{name}'{whose} is {_described(term)}, not a tensor of one number")
            if not bool(torch.isfinite(term)):
                raise StbenchError(f"the loss term '{name}'{whose} is {term.item()} before the first step")
        if changed := [name for name, each in batch.items() if not torch.equal(each, kept[name])]:
            raise StbenchError(f"loss{whose} changes '{changed[0]}' of the batch it is handed: work on a copy")
        prefix = f"{player.name}/" if player.name else ""
        found += [f"{prefix}{name} {term.item():.4g}" for name, term in terms.items()]
    return ", ".join(found)


def gradient(subject: Subject) -> str:
    module = _module(subject).train()
    for player in players(module, subject.configuration):
        found = _gradients(module, _batch(subject), player)
        if all(each is None for each in found.values()):
            raise StbenchError(
                f"the total loss{_of(player)} depends on none of its parameters: compute it from them, without no_grad"
            )
        for name, each in found.items():
            if each is not None and not bool(torch.isfinite(each).all()):
                raise StbenchError(f"the gradient with respect to '{name}' is not finite")
    return "finite for every parameter"


def loss_repeatable(subject: Subject) -> str:
    module, batch = _module(subject).train(), _batch(subject)
    for player in players(module, subject.configuration):
        first = _loss(module, batch, player)["total"]
        _loss(module, {name: each.flip(0) if each.dim() else each for name, each in batch.items()}, player)
        if not torch.equal(first, _loss(module, batch, player)["total"]):
            raise StbenchError(
                f"the loss{_of(player)} of a batch depends on the batches before it: reset every state at the start of "
                "a sequence, and draw from the `generator` that loss is handed"
            )
    return "the same batch and generator give the same loss, whatever was learnt from in between"


def unused_parameters(subject: Subject) -> str:
    module = _module(subject).train()
    trainable: dict[str, Tensor] = {}
    unused: list[str] = []
    for player in players(module, subject.configuration):
        trainable |= player.parameters
        unused += [name for name, each in _gradients(module, _batch(subject), player).items() if each is None]
    number = sum(each.numel() for each in trainable.values())
    if not unused:
        return f"{number:,}, the loss depends on each"
    idle = sum(trainable[name].numel() for name in unused)
    return f"{number:,}, of which the loss does not use {idle:,} ({', '.join(unused[:3])})"


def resumable(subject: Subject) -> str:
    windows, settings = subject.windows(subject.store), short(subject.configuration)
    whole, parts = _module(subject), _module(subject)
    train(whole, windows, settings, subject.folder(), seed=SEED, identity={})
    folder = subject.folder()
    remaining = iter(range(STEPS // 2))
    train(parts, windows, settings, folder, seed=SEED, identity={}, stop=lambda: next(remaining, None) is None)
    # A new process starts from other weights and another state of the global generator.
    torch.manual_seed(SEED + 1)
    parts = torch_module(subject.plugin.build(subject.configuration["model"], subject.task))
    train(parts, windows, settings, folder, seed=SEED, identity={})
    for name, each in whole.state_dict().items():
        if not torch.equal(each, parts.state_dict()[name]):
            raise StbenchError(
                f"stopped after {STEPS // 2} of {STEPS} steps and continued, '{name}' is not what it is else: "
                "keep all that changes in parameters and buffers, and draw from the `generator` that loss is handed"
            )
    return f"stopped after {STEPS // 2} of {STEPS} steps and continued, every weight has the same bits"


def forward(subject: Subject) -> str:
    """Tensors in, tensors out, before the first step."""
    module, batch, task = _module(subject).eval(), _batch(subject), subject.task
    frame = axes_of(task.frame_shape)
    with torch.no_grad():
        found: Tensor = asked(TorchModel.forward, module, batch["conditioning"], task.train_horizon, frame=frame)
    return f"{tuple(found.shape)}"


LEARNING: dict[str, Callable[[Subject], str]] = {
    "forward": forward,
    "loss": loss_terms,
    "gradient": gradient,
    "loss-repeatable": loss_repeatable,
    "parameters": unused_parameters,
    "resume": resumable,
}


def _module(subject: Subject) -> nn.Module:
    return module_of(subject.plugin, subject.configuration, subject.task)


def _batch(subject: Subject) -> dict[str, Tensor]:
    module: object = _module(subject)
    labels = module.labels if isinstance(module, HasLabels) else ()
    batches = Batches(subject.windows(subject.store), BATCH, SEED, torch.device("cpu"), labels)
    return {**batches.batch(0), "step": torch.tensor(0)}


def _loss(module: nn.Module, batch: Mapping[str, Tensor], player: Player) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return player.loss(module, batch, torch.Generator().manual_seed(SEED))


def _gradients(module: nn.Module, batch: Mapping[str, Tensor], player: Player) -> dict[str, Tensor | None]:
    """Of a player's total, by the names of its own parameters; None for one it does not depend on."""
    total: Tensor = _loss(module, batch, player)["total"]
    if not total.requires_grad:
        raise StbenchError(
            f"the total loss{_of(player)} has no gradient: compute it from the model's parameters, without no_grad"
        )
    own = player.parameters
    return dict(zip(own, torch.autograd.grad(total, list(own.values()), allow_unused=True), strict=True))


def _of(player: Player) -> str:
    return f" of the player '{player.name}'" if player.name else ""


def _described(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    return (
        f"a dict of {', '.join(map(str, value)) or 'nothing'}" if isinstance(value, Mapping) else type(value).__name__
    )
