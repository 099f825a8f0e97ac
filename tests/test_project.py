import shutil
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pal.representatives
from pal.answers import Question
from pal.datasets import Reading
from pal.datasets.arrays import items_of
from pal.errors import InvalidInputError, StoreError
from pal.knowledge import known
from pal.project import NoPage, Page, Project, default_directory
from pal.project.exemplars import diverse
from pal.project.leases import OwnLeases
from pal.project.ledger import Ledger
from pal.project.standing import standing
from pal.store import Answered, Named, Placed, Retracted, fold
from pal.store.events import new_id
from pal.store.fold import to_answers
from pal.votes import pair_key
from tests.store.logs import ITEMS, logs


def three_clumps(n=45, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    return 5.0 * np.eye(3)[labels] + 0.3 * rng.standard_normal((n, 3)), labels


@pytest.fixture
def source(tmp_path):
    x, labels = three_clumps()
    np.savez(tmp_path / "clumps.npz", x=x, y=labels)
    return tmp_path / "clumps.npz"


@pytest.fixture
def project(source):
    with Project.create_or_open(source, page_size=5) as opened:
        yield opened


def reply(project, page, labeler="ann", /, **changes):
    labels, row = project.items.labels, project.items.row
    own = labels[row[page.template.id]]
    values = {
        "labeler": labeler,
        "page": page.id,
        "template": page.template.id,
        "items": tuple(tile.id for tile in page.tiles),
        "relations": tuple(1 if labels[row[tile.id]] == own else -1 for tile in page.tiles),
        "seconds": 2.0,
    }
    return Answered(**values | changes)


def test_what_people_cannot_tell_is_not_asked_for_ever_and_is_counted_at_the_end(source):
    """Of 45 items somebody cannot tell three; pages end, and say how many were not told."""
    with Project.create_or_open(source, page_size=5) as project:
        unclear, shown = {project.items.id[i] for i in (4, 17, 30)}, Counter()
        for _ in range(60):
            project.settle()
            page = project.page("ann")
            if isinstance(page, NoPage):
                break
            said = reply(project, page)
            refused = page.template.id in unclear
            relations = [
                0 if refused or item in unclear else r for item, r in zip(said.items, said.relations, strict=True)
            ]
            shown.update((page.template.id, item) for item, r in zip(said.items, relations, strict=True) if r == 0)
            project.record([replace(said, relations=tuple(relations))])
        assert set(shown.values()) == {1}, "no pair is asked again"
        assert isinstance(page, NoPage)
        assert page.reason.endswith("Not told, and still predicted: 3 (see Review).")


def test_contradictions_are_told_of_at_the_end(project):
    """Nothing is left to ask though one answer contradicts others: the likelier ones count, and the page says so."""
    answer_pages(project, 100)
    a, b = (project.items.id[i] for i in (0, 1))
    project.record([Answered(labeler="ben", page="x", template=a, items=(b,), relations=(1,))])
    answer_pages(project, 100)
    page = project.page("ann")
    assert isinstance(page, NoPage)
    assert page.reason.endswith("contradict one another, and the likelier ones count: look at Review.")
    assert len(settled_groups(project)) == 3


def answer_pages(project, count):
    events = []
    for _ in range(count):
        project.settle()  # the same pages every time
        page = project.page("ann")
        if isinstance(page, NoPage):
            break
        events.append(reply(project, page))
        project.record(events[-1:])
    return events


def settled_groups(project):
    """Groups as sets of names, told or deduced."""
    now = project.standing()
    sure = [{project.items.name[i] for i in now.members(g) if now.source[i] > 0} for g in range(len(now.anchor))]
    return [group for group in sure if group]


def test_labelling_to_the_end(project):
    answer_pages(project, 100)
    page = project.page("ann")
    assert isinstance(page, NoPage)
    assert "Nothing is left" in page.reason
    labels = project.items.labels
    by_class = {frozenset(n for n, y in zip(project.items.name, labels, strict=True) if y == c) for c in range(3)}
    assert {frozenset(group) for group in settled_groups(project)} == by_class
    now = project.progress()
    assert (now.told + now.deduced, now.predicted, now.n_groups, now.n_items) == (45, 0, 3, 45)
    assert now.seconds == 2.0 * now.pages
    assert now.position == now.pages


def test_open_pages_are_disjoint(project):
    pages = [project.page(who) for who in ("ann", "bob", "ann", "cem")]
    shown = [tile.id for page in pages for tile in page.tiles]
    assert len(set(shown)) == len(shown) == 20
    assert len({page.id for page in pages}) == 4


def test_threads_get_disjoint_pages_and_lose_no_answer(project):
    pages = []

    def work(who):
        for _ in range(3):
            page = project.page(who)
            if isinstance(page, Page):
                pages.append(page)
                project.record([reply(project, page, who)])

    threads = [threading.Thread(target=work, args=(f"person {i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    project.settle()
    assert project.progress().pages == len(pages) > 4
    assert {event.page for _, event in project.store.read_after(0)} == {page.id for page in pages}
    assert project.model().position == project.progress().position


def test_no_page_while_all_is_leased(source):
    with Project.create_or_open(source, page_size=100) as project:
        shown: list[str] = []
        while isinstance(page := project.page("ann"), Page):
            shown += [tile.id for tile in page.tiles]
            held = page.id
        assert len(set(shown)) == len(shown) > 40
        assert "answer those first" in project.page("ann", hold=[held]).reason
        assert "open elsewhere" in project.page("bob").reason


def test_people_faster_than_the_model_get_full_pages_of_new_items(project, monkeypatch):
    project.settle()
    monkeypatch.setattr(project._trainer, "wake", lambda: None)
    shown: list[str] = []
    for _ in range(7):
        page = project.page("ann")
        shown += [tile.id for tile in page.tiles]
        project.record([reply(project, page)])
    assert len(shown) == 35
    assert len(set(shown)) > 30  # a few stand for their classes


@pytest.mark.parametrize("note", ["skipped", "unclear"])
def test_a_page_that_is_given_up_holds_nothing(project, note):
    page = project.page("ann")
    project.record([reply(project, page, relations=(0,) * len(page.tiles), note=note)])
    assert project._leases.items() == []
    one, other, kept = (project.page("ann") for _ in range(3))
    project.release([one.id, "unknown", other.id])
    assert project._leases.items() == [tile.id for tile in kept.tiles]


def test_leases_end_and_can_be_renewed():
    now = [0.0]
    leases = OwnLeases(10.0, clock=lambda: now[0])
    assert leases.grant("p", ["a", "b"]) == (10.0, ["a", "b"])
    assert leases.grant("q", ["b", "c"]) == (10.0, ["c"]), "an item is on one open page only"
    now[0] = 8.0
    leases.renew(["p", "unknown"])
    now[0] = 12.0
    assert leases.items() == ["a", "b"]
    leases.renew(["q"])
    assert leases.items() == ["a", "b"], "a lease that ended isn't revived"
    leases.release(["p", "unknown"])
    leases.release(["p"])
    assert leases.items() == []


def test_reopening_gives_the_same_state(source):
    with Project.create_or_open(source, page_size=5) as project:
        answer_pages(project, 6)
        project.rename(project.groups()[0].anchor, " a   name ", "ann")
        project.flag(project.items.id[3], "broken", "ann")
        project.settle()
        before = project.progress(), project.groups()
    with Project.create_or_open(source, page_size=5) as project:
        project.settle()
        assert (project.progress(), project.groups()) == before
        assert "a name" in [group.name for group in project.groups()]


def test_an_answer_sent_twice_counts_once(project):
    event = reply(project, project.page("ann"))
    first = project.record([event])
    assert project.record([event]) == first
    assert project.progress().pages == 1


def test_late_answers_count(project):
    page = project.page("ann")
    answer_pages(project, 3)
    project.record([reply(project, page, "bob", page="a page nobody remembers")])
    assert project.progress().pages == 4


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (Named(labeler="ann", item="f" * 64, name="x"), "no item"),
        (Answered(labeler="ann", page="p", template="f" * 64, items=("e" * 64,), relations=(1,)), "no item"),
        (Retracted(labeler="ann", event="missing"), "no such event"),
    ],
)
def test_bad_events_write_nothing(project, bad, message):
    good = Named(labeler="ann", item=project.items.id[0], name="fine")
    with pytest.raises(InvalidInputError, match=message):
        project.record([good, bad])
    assert project.store.read_after(0) == []


def test_only_ones_own_events_can_be_retracted_and_once(project):
    (event,) = answer_pages(project, 1)
    with pytest.raises(InvalidInputError, match="only ann"):
        project.record([Retracted(labeler="bob", event=event.id)])
    undo = Retracted(labeler="ann", event=event.id)
    project.record([undo])
    with pytest.raises(InvalidInputError, match="can't be retracted"):
        project.record([Retracted(labeler="ann", event=undo.id)])
    assert project.progress().pages == 0


def test_undo_takes_back_the_latest(project):
    one, two = answer_pages(project, 2)
    assert project.undo("ann") == [two]
    assert project.undo("ann") == [one]
    assert project.undo("ann") == []
    assert project.undo("bob") == []
    assert project.progress().answers == 0


def test_flagged_items_are_not_asked_about(project):
    flagged = set(project.items.id[:20])
    for item in flagged:
        project.flag(item, "unsuitable", "ann")
    shown = set()
    for _ in range(30):
        page = project.page("ann")
        if isinstance(page, NoPage):
            break
        shown |= {tile.id for tile in page.tiles}
        project.record([reply(project, page)])
    assert shown
    assert not shown & flagged
    assert project.progress().flagged == 20


def test_skipped_pages_teach_nothing(project):
    page = project.page("ann")
    nothing = (0,) * len(page.tiles)
    project.record([reply(project, page, relations=nothing, note="skipped")])
    assert project.progress().answers == 0
    assert project.progress().told == 0


def test_a_core_that_left_nothing_to_ask_is_not_looked_at_again(source, monkeypatch):
    monkeypatch.setattr(pal.representatives, "N_ALL", 40)
    monkeypatch.setattr(pal.representatives, "N_REPRESENTATIVES", 20)
    looked_at = []

    def oracle(state):
        looked_at.append(state.n_items)
        return [] if state.n_items < 45 else [Question(0, np.flatnonzero(~state.held)[1:3])]

    monkeypatch.setattr("pal.project.paging.get_oracle", lambda _: oracle)
    with Project.create_or_open(source, page_size=5) as project:
        first, second = project.page("ann"), project.page("ben")
        assert not {tile.id for tile in first.tiles} & {tile.id for tile in second.tiles}
        assert looked_at == [20, 45, 45]
        project.record([reply(project, first)])
        project.settle()
        project.page("ann")
        assert looked_at[3] < 45  # the next model's core may leave something


def test_a_template_called_unclear_is_not_shown_again_to_who_said_so(project):
    project.settle()
    page = project.page("ann")
    nothing = (0,) * len(page.tiles)
    project.record([reply(project, page, relations=nothing, note="unclear")])
    seen = []
    for _ in range(3):
        project.settle()
        seen.append(project.page("ann"))
        own = {tile.id for tile in seen[-1].tiles}
        assert seen[-1].template.id not in own | {page.template.id}
    labels, row = project.items.labels, project.items.row
    assert any(labels[row[p.template.id]] == labels[row[page.template.id]] for p in seen), "another of the same group"
    folded = Ledger(project.items, project.store.read_after(0))
    assert folded.unclear("ann") == {project.items.row[page.template.id]}
    assert folded.unclear("bob") == set()
    project.undo("ann")
    assert project._ledger.unclear("ann") == Ledger(project.items, project.store.read_after(0)).unclear("ann") == set()


def test_a_merge_while_a_page_is_open_leaves_its_answer_valid(project):
    """The answer names items: whatever became of their groups meanwhile, it says the same."""
    answer_pages(project, 3)
    project.settle()
    page = project.page("ann")
    a, b = (group.anchor for group in project.groups()[:2])
    project.merge(a, b, "bob")
    event = reply(project, page)
    project.record([event])
    row = project.items.row
    keys = pair_key(len(row), np.full(len(event.items), row[event.template]), np.array([row[i] for i in event.items]))
    counts = project.now().knowledge.votes.look_up(keys)
    said = np.array(event.relations)
    assert (counts.alike[said == 1] >= 1).all()
    assert (counts.unlike[said == -1] >= 1).all()
    assert project.store.read_after(0)[-1][1] == event


def test_names_follow_merges_and_splits(project):
    answer_pages(project, 100)
    a, b, _ = (group.anchor for group in project.groups())
    project.rename(a, "first", "ann")
    project.rename(b, "second", "ann")
    project.place(a, "things", "ann")
    before = settled_groups(project)
    project.merge(a, b, "ann")
    groups = {group.name: group for group in project.groups()}
    assert set(groups) == {"second", None}, "the later name of the two"
    assert groups["second"].parent == "things"
    assert groups["second"].told + groups["second"].deduced == 30
    with pytest.raises(InvalidInputError, match="one group already"):
        project.merge(a, b, "ann")
    project.undo("ann")
    assert sorted(map(sorted, settled_groups(project))) == sorted(map(sorted, before))
    assert {group.name for group in project.groups()} == {"first", "second", None}


def test_split_moves_only_the_selection_and_undo_brings_it_back(project):
    answer_pages(project, 100)
    before = settled_groups(project)
    group = project.groups()[0]
    members = project.members(group.anchor)
    for chosen in (members[:1], members[:4], members[3:9], members[1:]):
        ids = [member.tile.id for member in chosen]
        names = {member.tile.name for member in chosen}
        whole = {member.tile.name for member in members}
        project.split(ids, "ann")
        after = settled_groups(project)
        assert names in after or len(names) == 1
        assert whole - names in after or len(whole - names) == 1
        rest = [g for g in before if g != whole]
        assert all(g in after for g in rest), "other groups stay as they are"
        project.undo("ann")
        assert sorted(map(sorted, settled_groups(project))) == sorted(map(sorted, before))


def test_split_outvotes_what_was_said_before(project):
    answer_pages(project, 100)
    anchor = project.groups()[0].anchor
    other = next(m.tile.id for m in project.members(anchor) if m.source == "told" and m.tile.id != anchor)
    for who in ("ann", "bob", "cem"):
        project.record([Answered(labeler=who, page=new_id(), template=anchor, items=(other,), relations=(1,))])
    made = project.split([other], "ann")
    assert sum(other in (e.template, *e.items) for e in made) >= 5, "four votes that are alike need five against"
    assert other not in [m.tile.id for m in project.members(anchor)]
    project.merge(anchor, other, "ann")
    assert other in [m.tile.id for m in project.members(anchor)]


def test_split_of_predicted_items(project):
    answer_pages(project, 2)
    project.settle()
    group = next(g for g in project.groups() if g.predicted and g.told)
    predicted = [m.tile.id for m in project.members(group.anchor) if m.source == "predicted"][:3]
    project.split(predicted, "ann")
    knowledge = project._ledger.knowledge
    rows = [project.items.row[item] for item in predicted]
    assert len(set(knowledge.group[rows].tolist())) == 1
    assert knowledge.relation(project.items.row[group.anchor], rows).tolist() == [-1] * len(rows)


def test_a_group_nobody_was_asked_about_is_split(project):
    project.settle()
    group = next(g for g in project.groups() if g.predicted > 5 and not g.told + g.deduced)
    others = [m.tile.id for m in project.members(group.anchor) if m.tile.id != group.anchor][:2]
    made = project.split(others, "ann")
    knowledge, row = project._ledger.knowledge, project.items.row
    rows = [row[item] for item in others]
    assert knowledge.relation(row[group.anchor], rows).tolist() == [-1, -1]
    assert knowledge.relation(rows[0], rows[1:]).tolist() == [1]
    assert not set(others) & {m.tile.id for m in project.members(group.anchor)}
    assert sum(len(event.items) for event in made) == 2


def test_split_refuses_nothing_and_everything(project):
    answer_pages(project, 100)
    with pytest.raises(InvalidInputError, match="nothing is selected"):
        project.split([], "ann")
    with pytest.raises(InvalidInputError, match="whole group"):
        project.split([m.tile.id for m in project.members(project.groups()[0].anchor)], "ann")
    with pytest.raises(InvalidInputError, match="no item"):
        project.split(["0" * 64], "ann")


def test_groups_count_every_item_once(project):
    for pages in (0, 2, 4, 100):
        answer_pages(project, pages)
        project.settle()
        groups, now = project.groups(), project.progress()
        for source in ("told", "deduced", "predicted"):
            assert sum(getattr(group, source) for group in groups) == getattr(now, source)
        assert len(groups) == now.n_groups
        assert sum(len(project.members(group.anchor)) for group in groups) == now.told + now.deduced + now.predicted
        for group in groups:
            members = project.members(group.anchor)
            assert [m.source for m in members].count("told") == group.told
            assert {tile.id for tile in group.exemplars} <= {m.tile.id for m in members} - {group.anchor}


def test_pages_show_exemplars_of_the_template(project):
    answer_pages(project, 6)
    page = project.page("ann")
    fellows = {m.tile.id for m in project.members(page.template.id)}
    assert {tile.id for tile in page.exemplars} <= fellows - {page.template.id}
    assert page.expires > time.time()


def test_vectors_alone_are_drawn_and_stay_so_as_the_source_grows(source):
    x, labels = three_clumps()
    with Project.create_or_open(source, page_size=5) as project:
        assert project.items.drawn
        before = [project.thumbnail(item, size) for item in project.items.id[:5] for size in (96, 256)]
    np.savez(source, x=np.vstack([x, 9.0 * x[:20] + 4.0]), y=np.r_[labels, labels[:20]])
    (pictures,) = Path(source.parent).glob("*/thumbnails")
    for kept in pictures.glob("[0-9]*"):
        shutil.rmtree(kept)
    with Project.create_or_open(source, page_size=5) as project:
        assert [project.thumbnail(item, size) for item in project.items.id[:5] for size in (96, 256)] == before


def test_vectors_with_a_table_are_read_and_have_no_thumbnail(source, tmp_path):
    (tmp_path / "x.csv").write_text("note\n" + "\n".join(f"row {i}" for i in range(45)))
    with Project.create_or_open(source, page_size=5, reading=Reading(table=tmp_path / "x.csv")) as project:
        assert not project.items.drawn
        with pytest.raises(InvalidInputError, match="has no picture"):
            project.thumbnail(project.items.id[0], 256)


def test_one_writer(source, project):
    with pytest.raises(StoreError, match="another pal"):
        Project.create_or_open(source)
    with Project.create_or_open(source, read_only=True) as looking:
        assert looking.progress().n_items == 45


def test_a_store_of_another_data_set(source, tmp_path):
    directory = tmp_path / "there"
    Project.create_or_open(source, directory).close()
    x, _ = three_clumps(seed=1)
    np.save(tmp_path / "other.npy", x)
    with pytest.raises(StoreError, match="belongs to another data set"):
        Project.create_or_open(tmp_path / "other.npy", directory)


def test_a_source_may_grow_and_shrink(source, tmp_path):
    x, labels = three_clumps()
    with Project.create_or_open(source, page_size=5) as project:
        answer_pages(project, 3)
        before = project.progress()
    np.savez(source, x=np.vstack([x[:40], x[:10] + 0.01]), y=np.r_[labels[:40], labels[:10]])
    with Project.create_or_open(source, page_size=5) as project:
        assert project.progress().n_items == 50
        assert project.progress().pages == before.pages
        assert len(project._ledger.missing) <= 5
        answer_pages(project, 1)


def test_bad_options(source):
    with pytest.raises(InvalidInputError, match="unknown oracle"):
        Project.create_or_open(source, oracle="delphi")
    before = threading.active_count()
    with pytest.raises(InvalidInputError, match="page size"):
        Project.create_or_open(source, page_size=0)
    assert threading.active_count() <= before, "a project that isn't opened leaves nothing at work"


def test_default_directory(tmp_path, monkeypatch):
    assert default_directory("photos/") == default_directory("photos")
    assert default_directory("/a/photos").as_posix() == "/a/photos.pal"
    assert default_directory("a/x.npz").as_posix() == "a/x.npz.pal"
    monkeypatch.chdir(tmp_path)
    assert default_directory(".") == tmp_path.parent / f"{tmp_path.name}.pal"


# --- parts ---------------------------------------------------------------------------------------------------------


def toy_items():
    items = items_of(np.random.default_rng(0).standard_normal((8, 2)), source="toy")
    return items.__class__("toy", "vector", ITEMS, items.name, items.path, vectors=items.vectors)


@given(logs())
def test_the_ledger_equals_the_fold_event_by_event(log):
    items = toy_items()
    ledger = Ledger(items)
    for position, event in enumerate(log, start=1):
        ledger.add(position, event)
    whole, folded = Ledger(items, enumerate(log, start=1)), fold(log)
    expected = known(len(items), to_answers(folded.answered, items.row))
    for one in (ledger, whole):
        assert tuple(one.answered) == folded.answered
        assert {e.item: e for e in one.names} == dict(folded.names)
        assert {e.item: e for e in one.parents} == dict(folded.parents)
        assert {e.item for e in one.flags} == set(folded.flagged)
        assert one.position == len(log)
        np.testing.assert_array_equal(one.knowledge.group, expected.group)
        np.testing.assert_array_equal(one.knowledge.differing, expected.differing)
        answers = sorted(zip(one.answers.template, one.answers.item, one.answers.relation, strict=True))
        columns = to_answers(folded.answered, items.row)
        assert answers == sorted(zip(columns.template, columns.item, columns.relation, strict=True))


@given(logs(), st.integers(0, 3))
def test_standing_agrees_with_knowledge(log, n_believed):
    from pal.beliefs import Beliefs

    items = toy_items()
    knowledge = Ledger(items, enumerate(log, start=1)).knowledge
    rng = np.random.default_rng(0)
    anchors = rng.choice(8, n_believed, replace=False)
    probability = rng.dirichlet(np.ones(max(n_believed, 1)), 8)[:, :n_believed]
    same = np.zeros((n_believed,) * 2)
    now = standing(knowledge, Beliefs(probability, anchors, np.zeros(8, dtype=np.int8), same, 0.0))
    for i in range(8):
        for j in range(8):
            if knowledge.group[i] == knowledge.group[j] and i != j:
                assert now.label[i] == now.label[j] >= 0
                # Of a group that beliefs hold for part of a larger one, nothing is told.
                assert (now.source[i] > 0) == (now.source[j] > 0)
            elif i != j and now.source[i] > 0 and now.source[j] > 0:
                assert now.label[i] != now.label[j]
    assert len(set(now.label[now.label >= 0].tolist())) == len(now.anchor)
    assert (now.label[now.anchor[: now.n_sure]] == np.arange(now.n_sure)).all()
    predicted = np.flatnonzero((now.source == 0) & (now.label >= 0))
    for i in predicted.tolist():
        assert now.label[i] >= now.n_sure or knowledge.relation(int(now.anchor[now.label[i]]), [i])[0] >= 0
    assert ((now.confidence > 0) == (now.label >= 0)).all()


def test_diverse_exemplars_are_far_apart():
    x = np.array([[0.0], [0.1], [5.0], [5.1], [-3.0]])
    assert diverse(x, np.arange(5), start=0, count=2).tolist() == [3, 4]
    assert diverse(x, np.arange(5), start=0, count=10).tolist()[:2] == [3, 4]
    assert len(diverse(x, np.arange(5), start=0, count=10)) == 4
    assert len(diverse(x, np.array([0]), start=0, count=3)) == 0


def test_placed_groups_show_their_parent(project):
    answer_pages(project, 3)
    anchor = project.groups()[0].anchor
    project.record([Placed(labeler="ann", item=anchor, parent="animals")])
    assert {group.parent for group in project.groups()} == {"animals", None}
