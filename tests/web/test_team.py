"""The team's routes: links, roles, the rule, gold; and attacks on them by those who aren't administrators."""

from contextlib import ExitStack

import pytest
from posting import answered, new_id, send
from starlette.testclient import TestClient

from pal.project.settings import RULE, Settings
from pal.store.accounts import Accounts
from pal.store.webhooks import Webhooks
from pal.web.app import create_app

TOKEN = "a-token-that-is-long-enough"
BASE = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def app(project):
    return create_app(project, token=TOKEN, accounts=Accounts(project.store))


@pytest.fixture(scope="module")
def owner(app):
    with TestClient(app, base_url=BASE) as made:
        assert made.get("/", params={"token": TOKEN}).status_code == 200
        yield made


@pytest.fixture
def browser(app):
    """Open another browser, signed out."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(TestClient(app, base_url=BASE, follow_redirects=False))


@pytest.fixture
def signed_in(owner, browser):
    """Browser of a person whom the owner invited on the page."""

    def make(name, role="annotator", by=None):
        made = browser()
        reply = (by or owner).post("/api/team/invite", json={"name": name, "role": role})
        assert reply.status_code == 200, reply.text
        text = reply.json()["link"].removeprefix("/?invite=")
        assert made.post("/api/join", json={"invite": text}).status_code == 200
        return made

    return make


def account(client, name):
    return next(one for one in client.get("/api/team").json()["accounts"] if one["name"] == name)


def refused(reply, words=""):
    assert reply.status_code == 422, reply.text
    assert words in reply.json()["detail"]


def test_an_invitation_made_on_the_page_signs_in_with_its_role(owner, browser, signed_in):
    ann = signed_in("Ann", "reviewer")
    assert ann.get("/api/groups").status_code == 200
    assert account(owner, "Ann") == {"name": "Ann", "role": "reviewer", "invited": False, "me": False}
    reply = owner.post("/api/team/invite", json={"name": "Ann", "role": "reviewer"}).json()
    assert account(owner, "Ann")["invited"]
    assert (reply["role"], reply["days"]) == ("reviewer", 7)
    link = reply["link"]
    assert owner.post("/api/team/withdraw", json={"name": "Ann"}).status_code == 200
    assert browser().post("/api/join", json={"invite": link.removeprefix("/?invite=")}).status_code == 403
    assert ann.get("/api/groups").status_code == 200, "who is signed in stays"


def test_a_role_and_an_account_end_at_once(owner, signed_in):
    ben = signed_in("Ben", "administrator")
    assert ben.get("/api/team").status_code == 200
    assert owner.post("/api/team/role", json={"name": "Ben", "role": "annotator"}).status_code == 200
    assert ben.get("/api/team").status_code == 403
    assert ben.get("/api/progress").status_code == 200
    assert owner.post("/api/team/remove", json={"name": "Ben"}).status_code == 200
    assert ben.get("/api/progress").status_code == 401


CHANGES = {
    "/api/team/invite": {"name": "Mallory", "role": "administrator"},
    "/api/team/role": {"name": "Eve", "role": "administrator"},
    "/api/team/withdraw": {"name": "Eve"},
    "/api/team/remove": {"name": "Eve"},
    "/api/team/settings": {"rule": "mine"},
    "/api/team/gold": {"item": "0" * 64},
}


@pytest.mark.parametrize("role", ["annotator", "reviewer"])
def test_only_administrators(owner, signed_in, project, log, role):
    eve = signed_in("Eve", role)
    before = owner.get("/api/team").json()
    for path, body in CHANGES.items():
        assert eve.post(path, json=body).status_code == 403, path
        assert eve.post(f"{path}/", json=body).status_code in (403, 404, 405)
        assert eve.post(path.upper(), json=body).status_code in (403, 404, 405)
    assert {eve.get(path).status_code for path in ("/team", "/api/team", "/team/", "/api/team/gold")} <= {403, 404}
    assert owner.get("/api/team").json() == before
    assert log() == []


@pytest.mark.parametrize("word", ["gold", "import"])
def test_gold_does_not_come_in_through_the_door_for_answers(signed_in, digit, log, word):
    rae = signed_in("Rae", "reviewer")
    page = rae.get("/api/page").json()["page"]
    assert send(rae, answered(page, digit) | {"page": word}).status_code == 403
    assert log() == []


def test_nobody_locks_themselves_out_or_takes_a_name(owner, signed_in):
    chief = signed_in("Chief", "administrator")
    for path in ("/api/team/remove", "/api/team/role", "/api/team/invite"):
        refused(chief.post(path, json={"name": "Chief", "role": "annotator"} if "remove" not in path else
                           {"name": "Chief"}), "own")  # fmt: skip
    refused(owner.post("/api/team/invite", json={"name": " Person ", "role": "reviewer"}), "own name or")
    refused(owner.post("/api/team/invite", json={"name": "CHIEF", "role": "reviewer"}), "Chief")
    refused(owner.post("/api/team/invite", json={"name": "a\u202eb"}), "printable")
    refused(owner.post("/api/team/remove", json={"name": "nobody"}), "no account")
    refused(owner.post("/api/team/role", json={"name": "nobody", "role": "reviewer"}), "no account")
    refused(owner.post("/api/team/withdraw", json={"name": "nobody"}), "no account")


def test_a_name_that_an_owner_has_cannot_be_taken_by_another_administrator(signed_in):
    """Answers are logged by name: an account called like the owner could take the owner's answers back."""
    chief = signed_in("Chief", "administrator")
    refused(chief.post("/api/team/invite", json={"name": "person"}), "name")


