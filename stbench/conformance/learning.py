"""The checks of `stbench.conformance.suite` that concern learning: loss, gradient, continuing from a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from stbench.conformance.training import BATCH, SEED, STEPS, module_of, short
from stbench.contract.capabilities import HasLabels
from stbench.errors import StbenchError
from stbench.training.batches import Batches
from stbench.training.loop import train

if TYPE_CHECKING:
    from stbench.conformance.subject import Subject


def loss_terms(subject: Subject) -> str:
    module, batch = _module(subject).train(), _batch(subject)
    kept = {name: each.clone() for name, each in batch.items()}
    terms = _loss(module, batch)
    if not isinstance(terms, Mapping) or "total" not in terms:
        raise StbenchError(f"loss returns {_described(terms)}, not a dict of named terms with a 'total'")
    for name, term in terms.items():
        if not isinstance(term, Tensor) or term.numel() != 1:
            raise StbenchError(f"the loss term '{name}' is {_described(term)}, not a tensor of one number")
        if not bool(torch.isfinite(term)):
            raise StbenchError(f"the loss term '{name}' is {term.item()} before the first step")
    if changed := [name for name, each in batch.items() if not torch.equal(each, kept[name])]:
        raise StbenchError(f"loss changes '{changed[0]}' of the batch it is handed: work on a copy")
    return ", ".join(f"{name} {term.item():.4g}" for name, term in terms.items())


def gradient(subject: Subject) -> str:
    module = _module(subject).train()
    total = _loss(module, _batch(subject))["total"]
    if not total.requires_grad:
        raise StbenchError("the total loss has no gradient: compute it from the model's parameters, without no_grad")
    total.backward()
    for name, each in module.named_parameters():
        if each.grad is not None and not bool(torch.isfinite(each.grad).all()):
            raise StbenchError(f"the gradient with respect to '{name}' is not finite")
    return "finite for every parameter"


def loss_repeatable(subject: Subject) -> str:
    module, batch = _module(subject).train(), _batch(subject)
    first = _loss(module, batch)["total"]
    _loss(module, {name: each.flip(0) if each.dim() else each for name, each in batch.items()})
    if not torch.equal(first, _loss(module, batch)["total"]):
        raise StbenchError(
            "the loss of a batch depends on the batches before it: reset every state at the start of a sequence, and "
            "draw from the `generator` that loss is handed"
        )
    return "the same batch and generator give the same loss, whatever was learnt from in between"


def unused_parameters(subject: Subject) -> str:
    module = _module(subject).train()
    _loss(module, _batch(subject))["total"].backward()
    trainable = {name: each for name, each in module.named_parameters() if each.requires_grad}
    unused = {name: each for name, each in trainable.items() if each.grad is None}
    number = sum(each.numel() for each in trainable.values())
    if not unused:
        return f"{number:,}, the loss depends on each"
    idle = sum(each.numel() for each in unused.values())
    return f"{number:,}, of which the loss does not use {idle:,} ({', '.join([*unused][:3])})"


def resumable(subject: Subject) -> str:
    windows, settings = subject.windows(subject.store), short(subject.configuration)
    whole, parts = _module(subject), _module(subject)
    train(whole, windows, settings, subject.folder(), seed=SEED, identity={})
    folder = subject.folder()
    remaining = iter(range(STEPS // 2))
    train(parts, windows, settings, folder, seed=SEED, identity={}, stop=lambda: next(remaining, None) is None)
    # A new process starts from other weights and another state of the global generator.
    torch.manual_seed(SEED + 1)
    parts = subject.plugin.build(subject.configuration["model"], subject.task)
    train(parts, windows, settings, folder, seed=SEED, identity={})
    for name, each in whole.state_dict().items():
        if not torch.equal(each, parts.state_dict()[name]):
            raise StbenchError(
                f"stopped after {STEPS // 2} of {STEPS} steps and continued, '{name}' is not what it is else: "
                "keep all that changes in parameters and buffers, and draw from the `generator` that loss is handed"
            )
    return f"stopped after {STEPS // 2} of {STEPS} steps and continued, every weight has the same bits"


LEARNING: dict[str, Callable[[Subject], str]] = {
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


def _loss(module: nn.Module, batch: Mapping[str, Tensor]) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return module.loss(batch, torch.Generator().manual_seed(SEED))  # type: ignore[operator]


def _described(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    return (
        f"a dict of {', '.join(map(str, value)) or 'nothing'}" if isinstance(value, Mapping) else type(value).__name__
    )
