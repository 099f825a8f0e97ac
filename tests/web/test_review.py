"""The review and item screens' routes: contradictions, disagreements, doubt, audits, and answers behind a label."""

import time

import pytest
from posting import answered, checked, new_id, send

from pal.project.auditing import audit_queue, audited
from pal.project.review import predicted
from pal.store.events import Answered


@pytest.fixture(scope="module")
def labelled(client, project, digit):
    for _ in range(8):
        page = client.get("/api/page").json()["page"]
        assert send(client, answered(page, digit)).status_code == 200
        project.settle()  # the same pages every time
    return project


@pytest.fixture
def other(labelled):
    """Record as somebody else does."""
    return lambda template, item, relation: labelled.record(
        [Answered(labeler="bob", page="p", template=template, items=(item,), relations=(relation,))]
    )


def review(client):
    reply = client.get("/api/review")
    assert reply.status_code == 200
    return reply.json()


def ends(pair):
    return {pair["a"]["id"], pair["b"]["id"]}


def three(project):
    """Three items that no answer names."""
    asked = {i for event in project.now().answered for i in (event.template, *event.items)}
    return [item for item in project.items.id if item not in asked][:3]


def test_a_contradiction_shows_its_circle_and_goes_when_the_weakest_link_does(client, labelled):
    a, b, c = three(labelled)
    assert review(client)["contradictions"] == []
    send(client, checked(a, b, 1), checked(b, c, 1), checked(b, c, 1), checked(a, c, -1), checked(a, c, -1))
    (found,) = review(client)["contradictions"]
    assert ends(found["pair"]) == {a, c}
    assert [ends(link) for link in found["chain"]] in ([{a, b}, {b, c}], [{b, c}, {a, b}])
    weakest = found["chain"][found["weakest"]]
    assert ends(weakest) == {a, b}  # one vote against two
    assert [vote["labeler"] for vote in weakest["votes"]] == ["person"]
    send(client, checked(a, b, -1))
    assert review(client)["contradictions"] == []


def test_the_pair_itself_is_asked_when_every_link_is_stronger(client, labelled):
    a, b, c = three(labelled)
    send(client, *(checked(*pair, 1) for pair in [(a, b), (b, c)] * 2), checked(a, c, -1))
    (found,) = review(client)["contradictions"]
    assert found["weakest"] is None
    send(client, checked(a, c, 1))
    assert review(client)["contradictions"] == []


def test_disagreements_are_votes_both_ways(client, labelled, other):
    a, b, _ = three(labelled)
    send(client, checked(a, b, 1))
    before = [ends(pair) for pair in review(client)["disagreements"]]
    assert {a, b} not in before
    other(a, b, -1)
    found = next(pair for pair in review(client)["disagreements"] if ends(pair) == {a, b})
    assert {(vote["labeler"], vote["relation"]) for vote in found["votes"]} == {("person", 1), ("bob", -1)}
    other(b, a, -1)
    other(a, b, -1)  # three to one
    assert {a, b} not in [ends(pair) for pair in review(client)["disagreements"]]


def test_what_a_correction_settled_is_no_disagreement(client, labelled):
    a, b, _ = three(labelled)
    send(client, checked(a, b, 1))
    assert client.post("/api/groups/split", json={"items": [b]}).status_code == 200
    assert {a, b} not in [ends(pair) for pair in review(client)["disagreements"]]


def test_doubtful_items_are_predicted_and_least_sure_first(client, labelled):
    labelled.settle()
    pairs = review(client)["doubtful"]
    assert pairs
    assert [pair["probability"] for pair in pairs] == sorted(pair["probability"] for pair in pairs)
    now, row = labelled.standing(), labelled.items.row
    for pair in pairs:
        at = row[pair["b"]["id"]]
        assert now.source[at] == 0
        assert now.anchor[now.label[at]] == row[pair["a"]["id"]]
        assert pair["group_b"] == ""  # the prediction isn't shown to who is to judge it


def test_a_pair_that_somebody_could_not_tell_isnt_put_forward_again(client, labelled):
    labelled.settle()
    first = review(client)["doubtful"][0]
    send(client, checked(first["a"]["id"], first["b"]["id"], 0))
    labelled.settle()
    assert ends(first) not in [ends(pair) for pair in review(client)["doubtful"]]


def test_what_people_could_not_tell_is_shown_until_somebody_can(client, labelled):
    labelled.settle()
    assert review(client)["untold"] == []
    now, item = labelled.now(), labelled.items.id
    target = next(i for i in predicted(labelled.items, now).tolist() if not now.knowledge.n_told[i])
    one, other, *_ = (item[i] for i in now.standing.anchor.tolist())
    send(client, checked(one, item[target], 0), checked(other, item[target], 0))
    (pair,) = review(client)["untold"]
    now = labelled.now()
    assert (pair["a"]["id"], pair["b"]["id"]) == (item[now.standing.anchor[now.standing.label[target]]], item[target])
    send(client, checked(pair["a"]["id"], item[target], 1))
    assert review(client)["untold"] == []


def test_the_audit_is_drawn_once_and_asks_each_item_once(client, labelled):
    first = review(client)["audit"]
    assert [pair["b"]["id"] for pair in review(client)["audit"]] == [pair["b"]["id"] for pair in first]
    item = first[0]["b"]["id"]
    pages = client.get("/api/progress").json()["pages"]
    reply = send(client, checked(first[0]["a"]["id"], item, 1, page="audit"))
    assert reply.json()["progress"]["pages"] == pages
    left = [pair["b"]["id"] for pair in review(client)["audit"]]
    assert item not in left
    assert left[: len(first) - 1] == [pair["b"]["id"] for pair in first[1:]]


