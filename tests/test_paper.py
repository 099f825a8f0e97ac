"""Identities of the paper that concern graphs, the closed form and knowledge.

Numbers are those of the specification; the losses' identities are tested with the losses.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from pal import builders
from pal.answers import Answers
from pal.embedding import GraphEmbedding
from pal.knowledge import known
from pal.loop import Loop
from pal.oracles import captcha
from pal.probe import optimal_error, read_out
from pal.spectral import moments, solve

N = 12


def labels(seed, n=N, n_classes=3):
    """Every class present: its template is item c."""
    return np.r_[np.arange(n_classes), np.random.default_rng(seed).integers(0, n_classes, n - n_classes)]


def some_answers(seed, n=N):
    rng = np.random.default_rng(seed)
    i, j = rng.integers(0, n, (2, 15))
    i, j = i[i != j], j[i != j]
    y = labels(seed, n)
    zero = np.zeros(len(i), dtype=np.int64)
    return Answers(i, j, np.where(y[i] == y[j], 1, -1), zero, zero, zero)


def graphs(seed):
    rng = np.random.default_rng(seed)
    partly = np.where(rng.random(N) < 0.5, labels(seed), -1)
    views = builders.from_views(N // 2, 2)
    kendall = builders.kendall_loss(np.array([[0, 1, 2], [0, 2, 1], [2, 1, 0]]))
    return {
        "supervised": builders.from_labels(partly),
        "augmented": builders.augmented(builders.from_labels(partly[: N // 2]), 2),
        "self-supervised": views,
        "hollow": builders.from_views(N // 2, 2, self_loops=False),
        "contrastive": builders.from_labels(partly, contrastive=True),
        "semi-supervised": builders.blend(views, builders.from_labels(partly), alpha=0.3),
        "general loss": builders.from_outputs(partly, kendall),
        "regression": builders.from_targets(rng.standard_normal((N, 2))),
        "multi-label": builders.from_multilabel(rng.integers(0, 2, (N, 3))),
        "neighbours": builders.from_neighbors((rng.random((N, N)) < 0.2).astype(float)),
        "believed": builders.from_beliefs(rng.dirichlet(np.ones(3), N), unit_diagonal=True),
        "knowledge": builders.from_knowledge(known(N, some_answers(seed))),
    }


KINDS = list(graphs(0))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_2_factored_equals_dense(kind, seed):
    graph = graphs(seed)[kind]
    g = graph.membership.toarray() @ graph.relation.toarray() @ graph.membership.toarray().T
    z = np.random.default_rng(seed).standard_normal((N, 4))
    np.testing.assert_allclose(g, g.T, atol=1e-12)
    np.testing.assert_allclose(graph @ z, g @ z, atol=1e-10)
    np.testing.assert_allclose(graph.quadratic(z), z.T @ g @ z, atol=1e-10)
    np.testing.assert_allclose(graph.degrees(), g.sum(axis=1), atol=1e-10)
    assert graph.squared_norm() == pytest.approx((g**2).sum())
    items = np.random.default_rng(seed).permutation(N)[:5]
    np.testing.assert_allclose(graph.block(items), g[np.ix_(items, items)], atol=1e-12)
    assert len(graph.pairs().values) >= np.count_nonzero(np.abs(g) > 1e-12)
    assert graph.components()[0] == connected_components(g > 1e-12, directed=False)[0]


@pytest.mark.parametrize("n_components", [3, 4, 6])
@pytest.mark.parametrize("seed", range(4))
def test_4_lemma_1_labels_come_back_by_a_rotation(seed, n_components):
    """Z = P √D from the eigenvalues of G alone, in any basis; K = C and K > C."""
    y = labels(seed)
    one_hot = np.eye(3)[y]
    values, vectors = np.linalg.eigh(builders.from_labels(y).to_dense())
    top = slice(-n_components, None)
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((n_components, n_components)))[0]
    z = vectors[:, top] * np.sqrt(np.maximum(values[top], 0)) @ turn
    np.testing.assert_allclose(read_out(z, [0, 1, 2]), one_hot, atol=1e-7)
    rotation = np.linalg.pinv(z[:3])
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-7)


def test_4_lemma_1_after_barlow_twins_and_simclr():
    """Theorem 2's other optima: columns rescaled, Z = Y R D, and a simplex, of rank C − 1."""
    y = labels(0)
    one_hot = np.eye(3)[y]
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    np.testing.assert_allclose(read_out(one_hot @ rotation * [0.5, 2.0, 7.0], [0, 1, 2]), one_hot, atol=1e-10)
    simplex = (np.eye(3) - 1 / 3) @ rotation
    np.testing.assert_array_equal(read_out(one_hot @ simplex, [0, 1, 2]).argmax(axis=1), y)


def test_4_lemma_1_fails_below_c():
    """K < C: the rank of Z is too small for Y, and the read-out can't be exact."""
    y = labels(0)
    values, vectors = np.linalg.eigh(builders.from_labels(y).to_dense())
    z = vectors[:, -2:] * np.sqrt(values[-2:])
    assert np.abs(read_out(z, [0, 1, 2]) - np.eye(3)[y]).max() > 0.1


