"""Attacks on accounts: links, roles, cookies and other people's answers."""

import re
import time
from contextlib import ExitStack

import pytest
from posting import answered, new_id, send
from starlette.testclient import TestClient

from pal.errors import InvalidInputError
from pal.store.accounts import ROLES, Account, Accounts
from pal.store.sql import SqlStore
from pal.web.app import create_app
from pal.web.invitations import DAYS, Invitations
from pal.web.pages import SCREENS
from pal.web.roles import needed
from pal.web.sessions import INVITE_KEY, Sessions, load_secret

TOKEN = "a-token-that-is-long-enough"
BASE = "http://127.0.0.1:8000"
CHANGES = {
    "/api/groups/rename": lambda item: {"anchor": item, "name": "x"},
    "/api/groups/place": lambda item: {"anchor": item, "parent": "x"},
    "/api/groups/merge": lambda item: {"a": item, "b": item},
    "/api/groups/split": lambda item: {"items": [item]},
}


@pytest.fixture(scope="module")
def accounts(project):
    return Accounts(project.store)


@pytest.fixture(scope="module")
def app(project, accounts):
    return create_app(project, token=TOKEN, accounts=accounts)


@pytest.fixture
def browser(app):
    """Open another browser, signed out."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(TestClient(app, base_url=BASE, follow_redirects=False))


@pytest.fixture
def link(project, accounts):
    """What stands behind ?invite= for a person in a role."""

    def make(name, role):
        account, word = accounts.invite(name, role)
        return Invitations(load_secret(project.directory / INVITE_KEY)).sign(account.key, word)

    return make


@pytest.fixture
def signed_in(browser, link):
    """Browser of a person in a role."""

    def make(name, role="annotator"):
        made = browser()
        reply = join(made, link(name, role))
        assert reply.status_code == 200
        assert reply.json() == {"name": name, "role": role}
        return made

    return make


def join(client, text):
    return client.post("/api/join", json={"invite": text})


def test_a_link_signs_one_browser_in_and_names_its_answers(signed_in, digit, log):
    ann = signed_in("Ann")
    page = ann.get("/api/page").json()["page"]
    assert send(ann, answered(page, digit)).status_code == 200
    assert [event.labeler for event in log()] == ["Ann"]


def test_looking_at_a_link_does_not_spend_it(browser, link):
    text = link("Ben", "annotator")
    for _ in range(2):
        reply = browser().get("/", params={"invite": text})
        assert (reply.status_code, "set-cookie" in reply.headers) == (200, False)
        assert "join.js" in reply.text
    assert join(browser(), text).status_code == 200


def test_a_link_works_once(browser, link):
    text = link("Ben", "annotator")
    assert join(browser(), text).status_code == 200
    reply = join(browser(), text)
    assert (reply.status_code, "set-cookie" in reply.headers) == (403, False)


def test_a_new_link_ends_the_one_before(browser, link):
    old, new = link("Cem", "reviewer"), link("Cem", "reviewer")
    assert join(browser(), old).status_code == 403
    assert join(browser(), new).status_code == 200


def test_forged_and_changed_links(browser, link, accounts, tmp_path):
    account, word = accounts.invite("Dee", "annotator")
    good = link("Eve", "annotator")
    body, rest = good.split(".", 1)
    for bad in (
        Invitations(b"x" * 32).sign(account.key, word),
        Invitations(load_secret(tmp_path / "other.key")).sign(account.key, word),  # another project's
        Invitations(b"").sign(account.key, word),
        good[:-2] + ("A" if good[-2] != "A" else "B") + good[-1],  # the last one ends in bits that say nothing
        Invitations(b"x" * 32).sign(account.key, word).split(".", 1)[0] + "." + rest,
        body,
        "",
        "null",
    ):
        assert join(browser(), bad).status_code == 403, bad
    for nonsense in ([good], {"a": good}, 7, None):
        assert join(browser(), nonsense).status_code == 403
    for body in ([], "x", {}, {"word": good}):
        assert browser().post("/api/join", json=body).status_code == 422
    assert join(browser(), good).status_code == 200


def test_a_signature_for_something_else_is_no_link(project, browser, accounts):
    """The key signs nothing else that could be passed off as a link."""
    account, word = accounts.invite("Eve", "annotator")
    from itsdangerous import URLSafeTimedSerializer

    key = load_secret(project.directory / INVITE_KEY)
    assert join(browser(), URLSafeTimedSerializer(key).dumps([account.key, word])).status_code == 403
    cookie = Sessions(load_secret(project.directory / "session.key")).issue(account.key)
    assert join(browser(), cookie).status_code == 403


def test_a_link_ends(browser, link, monkeypatch):
    text = link("Fay", "annotator")
    now = time.time()
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now + DAYS * 24 * 3600 + 5)
    assert join(browser(), text).status_code == 403
    monkeypatch.undo()
    assert join(browser(), text).status_code == 200


def test_another_site_cannot_sign_somebody_in(browser, link):
    text = link("Gil", "annotator")
    client = browser()
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert client.post("/api/join", json={"invite": text}, headers=headers).status_code == 403
    assert (
        client.post("/api/join", content=b'{"invite": "x"}', headers={"content-type": "text/plain"}).status_code == 415
    )


def test_nothing_without_an_account(browser):
    for place in ("/", "/groups", "/api/page", "/api/groups", "/api/join", "/export"):
        assert browser().get(place).status_code == 401, place
    assert browser().get("/", params={"invite": "x"}).status_code == 200  # the page with the button, no more
    assert browser().get("/groups", params={"invite": "x"}).status_code == 401
    assert browser().get("/static/join.js").status_code == 200


def test_cookies_made_up_for_an_account_are_worth_nothing(browser, accounts, app):
    account, _ = accounts.invite("Hal", "administrator")
    ours = next(m.kwargs["cookie"] for m in app.user_middleware if "cookie" in m.kwargs)
    good = Sessions(b"x" * 32).issue(account.key)
    for value in (good, good.replace(account.key, ""), f"99999999999.aa.{account.key}.{'0' * 64}"):
        assert browser().get("/api/page", headers={"cookie": f"{ours}={value}"}).status_code == 401


def test_a_cookie_cannot_be_turned_into_another_persons(signed_in, accounts, browser, app):
    """Neither another's key nor no key at all, which would be the owner's."""
    ivy = signed_in("Ivy")
    chief, _ = accounts.invite("Chief", "administrator")
    name, value = next(iter(ivy.cookies.items()))
    expires, nonce, key, mac = value.split(".")
    for made in (f"{expires}.{nonce}.{chief.key}.{mac}", f"{expires}.{nonce}.{mac}", f"{expires}.{nonce}..{mac}"):
        assert browser().get("/api/progress", headers={"cookie": f"{name}={made}"}).status_code == 401
    assert key != chief.key


def test_annotators_cannot_correct_or_see_review(signed_in, project, log):
    ann = signed_in("Ann")
    item = project.items.id[0]
    for place, body in CHANGES.items():
        assert ann.post(place, json=body(item)).status_code == 403, place
    for place in ("/groups", "/review", "/map", "/progress", "/item", "/export", "/api/groups", "/api/openapi.json"):
        assert ann.get(place).status_code == 403, place
        assert ann.get(place, headers={"accept": "text/html"}).status_code == 403
        assert ann.get(f"/.{place}").status_code in (403, 404)
        assert ann.get(place + "/").status_code in (403, 404)
    assert log() == []


def test_annotators_cannot_correct_through_the_door_for_answers(signed_in, project, digit, log):
    ann = signed_in("Ann")
    page = ann.get("/api/page").json()["page"]
    item = project.items.id[0]
    name = {"kind": "named", "id": new_id(), "time": 1.0, "item": item, "name": "mine"}
    for sneaky in (name, *(answered(page, digit) | {"page": word} for word in ("merge", "split", "check", "audit"))):
        assert send(ann, sneaky).status_code == 403
        assert send(ann, answered(page, digit), sneaky).status_code == 403, "all or none"
    assert log() == []
    assert send(signed_in("Rae", "reviewer"), name).status_code == 200


def test_nobody_says_who_they_are(signed_in, digit):
    ann = signed_in("Ann")
    page = ann.get("/api/page").json()["page"]
    assert send(ann, answered(page, digit, labeler="Rae")).status_code == 422


def test_nobody_undoes_what_somebody_else_said(signed_in, digit, log):
    ann, ben = signed_in("Ann"), signed_in("Ben", "administrator")
    page = ann.get("/api/page").json()["page"]
    sent = answered(page, digit)
    send(ann, sent)
    undo = {"kind": "retracted", "id": new_id(), "time": 1.0, "event": sent["id"]}
    assert send(ben, undo).status_code == 422
    before = len(log())
    ben.post("/api/undo", json={})
    assert all(event.event != sent["id"] for event in log()[before:] if event.kind == "retracted")
    # The same event again under another name isn't a way to take it over.
    send(ben, sent)
    assert [event.labeler for event in log() if event.id == sent["id"]] == ["Ann"]
    assert send(ann, undo).status_code == 200


def test_reviewers_correct_but_do_not_export(signed_in, project):
    rae = signed_in("Rae", "reviewer")
    assert rae.get("/api/groups").status_code == 200
    assert rae.post("/api/groups/rename", json={"anchor": project.items.id[0], "name": "x"}).status_code == 200
    assert rae.get("/export").status_code == 403
    assert rae.get("/api/openapi.json").status_code == 403
    admin = signed_in("Chief", "administrator")
    assert admin.get("/api/openapi.json").status_code == 200


def test_a_role_changes_at_once_and_a_removed_account_is_out_at_once(signed_in, accounts):
    rae = signed_in("Rae", "reviewer")
    assert rae.get("/api/groups").status_code == 200
    accounts.invite("Rae", "annotator")
    assert rae.get("/api/groups").status_code == 403
    assert rae.get("/api/progress").status_code == 200
    accounts.remove("Rae")
    assert rae.get("/api/progress").status_code == 401
    accounts.invite("Rae", "administrator")
    assert rae.get("/api/progress").status_code == 401, "the old cookie isn't good for the new account"
    accounts.remove("Rae")


def test_navigation_shows_what_is_open(signed_in):
    assert 'href="/groups"' not in signed_in("Ann").get("/").text
    assert 'href="/groups"' in signed_in("Rae", "reviewer").get("/").text
    assert 'href="/export"' not in signed_in("Rae", "reviewer").get("/").text


def test_whoever_has_the_token_is_an_administrator(browser, digit, log):
    client = browser()
    assert client.get("/", params={"token": TOKEN}).status_code == 303
    assert client.get("/api/openapi.json").status_code == 200
    page = client.get("/api/page").json()["page"]
    send(client, answered(page, digit))
    assert [event.labeler for event in log()] == ["person"]


def test_without_accounts_links_open_nothing(project, link):
    text = link("Ann", "administrator")
    with TestClient(create_app(project, token=TOKEN), base_url=BASE, follow_redirects=False) as client:
        assert client.get("/", params={"invite": text}).status_code == 401
        assert join(client, text).status_code == 403


def test_every_address_takes_the_role_it_should(app):
    """A new route is a reviewer's until somebody decides otherwise: this list is that decision."""
    paths = {address for _, address, _ in SCREENS} | set(app.openapi()["paths"])
    open_to_all = {path for path in paths if needed(path) == "annotator"}
    assert open_to_all == {
        "/", "/api/events", "/api/flag", "/api/join", "/api/page", "/api/progress", "/api/release", "/api/renew",
        "/api/undo", "/api/welcomed", "/sounds/{item}", "/thumbnails/{item}",
    }  # fmt: skip
    assert set(CHANGES) <= paths
    assert {needed(path) for path in CHANGES} == {"reviewer"}
    assert all(needed(path) == "administrator" for path in paths if re.search("export|openapi|team", path))


