"""Graph form = two-view form = the dense definition, in value and gradient."""

import itertools
from functools import partial

import loss_references as reference
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_graphs import KINDS, graph_of, labels, views

from pal import losses
from pal.losses import batch_graph


def both(loss, *tensors):
    """Value and gradients, in float64."""
    leaves = [t.detach().clone().requires_grad_() for t in tensors]
    value = loss(*leaves)
    return [value.detach(), *torch.autograd.grad(value, leaves)]


def assert_same(got, expected, tolerance=1e-10):
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def draw(n, k, seed=0, dtype=torch.float64):
    return torch.randn(n, k, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def interleaved(*parts):
    """Sample-major: view v of item i is row i · V + v."""
    return torch.stack(parts, 1).flatten(0, 1)


# One row a pair of forms: on which two-view graph, with which options, they are the same.
TWO_VIEW = {
    "vicreg": (lambda z, g: losses.vicreg(z, g), losses.vicreg_two_view, False),
    "vicreg, view by view": (
        lambda z, g: losses.vicreg(z, g, n_views=2),
        lambda a, b: losses.vicreg_two_view(a, b, per_view=True),
        False,
    ),
    "vic2": (losses.spectral_contrastive, losses.spectral_contrastive_two_view, True),
    "simclr": (
        lambda z, g: losses.simclr(z, g, temperature=0.2),
        lambda a, b: losses.simclr_two_view(a, b, temperature=0.2),
        False,
    ),
    "simclr, self-loops": (losses.simclr, losses.simclr_two_view, True),
    "simclr, sum": (
        lambda z, g: losses.simclr(z, g, reduction="sum", temperature=0.01),
        lambda a, b: losses.simclr_two_view(a, b, reduction="sum", temperature=0.01),
        False,
    ),
    "barlow": (
        lambda z, g: losses.barlow_twins(z, g, n_views=2),
        lambda a, b: losses.barlow_twins_two_view(a, b, symmetric=True),
        False,
    ),
}


@pytest.mark.parametrize(("n", "k"), [(9, 4), (4, 11), (2, 1)])
@pytest.mark.parametrize("name", TWO_VIEW)
def test_graph_form_is_two_view_form(name, n, k):
    on_graph, two_view, self_loops = TWO_VIEW[name]
    graph = views(n, 2, self_loops=self_loops)
    z1, z2 = draw(n, k, 1), draw(n, k, 2)
    dense = torch.from_numpy(graph.to_dense())
    expected = both(two_view, z1, z2)
    for g in (graph, dense, batch_graph(graph, dtype=torch.float64)):
        assert_same(both(lambda a, b, g=g: on_graph(interleaved(a, b), g), z1, z2), expected)


DEFINITIONS = {
    "vicreg": (losses.vicreg, reference.vicreg),
    "vic2": (losses.vic2, reference.vic2),
    "simclr": (losses.simclr, reference.simclr),
    "barlow": (losses.barlow_twins, reference.barlow),
}
# Graphs whose negative entries the definition would use: what the losses read by default is max(G, 0).
POSITIVE_PART = ("vicreg", "simclr", "barlow")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), [*itertools.product(DEFINITIONS, KINDS)])
@settings(max_examples=15)
@given(b=st.integers(2, 12).map(lambda i: 2 * i), k=st.integers(1, 30), seed=st.integers(0, 1000))
def test_factored_is_dense_is_the_definition(name, kind, b, k, seed):
    ours, definition = DEFINITIONS[name]
    graph = graph_of(kind, b, np.random.default_rng(seed))
    dense = torch.from_numpy(graph.to_dense())
    z = draw(b, k, seed)
    read = dense.clamp(min=0) if name in POSITIVE_PART else dense
    expected = both(lambda x: definition(x, read), z)
    assert_same(both(lambda x: ours(x, graph), z), expected, 1e-8)
    assert_same(both(lambda x: ours(x, dense), z), expected, 1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options",
    [
        {"include_self": True},
        {"positives": "sum", "reduction": "sum", "include_self": True, "temperature": 1.0},
        {"positives": "sum", "temperature": 0.02},
        {"temperature": 0.01},
    ],
    ids=str,
)
def test_simclr_options(kind, options):
    graph = graph_of(kind, 14, np.random.default_rng(3))
    dense = torch.from_numpy(graph.to_dense())
    z = draw(14, 5)
    expected = both(lambda x: reference.simclr(x, dense.clamp(min=0), **options), z)
    for block in (None, 1, 4, 5):
        assert_same(both(lambda x, block=block: losses.simclr(x, graph, block=block, **options), z), expected, 1e-9)


@pytest.mark.parametrize("kind", ["contrastive", "soft", "views", "neighbors"])
@pytest.mark.parametrize("positives", ["mean", "sum"])
def test_signed_simclr_uses_negative_targets(kind, positives):
    graph = graph_of(kind, 14, np.random.default_rng(3))
    dense = torch.from_numpy(graph.to_dense())
    z = draw(14, 5)
    expected = both(lambda x: reference.simclr(x, dense, positives=positives), z)
    for g in (graph, dense):
        assert_same(both(lambda x, g=g: losses.simclr(x, g, positives=positives, signed=True), z), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options", [{"center": False, "epsilon": 0.0}, {"normalize": False, "redundancy": 1.0}, {"n_views": 2}], ids=str
)
@pytest.mark.parametrize("k", [3, 20])
def test_barlow_options(kind, options, k):
    graph = graph_of(kind, 14, np.random.default_rng(4))
    dense = torch.from_numpy(graph.to_dense()).clamp(min=0)
    z = draw(14, k)
    expected = both(lambda x: reference.barlow(x, dense, **options), z)
    assert_same(both(lambda x: losses.barlow_twins(x, graph, **options), z), expected)


