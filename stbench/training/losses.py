"""Terms of the losses on their way from the device to the log."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from stbench.errors import StbenchError


class Losses:
    """On the processor a term is a number at once, and a total that is not finite ends the step before a weight
    changes.

    Anywhere else, to read one is to wait for all that was asked of the device before it. There the terms stay where
    they are until somebody needs them, a line of the log or a checkpoint, and are read together.
    """

    def __init__(self, device: torch.device) -> None:
        self.at_hand = device.type == "cpu"
        self._kept: list[tuple[int, str, Mapping[str, Tensor]]] = []
        self._numbers: dict[int, dict[str, float]] = {}

    def add(self, step: int, player: str, terms: Mapping[str, Tensor]) -> None:
        """Of a player (empty: the module has none) at step 1, 2, ... of the run. Raises `StbenchError` on the processor
        as `read` does."""
        if self.at_hand:
            self._take(step, player, {name: term.item() for name, term in terms.items()})
        else:
            self._kept.append((step, player, {name: term.detach() for name, term in terms.items()}))

    def read(self) -> dict[int, dict[str, float]]:
        """Step -> the terms of its losses, of all steps since the last call; those of named players are
        `<player>/<term>`.

        Raises `StbenchError` for the first total that is not finite. What was learnt from it must not be kept.
        """
        kept, self._kept = self._kept, []
        if kept:
            flat = torch.stack([term.float() for _, _, terms in kept for term in terms.values()])
            values = iter(flat.tolist())
            for step, player, terms in kept:
                self._take(step, player, {name: next(values) for name in terms})
        numbers, self._numbers = self._numbers, {}
        return numbers

    def _take(self, step: int, player: str, losses: dict[str, float]) -> None:
        if not math.isfinite(losses["total"]):
            whose = f" of the player '{player}'" if player else ""
            raise StbenchError(
                f"the loss{whose} is {losses['total']} at step {step}{_terms(losses)}: lower learning_rate, or use "
                "precision float32"
            )
        named = {f"{player}/{name}": value for name, value in losses.items()} if player else losses
        self._numbers.setdefault(step, {}).update(named)


def _terms(losses: dict[str, float]) -> str:
    found = ", ".join(f"{name} {value:.3g}" for name, value in losses.items() if name != "total")
    return f" ({found})" if found else ""
