import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pal.answers import Question
from pal.labelers import NeighbourLabeler
from pal.loop import Loop, run
from pal.oracles import get_oracle
from pal.testing import check_labeler


@given(st.integers(0, 10_000), st.integers(1, 8))
def test_alike_iff_nearest_neighbours(seed, q):
    """Algorithm 4, pair by pair."""
    z = np.random.default_rng(seed).standard_normal((q + 1, 2))
    answer = NeighbourLabeler(z)(Question(0, np.arange(1, q + 1)))

    def nearest(i):
        return min((j for j in range(q + 1) if j != i), key=lambda j: np.linalg.norm(z[i] - z[j]))

    for tile in range(1, q + 1):
        assert answer[tile - 1] == (nearest(0) == tile or nearest(tile) == 0)


def test_other_pairs_are_unknown_or_unlike():
    z = np.array([[0.0], [1.0], [5.0], [5.1]])
    page = Question(0, np.array([2, 3, 1]))
    assert NeighbourLabeler(z)(page).tolist() == [0, 0, 1]
    assert NeighbourLabeler(z, contrastive=True)(page).tolist() == [-1, -1, 1]


def test_a_moving_embedding():
    now = [np.array([[0.0], [1.0], [5.0]])]
    labeler = NeighbourLabeler(lambda: now[0])
    page = Question(0, np.array([1, 2]))
    assert labeler(page).tolist() == [1, 0]
    now[0] = -now[0][[0, 2, 1]]
    assert labeler(page).tolist() == [0, 1]


def test_learning_without_people():
    """Algorithm 4 with its oracle: most pairs that it calls alike are, on blobs."""
    truth = np.repeat(np.arange(3), 12)
    x = 6.0 * np.eye(3)[truth] + np.random.default_rng(0).standard_normal((36, 3))
    loop = Loop(x, get_oracle("neighbours"), page_size=8)
    for _ in run(loop, NeighbourLabeler(lambda: loop.model.embedding), n_pages=12):
        pass
    alike = loop.answers.relation > 0
    assert alike.sum() >= 12
    assert (truth[loop.answers.template] == truth[loop.answers.item])[alike].mean() > 0.7  # 11 of 35 by chance


@pytest.mark.parametrize("contrastive", [False, True])
def test_contract(contrastive):
    z = np.random.default_rng(0).standard_normal((12, 2))
    check_labeler(NeighbourLabeler(z, contrastive), n_items=12, pairwise=False)
