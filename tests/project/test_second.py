"""Second votes go to what is in doubt, to somebody else, and to no more than the share that is set."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pal.answers import Answers, Question, concatenate
from pal.beliefs import EXPECTED_ERROR, Beliefs
from pal.project import NoPage, Project
from pal.project.second import LEAST, _alone, _error, doubtful, second_page
from pal.project.settings import Settings
from pal.votes import pair_key
from tests.test_project import answer_pages, reply, three_clumps


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr("pal.project.checking._SPARE", 0.0)  # pages follow the answers, however busy the machine
    x, labels = three_clumps(90)
    np.savez(tmp_path / "clumps.npz", x=x, y=labels)
    with Project.create_or_open(tmp_path / "clumps.npz", page_size=5, oracle="captcha") as opened:
        opened.settings.set(Settings(second=0.0))
        yield opened


def pairs_of(project):
    answers = project.now().answers
    return pair_key(len(project.items), answers.template, answers.item), answers.labeler


def bad_reply(project, page, who):
    return reply(project, page, who, relations=tuple(-r for r in reply(project, page).relations))


def test_nobody_else_nothing_asked_twice(project):
    project.settings.set(Settings(second=1.0))
    answer_pages(project, 6)
    project.settle()
    keys, _ = pairs_of(project)
    assert len(np.unique(keys)) == len(keys)


def test_what_a_bad_person_said_is_asked_of_another(project):
    """Of the two it is Bad's answers that come back: Good's go with one another."""
    said = {}
    for turn in range(8):
        who = ("good", "bad")[turn % 2]
        page = project.page(who)
        event = bad_reply(project, page, who) if who == "bad" else reply(project, page, who)
        said.setdefault(who, []).append(event)
        project.record([event])
    project.settle()
    found = doubtful(project.now())
    assert (np.diff(found.doubt) <= 0).all()
    assert found.doubt.min() >= LEAST
    bad = np.array([found.who[number] == "bad" for number in found.answers.labeler])
    assert bad[:3].all()
    assert found.doubt[bad].mean() > found.doubt[~bad].mean()
    held = np.zeros(90, dtype=bool)
    page = second_page(found, "good", held, frozenset(), size=5)
    shown = {project.items.id[i] for i in page.items}
    assert any(event.template == project.items.id[page.template] and shown <= set(event.items) for event in said["bad"])
    again = second_page(found, "bad", held, frozenset(), size=5)
    assert again is None or project.items.id[again.template] in {event.template for event in said["good"]}
    keys = pair_key(90, np.full(len(page.items), page.template), page.items)
    other = second_page(found, "good", held, frozenset(keys.tolist()), size=5)
    assert other is None or (other.template, *other.items) != (page.template, *page.items)
    held[page.items] = True
    other = second_page(found, "good", held, frozenset(), size=5)
    assert other is None or not np.isin(other.items, page.items).any()


def test_who_cannot_tell_is_not_asked_the_same_pair_once_more(project):
    for turn in range(8):
        who = ("good", "bad")[turn % 2]
        page = project.page(who)
        project.record([bad_reply(project, page, who) if who == "bad" else reply(project, page, who)])
    project.settle()
    project.settings.set(Settings(second=1.0))
    refused = set()
    for _ in range(6):
        page = project.page("good")
        asked = {(page.template.id, tile.id) for tile in page.tiles}
        assert not asked & refused
        refused |= asked
        project.record([reply(project, page, "good", relations=(0,) * len(page.tiles))])
        project.settle()


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.2])
def test_the_share_holds(project, share):
    for turn in range(14):  # one who errs half of the time, one who doesn't
        if turn == 6:
            project.settings.set(Settings(second=share))
        who = ("good", "bad")[turn % 2]
        page = project.page(who)
        if isinstance(page, NoPage):
            break
        project.record([reply(project, page, who) if turn % 4 else bad_reply(project, page, who)])
        project.settle()
    now = project.now()
    keys, labelers = pairs_of(project)
    both = np.unique(np.stack([keys, labelers], axis=1), axis=0)
    twice = len(both) - len(np.unique(keys))
    assert twice <= share * len(keys)
    assert doubtful(now).given == twice
    assert twice == 0 if share == 0 else twice > 0


def test_the_error_is_of_the_person_and_of_what_they_said():
    """Whoever misses much is doubted for "unlike", and nobody who isn't known."""
    nothing = np.zeros(0, dtype=np.int64)
    beliefs = Beliefs(
        np.zeros((0, 0)), nothing, np.zeros(0, dtype=np.int8), np.zeros((0, 0)), 0.1,
        labeler=np.array([1, 4]), sensitivity=np.array([0.7, 0.99]), specificity=np.array([0.95, 0.8]),
    )  # fmt: skip
    pages = [(1, 1), (1, -1), (4, 1), (4, -1), (2, 1), (5, -1)]
    said = concatenate([Answers.of(Question(0, np.array([1])), [r], labeler=who) for who, r in pages])
    expected = [0.05, 0.3, 0.2, 0.01, EXPECTED_ERROR, EXPECTED_ERROR]
    np.testing.assert_allclose(_error(said, beliefs), expected)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 3)), max_size=40))
def test_alone_is_what_one_person_alone_said(rows):
    rows = [row for row in rows if row[0] != row[1]]
    t, i, who = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    answers = Answers(t, i, np.ones(len(t)), who, np.zeros(len(t)), np.zeros(len(t)))
    voters = {}
    for a, b, labeler in rows:
        voters.setdefault(frozenset((a, b)), set()).add(labeler)
    alone, given_ = _alone(6, answers)
    found = [frozenset((int(t[r]), int(i[r]))) for r in alone]
    assert sorted(map(sorted, found)) == sorted(sorted(pair) for pair, by in voters.items() if len(by) == 1)
    assert given_ == sum(len(by) - 1 for by in voters.values())
