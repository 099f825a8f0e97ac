"""Models made in a child process are those made here, whatever becomes of the child."""

import io
import threading
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import pal.representatives
from pal.answers import Answers
from pal.beliefs import Beliefs
from pal.errors import InvalidInputError
from pal.knowledge import known, of_ballots
from pal.project.fitting import answer
from pal.project.learning import Apart, Ended, Here
from pal.project.wire import receive
from tests.waiting import wait_until

N = 200


@pytest.fixture(scope="module")
def blobs():
    rng = np.random.default_rng(0)
    y = rng.integers(4, size=N)
    x = (4.0 * rng.normal(size=(4, 6)))[y] + rng.normal(size=(N, 6))
    template = rng.integers(N, size=120)
    item = (template + 1 + rng.integers(N - 1, size=120)) % N
    relation = np.where((y[template] == y[item]) ^ (rng.random(120) < 0.05), 1, -1)
    nobody = np.zeros(120, dtype=np.int64)
    answers = Answers(template, item, relation, nobody, np.arange(120), nobody)
    return x.astype(np.float32), known(N, answers)


def assert_same(model, other):
    """But for the last digits: the two processes may differ in threads, and so in the order of sums."""
    for field in fields(Beliefs):
        assert_close(getattr(model.beliefs, field.name), getattr(other.beliefs, field.name))
    assert_close(model.affinity.toarray(), other.affinity.toarray())
    # Eigenvectors of nearly one eigenvalue may come in any basis of theirs.
    assert_close(model.embedding @ model.embedding.T, other.embedding @ other.embedding.T)


def assert_close(found, expected):
    found, expected = np.asarray(found), np.asarray(expected)
    if found.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    else:
        np.testing.assert_array_equal(found, expected)


def test_knowledge_is_made_of_votes(blobs):
    _, knowledge = blobs
    again = of_ballots(knowledge.ballots)
    np.testing.assert_array_equal(again.group, knowledge.group)
    np.testing.assert_array_equal(again.differing, knowledge.differing)
    np.testing.assert_array_equal(again.contradictions, knowledge.contradictions)


@pytest.mark.slow
def test_a_child_makes_the_same_model(blobs):
    """Of the features as they are, of their principal components, and after it was killed."""
    x, knowledge = blobs
    with Apart() as apart:
        for reduce in (False, True):
            here = Here()
            ready, other = here.prepare(x, reduce=reduce, seed=3), apart.prepare(x, reduce=reduce, seed=3)
            np.testing.assert_allclose(ready.reduction(x), other.reduction(x), rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(ready.prepared.x, other.prepared.x, rtol=1e-4, atol=1e-5)
            assert_same(here.learn(known(N)), apart.learn(known(N)))
            assert_same(here.learn(knowledge), apart.learn(knowledge))
        apart._process.kill()
        assert_same(here.learn(knowledge), apart.learn(knowledge))


def test_of_very_many_items_the_model_of_representatives_is_sent(blobs, monkeypatch):
    monkeypatch.setattr(pal.representatives, "N_ALL", 60)
    monkeypatch.setattr(pal.representatives, "N_REPRESENTATIVES", 50)
    x, knowledge = blobs
    here, there = Here(), Here()

    def exchange(_, about, arrays):
        pipe = io.BytesIO()
        answer(there, about, arrays, pipe)
        pipe.seek(0)
        return receive(pipe)

    monkeypatch.setattr(Apart, "_ask", exchange)
    with Apart() as apart:
        here.prepare(x, reduce=False, seed=3)
        apart.prepare(x, reduce=False, seed=3)
        one, other = here.learn(knowledge), apart.learn(knowledge)
    assert len(other.core.rows) < N
    np.testing.assert_array_equal(one.core.rows, other.core.rows)
    assert_same(one, other)
    assert_same(one.core.model, other.core.model)


@pytest.mark.slow
def test_features_that_cannot_be_learned_from_are_told(blobs):
    x, knowledge = blobs
    with Apart() as apart:
        with pytest.raises(InvalidInputError, match=r"NaN or infinity in 1 row"):
            apart.prepare(np.where(np.arange(N)[:, None] == 7, np.nan, x), reduce=False, seed=0)
        apart.prepare(x, reduce=False, seed=0)  # and it goes on
        assert apart.learn(knowledge).beliefs.probability.shape[0] == N


@pytest.mark.slow
def test_who_waits_for_a_child_that_is_closed_is_told(blobs):
    x, _ = blobs
    apart, said = Apart(), []

    def wait():
        try:
            while True:
                apart.prepare(x, reduce=False, seed=0)
        except Ended:
            said.append("ended")

    thread = threading.Thread(target=wait)
    thread.start()
    apart.close()
    thread.join()
    assert said == ["ended"]
    apart.close()  # twice is fine
    with pytest.raises(Ended):
        apart.prepare(x, reduce=False, seed=0)


def test_a_fault_of_the_child_is_an_answer():
    pipe = io.BytesIO()
    answer(Here(), {"op": "learn", "n_items": 3}, {"key": np.zeros(2)}, pipe)
    pipe.seek(0)
    about, arrays = receive(pipe)
    assert "TypeError" in about["why"]
    assert not arrays


@pytest.mark.slow
def test_a_child_that_has_made_a_model_gives_way_to_other_sessions(blobs):
    """A database on the same machine is one of them."""
    x, knowledge = blobs
    with Apart() as apart:
        told = Path(f"/proc/{apart._process.pid}/autogroup")
        if not told.exists():
            pytest.skip("this system doesn't go by sessions")
        assert told.read_text().split()[-2:] == ["nice", "0"]
        apart.prepare(x, reduce=False, seed=0)
        apart.learn(knowledge)
        wait_until(lambda: told.read_text().split()[-2:] == ["nice", "10"])
