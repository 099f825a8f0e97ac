import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pal.oracles.askable import believed, free_templates, open_pairs

N = 8
PAIRS = st.lists(
    st.tuples(st.integers(0, N - 1), st.integers(0, N - 1), st.sampled_from([-1, 0, 1])).filter(lambda p: p[0] != p[1]),
    max_size=14,
)


@given(PAIRS, st.sets(st.integers(0, N - 1)), st.lists(st.integers(0, N - 1), min_size=1, max_size=3, unique=True))
def test_open_pairs_by_definition(make_state, pairs, held, templates):
    state = make_state(np.zeros((N, 2)), np.ones((N, 1)), [0], answers=[(a, [b], [r]) for a, b, r in pairs], held=held)
    refused = {frozenset((a, b)) for a, b, r in pairs if r == 0}
    opened = open_pairs(state, np.array(templates))
    for column, template in enumerate(templates):
        relation = state.knowledge.relation(template)
        for item in range(N):
            expected = relation[item] == 0 and item not in held and frozenset((item, template)) not in refused
            assert opened[item, column] == expected
    some = np.array([5, 2])
    assert (open_pairs(state, np.array(templates), items=some) == opened[some]).all()


def test_probability_follows_its_class(make_state):
    """Columns are sorted by group; beliefs must move with them, and with classes that answers joined."""
    probability = [[0.1, 0.2, 0.7], [0.5, 0.3, 0.2], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    askable = believed(make_state(np.zeros((5, 2)), probability, [4, 2, 3]))
    assert askable.template.tolist() == [2, 3, 4]
    np.testing.assert_allclose(askable.probability[0], [0.2, 0.7, 0.1], atol=1e-6)
    assert askable.label.tolist() == [-1, -1, 0, 1, 2]
    joined = believed(make_state(np.zeros((5, 2)), probability, [4, 2, 3], answers=[(4, [2], [1])]))
    assert joined.template.tolist() == [4, 3]  # the first of the joined classes keeps its anchor
    np.testing.assert_allclose(joined.probability[0], [0.3, 0.7], atol=1e-6)
    assert joined.label.tolist() == [-1, -1, 0, 1, 0]


def test_probability_over_what_is_open(make_state):
    state = make_state(np.zeros((4, 2)), np.full((4, 2), 0.5), [0, 1], answers=[(0, [2], [-1])])
    askable = believed(state)
    np.testing.assert_allclose(askable.probability[2:], [[0, 1], [0.5, 0.5]], atol=1e-6)
    assert not askable.open[:2].any()
    assert askable.any_open.tolist() == [False, False, True, True]
    assert askable.likely[2] == 1


def test_templates_avoid_held_items(make_state):
    state = make_state(np.zeros((5, 2)), np.ones((5, 1)), [0], answers=[(0, [3, 2], [1, 1])], held=[0, 2, 1])
    assert free_templates(state, np.array([0, 1, 4])).tolist() == [3, -1, 4]


def test_classes_known_apart_are_not_the_same(make_state):
    same = [[0, 0.9, 0.4], [0.9, 0, 0.4], [0.4, 0.4, 0]]
    state = make_state(np.zeros((3, 2)), np.eye(3), [0, 1, 2], same=same, answers=[(0, [1], [-1])])
    np.testing.assert_allclose(believed(state).same, [[0, 0, 0.4], [0, 0, 0.4], [0.4, 0.4, 0]])
