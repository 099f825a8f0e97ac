import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pal.agreement import answers_alpha, krippendorff_alpha
from pal.answers import Answers
from pal.errors import InvalidInputError

# Krippendorff (2011), sections A, B and C; 0 in the last marks what an observer didn't judge.
MEG, OWEN = "0100000010", "1110010000"
TWO = ("aabbdcccedda", "babbbccceddd")
FOUR = ("123321412000", "123322412503", "033323422510", "123324412510")


def columns(rows, missing=""):
    marks = [(unit, ord(mark)) for row in rows for unit, mark in enumerate(row) if mark not in missing]
    return tuple(np.array(marks, dtype=np.int64).T)


@pytest.mark.parametrize(("rows", "missing", "alpha"), [((MEG, OWEN), "", 0.095), (TWO, "", 0.692), (FOUR, "0", 0.743)])
def test_published_examples(rows, missing, alpha):
    assert round(krippendorff_alpha(*columns(rows, missing)), 3) == alpha


def by_definition(unit, value):
    """Every ordered pair of values, one by one."""
    together = {}
    for u, v in zip(unit, value, strict=True):
        together.setdefault(u, []).append(v)
    together = {u: vs for u, vs in together.items() if len(vs) > 1}
    pooled = [v for vs in together.values() for v in vs]
    if len(set(pooled)) < 2:
        return None
    seen = sum(
        (a != b) / (len(vs) - 1)
        for vs in together.values()
        for i, a in enumerate(vs)
        for j, b in enumerate(vs)
        if i != j
    )
    chance = sum(a != b for i, a in enumerate(pooled) for j, b in enumerate(pooled) if i != j)
    return 1.0 - (len(pooled) - 1) * seen / chance


ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 2)), max_size=25)


@given(ROWS)
def test_equals_the_definition(rows):
    unit, value = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    expected = by_definition(unit.tolist(), value.tolist())
    found = krippendorff_alpha(unit, value)
    assert found is None if expected is None else found == pytest.approx(expected)


@given(ROWS, st.randoms())
def test_order_and_names_do_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    unit, value = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    other_unit, other_value = np.array(shuffled, dtype=np.int64).reshape(-1, 2).T
    found, other = krippendorff_alpha(unit, value), krippendorff_alpha(7 - other_unit, 3 * other_value)
    assert found is None if other is None else found == pytest.approx(other)


def test_all_agree_and_chance():
    unit = np.repeat(np.arange(2000), 2)
    assert krippendorff_alpha(unit, np.repeat(np.arange(2000) % 2, 2)) == 1.0
    rng = np.random.default_rng(0)
    assert abs(krippendorff_alpha(unit, rng.integers(0, 2, 4000))) < 0.06
    assert krippendorff_alpha(unit, np.tile([0, 1], 2000)) == pytest.approx(-1.0, abs=1e-3)


def test_nothing_to_compare():
    assert krippendorff_alpha(np.arange(3), np.array([0, 1, 0])) is None
    assert krippendorff_alpha(np.zeros(3, dtype=int), np.ones(3, dtype=int)) is None
    assert answers_alpha(Answers.empty(), 5) == (None, 0)


def test_columns_of_different_length(unchecked):
    with pytest.raises(InvalidInputError, match="one value a row"):
        krippendorff_alpha(np.arange(3), np.arange(2))


def answers(*rows):
    """Rows of template, item, relation, labeler."""
    template, item, relation, labeler = np.array(rows, dtype=np.int64).T
    return Answers(template, item, relation, labeler, np.arange(len(rows)), np.zeros(len(rows)))


def test_pairs_either_way_round_latest_word_and_cannot_tell():
    told = answers(
        (0, 1, 1, 0), (1, 0, 1, 1),  # agreed, from either side
        (2, 3, -1, 0), (2, 3, 1, 1), (3, 2, -1, 1),  # the second changed their mind
        (4, 5, 1, 0), (4, 5, 0, 1),  # one couldn't tell
        (1, 2, 1, 0),
    )  # fmt: skip
    assert answers_alpha(told, 6) == (1.0, 2)
    apart = answers((0, 1, 1, 0), (0, 1, -1, 1), (2, 3, 1, 0), (2, 3, 1, 1))
    alpha, pairs = answers_alpha(apart, 4)
    assert (round(alpha, 6), pairs) == (round(by_definition([0, 0, 1, 1], [1, -1, 1, 1]), 6), 2)
