"""Which items people cannot tell, from what they refused."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pal.answers import Answers, Question
from pal.clarity import unclear
from pal.labelers import Person
from pal.loop import Loop
from pal.oracles import ORACLES

N = 40


def _silent(pairs):
    template, item = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return Answers(template, item, *np.zeros((4, len(pairs))))


def _told(**times):
    n_told = np.zeros(N, dtype=np.int64)
    for item, count in times.items():
        n_told[int(item[1:])] = count
    return n_told


def test_without_refusals_everything_is_clear():
    assert not unclear(Answers.empty(), _told(i0=3)).any()


def test_a_tile_refused_beside_others_is_at_fault_and_the_more_the_oftener():
    once, twice = (unclear(_silent(pairs), _told(i0=9, i1=9)) for pairs in ([(0, 5)], [(0, 5), (1, 5)]))
    assert 0.2 < once[5] < 0.6
    assert twice[5] > 0.9
    assert max(twice[0], twice[1], once[0]) < 1e-6


def test_a_page_refused_as_a_whole_is_put_down_to_its_template():
    found = unclear(_silent([(0, i) for i in range(1, 16)]), _told(i0=2))
    assert found[0] > 0.99
    assert found[1:].max() < 0.1


@given(st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)).filter(lambda p: p[0] != p[1]), max_size=30))
def test_probabilities_whatever_is_refused_and_none_of_what_is_not(pairs):
    found = unclear(_silent(pairs), np.ones(N, dtype=np.int64))
    assert ((found >= 0) & (found <= 1)).all()
    assert set(np.flatnonzero(found)) <= {i for pair in pairs for i in pair}


@given(st.permutations(range(8)))
def test_the_order_of_refusals_does_not_matter(order):
    pairs = [(0, i) for i in range(1, 6)] + [(7, 3), (8, 3), (9, 10)]
    one, other = (unclear(_silent(p), _told(i7=4, i8=1)) for p in (pairs, [pairs[k] for k in order]))
    np.testing.assert_allclose(one, other, atol=1e-12)


OTHERS = ["guided-captcha", "least-certain", "entropy", "committee", "hierarchical", "typiclust", "super-instances"]


@pytest.mark.parametrize(
    "oracle", ["default", "margin", "captcha", *(pytest.param(o, marks=pytest.mark.slow) for o in OTHERS)]
)
@pytest.mark.slow
def test_what_a_person_cannot_tell_is_soon_left_alone(oracle):
    """No pair is asked again, and few items more than twice, templates included."""
    y = np.repeat(np.arange(4), 25)
    x = 4.0 * np.eye(4)[y] + np.random.default_rng(0).standard_normal((100, 4))
    person, loop = Person(y, rare_misses=0.0, refusal=0.15, seed=3), Loop(x, ORACLES[oracle], page_size=8, seed=0)
    refused, asked = [], np.zeros(100, dtype=int)
    for question in itertools.takewhile(lambda page: page is not None, (loop.ask() for _ in range(150))):
        relation = person(question)
        loop.tell(question, relation)
        silent = question.items[relation == 0]
        refused += [frozenset((question.template, i)) for i in silent.tolist()]
        asked[silent] += len(silent) < len(question.items)
    assert len(set(refused)) == len(refused)
    assert (asked > 3).mean() < 0.03
    assert loop.ask() is None, "the oracle ends"
    left = (loop.model.beliefs.source == 0).mean()
    assert 0.0 < left < 0.3, "what could not be told stays predicted"


def test_a_class_whose_anchor_is_unclear_is_shown_by_another_of_its_items(make_state):
    """Else every page about it would come back unanswered."""
    y = np.repeat([0, 1], 10)
    answers = [(0, [1, 2], [1, 1]), (10, [3, 4, 5, 6], [0, 0, 0, 0])]
    state = make_state(np.eye(20), np.where(np.eye(2)[y] > 0, 0.6, 0.4), [0, 10], answers=answers, page_size=4)
    assert state.unclear[10] > 0.9
    pages = ORACLES["default"](state)
    assert pages
    assert all(10 not in (page.template, *page.items.tolist()) for page in pages)
    assert isinstance(pages[0], Question)
