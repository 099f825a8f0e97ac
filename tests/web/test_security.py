"""Attacks on the gate, one a test, against an application of three lines behind it."""

import time

import pytest
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from pal.errors import StoreError
from pal.web.gate import MAX_BODY, Gate
from pal.web.sessions import SESSION_SECONDS, OneTimeToken, Sessions, load_secret

TOKEN = "a-token-that-is-long-enough"
SECRET = b"k" * 32
HOST = "127.0.0.1:8000"


def guarded(*, token=TOKEN, sessions=None, max_body=MAX_BODY):
    app = FastAPI()

    @app.get("/")
    def home():
        return {"home": True}

    @app.post("/write")
    async def write(request: Request):
        return {"bytes": len(await request.body())}

    return Gate(
        app,
        token=OneTimeToken(token),
        sessions=sessions or Sessions(SECRET),
        allowed_hosts=("127.0.0.1", "localhost", "[::1]"),
        cookie="pal",
        refuse=lambda request, reason: PlainTextResponse(reason, 403),
        max_body=max_body,
    )


@pytest.fixture
def client():
    with TestClient(guarded(), base_url=f"http://{HOST}", follow_redirects=False) as made:
        yield made


@pytest.fixture
def signed_in(client):
    assert client.get("/", params={"token": TOKEN}).status_code == 303
    return client


def test_nothing_without_a_session(client):
    assert client.get("/").status_code == 401
    assert client.post("/write", json={}).status_code == 401
    assert client.get("/nowhere").status_code == 401  # not even which addresses exist


def test_a_person_without_a_session_is_told_what_to_do(client):
    reply = client.get("/", headers={"accept": "text/html"})
    assert reply.status_code == 403
    assert "terminal" in reply.text


def test_token_becomes_a_cookie_that_scripts_and_other_sites_cannot_use(client):
    reply = client.get("/", params={"token": TOKEN})
    assert reply.status_code == 303
    assert reply.headers["location"] == "/"
    cookie = reply.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert TOKEN not in cookie
    assert client.get("/").json() == {"home": True}


def test_token_works_once(client):
    assert client.get("/", params={"token": TOKEN}).status_code == 303
    client.cookies.clear()
    assert client.get("/", params={"token": TOKEN}).status_code == 401


def test_wrong_token_is_refused_and_leaves_the_right_one_usable(client):
    for wrong in ("", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "\udcff".encode("utf-8", "replace").decode()):
        assert client.get("/", params={"token": wrong}).status_code == 401
    assert client.get("/", params={"token": TOKEN}).status_code == 303


def test_spent_address_opened_by_somebody_signed_in_leads_to_the_page(signed_in):
    reply = signed_in.get("/", params={"token": TOKEN})
    assert (reply.status_code, reply.headers["location"]) == (303, "/")


def test_short_token_is_an_error():
    with pytest.raises(ValueError, match="16 characters"):
        OneTimeToken("short")


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8000", "", "localhost.", "127.0.0.1@evil"]
)
def test_dns_rebinding_is_refused(signed_in, host):
    assert signed_in.get("/", headers={"host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1", "LOCALHOST:9000", "[::1]:8000", "[::1]"])
def test_loopback_names_are_served(host):
    sessions = Sessions(SECRET)
    with TestClient(guarded(sessions=sessions), base_url=f"http://{HOST}") as client:
        cookie = {"cookie": f"pal={sessions.issue()}"}
        assert client.get("/", headers={"host": host} | cookie).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},  # another program on this computer
        {"origin": f"https://{HOST}"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "origin": f"http://{HOST}"},
    ],
)
def test_writes_from_another_site_are_refused(signed_in, headers):
    assert signed_in.post("/write", json={}, headers=headers).status_code == 403


def test_writes_from_the_page_itself_are_taken(signed_in):
    headers = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}
    assert signed_in.post("/write", json={}, headers=headers).status_code == 200


def test_another_site_cannot_load_data_but_may_link_here(signed_in):
    elsewhere = {"sec-fetch-site": "cross-site"}
    assert signed_in.get("/", headers=elsewhere | {"sec-fetch-mode": "no-cors"}).status_code == 403
    assert signed_in.get("/", headers=elsewhere | {"sec-fetch-mode": "navigate"}).status_code == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_a_form_of_another_site_cannot_post(signed_in, kind):
    assert signed_in.post("/write", content=b"{}", headers={"content-type": kind}).status_code == 415


def test_body_over_the_limit_is_refused_whatever_length_it_declares():
    sessions = Sessions(SECRET)
    with TestClient(guarded(sessions=sessions, max_body=1000), base_url=f"http://{HOST}") as client:
        headers = {"cookie": f"pal={sessions.issue()}", "content-type": "application/json"}
        assert client.post("/write", content=b"x" * 1000, headers=headers).json() == {"bytes": 1000}
        assert client.post("/write", content=b"x" * 1001, headers=headers).status_code == 413
        chunks = (b"x" * 100 for _ in range(11))  # no length declared
        assert client.post("/write", content=chunks, headers=headers).status_code == 413


def test_every_reply_is_hardened(signed_in):
    replies = [
        signed_in.get("/"),
        signed_in.get("/nowhere"),
        signed_in.get("/", headers={"host": "evil.example"}),
        signed_in.post("/write", content=b"x"),
    ]
    for reply in replies:
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["cache-control"] == "no-store"


@given(st.text(max_size=80))
def test_made_up_cookies_are_invalid(value):
    assert not Sessions(SECRET).valid(value)


@given(st.data())
def test_changed_cookies_are_invalid(data):
    value = Sessions(SECRET).issue()
    place = data.draw(st.integers(0, len(value) - 1))
    other = data.draw(st.sampled_from([c for c in "0123456789abcdef." if c != value[place]]))
    assert not Sessions(SECRET).valid(value[:place] + other + value[place + 1 :])


def test_cookies_expire_and_belong_to_one_secret():
    now = [time.time()]
    sessions = Sessions(SECRET, clock=lambda: now[0])
    value = sessions.issue()
    assert sessions.valid(value)
    assert Sessions(SECRET).valid(value)  # as after a restart of the server
    assert not Sessions(b"o" * 32).valid(value)
    now[0] += SESSION_SECONDS + 1
    assert not sessions.valid(value)


def test_secret_is_made_once_and_only_its_owner_reads_it(tmp_path):
    path = tmp_path / "session.key"
    secret = load_secret(path)
    assert len(secret) == 32
    assert path.stat().st_mode & 0o077 == 0
    assert load_secret(path) == secret


def test_damaged_secret_is_an_error(tmp_path):
    path = tmp_path / "session.key"
    path.write_bytes(b"too short")
    with pytest.raises(StoreError, match="delete the file"):
        load_secret(path)
