"""Deduction against brute force, whatever the order and the pages (PAPER.md section 7, identity 8)."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pal.answers import Answers, concatenate
from pal.errors import InvalidInputError
from pal.knowledge import known, of_ballots

N = 7
PAIRS = [(i, j) for i in range(N) for j in range(N) if i != j]
ROWS = st.lists(st.tuples(st.sampled_from(PAIRS), st.sampled_from([-1, -1, 0, 1, 1])), max_size=25)
CLASSES = st.lists(st.integers(0, N - 1), unique=True, max_size=4).map(tuple)


def answers(rows):
    zero = np.zeros(len(rows), dtype=np.int64)
    template, item = np.array([pair for pair, _ in rows], dtype=np.int64).reshape(-1, 2).T
    return Answers(template, item, np.array([r for _, r in rows], dtype=np.int64), zero, zero, zero)


def verdicts(rows):
    """Sign of the votes on each unordered pair."""
    net = np.zeros((N, N), dtype=int)
    for (i, j), relation in rows:
        net[i, j] += relation
        net[j, i] += relation
    return np.sign(net)


def closure(alike):
    """Warshall's transitive closure of a boolean relation."""
    reach = alike | np.eye(N, dtype=bool)
    for k in range(N):
        reach |= reach[:, [k]] & reach[[k], :]
    return reach


def differs(reach, sign, classes):
    """Items i, j whose groups differ: some pair across was judged unlike, or both hold a class."""
    unlike = sign < 0
    for c in classes:
        for d in classes:
            unlike[c, d] |= c != d
    across = (reach.astype(int) @ unlike @ reach) > 0
    return across & ~reach


def brute_force(rows, classes=(), complete=False):
    """Same and different for every pair of items, by repeated application of the definition."""
    sign = verdicts(rows)
    same = sign > 0
    while True:
        reach = closure(same)
        told = differs(reach, sign.copy(), ())
        if complete:
            homes = {frozenset(np.flatnonzero(reach[c]).tolist()): c for c in classes}
            for i in range(N):
                if reach[i, list(classes)].any():
                    continue
                left = [c for c in homes.values() if not told[i, c]]
                if len(left) == 1:
                    same[i, left[0]] = same[left[0], i] = True
        if (closure(same) == reach).all():
            return reach, differs(reach, sign.copy(), classes)


def same_and_different(knowledge):
    relation = np.array([knowledge.relation(i) for i in range(N)])
    return relation > 0, relation < 0


def assert_equal(knowledge, expected):
    same, different = same_and_different(knowledge)
    np.testing.assert_array_equal(same, expected[0])
    np.testing.assert_array_equal(different, expected[1])


@given(ROWS, CLASSES)
def test_deduction_is_the_transitive_closure(rows, classes):
    knowledge = known(N, answers(rows), classes=classes)
    assert_equal(knowledge, brute_force(rows, classes))
    same, different = brute_force(rows, classes)
    np.testing.assert_array_equal(knowledge.group, same.argmax(axis=1))  # a group's name is its smallest item
    names = knowledge.group
    pairs = {tuple(sorted((names[i], names[j]))) for i, j in zip(*np.nonzero(different), strict=True)}
    assert [tuple(pair) for pair in knowledge.differing.tolist()] == sorted(pairs)


@given(ROWS, CLASSES.filter(bool))
@example([((0, 1), 1), ((5, 0), -1), ((5, 2), -1)], (0, 1, 2))  # two classes called alike: 5 joins neither
def test_completion_is_the_fixpoint_of_elimination(rows, classes):
    """Whatever the answers, contradictory ones included."""
    assert_equal(known(N, answers(rows), classes=classes, complete=True), brute_force(rows, classes, complete=True))


@given(st.lists(st.integers(0, 2), min_size=N - 3, max_size=N - 3), st.lists(st.sampled_from(PAIRS), max_size=30))
def test_completion_of_true_answers_is_true(rest, asked):
    """Items 0, 1, 2 are the templates; everything deduced agrees with the labels, and all that follows is deduced."""
    y = np.array([0, 1, 2, *rest])
    rows = [((i, j), 1 if y[i] == y[j] else -1) for i, j in asked]
    knowledge = known(N, answers(rows), classes=(0, 1, 2), complete=True)
    same, different = same_and_different(knowledge)
    assert not (same & (y[:, None] != y)).any()
    assert not (different & (y[:, None] == y)).any()
    assert not len(knowledge.contradictions)
    assert_equal(knowledge, brute_force(rows, (0, 1, 2), complete=True))


def test_the_last_class_is_deduced():
    rows = [((0, 3), -1), ((1, 3), -1), ((3, 4), 1), ((5, 4), -1), ((5, 1), -1)]
    knowledge = known(N, answers(rows), classes=(0, 1, 2), complete=True)
    assert knowledge.group[3] == knowledge.group[4] == knowledge.group[2] == 2
    assert knowledge.group[5] == 0  # unlike 4, which is now of class 2
    assert knowledge.group[6] == 6


def assert_same_state(a, b):
    np.testing.assert_array_equal(a.group, b.group)
    np.testing.assert_array_equal(a.differing, b.differing)
    np.testing.assert_array_equal(a.contradictions, b.contradictions)
    np.testing.assert_array_equal(a.asked, b.asked)


