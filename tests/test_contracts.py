"""Contract suites over the tables of implementations: a new one is a new line of its table."""

import itertools

import numpy as np
import pytest

from pal.answers import Question
from pal.errors import InvalidInputError
from pal.labelers import SimulatedLabeler
from pal.oracles import ORACLES, captcha, get_oracle
from pal.testing import check_labeler, check_oracle

LABELS = np.arange(12) % 3
LABELERS = {
    "perfect": SimulatedLabeler(LABELS),
    "errs": SimulatedLabeler(LABELS, error=0.3),
    "refuses": SimulatedLabeler(LABELS, refusal=0.5),
    "errs and refuses": SimulatedLabeler(LABELS, error=0.3, refusal=0.2, seed=1),
}
# Oracles that may ask about what is deduced, because they doubt it.
CORROBORATE = {"default", "gain"}


@pytest.mark.parametrize(
    "name", [name if name in ("random", "captcha") else pytest.param(name, marks=pytest.mark.slow) for name in ORACLES]
)
def test_oracles(name):
    check_oracle(ORACLES[name], corroborates=name in CORROBORATE)


@pytest.mark.parametrize("name", LABELERS)
def test_labelers(name):
    check_labeler(LABELERS[name], n_items=12)


def test_oracles_are_found_by_name():
    assert get_oracle("captcha") is captcha
    with pytest.raises(InvalidInputError, match=r"unknown oracle 'best'; choose one of .*captcha"):
        get_oracle("best")


def unless_held(*questions):
    """An oracle that asks these in turn, and nothing while an item is held."""

    def oracle(state):
        n_told = len(state.knowledge.votes.all().key)
        return [] if state.held.any() else [questions[min(n_told, len(questions) - 1)]]

    return oracle


CALLS = itertools.count()


def another_each_time(state):
    return [Question(0, np.roll(np.arange(1, 15), next(CALLS))[:5])]


BROKEN = {
    r"items in 0\.\.14": unless_held(Question(0, np.array([99]))),
    r"1\.\.5 tiles, got 14": unless_held(Question(0, np.arange(1, 15))),
    "somebody judged": unless_held(Question(0, np.array([1]))),
    "deduced": unless_held(*(Question(a, np.array([b])) for a, b in [(0, 1), (1, 2), (0, 2)])),
    "one page only": lambda state: [Question(1, np.array([2])), Question(2, np.array([1]))],
    "held items": lambda state: [Question(0, np.array([1]))],
    "same state": another_each_time,
    "end with every relation known": lambda state: [],
}


@pytest.mark.parametrize("promise", BROKEN)
def test_the_contract_of_oracles_can_fail(promise):
    with pytest.raises(AssertionError, match=promise):
        check_oracle(BROKEN[promise])


@pytest.mark.parametrize(
    ("labeler", "promise"),
    [
        (lambda q: np.ones(len(q.items)), "int8"),
        (lambda q: np.ones(1, dtype=np.int8), "one relation a tile"),
        (lambda q: np.full(len(q.items), 2, dtype=np.int8), "relations are -1, 0 or"),
        (lambda q: np.where(q.items > q.template, 1, -1).astype(np.int8), "which item is the template"),
        (lambda q: np.full(len(q.items), 1 if q.mode == "same" else -1, dtype=np.int8), "in both modes"),
    ],
)
def test_the_contract_of_labelers_can_fail(labeler, promise):
    with pytest.raises(AssertionError, match=promise):
        check_labeler(labeler, n_items=12)
