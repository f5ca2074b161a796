"""The four losses against an independent NumPy evaluation written from Eq. 8, 9, 11, 12 of the paper."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stbench.models.sepvar.model import SeparationOfVariables

CONDITIONING, LENGTH, BATCH = 3, 8, 4
LAMBDA = {"prediction": 45.0, "autoencoding": 1.0, "static": 45.0, "prior": 1e-3}


def settings(**changes):
    table = {
        "mixing": "product",
        "static_size": 5,
        "temporal_size": 5,
        "initial_std": 0.3,
        "loss_weights": LAMBDA,
        "encoder": {"name": "mlp", "hidden": [7, 6]},
        "decoder": {"name": "mlp", "hidden": [9, 8], "output": "sigmoid"},
        "integrator": {"name": "mlp", "blocks": 2, "hidden": 11, "gain": 0.71},
    }
    return {**table, **changes}


def perceptron(weights, prefix, x):
    """Affine layers 0, 2, 4, ... with ReLU between, float64."""
    layer = 0
    while f"{prefix}.{layer}.weight" in weights:
        if layer:
            x = np.maximum(x, 0.0)
        x = x @ weights[f"{prefix}.{layer}.weight"].T + weights[f"{prefix}.{layer}.bias"]
        layer += 2
    return x


class Reference:
    """The equations, one window and one frame at a time."""

    def __init__(self, module, table):
        self.weights = {name: value.double().numpy() for name, value in module.state_dict().items()}
        for name in self.weights:
            assert self.weights[name].shape  # nothing in the state but weights and biases
        self.table = table

    def content(self, window):
        return perceptron(self.weights, "static_encoder.layers", window.reshape(-1))

    def motion(self, window):
        return perceptron(self.weights, "temporal_encoder.layers", window.reshape(-1))

    def step(self, state):
        for block in range(self.table["integrator"]["blocks"]):
            state = state + perceptron(self.weights, f"integrator.blocks.{block}", state)
        return state

    def frame(self, content, state):
        if content is None:
            code = state
        elif self.table["mixing"] == "product":
            code = content * state
        else:
            code = np.concatenate([content, state])
        frame = perceptron(self.weights, "decoder.layers", code)
        return 1 / (1 + np.exp(-frame)) if self.table["decoder"]["output"] == "sigmoid" else frame

    def losses(self, batch, start):
        """Terms of Eq. 8, 9, 11, 12, with nu + 1 = L observed frames and tau + 1 = N in a window."""
        terms = {"prediction": [], "autoencoding": [], "static": [], "prior": []}
        for video in batch.astype(np.float64):
            first, last = video[:CONDITIONING], video[-CONDITIONING:]
            content = self.content(first) if self.table["static_size"] else None
            state = self.motion(first)
            terms["prior"].append(0.5 * np.sum(state**2))
            if content is not None:
                terms["static"].append(np.mean((content - self.content(last)) ** 2))
            encoded = self.motion(video[start : start + CONDITIONING])
            target = video[start].reshape(-1)
            terms["autoencoding"].append(np.mean((self.frame(content, encoded) - target) ** 2))
            errors = []
            for observed in video:
                errors.append(np.mean((self.frame(content, state) - observed.reshape(-1)) ** 2))
                state = self.step(state)
            terms["prediction"].append(np.mean(errors))
        return {name: np.mean(values) for name, values in terms.items() if values}


def drawn_start(seed):
    return int(torch.randint(LENGTH - CONDITIONING + 1, (), generator=torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize("frame_shape", [(10,), (2, 3, 4)])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mixing": "concat", "static_size": 4},
        {"static_size": 0},
        {"decoder": {"name": "mlp", "hidden": [9], "output": "identity"}},
    ],
    ids=["product", "concat", "without-s", "identity-output"],
)
def test_every_loss_term_equals_the_papers_equation(frame_shape, changes):
    table = settings(**changes)
    torch.manual_seed(1)
    module = SeparationOfVariables(frame_shape, CONDITIONING, **table)
    batch = torch.rand(BATCH, LENGTH, *frame_shape)
    terms = module.loss({"frames": batch}, torch.Generator().manual_seed(4))
    expected = Reference(module, table).losses(batch.numpy(), drawn_start(4))
    assert set(terms) == {*expected, "total"}
    for name, value in expected.items():
        assert terms[name].item() == pytest.approx(value, rel=2e-5), name
    total = sum(LAMBDA[name] * value for name, value in expected.items())
    assert terms["total"].item() == pytest.approx(total, rel=2e-5)


def test_autoencoding_window_is_drawn_from_all_starts_and_only_from_the_given_generator():
    torch.manual_seed(1)
    module = SeparationOfVariables((10,), CONDITIONING, **settings())
    batch = {"frames": torch.rand(BATCH, LENGTH, 10)}
    reference = Reference(module, settings())
    by_start = [
        reference.losses(batch["frames"].numpy(), start)["autoencoding"] for start in range(LENGTH - CONDITIONING + 1)
    ]
    generator = torch.Generator().manual_seed(0)
    before = torch.get_rng_state()
    drawn = {
        int(np.argmin(np.abs(module.loss(batch, generator)["autoencoding"].item() - np.array(by_start))))
        for _ in range(60)
    }
    assert drawn == set(range(LENGTH - CONDITIONING + 1))
    assert torch.equal(before, torch.get_rng_state())


def test_forecast_is_the_roll_out_without_the_conditioning_frames():
    torch.manual_seed(1)
    module = SeparationOfVariables((2, 3, 4), CONDITIONING, **settings()).eval()
    conditioning = torch.rand(BATCH, CONDITIONING, 2, 3, 4)
    with torch.no_grad():
        forecast = module(conditioning, 5).numpy()
    reference = Reference(module, settings())
    for video, predicted in zip(conditioning.double().numpy(), forecast, strict=True):
        content, state = reference.content(video), reference.motion(video)
        for _ in range(CONDITIONING):
            state = reference.step(state)
        for frame in predicted:
            np.testing.assert_allclose(frame.reshape(-1), reference.frame(content, state), rtol=1e-5)
            state = reference.step(state)


def test_bfloat16_autocast_keeps_state_output_and_losses_in_float32_and_close():
    torch.manual_seed(1)
    module = SeparationOfVariables((10,), CONDITIONING, **settings())
    batch = {"frames": torch.rand(BATCH, LENGTH, 10)}
    plain = module.loss(batch, torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        mixed = module.loss(batch, torch.Generator().manual_seed(0))
        assert module(batch["frames"][:, :CONDITIONING], 4).dtype == torch.float32
    for name, term in mixed.items():
        assert term.dtype == torch.float32
        assert term.item() == pytest.approx(plain[name].item(), rel=0.05), name
