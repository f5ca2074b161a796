"""Gaussians of models with latent variables, against torch.distributions."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from stbench.errors import StbenchError
from stbench.models.parts.clip_posterior import ClipPosterior, both_ends
from stbench.models.parts.gaussian import Gaussian, GaussianHead, per_clip, per_element
from stbench.models.parts.lstm import LSTM, LSTMStack, SequencePrior


def gaussian(seed: int, *shape: int) -> Gaussian:
    generator = torch.Generator().manual_seed(seed)
    mean, log_variance = (torch.randn(*shape, generator=generator, dtype=torch.float64) for _ in range(2))
    return Gaussian(2 * mean, 3 * log_variance)


def reference(found: Gaussian) -> Normal:
    return Normal(found.mean, torch.exp(found.log_variance).sqrt())


def test_divergences_are_those_of_torch_distributions():
    posterior, prior = gaussian(0, 4, 3, 5), gaussian(1, 4, 3, 5)
    standard = Normal(torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64))
    close = {"rtol": 1e-12, "atol": 1e-12}
    torch.testing.assert_close(posterior.divergence(), kl_divergence(reference(posterior), standard), **close)
    expected = kl_divergence(reference(posterior), reference(prior))
    torch.testing.assert_close(posterior.divergence(prior), expected, **close)
    assert not torch.allclose(posterior.divergence(prior), prior.divergence(posterior))


def test_the_log_density_is_that_of_torch_distributions():
    found, value = gaussian(0, 4, 3), gaussian(1, 4, 3).mean
    torch.testing.assert_close(found.log_density(value), reference(found).log_prob(value), rtol=1e-12, atol=1e-12)


def test_draws_have_mean_and_variance_and_come_from_the_generator_alone():
    wanted = Gaussian(torch.tensor([-1.0, 3.0]), torch.tensor([0.25, 4.0]).log())
    many = Gaussian(*(each.expand(200_000, 2) for each in wanted))
    drawn = many.sample(torch.Generator().manual_seed(0))
    # Standard errors are 0.001 and 0.004 of the means, 0.3 % of the variances.
    torch.testing.assert_close(drawn.mean(0), wanted.mean, rtol=0, atol=0.02)
    torch.testing.assert_close(drawn.var(0), wanted.log_variance.exp(), rtol=0.02, atol=0)
    torch.manual_seed(5)
    assert torch.equal(drawn, many.sample(torch.Generator().manual_seed(0)))


def test_a_clip_counts_the_sum_of_its_elements_and_an_element_its_mean():
    values = torch.rand(4, 3, 5, dtype=torch.float64)
    torch.testing.assert_close(per_clip(values), values.sum() / 4)
    torch.testing.assert_close(per_element(values), values.sum() / 60)


def test_a_head_says_the_logarithm_of_the_variance_or_a_softplus_deviation():
    head = GaussianHead(3, 2, spread="softplus")
    features = torch.randn(5, 4, 3)
    found = head(features)
    deviation = torch.nn.functional.softplus(head.spread(features))
    torch.testing.assert_close(torch.exp(0.5 * found.log_variance), deviation)
    torch.testing.assert_close(found.mean, head.mean(features))
    plain = GaussianHead(3, 2)
    torch.testing.assert_close(plain(features).log_variance, plain.spread(features))
    with pytest.raises(StbenchError, match="there is no spread 'softpluss': did you mean 'softplus'"):
        GaussianHead(3, 2, spread="softpluss")


def test_a_softplus_deviation_far_below_zero_is_finite_and_keeps_its_gradient():
    head = GaussianHead(1, 1, spread="softplus")
    with torch.no_grad():
        head.spread.weight.fill_(1.0)
        head.spread.bias.zero_()
    x = torch.tensor([[-200.0], [-10.0], [0.0]], requires_grad=True)
    found = head(x).log_variance
    found.sum().backward()
    expected = 2 * torch.nn.functional.softplus(torch.tensor([-10.0, 0.0], dtype=torch.float64)).log()
    torch.testing.assert_close(found[1:, 0].double(), expected, rtol=1e-5, atol=1e-5)
    assert found[0].item() == pytest.approx(-400.0)
    assert x.grad is not None
    assert x.grad[0].item() == pytest.approx(2.0)


def test_heads_answer_in_float32_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        for found in (GaussianHead(3, 2)(torch.randn(5, 3)), ClipPosterior(3, 2, hidden=4)(torch.randn(5, 6, 3))):
            assert (found.mean.dtype, found.log_variance.dtype) == (torch.float32, torch.float32)
        assert LSTMStack(3, 4, layers=2, embedded=True).unroll(torch.randn(2, 3, 3)).dtype == torch.float32


def test_a_recurrent_layer_is_computed_in_float32_where_the_processor_has_no_bfloat16(monkeypatch):
    torch.manual_seed(0)
    network, clips = LSTM(3, 4, batch_first=True), torch.randn(2, 5, 3)
    monkeypatch.setattr("stbench.models.parts.lstm.has_bfloat16", lambda device: False)
    with torch.autocast("cpu", torch.bfloat16):
        found = network(clips.bfloat16())[0]
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, network(clips.bfloat16().float())[0], rtol=0, atol=0)


def test_both_ends_have_seen_the_whole_clip():
    torch.manual_seed(0)
    network = torch.nn.LSTM(3, 4, batch_first=True, bidirectional=True)
    clip = torch.randn(1, 5, 3, requires_grad=True)
    for half in both_ends(network(clip)[0])[0].split(4):
        (gradient,) = torch.autograd.grad(half.sum(), clip, retain_graph=True)
        assert (gradient[0].abs().sum(1) > 0).all()


def test_a_stack_of_cells_is_the_lstm_of_the_library():
    torch.manual_seed(0)
    ours, theirs = LSTMStack(3, 4, layers=2, embedded=False), torch.nn.LSTM(3, 4, num_layers=2, batch_first=True)
    for layer, cell in enumerate(ours.cells):
        for name, weight in cell.named_parameters():
            getattr(theirs, f"{name}_l{layer}").data.copy_(weight)
    x = torch.randn(2, 6, 3)
    torch.testing.assert_close(ours.unroll(x), theirs(x)[0])
    embedded = LSTMStack(5, 4, layers=1, embedded=True)
    h, _ = embedded.step(x.new_ones(2, 5), embedded.start(x))
    torch.testing.assert_close(h, embedded.cells[0](embedded.embedding(x.new_ones(2, 5)))[0])


def test_the_prior_of_a_code_looks_at_earlier_codes_only():
    torch.manual_seed(0)
    prior, codes = SequencePrior(3, 8), torch.randn(1, 5, 3, requires_grad=True)
    for t in range(5):
        (gradient,) = torch.autograd.grad(prior(codes).mean[0, t].sum(), codes, allow_unused=True)
        assert (gradient[0].abs().sum(1) > 0).tolist() == [k < t for k in range(5)]


def test_drawn_codes_follow_the_prior_that_is_forced_on_them():
    torch.manual_seed(0)
    prior = SequencePrior(3, 8, layers=2)
    drawn, moments = prior.draw(4, 6, torch.Generator().manual_seed(1))
    forced = prior(drawn)
    torch.testing.assert_close(moments.mean, forced.mean)
    torch.testing.assert_close(moments.log_variance, forced.log_variance)
    assert torch.equal(prior.draw(4, 6, torch.Generator().manual_seed(1))[0], drawn)
    assert (drawn[:, 1:] != drawn[:, :-1]).all()
