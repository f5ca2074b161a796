"""Structure, sizes and invariances of the separation-of-variables model."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from stbench.contract import presets
from stbench.contract.datasets import Track
from stbench.contract.models import Task
from stbench.errors import StbenchError
from stbench.models.sepvar.model import SeparationOfVariables, plugin
from stbench.training.cost import count_macs, count_parameters

SHAPES = {"waveeq-100": (100,), "waveeq": (1, 64, 64)}


def task(dataset):
    return Task(Track(dataset, "forecast", 5, 40, 20, ("mse",)), SHAPES[dataset])


def build(dataset, variant=None, preset="paper"):
    torch.manual_seed(0)
    return plugin.build(presets.select(plugin, dataset, preset, variant)["model"], task(dataset))


@pytest.fixture(scope="module")
def model():
    return build("waveeq-100").eval()


@pytest.mark.parametrize(
    ("dataset", "variant", "published"),
    [
        ("waveeq-100", None, 15_013_868),
        ("waveeq-100", "without-s", 8_152_268),
        ("waveeq", None, 60_842_864),
        ("waveeq", "without-s", 34_961_264),
    ],
)
def test_parameter_count_equals_the_official_codes(dataset, variant, published):
    with torch.device("meta"):
        assert count_parameters(build(dataset, variant)) == published


def test_encoders_and_decoder_start_normal_and_the_integrator_orthogonal(model):
    for part in (model.static_encoder, model.temporal_encoder, model.decoder):
        for layer in part.modules():
            if isinstance(layer, nn.Linear):
                n = layer.weight.numel()
                assert abs(layer.weight.mean().item()) < 5 * 0.02 / n**0.5
                assert layer.weight.std().item() == pytest.approx(0.02, rel=5 / (2 * n) ** 0.5)
                assert not layer.bias.any()
    layers = [layer for layer in model.integrator.modules() if isinstance(layer, nn.Linear)]
    assert len(layers) == 9
    for layer in layers:
        weight = layer.weight if layer.weight.shape[0] <= layer.weight.shape[1] else layer.weight.t()
        torch.testing.assert_close(weight @ weight.t(), 0.71**2 * torch.eye(len(weight)), atol=1e-5, rtol=0)
        assert not layer.bias.any()


def test_initial_output_is_one_half_everywhere(model):
    assert (model(torch.rand(4, 5, 100), 3) - 0.5).abs().max() < 1e-3


def test_shorter_forecast_is_a_prefix_of_a_longer_one(model):
    conditioning = torch.rand(3, 5, 100)
    torch.testing.assert_close(model(conditioning, 4), model(conditioning, 9)[:, :4], rtol=1e-6, atol=1e-7)


def test_forecast_of_a_window_does_not_depend_on_its_batch(model):
    conditioning = torch.rand(6, 5, 100)
    torch.testing.assert_close(model(conditioning, 4)[2:3], model(conditioning[2:3], 4), rtol=1e-5, atol=1e-6)


def test_frames_keep_their_shape_and_layout():
    model = build("waveeq", preset="quick")
    assert model(torch.rand(2, 5, 1, 64, 64), 3).shape == (2, 3, 1, 64, 64)


def test_static_code_is_penalised_only_where_the_two_ends_differ(model):
    end = torch.rand(2, 1, 5, 100)
    video = torch.cat([end[0], torch.rand(1, 15, 100), end[1]], 1)
    same = torch.cat([end[0], torch.rand(1, 15, 100), end[0]], 1)
    assert model.loss({"frames": same}, torch.Generator())["static"].item() < 1e-14
    assert model.loss({"frames": video}, torch.Generator())["static"].item() > 1e-12


def test_without_s_the_decoder_sees_only_t_and_the_prior_weighs_nothing():
    model = build("waveeq-100", "without-s")
    assert model.static_encoder is None
    terms = model.loss({"frames": torch.rand(2, 25, 100)}, torch.Generator())
    assert "static" not in terms
    total = 45 * terms["prediction"] + terms["autoencoding"]
    assert terms["total"].item() == pytest.approx(total.item(), rel=1e-6)


def test_macs_equal_the_sum_written_by_hand():
    encoder = 500 * 2400 + 2400 * 2400 + 2400 * 32
    step = 3 * (32 * 512 + 512 * 512 + 512 * 32)
    decoder = 32 * 150 + 150 * 150 + 150 * 100
    # Two encoders, 44 steps to the 45th frame, and only the 40 forecast frames are decoded.
    assert count_macs(build("waveeq-100"), (5, 100), 40) == 2 * encoder + 44 * step + 40 * decoder


def test_macs_of_gru_cells_called_without_their_module_are_counted():
    """Three cells of 3 gates, the first of which reads the state, for 44 steps; a way in for each of them, one out."""
    model = build("waveeq-100", "gru")
    cells = 3 * 512 * (32 + 512) + 2 * 3 * 512 * (512 + 512)
    encoder = 500 * 2400 + 2400 * 2400 + 2400 * 32
    decoder = 32 * 150 + 150 * 150 + 150 * 100
    assert count_macs(model, (5, 100), 40) == 2 * encoder + 44 * (cells + 512 * 32) + 3 * 32 * 512 + 40 * decoder


def test_macs_of_convolutions_equal_the_sum_written_by_hand():
    class Convolutions(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.Conv2d(2, 6, 4, stride=2, padding=1, groups=2)
            self.up = nn.ConvTranspose2d(6, 2, 4, stride=2, padding=1)

        def forward(self, conditioning, horizon):
            return self.up(self.down(conditioning[:, 0]))

    # Down: 6 x 4 x 4 outputs of 1 input channel each, 16 taps; up: 6 x 4 x 4 inputs spread to 2 channels, 16 taps.
    assert count_macs(Convolutions(), (1, 2, 8, 8), 1) == 96 * 16 + 96 * 2 * 16


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"mixing": "prodct"}, "mixing 'prodct'.*did you mean 'product'"),
        ({"encoder": {"name": "mpl", "hidden": [4]}}, "encoder 'mpl'.*did you mean 'mlp'"),
        ({"encoder": {"name": "mlp", "hiden": [4]}}, "no setting 'hiden'.*did you mean 'hidden'"),
        ({"encoder": {"name": "mlp"}}, "lacks the setting 'hidden'"),
        ({"encoder": {"hidden": [4]}}, "has no name"),
        ({"decoder": {"name": "mlp", "hidden": [4], "output": "sigmod"}}, "output 'sigmod'.*did you mean 'sigmoid'"),
        ({"temporal_size": 16}, "product.*32.*16"),
    ],
)
def test_impossible_settings_are_told_in_a_sentence(change, sentence):
    table = {**presets.select(plugin, "waveeq-100", "quick")["model"], **change}
    with pytest.raises(StbenchError, match=sentence):
        SeparationOfVariables((100,), 5, **table)


def test_transfer_shows_the_content_of_one_clip_in_the_states_of_another(model):
    one, other = torch.rand(2, 3, 8, 100)
    made = model.transfer(one, other, 12)
    states = model.integrator.roll_out(model.temporal_encoder(other[:, :5]), 12)
    torch.testing.assert_close(made, model.decode(model.static(one[:, :5]), states))
    # Frames behind the conditioning ones are not looked at, and a swap is the same roll-out further on.
    torch.testing.assert_close(model.transfer(one[:, :5], other[:, :5], 12), made)
    torch.testing.assert_close(model.swap(one[:, :5], other[:, :5], 7), made[:, 5:])


def test_codes_are_s_and_the_first_state_of_the_first_window(model):
    clip = torch.rand(3, 8, 100)
    found = model.codes(clip)
    assert torch.equal(found["content"], model.static(clip[:, :5]).code)
    assert torch.equal(found["motion"], model.temporal_encoder(clip[:, :5]))


def test_without_s_there_is_no_content_code():
    with pytest.raises(StbenchError, match="no content code"):
        build("waveeq-100", "without-s", preset="quick").codes(torch.rand(2, 8, 100))
