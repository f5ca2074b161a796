"""Encoders and decoders: sizes, layers and initial weights as published."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from sepvar_tasks import FRAMES, UNSEEN, task
from torch import nn

from stbench.contract import presets
from stbench.errors import StbenchError
from stbench.models.parts.convolutions import Conv2d, Stage, conv3
from stbench.models.parts.dcgan import DCGANDecoder, DCGANEncoder
from stbench.models.parts.maps import MapDecoder, MapEncoder
from stbench.models.parts.normalisation import Steps
from stbench.models.parts.resnet import ResNetEncoder
from stbench.models.parts.vgg import VGGDecoder, VGGEncoder
from stbench.models.sepvar.model import plugin
from stbench.training.cost import count_macs, count_parameters

DEAD = 2 * 128 + 2 * 10
"""Of the published ResNet: a batch normalisation of each code that is created and never applied."""


def build(dataset, variant=None, preset="paper"):
    torch.manual_seed(0)
    return plugin.build(presets.select(plugin, dataset, preset, variant)["model"], task(dataset))


PAGE = Path(__file__).resolve().parents[2] / "docs" / "readings.md"


def rows_of_the_page():
    """(dataset, variant, the numbers of E_S, E_T, D, integrator, all of it) of the table in docs/readings.md."""
    text = PAGE.read_text("utf-8").partition("### Parameters of the `paper` presets")[2]
    table = [line for line in text.splitlines() if line.startswith("| `")][: text.partition("\n\n##")[0].count("\n| `")]
    found = []
    for line in table:
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        dataset, *variant = re.findall(r"`([\w-]+)`", name)
        numbers = [int(cell.replace(",", "")) if cell else 0 for cell in cells[:5]]
        found.append((dataset, variant[0] if variant else None, numbers))
    return found


def test_every_paper_preset_that_was_published_has_a_row_on_the_page():
    rows = {(dataset, variant) for dataset, variant, _ in rows_of_the_page()}
    assert rows >= {(dataset, None) for dataset in FRAMES if dataset not in UNSEEN}
    assert rows >= {("sst", "published-code"), ("sst", "linear"), ("moving-mnist", "without-s")}


@pytest.mark.parametrize(("dataset", "variant", "numbers"), rows_of_the_page())
def test_parameters_of_every_part_equal_the_table_of_the_page_of_readings(dataset, variant, numbers):
    with torch.device("meta"):
        model = build(dataset, variant)
    parts = (model.static_encoder, model.temporal_encoder, model.decoder, model.integrator, model)
    assert [0 if part is None else count_parameters(part) for part in parts] == numbers


@pytest.mark.parametrize(
    ("dataset", "variant", "published"),
    [
        ("moving-mnist", None, 10_985_833),
        ("chairs", None, 27_190_507 - DEAD),
        ("taxibj", None, 25_636_050),
        ("sst", "published-code", 15_809_123),
        ("sst", None, 10_496_099),
        ("waveeq", None, 60_842_864),
        ("waveeq-100", None, 15_013_868),
        ("moving-mnist", "without-s", 8_356_649),
        ("waveeq", "without-s", 34_961_264),
        ("waveeq-100", "without-s", 8_152_268),
    ],
)
def test_parameter_count_equals_the_published_codes(dataset, variant, published):
    with torch.device("meta"):
        assert count_parameters(build(dataset, variant)) == published


def parts_of(dataset, variant=None):
    """The quick configuration, narrow."""
    configuration = presets.select(plugin, dataset, "quick", variant)["model"]
    torch.manual_seed(0)
    return plugin.build(configuration, task(dataset))


@pytest.mark.parametrize(
    ("dataset", "variant"),
    [(dataset, None) for dataset in FRAMES] + [("sst", "linear"), ("kth", "without-s"), ("sst", "without-s")],
)
def test_a_training_step_and_a_forecast_have_the_shapes_of_the_dataset(dataset, variant):
    model, asked = parts_of(dataset, variant), task(dataset)
    frames = torch.rand(3, asked.conditioning + asked.train_horizon, *asked.frame_shape)
    with torch.autocast("cpu", torch.bfloat16):
        terms = model.loss({"frames": frames}, torch.Generator())
    terms["total"].backward()
    assert all(term.dtype == torch.float32 and term.isfinite() for term in terms.values())
    assert any(each.grad is not None and each.grad.any() for each in model.decoder.parameters())
    forecast = model.eval()(frames[:, : asked.conditioning], 3)
    assert forecast.shape == (3, 3, *asked.frame_shape)
    assert forecast.dtype == torch.float32


@pytest.mark.parametrize("dataset", ["moving-mnist", "sst", "taxibj"])
def test_forecast_of_a_window_does_not_depend_on_its_batch_nor_on_the_horizon(dataset):
    model, asked = parts_of(dataset), task(dataset)
    conditioning = torch.rand(4, asked.conditioning, *asked.frame_shape)
    with torch.no_grad():
        # Initial weights are so small that all forecasts are one: larger ones, and batch statistics of what is shown.
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1 and not name.startswith("integrator"):
                parameter.mul_(10.0)
        frames = torch.rand(8, asked.conditioning + asked.train_horizon, *asked.frame_shape)
        for _ in range(30):
            model.loss({"frames": frames}, torch.Generator().manual_seed(0))
        model.eval()
        forecast = model(conditioning, 6)
        tolerance = 1e-4 * float(forecast.abs().max())
        assert (forecast[1:] - forecast[:-1]).abs().amax((1, 2, 3, 4)).min() > 100 * tolerance
        assert (forecast[:, 1:] - forecast[:, :-1]).abs().amax((0, 2, 3, 4)).min() > 100 * tolerance
        torch.testing.assert_close(model(conditioning[1:2], 6), forecast[1:2], rtol=0, atol=tolerance)
        torch.testing.assert_close(model(conditioning, 2), forecast[:, :2], rtol=0, atol=tolerance)


def test_long_forecasts_are_decoded_in_parts_that_do_not_show(monkeypatch):
    model = parts_of("moving-mnist").eval()
    conditioning = torch.rand(3, 5, 1, 64, 64)
    with torch.no_grad():
        whole = model(conditioning, 7)
        monkeypatch.setattr("stbench.models.parts.convolutions.FRAMES_AT_ONCE", 6)
        torch.testing.assert_close(model(conditioning, 7), whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("encoder", "shapes"),
    [
        (DCGANEncoder, [(2, 32, 32), (4, 16, 16), (8, 8, 8), (16, 4, 4)]),
        (VGGEncoder, [(2, 64, 64), (4, 32, 32), (8, 16, 16), (16, 8, 8)]),
        (MapEncoder, [(2, 64, 64), (4, 32, 32), (8, 16, 16)]),
    ],
)
def test_feature_maps_are_the_outputs_of_the_groups_finest_first(encoder, shapes):
    found = encoder((1, 64, 64), 4, 7, width=2).encode([torch.rand(3, 4, 1, 64, 64)])[0]
    assert [tuple(each.shape[1:]) for each in found.skips] == shapes
    assert found.code.shape == ((3, 7, 16, 16) if encoder is MapEncoder else (3, 7))


def test_vgg_code_is_batch_normalised_and_the_other_codes_are_not():
    torch.manual_seed(0)
    windows = torch.rand(16, 4, 2, 32, 32)
    code = VGGEncoder((2, 32, 32), 4, 6, width=4)(windows)
    torch.testing.assert_close(code.mean(0), torch.zeros(6), atol=1e-5, rtol=0)
    torch.testing.assert_close(code.var(0, unbiased=False), torch.ones(6), atol=2e-2, rtol=0)
    windows = torch.rand(16, 4, 1, 64, 64)
    for encoder in (DCGANEncoder, ResNetEncoder):
        assert (encoder((1, 64, 64), 4, 6, width=4)(windows).var(0) - 1).abs().min() > 0.05


def test_32_pixels_leave_out_the_deepest_resampling():
    encoder, decoder = (
        VGGEncoder((2, 32, 32), 4, 6, width=2),
        VGGDecoder((2, 32, 32), 6, width=2, skips=False, output="identity"),
    )
    maps = encoder.encode([torch.rand(2, 4, 2, 32, 32)])[0].skips
    assert [each.shape[-1] for each in maps] == [32, 16, 8, 4]
    assert isinstance(encoder.last_pool, nn.Identity)
    assert isinstance(decoder.first_up, nn.Identity)


def test_resnet_goes_from_64_to_33_17_9_5_3_pixels():
    sizes = []
    encoder = ResNetEncoder((3, 64, 64), 5, 10, width=2)
    for layer in (encoder.first[0], encoder.first, *encoder.blocks):
        layer.register_forward_hook(lambda layer, inputs, output: sizes.append(output.shape[-1]))
    assert encoder(torch.rand(2, 5, 3, 64, 64)).shape == (2, 10)
    assert sizes == [33, 17, 17, 17, 9, 9, 5, 5, 3, 3]
    assert len([each for each in encoder.modules() if isinstance(each, nn.Conv2d)]) == 1 + 16 + 3 + 1


def test_last_layer_of_the_map_decoder_is_normalised_and_activated():
    decoder = MapDecoder((1, 32, 32), 6, width=2, skips=False, output="normalised")
    frames = decoder.decode(torch.randn(4, 3, 6, 8, 8), (), Steps(3))
    # LeakyReLU of slope 0.2 of a normalised value: its inverse has mean 0 and variance 1 in every time step.
    values = torch.where(frames > 0, frames, frames / 0.2)
    torch.testing.assert_close(values.mean((0, 2, 3, 4)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(values.var((0, 2, 3, 4), unbiased=False), torch.ones(3), atol=1e-2, rtol=0)


def test_maps_that_stay_the_same_are_convolved_once_and_give_the_joint_convolution():
    torch.manual_seed(0)
    layer = conv3(3, 5, skip=4).double()
    x, skip = torch.randn(6, 3, 8, 8, dtype=torch.double), torch.randn(2, 4, 8, 8, dtype=torch.double)
    joined = torch.cat([x, skip.repeat(3, 1, 1, 1)], 1)
    expected = nn.functional.conv2d(joined, layer.weight, layer.bias, padding=1)
    torch.testing.assert_close(layer(x, skip), expected, rtol=1e-12, atol=1e-12)


def test_transposed_convolution_of_one_pixel_is_the_matrix_product():
    torch.manual_seed(0)
    layer = DCGANDecoder((1, 64, 64), 9, width=2, skips=False, output="identity").first.convolution.double()
    x = torch.randn(5, 9, 1, 1, dtype=torch.double)
    expected = nn.functional.conv_transpose2d(x, layer.weight, layer.bias)
    torch.testing.assert_close(layer(x), expected, rtol=1e-12, atol=1e-12)


def test_a_bias_before_batch_normalisation_does_nothing_in_training_and_is_used_in_eval_mode():
    torch.manual_seed(0)
    stage = Stage(Conv2d(2, 3, 3, padding=1)).double()
    x = torch.randn(4, 2, 5, 5, dtype=torch.double)
    plain = stage(x)
    with torch.no_grad():
        stage.convolution.bias += 7.0
    torch.testing.assert_close(stage(x), plain, rtol=1e-10, atol=1e-10)
    for _ in range(200):
        stage(x)
    torch.testing.assert_close(stage.norm.running_mean, (stage.convolution(x)).mean((0, 2, 3)), rtol=1e-6, atol=1e-6)
    stage.eval()
    assert torch.isfinite(stage(x)).all()


@pytest.mark.parametrize("dataset", ["moving-mnist", "taxibj", "sst", "chairs"])
def test_initial_weights_are_normal_with_deviation_002_and_batch_scales_around_one(dataset):
    model = parts_of(dataset)
    for part in (model.static_encoder, model.temporal_encoder, model.decoder):
        for layer in part.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                n = layer.weight.numel()
                assert abs(layer.weight.mean().item()) < 5 * 0.02 / n**0.5
                assert layer.weight.std().item() == pytest.approx(0.02, rel=6 / (2 * n) ** 0.5)
                assert not layer.bias.any()
            elif isinstance(layer, nn.BatchNorm2d):
                assert (layer.weight - 1).abs().max() < 6 * 0.02
                assert len(layer.weight) == 1 or layer.weight.std() > 0
                assert not layer.bias.any()


def test_map_integrator_is_orthogonal_with_the_gain_that_its_batch_scales_deviate_by():
    model = build("sst", "published-code")
    layers = [each for each in model.integrator.modules() if isinstance(each, nn.Conv2d)]
    assert len(layers) == 6
    for layer in layers:
        weight = layer.weight.flatten(1)
        torch.testing.assert_close(weight @ weight.t(), 0.71**2 * torch.eye(len(weight)), atol=1e-5, rtol=0)
        assert not layer.bias.any()
    scales = torch.cat([each.weight for each in model.integrator.modules() if isinstance(each, nn.BatchNorm2d)])
    assert scales.mean().item() == pytest.approx(1.0, abs=0.06)
    assert scales.std().item() == pytest.approx(0.71, abs=0.05)


def test_macs_of_the_dcgan_forecast_equal_the_sum_written_by_hand():
    down = (5 * 64 * 1024 + 64 * 128 * 256 + 128 * 256 * 64 + 256 * 512 * 16) * 16
    up = (148 * 512 + (512 * 256 * 16 + 256 * 128 * 64 + 128 * 64 * 256 + 64 * 1024)) * 16
    linear = 8192 * (128 + 20)
    step = 20 * 512 + 512 * 512 + 512 * 20
    assert count_macs(build("moving-mnist"), (5, 1, 64, 64), 10) == 2 * down + linear + 14 * step + 10 * up


@pytest.mark.parametrize(
    "part",
    [
        lambda: DCGANEncoder((1, 16, 16), 4, 6, width=2),
        lambda: VGGDecoder((1, 128, 64), 6, width=2, skips=False, output="identity"),
        lambda: MapEncoder((100,), 4, 6, width=2),
    ],
)
def test_frames_of_another_size_are_refused_in_a_sentence(part):
    with pytest.raises(StbenchError, match=r"works on images of .* pixels, but a frame here has the shape"):
        part()
