import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pal.answers import Question
from pal.errors import InvalidInputError
from pal.labelers import Crowd, Person, SimulatedLabeler
from pal.labelers.people import miss_rate
from pal.testing import check_labeler

N = 4000


def pages(share, mode, *, n_tiles=100, n_pages=30):
    """Pages whose tiles are targets at this share: labels, and the questions."""
    labels = np.zeros(N, dtype=int)
    labels[N // 2 :] = 1
    rng = np.random.default_rng(0)
    same, other = np.arange(1, N // 2), np.arange(N // 2, N)
    targets, rest = (same, other) if mode == "same" else (other, same)
    k = round(share * n_tiles)
    for _ in range(n_pages):
        tiles = np.r_[rng.choice(targets, k, replace=False), rng.choice(rest, n_tiles - k, replace=False)]
        yield labels, Question(0, tiles, mode)


def rates(person, share, mode):
    """Share of the targets missed, and of the others clicked."""
    missed, alarms = [], []
    clicked = 1 if mode == "same" else -1
    for labels, page in pages(share, mode):
        target = (labels[page.items] == labels[0]) == (mode == "same")
        answer = person(page)
        missed.append(answer[target] != clicked)
        alarms.append(answer[~target] == clicked)
    return np.concatenate(missed).mean(), np.concatenate(alarms).mean()


def test_miss_rate_is_what_was_measured():
    assert 0.3 <= miss_rate(0.02) < miss_rate(0.01) <= 0.4
    np.testing.assert_array_equal(miss_rate(np.array([0.5, 0.7, 1.0])), 0.0)
    assert (np.diff(miss_rate(np.linspace(0, 0.5, 50))) < 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["same", "different"])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.6])
def test_people_miss_rare_targets(mode, share):
    missed, alarms = rates(Person(np.repeat([0, 1], N // 2), false_alarms=0.05), share, mode)
    n_targets = share * 100 * 30
    expected = float(miss_rate(share))
    assert abs(missed - expected) < 4 * np.sqrt(max(expected * (1 - expected), 1e-9) / n_targets) + 1e-9
    assert abs(alarms - 0.05) < 0.02


def test_biased_people_differ():
    labels = np.repeat([0, 1], N // 2)
    careful = rates(Person(labels, misses=0.3, rare_misses=0.0), 0.5, "same")
    eager = rates(Person(labels, false_alarms=0.3, rare_misses=0.0), 0.5, "same")
    assert careful[0] > 0.25
    assert careful[1] == 0.0
    assert eager[0] == 0.0
    assert eager[1] > 0.25


def test_rare_targets_are_got_used_to():
    """After pages without a target, one target on a page is missed as if all were one long page."""
    labels = np.repeat([0, 1], N // 2)
    fresh, bored = (Person(labels, memory=200.0, seed=3) for _ in range(2))
    for _, page in pages(0.0, "same", n_tiles=50):
        bored(page)
    few = list(pages(0.3, "same", n_tiles=10, n_pages=100))
    missed = dict.fromkeys(("fresh", "bored"), 0)
    for labels, page in few:
        for name in missed:
            person = fresh if name == "fresh" else Person(labels, memory=200.0, seed=3)
            person._prevalence = 0.5 if name == "fresh" else bored._prevalence
            missed[name] += (person(page)[labels[page.items] == 0] < 0).sum()
    assert missed["fresh"] < missed["bored"]
    assert bored._prevalence < 0.01


@settings(max_examples=8)
@given(st.integers(0, 50))
def test_unclear_items_are_unclear_whatever_they_are_compared_with(seed):
    person = Person(np.zeros(12, dtype=int), refusal=0.3, seed=seed)
    silent = np.array(
        [[person(Question(t, np.array([i])))[0] == 0 if i != t else False for i in range(12)] for t in range(12)]
    )
    unclear = silent.sum(axis=1) == 11
    assert (silent == ((unclear[:, None] | unclear[None, :]) & ~np.eye(12, dtype=bool))).all()


@pytest.mark.parametrize("options", [{"misses": -0.1}, {"false_alarms": 1.5}, {"refusal": 2.0}, {"rare_misses": 7.0}])
def test_probabilities(options):
    with pytest.raises(InvalidInputError, match=r"must lie in \[0, 1\]"):
        Person(np.zeros(3, dtype=int), **options)


def test_memory_is_not_negative():
    with pytest.raises(InvalidInputError, match="memory"):
        Person(np.zeros(3, dtype=int), memory=-1.0)


def test_a_crowd_shares_out_the_pages():
    crowd = Crowd([lambda q, r=r: np.full(len(q.items), r, dtype=np.int8) for r in (1, -1, 0)], seed=4)
    asked = [Question(t, np.setdiff1d(np.arange(9), [t])) for t in range(9)] * 20
    asked = [Question(q.template, q.items[: 1 + i % 7]) for i, q in enumerate(asked)]
    who = [crowd.who(page) for page in asked]
    assert set(who) == {0, 1, 2}
    for page, person in zip(asked, who, strict=True):
        assert set(crowd(page).tolist()) == {(1, -1, 0)[person]}
        assert crowd.who(Question(page.template, page.items[::-1], "different")) == person


def test_a_crowd_needs_people():
    with pytest.raises(InvalidInputError, match="at least one"):
        Crowd([])


LABELS = np.arange(12) % 3
LABELERS = {
    "person": Person(LABELS, false_alarms=0.2, refusal=0.2),
    "crowd": Crowd([SimulatedLabeler(LABELS, error=0.3, seed=s) for s in range(3)]),
}


@pytest.mark.parametrize("name", LABELERS)
def test_contract(name):
    check_labeler(LABELERS[name], n_items=12, pairwise=False)
