"""The contract of a loss, gradients, tracing by torch.compile, and refusals."""

import functools
import math

import numpy as np
import pytest
import torch
from loss_graphs import graph_of, labels, views

from pal import losses
from pal.errors import InvalidInputError
from pal.losses import batch_graph
from pal.testing import check_loss

GRAPH_LOSSES = {
    "vicreg": losses.vicreg,
    "vicreg, view by view": functools.partial(losses.vicreg, n_views=2),
    "vic2": losses.vic2,
    "simclr": losses.simclr,
    "simclr, cold": functools.partial(losses.simclr, temperature=0.01, include_self=True, block=5),
    "barlow": losses.barlow_twins,
    "barlow, view by view": functools.partial(losses.barlow_twins, n_views=2, center=False),
    "batch, variance": functools.partial(losses.batch_loss, n_items=40),
    "batch, exact": functools.partial(losses.batch_loss, n_items=40, repulsion="exact"),
}
TWO_VIEW_LOSSES = {
    "vicreg": losses.vicreg_two_view,
    "vicreg, view by view": functools.partial(losses.vicreg_two_view, per_view=True),
    "vic2": losses.spectral_contrastive_two_view,
    "vic2, across": functools.partial(losses.spectral_contrastive_two_view, cross_only=True),
    "simclr": losses.simclr_two_view,
    "simclr, across": functools.partial(losses.simclr_two_view, cross_only=True),
    "barlow": losses.barlow_twins_two_view,
    "barlow, symmetric": functools.partial(losses.barlow_twins_two_view, symmetric=True),
}


@pytest.mark.slow
@pytest.mark.parametrize("k", [4, 15])
@pytest.mark.parametrize("name", GRAPH_LOSSES)
def test_contract(name, k):
    check_loss(GRAPH_LOSSES[name], exchangeable="view by view" not in name, n_components=k)


def test_contract_notices_a_wrong_gradient():
    with pytest.raises(AssertionError, match="gradient"):
        check_loss(lambda z, g: losses.vic2(z, g) + (z.detach() - z).sum() * 0.1)
    with pytest.raises(AssertionError, match="refused"):
        check_loss(lambda z, g: z.to(torch.promote_types(z.dtype, torch.float32)).square().sum())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hollow", "contrastive", "blend", "neighbors"])
@pytest.mark.parametrize("name", GRAPH_LOSSES)
@pytest.mark.parametrize("k", [2, 9])
def test_gradients(name, kind, k):
    g = batch_graph(graph_of(kind, 6, np.random.default_rng(1)), dtype=torch.float64)
    z = torch.randn(6, k, dtype=torch.float64, generator=torch.Generator().manual_seed(2), requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: GRAPH_LOSSES[name](x, g), (z,))


