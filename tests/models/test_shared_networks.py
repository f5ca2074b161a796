"""Encoders and decoders that several models have: the parameters of the releases, and what may follow a code."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from stbench.errors import StbenchError
from stbench.models.parts.conv_dense import FrameDecoder, FrameEncoder
from stbench.models.parts.dcgan import DCGANDecoder, DCGANEncoder
from stbench.models.parts.initial import normal, orthogonal
from stbench.models.parts.lstm import LSTMStack
from stbench.models.parts.normalisation import Steps
from stbench.models.parts.resnet import ResNetEncoder
from stbench.models.parts.vgg import VGGDecoder, VGGEncoder
from stbench.training.cost import count_parameters

RGB = (3, 64, 64)
PUBLISHED = {
    "drnet content": (lambda: DCGANEncoder(RGB, 1, 128, width=64, code="tanh", norm_first=True), 3_807_424),
    "drnet pose": (lambda: DCGANEncoder(RGB, 1, 10, width=64, code="tanh", norm_first=True), 2_840_414),
    "drnet decoder": (lambda: DCGANDecoder(RGB, 138, width=64, skips=True, output="sigmoid"), 6_644_547),
    "drnet plain decoder": (lambda: DCGANDecoder(RGB, 138, width=64, skips=False, output="sigmoid"), 3_888_963),
    "drnet grey content": (lambda: DCGANEncoder((1, 64, 64), 1, 64, width=64, code="tanh", norm_first=True), 3_280_896),
    "drnet grey pose": (lambda: DCGANEncoder((1, 64, 64), 1, 5, width=64, code="tanh", norm_first=True), 2_797_391),
    "drnet resnet pose": (lambda: ResNetEncoder(RGB, 1, 10, width=64, code="tanh"), 11_222_814),
    "drnet vgg content": (lambda: VGGEncoder(RGB, 1, 128, width=64, code="tanh"), 8_689_600),
    "drnet vgg decoder": (lambda: VGGDecoder(RGB, 138, width=64, skips=True, output="sigmoid"), 11_904_579),
    "drnet lstm": (lambda: nn.Sequential(LSTMStack(138, 256, layers=2, embedded=True), nn.Linear(256, 10)), 1_090_826),
    "ddpae object encoder": (lambda: DCGANEncoder((1, 32, 32), 1, 128, width=8, bias=False), 76_000),
    "ddpae object decoder": (
        lambda: DCGANDecoder((1, 32, 32), 128, width=8, skips=False, output="sigmoid", slope=0.0, bias=False),
        76_016,
    ),
    "mocogan generator": (
        lambda: nn.ModuleList(
            (
                DCGANDecoder(RGB, 66, width=64, skips=False, output="tanh", slope=0.0, bias=False),
                nn.GRUCell(10, 10),
            )
        ),
        3_298_836,
    ),
    "halo encoder": (lambda: FrameEncoder(RGB, width=256, dense=4096, features=2048), 82_092_544),
    "halo decoder": (lambda: FrameDecoder(RGB, 292, width=256, dense=4096, output="normalised"), 73_303_049),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_equal_those_of_the_releases(name):
    build, number = PUBLISHED[name]
    with torch.device("meta"):
        assert count_parameters(build()) == number


ENCODERS = [DCGANEncoder, VGGEncoder, ResNetEncoder]


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_tanh_code_is_that_of_a_normalised_one_step_by_step(encoder):
    torch.manual_seed(0)
    windows = [torch.rand(8, 1, *RGB) + shift for shift in (0.0, 3.0)]
    for code in encoder(RGB, 1, 6, width=4, code="tanh").encode(windows):
        before = torch.atanh(code.code)
        torch.testing.assert_close(before.mean(0), torch.zeros(6), atol=1e-4, rtol=0)
        torch.testing.assert_close(before.var(0, unbiased=False), torch.ones(6), atol=0.05, rtol=0)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_elu_code_is_that_of_the_linear_one(encoder):
    found = []
    for code in ("elu", "linear"):
        torch.manual_seed(0)
        network = encoder(RGB, 1, 6, width=2, code=code).eval()
        torch.manual_seed(1)
        for each in network.parameters():
            nn.init.normal_(each)
        found.append(network(torch.rand(4, 1, *RGB)))
    assert (found[1] < 0).any()
    torch.testing.assert_close(found[0], nn.functional.elu(found[1]))
    with pytest.raises(StbenchError, match="there is no code 'tan': did you mean 'tanh'"):
        encoder(RGB, 1, 6, width=2, code="tan")


def test_without_bias_no_layer_but_normalisation_has_one():
    networks = (
        DCGANEncoder((1, 32, 32), 1, 5, width=2, bias=False),
        DCGANDecoder((1, 32, 32), 5, width=2, skips=False, output="sigmoid", bias=False),
    )
    for network in networks:
        with_bias = [each for each in network.modules() if getattr(each, "bias", None) is not None]
        assert with_bias
        assert all(isinstance(each, nn.BatchNorm2d) for each in with_bias)


def test_a_decoder_of_slope_zero_has_relus():
    torch.manual_seed(0)
    decoder = DCGANDecoder((1, 32, 32), 5, width=2, skips=False, output="identity", slope=0.0)
    seen = []
    for stage in (decoder.first, *decoder.stages):
        stage.register_forward_hook(lambda stage, inputs, output: seen.append(output))
    frames = decoder.decode(torch.randn(4, 3, 5), (), Steps(3))
    assert frames.shape == (4, 3, 1, 32, 32)
    assert all(each.min() == 0 < each.max() for each in seen)
    assert len(seen) == 3


def test_32_pixels_have_one_stage_less_and_meet_in_the_middle():
    encoder = DCGANEncoder((1, 32, 32), 1, 5, width=2)
    maps = encoder.encode([torch.rand(3, 1, 1, 32, 32)])[0].skips
    assert [tuple(each.shape[1:]) for each in maps] == [(2, 16, 16), (4, 8, 8), (8, 4, 4)]
    decoder = DCGANDecoder((1, 32, 32), 5, width=2, skips=True, output="sigmoid")
    assert decoder.decode(torch.randn(3, 2, 5), maps, Steps(2)).shape == (3, 2, 1, 32, 32)


def test_dense_layers_of_a_decoder_may_go_without_normalisation():
    plain, normalised = (
        FrameDecoder(RGB, 5, width=2, dense=8, output="normalised", dense_norm=each) for each in (False, True)
    )
    assert not any(isinstance(each, nn.BatchNorm1d) for each in plain.modules())
    assert sum(isinstance(each, nn.BatchNorm1d) for each in normalised.modules()) == 2
    assert plain(torch.randn(3, 5)).shape == (3, *RGB)


def test_initial_weights_are_normal_or_orthogonal_and_biases_zero():
    part = nn.Sequential(nn.Linear(64, 64), nn.Conv2d(64, 8, 3), nn.BatchNorm2d(8))
    torch.manual_seed(0)
    orthogonal(part, 3.0)
    torch.testing.assert_close(part[0].weight @ part[0].weight.T, 9 * torch.eye(64), atol=1e-4, rtol=0)
    assert not part[0].bias.any()
    assert torch.equal(part[2].weight, torch.ones(8))
    normal(part, 0.5)
    assert part[0].weight.std().item() == pytest.approx(0.5, rel=0.05)
    assert part[1].weight.std().item() == pytest.approx(0.5, rel=0.05)
    assert (part[2].weight - 1).abs().max() > 0.1
    assert not part[1].bias.any()
