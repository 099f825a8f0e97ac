"""The fast runs beside pal.knowledge, and what each protocol promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.questions import (
    captcha_authors,
    captcha_clean,
    pairs_authors,
    pairs_clean,
    start,
    tell,
    templates,
)
from pal.answers import Answers, Question, concatenate
from pal.builders import from_knowledge
from pal.knowledge import known


def _labels(seed, n=40):
    return np.random.default_rng(seed).integers(4, size=n)


def _implied(labels, pairs, anchors):
    answers = [
        Answers.of(Question(a, np.array([b])), [1 if labels[a] == labels[b] else -1]) for a, b in pairs if a != b
    ]
    knowledge = known(len(labels), concatenate(answers), classes=anchors.tolist(), complete=True)
    return from_knowledge(knowledge).to_dense()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(8, 18), n_pairs=st.integers(0, 60))
def test_deduction_is_that_of_pal_knowledge(seed, n, n_pairs):
    rng = np.random.default_rng(seed)
    labels = np.r_[np.arange(4), rng.integers(4, size=n - 4)][rng.permutation(n)]
    anchors = templates(labels)
    relation = start(n, anchors)
    pairs = rng.integers(n, size=(n_pairs, 2)).tolist()
    for a, b in pairs:
        if relation[a, b] == 0:
            tell(relation, a, b, bool(labels[a] == labels[b]), anchors)
    np.testing.assert_array_equal(relation, _implied(labels, pairs, anchors))


def _differences(labels, before, after):
    """Items newly related to each template."""
    anchors = templates(labels)
    return [(int(t), np.flatnonzero((before[t] == 0) & (after[t] != 0))) for t in anchors]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_captcha_clean_follows_algorithm_3(seed):
    labels = _labels(seed)
    anchors = templates(labels)
    truth = 2.0 * (labels[:, None] == labels) - 1.0
    relation, asked = None, 0
    for snapshot in captcha_clean(labels, np.random.default_rng(seed), n_pages=30, page=5):
        if snapshot.relation is None:
            continue
        if relation is None:
            np.testing.assert_array_equal(snapshot.relation, np.eye(len(labels)))
            relation = start(len(labels), anchors)
        else:
            counts = (relation[anchors] > 0).sum(axis=1)
            gained = [c for c, (t, items) in enumerate(_differences(labels, relation, snapshot.relation)) if len(items)]
            open_classes = [c for c, t in enumerate(anchors) if (relation[t] == 0).any()]
            # Exactly one class was asked, the one with fewest known items among those with something left to ask.
            first = min(open_classes, key=lambda c: counts[c])
            assert first in gained
            asked += min(5, int((relation[anchors[first]] == 0).sum()))
            relation = snapshot.relation
        assert (relation[relation != 0] == truth[relation != 0]).all()
        np.testing.assert_array_equal(snapshot.known, (relation[anchors] > 0).any(axis=0))
    np.testing.assert_array_equal(relation, truth)
    n, c = len(labels), len(anchors)
    assert n - c <= asked <= n * c


def test_captcha_clean_graph_is_that_of_pal_knowledge():
    labels = _labels(3)
    anchors = templates(labels)
    first, *later = captcha_clean(labels, np.random.default_rng(3), n_pages=20, page=5)
    np.testing.assert_array_equal(first.relation, np.eye(len(labels)))
    for snapshot in later:
        if snapshot.relation is None:
            continue
        relation = snapshot.relation
        pairs = [(int(t), int(i)) for t in anchors for i in np.flatnonzero(relation[t])]
        np.testing.assert_array_equal(relation, _implied(labels, pairs, anchors))


def test_pairs_clean_asks_each_pair_once_and_ends_with_everything():
    labels = _labels(4, n=20)
    snapshots = list(pairs_clean(labels, np.random.default_rng(0), n_pages=20, page=10))  # all 190 pairs
    last = next(s.relation for s in reversed(snapshots) if s.relation is not None)
    np.testing.assert_array_equal(last, 2.0 * (labels[:, None] == labels) - 1.0)
    shares = [(s.relation != 0).mean() for s in snapshots if s.relation is not None]
    assert (np.diff(shares) > 0).all()


def test_pairs_authors_adds_ten_pairs_a_page_but_nine_at_first():
    labels = _labels(5)
    truth = 2.0 * (labels[:, None] == labels) - 1.0
    counts = []
    for snapshot in pairs_authors(labels, np.random.default_rng(0), n_pages=6, page=10):
        above = np.triu(snapshot.relation, 1)
        counts.append(np.count_nonzero(above))
        assert (above[above != 0] == truth[above != 0]).all()
        np.testing.assert_array_equal(snapshot.relation, snapshot.relation.T)
    assert counts == [0, 9, 19, 29, 39, 49]


def test_captcha_authors_starts_at_the_identity_and_deduces_less():
    labels = _labels(6, n=100)
    truth = 2.0 * (labels[:, None] == labels) - 1.0
    snapshots = list(captcha_authors(labels, np.random.default_rng(0), n_pages=60, page=10))
    np.testing.assert_array_equal(snapshots[0].relation, np.eye(100))
    gaps = 0
    for snapshot in snapshots:
        if snapshot.relation is None:
            continue
        relation, settled = snapshot.relation, np.flatnonzero(snapshot.known)
        off = relation[np.triu_indices(100, 1)]
        assert (relation[relation != 0] == truth[relation != 0]).all()
        if snapshot is not snapshots[0]:
            assert (relation[np.ix_(settled, settled)] != 0).all()
            gaps += (relation[:, settled] == 0).any() and np.count_nonzero(off) > 0
    assert gaps  # some known item has no relation yet to an item excluded from its class
    np.testing.assert_array_equal(next(s.relation for s in reversed(snapshots) if s.relation is not None), truth)


def test_captcha_authors_asks_predicted_items_alone_when_they_fill_more_than_a_page():
    labels = np.repeat(np.arange(4), 30)
    oracle = captcha_authors(
        labels, np.random.default_rng(0), n_pages=2, page=10, predict=lambda known: labels.astype(np.int64)
    )
    first, second = list(oracle)
    assert first.relation is not None
    assert second.known.sum() > 4
    # Predictions are right here, so every answer of the first page is "alike": known items only, no other relation.
    settled = np.flatnonzero(second.known)
    assert np.count_nonzero(second.relation) == len(settled) ** 2 + (120 - len(settled))
