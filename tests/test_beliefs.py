"""What is proven (settle) against its definition, and what is believed against properties of the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pal.answers import Answers
from pal.beliefs import DEDUCED, PREDICTED, TOLD, settle
from pal.communities import neighborhood
from pal.knowledge import known
from pal.posterior import believe

N = 8
PAIRS = [(i, j) for i in range(N) for j in range(N) if i != j]
TRUTH = st.lists(st.integers(0, 2), min_size=N, max_size=N).map(np.array)


def answer(pairs, labels):
    i, j = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    zero = np.zeros(len(i), dtype=np.int64)
    return Answers(i, j, np.where(labels[i] == labels[j], 1, -1), zero, zero, zero)


@given(TRUTH, st.lists(st.sampled_from(PAIRS), max_size=25))
def test_settled_labels_follow_from_the_answers(y, pairs):
    knowledge = known(N, answer(pairs, y))
    settled = settle(knowledge)
    relation = np.array([knowledge.relation(i) for i in range(N)])
    c = len(settled.anchor)
    # Classes are proven to differ, an item is settled when alike to an anchor, and excluded when unlike it.
    assert (relation[np.ix_(settled.anchor, settled.anchor)] == 2 * np.eye(c) - 1).all()
    for i in range(N):
        np.testing.assert_array_equal(settled.excluded[i], relation[settled.anchor, i] < 0)
        alike = np.flatnonzero(relation[settled.anchor, i] > 0)
        assert settled.label[i] == (alike[0] if len(alike) else -1)
    # Told: compared with the anchor of its class, or the anchor itself; deduced: settled otherwise.
    direct = {frozenset(pair) for pair in pairs}
    for i in range(N):
        expected = PREDICTED
        if settled.label[i] >= 0:
            anchor = settled.anchor[settled.label[i]]
            expected = TOLD if i == anchor or frozenset((i, anchor)) in direct else DEDUCED
        assert settled.source[i] == expected


@given(TRUTH)
def test_all_answers_settle_everything(y):
    settled = settle(known(N, answer(PAIRS, y)))
    assert len(settled.anchor) == len(np.unique(y))
    np.testing.assert_array_equal(y[settled.anchor][settled.label], y)


def test_named_classes_come_first_and_keep_their_anchor():
    y = np.array([0, 1, 2, 0, 0, 0, 1, 2])
    settled = settle(known(N, answer([(3, 4), (3, 5)], y), classes=(2, 0), complete=False))
    np.testing.assert_array_equal(settled.anchor[:2], [2, 0])
    assert not len(settle(known(N)).anchor)


def blobs(n_each=12, n_classes=3, gap=8.0, seed=0):
    y = np.repeat(np.arange(n_classes), n_each)
    return gap * np.eye(n_classes)[y] + np.random.default_rng(seed).standard_normal((len(y), n_classes)), y


def some_pairs(n, count, seed):
    rng = np.random.default_rng(seed)
    i, j = rng.integers(0, n, (2, count))
    return np.stack([i, j], axis=1)[i != j]


def assert_sound(beliefs, n):
    assert np.isfinite(beliefs.probability).all()
    np.testing.assert_allclose(beliefs.probability.sum(axis=1), 1)
    assert beliefs.probability.shape == (n, len(beliefs.anchor))
    assert len(set(beliefs.anchor.tolist())) == len(beliefs.anchor)
    assert ((beliefs.same >= 0) & (beliefs.same <= 1)).all()
    assert not np.diag(beliefs.same).any()
    np.testing.assert_allclose(beliefs.confidence, beliefs.probability.max(axis=1))
    told = beliefs.source[beliefs.anchor] == TOLD
    np.testing.assert_array_equal(beliefs.label[beliefs.anchor][told], np.flatnonzero(told))


def test_before_any_answer_beliefs_are_the_communities():
    x, y = blobs()
    near = neighborhood(x)
    beliefs = believe(near, known(len(x)))
    assert_sound(beliefs, len(x))
    assert (beliefs.source == PREDICTED).all()
    np.testing.assert_array_equal(beliefs.anchor, near.medoid)
    np.testing.assert_array_equal(y[beliefs.anchor][beliefs.label], y)


@pytest.mark.slow
@pytest.mark.parametrize("count", [5, 30, 150])
@pytest.mark.parametrize("gap", [0.0, 2.0, 8.0])
def test_beliefs_of_true_answers(gap, count):
    """Features of noise included: what is settled is right, and beliefs don't depend on the order of answers."""
    x, y = blobs(gap=gap)
    near = neighborhood(x)
    answers = answer(some_pairs(len(x), count, seed=count), y)
    knowledge = known(len(x), answers)
    beliefs = believe(near, knowledge)
    assert_sound(beliefs, len(x))
    settled = beliefs.source > PREDICTED
    np.testing.assert_array_equal(y[beliefs.anchor][beliefs.label][settled], y[settled])
    turned = answers.take(np.random.default_rng(0).permutation(len(answers)))
    again = believe(near, known(len(x), turned))
    np.testing.assert_allclose(again.probability, beliefs.probability)
    np.testing.assert_array_equal(again.source, beliefs.source)


def test_all_true_answers_leave_nothing_to_believe():
    x, y = blobs(gap=0.0)
    everything = np.stack(np.triu_indices(len(x), 1), axis=1)
    beliefs = believe(neighborhood(x), known(len(x), answer(everything, y)))
    assert len(beliefs.anchor) == 3
    np.testing.assert_array_equal(y[beliefs.anchor][beliefs.label], y)
    assert (beliefs.source == TOLD).all()


def test_wrong_answers_are_outvoted():
    """Three well-separated classes, 300 answers of which a tenth is wrong: nearly all labels right."""
    x, y = blobs(n_each=20)
    answers = answer(some_pairs(len(x), 300, seed=0), y)
    wrong = np.random.default_rng(1).random(len(answers)) < 0.1
    relation = np.where(wrong, -answers.relation, answers.relation)
    noisy = Answers(answers.template, answers.item, relation, answers.labeler, answers.question, answers.time)
    beliefs = believe(neighborhood(x), known(len(x), noisy))
    assert_sound(beliefs, len(x))
    assert 0.04 <= beliefs.error <= 0.2
    assert (y[beliefs.anchor][beliefs.label] == y).mean() > 0.95


@pytest.mark.parametrize("n", [2, 3])
def test_very_few_items(n):
    x = np.arange(n, dtype=float)[:, None]
    assert_sound(believe(neighborhood(x), known(n)), n)
    assert_sound(believe(neighborhood(x), known(n, answer([(0, 1)], np.arange(n)))), n)
