"""Theorem 2: what gradient descent on free embeddings ends at, for the supervised graph."""

import numpy as np
import pytest
import torch
from loss_graphs import labels

from pal import losses

# Classes of unequal size.
SIZES = (7, 4, 2)
Y = np.repeat(np.arange(3), SIZES)
ONE_HOT = torch.from_numpy(np.eye(3)[Y])
GRAPH = labels(Y, 3)


def descend(loss, n, k, *, steps=300, seed=0):
    """Minimise over free embeddings by L-BFGS; the last embeddings and loss."""
    z = torch.randn(n, k, dtype=torch.float64, generator=torch.Generator().manual_seed(seed), requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [z], max_iter=steps, tolerance_grad=1e-10, tolerance_change=1e-14, line_search_fn="strong_wolfe"
    )

    def closure():
        optimiser.zero_grad()
        value = loss(z)
        value.backward()
        return value

    optimiser.step(closure)
    return z.detach(), float(loss(z.detach()))


def class_means(z):
    return ONE_HOT.t() @ z / ONE_HOT.sum(0)[:, None]


@pytest.mark.parametrize("k", [3, 5])
def test_vic2_ends_at_rotated_labels(k):
    z, value = descend(lambda z: losses.vic2(z, GRAPH), len(Y), k)
    assert value < 1e-8
    rotation = class_means(z)
    torch.testing.assert_close(z, ONE_HOT @ rotation, atol=2e-3, rtol=0)
    torch.testing.assert_close(rotation @ rotation.t(), torch.eye(3, dtype=z.dtype), atol=1e-4, rtol=0)


def test_vic2_with_too_few_columns_loses_the_smallest_classes():
    """K < C: the best rank-K fit keeps the K largest classes, and the squared sizes of the others are the loss."""
    for k in (1, 2):
        z, value = descend(lambda z: losses.vic2(z, GRAPH), len(Y), k)
        assert value == pytest.approx(sum(size**2 for size in SIZES[k:]), abs=1e-8)
        norms = class_means(z).norm(dim=1)
        torch.testing.assert_close(norms, torch.tensor([1.0] * k + [0.0] * (3 - k)).double(), atol=1e-4, rtol=0)


def cosines(z):
    unit = torch.nn.functional.normalize(z, dim=1)
    return unit @ unit.t()


@pytest.mark.parametrize("k", [3, 4])
def test_simclr_ends_at_the_simplex_for_equal_classes(k):
    y = np.repeat(np.arange(3), 4)
    graph = labels(y, 3)
    z, _ = descend(lambda z: losses.simclr(z, graph, positives="sum", include_self=True, temperature=1.0), len(y), k)
    same = torch.from_numpy(y[:, None] == y)
    got = cosines(z)
    torch.testing.assert_close(got[same], torch.ones_like(got[same]), atol=1e-4, rtol=0)
    torch.testing.assert_close(got[~same], torch.full_like(got[~same], -0.5), atol=1e-4, rtol=0)


def test_simclr_ends_at_a_deformed_simplex_for_unequal_classes():
    """Classes still collapse to one direction each; the larger two classes, the wider their angle (eq. 14).

    With every pair of a class counted once, an anchor weighs its class's size: Σ_c N_c² log Σ_c' N_c' exp(cos) − …
    """
    theorem = {"positives": "sum", "reduction": "sum", "include_self": True, "temperature": 1.0}
    z, value = descend(lambda z: losses.simclr(z, GRAPH, **theorem), len(Y), 3)
    got = cosines(z)
    same = torch.from_numpy(Y[:, None] == Y)
    torch.testing.assert_close(got[same], torch.ones_like(got[same]), atol=1e-4, rtol=0)
    means = torch.nn.functional.normalize(class_means(z), dim=1)
    between = means @ means.t()
    assert between[0, 1] < between[0, 2] < between[1, 2]

    sizes = torch.tensor(SIZES, dtype=torch.float64)

    def reduced(c):
        c = torch.nn.functional.normalize(c, dim=1)
        return (sizes**2 * (torch.logsumexp(c @ c.t() + sizes.log(), 1) - 1)).sum()

    assert value == pytest.approx(min(descend(reduced, 3, 3, seed=seed)[1] for seed in range(3)), abs=1e-6)


def test_simclr_with_too_few_columns_has_no_simplex():
    """K = 1 < C − 1: three classes on a line share directions, and the loss stays above that of K = 2."""
    z1, value1 = descend(lambda z: losses.simclr(z, GRAPH, temperature=1.0), len(Y), 1)
    _, value2 = descend(lambda z: losses.simclr(z, GRAPH, temperature=1.0), len(Y), 2)
    assert len(torch.unique(torch.sign(z1))) <= 2
    assert value1 > value2 + 0.01


THEOREM = {"center": False, "epsilon": 0.0, "redundancy": 1.0}


@pytest.mark.slow
def test_barlow_ends_at_labels_rotated_then_scaled():
    """K = C: Z̃ = D_G^{½} … spans the classes, ‖C − I‖ = 0, and Z = YRD for the graph normalised by its degrees."""
    z, value = descend(lambda z: losses.barlow_twins(z, GRAPH, **THEOREM), len(Y), 3)
    assert value < 1e-8
    means = class_means(z)
    assert (z - ONE_HOT @ means).norm() < 1e-2 * z.norm()
    # YRD: weighted by class sizes, columns are orthogonal; D is their length.
    gram = means.t() @ (ONE_HOT.sum(0)[:, None] * means)
    scale = gram.diagonal().sqrt()
    torch.testing.assert_close(gram / scale[:, None] / scale, torch.eye(3, dtype=z.dtype), atol=1e-2, rtol=0)


def test_barlow_on_the_graph_as_printed_does_not_collapse_classes():
    """Its eigenvalues are the class sizes, those of Ĝ are 1.

    Unit columns of Z̃ must then shrink their part in the span of Y to 1/√size and put the rest outside, where G sees
    nothing: the loss is 0, and most of Z is noise within classes.
    """
    dense = torch.from_numpy(GRAPH.to_dense())
    torch.testing.assert_close(torch.linalg.eigvalsh(dense)[-3:], torch.tensor(sorted(SIZES), dtype=dense.dtype))
    z, value = descend(lambda z: losses.barlow_twins(z, GRAPH, normalize=False, **THEOREM), len(Y), 3)
    assert value < 1e-8
    assert (z - ONE_HOT @ class_means(z)).norm() > 0.5 * z.norm()


@pytest.mark.parametrize("k", [4, 5])
def test_barlow_with_more_columns_than_classes_leaves_one_an_extra_column(k):
    """Ĝ has rank C, so ‖C − I_K‖² is at least K − C, and that is reached."""
    _, value = descend(lambda z: losses.barlow_twins(z, GRAPH, **THEOREM), len(Y), k, steps=600)
    assert value == pytest.approx(k - 3, abs=1e-6)


def test_barlow_with_fewer_columns_than_classes_is_zero_without_all_classes():
    """K < C: any K orthonormal directions of the span of Y do; classes need not be told apart by all of them."""
    z, value = descend(lambda z: losses.barlow_twins(z, GRAPH, **THEOREM), len(Y), 2)
    assert value < 1e-8
    assert torch.linalg.matrix_rank(z, atol=1e-6) == 2


def test_vicreg_makes_a_class_one_point():
    z, _ = descend(lambda z: losses.vicreg(z, GRAPH), len(Y), 2, steps=600)
    residual = z - ONE_HOT @ class_means(z)
    assert residual.norm() < 1e-3 * z.norm()
