"""Labelling everything: rivals need at least a "yes" an item and a "no" for each two classes that are compared."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits, make_blobs

from benchmarks._settling import if_all_others_were_known, similarity_order
from pal.answers import Answers, Question
from pal.knowledge import known


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), n_classes=st.integers(1, 4))
def test_the_similarity_order_asks_what_knowledge_does_not_imply(seed, n_classes):
    rng = np.random.default_rng(seed)
    y = np.append(np.arange(n_classes), rng.integers(0, n_classes, 14 - n_classes))
    x = rng.standard_normal((14, 2)) + 2.0 * y[:, None]
    knowledge, n_asked = known(14), 0
    pairs = np.column_stack(np.triu_indices(14, 1))
    distance = np.linalg.norm(x[pairs[:, 0]] - x[pairs[:, 1]], axis=1)
    for a, b in pairs[np.argsort(distance, kind="stable")].tolist():
        if len(np.unique(knowledge.group)) == n_classes:
            break
        if knowledge.relation(a, np.array([b]))[0] == 0:
            said = np.array([1 if y[a] == y[b] else -1], dtype=np.int8)
            knowledge = knowledge.add(Answers.of(Question(a, np.array([b])), said, labeler=0, number=n_asked))
            n_asked += 1
    assert similarity_order(x, y) == n_asked


def test_classes_far_apart_take_a_yes_an_item_and_are_never_mistaken():
    x, y = make_blobs(400, centers=4, cluster_std=0.2, center_box=(-20, 20), random_state=1)
    x, y = x[np.argsort(y, kind="stable")], np.repeat(np.arange(4), 100)
    assert similarity_order(x, y) == 396
    assert if_all_others_were_known(x, y) == 396 + 6


def test_digits_take_few_more_than_the_least():
    x, y = load_digits(return_X_y=True)
    assert 1787 + 45 <= if_all_others_were_known(x, y) <= 1850
