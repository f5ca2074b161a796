"""SVG-LP: its equations in NumPy, its parameter counts, what is random in it, the statistics it is published with.

Encoders and decoders end in float32, so a whole model is compared within its rounding, the recurrent networks to 1e-10.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy_cells import sigmoid
from recurrent import batch, count, generator, randomised
from stbench.baselines.svg.model import SVG
from stbench.baselines.svg.networks import GaussianLSTM, Predictor
from torch import Tensor

from stbench.errors import StbenchError
from stbench.models.parts.dcgan import DCGANDecoder, DCGANEncoder
from stbench.models.parts.normalisation import Steps
from stbench.models.parts.vgg import VGGDecoder, VGGEncoder
from stbench.training.adapter import TorchForecaster

SMALL: dict[str, Any] = {
    "backbone": {"name": "dcgan", "width": 2},
    "output": "sigmoid",
    "code": 6,
    "latent": 3,
    "hidden": 5,
    "layers": 2,
    "prior_layers": 1,
    "beta": 0.1,
    "skips": "last",
    "statistics": "running",
}
CONDITIONING = 3
SEEDS = np.array([5, 2**40, 0], np.int64)


def model(frame_shape: tuple[int, ...] = (2, 32, 32), **changes: Any) -> SVG:
    torch.manual_seed(0)
    return SVG(frame_shape, **{**SMALL, **changes})


def clips(number: int = 3, length: int = 6, channels: int = 2, side: int = 32) -> Tensor:
    return torch.rand(number, length, channels, side, side, generator=generator(7))


def learnt(**changes: Any) -> SVG:
    """Every weight random, with the running statistics of one batch."""
    net = randomised(model(**changes)).float().train()
    net.loss(batch(clips(), CONDITIONING), generator())
    return net.eval()


def lstm(stack: torch.nn.Module, inputs: np.ndarray) -> np.ndarray:
    """Top state of each time (batch, time, hidden): W x + b, then gates i, f, g, o of each layer."""
    w = {name: each.detach().numpy() for name, each in stack.named_parameters()}
    below = inputs @ w["embedding.weight"].T + w["embedding.bias"]
    for layer in range(len(stack.cells)):  # type: ignore[arg-type]
        own = {name.rsplit(".", 1)[1]: each for name, each in w.items() if name.startswith(f"cells.{layer}.")}
        h = c = np.zeros((len(inputs), own["weight_hh"].shape[1]))
        tops = []
        for t in range(inputs.shape[1]):
            gates = below[:, t] @ own["weight_ih"].T + own["bias_ih"] + h @ own["weight_hh"].T + own["bias_hh"]
            i, f, g, o = np.split(gates, 4, 1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            tops.append(h)
        below = np.stack(tops, 1)
    return below


def linear(layer: torch.nn.Linear, x: np.ndarray) -> np.ndarray:
    found: np.ndarray = x @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
    return found


def test_predictor_and_gaussians_are_their_equations() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    predictor, gaussian = randomised(Predictor(4, 6, 5, 2)), randomised(GaussianLSTM(4, 3, 5, 2))
    expected = np.tanh(linear(predictor.output, lstm(predictor.stack, x)))
    np.testing.assert_allclose(predictor.unroll(torch.from_numpy(x)).detach(), expected, atol=1e-10, rtol=0)
    found, top = gaussian.unroll(torch.from_numpy(x)), lstm(gaussian.stack, x)
    np.testing.assert_allclose(found.mean.detach(), linear(gaussian.head.mean, top), atol=1e-10, rtol=0)
    np.testing.assert_allclose(found.log_variance.detach(), linear(gaussian.head.spread, top), atol=1e-10, rtol=0)


def by_hand(net: SVG, seen: Tensor, horizon: int, noise: np.ndarray | None, lag: int = 1) -> np.ndarray:
    """The forecast of windows (batch, n, *frame): each step reads all that came before anew. `noise` (batch, steps,
    latent); `lag`: skips from the frame so many before the horizon."""
    n, frames, kept = seen.shape[1], list(seen.unbind(1)), []
    for _ in range(horizon):
        with torch.no_grad():
            codes = [net.encoder.encode([each[:, None]])[0] for each in frames]  # type: ignore[operator]
        h = np.stack([each.code.numpy() for each in codes], 1)
        q, p = lstm(net.posterior.stack, h[:, 1:n]), lstm(net.prior.stack, h)[:, n - 1 :]
        z = []
        for part, top in ((net.posterior, q), (net.prior, p)):
            mean, spread = linear(part.head.mean, top), np.exp(linear(part.head.spread, top) / 2)
            z.append((mean, spread))
        mean, spread = (np.concatenate(each, 1) for each in zip(*z, strict=True))
        z_all = mean if noise is None else mean + spread * noise[:, : mean.shape[1]]
        top = lstm(net.predictor.stack, np.concatenate((h, z_all), 2))
        g = torch.from_numpy(np.tanh(linear(net.predictor.output, top))).float()[:, -1:]
        with torch.no_grad():
            frames.append(net.decoder.decode(g, codes[n - lag].skips, Steps(1))[:, 0])  # type: ignore[operator]
        kept.append(frames[-1].numpy())
    return np.stack(kept, 1)


@pytest.mark.parametrize(("skips", "lag"), [("last", 1), ("last-but-one", 2)])
def test_a_forecast_takes_the_means_and_skips_from_a_conditioning_frame(skips: str, lag: int) -> None:
    net, frames = learnt(skips=skips), clips()[:, :CONDITIONING]
    with torch.no_grad():
        found = net(frames, 3)
    np.testing.assert_allclose(found, by_hand(net, frames, 3, None, lag), atol=1e-5)


def test_a_draw_is_the_prior_after_the_horizon_and_the_posterior_before() -> None:
    net, frames, samples = learnt(), clips()[:, :CONDITIONING], 2
    with torch.no_grad():
        found = net.draw(frames, 3, samples, [generator(int(seed)) for seed in SEEDS])
    for window, seed in enumerate(SEEDS):
        noise = torch.randn(samples, CONDITIONING - 1 + 3, 3, generator=generator(int(seed))).numpy()
        for k in range(samples):
            expected = by_hand(net, frames[window : window + 1], 3, noise[k : k + 1])
            np.testing.assert_allclose(found[window : window + 1, k], expected, atol=1e-5)


def test_the_loss_is_summed_over_frames_and_the_divergence_over_codes() -> None:
    net, frames = learnt().train(), clips()
    terms = net.loss(batch(frames, CONDITIONING), generator(3))
    noise = torch.randn(3, 5, 3, generator=generator(3)).numpy()
    with torch.no_grad():
        codes = [net.encoder.encode([each[:, None]])[0] for each in frames.unbind(1)]  # type: ignore[operator]
    h = np.stack([each.code.numpy() for each in codes], 1)
    q, p = lstm(net.posterior.stack, h[:, 1:]), lstm(net.prior.stack, h[:, :-1])
    (m, v), (m_p, v_p) = (
        (linear(part.head.mean, top), np.exp(linear(part.head.spread, top)))
        for part, top in ((net.posterior, q), (net.prior, p))
    )
    divergence = (np.log(v_p / v) + (v + (m - m_p) ** 2) / v_p - 1).sum() / 2 / 3
    assert float(terms["divergence"].detach()) == pytest.approx(divergence, rel=1e-5)
    read = np.concatenate((h[:, :-1], m + np.sqrt(v) * noise), 2)
    g = torch.from_numpy(np.tanh(linear(net.predictor.output, lstm(net.predictor.stack, read)))).float()
    error = 0.0
    for t in range(5):
        with torch.no_grad():
            made = net.decoder.decode(g[:, t : t + 1], codes[min(t, 2)].skips, Steps(1))  # type: ignore[operator]
        error += float((made[:, 0] - frames[:, t + 1]).square().mean())
    assert float(terms["error"].detach()) == pytest.approx(error, rel=1e-5)
    assert float(terms["total"].detach()) == pytest.approx(error + 0.1 * divergence, rel=1e-5)


DIGITS = {"backbone": {"name": "dcgan", "width": 64}, "code": 128, "latent": 10, "hidden": 256}
PEOPLE = {**DIGITS, "backbone": {"name": "vgg", "width": 64}, "latent": 24}


@pytest.mark.parametrize(
    ("changes", "channels", "side", "millions"),
    [
        (DIGITS, 1, 64, 12.61),
        (PEOPLE, 1, 64, 22.78),
        ({**PEOPLE, "latent": 64}, 3, 64, 22.83),
        (PEOPLE, 1, 128, 39.30),
    ],
    ids=["digits", "people", "robots", "people of 128 pixels"],
)
def test_parameter_counts_are_the_published_ones(
    changes: dict[str, Any], channels: int, side: int, millions: float
) -> None:
    shape = channels, side, side
    with torch.device("meta"):
        net = model(shape, **changes)
        backbone = changes["backbone"]["name"]
        if backbone == "dcgan":
            coder = DCGANEncoder(shape, 1, 128, width=64, code="tanh", norm_first=True)
            decoder: torch.nn.Module = DCGANDecoder(shape, 128, width=64, skips=True, output="sigmoid")
        else:
            coder = VGGEncoder(shape, 1, 128, width=64, code="tanh")  # type: ignore[assignment]
            decoder = VGGDecoder(shape, 128, width=64, skips=True, output="sigmoid")
    assert round(count(net) / 1e6, 2) == millions
    z, cell = changes["latent"], 4 * 256 * (2 * 256 + 2)
    predictor = (128 + z + 1) * 256 + 2 * cell + 257 * 128
    gaussian = 129 * 256 + cell + 2 * 257 * z
    assert count(net) == count(coder) + count(decoder) + predictor + 2 * gaussian


def test_weights_start_with_a_deviation_of_a_fiftieth_and_scales_around_one() -> None:
    net = model(**DIGITS)
    assert float(net.encoder.stages[2].convolution.weight.detach().std()) == pytest.approx(0.02, rel=0.05)  # type: ignore[union-attr,index]
    assert float(net.prior.stack.embedding.weight.detach().std()) == pytest.approx(0.02, rel=0.05)
    scales = net.encoder.stages[2].norm.weight.detach()  # type: ignore[union-attr,index]
    assert float(scales.mean()) == pytest.approx(1, abs=0.01)
    assert 0.01 < float(scales.std()) < 0.03
    assert float(net.prior.head.mean.bias.detach().abs().max()) == 0


@pytest.mark.parametrize(
    ("backbone", "side", "without"),
    [("dcgan", 32, 7), ("dcgan", 64, 9), ("dcgan", 128, 11), ("vgg", 32, 21), ("vgg", 64, 21), ("vgg", 128, 27)],
)
def test_every_parameter_gets_a_gradient_but_biases_before_batch_normalisation(
    backbone: str, side: int, without: int
) -> None:
    net = model((2, side, side), backbone={"name": backbone, "width": 2}).train()
    net.loss(batch(clips(side=side), CONDITIONING), generator())["total"].backward()
    missing = {name for name, each in net.named_parameters() if each.grad is None}
    # Batch normalisation takes the bias of a convolution before it away.
    assert all(name.endswith("convolution.bias") for name in missing)
    assert len(missing) == without
    touched = [each for name, each in net.named_parameters() if not name.endswith("convolution.bias")]
    assert all(bool(each.grad.any()) for each in touched if each.grad is not None)


def test_windows_do_not_matter_to_each_other_nor_does_what_came_before() -> None:
    net, frames = learnt(), clips()[:, :CONDITIONING]
    with torch.no_grad():
        alone = net(frames[:1], 3)
        net(clips(2)[:, 3:], 2)
        torch.testing.assert_close(net(frames, 3)[:1], alone, atol=1e-6, rtol=0)
        assert torch.equal(net(frames, 3)[:, :2], net(frames, 2))


def drawn(net: SVG, windows: np.ndarray, seeds: np.ndarray = SEEDS) -> np.ndarray:
    return TorchForecaster(net).draw(windows, 2, 2, seeds)


def test_draws_of_running_statistics_keep_to_their_window() -> None:
    net, windows = learnt(), clips()[:, :CONDITIONING].numpy()
    together = drawn(net, windows)
    assert drawn(net, windows[1:2], SEEDS[1:2]).tobytes() == together[1:2].tobytes()
    assert drawn(net, windows, SEEDS + 1).tobytes() != together.tobytes()


def test_statistics_of_the_batch_make_windows_depend_on_each_other_and_change_nothing_else() -> None:
    """As published; the running means are not touched, and the whole batch is handed over at once."""
    net, windows = learnt(statistics="batch"), clips()[:, :CONDITIONING].numpy()
    assert net.draws_together
    before = {name: each.clone() for name, each in net.state_dict().items()}
    together = drawn(net, windows)
    assert np.abs(drawn(net, windows[:2], SEEDS[:2]) - together[:2]).max() > 1e-4
    assert drawn(net, windows).tobytes() == together.tobytes()
    assert all(torch.equal(each, before[name]) for name, each in net.state_dict().items())
    assert not net.encoder.training
    assert not net.decoder.training


def test_statistics_of_the_batch_are_those_of_training() -> None:
    """One conditioning frame: the first frame that is drawn is what the decoder makes in training mode."""
    net, frames = learnt(statistics="batch"), clips()
    with torch.no_grad():
        found = net(frames[:, :1], 1)[:, 0]
        net.train()
        code = net.encoder.encode([frames[:, :1]])[0]  # type: ignore[operator]
        prior = net.prior.unroll(code.code[:, None])
        g = net.predictor.unroll(torch.cat((code.code[:, None], prior.mean), 2))
        torch.testing.assert_close(found, net.decoder.decode(g, code.skips, Steps(1))[:, 0], atol=1e-6, rtol=0)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("shape", "changes", "sentence"),
    [
        ((8,), {}, "svg needs images"),
        ((1, 48, 48), {}, "works on images of 128 x 128 or 64 x 64 or 32 x 32 pixels"),
        ((1, 32, 32), {"backbone": {"name": "dcgann", "width": 2}}, "did you mean 'dcgan'"),
        ((1, 32, 32), {"skips": "first"}, "there is no skips 'first'"),
        ((1, 32, 32), {"statistics": "running-mean"}, "there is no statistics 'running-mean'"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(shape: tuple[int, ...], changes: Any, sentence: str) -> None:
    with pytest.raises(StbenchError, match=sentence):
        model(shape, **changes)
