"""bfloat16 where there are no instructions for it: the same numbers as with them, but for the order of sums."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from stbench.training.rounding import RoundedProducts, products_on

ULP = 2.0**-7
"""The largest distance between neighbouring bfloat16 numbers, relative to them."""

Product = Callable[[Tensor, Tensor], Tensor]
OPERANDS: dict[str, tuple[Product, tuple[int, ...], tuple[int, ...]]] = {
    "linear": (F.linear, (5, 37), (11, 37)),
    "matmul": (torch.matmul, (3, 5, 37), (3, 37, 7)),
    "einsum": (lambda a, b: torch.einsum("bij,jk->bik", a, b), (3, 5, 37), (37, 7)),
    "convolution": (lambda x, w: F.conv2d(x, w, padding=1), (2, 6, 9, 7), (4, 6, 3, 3)),
    "transposed": (lambda x, w: F.conv_transpose2d(x, w, stride=2), (2, 6, 5, 7), (6, 4, 4, 4)),
    "volume": (lambda x, w: F.conv3d(x, w), (2, 3, 4, 6, 5), (4, 3, 2, 3, 3)),
}


def weighted(y: Tensor) -> Tensor:
    """A scalar whose gradient by y is a number of bfloat16."""
    return (y * torch.arange(1.0, y.numel() + 1, dtype=y.dtype).view_as(y).sin().bfloat16().to(y.dtype)).sum()


@pytest.mark.parametrize("name", OPERANDS)
def test_products_and_their_gradients_are_exact_to_the_last_bit_of_bfloat16(name: str) -> None:
    product, left, right = OPERANDS[name]
    torch.manual_seed(0)
    a, b = torch.randn(left, requires_grad=True), torch.randn(right, requires_grad=True)
    with RoundedProducts():  # type: ignore[no-untyped-call]
        with torch.autocast("cpu", torch.bfloat16):
            y = product(a, b)
        weighted(y.float()).backward()
    assert y.dtype == torch.bfloat16
    exact = [each.detach().bfloat16().double().requires_grad_() for each in (a, b)]
    target = product(*exact)
    weighted(target).backward()
    for found, wanted in ((y, target), (a.grad, exact[0].grad), (b.grad, exact[1].grad)):
        assert found is not None
        assert wanted is not None
        assert torch.equal(found.float(), found.bfloat16().float()), "every number is one of bfloat16"
        # Half a last bit, and what float32 loses where terms cancel.
        torch.testing.assert_close(found.double(), wanted.detach(), rtol=ULP / 2, atol=1e-5)


def test_a_product_goes_where_it_is_wanted() -> None:
    torch.manual_seed(0)
    bias, a, b = torch.randn(7).bfloat16(), torch.randn(5, 37).bfloat16(), torch.randn(37, 7).bfloat16()
    out = torch.empty(5, 7, dtype=torch.bfloat16)
    with RoundedProducts():  # type: ignore[no-untyped-call]
        assert torch.addmm(bias, a, b, out=out) is out
    assert torch.equal(out, torch.addmm(bias.float(), a.float(), b.float()).bfloat16())


def test_products_of_float32_stay_as_they_are() -> None:
    torch.manual_seed(0)
    x, w = torch.randn(2, 6, 9, 7), torch.randn(4, 6, 3, 3)
    with RoundedProducts():  # type: ignore[no-untyped-call]
        found = F.conv2d(x, w)
    assert torch.equal(found, F.conv2d(x, w))


@pytest.mark.parametrize("has", [True, False])
def test_products_are_rounded_only_where_there_are_no_instructions(monkeypatch: pytest.MonkeyPatch, has: bool) -> None:
    monkeypatch.setattr("stbench.training.rounding.has_bfloat16", lambda device: has)
    assert isinstance(products_on(torch.device("cpu")), RoundedProducts) is not has


def test_a_training_in_bfloat16_rounds_forward_and_backward(
    monkeypatch: pytest.MonkeyPatch, tmp_path, windows, walker, settings
) -> None:
    from stbench.training.loop import train

    asked: list[str] = []
    real = RoundedProducts.__torch_dispatch__

    def heard(self, func, types, args=(), kwargs=None):
        asked.append(func.overloadpacket.__name__)
        return real(self, func, types, args, kwargs)

    monkeypatch.setattr("stbench.training.rounding.has_bfloat16", lambda device: False)
    monkeypatch.setattr(RoundedProducts, "__torch_dispatch__", heard)
    short = {**settings, "precision": "bfloat16", "steps": 2, "snapshots": []}
    train(walker(), windows, short, tmp_path, seed=3, identity={})
    assert asked.count("addmm") > 0
    assert asked.count("mm") > 0, "the gradient of a weight is a product, too"
