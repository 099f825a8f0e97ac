import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import shortest_path

from pal.answers import Answers
from pal.conflicts import chain, contradictions, disputes
from pal.knowledge import known

N = 7
PAIRS = [(i, j) for i in range(N) for j in range(N) if i != j]
ROWS = st.lists(st.tuples(st.sampled_from(PAIRS), st.sampled_from([-1, 0, 1, 1])), max_size=30)


def answers(rows):
    zero = np.zeros(len(rows), dtype=np.int64)
    template, item = np.array([pair for pair, _ in rows], dtype=np.int64).reshape(-1, 2).T
    return Answers(template, item, np.array([r for _, r in rows], dtype=np.int64), zero, zero, zero)


def rows_on(rows, a, b):
    return [r for r, (pair, relation) in enumerate(rows) if relation and set(pair) == {a, b}]


def net_votes(rows):
    net = np.zeros((N, N), dtype=int)
    for (i, j), relation in rows:
        net[i, j] += relation
        net[j, i] += relation
    return net


@given(ROWS)
def test_contradictions(rows):
    knowledge, net = known(N, answers(rows)), net_votes(rows)
    distance = shortest_path(net > 0, unweighted=True, directed=False)
    expected = [(a, b) for a in range(N) for b in range(a + 1, N) if net[a, b] < 0 and np.isfinite(distance[a, b])]
    found = contradictions(knowledge, answers(rows))
    assert [c.pair for c in found] == expected
    for c in found:
        a, b = c.pair
        assert c.rows.tolist() == rows_on(rows, a, b)
        assert len(c.chain) == distance[a, b]  # shortest
        assert (c.chain[0].ends[0], c.chain[-1].ends[1]) == (a, b)
        assert all(one.ends[1] == two.ends[0] for one, two in zip(c.chain, c.chain[1:], strict=False))
        for link in c.chain:
            assert link.net_votes == net[link.ends] > 0
            assert link.rows.tolist() == rows_on(rows, *link.ends)
        assert c.weakest.net_votes == min(net[link.ends] for link in c.chain)
    assert [c.pair for c in contradictions(knowledge, answers(rows), limit=1)] == expected[:1]


@given(ROWS)
def test_disputes(rows):
    votes = {pair: [r for p, r in rows if r and set(p) == set(pair)] for pair in PAIRS if pair[0] < pair[1]}
    expected = {pair: (v.count(1), v.count(-1)) for pair, v in sorted(votes.items()) if {1, -1} <= set(v)}
    found = disputes(known(N, answers(rows)), answers(rows))
    assert {d.pair: (d.alike, d.unlike) for d in found} == expected
    assert [d.pair for d in found] == sorted(expected)
    assert all(d.rows.tolist() == rows_on(rows, *d.pair) for d in found)


def test_the_weakest_link_is_the_one_to_ask_again():
    rows = [((0, 1), 1), ((0, 1), 1), ((1, 2), 1), ((2, 3), 1), ((2, 3), 1), ((3, 0), -1)]
    (contradiction,) = contradictions(known(4, answers(rows)), answers(rows))
    assert contradiction.pair == (0, 3)
    assert contradiction.rows.tolist() == [5]
    assert [link.ends for link in contradiction.chain] == [(0, 1), (1, 2), (2, 3)]
    assert contradiction.weakest.ends == (1, 2)
    assert contradiction.weakest.rows.tolist() == [2]


def test_a_group_joined_by_elimination_has_no_chain():
    """Both 3 and 4 can only be of class 2, and were called unlike."""
    rows = [((c, i), -1) for c in (0, 1) for i in (3, 4)] + [((3, 4), -1)]
    knowledge = known(5, answers(rows), classes=(0, 1, 2), complete=True)
    (contradiction,) = contradictions(knowledge, answers(rows))
    assert contradiction.pair == (3, 4)
    assert contradiction.chain == ()
    assert contradiction.weakest is None


def test_no_answers():
    assert contradictions(known(3), Answers.empty()) == []
    assert disputes(known(3), Answers.empty()) == []


@given(ROWS, st.sampled_from(PAIRS))
def test_a_chain_is_a_shortest_path_of_alike_pairs(rows, pair):
    a, b = pair
    net = net_votes(rows)
    distance = shortest_path(net > 0, unweighted=True, directed=False)[a, b]
    found = chain(known(N, answers(rows)), answers(rows), a, b)
    assert len(found) == (distance if np.isfinite(distance) else 0)
    at = a
    for link in found:
        assert link.ends[0] == at
        assert link.net_votes == net[link.ends] > 0
        assert sorted(link.rows.tolist()) == rows_on(rows, *link.ends)
        at = link.ends[1]
    assert at == b or not found
