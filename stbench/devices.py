"""Where a model is trained and asked: on the processor, or on a card.

The processor is the reference: what is bitwise the same is so there. On a card sums are added in another order, so
numbers differ by rounding; what is drawn from the generators a model is handed is the same, because these live on the
processor wherever the model is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stbench.errors import StbenchError

if TYPE_CHECKING:
    import torch

REFERENCE = "cpu"
"""Where a model is trained and asked when nobody says otherwise."""
AUTO = "auto"
"""A CUDA card where there is one, else the processor."""
CARDS = ("cuda", "cuda, deterministic")
"""What the identity of a training has of the card it was made on."""
SHARE = 0.5
"""Of the memory that is free on a card: what the frames may take of it; the rest is for the model and its gradients."""
WORKSPACE = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
"""Without it the products of cuBLAS have no fixed order, see torch.use_deterministic_algorithms."""
_NO_FORM = re.compile(r"^(\S.*?) does not have a deterministic implementation")


def find_device(name: str) -> torch.device:
    """The device of a name: "cpu", "cuda", "cuda:1", ..., or "auto"; `StbenchError` for one that is not here."""
    import torch

    if name == AUTO:
        name = "cuda" if torch.cuda.is_available() else REFERENCE
    try:
        device = torch.device(name)
        torch.ones(1, device=device).sum().item()  # "meta" has no numbers
    except Exception as error:  # what a device that is not there or half there raises, each in its way
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise StbenchError(f"there is no device '{name}' here ({reason}): use --device cpu") from None
    return device


def card(device: str, deterministic: bool) -> str:
    """What the identity of a training has of its device: one of `CARDS`; nothing on the processor, where training is
    bitwise repeatable anyway."""
    kind = _kind(device)
    if kind == REFERENCE:
        return ""
    return f"{kind}, deterministic" if deterministic else kind


def _kind(device: str) -> str:
    return device.partition(":")[0]


@contextmanager
def arithmetic(device: str, deterministic: bool = False) -> Iterator[None]:
    """Within, float32 on a card is float32: TF32, which keeps ten bits of a factor, is off in products of matrices and
    in convolutions, and cuDNN chooses no algorithm by the clock. On the processor nothing changes.

    `deterministic`: only operations that give the same bits each time. Raises `StbenchError` for an operation that has
    no such form, and where the memory of the card is too small.
    """
    if _kind(device) == REFERENCE:
        yield
        return
    import torch

    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark
    mode = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = False, False, False
        if deterministic:
            os.environ.setdefault(*WORKSPACE)
            torch.use_deterministic_algorithms(True)
        yield
    except torch.OutOfMemoryError:
        raise StbenchError(
            f"the memory of the device '{device}' is too small for this model and batch: lower batch_size, as in "
            "--set-model training.batch_size=16 --name small, or use --device cpu"
        ) from None
    except RuntimeError as error:
        if (found := _NO_FORM.match(str(error))) is None:
            raise
        raise StbenchError(
            f"{found[1]} has no deterministic form on the device '{device}': leave out --deterministic, or use "
            "--device cpu, where every training repeats its bits"
        ) from None
    finally:
        matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = before
        torch.use_deterministic_algorithms(mode[0], warn_only=mode[1])


def facts(device: torch.device, deterministic: bool) -> Mapping[str, Any]:
    """What a record says of a training on a card: how it computed, and the most memory it took there, bytes. Nothing
    on the processor."""
    if device.type != "cuda":
        return {}
    import torch

    return {
        "tf32": False,
        "deterministic": deterministic,
        "device_memory_bytes": torch.cuda.max_memory_allocated(device),
    }


def fits(size: int, device: torch.device) -> bool:
    """May `size` bytes stay on the device for as long as a training takes?"""
    if device.type != "cuda":
        return True
    import torch

    free, _ = torch.cuda.mem_get_info(device)
    return size <= SHARE * free


ROUNDED = (
    "this processor has no bfloat16: products are computed in float32 from values rounded to it, "
    "which takes as long as float32"
)
"""What is said before a training for which `rounds_bfloat16`."""


def has_bfloat16(device: torch.device) -> bool:
    """Does the device compute in bfloat16? A processor without AVX-512 does not, and torch has no kernel of recurrent
    layers for it there."""
    if device.type != REFERENCE:
        return True
    import torch

    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def rounds_bfloat16(training: Mapping[str, Any], device: torch.device) -> bool:
    """Does a training with these settings ask for bfloat16 where the device has none, so that its products are rounded
    to it (`stbench.training.rounding`)?"""
    return training.get("precision") == "bfloat16" and not has_bfloat16(device)


def moved(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The tensor on a device. From the processor to a card the processor does not wait: through pinned memory, which
    the copy keeps until it is done. To the processor it waits."""
    if device.type == REFERENCE or tensor.device.type != REFERENCE:
        return tensor.to(device)
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)