def test_signed_vicreg_and_barlow_use_negative_entries():
    graph = views(6, 2) - 0.1 * labels([0, 1] * 6, 2)
    dense = torch.from_numpy(graph.to_dense())
    z = draw(12, 4)
    assert_same(both(lambda x: losses.vicreg(x, graph, signed=True), z), both(lambda x: reference.vicreg(x, dense), z))
    assert_same(
        both(lambda x: losses.barlow_twins(x, graph, signed=True), z), both(lambda x: reference.barlow(x, dense), z)
    )
    assert losses.vicreg(z, graph) != losses.vicreg(z, graph, signed=True)


@pytest.mark.parametrize("v", [2, 3, 4])
def test_views_are_sample_major(v):
    """Each loss on the graph of v views is that of the same pairs in any order, once rows are put in place."""
    n, k = 5, 3
    parts = [draw(n, k, seed) for seed in range(v)]
    graph = views(n, v, self_loops=False)
    z = interleaved(*parts)
    view_major = torch.cat(parts)
    item = torch.arange(n).repeat(v)
    dense = (item[:, None] == item).double().fill_diagonal_(0)
    for loss in (losses.vicreg, losses.vic2, losses.simclr, losses.barlow_twins):
        torch.testing.assert_close(loss(z, graph), loss(view_major, dense), rtol=1e-10, atol=1e-10)
        assert abs(loss(view_major, graph) - loss(z, graph)) > 1e-6
    dense = torch.from_numpy(graph.to_dense())
    for ours, definition in ((losses.vicreg, reference.vicreg), (losses.barlow_twins, reference.barlow)):
        torch.testing.assert_close(ours(z, graph, n_views=v), definition(z, dense, n_views=v))


def test_printed_equations_look_across_the_views_alone():
    z1, z2 = draw(6, 3, 1), draw(6, 3, 2)
    cross = z1 @ z2.t()
    off = cross - torch.diag(cross.diagonal())
    expected = -2 * (z1 * z2).sum() + off.square().sum() / 6
    torch.testing.assert_close(losses.spectral_contrastive_two_view(z1, z2, cross_only=True), expected)
    wide1, wide2 = z1.t().contiguous(), z2.t().contiguous()
    cross = wide1 @ wide2.t()
    expected = -2 * (wide1 * wide2).sum() + (cross.square().sum() - cross.diagonal().square().sum()) / 3
    torch.testing.assert_close(losses.spectral_contrastive_two_view(wide1, wide2, cross_only=True), expected)
    cosines = torch.nn.functional.normalize(z1, dim=1) @ torch.nn.functional.normalize(z2, dim=1).t() / 0.5
    denominators = (cosines.exp().sum(1) - cosines.diagonal().exp()).log()
    expected = (denominators - cosines.diagonal()).sum()
    torch.testing.assert_close(losses.simclr_two_view(z1, z2, cross_only=True, reduction="sum"), expected)


@pytest.mark.parametrize(("n", "k"), [(8, 3), (3, 8)])
def test_directed_barlow_is_batch_normed_cross_correlation(n, k):
    z1, z2 = draw(n, k, 1), draw(n, k, 2)

    def textbook(a, b):
        a, b = ((x - x.mean(0)) / (x.var(0, correction=0) + 1e-5).sqrt() for x in (a, b))
        c = a.t() @ b / n
        return (1 - c.diagonal()).square().sum() + 0.0051 * (c.square().sum() - c.diagonal().square().sum())

    assert_same(both(losses.barlow_twins_two_view, z1, z2), both(textbook, z1, z2))


@pytest.mark.parametrize("kind", KINDS)
def test_batch_graph_keeps_the_graph(kind):
    graph = graph_of(kind, 10, np.random.default_rng(5))
    dense = torch.from_numpy(graph.to_dense())
    g = batch_graph(graph, dtype=torch.float64)
    torch.testing.assert_close(g.to_dense(), dense)
    torch.testing.assert_close(g.degrees(), dense.sum(1))
    torch.testing.assert_close(g.squared_norm(), dense.square().sum())
    torch.testing.assert_close(g.positive().to_dense(), dense.clamp(min=0))
    torch.testing.assert_close(g.hollow().to_dense(), dense - torch.diag(dense.diagonal()))
    torch.testing.assert_close(g.hollow().positive().to_dense(), (dense - torch.diag(dense.diagonal())).clamp(min=0))
    torch.testing.assert_close(g.positive().hollow().to_dense(), g.hollow().positive().to_dense())
    z = draw(10, 3)
    torch.testing.assert_close(g.product(z), dense @ z)


def test_many_groups_stay_sparse():
    """Above a thousand groups M is sparse: contrastive knowledge about few of many items."""
    b = 1200
    graph = views(b // 2, 2).hollow() + labels(np.r_[np.zeros(4, int), -np.ones(b - 4, int)], 1)
    chain = np.arange(b - 1)
    from scipy.sparse import csr_array, eye_array

    relation = csr_array((np.where(chain % 3, 1.0, -1.0), (chain, chain + 1)), shape=(b, b))
    from pal.graph import SimilarityGraph

    for g in (graph, SimilarityGraph(eye_array(b), relation + relation.T + eye_array(b))):
        prepared = batch_graph(g, dtype=torch.float64)
        assert (
            not isinstance(prepared.relation, torch.Tensor)
            or prepared.relation.ndim == 1
            or prepared.relation.is_sparse
        )
        dense = torch.from_numpy(g.to_dense())
        z = draw(b, 3)
        for loss in (losses.vic2, losses.vicreg, losses.simclr, losses.barlow_twins):
            assert_same(both(partial(loss, graph=prepared), z), both(partial(loss, graph=dense), z), 1e-8)
