"""Losses of the convolutional models against NumPy, against the published order of calls, and their variants."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from numpy_sepvar import Networks, losses
from torch import nn
from torch.nn import functional as F

from stbench.errors import StbenchError
from stbench.models.parts.normalisation import ONE, Steps
from stbench.models.sepvar.model import SeparationOfVariables

N, LENGTH, BATCH = 2, 6, 3
WEIGHTS = {"prediction": 45.0, "autoencoding": 10.0, "static": 45.0, "prior": 1e-3}
MLP = {"name": "mlp", "blocks": 2, "hidden": 7, "gain": 0.71}
VECTORS = {"mixing": "concat", "static_size": 5, "temporal_size": 4, "integrator": MLP, "loss_weights": WEIGHTS}
DCGAN = {
    **VECTORS,
    "pixels": 64,
    "encoder": {"name": "dcgan", "width": 2},
    "decoder": {"name": "dcgan", "width": 2, "skips": False, "output": "sigmoid"},
}
VGG = {
    **VECTORS,
    "pixels": 32,
    "encoder": {"name": "vgg", "width": 2},
    "decoder": {"name": "vgg", "width": 2, "skips": False, "output": "identity"},
}
MAPS = {
    **VECTORS,
    "pixels": 16,
    "offset": "none",
    "prior": "half_mean",
    "encoder": {"name": "maps", "width": 2},
    "decoder": {"name": "maps", "width": 2, "skips": True, "output": "normalised"},
    "integrator": {"name": "convolutions", "blocks": 2, "hidden": 5, "gain": 0.2},
}
WITH_SKIPS = {"decoder": {"name": "vgg", "width": 2, "skips": True, "output": "sigmoid"}}
MODELS = {
    "dcgan": DCGAN,
    "dcgan with skips": {**DCGAN, "decoder": {**DCGAN["decoder"], "skips": True}},
    "product": {**DCGAN, "mixing": "product", "static_size": 4},
    "without S": {**DCGAN, "static_size": 0, "temporal_size": 9},
    "lambda_AE = 0": {**DCGAN, "loss_weights": {**WEIGHTS, "autoencoding": 0.0}},
    "lambda_S = 0": {**DCGAN, "loss_weights": {**WEIGHTS, "static": 0.0}},
    "lambda_T = 0": {**DCGAN, "loss_weights": {**WEIGHTS, "prior": 0.0}},
    "gru": {**DCGAN, "integrator": {"name": "gru", "blocks": 1, "hidden": 6, "gain": 1.41}},
    "offset none": {**DCGAN, "offset": "none"},
    "resnet": {**DCGAN, "encoder": {"name": "resnet", "width": 2}},
    "vgg 32": VGG,
    "vgg 64 with skips": {**VGG, **WITH_SKIPS, "pixels": 64},
    "maps": MAPS,
    "maps without S": {
        **MAPS,
        "static_size": 0,
        "temporal_size": 9,
        "decoder": {"name": "maps", "width": 2, "skips": False, "output": "identity"},
    },
    "linear": {**VGG, **WITH_SKIPS, "offset": "none"},
    "linear without S": {**VGG, "offset": "none", "static_size": 0, "temporal_size": 9},
    "all windows": {**MAPS, "constraint_intervals": "all"},
    "two intervals": {**DCGAN, "constraint_intervals": 2},
}


def build(name, **changes):
    table = {**MODELS[name], "initial_std": 0.2, **changes}
    settings = {key: value for key, value in table.items() if key != "pixels"}
    torch.manual_seed(1)
    return SeparationOfVariables((2, table["pixels"], table["pixels"]), N, **settings), table


def video(table, seed=2):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(BATCH, LENGTH, 2, table["pixels"], table["pixels"], generator=generator)


def drawn_start(table, seed):
    number = LENGTH - N + (0 if table.get("offset") == "none" else 1)
    return int(torch.randint(number, (), generator=torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize("name", MODELS)
def test_every_loss_term_equals_the_papers_equation(name):
    module, table = build(name)
    batch = video(table)
    expected = losses(Networks(module, table), batch.numpy(), N, drawn_start(table, 4))
    terms = module.loss({"frames": batch}, torch.Generator().manual_seed(4))
    assert set(terms) == {*expected, "total"}
    for term, value in expected.items():
        assert terms[term].item() == pytest.approx(value, rel=2e-4), term
    total = sum(table["loss_weights"][term] * value for term, value in expected.items())
    assert terms["total"].item() == pytest.approx(total, rel=2e-4)


def published_order(module, batch, start, offset):
    """The loss with one call of a network for each window and frame, in the published order."""
    n = module.conditioning
    terms, static = {}, None
    if module.static_encoder is not None:
        static, at_end = module.static(batch[:, :n]), module.static(batch[:, -n:])
        pairs = list(zip((static.code, *static.skips), (at_end.code, *at_end.skips), strict=True))
        squares = torch.cat([(one - other).square().flatten() for one, other in pairs])
        terms["static"] = squares.mean()

    def frame(state):
        return module.decode(static, state.unsqueeze(1))[:, 0]

    encoded = module.temporal_encoder(batch[:, start : start + n])
    terms["autoencoding"] = F.mse_loss(frame(encoded), batch[:, start + offset])
    initial = module.temporal_encoder(batch[:, :n])
    states = module.integrator.roll_out(initial, batch.shape[1] - offset)
    decoded = torch.stack([frame(states[:, k]) for k in range(states.shape[1])], 1)
    terms["prediction"] = F.mse_loss(decoded, batch[:, offset:])
    terms["prior"] = module.prior(initial)
    return sum(module.loss_weights[name] * term for name, term in terms.items())


@pytest.mark.parametrize("name", ["dcgan", "resnet", "vgg 64 with skips", "maps", "linear"])
def test_one_call_for_all_frames_does_what_a_call_per_frame_does(name):
    module, table = build(name)
    other, batch = copy.deepcopy(module), video(table)
    module.loss({"frames": batch}, torch.Generator().manual_seed(4))["total"].backward()
    published_order(other, batch, drawn_start(table, 4), N if table.get("offset") == "none" else 0).backward()
    for (name_, ours), theirs in zip(module.named_parameters(), other.parameters(), strict=True):
        if ours.grad is not None:
            scale = theirs.grad.abs().max().item()
            torch.testing.assert_close(ours.grad, theirs.grad, rtol=2e-3, atol=2e-3 * scale + 1e-6, msg=name_)
    for (name_, ours), theirs in zip(module.named_buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5, msg=name_)


def test_decoding_per_frame_normalises_every_time_step_and_folded_all_together():
    per_frame, table = build("dcgan", decode="per_frame")
    folded, _ = build("dcgan", decode="folded")
    static, states = per_frame.static(video(table)[:, :N]), torch.randn(BATCH, 3, 4)
    alone = torch.cat([per_frame.decode(static, states[:, k : k + 1]) for k in range(3)], 1)
    torch.testing.assert_close(per_frame.decode(static, states), alone, rtol=1e-4, atol=1e-5)
    together = folded.decode(static, states)
    assert (together - alone).abs().max() > 1e-3
    code = torch.cat((static.code.unsqueeze(1).expand(-1, 3, -1), states), 2)
    torch.testing.assert_close(together, folded.decoder.decode(code, (), ONE), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(alone, folded.decoder.decode(code, (), Steps(3)), rtol=1e-4, atol=1e-5)


def test_one_interval_is_the_published_constraint_and_more_intervals_see_the_middle():
    static = torch.rand(BATCH, 1, 2, 64, 64).expand(-1, LENGTH, -1, -1, -1)
    there_and_back = static.clone()
    there_and_back[:, N : LENGTH - N] = torch.rand(BATCH, LENGTH - 2 * N, 2, 64, 64)
    for intervals, sees in ((1, False), (2, True), ("all", True)):
        module, _ = build("dcgan", constraint_intervals=intervals)
        with torch.no_grad():
            still = module.loss({"frames": static}, torch.Generator())["static"].item()
            moving = module.loss({"frames": there_and_back}, torch.Generator())["static"].item()
        assert still < 1e-9
        assert (moving > 1e-6) is sees


def test_feature_maps_belong_to_s_only_where_the_decoder_takes_them():
    for name in ("dcgan", "dcgan with skips"):
        module, table = build(name)
        batch = video(table)
        with torch.no_grad():
            found = module.loss({"frames": batch}, torch.Generator())["static"]
            first, last = (module.static_encoder.encode([each])[0] for each in (batch[:, :N], batch[:, -N:]))
        code_alone = F.mse_loss(first.code, last.code).item()
        assert (found.item() == pytest.approx(code_alone, rel=1e-4)) is (name == "dcgan")
        assert len(module.static(batch[:, :N]).skips) == (4 if name == "dcgan with skips" else 0)


def test_content_comes_from_one_window_and_motion_from_the_other():
    module, table = build("dcgan")
    module.eval()
    content, motion = video(table, 3)[:, :N], video(table, 4)[:, :N]
    with torch.no_grad():
        swapped = module.swap(content, motion, 3)
        assert torch.equal(module.swap(motion, motion, 3), module(motion, 3))
        assert not torch.allclose(swapped, module(content, 3))
        assert not torch.allclose(swapped, module(motion, 3))


def test_offset_none_forecasts_from_the_first_state_and_conditioning_drops_the_conditioning_frames():
    for offset, dropped in (("none", 0), ("conditioning", N)):
        module, table = build("dcgan", offset=offset)
        module.eval()
        window = video(table)[:, :N]
        with torch.no_grad():
            states = module.integrator.roll_out(module.temporal_encoder(window), dropped + 3)
            torch.testing.assert_close(module(window, 3), module.decode(module.static(window), states[:, dropped:]))


@pytest.mark.parametrize(
    ("name", "changes", "sentence"),
    [
        ("maps", {"integrator": MLP}, "two-dimensional and vector codes do not mix"),
        ("vgg 64 with skips", {"static_size": 0}, "without S there is none: set skips = false"),
        ("vgg 64 with skips", {"encoder": {"name": "vgg", "width": 3}}, "width 2 cannot take the feature maps"),
        ("dcgan", {"offset": "nome"}, "offset 'nome'.*did you mean 'none'"),
        ("dcgan", {"decode": "fold"}, "decode 'fold'.*did you mean 'folded'"),
        ("dcgan", {"prior": "mean"}, "prior 'mean'.*did you mean 'half_mean'"),
    ],
)
def test_impossible_settings_are_told_in_a_sentence(name, changes, sentence):
    with pytest.raises(StbenchError, match=sentence):
        build(name, **changes)


@pytest.mark.parametrize("intervals", [0, LENGTH - N + 1, 1.5, "every"])
def test_impossible_numbers_of_intervals_are_told_in_a_sentence(intervals):
    module, table = build("dcgan", constraint_intervals=intervals)
    with pytest.raises(StbenchError, match="must be a whole number from 1 to 4"):
        module.loss({"frames": video(table)}, torch.Generator())


def test_states_after_the_window_show_none_of_its_frames():
    module, table = build("dcgan", offset="none")
    with pytest.raises(StbenchError, match="use offset = 'conditioning'"):
        module.transfer(video(table), video(table), 3)


def test_bfloat16_autocast_keeps_losses_in_float32_and_them_and_running_statistics_close():
    module, table = build("dcgan")
    batch = video(table)
    other = copy.deepcopy(module)
    plain = module.loss({"frames": batch}, torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        mixed = other.loss({"frames": batch}, torch.Generator().manual_seed(0))
    for name, term in mixed.items():
        assert term.dtype == torch.float32
        assert term.item() == pytest.approx(plain[name].item(), rel=0.1), name
    for (name, kept), statistics in zip(other.named_buffers(), module.buffers(), strict=True):
        scale = statistics.abs().max().item()
        torch.testing.assert_close(kept, statistics, rtol=0, atol=0.05 * scale, msg=lambda text, name=name: name + text)


def test_numpy_networks_agree_with_torch_on_the_layers_they_rest_on():
    from numpy_sepvar import convolution, pool3, transposed, up

    torch.manual_seed(0)
    x = torch.randn(2, 3, 9, 9, dtype=torch.double)
    down, back = nn.Conv2d(3, 4, 4, 2, 1).double(), nn.ConvTranspose2d(3, 4, 4, 2, 1).double()
    with torch.no_grad():
        pairs = [
            (convolution(x.numpy(), down.weight.numpy(), down.bias.numpy(), 2, 1), down(x)),
            (transposed(x.numpy(), back.weight.numpy(), back.bias.numpy(), 2, 1), back(x)),
            (pool3(x.numpy()), F.max_pool2d(x, 3, 2, 1)),
            (up(x.numpy()), F.interpolate(x, scale_factor=2)),
        ]
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-10, atol=1e-12)
