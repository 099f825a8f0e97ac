"""Following: what was told of is taken in once, and what is known already isn't asked for."""

import threading

import pytest

from pal.errors import StoreError
from pal.project.following import Follower
from tests.waiting import PATIENCE

LONG = 1e6
"""Seconds between two looks; none happens by itself."""


@pytest.fixture
def followed():
    """Function that runs a follower over what it is told of, and returns the positions it had when it took news in."""

    def run(told, *, away=0):
        known, calls, left = [0], [], list(told)
        heard, end = threading.Event(), threading.Event()

        def wait(_):
            if left:
                return left.pop(0)
            heard.set()
            end.wait(PATIENCE)
            return known[0]

        def follow():
            calls.append(known[0])
            if len(calls) <= away:
                raise StoreError("the database is away; try again")
            known[0] = max(told[: len(told) - len(left)])

        follower = Follower(follow, seconds=LONG, wait=wait, known=lambda: known[0])
        assert heard.wait(PATIENCE)
        end.set()
        follower.stop()
        return calls

    return run


def test_what_was_written_before_it_began_is_taken_in_when_it_is_told(followed):
    assert followed([7]) == [0]


def test_what_is_known_is_not_asked_for(followed):
    assert followed([2, 2, 1, 5, 3]) == [0, 2]


def test_a_database_that_is_away_is_asked_again(followed):
    assert followed([4, 4, 4], away=1) == [0, 0]
