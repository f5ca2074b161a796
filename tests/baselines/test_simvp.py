"""SimVP against its equations in NumPy, the published parameter counts, and what its two coders differ in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy_cells import group_norm, sigmoid, weights
from numpy_feed_forward import (
    batch_norm,
    conv,
    gated_attention,
    inception,
    leaky,
    mixing,
    part,
    pixel_shuffle,
    transposed,
)
from recurrent import count, generator, randomised
from stbench.baselines.simvp.blocks import Block, Blocks, GatedAttention
from stbench.baselines.simvp.inception import Inception, InceptionU
from stbench.baselines.simvp.model import SimVP

from stbench.errors import StbenchError

SMALL: dict[str, Any] = {
    "coder": "shuffle",
    "width": 4,
    "layers": 4,
    "translator": "gsta",
    "hidden": 8,
    "blocks": 2,
    "ratio": 2.0,
    "drop_path": [0.0, 0.0],
    "inputs": "own",
    "loss": "mse",
}
INCEPTION = {"translator": "inception", "ratio": 0.0, "drop_path": [], "hidden": 16}


def model(frame_shape: tuple[int, ...] = (2, 12, 8), frames: int = 2, **changes: Any) -> SimVP:
    torch.manual_seed(0)
    return SimVP(frame_shape, frames, **{**SMALL, **changes})


def random_maps(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape)


def close(found: torch.Tensor, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found.detach(), expected, atol=1e-10, rtol=0)


def test_gated_attention_is_its_equation() -> None:
    attention, x = randomised(GatedAttention(6)), random_maps(2, 6, 7, 10)
    close(attention(torch.from_numpy(x)), gated_attention(x, weights(attention)))


def test_inception_block_is_its_equation() -> None:
    block, x = randomised(Inception(8, 8, 16)), random_maps(2, 8, 5, 9)
    close(block(torch.from_numpy(x)), inception(x, weights(block)))


def test_a_block_scales_attention_and_mixing_and_changes_the_width() -> None:
    block, x = randomised(Block(6, 4, GatedAttention, ratio=2.0, drop=0.3)).eval(), random_maps(2, 6, 7, 4)
    norms = (block.attention_norm, block.mixing_norm)
    for k, norm in enumerate(norms):
        norm.running_mean.copy_(torch.linspace(-1, 1, 6) + k)  # type: ignore[union-attr]
        norm.running_var.copy_(torch.linspace(0.5, 2, 6) + k)  # type: ignore[union-attr]
    w = weights(block)

    def normed(x: np.ndarray, name: str, norm: torch.nn.BatchNorm2d) -> np.ndarray:
        return batch_norm(x, part(w, name), norm.running_mean.numpy(), norm.running_var.numpy())  # type: ignore[union-attr]

    y = gated_attention(normed(x, "attention_norm", norms[0]), part(w, "attention"))
    y = x + w["attention_scale"][:, None, None] * y
    y = y + w["mixing_scale"][:, None, None] * mixing(normed(y, "mixing_norm", norms[1]), part(w, "mixing"))
    close(block(torch.from_numpy(x), None), conv(y, part(w, "resize")))


def test_the_inception_translator_joins_what_it_gave_on_the_way_down() -> None:
    net, x = randomised(InceptionU(8, hidden=16, blocks=3)), random_maps(2, 8, 5, 4)
    w = weights(net)
    down = [inception(x, part(w, "down.0"))]
    for k in (1, 2):
        down.append(inception(down[-1], part(w, f"down.{k}")))
    y = inception(down[2], part(w, "up.0"))
    y = inception(np.concatenate((y, down[1]), 1), part(w, "up.1"))
    y = inception(np.concatenate((y, down[0]), 1), part(w, "up.2"))
    close(net(torch.from_numpy(x)), y)


@pytest.mark.parametrize("coder", ["shuffle", "transposed"])
def test_frames_pass_the_coder_one_by_one_and_the_translator_as_channels(coder: str) -> None:
    """Frame t is decoded with its own first maps; the translator is taken as it is."""
    net = randomised(model(coder=coder)).eval()
    frames = random_maps(3, 2, 2, 12, 8)
    w = weights(net.network)

    def stage(x: np.ndarray, name: str, stride: int = 1, up: bool = False) -> np.ndarray:
        own = part(w, f"{name}.convolution")
        if up and coder == "transposed":
            y = transposed(x, own, stride=2, padding=1, more=1)
        else:
            y = conv(x, own, stride=stride, padding=1)
            y = pixel_shuffle(y) if up else y
        y = group_norm(y, 2, w[f"{name}.norm.weight"], w[f"{name}.norm.bias"])
        return leaky(y) if coder == "transposed" else y * sigmoid(y)

    first, maps = [], []
    for t in range(2):
        x = stage(frames[:, t], "encoder.stages.0")
        first.append(x)
        for k, stride in enumerate((2, 1, 2), start=1):
            x = stage(x, f"encoder.stages.{k}", stride)
        maps.append(x)
    with torch.no_grad():
        mixed = net.network.translator(torch.from_numpy(np.concatenate(maps, 1)), None).numpy()  # type: ignore[operator]
    expected = []
    for t in range(2):
        x = mixed[:, 4 * t : 4 * t + 4]
        for k, up in enumerate((True, False, True)):
            x = stage(x, f"decoder.stages.{k}", up=up)
        x = np.concatenate((x, first[t]), 1) if coder == "transposed" else x + first[t]
        expected.append(conv(stage(x, "decoder.stages.3"), part(w, "decoder.readout")))
    with torch.no_grad():
        close(net(torch.from_numpy(frames), 2), np.stack(expected, 1))


FIELD = {**SMALL, "width": 64, "hidden": 512, "blocks": 8, "ratio": 8.0}
TAXIS = {"width": 32, "layers": 2, "hidden": 256}
PEOPLE = {"layers": 2, "hidden": 256}
GROUPED = {"translator": "inception", "ratio": 0.0, "drop_path": []}


@pytest.mark.parametrize(
    ("frame_shape", "frames", "changes", "parameters"),
    [
        ((1, 64, 64), 10, {}, 46_769_665),
        ((2, 32, 32), 4, TAXIS, 9_961_058),
        ((1, 64, 64), 4, {}, 39_427_585),
        ((1, 128, 128), 10, {**PEOPLE, "blocks": 6}, 15_632_961),
        ((1, 64, 64), 10, GROUPED, 57_946_113),
        ((2, 32, 32), 4, {**GROUPED, **TAXIS}, 13_794_914),
        ((1, 64, 64), 4, GROUPED, 55_336_449),
        ((1, 128, 128), 10, {**GROUPED, **PEOPLE, "blocks": 4}, 8_600_641),
        # A table of the field lists these 12.2 M beside settings that say four blocks.
        ((1, 128, 128), 10, {**GROUPED, **PEOPLE, "blocks": 6}, 12_152_385),
    ],
)
def test_parameter_counts_are_those_of_later_comparisons(
    frame_shape: tuple[int, ...], frames: int, changes: dict[str, Any], parameters: int
) -> None:
    with torch.device("meta"):
        assert count(SimVP(frame_shape, frames, **{**FIELD, **changes})) == parameters


def test_the_first_simvp_has_the_parameters_of_its_release() -> None:
    """15.78 million: the last stage reads twice the channels, and growing needs no four times of them."""
    with torch.device("meta"):
        first = SimVP((1, 64, 64), 10, **{**FIELD, **GROUPED, "coder": "transposed", "hidden": 256})
        later = SimVP((1, 64, 64), 10, **{**FIELD, **GROUPED, "hidden": 256})
    assert count(first) == 15_778_433
    joined, grown = 64 * 64 * 9, 2 * 3 * (64 * 64 * 9 + 64)
    assert count(later) - count(first) == grown - joined


def test_drop_path_rises_from_the_first_block_to_the_last_and_draws_nothing_in_a_forecast() -> None:
    net = Blocks("simvp", 4, GatedAttention, hidden=8, blocks=4, ratio=2.0, drop_path=[0.01, 0.1])
    assert [each.drop for each in net.blocks] == pytest.approx([0.01, 0.04, 0.07, 0.1])  # type: ignore[union-attr]
    x = torch.randn(16, 4, 3, 5, generator=generator())
    net.eval()
    assert torch.equal(net(x), net(x))


def test_a_dropped_path_leaves_a_sample_as_it_is_and_the_others_scaled() -> None:
    torch.manual_seed(0)
    block = Block(4, 4, GatedAttention, ratio=2.0, drop=0.75).eval()
    torch.nn.init.zeros_(block.mixing_scale)
    x = torch.randn(64, 4, 3, 5, generator=generator())
    with torch.no_grad():
        whole, drawn = block(x, None) - x, block(x, generator(1)) - x
    share = drawn.flatten(1).norm(dim=1) / whole.flatten(1).norm(dim=1)
    assert {round(float(each), 3) for each in share} == {0.0, 4.0}
    assert 32 < int((share == 0).sum()) < 62


@pytest.mark.parametrize(
    ("shape", "changes", "sentence"),
    [
        ((2, 14, 8), {}, "frames of 14 x 8 pixels cannot be made 4 times smaller by simvp"),
        ((2, 13, 13), {"layers": 2}, "frames of 13 x 13 pixels cannot be made 2 times smaller"),
        ((8,), {}, "simvp needs images"),
        ((2, 12, 8), {"layers": 3}, "3 layers, of which every second halves"),
        ((2, 12, 8), {"width": 3}, "make it even"),
        ((2, 12, 8), {"blocks": 1}, "two change the width there and back"),
        ((2, 12, 8), {"ratio": 0.01}, "the ratio 0.01 leaves none of"),
        ((2, 12, 8), {"drop_path": [0.1]}, "drop_path of simvp is"),
        ((2, 12, 8), {"translator": "gst"}, "did you mean 'gsta'"),
        ((2, 12, 8), {**INCEPTION, "hidden": 24}, "8 groups, which have to divide its channels"),
        ((2, 12, 8), {**INCEPTION, "width": 2}, "8 groups, which have to divide its channels"),
        ((2, 12, 8), {**INCEPTION, "ratio": 8.0}, "has no ratio"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(shape: tuple[int, ...], changes: Any, sentence: str) -> None:
    with pytest.raises(StbenchError, match=sentence):
        model(shape, **changes)