def test_the_audit_is_drawn_evenly(labelled):
    """The order has nothing to do with confidence: among the first 300 the doubtful half has about half."""
    now = labelled.now()
    rows = predicted(labelled.items, now)
    median = sorted(now.standing.confidence[rows])[len(rows) // 2]
    drawn = audit_queue(labelled.items, now, limit=300)
    share = sum(pair.probability < median for pair in drawn) / len(drawn)
    assert 0.35 < share < 0.65  # five standard deviations


def test_an_item_has_every_answer_about_it(client, labelled):
    event = next(event for event in labelled.now().answered if len(event.items) > 5)
    for item in (event.template, event.items[0]):
        shown = client.get(f"/api/items/{item}").json()
        said = {vote["event"] for pair in shown["pairs"] for vote in pair["votes"]}
        assert said == {e.id for e in labelled.now().answered if item == e.template or item in e.items}
        assert all(pair["a"]["id"] == item for pair in shown["pairs"])


def test_a_deduced_label_shows_the_chain_to_its_anchor(client, labelled):
    a, b, c = three(labelled)
    anchor = labelled.items.id[labelled.standing().anchor[0]]
    send(client, checked(a, anchor, 1), checked(b, a, 1))
    shown = client.get(f"/api/items/{b}").json()
    assert shown["source"] == "deduced"
    assert shown["anchor"]["id"] == anchor
    assert [ends(link) for link in shown["chain"]] == [{a, b}, {a, anchor}]
    assert client.get(f"/api/items/{a}").json()["source"] == "told"
    assert client.get(f"/api/items/{c}").json()["pairs"] == []


def test_confirm_not_this_flag_and_retract(client, labelled):
    item = review(client)["audit"][-1]["b"]["id"]
    shown = client.get(f"/api/items/{item}").json()
    assert shown["source"] == "predicted"
    confirmed = checked(shown["anchor"]["id"], item, 1)
    send(client, confirmed)
    assert client.get(f"/api/items/{item}").json()["source"] == "told"
    retracted = {"kind": "retracted", "id": new_id(), "time": time.time(), "event": confirmed["id"]}
    assert send(client, retracted).status_code == 200
    assert client.get(f"/api/items/{item}").json()["source"] == "predicted"
    anchor = shown["anchor"]["id"]
    assert client.post("/api/groups/split", json={"items": [item]}).status_code == 200
    assert client.get(f"/api/items/{item}").json()["anchor"] != {"id": anchor}
    label = labelled.standing().label  # once: a model that comes in between numbers groups anew
    assert label[labelled.items.row[item]] != label[labelled.items.row[anchor]]
    client.post("/api/flag", json={"item": item})
    (flag,) = client.get(f"/api/items/{item}").json()["flags"]
    assert (flag["labeler"], flag["reason"]) == ("person", "unsuitable")


def test_nobody_takes_back_what_somebody_else_said(client, labelled, other):
    a, b, _ = three(labelled)
    other(a, b, 1)
    vote = client.get(f"/api/items/{a}").json()["pairs"][0]["votes"][0]
    assert vote["labeler"] == "bob"
    retracted = {"kind": "retracted", "id": new_id(), "time": time.time(), "event": vote["event"]}
    assert send(client, retracted).status_code == 422
    assert client.get(f"/api/items/{a}").json()["source"] != ""


@pytest.mark.parametrize(("item", "status"), [("0" * 64, 404), ("x" * 64, 422), ("..%2f..%2fetc%2fpasswd", 404)])
def test_no_such_item(client, item, status):
    assert client.get(f"/api/items/{item}").status_code == status


def test_what_an_audit_finds_different_is_asked_about_beside_another_one(client, labelled):
    stands, row = labelled.standing(), labelled.items.row
    several = {g for g in range(len(stands.anchor)) if ((stands.label == g) & (stands.source > 0)).sum() > 1}
    first = next(pair for pair in review(client)["audit"] if int(stands.label[row[pair["a"]["id"]]]) in several)
    item, anchor = first["b"]["id"], first["a"]["id"]
    before = audited(labelled.now())
    send(client, checked(anchor, item, -1, page="audit"))
    assert (audited(labelled.now()).right, audited(labelled.now()).asked) == (before.right, before.asked + 1)
    send(client, checked(anchor, item, 1, page="audit"))  # the same question again is no second look
    assert audited(labelled.now()).right == before.right
    again = review(client)["audit"][0]
    now, member = labelled.now(), labelled.items.row[again["a"]["id"]]
    assert again["b"]["id"] == item
    assert again["a"]["id"] not in (anchor, item)
    assert again["group_b"] == ""
    assert now.standing.source[member] > 0
    assert now.standing.label[member] == now.standing.label[labelled.items.row[anchor]]
    for relation, right in ((-1, 0), (0, 0), (1, 1)):
        said = checked(again["a"]["id"], item, relation, page="audit")
        send(client, said)
        assert audited(labelled.now()).right == before.right + right
        assert audited(labelled.now()).asked == before.asked + 1
        assert item not in [pair["b"]["id"] for pair in review(client)["audit"]]
        send(client, {"kind": "retracted", "id": new_id(), "time": time.time(), "event": said["id"]})
        assert review(client)["audit"][0] == again