def test_roles_are_in_order():
    for i, role in enumerate(ROLES):
        assert [Account("x", "", role).may(other) for other in ROLES] == [j <= i for j in range(3)]


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\u202eb", "a\0b"])
def test_bad_names(name, tmp_path):
    store = SqlStore(tmp_path / "log.sqlite")
    with pytest.raises(InvalidInputError, match="a name must"):
        Accounts(store).invite(name, "annotator")
    store.close()


def test_names_that_could_be_mistaken_and_unknown_roles(tmp_path):
    store = SqlStore(tmp_path / "log.sqlite")
    accounts = Accounts(store)
    account, _ = accounts.invite(" Ann   Lee ", "annotator")
    assert account.name == "Ann Lee"
    with pytest.raises(InvalidInputError, match="Ann Lee"):
        accounts.invite("ann lee", "annotator")
    with pytest.raises(InvalidInputError, match="role must be one of annotator, reviewer, administrator"):
        accounts.invite("Ben", "owner")
    with pytest.raises(InvalidInputError, match="no account"):
        accounts.remove("Ben")
    assert [account.name for account in accounts.all()] == ["Ann Lee"]
    store.close()


def test_accounts_are_read_once_until_they_change(tmp_path):
    """By this process or another: whoever is let in never waits for the database in between."""
    path = tmp_path / "log.sqlite"
    store, elsewhere = SqlStore(path), SqlStore(path)
    accounts, others = Accounts(store), Accounts(elsewhere)
    ann, _ = accounts.invite("Ann", "annotator")
    assert accounts.stale
    assert accounts.find(ann.key) is None, "nothing is read yet"
    accounts.refresh()
    assert (accounts.stale, accounts.find(ann.key)) == (False, ann)
    others.change("Ann", "reviewer")
    assert accounts.stale
    accounts.refresh()
    assert (accounts.stale, accounts.find(ann.key)) == (False, Account("Ann", ann.key, "reviewer"))
    others.invite("Ben", "annotator")
    others.remove("Ann")
    assert accounts.stale
    accounts.refresh()
    assert (accounts.stale, accounts.find(ann.key)) == (False, None)
    for one in (store, elsewhere):
        one.close()


def test_accounts_are_read_now_and_then_all_the_same(tmp_path, monkeypatch):
    store = SqlStore(tmp_path / "log.sqlite")
    accounts = Accounts(store)
    accounts.refresh()
    assert not accounts.stale
    monkeypatch.setattr("pal.store.accounts._FRESH", 0.0)
    assert accounts.stale
    store.close()