@given(st.integers(0, 200))
def test_5_proposition_1_eigenvalues_are_class_sizes(seed):
    y = labels(seed)
    sizes = np.bincount(y)
    values = np.linalg.eigvalsh(builders.from_labels(y).to_dense())
    np.testing.assert_allclose(values[::-1][:3], np.sort(sizes)[::-1], atol=1e-9)
    np.testing.assert_allclose(values[::-1][3:], 0, atol=1e-9)


def test_5_proposition_1_the_optimum():
    """Free Z, λ = 0: the singular values of the optimum are √(N P(y)), and ‖Z Zᵀ − G‖ vanishes."""
    y = labels(3)
    graph = builders.from_labels(y)
    diagonal, linked = graph.split_diagonal()
    weights, values = solve(
        moments(np.eye(N), diagonal, linked), linked.relation.toarray(), n_components=4, regularization=0.0
    )
    np.testing.assert_allclose(weights @ weights.T, graph.to_dense(), atol=1e-7)
    share = np.sort(np.bincount(y) / N)[::-1]
    np.testing.assert_allclose(np.linalg.svd(weights)[1][:3], np.sqrt(N * share))
    np.testing.assert_allclose(values, [*(N * share), 0], atol=1e-9)


def circles(n, rng):
    y = rng.integers(0, 4, n)
    angle = rng.uniform(0, 2 * np.pi, n)
    return (y + 1)[:, None] * np.c_[np.cos(angle), np.sin(angle)], y


def test_6_the_authors_closed_form_and_ours_give_the_same_error():
    """Circles of Fig. 3 with the whole ±1 graph: eigenvectors of G − λ K⁻¹ at N × N against the feature form."""
    rng = np.random.default_rng(0)
    x, y = circles(100, rng)
    test, truth = circles(400, rng)
    graph = builders.from_labels(y, contrastive=True)
    distance = np.linalg.norm(x[:, None] - x, axis=2)
    inverse = np.linalg.pinv(np.exp(-distance / 0.2))
    values, vectors = np.linalg.eigh(graph.to_dense() - 1e-3 * inverse)
    across = np.exp(-np.linalg.norm(test[:, None] - x, axis=2) / 0.2)
    theirs = across @ inverse @ vectors[:, -5:]
    model = GraphEmbedding(5, bandwidth=0.2, regularization=1e-3).fit(x, graph=graph)
    np.testing.assert_allclose(model.eigenvalues_, values[:-6:-1], atol=1e-8)
    kept = model.eigenvalues_ > 0
    scaled = theirs[:, ::-1][:, kept] * np.sqrt(model.eigenvalues_[kept])
    ours = model.transform(test)[:, kept]
    np.testing.assert_allclose(ours @ ours.T, scaled @ scaled.T, atol=1e-6)
    assert optimal_error(ours, truth) == optimal_error(scaled, truth)
    assert optimal_error(ours, truth) < 0.2


@given(st.integers(0, 100))
def test_8_deduction_is_the_closure_in_any_order(seed):
    """Reachability over alike edges in the dense graph; the thorough version stands in test_knowledge.py."""
    answers = some_answers(seed)
    shuffled = answers.take(np.random.default_rng(seed).permutation(len(answers)))
    knowledge, again = known(N, answers), known(N, shuffled)
    np.testing.assert_array_equal(knowledge.group, again.group)
    np.testing.assert_array_equal(knowledge.differing, again.differing)
    alike = np.zeros((N, N))
    alike[answers.template[answers.relation > 0], answers.item[answers.relation > 0]] = 1
    count, component = connected_components(alike, directed=False)
    np.testing.assert_array_equal(component[:, None] == component, knowledge.group[:, None] == knowledge.group)
    assert builders.from_knowledge(knowledge).components()[0] == count


@given(st.integers(0, 60), st.booleans())
def test_9_captcha_settles_everything_within_bounds(seed, templates_given):
    """N − C to N·C distinct questions, and none whose answer is deduced; templates given, or found on the way."""
    y = labels(seed, n=20, n_classes=4)
    given_templates = {"classes": (0, 1, 2, 3), "complete": True} if templates_given else {}
    nothing = SimpleNamespace(core=None)  # the captcha oracle looks at no model
    loop = Loop(np.zeros((20, 1)), captcha, page_size=5, seed=seed, learner=lambda _: nothing, **given_templates)
    while (question := loop.ask()) is not None:
        assert not loop.knowledge.relation(question.template, question.items).any()
        loop.tell(question, np.where(y[question.items] == y[question.template], 1, -1))
    same = y[:, None] == y
    known_relation = np.array([loop.knowledge.relation(i) for i in range(20)])
    np.testing.assert_array_equal(known_relation, np.where(same, 1, -1))
    assert 20 - 4 <= len(loop.answers) <= 20 * 4
