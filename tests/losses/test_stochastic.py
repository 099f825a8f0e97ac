"""Eq. (9)-(10): the full sums, and estimates whose mean over all draws is the full sum, exactly."""

import itertools

import numpy as np
import pytest
import torch
from loss_graphs import graph_of

from pal import losses

N, K = 6, 3
KINDS = ["hollow", "labels", "contrastive", "soft"]


def setting(kind):
    graph = graph_of(kind, N, np.random.default_rng(0))
    z = torch.randn(N, K, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return graph, torch.from_numpy(graph.to_dense()), z


def full_sum(z, dense, repulsion):
    """Eq. (9)-(10) with I = J = [N]²."""
    if repulsion == "exact":
        return (z @ z.t() - dense).square().sum()
    n, k = z.shape
    laplacian = torch.diag(dense.sum(1)) - dense
    variance = (z.t() @ z - n * torch.eye(k, dtype=z.dtype)).square().sum()
    return variance + 2 * torch.trace(z.t() @ laplacian @ z) - n**2 * k


ALL = torch.tensor(list(itertools.product(range(N), repeat=2)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("repulsion", ["variance", "exact"])
def test_all_pairs_give_the_full_sum(kind, repulsion):
    graph, dense, z = setting(kind)
    expected = full_sum(z, dense, repulsion)
    relation = dense[ALL[:, 0], ALL[:, 1]]
    torch.testing.assert_close(losses.pairs_loss(z, ALL, relation, ALL, repulsion=repulsion), expected)
    torch.testing.assert_close(losses.batch_loss(z, graph, n_items=N, repulsion=repulsion), expected)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("repulsion", ["variance", "exact"])
@pytest.mark.parametrize("b", [2, 3, 5])
def test_mean_over_all_batches_is_the_full_sum(kind, repulsion, b):
    graph, dense, z = setting(kind)
    leaf = z.clone().requires_grad_()
    batches = list(itertools.combinations(range(N), b))
    estimates = [
        losses.batch_loss(leaf[list(items)], graph.take(items), n_items=N, repulsion=repulsion) for items in batches
    ]
    mean = torch.stack(estimates).mean()
    full = full_sum(leaf, dense, repulsion)
    torch.testing.assert_close(mean, full)
    for got, expected in zip(torch.autograd.grad(mean, leaf), torch.autograd.grad(full, leaf), strict=True):
        torch.testing.assert_close(got, expected)
    assert torch.stack(estimates).std() > 1e-3


@pytest.mark.parametrize("repulsion", ["variance", "exact"])
def test_mean_over_all_draws_of_pairs_is_the_full_sum(repulsion):
    """Every unordered draw of two asked and two repelled pairs from a set of five items."""
    n = 4
    graph = graph_of("labels", n, np.random.default_rng(2))
    dense = torch.from_numpy(graph.to_dense())
    z = torch.randn(n, K, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    pairs = torch.tensor(list(itertools.product(range(n), repeat=2)))
    relation = dense[pairs[:, 0], pairs[:, 1]]
    draws = [torch.tensor(d) for d in itertools.combinations(range(n * n), 2)]
    weight = n * n / 2
    asked = [
        losses.pairs_loss(z, pairs[d], relation[d], pairs[:0], repulsion=repulsion, asked_weight=weight) for d in draws
    ]
    repelled = [
        losses.pairs_loss(z, pairs[:0], relation[:0], pairs[d], repulsion=repulsion, repelled_weight=weight)
        for d in draws
    ]
    mean = torch.stack(asked).mean() + torch.stack(repelled).mean()
    torch.testing.assert_close(mean, full_sum(z, dense, repulsion))


def test_weights_may_differ_from_pair_to_pair():
    """Pairs drawn with unequal probabilities, weighted by one over them: the mean is the full sum."""
    _, dense, z = setting("labels")
    relation = dense[ALL[:, 0], ALL[:, 1]]
    probability = torch.linspace(1, 2, len(ALL), dtype=torch.float64)
    probability = probability / probability.sum()
    mean = sum(
        p
        * losses.pairs_loss(
            z, ALL[i, None], relation[i, None], ALL[i, None], asked_weight=1 / p[None], repelled_weight=1 / p
        )
        for i, p in enumerate(probability)
    )
    torch.testing.assert_close(mean, full_sum(z, dense, "variance"))


def test_the_two_repulsions_agree_only_if_degrees_are_n():
    """Up to the constant ‖G‖² + …: with G = 11ᵀ, D = N·I, the difference doesn't depend on Z."""
    from pal.graph import SimilarityGraph

    ones = SimilarityGraph(np.ones((N, 1)), np.eye(1))
    gaps = []
    for seed in (1, 2):
        z = torch.randn(N, K, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        gaps.append(losses.batch_loss(z, ones, n_items=N) - losses.batch_loss(z, ones, n_items=N, repulsion="exact"))
    torch.testing.assert_close(gaps[0], gaps[1])
    graph, _, z = setting("labels")
    others = [
        losses.batch_loss(x, graph, n_items=N) - losses.batch_loss(x, graph, n_items=N, repulsion="exact")
        for x in (z, 2 * z)
    ]
    assert abs(others[0] - others[1]) > 1