@pytest.mark.parametrize("name", TWO_VIEW_LOSSES)
@pytest.mark.parametrize("shape", [(5, 2), (3, 6)])
def test_two_view_gradients(name, shape):
    generator = torch.Generator().manual_seed(3)
    z1, z2 = (torch.randn(shape, dtype=torch.float64, generator=generator, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(TWO_VIEW_LOSSES[name], (z1, z2))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", GRAPH_LOSSES)
@pytest.mark.parametrize("kind", ["hollow", "soft"])
def test_traced_whole_by_torch_compile(name, kind):
    """One graph, no break: nothing in a loss looks at values."""
    torch.compiler.reset()
    g = batch_graph(graph_of(kind, 8, np.random.default_rng(1)))
    z = torch.randn(8, 3, generator=torch.Generator().manual_seed(2))
    traced = torch.compile(GRAPH_LOSSES[name], fullgraph=True, backend="eager")
    plain, compiled = z.clone().requires_grad_(), z.clone().requires_grad_()
    GRAPH_LOSSES[name](plain, g).backward()
    traced(compiled, g).backward()
    torch.testing.assert_close(compiled.grad, plain.grad, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", GRAPH_LOSSES)
def test_autocast_does_not_lower_the_precision(name):
    graph = views(8, 2, self_loops=False)
    z = torch.randn(16, 4, generator=torch.Generator().manual_seed(4))
    plain = GRAPH_LOSSES[name](z, graph)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert GRAPH_LOSSES[name](z, graph) == plain


def test_no_gradient_flows_into_a_dense_graph():
    dense = torch.from_numpy(views(3, 2).to_dense()).requires_grad_()
    z = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    losses.vic2(z, dense).backward()
    assert dense.grad is None


def test_rows_without_positives_contribute_nothing_to_simclr_as_anchors():
    y = [0, 0, 1, 1, -1, 2]
    graph = labels(y, 3)
    z = torch.randn(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    unit = torch.nn.functional.normalize(z, dim=1)
    logits = (unit @ unit.t() / 0.5).fill_diagonal_(-torch.inf)
    partners = torch.tensor([1, 0, 3, 2])
    expected = torch.nn.functional.cross_entropy(logits[:4], partners)
    torch.testing.assert_close(losses.simclr(z, graph), expected)


@pytest.mark.parametrize("name", GRAPH_LOSSES)
def test_without_any_positive_results_are_finite(name):
    z = torch.randn(6, 3, requires_grad=True, generator=torch.Generator().manual_seed(1))
    value = GRAPH_LOSSES[name](z, labels([-1] * 6, 1))
    value.backward()
    assert value.isfinite()
    assert z.grad.isfinite().all()
    if "simclr" in name:
        assert value == 0
        assert not z.grad.any()


@pytest.mark.parametrize("name", [n for n in GRAPH_LOSSES if "simclr" in n or "vic2" in n])
def test_a_batch_of_one(name):
    z = torch.randn(1, 3, requires_grad=True)
    value = GRAPH_LOSSES[name](z, labels([0], 1))
    value.backward()
    assert value.isfinite()
    assert z.grad.isfinite().all()


def test_a_row_of_zeros_is_borne():
    z = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
    z[2] = 0
    z.requires_grad_()
    losses.simclr(z, views(3, 2)).backward()
    assert z.grad.isfinite().all()
    assert not z.grad[2].any()


Z = torch.randn(6, 3)
G = views(3, 2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: losses.vicreg(Z[:1], labels([0], 1)), "at least 2 row"),
        (lambda: losses.vic2(Z[:0], G), "at least 1 row"),
        (lambda: losses.vic2(Z[0], G), r"shape \(b, k\)"),
        (lambda: losses.vic2(Z[:, :0], G), "k at least 1"),
        (lambda: losses.vic2(Z.long(), G), "floating-point"),
        (lambda: losses.vic2(Z.numpy(), G), "floating-point"),
        (lambda: losses.vic2(Z, views(4, 2)), "one row for each of the 6"),
        (lambda: losses.vic2(Z, torch.ones(6, 5)), r"\(b, b\)"),
        (lambda: losses.vic2(Z, torch.ones(6, 6).triu()), "symmetric"),
        (lambda: losses.vic2(Z, torch.full((6, 6), torch.nan)), "finite"),
        (lambda: losses.vic2(Z, np.eye(6)), "SimilarityGraph"),
        (lambda: losses.simclr(Z, G, temperature=0.0), "temperature"),
        (lambda: losses.simclr(Z, G, temperature=-1.0), "temperature"),
        (lambda: losses.simclr(Z, G, temperature=math.nan), "temperature"),
        (lambda: losses.simclr(Z, G, positives="most"), "positives must be one of"),
        (lambda: losses.simclr(Z, G, reduction="none"), "reduction must be one of"),
        (lambda: losses.simclr(Z, G, block=0), "block"),
        (lambda: losses.simclr_two_view(Z, Z[:5]), "same shape"),
        (lambda: losses.vicreg_two_view(Z, Z[:, :2]), "same shape"),
        (lambda: losses.vicreg(Z, G, coefficients=(1.0, -1.0, 1.0)), "variance must be"),
        (lambda: losses.vicreg(Z, G, n_views=4), "n_views must divide"),
        (lambda: losses.vicreg(Z, G, n_views=0), "n_views must divide"),
        (lambda: losses.vicreg(Z, G, n_views=6), "two rows a view"),
        (lambda: losses.vicreg(Z, -1 * G, signed=True), "degrees"),
        (lambda: losses.barlow_twins(Z, G, n_views=6), "two rows a view"),
        (lambda: losses.barlow_twins(Z, G, redundancy=-1.0), "redundancy"),
        (lambda: losses.barlow_twins(Z, G, epsilon=math.inf), "epsilon"),
        (lambda: losses.batch_loss(Z, G, n_items=5), "n_items must be at least"),
        (lambda: losses.batch_loss(Z, G, n_items=9, repulsion="some"), "repulsion must be one of"),
        (lambda: losses.pairs_loss(Z, torch.zeros(2, 3).long(), torch.ones(2), torch.zeros(1, 2).long()), "asked"),
        (lambda: losses.pairs_loss(Z, torch.zeros(2, 2).long(), torch.ones(3), torch.zeros(1, 2).long()), "relation"),
        (lambda: losses.pairs_loss(Z, torch.zeros(2, 2).long(), torch.ones(2), torch.tensor([[0, 6]])), "positions"),
    ],
)
def test_bad_input_gets_one_clear_sentence(call, words, unchecked):
    with pytest.raises(InvalidInputError, match=words) as error:
        call()
    assert "\n" not in str(error.value)
    assert ";" in str(error.value)
