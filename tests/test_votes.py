"""Tables of votes against a dictionary."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pal.answers import Answers, Question
from pal.errors import InvalidInputError
from pal.votes import PairVotes, ballots, count, merge, pair_key, total

N = 6
PAIRS = [(i, j) for i in range(N) for j in range(N) if i != j]
ROWS = st.lists(st.tuples(st.sampled_from(PAIRS), st.sampled_from([-1, 0, 1])), max_size=12)


def answers(rows):
    zero = np.zeros(len(rows), dtype=np.int64)
    template, item = np.array([pair for pair, _ in rows], dtype=np.int64).reshape(-1, 2).T
    return Answers(template, item, np.array([r for _, r in rows], dtype=np.int64), zero, zero, zero)


def tally(rows):
    alike, unlike = Counter(), Counter()
    for pair, relation in rows:
        (alike if relation > 0 else unlike)[tuple(sorted(pair))] += relation != 0
    return {pair: (alike[pair], unlike[pair]) for pair in {*alike, *unlike} if alike[pair] + unlike[pair]}


def as_dict(votes, counts):
    assert (np.diff(counts.key) > 0).all()
    ends = map(tuple, votes.ends(counts.key).tolist())
    return dict(zip(ends, zip(counts.alike.tolist(), counts.unlike.tolist(), strict=True), strict=True))


@given(ROWS)
def test_count(rows):
    assert as_dict(PairVotes(N), count(N, answers(rows))) == tally(rows)


@given(ROWS, ROWS)
def test_merge(first, second):
    merged = merge(count(N, answers(first)), count(N, answers(second)))
    assert as_dict(PairVotes(N), merged) == tally(first + second)


@given(st.lists(ROWS, max_size=6))
def test_pages_add_up(pages):
    votes = PairVotes(N)
    for rows in pages:
        votes = votes.add(count(N, answers(rows)))
    total = tally([row for rows in pages for row in rows])
    assert as_dict(votes, votes.all()) == total
    keys = np.array([pair_key(N, np.array([i]), np.array([j]))[0] for i, j in PAIRS])
    found = votes.look_up(keys)
    for (i, j), alike, unlike, verdict in zip(PAIRS, found.alike, found.unlike, found.verdict, strict=True):
        a, u = total.get((min(i, j), max(i, j)), (0, 0))
        assert (alike, unlike, verdict) == (a, u, (a > u) - (a < u))


def test_runs_stay_few():
    """2,000 pages of one new pair each leave a logarithmic number of runs."""
    votes = PairVotes(100)
    i, j = np.triu_indices(100, 1)
    for a, b in zip(i[:2000], j[:2000], strict=True):
        votes = votes.add(count(100, answers([((a, b), 1)])))
    assert len(votes.runs) <= 12
    assert len(votes.all().key) == 2000


def test_keys_do_not_care_which_item_was_the_template():
    a, b = np.array([3, 1]), np.array([2, 5])
    np.testing.assert_array_equal(pair_key(9, a, b), pair_key(9, b, a))
    np.testing.assert_array_equal(PairVotes(9).ends(pair_key(9, a, b)), [[2, 3], [1, 5]])


def test_items_of_another_data_set():
    with pytest.raises(InvalidInputError, match=r"items in 0\.\.2, got .*is the log from another data set"):
        count(3, answers([((0, 5), 1)]))


@given(ROWS, st.data())
def test_ballots_are_the_votes_of_each_labeler(rows, data):
    who = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows))), dtype=np.int64)
    said = replace(answers(rows), labeler=who)
    table = PairVotes(N).add(ballots(N, said))
    found = table.all()
    for labeler in range(4):
        own = table.labeler(found.key) == labeler
        expected = PairVotes(N).add(count(N, said.take(who == labeler))).all()
        for one, other in zip((table.pair(found.key)[own], found.alike[own], found.unlike[own]), expected, strict=True):
            np.testing.assert_array_equal(one, other)
    for one, other in zip(total(table).all(), PairVotes(N).add(count(N, said)).all(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("labeler", [-1, 2**62])
def test_a_labeler_without_a_key_is_refused(labeler):
    said = Answers.of(Question(0, np.array([1])), [1], labeler=labeler)
    with pytest.raises(InvalidInputError, match="number them from 0"):
        ballots(N, said)
