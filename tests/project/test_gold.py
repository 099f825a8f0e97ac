"""Gold measures people by what an administrator said, never by what they said themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pal.answers import Answers, Question
from pal.errors import InvalidInputError
from pal.knowledge import known
from pal.project import NoPage, Project
from pal.project.gold import Gold, gold_of, relations, with_gold
from pal.project.report import people
from pal.project.settings import Settings
from pal.store import Answered
from tests.test_project import answer_pages, reply, three_clumps


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr("pal.project.checking._SPARE", 0.0)  # pages follow the answers, however busy the machine
    x, labels = three_clumps()
    np.savez(tmp_path / "clumps.npz", x=x, y=labels)
    with Project.create_or_open(tmp_path / "clumps.npz", page_size=5, oracle="captcha") as opened:
        opened.settings.set(Settings(gold=1.0, second=0.0))
        yield opened


def gild_some(project, count=4):
    """Make items gold whose group is known, and return their ids."""
    answer_pages(project, 8)
    project.settle()
    now, made = project.standing(), []
    for row in np.flatnonzero(now.source > 0).tolist():
        if row not in now.anchor and len(made) < count:
            project.gild(project.items.id[row], "chief")
            made.append(project.items.id[row])
    return made


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.sampled_from([-1, 1])), max_size=25).map(
        lambda rows: [row for row in rows if row[0] != row[1]]
    )
)
def test_relations_are_those_of_the_knowledge(rows):
    a, b, r = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    zero = np.zeros_like(a)
    knowledge = known(9, Answers(a, b, r, zero, zero, zero))
    i, j = (side.ravel() for side in np.indices((9, 9)))
    expected = np.stack([knowledge.relation(template) for template in range(9)])
    assert (relations(knowledge, i, j).reshape(9, 9) == expected).all()


def test_who_errs_on_gold_is_found_out(project):
    gold = gild_some(project)
    shown = {"good": 0, "bad": 0}
    for turn in range(40):
        who = ("good", "bad")[turn % 2]
        page = project.page(who)
        if isinstance(page, NoPage):
            break
        event = reply(project, page, who)
        shown[who] += sum(item in gold for item in event.items)
        if who == "bad":  # wrong about every gold tile, right about the rest
            wrong = tuple(-r if i in gold else r for i, r in zip(event.items, event.relations, strict=True))
            event = reply(project, page, who, relations=wrong)
        project.record([event])
        project.settle()
    assert min(shown.values()) >= 2, "gold tiles were shown"
    measured = project.checking.gold().people
    assert measured["good"].right == measured["good"].asked > 0
    assert measured["bad"].right == 0 < measured["bad"].asked
    assert "chief" not in measured
    table = {person.labeler: person for person in people(project.now(), measured)}
    assert (table["good"].gold, table["bad"].gold) == (1.0, 0.0)
    assert table["bad"].gold_asked == measured["bad"].asked


def test_a_gold_tile_is_a_tile_like_any_other(project):
    """A page with one says nothing of it, is as long as another, and shows it in any place."""
    gold = set(gild_some(project))
    places = []
    for turn in range(30):
        page = project.page(f"person {turn}")
        if isinstance(page, NoPage):
            break
        assert len(page.tiles) <= 5
        assert "gold" not in repr(page)
        assert page.template.id not in {tile.id for tile in page.tiles}
        places += [i for i, tile in enumerate(page.tiles) if tile.id in gold]
        project.record([reply(project, page, f"person {turn}")])
    assert len(set(places)) > 1


def test_none_without_gold_or_with_a_share_of_nothing(project):
    page = project.page("ann")
    assert len(page.tiles) == 5
    gold = gild_some(project)
    project.settings.set(Settings(gold=0.0, second=0.0))
    for _ in range(5):
        page = project.page("ben")
        if isinstance(page, NoPage):
            break
        project.record([reply(project, page, "ben")])
    assert "ben" not in project.checking.gold().people
    assert len(project.checking.gold().rows) == len(gold)


def test_gold_marks_come_and_go(project):
    anchor = int(project.standing().anchor[0])
    with pytest.raises(InvalidInputError, match="another one of its kind"):
        project.gild(project.items.id[anchor], "chief")
    first, second, *_ = gild_some(project)
    with pytest.raises(InvalidInputError, match="gold already"):
        project.gild(first, "chief")
    rows = project.checking.gold().rows
    assert {project.items.id[row] for row in rows} >= {first, second}
    project.ungild(first, "ann")
    assert project.items.row[first] in project.checking.gold().rows, "only who marked it takes it back"
    project.ungild(first, "chief")
    assert project.items.row[first] not in project.checking.gold().rows
    before = project.progress().pages
    project.gild(first, "chief")
    assert project.progress().pages == before, "a mark is no page"


def test_an_anchor_is_marked_by_another_sure_member(project):
    answer_pages(project, 8)
    project.settle()
    anchor = int(project.standing().anchor[0])
    (mark,) = project.gild(project.items.id[anchor], "chief")
    assert mark.items == (project.items.id[anchor],)
    assert mark.template != mark.items[0]


def test_an_answer_is_not_measured_by_itself(project):
    """One wrong "alike" about a gold tile joins two groups, and is counted as wrong all the same."""
    gold = gild_some(project, 1)[0]
    labels, row = project.items.labels, project.items.row
    now = project.standing()
    other = next(int(a) for a in now.anchor[: now.n_classes] if labels[a] != labels[row[gold]])
    project.record([Answered(labeler="bad", page="p", template=project.items.id[other], items=(gold,), relations=(1,))])
    assert project.now().knowledge.group[other] == project.now().knowledge.group[row[gold]]
    assert gold_of(project.items, project.now()).people["bad"] == (0, 1)


@given(
    st.integers(2, 6), st.integers(1, 6), st.lists(st.booleans(), min_size=12, max_size=12), st.integers(0, 2**32 - 1)
)
def test_pages_with_gold_are_pages(size, n_tiles, held, seed):
    n = 12
    zero = np.zeros(n - 1, dtype=np.int64)
    alike = Answers(zero, np.arange(1, n), np.where(np.arange(1, n) % 2, 1, -1), zero, zero, zero)
    gold = Gold(np.array([3, 4, 9]), known(n, alike), {}, {"ann": frozenset({(0, 9)})})
    question = Question(0, np.arange(1, 1 + min(n_tiles, size)))
    mask = np.array(held)
    made = with_gold(question, gold, "ann", mask, size=size, rng=np.random.default_rng(seed))
    new = set(made.items.tolist()) - set(question.items.tolist())
    assert len(made.items) <= size
    assert new <= {3, 4}, "what was asked before isn't asked again"
    assert not mask[list(new)].any()
    fits = [g for g in (3, 4) if not mask[g] and g not in question.items]
    assert len(new) == bool(fits)
