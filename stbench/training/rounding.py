"""bfloat16 on a processor that has none: float32 arithmetic on values rounded to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from stbench.devices import has_bfloat16

_aten = torch.ops.aten
_PRODUCTS = (
    *(_aten.convolution, _aten.convolution_backward),
    *(_aten.mm, _aten.addmm, _aten.bmm, _aten.baddbmm),
)


class RoundedProducts(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """y = bf16( Σ_k a_k b_k ),  a and b bfloat16, their products and sums float32.

    That is what instructions for bfloat16 do, but for the order of the sum; here kernels of float32 do it, forward and
    backward, for matrix products and convolutions of bfloat16 tensors. Where a processor lacks the instructions torch
    imitates them, and takes 10 to 70 times as long as for float32. Whatever else is done with such tensors stays as it
    is.
    """

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        if func.overloadpacket not in _PRODUCTS or not any(_is_half(each) for each in args):
            return func(*args, **given)
        out = given.pop("out", None)
        found = func.overloadpacket.default(*tree_map_only(Tensor, Tensor.float, args), **given)
        return tree_map_only(Tensor, Tensor.bfloat16, found) if out is None else out.copy_(found)


def products_on(device: torch.device) -> AbstractContextManager[Any]:
    """Within it, products of bfloat16 tensors take about as long as those of float32 where the device has no
    instructions for them; nothing changes where it has."""
    return nullcontext() if has_bfloat16(device) else RoundedProducts()  # type: ignore[no-untyped-call]


def _is_half(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dtype == torch.bfloat16
