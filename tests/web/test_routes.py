"""Every route at once: behind the gate, hardened, described, and no way to a file."""

import pytest
from starlette.testclient import TestClient

from pal.web.app import create_app
from pal.web.pages import SCREENS

TOKEN = "a-token-that-is-long-enough"
ITEM = "0" * 64
ADDRESSES = [address for _, address, _ in SCREENS] + ["/item"]


@pytest.fixture(scope="module")
def guarded(project):
    with TestClient(create_app(project, token=TOKEN), base_url="http://127.0.0.1:8000") as made:
        yield made


@pytest.fixture(scope="module")
def described(client):
    return client.get("/api/openapi.json").json()["paths"]


def every(described):
    for path, methods in described.items():
        for method in methods:
            yield (
                method,
                path.replace("{anchor}", ITEM)
                .replace("{of}", ITEM)
                .replace("{item}", ITEM)
                .replace("{name}", "0" * 32),
            )


def test_nothing_is_served_without_a_session(guarded, described):
    listed = list(every(described))
    assert len(listed) > 20
    for method, path in listed:
        if path == "/api/join":  # signs in; see test_accounts.py
            continue
        assert guarded.request(method, path, json={} if method == "post" else None).status_code == 401, path
    for path in [*ADDRESSES, "/api/openapi.json"]:
        assert guarded.get(path).status_code == 401, path


def test_nothing_is_served_under_another_host_or_to_another_site(client, described):
    for method, path in every(described):
        body = {} if method == "post" else None
        assert client.request(method, path, json=body, headers={"host": "evil.example"}).status_code == 400, path
        elsewhere = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
        assert client.request(method, path, json=body, headers=elsewhere).status_code == 403, path


def test_a_form_can_post_nowhere(client, described):
    for method, path in every(described):
        if method == "post":
            reply = client.post(path, content=b"{}", headers={"content-type": "text/plain"})
            assert reply.status_code == 415, path


def test_every_reply_is_hardened(client, described):
    for method, path in [*every(described), *(("get", address) for address in ADDRESSES)]:
        reply = client.request(method, path, json={"nonsense": 1} if method == "post" else None)
        assert reply.status_code < 500, path
        assert reply.headers["x-content-type-options"] == "nosniff"
        policy = reply.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        if "text/html" in reply.headers.get("content-type", ""):
            assert path in ADDRESSES
            assert "<script>" not in reply.text.replace('<script src="/static/theme.js"></script>', "")
            assert "style=" not in reply.text


def test_reading_writes_nothing(client, project, described):
    before = project.progress().position
    for method, path in every(described):
        if method == "get":
            client.get(path)
    assert project.progress().position == before


@pytest.mark.parametrize(("accept", "kind"), [("text/html", "text/html"), ("*/*", "application/json")])
def test_an_address_that_is_not_there_is_a_page_for_people_and_a_sentence_for_programs(client, accept, kind):
    reply = client.get("/nothing", headers={"accept": accept})
    assert (reply.status_code, reply.headers["content-type"].split(";")[0]) == (404, kind)
    assert ("No such page" in reply.text) == (kind == "text/html")
    missing = client.get(f"/api/items/{'0' * 64}", headers={"accept": accept})
    assert missing.status_code == 404


def test_screens_are_linked_and_say_where_one_is(client):
    for _, address, name in SCREENS:
        text = client.get(address).text
        assert all(f'href="{other}"' in text for _, other, _ in SCREENS)
        assert f'<a href="{address}" aria-current="page">{name}</a>' in text
