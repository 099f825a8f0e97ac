"""The groups screen's routes: corrections are answers in the log."""

import itertools

import pytest
from posting import answered, checked, send

from pal.project.review import LEAST_SAME
from pal.store.events import Answered, Named, Placed


@pytest.fixture(scope="module")
def labelled(client, project, digit):
    """Eight pages answered rightly."""
    for _ in range(8):
        page = client.get("/api/page").json()["page"]
        assert send(client, answered(page, digit)).status_code == 200
        project.settle()  # the same pages every time
    return project


def groups(client):
    return client.get("/api/groups").json()["groups"]


def test_groups_hold_every_item_once(client, labelled):
    counts = [group["told"] + group["deduced"] + group["predicted"] for group in groups(client)]
    assert sum(counts) == len(labelled.items)
    members = [
        {member["id"] for member in client.get(f"/api/groups/{group['anchor']}/members").json()["members"]}
        for group in groups(client)
    ]
    assert sum(map(len, members)) == len(set.union(*members)) == len(labelled.items)


def test_members_say_where_their_label_comes_from(client, labelled):
    for group in groups(client):
        members = client.get(f"/api/groups/{group['anchor']}/members").json()["members"]
        for source in ("told", "deduced", "predicted"):
            assert sum(member["source"] == source for member in members) == group[source]
        assert all(0 <= member["probability"] <= 1 for member in members)


def test_rename(client, labelled, log):
    anchor = groups(client)[0]["anchor"]
    assert client.post("/api/groups/rename", json={"anchor": anchor, "name": "zero"}).status_code == 200
    assert next(group for group in groups(client) if group["anchor"] == anchor)["name"] == "zero"
    assert [type(event) for event in log()] == [Named]


def test_merge_is_one_answer(client, labelled, log):
    before = groups(client)
    a, b = before[0]["anchor"], before[1]["anchor"]
    members = {
        member["id"]
        for member in client.get(f"/api/groups/{b}/members").json()["members"]
        if member["source"] != "predicted"
    }
    reply = client.post("/api/groups/merge", json={"a": a, "b": b})
    assert reply.status_code == 200, reply.text
    labelled.settle()
    after = groups(client)
    assert not {a, b} <= {group["anchor"] for group in after}
    assert {type(event) for event in log()} == {Answered}
    (merged,) = [
        group
        for group in after
        if a in {member["id"] for member in client.get(f"/api/groups/{group['anchor']}/members").json()["members"]}
    ]
    assert members <= {
        member["id"] for member in client.get(f"/api/groups/{merged['anchor']}/members").json()["members"]
    }


def test_split_moves_the_selection_and_nothing_else(client, labelled, log):
    group = max(groups(client), key=lambda one: one["told"] + one["deduced"])
    members = client.get(f"/api/groups/{group['anchor']}/members").json()["members"]
    known = [member["id"] for member in members if member["source"] != "predicted" and member["id"] != group["anchor"]]
    moved, stay = known[:2], {*known[2:], group["anchor"]}
    reply = client.post("/api/groups/split", json={"items": moved, "name": "other"})
    assert reply.status_code == 200, reply.text
    assert reply.json()["events"] == [event.id for event in log()]  # with the name: all can be taken back
    labelled.settle()
    by_name = {one["name"]: one for one in groups(client)}
    now = {member["id"] for member in client.get(f"/api/groups/{by_name['other']['anchor']}/members").json()["members"]}
    assert set(moved) <= now
    assert not stay & now


def test_a_group_goes_under_a_parent_and_out_again(client, labelled, log):
    anchor = groups(client)[0]["anchor"]
    for parent in ("  even   numbers ", ""):
        assert client.post("/api/groups/place", json={"anchor": anchor, "parent": parent}).status_code == 200
        placed = next(group for group in groups(client) if group["anchor"] == anchor)
        assert placed["parent"] == " ".join(parent.split())
    assert [type(event) for event in log()] == [Placed, Placed]


def test_groups_that_are_only_predicted_have_exemplars_of_their_own(client, labelled):
    for group in groups(client):
        shown = [tile["id"] for tile in group["exemplars"]]
        members = {member["id"] for member in client.get(f"/api/groups/{group['anchor']}/members").json()["members"]}
        assert shown[0] == group["anchor"]
        assert set(shown) <= members
        assert len(shown) == min(5, len(members))


def test_what_speaks_against_a_merge_are_the_answers_across(client, labelled):
    digit_groups = groups(client)
    row, group = labelled.items.row, labelled.now().knowledge.group
    seen = 0
    for one, other in itertools.combinations([group["anchor"] for group in digit_groups], 2):
        found = client.get("/api/groups/against", params={"a": one, "b": other}).json()
        across = {
            frozenset((event.template, item))
            for event in labelled.now().answered
            for item, relation in zip(event.items, event.relations, strict=True)
            if relation < 0 and {group[row[event.template]], group[row[item]]} == {group[row[one]], group[row[other]]}
        }
        agreed = {pair for pair in across if net(labelled, pair) < 0}
        assert found["count"] == len(agreed)
        assert {frozenset((pair["a"]["id"], pair["b"]["id"])) for pair in found["pairs"]} <= agreed
        assert all(any(vote["relation"] < 0 for vote in pair["votes"]) for pair in found["pairs"])
        seen += len(agreed)
    assert seen


def net(project, pair):
    return sum(
        relation
        for event in project.now().answered
        for item, relation in zip(event.items, event.relations, strict=True)
        if {event.template, item} == pair
    )


def test_possibly_the_same_are_open_questions_between_groups(client, labelled):
    pairs = client.get("/api/groups/same").json()["pairs"]
    anchors = {group["anchor"] for group in groups(client)}
    for pair in pairs:
        assert {pair["a"]["id"], pair["b"]["id"]} <= anchors
        assert pair["votes"] == []
        assert LEAST_SAME <= pair["probability"] <= 1
    assert sorted((pair["probability"] for pair in pairs), reverse=True) == [pair["probability"] for pair in pairs]
    for pair, relation in zip(pairs, itertools.cycle((-1, 0))):  # an answer settles it, and it isn't asked again
        event = checked(pair["a"]["id"], pair["b"]["id"], relation)
        before = client.get("/api/progress").json()["pages"]
        assert send(client, event).json()["progress"]["pages"] == before  # a check is no page
        again = client.get("/api/groups/same").json()["pairs"]
        assert {pair["a"]["id"], pair["b"]["id"]} not in [{one["a"]["id"], one["b"]["id"]} for one in again]


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("place", {"anchor": "0" * 64, "parent": "x"}),
        ("place", {"anchor": "0" * 64}),
        ("rename", {"anchor": "0" * 64, "name": "x"}),
        ("rename", {"anchor": "nobody", "name": "x"}),
        ("merge", {"a": "0" * 64, "b": "1" * 64}),
        ("split", {"items": []}),
        ("split", {"items": ["0" * 64]}),
        ("split", {}),
    ],
)
def test_nonsense_is_refused(client, route, body):
    reply = client.post(f"/api/groups/{route}", json=body)
    assert reply.status_code == 422
    assert isinstance(reply.json()["detail"], str)


def test_members_of_no_group(client):
    assert client.get(f"/api/groups/{'0' * 64}/members").status_code in (404, 422)


def test_nothing_speaks_against_strangers(client):
    assert client.get("/api/groups/against", params={"a": "0" * 64, "b": "1" * 64}).status_code == 404
    assert client.get("/api/groups/against", params={"a": "x", "b": "1" * 64}).status_code == 422