@given(ROWS.flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))), CLASSES, st.randoms())
def test_the_order_of_answers_does_not_matter(orders, classes, random):
    rows, shuffled = orders
    turned = [((j, i), r) if random.random() < 0.5 else ((i, j), r) for (i, j), r in shuffled]
    assert_same_state(known(N, answers(rows), classes=classes), known(N, answers(turned), classes=classes))


@given(st.lists(ROWS, max_size=6), CLASSES, st.booleans())
def test_adding_pages_equals_a_rebuild(pages, classes, complete):
    """Pages hold repeated and opposed votes, so an "alike" is taken back now and then."""
    complete = complete and bool(classes)
    knowledge = known(N, classes=classes, complete=complete)
    rows = []
    for page in pages:
        before = knowledge.group.copy()
        following = knowledge.add(answers(page))
        np.testing.assert_array_equal(knowledge.group, before)  # the former state stays as it was
        rows, knowledge = rows + page, following
        assert_same_state(knowledge, known(N, answers(rows), classes=classes, complete=complete))


@given(st.lists(st.tuples(ROWS, st.booleans()), max_size=8), CLASSES)
def test_groups_that_differ_are_carried_from_page_to_page(pages, classes):
    """Looked at after some pages and not after others, they equal those made of all votes."""
    rows, knowledge = [], known(N, classes=classes)
    for page, looked in pages:
        rows += page
        knowledge = knowledge.add(answers(page))
        if looked:
            anew = known(N, answers(rows), classes=classes)
            np.testing.assert_array_equal(knowledge.differing, anew.differing)
            np.testing.assert_array_equal(knowledge.group, anew.group)


def test_a_vote_takes_an_alike_back():
    knowledge = known(4, answers([((0, 1), 1), ((1, 2), 1)]))
    np.testing.assert_array_equal(knowledge.group, [0, 0, 0, 3])
    undecided = knowledge.add(answers([((1, 0), -1)]))
    np.testing.assert_array_equal(undecided.group, [0, 1, 1, 3])
    assert not len(undecided.differing)
    unlike = undecided.add(answers([((1, 0), -1)]))
    np.testing.assert_array_equal(unlike.differing, [[0, 1]])
    np.testing.assert_array_equal(unlike.add(answers([((0, 1), 1), ((0, 1), 1)])).group, [0, 0, 0, 3])


@pytest.mark.slow
def test_many_merges_are_folded():
    """More merges than are kept apart: a chain of 1,000 items, one answer a page, against one fold."""
    n = 1000
    order = np.random.default_rng(0).permutation(n - 1)
    knowledge = known(n)
    for i in order:
        knowledge = knowledge.add(answers([((i, i + 1), 1)]))
    np.testing.assert_array_equal(knowledge.group, np.zeros(n))


@given(ROWS)
def test_contradictions_are_unlike_pairs_of_one_group(rows):
    knowledge = known(N, answers(rows))
    sign, (same, _) = verdicts(rows), brute_force(rows)
    expected = [(i, j) for i in range(N) for j in range(i + 1, N) if sign[i, j] < 0 and same[i, j]]
    assert [tuple(pair) for pair in knowledge.contradictions.tolist()] == expected


@given(ROWS)
def test_asked(rows):
    voted = {item for pair, relation in rows if relation for item in pair}
    assert set(np.flatnonzero(known(N, answers(rows)).asked).tolist()) == voted


def test_relation_of_some_items():
    knowledge = known(5, answers([((0, 1), 1), ((1, 2), -1), ((2, 3), 1)]))
    np.testing.assert_array_equal(knowledge.relation(0, np.array([3, 1, 4])), [-1, 1, 0])


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: known(3, complete=True), "complete=True needs the classes"),
        (lambda: known(3, classes=(0, 3)), r"distinct items in 0\.\.2"),
        (lambda: known(3, classes=(1, 1)), "distinct items"),
        (lambda: known(3, classes=np.array([-1, 1])), "distinct items"),
        (lambda: known(3, answers([((0, 5), 1)])), "another data set"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(InvalidInputError, match=message):
        make()


@given(
    st.lists(st.tuples(ROWS, st.integers(0, 2)), max_size=4), st.lists(st.integers(0, N - 1), min_size=1, unique=True)
)
def test_who_said_what_is_kept(pages, kept):
    """From page to page, among some of the items, and by what is counted alone."""
    parts = [replace(answers(rows), labeler=np.full(len(rows), who)) for rows, who in pages]
    knowledge = known(N)
    for part in parts:
        knowledge = knowledge.add(part)
    every, kept = concatenate(parts), np.array(sorted(kept))
    for found, expected in (
        (knowledge, known(N, every)),
        (knowledge.among(kept), known(len(kept), every.among(kept, N))),
        (of_ballots(knowledge.ballots), known(N, every)),
    ):
        for table in ("votes", "ballots"):
            for one, other in zip(getattr(found, table).all(), getattr(expected, table).all(), strict=True):
                np.testing.assert_array_equal(one, other)
