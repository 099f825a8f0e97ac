"""Every oracle at the edges; whole runs on ordinary data are checked by pal.testing.check_oracle (test_contracts)."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import eye_array

from pal.beliefs import Beliefs, settle
from pal.labelers import Person, SimulatedLabeler
from pal.learner import Model
from pal.loop import Loop, run
from pal.oracles import ORACLES

# It asks about what is deduced where it doubts it, and judges by its own beliefs when to stop.
CORROBORATE = {"default", "gain"}
FINISHING = sorted(ORACLES.keys() - CORROBORATE)
LABELS = np.repeat(np.arange(3), 7)
X = 6.0 * np.eye(3)[LABELS] + np.random.default_rng(0).standard_normal((21, 3))


def learner(x):
    """A quick stand-in: classes are the proven ones and some items not of these, belief falls with the distance."""

    def learn(knowledge):
        settled = settle(knowledge)
        guessed = np.arange(0, len(x), 4)
        anchor = np.r_[settled.anchor, guessed[settled.label[guessed] < 0]].astype(np.int64)
        closeness = np.exp(-np.linalg.norm(x[:, None] - x[anchor], axis=2))
        same = 0.3 * (1.0 - np.eye(len(anchor)))
        beliefs = Beliefs(closeness / closeness.sum(axis=1, keepdims=True), anchor, settled.source, same, 0.0)
        return Model(x, beliefs, eye_array(len(x), format="csr"))

    return learn


def play(oracle, labeler, x=X, *, classes=(), complete=False, alter=lambda state: state):
    """Run to the end; fails if it takes more answers than there are pairs."""
    loop = Loop(
        x, lambda state: oracle(alter(state)), page_size=4, classes=classes, complete=complete, learner=learner(x)
    )
    n_pairs = len(x) * (len(x) - 1) // 2
    pages = list(run(loop, labeler, n_pages=n_pairs + 1))
    pairs = [tuple(sorted((q.template, i))) for q, _ in pages for i in q.items.tolist()]
    assert len(set(pairs)) == len(pairs), "a pair was asked twice"
    return loop, len(pairs)


def all_known(loop, labels=LABELS):
    relation = np.array([loop.knowledge.relation(i) for i in range(len(labels))])
    return (relation == np.where(labels[:, None] == labels, 1, -1)).all()


@pytest.mark.parametrize("name", ORACLES)
def test_nothing_to_show(name):
    loop = Loop(X, lambda state: ORACLES[name](replace(state, held=np.ones(21, dtype=bool))), learner=learner(X))
    assert loop.ask() is None


@pytest.mark.parametrize("name", ORACLES)
def test_one_item_to_show(name):
    loop = Loop(X, lambda state: ORACLES[name](replace(state, held=np.arange(21) != 4)), learner=learner(X))
    assert loop.ask() is None


@pytest.mark.parametrize("name", ORACLES)
def test_two_items(name):
    loop, n_answers = play(ORACLES[name], SimulatedLabeler(np.array([0, 1])), X[[0, 20]])
    assert n_answers == 1
    assert loop.ask() is None


@pytest.mark.slow
@pytest.mark.parametrize("name", FINISHING)
def test_copies(name):
    """Features that say nothing: every distance is 0."""
    loop, _ = play(ORACLES[name], SimulatedLabeler(LABELS), np.zeros((21, 2)))
    assert all_known(loop)


@pytest.mark.parametrize("name", FINISHING)
def test_beliefs_that_are_behind(name):
    """The model may be some pages old; here it is the one from before the first answer, for ever."""
    first = []

    def stale(state):
        first.append(state.model)
        return replace(state, model=first[0])

    loop, _ = play(ORACLES[name], SimulatedLabeler(LABELS), alter=stale)
    assert all_known(loop)


@pytest.mark.slow
@pytest.mark.parametrize("name", FINISHING)
def test_beliefs_that_are_wrong(name):
    """Beliefs at odds with the answers cost answers, never an end before all is known."""

    def wrong(state):
        beliefs = replace(state.beliefs, probability=np.roll(state.beliefs.probability, 1, axis=1))
        return replace(state, model=Model(state.embedding, beliefs, state.model.affinity))

    loop, _ = play(ORACLES[name], SimulatedLabeler(LABELS), alter=wrong)
    assert all_known(loop)


@pytest.mark.slow
@pytest.mark.parametrize("name", FINISHING)
def test_single_precision(name):
    def single(state):
        embedding = state.embedding.astype(np.float32)
        return replace(state, model=Model(embedding, state.beliefs, state.model.affinity))

    loop, _ = play(ORACLES[name], SimulatedLabeler(LABELS), alter=single)
    assert all_known(loop)


@pytest.mark.slow
@pytest.mark.parametrize("name", FINISHING)
def test_people_who_cannot_tell_are_not_asked_again(name):
    """A run ends although a third of the items is unclear: ``play`` counts every pair once."""
    loop, _ = play(ORACLES[name], Person(LABELS, rare_misses=0.0, refusal=0.3, seed=2))
    assert loop.ask() is None


@pytest.mark.parametrize("name", FINISHING)
def test_all_classes_given(name):
    loop, n_answers = play(ORACLES[name], SimulatedLabeler(LABELS), classes=(0, 7, 14), complete=True)
    assert all_known(loop)
    assert n_answers >= 21 - 3


@pytest.mark.slow
@pytest.mark.parametrize("name", ORACLES)
def test_no_randomness_but_the_state_s(name):
    before = np.random.get_state()[1].copy()  # noqa: NPY002  # the global generator is what must stay untouched
    play(ORACLES[name], SimulatedLabeler(LABELS))
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
