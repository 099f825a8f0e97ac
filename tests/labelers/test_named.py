import numpy as np
import pytest

from pal.answers import Question
from pal.errors import InvalidInputError
from pal.labelers import LABELERS, Crowd, Person, SimulatedLabeler, get_labeler
from pal.testing import check_labeler

LABELS = np.arange(400) % 4


def wrong(labeler):
    """Shares of answers that are wrong, and that are refused, over pages with a quarter of targets."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(60):
        template, *items = rng.choice(400, 41, replace=False).tolist()
        relation = labeler(Question(template, np.array(items)))
        truth = np.where(LABELS[items] == LABELS[template], 1, -1)
        found.append([(relation == -truth).mean(), (relation == 0).mean()])
    return np.mean(found, axis=0)


@pytest.mark.parametrize("name", LABELERS)
def test_contract(name):
    pairwise = name in ("perfect", "wrong")
    check_labeler(get_labeler(name, LABELS[:12], seed=1), n_items=12, pairwise=pairwise)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("perfect", 0.0, 0.0),
        ("wrong", 0.08, 0.12),
        ("wrong:0.3", 0.26, 0.34),
        ("crowd:5", 0.07, 0.13),
        ("crowd:1", 0, 0),
        ("uneven:0.4", 0.08, 0.15),
    ],
)
def test_share_of_wrong_answers(name, low, high):
    share, refused = wrong(get_labeler(name, LABELS, seed=2))
    assert low <= share <= high
    assert refused == 0.0


def test_biased_people_never_click_too_much():
    biased = get_labeler("biased:0.5", LABELS)
    page = Question(0, np.arange(1, 200))
    truth = LABELS[1:200] == LABELS[0]
    clicked = biased(page) > 0
    assert not clicked[~truth].any()
    assert 0.3 < clicked[truth].mean() < 0.7


def test_people_who_cannot_tell_are_never_wrong():
    share, refused = wrong(get_labeler("refusing:0.2", LABELS))
    assert share == 0.0
    assert 0.25 < refused < 0.45  # either of two items unclear: 1 - 0.8 ** 2


def test_what_they_are():
    assert isinstance(get_labeler("perfect", LABELS), SimulatedLabeler)
    assert isinstance(get_labeler("misses", LABELS), Person)
    crowd = get_labeler("crowd:3", LABELS)
    assert isinstance(crowd, Crowd)
    assert len(crowd.people) == 3


@pytest.mark.parametrize("name", ["best", "", "Perfect"])
def test_unknown(name):
    with pytest.raises(InvalidInputError, match=r"unknown labeler .*; choose one of .*perfect"):
        get_labeler(name, LABELS)


@pytest.mark.parametrize("name", ["wrong:2", "wrong:-0.1", "wrong:many", "crowd:0", "perfect:0.1", "wrong:nan"])
def test_numbers_out_of_range(name):
    with pytest.raises(InvalidInputError, match=r"takes (a number from|no number) .* is usual"):
        get_labeler(name, LABELS)
