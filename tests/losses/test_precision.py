"""Float32 against float64 where plain formulas lose their digits, small temperatures, half precision."""

import loss_references as reference
import numpy as np
import pytest
import torch
from loss_graphs import labels, views

from pal import losses


def value_and_gradient(loss, z):
    leaf = z.clone().requires_grad_()
    value = loss(leaf)
    return value.detach().double(), torch.autograd.grad(value, leaf)[0].double()


def relative_errors(loss, z64):
    exact = value_and_gradient(loss, z64.float().double())
    got = value_and_gradient(loss, z64.float())
    return [float((a - b).norm() / b.norm()) for a, b in zip(got, exact, strict=True)]


def near_views(n, k, *, spread, offset):
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(n, k, dtype=torch.float64, generator=generator).repeat_interleave(2, 0) + offset
    return z + spread * torch.randn(2 * n, k, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("kind", ["factored", "hollow", "blend", "dense"])
@pytest.mark.parametrize("offset", [0.0, 10.0])
def test_invariance_of_nearly_equal_views(kind, offset):
    n = 64
    graph = {
        "factored": views(n, 2),
        "hollow": views(n, 2, self_loops=False),
        "blend": 0.5 * views(n, 2) + 0.5 * views(n, 2, self_loops=False),
        "dense": torch.from_numpy(views(n, 2).to_dense()),
    }[kind]
    z = near_views(n, 8, spread=1e-3, offset=offset)
    value, gradient = relative_errors(lambda x: losses.vicreg(x, graph, coefficients=(1.0, 0.0, 0.0)), z)
    assert value < 1e-5
    # A mean of 10 is itself rounded to 1e-6, a thousandth of the residuals.
    assert gradient < (2e-3 if offset else 1e-4)


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_covariance_with_a_large_mean(offset):
    z = near_views(64, 8, spread=0.3, offset=offset)
    for options in ({}, {"n_views": 2}):
        value, gradient = relative_errors(
            lambda x, o=options: losses.vicreg(x, views(64, 2), coefficients=(0.0, 25.0, 1.0), **o), z
        )
        assert value < 1e-5
        assert gradient < 1e-5


@pytest.mark.parametrize("k", [12, 300])
@pytest.mark.parametrize("kind", ["labels", "soft", "dense"])
def test_vic2_near_its_optimum(k, kind):
    """Z = YR + 1e-3 noise: the loss is 1e-6 of ‖G‖², as small as float32 resolves the expanded form."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 200)
    graph = labels(y, 10)
    rotation = np.linalg.qr(rng.normal(size=(k, k)))[0][:10]
    z = torch.from_numpy(np.eye(10)[y] @ rotation + 1e-3 * rng.normal(size=(200, k)))
    if kind == "soft":
        graph = 0.5 * graph + 0.5 * labels(y, 10)
    given = torch.from_numpy(graph.to_dense()) if kind == "dense" else graph
    value, gradient = relative_errors(lambda x: losses.vic2(x, given), z)
    assert value < 2e-5
    assert gradient < 2e-4
    exact = reference.vic2(z, torch.from_numpy(graph.to_dense()))
    torch.testing.assert_close(losses.vic2(z, given), exact, rtol=1e-8, atol=0)


@pytest.mark.parametrize("temperature", [0.005, 0.02, 0.03, 0.5, 10.0])
@pytest.mark.parametrize("arrangement", ["apart", "together", "opposite"])
def test_simclr_at_small_temperatures(temperature, arrangement):
    generator = torch.Generator().manual_seed(1)
    z = torch.randn(40, 6, dtype=torch.float64, generator=generator)
    if arrangement == "together":
        z = z[:1] + 1e-2 * z
    if arrangement == "opposite":
        z = z[:1] * torch.tensor([[1.0], [-1.0]], dtype=torch.float64).repeat(20, 1) + 1e-2 * z
    graph = views(20, 2)
    dense = torch.from_numpy(graph.to_dense())
    expected = value_and_gradient(lambda x: reference.simclr(x, dense, temperature=temperature), z)
    got = value_and_gradient(lambda x: losses.simclr(x, graph, temperature=temperature, block=16), z)
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-8)
    single = value_and_gradient(lambda x: losses.simclr(x, graph, temperature=temperature), z.float())
    assert torch.isfinite(single[1]).all()
    torch.testing.assert_close(single[0], expected[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("loss", [losses.vicreg, losses.vic2, losses.simclr, losses.barlow_twins])
def test_half_precision_is_computed_in_float32(dtype, loss):
    """Entries of 30 over 256 rows leave float16's range in ZᵀZ; the loss is that of the rounded rows."""
    z = 30 * torch.randn(256, 4, generator=torch.Generator().manual_seed(2))
    graph = views(128, 2)
    rounded = z.to(dtype)
    assert loss(rounded, graph) == loss(rounded.float(), graph)
    assert loss(rounded, graph).dtype == torch.float32