def test_the_rule_is_everybodys_at_once(owner, signed_in, project):
    ann = signed_in("Ann")
    assert RULE.split(".")[0] in ann.get("/").text
    reply = owner.post("/api/team/settings", json={"rule": " Same <b>bird</b>?  Say so. "})
    others = {"gold": 0.2, "second": 0.1, "target": 0.98, "classes": []}
    assert reply.json() == {"rule": "Same <b>bird</b>? Say so."} | others
    assert "Same &lt;b&gt;bird&lt;/b&gt;? Say so." in ann.get("/").text
    assert "<b>bird" not in ann.get("/").text
    for wrong in ({"rule": " "}, {"rule": "x" * 501}, {"gold": 2}, {"second": -1}, {"target": 1}):
        assert owner.post("/api/team/settings", json=wrong).status_code == 422, wrong
    assert owner.post("/api/team/settings", json={"gold": 0.5}).json()["rule"] == "Same <b>bird</b>? Say so."
    project.settings.set(Settings())


@pytest.mark.slow
def test_gold_is_marked_and_seen_by_administrators_only(owner, signed_in, project, digit, monkeypatch):
    monkeypatch.setattr("pal.project.checking._SPARE", 0.0)
    for _ in range(4):
        assert send(owner, answered(owner.get("/api/page").json()["page"], digit)).status_code == 200
    project.settle()
    now = project.standing()
    row = next(i for i in range(1797) if now.source[i] > 0 and i not in now.anchor)
    item = project.items.id[row]
    assert owner.post("/api/team/gold", json={"item": item}).status_code == 200
    refused(owner.post("/api/team/gold", json={"item": item}), "already")
    refused(owner.post("/api/team/gold", json={"item": "0" * 64}), "no item")
    assert [tile["id"] for tile in owner.get("/api/team").json()["gold"]] == [item]
    project.settings.set(Settings(gold=1.0))
    rae, seen = signed_in("Rae", "reviewer"), []
    for _ in range(20):
        page = rae.get("/api/page").json().get("page")
        if page is None:
            break
        assert "gold" not in str(page)
        seen += [tile["id"] for tile in page["tiles"]]
        send(rae, answered(page, digit))
        project.settle()
    assert item in seen
    for path in (f"/api/items/{item}", "/api/review", "/api/groups", "/api/map"):
        assert "gold" not in rae.get(path).text, path
    people = {person["labeler"]: person for person in rae.get("/api/report").json()["people"]}
    assert (people["Rae"]["gold"], people["Rae"]["gold_asked"] > 0) == (1.0, True)
    chief = signed_in("Chief", "administrator")
    refused(chief.post("/api/team/gold", json={"item": item, "gold": False}), "only who marked")
    assert owner.post("/api/team/gold", json={"item": item, "gold": False}).status_code == 200
    assert owner.get("/api/team").json()["gold"] == []
    project.settings.set(Settings())


def test_webhooks_are_shown_without_their_secrets(owner, project):
    hook = Webhooks(project.store).add("https://example.org/hook")
    reply = owner.get("/api/team")
    assert reply.json()["webhooks"] == [{"url": hook.url, "kinds": list(hook.kinds), "said": ""}]
    assert hook.secret not in reply.text
    Webhooks(project.store).remove(hook.url)


def test_the_start_screen_comes_once_an_account(signed_in, owner, project):
    ann, ben = signed_in("Ann Two"), signed_in("Ben Two")
    for who in (ann, ben):
        assert "data-new" in who.get("/").text
        assert "data-new" in who.get("/").text, "looking at it isn't reading it"
    assert ann.post("/api/welcomed", json={}).json() == {"name": "Ann Two"}
    assert "data-new" not in ann.get("/").text
    assert "data-new" in ben.get("/").text
    assert ann.post("/api/welcomed", json={}).status_code == 200
    assert 'id="help"' in ann.get("/").text, "and at any time by ?"


def test_naming_is_hidden_from_those_who_may_not_name(signed_in, project, log):
    ann, rae = signed_in("Ann Three"), signed_in("Rae Three", "reviewer")
    for part in ('id="name-button"', "name this group", 'id="naming"'):
        assert part not in ann.get("/").text, part
        assert part in rae.get("/").text, part
    named = {"kind": "named", "id": new_id(), "time": 1.0, "item": project.items.id[0], "name": "x"}
    assert send(ann, named).status_code == 403


def test_what_a_browser_keeps_is_apart_for_each_account(signed_in, owner):
    def space(client):
        text = client.get("/").text
        return text.split('data-account="')[1].split('"')[0]

    ann = signed_in("Ann Four")
    found = [space(ann), space(signed_in("Ben Four")), space(owner)]
    assert len(set(found)) == 3
    assert space(owner) == ""
    assert space(ann) == found[0]


def test_a_server_without_accounts_says_so(project):
    with TestClient(create_app(project, token=None), base_url=BASE) as client:
        assert client.get("/api/team").json()["accounts"] == []
        assert client.post("/api/team/invite", json={"name": "Ann"}).status_code == 404


def test_nobody_can_be_called_like_an_import(owner):
    refused(owner.post("/api/team/invite", json={"name": "Import labels.csv"}), "imports")


@pytest.mark.parametrize("text", ["a\\u0000b", "\\ud800", "a\\nb", ""])
def test_texts_that_no_store_takes_are_refused(owner, text):
    for path, field in (
        ("invite", "name"),
        ("role", "name"),
        ("withdraw", "name"),
        ("remove", "name"),
        ("settings", "rule"),
    ):
        body = f'{{"{field}": "{text}"}}'
        reply = owner.post(f"/api/team/{path}", content=body, headers={"content-type": "application/json"})
        assert reply.status_code in (400, 422), path
